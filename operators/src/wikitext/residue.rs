//! What markup is left in cleaned text: counts by kind, so that a leak is seen in any language.
//!
//! A count is a sign, not a verdict: an article on wikitext or programming holds such characters in
//! its own right. One pass over the text, from one special byte to the next.

mod article;
mod places;
#[cfg(test)]
mod twin;

pub use article::{ArticleResidue, KINDS};

use self::places::Places;
use super::Site;

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
    let mut places = Places::new(site);
    for text in paragraphs {
        places.count(text);
    }
    places.found
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
