//! Runs of quotes, and switches between underscores.

use super::scan::Scan;
use super::{Kind, NONE};

/// Longest behaviour switch, in bytes, with its underscores.
const MAX_SWITCH: usize = 80;

/// Switches that mark a page of meanings.
const DISAMBIGUATION: &[&str] =
    &["__DISAMBIG__", "__DISAMBIGUACION__", "__DISAMBIGUACIÓN__", "__消除歧义__", "__消歧义__"];

/// Switches that count in small letters too; other words between underscores are names in programs.
const SMALL: &[&str] = &[
    "notoc",
    "toc",
    "forcetoc",
    "noeditsection",
    "newsectionlink",
    "nonewsectionlink",
    "hiddencat",
    "nogallery",
    "noindex",
    "index",
    "notitleconvert",
    "nocontentconvert",
    "nocc",
    "notc",
    "staticredirect",
    "disambig",
];

impl Scan<'_> {
    /// Bold and italic: two, three or five quotes; of other numbers the first ones are apostrophes.
    pub(super) fn quotes(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|&&byte| byte == b'\'').count();
        let literal = match length {
            1 => return at + 1,
            2 | 3 | 5 => 0,
            4 => 1,
            _ => length - 5,
        };
        let index = self.push(Kind::Skip, at + literal, at + length, NONE);
        self.quotes.push((index, (length - literal) as u8));
        at + length
    }

    /// Makes one run of three quotes an apostrophe and two if bold and italic of the line both end
    /// open, as MediaWiki does: so authors write the possessive of a title in italics.
    pub(super) fn balance_quotes(&mut self) {
        let odd = |wanted: u8| {
            let runs = self.quotes.iter();
            runs.filter(|(_, length)| *length == wanted || *length == 5).count() % 2 == 1
        };
        let place = if odd(2) && odd(3) { self.odd_bold() } else { None };
        if let Some(token) = place.and_then(|index| self.tokens.list.get_mut(index as usize)) {
            token.pos += 1;
            token.len -= 1;
        }
        self.quotes.clear();
    }

    /// Returns the run of three that is most likely meant as an apostrophe, by what stands before
    /// it: a word of one letter, else a longer word, else a blank.
    fn odd_bold(&self) -> Option<u32> {
        let (mut after_word, mut after_blank) = (None, None);
        for &(index, length) in &self.quotes {
            if length != 3 {
                continue;
            }
            let start = self.tokens.list.get(index as usize)?.start();
            let before = self.source.get(..start).unwrap_or_default();
            let mut chars = before.chars().rev();
            match (chars.next(), chars.next()) {
                (None | Some(' ' | '\n'), _) => after_blank = after_blank.or(Some(index)),
                (_, Some(' ')) => return Some(index),
                _ => after_word = after_word.or(Some(index)),
            }
        }
        after_word.or(after_blank)
    }

    /// `__TOC__` and the like: no small ASCII letter, digit or space between the underscores.
    pub(super) fn switch(&mut self, at: usize) -> usize {
        if self.byte(at + 1) != b'_' {
            return at + 1;
        }
        let limit = (at + MAX_SWITCH).min(self.bytes.len());
        let inner = self.bytes.get(at + 2..limit).unwrap_or_default();
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || 0x80 <= byte;
        let length = inner
            .iter()
            .zip(inner.iter().skip(1))
            .position(|(&one, &two)| (one == b'_' && two == b'_') || !is_letter(one))
            .unwrap_or(inner.len());
        let end = at + 2 + length;
        let word = self.source.get(at + 2..end).unwrap_or_default();
        let is_small = || SMALL.iter().any(|known| known.eq_ignore_ascii_case(word));
        let is_word = word.bytes().all(|byte| !byte.is_ascii_lowercase()) || is_small();
        if length < 2 || !self.starts(end, b"__") || !is_word {
            let run = self.bytes.get(at..).unwrap_or_default();
            return at + run.iter().take_while(|&&byte| byte == b'_').count();
        }
        let whole = self.source.get(at..end + 2).unwrap_or_default();
        let kind = match DISAMBIGUATION.contains(&whole) {
            true => Kind::Disambiguation,
            false => Kind::Skip,
        };
        self.plain(kind, at, end + 2)
    }
}
