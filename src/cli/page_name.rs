//! Pages as a user names them: `en:Elephant`, `en:1007`, or a bare title.

use crossic_operators::segment::Span;

use super::corpus::Corpus;
use crate::sources::TitleRules;

/// A page as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageName {
    /// Name of the source and of its wiki, where the user gave one.
    pub(super) source: Option<(String, String)>,
    /// The title, normalised, or the page id.
    pub(super) title: String,
    /// The page id, if the text is one.
    pub(super) page: Option<u32>,
    /// The text as it stands, which may be the address of a document or what its collection calls it.
    pub(super) text: String,
}

impl PageName {
    /// Reads a name. What stands before a colon counts only if it is a source, a language or a wiki.
    pub(super) fn parse(text: &str, corpus: &Corpus) -> PageName {
        PageName::with_sources(text, |name| {
            corpus.source(name).map(|(name, it)| (name.to_owned(), it.info.wiki.clone()))
        })
    }

    fn with_sources(text: &str, source: impl Fn(&str) -> Option<(String, String)>) -> PageName {
        let split = text.split_once(':');
        let found = split.and_then(|(prefix, rest)| Some((source(prefix.trim())?, rest)));
        match found {
            Some((source, rest)) => PageName {
                source: Some(source),
                title: normal(rest),
                page: rest.trim().parse().ok(),
                text: text.trim().to_owned(),
            },
            None => {
                let text_alone = text.trim().to_owned();
                PageName { source: None, title: normal(text), page: None, text: text_alone }
            }
        }
    }

    /// Returns whether a span is of this page, or of this document.
    pub(super) fn names_span(&self, span: &Span) -> bool {
        match &span.document {
            None => self.names(&span.wiki, span.page, &span.title),
            Some(document) => {
                let bare = self.text.split_once(':').map(|(_, rest)| rest.trim());
                let rest = bare.filter(|_| {
                    self.source.as_ref().is_some_and(|(_, collection)| *collection == span.wiki)
                });
                let is = |name: &str| name == document || Some(name) == span.url.as_deref();
                is(&self.text) || rest.is_some_and(is)
            }
        }
    }

    /// Returns whether this page of this wiki is meant.
    pub(super) fn names(&self, wiki: &str, page: u32, title: &str) -> bool {
        let here = self.source.as_ref().is_none_or(|(_, name)| name == wiki);
        here && (self.page == Some(page) || self.title == normal(title))
    }
}

/// Returns a title as pages and links agree on it on most wikis.
pub(super) fn normal(title: &str) -> String {
    TitleRules::new(None).normalise(title)
}

/// Returns the titles nearest to `title`, the nearest first; at most `n`.
pub(super) fn nearest(title: &str, titles: impl Iterator<Item = String>, n: usize) -> Vec<String> {
    let wanted = title.to_lowercase();
    let length = wanted.chars().count();
    let reach = 1 + length / 4;
    let mut best: Vec<(usize, String)> = Vec::new();
    for title in titles {
        if reach < title.chars().count().abs_diff(length) {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&wanted, &title.to_lowercase());
        if distance <= reach {
            best.push((distance, title));
            // Sorted now and then: a wiki has millions of titles, and few of them matter.
            if 64 < best.len() {
                best.sort();
                best.dedup();
                best.truncate(n);
            }
        }
    }
    best.sort();
    best.dedup();
    best.into_iter().take(n).map(|(_, title)| title).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> PageName {
        PageName::with_sources(text, |name| {
            (name == "web").then(|| ("web".to_owned(), "fineweb-edu".to_owned()))
        })
    }

    #[test]
    fn documents_are_named_by_address_or_id() {
        let span = Span {
            lang: "en".to_owned(),
            wiki: "fineweb-edu".to_owned(),
            page: 0,
            revision: 0,
            title: String::new(),
            paragraph_start: 0,
            paragraph_end: 1,
            token_start: 0,
            token_end: 1,
            title_tokens: 0,
            cut_start: false,
            cut_end: false,
            document: Some("<urn:uuid:7>".to_owned()),
            url: Some("https://example.org/a".to_owned()),
            digest: Some(crossic_operators::record::Digest::of(b"text")),
        };
        for text in ["<urn:uuid:7>", " https://example.org/a", "web:<urn:uuid:7>"] {
            assert!(named(text).names_span(&span), "{text}");
        }
        // No title and no page id means a document, not even those that it seems to have.
        for text in ["", "web:", "web:0", "0", "https://example.org/b", "other:<urn:uuid:7>"] {
            assert!(!named(text).names_span(&span), "{text}");
        }
    }

    fn check(text: &str, source: Option<&str>, title: &str, page: Option<u32>) {
        let read = PageName::with_sources(text, |name| {
            ["en", "th"].contains(&name).then(|| (name.to_owned(), format!("{name}wiki")))
        });
        let source = source.map(|name| (name.to_owned(), format!("{name}wiki")));
        let text = text.to_owned();
        assert_eq!(read, PageName { source, title: title.to_owned(), page, text });
    }

    #[test]
    fn names_are_read() {
        check("en:elephant", Some("en"), "Elephant", None);
        check("th:2007", Some("th"), "2007", Some(2007));
        check("th:ช้าง", Some("th"), "ช้าง", None);
        check("2001:_A Space Odyssey", None, "2001: A Space Odyssey", None);
        check("en:2001: A Space Odyssey", Some("en"), "2001: A Space Odyssey", None);
    }

    #[test]
    fn near_titles_are_found() {
        let titles = || ["Elephant", "Elegant", "Rice", "ช้าง"].map(str::to_owned).into_iter();
        assert_eq!(nearest("elefant", titles(), 3), ["Elegant", "Elephant"]);
        assert_eq!(nearest("ข้าง", titles(), 3), ["ช้าง"]);
        assert!(nearest("Volcano", titles(), 3).is_empty());
    }
}
