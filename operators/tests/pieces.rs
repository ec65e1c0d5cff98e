//! The ids of pieces are those of the segment's text as a whole, on the sample articles.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

mod small_tokenizers;

use std::{collections::BTreeMap, fs, path::Path};

use crossic_operators::{
    record::Origin,
    split_windows::{Advance, Config, Direction, Oversize, RepeatTitle, Sided, Splitter, Variant},
    text::{self, Document},
};

/// Returns the sample articles of a wiki in canonical form, by file name.
///
/// The mark-up is left in: it makes for more kinds of boundaries than clean text has.
fn articles(wiki: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-samples/sources").join(wiki);
    let entries = fs::read_dir(folder.join("pages")).expect("sample articles");
    let read = |path: &Path| {
        let source = fs::read_to_string(path).expect("a sample article");
        let title = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let paragraphs = source.split(text::DELIMITER).map(str::trim).filter(|it| !it.is_empty());
        let canonical = text::canonical(&title, &paragraphs.collect::<Vec<_>>());
        (title, canonical)
    };
    entries.map(|entry| read(&entry.expect("an entry").path())).collect()
}

/// Cuts every English article with one of `wiki` and counts the segments made of whole paragraphs,
/// and those of them whose ids are not the ids of their text.
fn count(tokenizer: &str, wiki: &str, tokens: usize, variant: Variant) -> (usize, usize) {
    let (_, vocabulary) =
        small_tokenizers::ALL.iter().find(|(name, _)| *name == tokenizer).expect("a tokenizer");
    let config = Config {
        tokenizer: Default::default(),
        tokens,
        variant,
        direction: Direction::Mixed,
        seed: 32,
        advance: Advance::Paired,
        oversize: Oversize::Sentence,
        repeat_title: RepeatTitle::Every,
        split_token: "auto".to_owned(),
        end_token: "auto".to_owned(),
    };
    let splitter = Splitter::new(config, vocabulary.clone()).expect("a closing token");
    let (english, target) = (articles("enwiki"), articles(wiki));
    let (mut n_whole, mut n_different) = (0, 0);
    for ((english, target), page) in english.values().zip(target.values().cycle()).zip(0..) {
        let sided = |wiki, text| {
            let document = Document::parse(text);
            Sided { lang: wiki, wiki, page, revision: 0, document, digest: None }
        };
        let (english, target) = (sided("enwiki", english), sided(wiki, target));
        let work = splitter.split(Origin::Wiki, english, target).expect("segments");
        for segment in &work.segments {
            let agrees = splitter.whole_agrees(segment, &english, &target);
            n_whole += usize::from(agrees.is_some());
            n_different += usize::from(agrees == Some(false));
        }
    }
    (n_whole, n_different)
}

fn check(tokenizer: &str, wiki: &str, tokens: usize, variant: Variant) {
    let (n_whole, n_different) = count(tokenizer, wiki, tokens, variant);
    assert!(20 < n_whole, "{tokenizer} {wiki} {tokens}: only {n_whole} segments to compare");
    assert_eq!(n_different, 0, "{tokenizer} {wiki} {tokens}: of {n_whole} segments");
}

#[test]
fn pieces_of_the_sample_tokenizer_are_those_of_the_whole() {
    for wiki in ["eswiki", "thwiki"] {
        check("sample", wiki, 512, Variant::Crossic);
        check("sample", wiki, 4096, Variant::Crossic);
        check("sample", wiki, 4096, Variant::Mix);
    }
}

#[test]
fn pieces_of_other_families_are_those_of_the_whole() {
    for tokenizer in ["byte-level", "llama", "unigram", "words"] {
        check(tokenizer, "thwiki", 4096, Variant::Crossic);
        check(tokenizer, "eswiki", 4096, Variant::Mix);
    }
}
