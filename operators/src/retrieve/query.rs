//! The two questions that an article asks: its title, and its title with its keywords.

use super::keywords::Keywords;
use crate::record::Digest;

/// The texts of the two questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questions {
    /// The English title.
    pub title: String,
    /// The English title and the keywords, with commas between; the title if there are none.
    pub full: String,
    /// Digest of the text of its English counterpart, where that is read.
    pub counterpart: Option<Digest>,
}

/// Returns the questions of an article.
///
/// What a keyword's title has in brackets to tell it from others is a keyword of its own.
///
/// ```
/// use crossic_operators::retrieve::{keywords::{Keyword, Keywords, Reach}, query::questions};
/// let planet = Keyword { english: "Mercury (planet)".into(), page: 1, score: 0 };
/// let asked = questions("Sun", &Keywords { list: vec![planet], reach: Reach::Prose });
/// assert_eq!((asked.title.as_str(), asked.full.as_str()), ("Sun", "Sun, Mercury, planet"));
/// ```
pub fn questions(english: &str, keywords: &Keywords) -> Questions {
    let mut parts: Vec<&str> = vec![english];
    for keyword in &keywords.list {
        let (name, qualifier) = split_title(&keyword.english);
        for part in [name, qualifier] {
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    Questions { title: english.to_owned(), full: parts.join(", "), counterpart: None }
}

/// Splits a title into the name and what stands in brackets at its end.
fn split_title(title: &str) -> (&str, &str) {
    let split = title.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    match split {
        Some((name, qualifier)) => (name.trim(), qualifier.trim()),
        None => (title, ""),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::keywords::{Keyword, Reach},
        *,
    };

    #[track_caller]
    fn check(title: &str, keywords: &[&str], expected: &str) {
        let keyword =
            |english: &&str| Keyword { english: (*english).to_owned(), page: 0, score: 0 };
        let list = keywords.iter().map(keyword).collect();
        assert_eq!(questions(title, &Keywords { list, reach: Reach::Prose }).full, expected);
    }

    #[test]
    fn qualifiers_are_keywords_once() {
        check("Sun", &[], "Sun");
        check("Sun", &["Mercury (planet)", "Mars (planet)"], "Sun, Mercury, planet, Mars");
        check("Sun", &["Sun (star)", "(a)", "f(x)", "Odd ()"], "Sun, star, (a), f(x), Odd");
    }

    proptest! {
        #[test]
        fn any_title_makes_questions(title in ".{0,9}", keywords in prop::collection::vec("[a (（)]{0,6}", 0..4)) {
            let borrowed: Vec<&str> = keywords.iter().map(String::as_str).collect();
            let keyword = |english: &&str| Keyword { english: (*english).to_owned(), page: 0, score: 0 };
            let list = borrowed.iter().map(keyword).collect();
            let asked = questions(&title, &Keywords { list, reach: Reach::Prose });
            prop_assert!(asked.full.starts_with(&asked.title));
        }
    }
}
