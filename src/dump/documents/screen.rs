//! Decides which web documents are of use, and says why the others are not.

use crossic_operators::record::Digest;

use super::{
    document::{Row, WebDocument},
    mirror,
};

/// The longest text that is taken, in bytes; a whole library on one page is no document.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// Fewest words of a text that says something.
const MIN_WORDS: u32 = 50;

/// Why a document was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its score is below the wanted one, or it has none.
    LowScore,
    /// It is in another language, or it is not known or sure that it is not.
    OtherLanguage,
    /// It is a copy of a Wikipedia page, and would be retrieved for that very page.
    WikipediaMirror,
    /// It has too few words.
    NearEmpty,
    /// It has more than 4 MiB of text.
    TooLong,
    /// Another document has the same text and a smaller id.
    Duplicate,
}

impl Reason {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [Reason; 6] = [
        Reason::OtherLanguage,
        Reason::LowScore,
        Reason::TooLong,
        Reason::NearEmpty,
        Reason::WikipediaMirror,
        Reason::Duplicate,
    ];

    /// Returns the reason in kebab-case, as reports and files write it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::LowScore => "low-score",
            Reason::OtherLanguage => "other-language",
            Reason::WikipediaMirror => "wikipedia-mirror",
            Reason::NearEmpty => "near-empty",
            Reason::TooLong => "too-long",
            Reason::Duplicate => "duplicate",
        }
    }
}

/// A refused document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Row or line in its file, counted from 1.
    pub place: u64,
    /// Digest that the document would have as its id.
    pub id: Digest,
    /// What the file calls it; empty where the file has no name for it.
    pub source_id: String,
    /// Why.
    pub reason: Reason,
}

/// What a document must be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Code of the wanted language; `None` takes any, and files without the column too.
    pub language: Option<String>,
    /// Least `language_score`, from 0 to 1; `None` asks for none.
    pub min_language_score: Option<f64>,
    /// Least `score`; `None` asks for none.
    pub min_score: Option<f64>,
    /// Fewest words.
    pub min_words: u32,
    /// Whether copies of Wikipedia pages are let through.
    pub mirrors: bool,
}

impl Default for Screen {
    /// English of at least 50 words that is no copy of Wikipedia, whatever its score.
    fn default() -> Screen {
        Screen {
            language: Some("en".to_owned()),
            min_language_score: None,
            min_score: None,
            min_words: MIN_WORDS,
            mirrors: false,
        }
    }
}

impl Screen {
    /// Returns the document of a row, or why it is refused. Duplicates are not known here.
    pub fn judge(&self, row: Row) -> Result<WebDocument, Refused> {
        let place = row.place;
        // A text that is refused for its length is not worked on, so its id comes from the rest.
        let early = self.refuses_row(&row);
        let document = match early {
            Some(Reason::TooLong) => WebDocument::new(Row { text: String::new(), ..row }),
            _ => WebDocument::new(row),
        };
        match early.or_else(|| self.refuses_text(&document)) {
            None => Ok(document),
            Some(reason) => {
                let (id, source_id) = (document.id, document.source_id);
                Err(Refused { place, id, source_id, reason })
            }
        }
    }

    /// Looks at what costs nothing to look at.
    fn refuses_row(&self, row: &Row) -> Option<Reason> {
        // A score that is absent or no number is not at least anything.
        let reaches = |score: Option<f64>, least: Option<f64>| match least {
            Some(least) => score.is_some_and(|score| least <= score),
            None => true,
        };
        let speaks = match &self.language {
            Some(language) => row.language.as_ref() == Some(language),
            None => true,
        };
        if !speaks || !reaches(row.language_score, self.min_language_score) {
            return Some(Reason::OtherLanguage);
        }
        if !reaches(row.score, self.min_score) {
            return Some(Reason::LowScore);
        }
        (MAX_TEXT_BYTES < row.text.len()).then_some(Reason::TooLong)
    }

    fn refuses_text(&self, document: &WebDocument) -> Option<Reason> {
        let words = document.text.split_whitespace();
        let words = words.filter(|word| word.chars().any(char::is_alphanumeric));
        // A document without any paragraph is never let through.
        let enough = self.min_words.max(1) as usize;
        if words.take(enough).count() < enough {
            return Some(Reason::NearEmpty);
        }
        let mirror =
            !self.mirrors && (mirror::is_url(&document.url) || mirror::is_text(&document.text));
        mirror.then_some(Reason::WikipediaMirror)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row {
            place: 7,
            id: "a".to_owned(),
            url: "https://example.org/".to_owned(),
            text: text.to_owned(),
            language: Some("en".to_owned()),
            language_score: Some(0.9),
            score: Some(3.2),
        }
    }

    fn check(screen: &Screen, row: Row, expected: Option<Reason>) {
        assert_eq!(
            screen.judge(row).err().map(|it| (it.place, it.reason)),
            expected.map(|it| (7, it))
        );
    }

    #[test]
    fn the_first_reason_that_applies_is_given() {
        let text = "word ".repeat(50);
        let strict =
            Screen { min_score: Some(3.0), min_language_score: Some(0.65), ..Screen::default() };
        check(&strict, row(&text), None);
        check(&strict, row(&"word ".repeat(49)), Some(Reason::NearEmpty));
        check(&strict, row(&format!("{} — –", "word ".repeat(49))), Some(Reason::NearEmpty));
        check(&strict, Row { score: Some(2.99), ..row(&text) }, Some(Reason::LowScore));
        check(&strict, Row { score: Some(f64::NAN), ..row(&text) }, Some(Reason::LowScore));
        check(&strict, Row { score: None, ..row("") }, Some(Reason::LowScore));
        let other = Row { language: Some("es".to_owned()), score: None, ..row("") };
        check(&strict, other, Some(Reason::OtherLanguage));
        check(&strict, Row { language: None, ..row(&text) }, Some(Reason::OtherLanguage));
        check(
            &strict,
            Row { language_score: Some(0.6), ..row(&text) },
            Some(Reason::OtherLanguage),
        );
        let long = "word ".repeat(MAX_TEXT_BYTES / 5 + 1);
        check(&strict, row(&long), Some(Reason::TooLong));
        let copy = Row { url: "https://en.wikipedia.org/wiki/Tea".to_owned(), ..row(&text) };
        check(&strict, copy.clone(), Some(Reason::WikipediaMirror));
        check(&Screen { mirrors: true, ..strict }, copy, None);
    }

    #[test]
    fn what_is_not_asked_for_may_be_absent() {
        let any = Screen { language: None, min_words: 0, ..Screen::default() };
        let bare = |text: &str| Row { place: 7, text: text.to_owned(), ..Row::default() };
        check(&any, bare("One."), None);
        check(&any, bare(" — "), Some(Reason::NearEmpty));
    }
}
