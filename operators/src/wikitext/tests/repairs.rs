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
fn holes_in_sentences_are_counted() {
    for (wikitext, n_holes) in [
        ("A {{zzz}} b", 1),
        ("A ({{zzz}}) b", 0),
        ("{{zzz}}\n\nA b", 0),
        ("A <ref>x</ref> b", 0),
        ("A. {{zzz}}", 0),
        ("lies at {{zzz}}, in {{zzz}}", 2),
        ("a <math>x</math> b", 1),
    ] {
        assert_eq!(cleaned("en", wikitext).n_holes, n_holes, "{wikitext}");
    }
}
