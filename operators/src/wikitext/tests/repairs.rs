//! Seams: what is mended, what is left alone, and what counts as a hole.

use super::{check_all, cleaned};

#[test]
fn seams_are_mended() {
    check_all(
        "en",
        &[
            ("A ({{IPA|x}}) is", "A is"),
            ("A ({{IPA|x}}; born 1950) is", "A (born 1950) is"),
            ("A (born 1950, {{IPA|x}}) is", "A (born 1950) is"),
            ("A ({{IPA|x}}, {{IPA|y}}; {{IPA|z}}) is", "A is"),
            ("A, {{zzz}}, b", "A, b"),
            ("A {{zzz}}, b", "A, b"),
            ("A, {{zzz}}.", "A."),
            ("A {{zzz}}b", "A b"),
            ("A{{zzz}} b", "A b"),
            ("{{zzz}}, A b", "A b"),
            ("A b, {{zzz}}", "A b"),
            ("is: {{zzz}}\nb", "is:\nb"),
            ("A (see {{zzz}}) b", "A (see) b"),
            ("A [[x|{{zzz}}]] b", "A b"),
            ("A (([[x|{{zzz}}]])) b", "A b"),
            ("A <ref>x</ref>, b <ref>y</ref>.", "A, b."),
            ("A,<ref>x</ref> b", "A, b"),
            ("call f() or ( ) , x", "call f() or ( ) , x"),
            ("ISBN: {{ISBN|1}}, {{OCLC|2}}.", "ISBN."),
        ],
    );
    check_all(
        "ja",
        &[
            ("朝鮮語（{{zzz}}、{{zzz}}）は", "朝鮮語は"),
            ("東京（{{zzz}}、とうきょう）は", "東京（とうきょう）は"),
            ("「{{zzz}}」と", "と"),
            ("甲、{{zzz}}、乙", "甲、乙"),
        ],
    );
    check_all("ar", &[("برلين ({{zzz}}) مدينة، {{zzz}}، كبيرة", "برلين مدينة، كبيرة")]);
    check_all("th", &[("ช้าง ({{IPA|x}}) ใหญ่", "ช้าง ใหญ่")]);
}

#[test]
fn stops_on_both_sides_of_a_seam_become_one() {
    check_all("ja", &[("甲。<ref>x</ref>。乙", "甲。乙"), ("甲、<ref>x</ref>、乙", "甲、乙")]);
    check_all(
        "en",
        &[
            ("text.<ref>x</ref>. More", "text. More"),
            ("is d. <math>\\frac{1}{2}</math>. Next", "is d. Next"),
            ("2001.<ref>x</ref> .NET is", "2001. .NET is"),
            ("It.<ref>x</ref> ''...And''", "It. ...And"),
            ("100 people.<ref>x</ref> ''?'' had", "100 people. ? had"),
            ("Vols. 1 and 2, {{ISBN|1}},", "Vols. 1 and 2"),
            ("[[A]] – {{ISBN|5}};", "A"),
            ("these: {{zzz}},\nb", "these:\nb"),
        ],
    );
}

#[test]
fn brackets_that_only_announce_a_hole_go_with_it() {
    check_all(
        "en",
        &[
            ("A ({{IPA|x}} or {{IPA|y}}) is", "A is"),
            ("A (pronounced {{IPA|x}}) is", "A is"),
            ("A (pronounced {{IPA|x}}, a town) is", "A (pronounced, a town) is"),
            ("A (or [[B]]) is", "A (or B) is"),
        ],
    );
    check_all("ja", &[("甲（{{IPA|x}} または {{IPA|y}}）は", "甲は")]);
    check_all("th", &[("ก (ออกเสียง {{IPA|x}}) ข", "ก ข")]);
}

#[test]
fn what_parted_a_picture_from_its_line_goes() {
    check_all("th", &[("* {{flagicon|USA}} - [[ลอสแอนเจลิส]], ก", "ลอสแอนเจลิส, ก"), ("- ก", "- ก")]);
}

#[test]
fn runs_of_spaces_are_one() {
    check_all("en", &[("a  b   [[c|d  e]]  f.  G", "a b d e f. G"), ("a <!-- x --> b", "a b")]);
    let page = cleaned("en", "a   b  [[c]]  d");
    let link = page.links.iter().next().expect("a link");
    assert_eq!(page.paragraphs[0].get(link.start as usize..link.end as usize), Some("c"));
}

#[test]
fn a_mark_on_a_line_of_its_own_joins_the_line_before() {
    check_all("ja", &[("甲<ref>x</ref>\n、乙", "甲、乙"), ("甲\n乙", "甲\n乙")]);
}

#[test]
fn holes_in_sentences_are_counted() {
    for (wikitext, n_holes) in [
        ("A {{zzz}} b", 1),
        ("A ({{zzz}}) b", 0),
        ("{{zzz}}\n\nA b", 0),
        ("A <ref>x</ref> b", 0),
        ("A. {{zzz}}", 0),
        ("lies at {{zzz}}, in {{zzz}}", 2),
        ("a <math>\\sqrt x</math> b", 1),
    ] {
        assert_eq!(cleaned("en", wikitext).n_holes, n_holes, "{wikitext}");
    }
}
