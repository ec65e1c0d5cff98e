//! Lines, lists, headings and sections.

use super::{check, check_all, cleaned, options};
use crate::wikitext::{Headings, Options, Site, clean};

#[test]
fn lines_become_paragraphs() {
    check_all(
        "en",
        &[
            ("a\nb\n\nc", "a\nb\n\nc"),
            ("a\n\n\n\n  b  ", "a\n\nb"),
            ("a\n----\nb", "a\n\nb"),
            ("...\n\na\n—\nb", "a\nb"),
            ("* a\n** b\n# c\n\ntext", "a\nb\nc\n\ntext"),
            ("text\n* a\ntext", "text\n\na\n\ntext"),
            (";term\n:meaning", "term\nmeaning"),
            (";term : meaning : more", "term\nmeaning : more"),
            (";[[a:b]] {{x|c:d}}:meaning", "a:b c:d\nmeaning"),
            (";http://a.b", "http://a.b"),
            ("#REDIRECT [[x]]\na", "a"),
            ("a\n[[File:x.jpg|thumb]]\nb", "a\n\nb"),
            ("a\n<ref>x</ref>\nb", "a\nb"),
            ("a\n\n{{zzz}}\n", "a"),
            ("", ""),
        ],
    );
    check("ja", "　象は大きい。\n　鼻が長い。", "象は大きい。\n鼻が長い。");
}

#[test]
fn headings_are_glued_kept_or_dropped() {
    let page = "a\n\n== B ==\n=== C ===\nd\n\ne\n== F ==\n== ''G'' == <!-- x -->\n* h\n=== I ===\n";
    check("en", page, "a\n\nB\nC\nd\n\ne\n\nG\nh");
    let site = Site::new("en", &[]);
    let with = |headings| clean(page, &site, &Options { headings, ..options() }).paragraphs;
    assert_eq!(with(Headings::Keep), ["a", "B", "C", "d", "e", "G", "h"]);
    assert_eq!(with(Headings::Drop), ["a", "d", "e", "h"]);
    check("en", "a = b\n=no heading\n= a = b\n==x", "a = b\n=no heading\n= a = b\n==x");
    check("en", "== a ==<!-- b\nc -->\nd", "a\nd");
    check("en", "== a ==\n== {{anchor|x}} b {{zzz}} ==\nc", "b\nc");
}

#[test]
fn boilerplate_sections_go_with_their_subsections() {
    for (lang, title) in [
        ("en", "References"),
        ("en", "See also"),
        ("ar", "مراجع"),
        ("es", "Véase también"),
        ("ja", "脚注"),
        ("ko", "같이 보기"),
        ("pt", "Ligações externas"),
        ("th", "อ้างอิง"),
        ("vi", "Tham khảo"),
        ("zh", "外部链接"),
    ] {
        let page = format!("a\n== {title} ==\nb [[l]]\n=== s ===\nc\n== D ==\ne [[m]]");
        check(lang, &page, "a\n\nD\ne m");
        assert_eq!(cleaned(lang, &page).links.iter().next().map(|link| link.target), Some("m"));
        let kept = clean(&page, &Site::new(lang, &[]), &Options { boilerplate: true, ..options() });
        assert_eq!(kept.paragraphs.len(), 4);
    }
}

#[test]
fn lists_can_be_left_out() {
    let bare = Options { lists: false, ..options() };
    let page = clean("a\n* b [[x]]\n: c\nd [[y]]", &Site::new("en", &[]), &bare);
    assert_eq!(page.paragraphs, ["a", "d y"]);
    assert_eq!(page.links.iter().next().map(|link| link.target), Some("y"));
}
