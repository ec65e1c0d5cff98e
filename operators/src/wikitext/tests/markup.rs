//! Links, tags, comments, quotes, entities and tables.

use super::{check, check_all, cleaned, options};
use crate::wikitext::{Link, Site, clean};

#[test]
fn quotes_vanish_and_odd_runs_leave_apostrophes() {
    check_all(
        "en",
        &[
            ("'''Rice''' is a ''grass''", "Rice is a grass"),
            ("'''''both'''''", "both"),
            ("it's Tom's", "it's Tom's"),
            ("''''four'''", "'four"),
            ("of ''[[Moon]]'''s seas", "of Moon's seas"),
            (
                "'''a''' ''b''
c ''d''",
                "a b
c d",
            ),
            ("a ''''''six'''''' b", "a 'six' b"),
        ],
    );
}

#[test]
fn links_show_their_label() {
    check_all(
        "en",
        &[
            ("an [[elephant]] eats", "an elephant eats"),
            ("an [[Elephant (animal)|elephant]]s eat", "an elephants eat"),
            ("[[a|b|c]]", "b|c"),
            ("[[Moon_landing]]", "Moon landing"),
            ("[[Paris (Texas)|]] is", "Paris is"),
            ("[[Paris, Texas|]] is", "Paris is"),
            ("see [[:Category:Rivers]] x", "see Rivers x"),
            ("[[wikt:tea|tea]] x [[:de:Tee]]", "tea x Tee"),
            ("x [[File:A.jpg|thumb|an [[ox]] and ''[[cart]]'']] y", "x y"),
            ("x [[Category:Oxen]]", "x"),
            ("x [[fr:Boeuf]]", "x"),
            ("[[unclosed and text", "unclosed and text"),
            ("a [[File:x.jpg|thumb|never closed\nb", "a\nb"),
            ("a [[Category:never closed\nb", "a\nb"),
            ("stray]] text", "stray text"),
            ("[[a\nb]] c", "a\nb c"),
            ("[[http://x.org label]] c", "label c"),
            ("[[Dr. Strangelove: part|film]]", "film"),
            ("x[[#Section|there]]", "xthere"),
            ("near [[Oslo ]]and [[Bergen ]] or [[Moss ]].", "near Oslo and Bergen or Moss."),
        ],
    );
}

#[test]
fn local_prefixes_are_known_everywhere() {
    check("th", "ก [[ไฟล์:ช้าง.jpg|thumb|คำบรรยาย [[ช้าง]]]] ข [[หมวดหมู่:สัตว์]]", "ก ข");
    check(
        "ja",
        "象[[ファイル:Z.jpg|thumb|説明]]は[[画像:Z.jpg]]大きい。[[カテゴリ:動物]]",
        "象は大きい。",
    );
    check("ar", "الفيل [[ملف:A.jpg|تصغير|وصف]] كبير [[تصنيف:حيوانات]]", "الفيل كبير");
    check("es", "El [[Archivo:A.jpg|thumb|pie]] elefante [[Categoría:X]]", "El elefante");
    check("vi", "Voi [[Tập tin:A.jpg|nhỏ]] lớn [[Thể loại:X]]", "Voi lớn");
    check("ko", "코끼리는 [[파일:A.jpg|섬네일]] 크다 [[분류:X]]", "코끼리는 크다");
    check("pt", "O [[Ficheiro:A.jpg|thumb]] elefante [[Categoria:X]]", "O elefante");
    check("zh", "大[[文件:A.jpg|thumb]]象[[分类:X]]", "大象");
    let site = Site::new("xx", &[(6, "Mgbe".to_owned())]);
    assert_eq!(clean("a [[mgbe:x.png]] b", &site, &options()).paragraphs, ["a b"]);
}

#[test]
fn link_records_point_at_their_labels() {
    let page = cleaned(
        "ja",
        "== 章 ==\n[[日本]]の'''[[首都#歴史|都]]'''と[[File:x.jpg|[[無]]]]、[[wikt:水]]\n\n[[東京_都 ]]",
    );
    let link = |target: &'static str, paragraph, start, end| Link { target, paragraph, start, end };
    assert_eq!(
        page.paragraphs,
        ["章\n日本の都と、水".replace('水', "wikt:水"), "東京 都".to_owned()]
    );
    assert_eq!(
        page.links.iter().collect::<Vec<_>>(),
        [link("日本", 0, 4, 10), link("首都", 0, 13, 16), link("東京 都", 1, 0, 10)]
    );
}

#[test]
fn external_links_keep_their_label_only() {
    check_all(
        "en",
        &[
            ("see [https://example.org the site].", "see the site."),
            ("see [https://example.org].", "see."),
            ("[http://a.b''x'' y] z", "x y z"),
            ("[HTTP://a.b　x] z", "x z"),
            ("[http://a.b x [[c|d]] e] f", "x d e f"),
            ("[http://[2001:db8::1]/x y] z", "y z"),
            ("[[http://a.b|c]] [[//a.b c]] d", "c c d"),
            ("[//example.org a ''b'' {{nowrap|c}}] d", "a b c d"),
            ("[note] and [http://x\ny]", "[note] and [http://x\ny]"),
            ("a [mailto:x@y.z mail] b", "a mail b"),
        ],
    );
}

#[test]
fn comments_hide_even_unbalanced_braces() {
    check_all(
        "en",
        &[
            ("a <!-- {{ --> b", "a b"),
            ("a\n<!-- x -->\nb", "a\nb"),
            ("<!-- x -->* item", "item"),
            ("a <!-- never closed", "a"),
            ("a<!-- \n\n -->b", "ab"),
        ],
    );
}

