//! Templates and formulas whose words depend on the language or on what stands around them.

use super::{check, check_all, cleaned, options};
use crate::wikitext::{Page, Site, clean};

#[test]
fn numbers_have_the_groups_of_the_language() {
    check_all(
        "en",
        &[
            ("an area of {{convert|106460000|km2|sqmi}}", "an area of 106,460,000 km²"),
            ("{{cvt|4.5e6|km2}} of it", "4.5×10⁶ km² of it"),
            ("{{convert|5+1/2|in}} or {{convert|1//2|mi}}", "5 1/2 in or 1/2 mi"),
            ("{{convert|1000|/sqmi}}", "1,000/sq mi"),
            ("{{formatnum:1234567.5}} or {{formatnum:1,234}}", "1,234,567.5 or 1,234"),
            ("{{uc:abc}}, {{lc:ABC}} and {{ucfirst:abc}}", "ABC, abc and Abc"),
        ],
    );
    check("es", "mide {{unidad|12345.5|km|2}}", "mide 12 345,5 km²");
    check("vi", "rộng {{formatnum:3359.82}} km", "rộng 3.359,82 km");
    check("ja", "人口{{formatnum:12345}}人", "人口12,345人");
}

#[test]
fn digits_are_raised_and_lowered() {
    check_all(
        "en",
        &[
            ("5 m{{sup|2}} and x{{sup|n}}", "5 m² and x^n"),
            ("3{{e|6}} of them", "3×10⁶ of them"),
            ("H{{sub|2}}O is {{chem|H|2|O}}", "H₂O is H₂O"),
            ("the {{chem|2|x}}", "the 2x"),
        ],
    );
}

#[test]
fn languages_are_named_as_the_wiki_names_them() {
    check_all(
        "en",
        &[
            ("({{lang-ru|Москва|Moskva}})", "(Russian: Москва, romanized: Moskva)"),
            ("({{lang-he|שלום|shalom|peace}})", "(Hebrew: שלום, romanized: shalom, lit. 'peace')"),
            ("a {{langx|de|Meer|lit=sea}}", "a German: Meer, lit. 'sea'"),
            ("a {{lang-de|Meer|label=none}}", "a Meer"),
        ],
    );
    check("ar", "باريس {{lang-fr|Paris}}", "باريس (بالفرنسية: Paris)");
    check("ar", "باريس ({{lang-fr|Paris}})", "باريس (بالفرنسية: Paris)");
    check("ar", "باريس {{lang-fr|Paris|label=none}}", "باريس Paris");
    check("ko", "파리({{llang|fr|Paris|파리}})", "파리(프랑스어: Paris 파리)");
    check(
        "es",
        "el {{siglo|XIX||s}}, los siglos {{siglo|V|a}} y {{siglo|IV|a}}",
        "el siglo XIX, los siglos V a. C. y IV a. C.",
    );
}

#[test]
fn a_date_has_what_stands_around_it() {
    check_all(
        "en",
        &[
            ("{{As of|2012|7|post=,}} it", "As of July 2012, it"),
            ("since {{as of|2019|bare=y}}", "since 2019"),
            ("{{as of|2015|pre=late|lc=y}} x", "as of late 2015 x"),
            ("{{as of|2015|7|4|df=US}} x", "As of July 4, 2015 x"),
            ("by {{as of|alt=revenue|2017|post=)}} x", "by revenue) x"),
        ],
    );
}

#[test]
fn citations_in_a_sentence_are_words_of_it() {
    check_all(
        "en",
        &[
            ("{{harvtxt|Smith|2000}} says", "Smith (2000) says"),
            ("{{harvtxt|Smith|Jones|Doe|2001}} say", "Smith, Jones & Doe (2001) say"),
            ("as {{harvtxt|Smith}} says", "as Smith says"),
        ],
    );
}

#[test]
fn requests_to_listen_are_no_words() {
    check("en", "Oslo ({{audio|x.ogg|listen}}) is", "Oslo is");
    check("ja", "大韓民国{{Audio|x.ogg|発音}}。", "大韓民国。");
    check("en", "Norway ({{audio|x.ogg|Noreg}}) is", "Norway (Noreg) is");
}

#[test]
fn a_note_behind_a_stop_is_none_of_the_text() {
    check("ko", "이었다.{{없는 틀|설명이다.}} 다음", "이었다. 다음");
    check("ko", "이것은 {{없는 틀|단어}} 다음", "이것은 단어 다음");
}

#[test]
fn the_title_of_the_page_is_shown() {
    let page = Page { title: "Oslo", wikitext: "'''{{PAGENAME}}''' is a city." };
    let text = |site: &str, page| clean(page, &Site::new(site, &[]), &options()).paragraphs;
    assert_eq!(text("en", page), ["Oslo is a city."]);
    let page = Page { title: "قرية", wikitext: "'''{{اسم الصفحة}}''' هي قرية." };
    assert_eq!(text("ar", page), ["قرية هي قرية."]);
    let page = Page { title: "Os\u{3}lo\u{1}", wikitext: "{{PAGENAME}} is a [[city]]." };
    assert_eq!(text("en", page), ["Oslo is a city."]);
    assert_eq!(cleaned("en", "'''{{PAGENAME}}''' is").paragraphs, ["is"]);
}

#[test]
fn formulas_of_a_few_characters_are_text() {
    check_all(
        "en",
        &[
            ("Let <math>x</math> be in <math>\\mathbb{R}</math>.", "Let x be in R."),
            ("6 km<math>^2</math> of it", "6 km² of it"),
            ("is <math>\\frac{1}{2}</math> of it", "is of it"),
        ],
    );
}
