//! Tests of the choice of keywords.

use proptest::prelude::*;

use super::*;
use crate::wikitext::{Site, wikilinks};

/// What a small wiki knows: title, page, English title, articles that link to it.
const TITLES: &[(&str, PageId, &str, u64)] = &[
    ("ช้างเอเชีย", 1, "Asian elephant", 40),
    ("งวง", 2, "Elephant trunk", 10),
    ("งวงช้าง", 2, "Elephant trunk", 10),
    ("งา", 3, "Ivory", 60),
    ("ทวีปเอเชีย", 4, "Asia", 4_000),
    ("พ.ศ. 2500", 5, "1957", 900),
    ("กิโลกรัม", 6, "Kilogram", 800),
    ("ช้าง", 7, "Elephant", 300),
    ("ป่า", 8, "Forest", 500),
    ("ประเทศไทย", 9, "Thailand", 30_000),
    ("ปริศนา", 11, "Riddle", 1),
];

fn map(title: &str) -> Option<Mapped> {
    let (_, page, english, n_linking) = TITLES.iter().find(|(known, ..)| *known == title)?;
    Some(Mapped { page: *page, english: (*english).to_owned(), n_linking: *n_linking })
}

fn choose(wikitext: &str, text: &str, profile: Profile, fallbacks: &[Vec<Mapped>]) -> Keywords {
    let links = wikilinks(wikitext, &Site::new("th", &[(14, "หมวดหมู่".to_owned())]));
    let n_bytes = wikitext.len() as u64;
    let article = Article { page: 7, english: "Elephant", text, n_bytes, links: &links, fallbacks };
    keywords(&article, &Options::new(profile, 100_000), map)
}

fn names(keywords: &Keywords) -> Vec<&str> {
    keywords.list.iter().map(|it| it.english.as_str()).collect()
}

#[track_caller]
fn check(profile: Profile, wikitext: &str, expected: &[&str], reach: Reach) {
    let found = choose(wikitext, "", profile, &[]);
    assert_eq!((names(&found).as_slice(), found.reach), (expected, reach), "of {wikitext}");
}

#[test]
fn rare_targets_come_first() {
    let page = "[[ป่า]] [[งา]] [[งวง]] [[ทวีปเอเชีย]]";
    let ranked = ["Elephant trunk", "Ivory", "Forest", "Asia"];
    check(Profile::Recommended, page, &ranked, Reach::Prose);
    check(Profile::Paper, page, &["Forest", "Ivory", "Elephant trunk", "Asia"], Reach::Prose);
}

#[test]
fn dates_units_the_article_itself_and_the_too_common_or_obscure_are_no_keywords() {
    let page = "[[พ.ศ. 2500]] [[กิโลกรัม]] [[ช้าง|x]] [[ไม่มี]] [[ประเทศไทย]] [[ปริศนา]] [[งา]]";
    check(Profile::Recommended, page, &["Ivory"], Reach::Prose);
    check(Profile::Paper, page, &["Thailand", "Riddle", "Ivory"], Reach::Prose);
    check(Profile::Recommended, "[[พ.ศ. 2500]] [[ช้าง]]", &[], Reach::Nothing);
    check(Profile::Paper, "[[พ.ศ. 2500]]", &[], Reach::Nothing);
}

#[test]
fn redirects_and_repeated_links_make_one_keyword() {
    let page = "[[งวง]] [[งวงช้าง]] [[งวง]] [[งา]]";
    check(Profile::Paper, page, &["Elephant trunk", "Ivory"], Reach::Prose);
    check(Profile::Recommended, page, &["Elephant trunk", "Ivory"], Reach::Prose);
}

#[test]
fn the_lead_counts_more_than_the_end() {
    let sections = |lead: &str, end: &str| {
        format!("[[{lead}]]\n== ก ==\n== ข ==\n{}\n[[{end}]]", "ก".repeat(500))
    };
    let ranked = ["Forest", "Ivory"];
    check(Profile::Recommended, &sections("ป่า", "งา"), &ranked, Reach::Prose);
    check(Profile::Recommended, &sections("งา", "ป่า"), &["Ivory", "Forest"], Reach::Prose);
}

#[test]
fn what_the_text_mentions_often_counts_more() {
    let page = "[[งา]] [[ป่า|ดง]]";
    let found = |text: &str| choose(page, text, Profile::Recommended, &[]);
    assert_eq!(names(&found("งา")), ["Ivory", "Forest"]);
    assert_eq!(names(&found("ป่าดง ดง ดง งา ป่าป่า")), ["Forest", "Ivory"]);
}

#[test]
fn templates_and_then_fallbacks_fill_up() {
    let page = "{{กล่อง|[[ป่า]] [[พ.ศ. 2500]]}} [[งา]]";
    check(Profile::Recommended, page, &["Ivory", "Forest"], Reach::Anywhere);
    check(Profile::Paper, page, &["Ivory"], Reach::Prose);

    let mapped = |page, english: &str| Mapped { page, english: english.to_owned(), n_linking: 50 };
    let lead = vec![mapped(21, "1957"), mapped(7, "Elephant"), mapped(22, "Savanna")];
    let fallbacks = [lead, vec![mapped(23, "Mammals")]];
    let found = choose(page, "", Profile::Recommended, &fallbacks);
    assert_eq!(names(&found), ["Ivory", "Forest", "Savanna"]);
    assert_eq!(found.reach, Reach::Fallback(1));
    let found = choose("[[งา]]", "", Profile::Recommended, &fallbacks);
    assert_eq!(
        (names(&found), found.reach),
        (vec!["Ivory", "Savanna", "Mammals"], Reach::Fallback(2))
    );
    let enough = choose("[[งา]] [[ป่า]] [[งวง]]", "", Profile::Recommended, &fallbacks);
    assert_eq!((enough.list.len(), enough.reach), (3, Reach::Prose));
    let paper = choose("[[งา]]", "", Profile::Paper, &fallbacks);
    assert_eq!(names(&paper), ["Ivory"]);
}

