//! The data files themselves.

use std::collections::BTreeSet;

use crate::wikitext::facts;
use crate::wikitext::names::normalise_name;
use crate::wikitext::template::parse;

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
        assert_eq!(title, title.to_lowercase());
    }
    assert!(facts::namespaces().count() > 100 && facts::prefixes().count() > 300);
    let codes: BTreeSet<_> = facts::units().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), facts::units().count(), "a unit stands there twice");
    assert!(facts::entities().any(|row| row == ("nbsp", '\u{a0}')));
}

#[test]
fn no_pattern_renders_an_argument_twice() {
    // Nested templates would otherwise double at each level.
    for (names, word, argument) in facts::all_templates() {
        let keys: Vec<_> =
            argument.split('{').skip(1).filter_map(|rest| rest.split_once('}')).collect();
        let unique: BTreeSet<_> = keys.iter().map(|(key, _)| key).collect();
        assert!(word != "text" || unique.len() == keys.len(), "{names}");
        assert!(argument.len() < 80 || word == "zh", "{names}: constants must stay short");
    }
}
