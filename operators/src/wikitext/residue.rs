//! What markup is left in cleaned text: counts by kind, so that a leak is seen in any language.
//!
//! A count is a sign, not a verdict: an article on wikitext or programming holds such characters in
//! its own right. Linear in the text, and only run by who asks for it.

use memchr::{memchr_iter, memmem};

use super::{
    Site,
    names::normalise_name,
    site::Prefix,
    tags::{self, MAX_NAME},
};

/// How often each kind of residue occurs in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residue {
    /// `[[` and `]]`.
    pub brackets: u64,
    /// `{{`, `}}`, `{|` and `|}`.
    pub braces: u64,
    /// Tags that the cleaner knows, opening or closing, and comments.
    pub tags: u64,
    /// Attributes of tables and tags: `style=`, `class=`, `colspan=` and the like.
    pub attributes: u64,
    /// Two or more apostrophes in a row.
    pub quotes: u64,
    /// Character references such as `&nbsp;`.
    pub entities: u64,
    /// Prefixes of files and categories, in English and in the language of the wiki.
    pub prefixes: u64,
    /// Lines between equals signs.
    pub headings: u64,
    /// Switches such as `__TOC__`.
    pub switches: u64,
    /// Brackets that hold nothing, or begin or end with a separator.
    pub parentheses: u64,
    /// Two separators in a row, with or without a space between them.
    pub separators: u64,
}

impl std::ops::AddAssign for Residue {
    fn add_assign(&mut self, other: Residue) {
        let sums = self.counts_mut().into_iter().zip(other.counts());
        for (sum, (_, count)) in sums {
            *sum = sum.saturating_add(count);
        }
    }
}

impl Residue {
    /// Returns the counts with their names, in a fixed order.
    pub fn counts(&self) -> [(&'static str, u64); 11] {
        [
            ("brackets", self.brackets),
            ("braces", self.braces),
            ("tags", self.tags),
            ("attributes", self.attributes),
            ("quotes", self.quotes),
            ("entities", self.entities),
            ("prefixes", self.prefixes),
            ("headings", self.headings),
            ("switches", self.switches),
            ("parentheses", self.parentheses),
            ("separators", self.separators),
        ]
    }

    fn counts_mut(&mut self) -> [&mut u64; 11] {
        [
            &mut self.brackets,
            &mut self.braces,
            &mut self.tags,
            &mut self.attributes,
            &mut self.quotes,
            &mut self.entities,
            &mut self.prefixes,
            &mut self.headings,
            &mut self.switches,
            &mut self.parentheses,
            &mut self.separators,
        ]
    }
}

/// Returns what markup is left in paragraphs of a wiki.
///
/// ```
/// use crossic_operators::wikitext::{Site, residue};
/// let found = residue(&["A [[lion (; born 1950).".to_owned()], &Site::new("en", &[]));
/// assert_eq!((found.brackets, found.parentheses, found.tags), (1, 1, 0));
/// ```
pub fn residue(paragraphs: &[String], site: &Site) -> Residue {
    let mut residue = Residue::default();
    let mut name = String::new();
    for text in paragraphs {
        let bytes = text.as_bytes();
        residue.brackets += count(bytes, b"[[") + count(bytes, b"]]");
        residue.braces +=
            [b"{{", b"}}", b"{|", b"|}"].map(|pair| count(bytes, pair)).iter().sum::<u64>();
        residue.attributes +=
            ATTRIBUTES.iter().map(|name| count(bytes, name.as_bytes())).sum::<u64>();
        residue.quotes += runs_of_quotes(bytes);
        residue.tags += memchr_iter(b'<', bytes).filter(|&at| is_tag(bytes, at)).count() as u64;
        residue.entities +=
            memchr_iter(b'&', bytes).filter(|&at| is_entity(bytes, at)).count() as u64;
        residue.prefixes += memchr_iter(b':', bytes)
            .filter(|&colon| is_prefix(text, colon, site, &mut name))
            .count() as u64;
        residue.headings += text.lines().filter(|line| is_heading(line)).count() as u64;
        residue.switches += switches(text);
        let (parentheses, separators) = punctuation(text);
        residue.parentheses += parentheses;
        residue.separators += separators;
    }
    residue
}

/// Attributes that stand in tables and tags and hardly anywhere else.
const ATTRIBUTES: &[&str] =
    &["style=", "class=", "colspan=", "rowspan=", "align=", "bgcolor=", "cellpadding=", "valign="];

fn count(bytes: &[u8], needle: &[u8]) -> u64 {
    memmem::find_iter(bytes, needle).count() as u64
}

fn runs_of_quotes(bytes: &[u8]) -> u64 {
    let is_quote = |at: usize| bytes.get(at) == Some(&b'\'');
    let begins = |&at: &usize| is_quote(at + 1) && (at == 0 || !is_quote(at - 1));
    memchr_iter(b'\'', bytes).filter(begins).count() as u64
}

fn is_tag(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at + 1..).unwrap_or_default();
    if rest.starts_with(b"!--") {
        return true;
    }
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let length = rest.iter().take(MAX_NAME + 1).take_while(|it| it.is_ascii_alphanumeric()).count();
    let name = rest.get(..length).unwrap_or_default().to_ascii_lowercase();
    let ends = matches!(rest.get(length), None | Some(b'>' | b'/' | b' ' | b'\t' | b'\n'));
    ends && tags::classify(&name).is_some()
}