#[test]
fn other_scripts_have_keywords() {
    for (lang, page) in [("ar", "[[قط|القطط]] و[[كلب]]"), ("ja", "[[猫]]と[[犬|イヌ]]")]
    {
        let links = wikilinks(page, &Site::new(lang, &[]));
        let map = |title: &str| {
            let (page, english) = match title {
                "قط" | "猫" => (1, "Cat"),
                "كلب" | "犬" => (2, "Dog"),
                _ => return None,
            };
            Some(Mapped { page, english: english.to_owned(), n_linking: 9 })
        };
        let text = "イヌとイヌ、كلب كلب";
        let n_bytes = page.len() as u64;
        let article =
            Article { page: 9, english: "Pet", text, n_bytes, links: &links, fallbacks: &[] };
        let found = keywords(&article, &Options::new(Profile::Recommended, 1000), map);
        assert_eq!(names(&found), ["Dog", "Cat"], "{lang}");
    }
}

#[test]
fn a_target_is_looked_up_once() {
    let links = wikilinks(&"[[งา]] [[ป่า]] ".repeat(100), &Site::new("th", &[]));
    let article =
        Article { page: 7, english: "", text: "", n_bytes: 1, links: &links, fallbacks: &[] };
    let mut n_asked = 0;
    keywords(&article, &Options::new(Profile::Recommended, 10), |title| {
        n_asked += 1;
        map(title)
    });
    assert_eq!(n_asked, 2);
}

/// The twin of the order: repeatedly takes the best of what is left.
fn slow_order(mut scored: Vec<(u64, Mapped)>, most: usize) -> Vec<(String, u64)> {
    let mut order: Vec<(String, u64)> = Vec::new();
    while order.len() < most && !scored.is_empty() {
        let mut best = 0;
        for at in 1..scored.len() {
            let (a, b) = (&scored[at], &scored[best]);
            let is_better =
                a.0 > b.0 || (a.0 == b.0 && (&a.1.english, a.1.page) < (&b.1.english, b.1.page));
            best = if is_better { at } else { best };
        }
        let (score, mapped) = scored.remove(best);
        if order.iter().all(|(english, _)| *english != mapped.english) {
            order.push((mapped.english, score));
        }
    }
    order
}

proptest! {
    #[test]
    fn the_order_is_that_of_the_slow_twin(
        rows in prop::collection::vec((0..5_u64, 0..9_u32, "[A-D]"), 0..20),
        most in 0..12_usize,
    ) {
        let mapped = |page, english| Mapped { page, english, n_linking: 1 };
        let scored: Vec<_> =
            rows.into_iter().map(|(score, page, english)| (score, mapped(page, english))).collect();
        let mut chosen = Chosen::new(most);
        chosen.extend(scored.clone());
        let found = chosen.finish(Reach::Prose).list;
        let found: Vec<_> = found.into_iter().map(|it| (it.english, it.score)).collect();
        prop_assert_eq!(found, slow_order(scored, most));
    }

    #[test]
    fn any_page_has_keywords_within_bounds(
        parts in prop::collection::vec(
            prop_oneof![
                Just("[[".to_owned()), Just("]]".to_owned()), Just("|".to_owned()), Just("{{".to_owned()),
                Just("}}".to_owned()), Just("\n== ก ==\n".to_owned()), Just("<!--".to_owned()),
                Just("[[งา]]".to_owned()), Just("[[ช้าง]]".to_owned()), Just("[[พ.ศ. 2500]]".to_owned()),
                Just("[[งวงช้าง|งวง]]".to_owned()), Just("[[หมวดหมู่:".to_owned()), Just("<nowiki>".to_owned()),
                Just("{|\n".to_owned()), Just("-{".to_owned()), "(.|\n){0,6}",
            ],
            0..40,
        ),
        text in ".{0,50}",
        most in 0..3_usize,
    ) {
        let page = parts.concat();
        let links = wikilinks(&page, &Site::new("th", &[(14, "หมวดหมู่".to_owned())]));
        prop_assert!(links.windows(2).all(|pair| pair[0].start < pair[1].start));
        for link in &links {
            prop_assert!(page.get(link.start as usize..).is_some_and(|it| it.starts_with("[[")));
            prop_assert!(!link.target.is_empty() && link.target.len() <= 255 && !link.target.contains(['\n', '#', '_']));
        }
        for profile in [Profile::Recommended, Profile::Paper] {
            let article =
                Article { page: 7, english: "Elephant", text: &text, n_bytes: page.len() as u64, links: &links, fallbacks: &[] };
            let options = Options { most, ..Options::new(profile, 100_000) };
            let found = keywords(&article, &options, map);
            prop_assert!(found.list.len() <= most);
            prop_assert!(found.list.iter().all(|it| ["Ivory", "Elephant trunk"].contains(&it.english.as_str())));
        }
    }
}
