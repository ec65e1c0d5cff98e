//! The fate of a page, as facts: what `--json` writes and what the text is made of.

use std::collections::BTreeMap;

use crossic_operators::{reject::Reason, segment::Retrieval};
use serde::Serialize;

use super::words::words;
use crate::report::numbers::counted;

/// A page of a source, or a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct PageRef {
    /// Name of the source.
    pub(super) source: String,
    /// Page id.
    pub(super) page: u32,
    /// What the collection calls the document, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<String>,
    /// Title, where it is known.
    pub(super) title: Option<String>,
    /// Address of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

/// A page by its source, and a document by its source and what that calls it.
pub(super) type Key = (String, u32, Option<String>);

impl PageRef {
    /// Returns a page or a document of which nothing else is known.
    pub(super) fn new(key: &Key) -> PageRef {
        let (source, page, document) = key.clone();
        PageRef { source, page, document, title: None, url: None }
    }

    /// Returns which page or document it is.
    pub(super) fn key(&self) -> Key {
        (self.source.clone(), self.page, self.document.clone())
    }
}

/// Everything known of a page.
#[derive(Debug, Serialize)]
pub(super) struct Fate {
    /// The page.
    pub(super) page: PageRef,
    /// Language code.
    pub(super) lang: String,
    /// Where to read it.
    pub(super) url: String,
    /// The whole answer in a sentence.
    pub(super) verdict: String,
    /// What the `page` table says; `None` if it does not have it.
    pub(super) table: Option<Listed>,
    /// What the article dump says; `None` if it was not asked, or does not have it.
    pub(super) article: Option<Article>,
    /// Language links from and to the page, within the pipeline's languages.
    pub(super) links: Vec<Link>,
    /// Why no document was found for the page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unanswered: Vec<Refused>,
    /// Pairs that the page is in, or might have been.
    pub(super) pairs: Vec<Pair>,
}

/// A row of the `page` table.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// Its latest revision.
    pub(super) latest: u64,
    /// Whether the page is a redirect.
    pub(super) redirect: bool,
    /// The title that the redirect leads to, as the dump has it.
    pub(super) leads_to: Option<String>,
    /// Whether `page_props` calls it a disambiguation page.
    pub(super) disambiguation: bool,
}

/// What the article dump says of the page.
#[derive(Debug, Serialize)]
pub(super) struct Article {
    /// `text`, or why there is none.
    pub(super) state: String,
    /// The revision it was read from.
    pub(super) revision: u64,
    /// Characters in title and paragraphs.
    pub(super) n_chars: u32,
    /// Paragraphs.
    pub(super) n_paragraphs: u32,
    /// Digest of the cleaned text.
    pub(super) digest: String,
    /// Kinds of markup that are left in it, and `holes`, each with its count.
    pub(super) residue: BTreeMap<&'static str, u16>,
}

/// Whose link it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Side {
    /// The page holds the link.
    Out,
    /// Another page links to the page.
    In,
}

/// A language link.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    /// Whose it is.
    pub(super) side: Side,
    /// The other source.
    pub(super) source: String,
    /// The title that the link names.
    pub(super) title: String,
    /// The page at the other end, where the link leads to an article.
    pub(super) other: Option<PageRef>,
    /// Why the link was refused.
    pub(super) refused: Option<Refused>,
    /// Whether the pipeline pairs these two sources.
    pub(super) used: bool,
    /// Whether documents are asked for by the title that the link names.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) asked: bool,
}

/// A pair that the page is in, or might have been.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    /// The other page.
    pub(super) other: PageRef,
    /// How well its document answers, where one was found for this very page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Found>,
    /// Why the pair was refused.
    pub(super) refused: Vec<Refused>,
    /// Its rows in the corpus.
    pub(super) rows: Vec<Row>,
}

/// How a document was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    /// Mean of the two scores that the retrieval names.
    pub(super) score: f64,
    /// The rest of it.
    #[serde(flatten)]
    pub(super) retrieval: Retrieval,
}

/// A row of the corpus.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Its id.
    pub(super) id: String,
    /// Position within the pair.
    pub(super) index: u32,
    /// Its tokens.
    pub(super) tokens: u64,
    /// Tokens that come from the page in question.
    pub(super) tokens_of_page: u64,
    /// Whether it begins inside a paragraph.
    pub(super) cut_start: bool,
    /// Whether it ends a language inside a paragraph.
    pub(super) cut_end: bool,
    /// The file it is in.
    pub(super) shard: String,
}

