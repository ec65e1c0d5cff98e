//! The data files themselves.

use std::collections::BTreeSet;

use crate::wikitext::Site;
use crate::wikitext::facts;
use crate::wikitext::names::normalise_name;
use crate::wikitext::template::{Action, Actions, parse};

#[test]
fn every_row_is_well_formed() {
    let mut n_names = 0;
    for (names, word, argument) in facts::all_templates() {
        assert!(parse(word, argument).is_some(), "bad row {names:?} {word:?} {argument:?}");
        for name in names.split('|') {
            let mut key = String::new();
            normalise_name(name, &mut key);
            let bare = name.trim_end_matches(['*', ' ']);
            assert!(
                key == name || key.trim_end_matches('*') == bare || name.starts_with("* "),
                "{name:?}"
            );
            n_names += 1;
        }
    }
    assert!(200 < n_names);
    for title in ["en", "ja", "th"].into_iter().flat_map(facts::sections) {
        assert_eq!(title, title.to_lowercase().trim());
    }
    assert!(facts::namespaces().count() > 100 && facts::prefixes().count() > 300);
    let codes: BTreeSet<_> = facts::units().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), facts::units().count(), "a unit stands there twice");
    assert!(facts::entities().any(|row| row == ("nbsp", '\u{a0}')));
}

/// What a wiki uses for something else than all others do: language, template.
const NAMESAKES: &[(&str, &str)] = &[
    // "Cita requerida", a request for a source.
    ("es", "cr"),
    // The years and the name that a page is sorted by.
    ("es", "nf"),
    // Marks of rise and fall in tables.
    ("ja", "p"),
    ("ja", "minus"),
    // The name of a template in notes to writers.
    ("zh", "tl"),
];

#[test]
fn titles_of_sections_are_known_in_any_spelling() {
    for (lang, titles) in [
        (
            "en",
            "References|Notes & references|References and further reading|Notes, references and sources|\
             Endnotes|Image gallery|Links / Sources|See also:",
        ),
        (
            "ar",
            "انظر أيضاً|أنظر ايضاً|انظر أيضًا|المراجع و المصادر|المراجع والمصادر|هوامش ووصلات خارجية|الحواشي والمراجع",
        ),
        ("es", "Véase también|Vease tambien|Notas y referencias|Bibliografía y enlaces externos"),
        ("ja", "脚注・出典|脚注 / 出典|注釈と出典|参考文献、関連項目"),
        ("ko", "같이보기|같이 보기|함께보기|각주 및 참고문헌|각주와 참고 문헌|더 읽어 보기"),
        ("pt", "Ver também|Referências e notas|Ligações externas"),
        ("th", "อ้างอิง|แหล่งข้อมูลอื่น ๆ|หมายเหตุและเชิงอรรถ"),
        ("vi", "Chú thích và tham khảo|Liên kết ngoài|Xem thêm"),
        ("zh", "参考文献及注释|注釋與來源|參考資料|外部链接和参考文献"),
    ] {
        let site = Site::new(lang, &[]);
        for title in titles.split('|').chain(facts::sections(lang)) {
            assert!(site.is_boilerplate(&title.to_lowercase()), "{lang} {title}");
        }
    }
    for (lang, title) in [
        ("en", "history"),
        ("en", "references in film"),
        ("en", "history and references"),
        ("en", "and"),
        ("en", "..."),
        ("en", ""),
        ("ar", "و"),
        ("ar", "المراجع الدينية"),
        ("ko", "와"),
    ] {
        assert!(!Site::new(lang, &[]).is_boilerplate(title), "{lang} {title}");
    }
}

#[test]
fn no_language_silences_what_is_text_on_every_wiki() {
    let is_silent = |action| matches!(action, Action::Foot | Action::Block | Action::Drop);
    let common = Actions::of(facts::common_templates());
    let langs = ["ar", "en", "es", "ja", "ko", "pt", "th", "vi", "zh"];
    let wikis = langs.map(|lang| (lang, Actions::new(lang)));
    let names = facts::common_templates().flat_map(|(names, ..)| names.split('|'));
    for name in names.filter(|name| !name.contains('*')) {
        let has_text = common.find(name).is_some_and(|action| !is_silent(action));
        for (lang, actions) in &wikis {
            let is_lost = actions.find(name).is_some_and(is_silent);
            assert!(!has_text || !is_lost || NAMESAKES.contains(&(*lang, name)), "{lang} {name}");
        }
    }
}

#[test]
fn no_pattern_renders_an_argument_twice() {
    // Nested templates would otherwise double at each level.
    for (names, word, argument) in facts::all_templates() {
        let keys: Vec<_> =
            argument.split('{').skip(1).filter_map(|rest| rest.split_once('}')).collect();
        let keys: Vec<_> = keys.iter().map(|(key, _)| key.split(':').next()).collect();
        let unique: BTreeSet<_> = keys.iter().collect();
        assert!(word != "text" || unique.len() == keys.len(), "{names}");
        assert!(
            argument.len() < 80 || word == "zh" || argument.contains(':'),
            "{names}: constants must stay short"
        );
    }
}

#[test]
fn no_name_stands_twice_in_a_table() {
    // The later row would hide the earlier one from its readers, not from the cleaner.
    for (table, rows) in facts::tables() {
        let mut names = BTreeSet::new();
        for name in rows
            .lines()
            .filter(|row| !row.starts_with("# "))
            .filter_map(|row| row.split_once('\t'))
            .flat_map(|row| row.0.split('|'))
        {
            assert!(names.insert(name), "{table}: {name}");
        }
    }
}
