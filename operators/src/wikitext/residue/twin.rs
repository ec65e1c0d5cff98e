//! The same counts in the plainest way, a pass for each kind: what the quick way is compared with.

use memchr::{memchr_iter, memmem};
use proptest::prelude::*;

use super::{
    Residue,
    places::{is_comma, is_entity, is_prefix, is_separator, is_tag},
    residue,
};
use crate::wikitext::Site;

fn plainly(text: &str, site: &Site) -> Residue {
    let bytes = text.as_bytes();
    let count = |needles: &[&str]| -> u64 {
        needles.iter().map(|needle| memmem::find_iter(bytes, needle).count() as u64).sum()
    };
    let after = |byte: u8, is_it: &mut dyn FnMut(usize) -> bool| {
        memchr_iter(byte, bytes).filter(|&at| is_it(at + 1)).count() as u64
    };
    let mut name = String::new();
    let (parentheses, separators) = punctuation(text);
    Residue {
        brackets: count(&["[[", "]]"]),
        braces: count(&["{{", "}}", "{|", "|}"]),
        tags: after(b'<', &mut |at| is_tag(&bytes[at..])),
        attributes: count(&[
            "style=",
            "class=",
            "colspan=",
            "rowspan=",
            "align=",
            "bgcolor=",
            "cellpadding=",
            "valign=",
        ]),
        quotes: runs_of_quotes(bytes),
        entities: after(b'&', &mut |at| is_entity(&bytes[at..])),
        prefixes: after(b':', &mut |at| is_prefix(text, at - 1, site, &mut name)),
        headings: text.lines().filter(|line| is_heading(line)).count() as u64,
        switches: switches(text),
        parentheses,
        separators,
    }
}

fn runs_of_quotes(bytes: &[u8]) -> u64 {
    let is_quote = |at: usize| bytes.get(at) == Some(&b'\'');
    let begins = |&at: &usize| is_quote(at + 1) && (at == 0 || !is_quote(at - 1));
    memchr_iter(b'\'', bytes).filter(begins).count() as u64
}

fn is_heading(line: &str) -> bool {
    4 < line.len() && line.starts_with("==") && line.ends_with("==")
}

fn switches(text: &str) -> u64 {
    let places: Vec<_> = memmem::find_iter(text.as_bytes(), "__").collect();
    let is_word = |pair: &&[usize]| {
        let word = text.get(pair[0] + 2..pair[1]).unwrap();
        (2..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || 0x80 <= b)
    };
    places.windows(2).filter(is_word).count() as u64
}

/// Counts broken brackets and doubled separators.
fn punctuation(text: &str) -> (u64, u64) {
    let (mut parentheses, mut separators) = (0, 0);
    let mut before = None;
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\u{3000}')) {
        let is_open = matches!(before, Some('(' | '（'));
        let is_bad_start = is_open && (is_separator(c) || matches!(c, ')' | '）'));
        let is_bad_end = before.is_some_and(is_separator) && matches!(c, ')' | '）');
        parentheses += u64::from(is_bad_start || is_bad_end);
        separators += u64::from(before.is_some_and(is_comma) && is_comma(c));
        before = Some(c);
    }
    (parentheses, separators)
}

/// What texts are made of: every mark, its halves, and letters that share bytes with marks.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "{",
    "}",
    "{|",
    "|",
    "|}",
    "<",
    "<br>",
    "</ref",
    "<!--",
    "&",
    "&nbsp;",
    "#9;",
    "'",
    "''",
    "_",
    "__",
    "TOC",
    "ÉTÉ",
    "=",
    "==",
    "class=",
    "valign=",
    "style",
    "\n",
    "\r\n",
    " ",
    "\u{3000}",
    "(",
    ")",
    "（",
    "）",
    ",",
    ";",
    ":",
    "、",
    "，",
    "；",
    "：",
    "،",
    "؛",
    "File:",
    "ไฟล์:a",
    "a",
    "b1",
    "れ",
    "が",
    "せ",
    "。",
    "เ",
    "р",
    "ٌ",
    "ｌ",
    "𓃰",
];

proptest! {
    #[test]
    fn the_quick_way_counts_what_the_plain_way_counts(
        paragraphs in prop::collection::vec(
            prop::collection::vec(prop::sample::select(PIECES), 0..60),
            0..4,
        ),
    ) {
        let site = Site::new("th", &[]);
        let texts: Vec<String> = paragraphs.iter().map(|pieces| pieces.concat()).collect();
        let mut expected = Residue::default();
        for text in &texts {
            expected += plainly(text, &site);
        }
        prop_assert_eq!(residue(&texts, &site), expected);
    }
}
