//! What is left in one article, in few bytes: what a build keeps of every article that it cleans.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Residue;

/// How many kinds there are.
const N_KINDS: usize = 12;

/// What is counted, in the order of [`ArticleResidue::counts`]: the kinds of residue, and holes.
pub const KINDS: [&str; N_KINDS] = [
    "brackets",
    "braces",
    "tags",
    "attributes",
    "quotes",
    "entities",
    "prefixes",
    "headings",
    "switches",
    "parentheses",
    "separators",
    "holes",
];

/// Residue and holes of one article; a count of more than 65,535 stays at that.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ArticleResidue([u16; N_KINDS]);

impl ArticleResidue {
    /// Returns what is left in an article with so many holes in the middle of a sentence.
    pub fn new(residue: &Residue, n_holes: u32) -> ArticleResidue {
        let found = residue.counts().into_iter().map(|(_, count)| count);
        let mut counts = [0; N_KINDS];
        for (count, found) in counts.iter_mut().zip(found.chain([u64::from(n_holes)])) {
            *count = u16::try_from(found).unwrap_or(u16::MAX);
        }
        ArticleResidue(counts)
    }

    /// Returns how often each of [`KINDS`] occurs.
    pub fn counts(&self) -> [u16; N_KINDS] {
        self.0
    }

    /// Returns the kinds that occur, each with its count.
    pub fn found(&self) -> impl Iterator<Item = (&'static str, u16)> {
        KINDS.into_iter().zip(self.0).filter(|(_, count)| *count != 0)
    }

    /// Returns what [`fmt::Display`] wrote, or `None` if that is not what `text` is.
    pub fn parse(text: &str) -> Option<ArticleResidue> {
        let mut counts = [0; N_KINDS];
        for part in text.split(", ").filter(|_| !text.is_empty()) {
            let (name, count) = part.split_once(' ')?;
            let kind = KINDS.iter().position(|kind| *kind == name)?;
            *counts.get_mut(kind)? = count.parse().ok()?;
        }
        let residue = ArticleResidue(counts);
        // There is one way to write it, so that equal rows have equal bytes.
        (residue.to_string() == text).then_some(residue)
    }
}

/// Writes the kinds that occur: `brackets 2, holes 1`, or nothing.
impl fmt::Display for ArticleResidue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, count)) in self.found().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_residue_names_them() {
        let names = Residue::default().counts().map(|(name, _)| name);
        assert_eq!(KINDS[..N_KINDS - 1], names);
    }

    #[test]
    fn what_is_left_survives_its_text() {
        let residue = Residue { brackets: 2, separators: 70_000, ..Residue::default() };
        for (residue, text) in [
            (ArticleResidue::default(), ""),
            (ArticleResidue::new(&residue, 1), "brackets 2, separators 65535, holes 1"),
            (ArticleResidue::new(&Residue::default(), u32::MAX), "holes 65535"),
        ] {
            assert_eq!(residue.to_string(), text);
            assert_eq!(ArticleResidue::parse(text), Some(residue));
        }
        for text in [
            " ",
            "holes",
            "holes 0",
            "holes 65536",
            "holes 1, tags 1",
            "holes +1",
            "x 1",
            "tags 1,",
        ] {
            assert_eq!(ArticleResidue::parse(text), None, "{text:?}");
        }
    }
}
