//! Properties that hold for every page, tried on pages composed of fragments of markup.

use proptest::prelude::*;

use super::{cleaned, options};
use crate::wikitext::{Headings, Options, Site, clean, tokens};

const LANGUAGES: [&str; 9] = ["ar", "en", "es", "ja", "ko", "pt", "th", "vi", "zh"];

/// Pieces that open, close, cross and cut short each construct.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "[[",
    "]]",
    "{|",
    "|}",
    "|",
    "\n",
    "\n\n",
    "\n{|\n",
    "\n|}\n",
    "\n|-\n| ",
    "\n! ",
    "''",
    "'''",
    "[http://a.b ",
    "[",
    "]",
    "{",
    "}",
    "<ref>",
    "</ref>",
    "<ref name=a/>",
    "<!--",
    "-->",
    "<nowiki>",
    "</nowiki>",
    "<br>",
    "<div>",
    "</div>",
    "<math>",
    "</math>",
    "<pre>",
    "</pre>",
    "<table>",
    "</table>",
    "<sup>2</sup>",
    "&nbsp;",
    "&lt;",
    "&#91;",
    "&amp;",
    "&",
    "__NOTOC__",
    "__",
    "-{",
    "}-",
    "zh-hans:",
    ";",
    "\n* ",
    "\n# ",
    "\n: ",
    "\n== ",
    " ==\n",
    "=",
    "----",
    "{{lang|la|",
    "{{convert|1|km}}",
    "{{nihongo|a|b}}",
    "{{IPA|x}}",
    "{{quote|",
    "{{as of|2000}}",
    "{{efn|",
    "{{ubl|a|",
    "(",
    ")",
    "（",
    "）",
    "「",
    "」",
    ", ",
    "、",
    ". ",
    "。",
    ";",
    ":",
    " ",
    "a",
    "Word ",
    "ช้าง",
    "象は",
    "فيل ",
    "코끼리",
    "\u{1}",
    "\u{3}",
    "\u{5}",
    "\u{a0}",
    "\u{200e}",
    "[[File:x|",
    "[[Category:x]]",
    "[[fr:x]]",
    "[[a|b]]",
    "[[:Category:x]]",
    "{{Infobox\n|a=b\n}}",
    "\t",
    "é",
    "2",
    "<x>",
    "</",
];

fn page() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn any_options() -> impl Strategy<Value = Options> {
    let headings = proptest::sample::select(&[Headings::Glue, Headings::Keep, Headings::Drop][..]);
    (headings, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(headings, lists, boilerplate, math)| Options { headings, lists, boilerplate, math },
    )
}

fn plain_line() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9éñ象大きいช้างفيل코끼리.,;:!?()（）。、]{1,8}( [a-zA-Z0-9象ช้فيل코.,()%-]{1,8}){0,6}"
        .prop_filter("no list marker, and something to read", |line| {
            !line.starts_with([':', ';']) && line.chars().any(char::is_alphanumeric)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Invariants 1, 2, 4, 5 and 7.
    #[test]
    fn output_is_clean_text(page in page(), lang in proptest::sample::select(&LANGUAGES[..]), options in any_options()) {
        let site = Site::new(lang, &[]);
        let out = clean(&page, &site, &options);
        prop_assert_eq!(&out, &clean(&page, &site, &options));
        let mut n_bytes = 0;
        for paragraph in &out.paragraphs {
            n_bytes += paragraph.len();
            prop_assert!(paragraph.chars().any(char::is_alphanumeric), "{:?}", paragraph);
            prop_assert!(!paragraph.contains("\n\n"));
            prop_assert!(!paragraph.contains(|c: char| c < '\t'), "{:?}", paragraph);
            for line in paragraph.lines() {
                prop_assert_eq!(line.trim(), line);
                prop_assert!(!line.is_empty());
            }
            let is_literal = ["<nowiki>", "<pre>", "&#91;", "<math>"].iter().any(|tag| page.contains(tag));
            for pair in ["{{", "}}", "[[", "]]"] {
                prop_assert!(is_literal || !paragraph.contains(pair), "{:?}", paragraph);
            }
        }
        prop_assert!(n_bytes <= 4 * page.len());
        let mut before = (0, 0);
        for link in out.links.iter() {
            let paragraph = out.paragraphs.get(link.paragraph as usize).unwrap();
            let label = paragraph.get(link.start as usize..link.end as usize).unwrap();
            prop_assert!(!label.trim().is_empty());
            prop_assert!(before <= (link.paragraph, link.start));
            prop_assert_eq!(link.target.trim(), link.target);
            before = (link.paragraph, link.start);
        }
    }

    /// Invariant 6.
    #[test]
    fn pairs_never_cross(page in page(), variants in any::<bool>()) {
        let tokens = tokens::tokenise(&page, variants).list;
        let mut open = Vec::new();
        let mut at = 0;
        for (index, token) in tokens.iter().enumerate() {
            prop_assert!(at <= token.start(), "tokens overlap");
            at = token.end();
            prop_assert!(page.get(token.start()..token.end()).is_some());
            if let Some(closer) = token.closer() {
                prop_assert!(index < closer);
                open.push(closer);
            }
            if open.last() == Some(&index) {
                open.pop();
            }
            prop_assert!(open.last().is_none_or(|closer| index < *closer));
        }
        prop_assert!(open.is_empty());
    }

    /// Invariants 3 and 8.
    #[test]
    fn plain_text_is_unchanged(lines in proptest::collection::vec(plain_line(), 1..6), lang in proptest::sample::select(&LANGUAGES[..])) {
        let text = lines.join("\n\n");
        let once = cleaned(lang, &text).paragraphs.join("\n\n");
        prop_assert_eq!(&once, &text);
        prop_assert_eq!(cleaned(lang, &once).paragraphs.join("\n\n"), once);
    }

    /// Invariant 9.
    #[test]
    fn hidden_text_never_appears(before in plain_line(), after in plain_line(), inner in page()) {
        let inner = inner.replace(['<', '>'], "");
        for (open, close) in [("<!--", "-->"), ("<ref>", "</ref>"), ("<gallery>", "</gallery>")] {
            let page = format!("{before}{open}SECRETWORD{inner}SECRETWORD{close} {after}");
            let out = clean(&page, &Site::new("en", &[]), &options());
            prop_assert!(out.paragraphs.iter().all(|text| !text.contains("SECRETWORD")), "{}", page);
        }
    }
}