#[test]
fn tags_go_and_their_text_stays_or_not() {
    check_all(
        "en",
        &[
            ("a<ref name=\"a/b\">x</ref> b", "a b"),
            ("a<ref name=x /> b<ref>y {{z</ref>.", "a b."),
            ("a <b>b</b> <span style=\"x\">c</span>", "a b c"),
            ("a < b and c <x> d", "a < b and c <x> d"),
            ("x<br />y", "x y"),
            ("x<br><br/>y", "x\n\ny"),
            ("10<sup>6</sup> H<sub>2</sub>O 1<sup>st</sup>", "10⁶ H₂O 1st"),
            ("<nowiki>[[a]] ''b'' &lt;</nowiki>", "[[a]] ''b'' <"),
            ("a<nowiki/>b", "ab"),
            ("<pre>{{x}}</pre>", "{{x}}"),
            ("<pre><nowiki>[[x]]</nowiki></pre>", "[[x]]"),
            ("a <a href=x>b</a>", "a b"),
            ("<div class=x>a</div>b", "a\n\nb"),
            ("<gallery>\nA.jpg|x\n</gallery>a", "a"),
            ("a<references />", "a"),
            ("<table><tr><td>x<table><tr></table></td></table>a", "a"),
            ("the <math>\\sqrt x</math> term", "the term"),
            ("<ref>never closed", "never closed"),
            ("<blockquote>q</blockquote>", "q"),
            ("<REF>x</Ref>y", "y"),
            ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ],
    );
    check("ja", "<ruby>漢<rtc>kan</rtc></ruby>", "漢");
    check("ja", "<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>を", "漢字を");
}

#[test]
fn formulas_stay_behind_the_flag() {
    let kept = super::Options { math: true, ..options() };
    let page = clean("a <math>\nx  + y\n</math> b", &Site::new("en", &[]), &kept);
    assert_eq!(page.paragraphs, ["a $x + y$ b"]);
}

#[test]
fn entities_are_read_once() {
    check_all(
        "en",
        &[
            ("a&nbsp;b &ndash; c", "a b – c"),
            ("&amp;lt; &#233; &#xE9;", "&lt; é é"),
            ("AT&T; a & b &unknown; c", "AT&T; a & b &unknown; c"),
            ("so&shy;ft\u{ad} a\u{200e}b\u{a0}c", "soft ab c"),
            ("a&#1;b&#x0;", "ab&#x0;".trim_end_matches("&#x0;")),
        ],
    );
    check("ar", "می\u{200c}خواهم&lrm; ن", "می\u{200c}خواهم ن");
}

#[test]
fn switches_vanish() {
    check_all(
        "en",
        &[
            ("__NOTOC__a", "a"),
            ("__notoc__a", "a"),
            ("__NO_TOC__a", "a"),
            ("a __init__ b", "a __init__ b"),
            ("a ____ b", "a ____ b"),
        ],
    );
    check("ja", "__目次__象", "象");
    assert!(cleaned("en", "__DISAMBIG__").disambiguation);
    assert!(cleaned("zh", "a__消歧义__").disambiguation);
}

#[test]
fn tables_vanish_even_when_broken() {
    check_all(
        "en",
        &[
            ("a\n\n{{{!}} class=\"x\"\n!b\n{{!}}-\n{{!}}c{{!}}{{!}}d\n{{!}}}\n\ne", "a\n\ne"),
            ("a\n{| class=\"wikitable\"\n|-\n| x || y\n|}\nb", "a\n\nb"),
            ("{|\n| {|\n| x\n|}\n|}\nb", "b"),
            (":{|\n|x\n|}\nb", "b"),
            ("{|\n| x\n! y\nb", "b"),
            ("| x\nb", "b"),
            ("|}\nb", "b"),
            ("{|\n| {{a|\n|}}\n|}\nb", "b"),
            ("!Kung people", "!Kung people"),
        ],
    );
}

#[test]
fn chinese_variants_choose_one_script() {
    check_all(
        "zh",
        &[
            ("-{zh-hans:计算机;zh-hant:電腦}-很快", "计算机很快"),
            ("-{zh-hant:電腦;zh-cn:[[计算机|机]]}-很快", "机很快"),
            ("-{H|zh-cn:甲;zh-tw:乙}-很快", "很快"),
            ("-{文}-字", "文字"),
            ("-{zh|文}-字", "文字"),
            ("-{甲=>zh-cn:乙;甲=>zh-tw:丙}-很", "乙很"),
            ("-{N|zh-cn}-很-{R|zh-cn:甲}-", "很zh-cn:甲"),
            ("-{ 没有结束", "-{ 没有结束".trim_start_matches("-{ ")),
        ],
    );
    check("en", "a-{b}-c", "a-{b}-c");
}

#[test]
fn attributes_may_hold_angles() {
    check_all(
        "en",
        &[
            ("a<ref name=\"[#x] {y} <z>\">b</ref> c", "a c"),
            ("a <span title=\"<b>1</b>\">b</span> c", "a b c"),
            ("a <span title=\"1 > 0\">b</span> c", "a b c"),
            ("a <span style=\"x\ny\">b</span> c", "a b c"),
            // No tag: the quotes are none of an attribute, or never end.
            ("a <b \"<i>c</i>", "a <b \"c"),
            ("a <b x=\"<i>c</i>", "a <b x=\"c"),
            ("a <link rel=\"x\" href=\"y\"/>b", "a b"),
        ],
    );
}