/// A refusal in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refused {
    /// The component that refused.
    pub(super) stage: String,
    /// The reason, as reports write it.
    pub(super) reason: &'static str,
    /// What that means.
    pub(super) meaning: &'static str,
    /// What could be done about it.
    pub(super) remedy: &'static str,
}

impl Refused {
    /// Returns a refusal in words.
    pub(super) fn new(stage: String, reason: Reason) -> Refused {
        let (meaning, remedy) = words(reason);
        Refused { stage, reason: reason.name(), meaning, remedy }
    }
}

impl Fate {
    /// Returns the rows of all pairs.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.pairs.iter().flat_map(|pair| &pair.rows)
    }

    /// Returns the answer in a sentence.
    pub(super) fn judge(&self) -> String {
        let n_rows = self.rows().count();
        if n_rows != 0 {
            let n_tokens: u64 = self.rows().map(|row| row.tokens_of_page).sum();
            let n_pairs = self.pairs.iter().filter(|pair| !pair.rows.is_empty()).count();
            let [tokens, rows, pairs] =
                [(n_tokens, "token"), (n_rows as u64, "row"), (n_pairs as u64, "pair")]
                    .map(|(n, noun)| counted(n, noun));
            return format!("in the corpus: {tokens} in {rows} of {pairs}");
        }
        let why = match &self.table {
            Some(listed) if listed.redirect => "it is a redirect, and has no text of its own",
            Some(listed) if listed.disambiguation => "it is a disambiguation page",
            _ if self.pairs.is_empty() && !self.unanswered.is_empty() => {
                self.unanswered.first().map_or("", |refused| refused.meaning)
            }
            _ if self.links.is_empty() && self.pairs.is_empty() => {
                "no language link of the pipeline's languages leads from it or to it"
            }
            _ if self.links.iter().all(|link| !link.used) && self.pairs.is_empty() => {
                "the pipeline does not pair the languages that it is linked with"
            }
            _ => match self.pairs.iter().flat_map(|pair| &pair.refused).next() {
                Some(refused) => refused.meaning,
                None => match self.links.iter().find_map(|link| link.refused.as_ref()) {
                    Some(refused) if self.pairs.is_empty() => refused.meaning,
                    _ => "none of its pairs has rows",
                },
            },
        };
        format!("not in the corpus: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(source: &str, page: u32) -> PageRef {
        PageRef::new(&(source.to_owned(), page, None))
    }

    fn fate() -> Fate {
        Fate {
            page: page("en", 1),
            lang: "en".to_owned(),
            url: String::new(),
            verdict: String::new(),
            table: None,
            article: None,
            links: Vec::new(),
            unanswered: Vec::new(),
            pairs: Vec::new(),
        }
    }

    #[test]
    fn a_page_without_documents_is_told_why() {
        let mut fate = fate();
        fate.unanswered.push(Refused::new("found".to_owned(), Reason::NoDocument));
        assert!(fate.judge().contains("no document is near enough"));
    }

    #[test]
    fn the_verdict_names_the_last_obstacle() {
        let mut fate = fate();
        assert!(fate.judge().contains("no language link"));
        fate.links.push(Link {
            side: Side::Out,
            source: "th".to_owned(),
            title: "ช้าง".to_owned(),
            other: None,
            refused: Some(Refused::new("pairs".to_owned(), Reason::DeadLink)),
            used: true,
            asked: false,
        });
        assert!(fate.judge().contains("no page bears the title"));
        let refused = vec![Refused::new("filter".to_owned(), Reason::TargetTooShort)];
        fate.pairs.push(Pair { other: page("th", 2), found: None, refused, rows: Vec::new() });
        assert!(fate.judge().contains("too short"));
        let row = Row {
            id: String::new(),
            index: 0,
            tokens: 12,
            tokens_of_page: 5,
            cut_start: false,
            cut_end: false,
            shard: String::new(),
        };
        let other = page("es", 2);
        fate.pairs.push(Pair { other, found: None, refused: Vec::new(), rows: vec![row] });
        assert_eq!(fate.judge(), "in the corpus: 5 tokens in 1 row of 1 pair");
    }
}
