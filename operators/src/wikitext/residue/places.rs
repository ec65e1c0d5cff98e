//! The places of a text at which residue may stand, and what stands there.

use super::Residue;
use crate::wikitext::{
    Site,
    names::normalise_name,
    site::Prefix,
    tags::{self, MAX_NAME},
    tokens::{Set, Specials},
};

/// Attributes that stand in tables and tags and hardly anywhere else, before their equals sign.
const ATTRIBUTES: &[&[u8]] =
    &[b"style", b"class", b"colspan", b"rowspan", b"align", b"bgcolor", b"cellpadding", b"valign"];

/// Counts residue, one text after the other.
pub(super) struct Places<'a> {
    site: &'a Site,
    specials: Specials,
    name: String,
    /// What was found so far.
    pub(super) found: Residue,
}

impl<'a> Places<'a> {
    pub(super) fn new(site: &'a Site) -> Places<'a> {
        let (specials, name) = (Specials::default(), String::new());
        Places { site, specials, name, found: Residue::default() }
    }

    /// Counts what is left in one paragraph.
    pub(super) fn count(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.specials.mark(bytes, Set::Residue);
        let mut underscores = None;
        let mut at = 0;
        while let Some(place) = self.specials.next(at) {
            at = place + 1;
            let Some((before, [byte, rest @ ..])) = bytes.split_at_checked(place) else { return };
            let is_doubled = rest.first() == Some(byte);
            match byte {
                b'[' | b']' if is_doubled => {
                    self.found.brackets += 1;
                    at += 1;
                }
                b'{' | b'}' if is_doubled => {
                    self.found.braces += 1;
                    at += 1;
                }
                b'|' => {
                    let is_open = before.ends_with(b"{");
                    let is_close = rest.starts_with(b"}");
                    self.found.braces += u64::from(is_open) + u64::from(is_close);
                }
                b'\'' if is_doubled => {
                    self.found.quotes += 1;
                    at += rest.iter().take_while(|it| **it == b'\'').count();
                }
                b'_' if is_doubled => {
                    let word = underscores.and_then(|from| bytes.get(from..place));
                    self.found.switches += u64::from(word.is_some_and(is_switch));
                    at += 1;
                    underscores = Some(at);
                }
                b'<' => self.found.tags += u64::from(is_tag(rest)),
                b'&' => self.found.entities += u64::from(is_entity(rest)),
                b'=' => {
                    self.found.attributes += n_attributes(before);
                    self.found.headings += u64::from(is_doubled && is_heading(text, place));
                }
                b':' => {
                    let is_prefix = is_prefix(text, place, self.site, &mut self.name);
                    self.found.prefixes += u64::from(is_prefix);
                }
                b'(' => self.open(text, place + 1),
                b')' => self.close(text, place),
                b',' | b';' => self.comma(text, place + 1),
                // The other brackets and commas are known by their rarest byte.
                0xEF if rest.starts_with(b"\xBC\x88") => self.open(text, place + 3),
                0xEF if rest.starts_with(b"\xBC\x89") => self.close(text, place),
                0x8C | 0x9B if before.ends_with(b"\xD8") || before.ends_with(b"\xEF\xBC") => {
                    self.comma(text, place + 1);
                }
                0x80 if before.ends_with(b"\xE3") && rest.starts_with(b"\x81") => {
                    self.comma(text, place + 2);
                }
                _ => {}
            }
        }
    }

    /// Looks at what follows a bracket that opens.
    fn open(&mut self, text: &str, end: usize) {
        let is_broken = |c| is_separator(c) || matches!(c, ')' | '）');
        self.found.parentheses += u64::from(after(text, end).is_some_and(is_broken));
    }

    /// Looks at what stands before a bracket that closes; one that opens there has seen it.
    fn close(&mut self, text: &str, place: usize) {
        let before = text.get(..place).unwrap_or_default();
        let before = before.chars().rev().find(|c| !is_blank(*c));
        self.found.parentheses += u64::from(before.is_some_and(is_separator));
    }

    /// Looks at what follows a comma or a semicolon.
    fn comma(&mut self, text: &str, end: usize) {
        self.found.separators += u64::from(after(text, end).is_some_and(is_comma));
    }
}

/// Returns the first character from a place on that is no space.
fn after(text: &str, from: usize) -> Option<char> {
    text.get(from..)?.chars().find(|c| !is_blank(*c))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{3000}')
}

pub(super) fn is_separator(c: char) -> bool {
    is_comma(c) || matches!(c, ':' | '：')
}

pub(super) fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '、' | '，' | '；' | '،' | '؛')
}

/// Whether the word between two pairs of underscores is one that switches something.
fn is_switch(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || 0x80 <= *byte;
    (2..=40).contains(&word.len()) && word.iter().all(is_letter)
}

/// Whether a tag or comment follows its `<`.
pub(super) fn is_tag(rest: &[u8]) -> bool {
    if rest.starts_with(b"!--") {
        return true;
    }
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let length = rest.iter().take(MAX_NAME + 1).take_while(|it| it.is_ascii_alphanumeric()).count();
    let name = rest.get(..length).unwrap_or_default().to_ascii_lowercase();
    let ends = matches!(rest.get(length), None | Some(b'>' | b'/' | b' ' | b'\t' | b'\n'));
    ends && tags::classify(&name).is_some()
}

/// Whether the name of a character follows its `&`.
pub(super) fn is_entity(rest: &[u8]) -> bool {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
    let length = rest.iter().take(10).take_while(is_name).count();
    1 < length && rest.get(length) == Some(&b';')
}

/// Returns how many attributes an equals sign ends; `valign` is `align` as well.
fn n_attributes(before: &[u8]) -> u64 {
    match before.last() {
        Some(last) if last.is_ascii_lowercase() => {
            ATTRIBUTES.iter().filter(|name| before.ends_with(name)).count() as u64
        }
        _ => 0,
    }
}

/// Whether a line that begins with two equals signs, the first one at `place`, ends with two more.
fn is_heading(text: &str, place: usize) -> bool {
    let (before, rest) = text.split_at_checked(place).unwrap_or_default();
    let is_line_start = before.is_empty() || before.ends_with('\n');
    let line = || rest.lines().next().unwrap_or_default();
    is_line_start && 4 < line().len() && line().ends_with("==")
}

/// Whether the word before a colon is the name of the file or category namespace.
pub(super) fn is_prefix(text: &str, colon: usize, site: &Site, name: &mut String) -> bool {
    let rest = text.get(colon + 1..).unwrap_or_default();
    if !rest.starts_with(|c: char| c.is_alphanumeric()) {
        return false;
    }
    // No name of a namespace is longer, in any script.
    let from = text.ceil_char_boundary(colon.saturating_sub(40));
    let before = text.get(from..colon).unwrap_or_default();
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && !is_combining(c)).next();
    normalise_name(word.unwrap_or_default(), name);
    site.prefix(name) == Some(Prefix::Hidden)
}

/// Whether a character belongs to the letter before it, as the vowels of Thai do.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}