fn is_entity(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at + 1..).unwrap_or_default();
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
    let length = rest.iter().take(10).take_while(is_name).count();
    1 < length && rest.get(length) == Some(&b';')
}

/// Whether the word before a colon is the name of the file or category namespace.
fn is_prefix(text: &str, colon: usize, site: &Site, name: &mut String) -> bool {
    // No name of a namespace is longer, in any script.
    let from = text.ceil_char_boundary(colon.saturating_sub(40));
    let before = text.get(from..colon).unwrap_or_default();
    let after = text.get(colon + 1..).unwrap_or_default();
    if !after.starts_with(|c: char| c.is_alphanumeric()) {
        return false;
    }
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && !is_combining(c)).next();
    normalise_name(word.unwrap_or_default(), name);
    site.prefix(name) == Some(Prefix::Hidden)
}

/// Whether a character belongs to the letter before it, as the vowels of Thai do.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

fn is_heading(line: &str) -> bool {
    4 < line.len() && line.starts_with("==") && line.ends_with("==")
}

fn switches(text: &str) -> u64 {
    let places: Vec<_> = memmem::find_iter(text.as_bytes(), "__").collect();
    let is_word = |pair: &&[usize]| {
        let [from, to] = **pair else { return false };
        let word = text.get(from + 2..to).unwrap_or_default();
        (2..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || 0x80 <= b)
    };
    places.windows(2).filter(is_word).count() as u64
}

/// Counts broken brackets and doubled separators.
fn punctuation(text: &str) -> (u64, u64) {
    let (mut parentheses, mut separators) = (0, 0);
    let mut before = None;
    for c in text.chars() {
        if c == ' ' || c == '\u{3000}' {
            continue;
        }
        let is_open = matches!(before, Some('(' | '（'));
        let is_bad_start = is_open && (is_separator(c) || matches!(c, ')' | '）'));
        let is_bad_end = before.is_some_and(is_separator) && matches!(c, ')' | '）');
        parentheses += u64::from(is_bad_start || is_bad_end);
        separators += u64::from(before.is_some_and(is_comma) && is_comma(c));
        before = Some(c);
    }
    (parentheses, separators)
}

fn is_separator(c: char) -> bool {
    is_comma(c) || matches!(c, ':' | '：')
}

fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '、' | '，' | '；' | '،' | '؛')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lang: &str, text: &str, expected: &[(&str, u64)]) {
        let found = residue(&[text.to_owned()], &Site::new(lang, &[]));
        let found: Vec<_> = found.counts().into_iter().filter(|(_, count)| 0 < *count).collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn every_kind_of_residue_is_counted() {
        for (text, expected) in [
            ("plain text (really), it's f(x); a < b & c, 3:4.", &[][..]),
            ("a [[b]] c]]", &[("brackets", 3)]),
            ("a {{b}} {| |}", &[("braces", 4)]),
            ("a <br> </ref> <x> <ref name=b/> <!-- c", &[("tags", 4)]),
            ("a class=\"b\" style=c", &[("attributes", 2)]),
            ("a ''b'' '''c'''", &[("quotes", 4)]),
            ("a&nbsp;b &#233; &c d;", &[("entities", 2)]),
            ("a File:b.jpg Category:c", &[("prefixes", 2)]),
            ("a\n== b ==\nc", &[("headings", 1)]),
            ("a __NOTOC__ __init__", &[("switches", 1)]),
            ("a () b ( ; c) (d, ) (e)", &[("parentheses", 3)]),
            ("a, , b;; c", &[("separators", 2)]),
        ] {
            check("en", text, expected);
        }
        check("th", "ก ไฟล์:ข.jpg หมวดหมู่:ค", &[("prefixes", 2)]);
        check(
            "ja",
            "象（、a）は、、大きい。カテゴリ:動物",
            &[("prefixes", 1), ("parentheses", 1), ("separators", 1)],
        );
        check("ar", "فيل (، ) تصنيف:حيوانات", &[("prefixes", 1), ("parentheses", 2)]);
    }

    #[test]
    fn counts_add_up() {
        let site = Site::new("en", &[]);
        let texts = ["[[ ()".to_owned(), "<br> ]]".to_owned()];
        let mut sum = Residue::default();
        for text in &texts {
            sum += residue(std::slice::from_ref(text), &site);
        }
        assert_eq!(sum, residue(&texts, &site));
        assert_eq!((sum.brackets, sum.tags, sum.parentheses), (2, 1, 1));
    }
}
