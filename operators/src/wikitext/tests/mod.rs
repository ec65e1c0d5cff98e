//! Tests of the cleaner, one file a subject.

mod adversarial;
mod fuzzed;
mod invariants;
mod markup;
mod paragraphs;
mod patterns;
mod repairs;
mod tables;
mod templates;
mod words;

use super::{Cleaned, Headings, Options, Site, clean};

/// Options under which nothing but boilerplate is lost.
fn options() -> Options {
    Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false }
}

fn cleaned(lang: &str, wikitext: &str) -> Cleaned {
    clean(wikitext, &Site::new(lang, &[]), &options())
}

/// Checks the paragraphs of a page, written with a blank line between them.
#[track_caller]
fn check(lang: &str, wikitext: &str, expected: &str) {
    assert_eq!(cleaned(lang, wikitext).paragraphs.join("\n\n"), expected, "of {wikitext:?}");
}

/// Checks every row of a table of inputs and expected texts.
#[track_caller]
fn check_all(lang: &str, rows: &[(&str, &str)]) {
    for (wikitext, expected) in rows {
        check(lang, wikitext, expected);
    }
}
