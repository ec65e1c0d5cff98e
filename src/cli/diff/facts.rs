//! What moved between two corpora, as facts: what `--json` writes and what the text is made of.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::manifest::RowKind;

/// A value in the old corpus and in the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Change<T> {
    /// In the old corpus.
    pub(super) old: T,
    /// In the new corpus.
    pub(super) new: T,
}

impl<T: PartialEq> Change<T> {
    /// Returns whether both are the same.
    pub(super) fn same(&self) -> bool {
        self.old == self.new
    }
}

/// Everything that moved.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    /// Whether anything differs at all.
    pub(super) moved: bool,
    /// The two corpora.
    pub(super) corpora: Change<Named>,
    /// Knobs of the plan that differ, by dotted key.
    pub(super) knobs: BTreeMap<String, Change<Option<Value>>>,
    /// The sources by name.
    pub(super) sources: BTreeMap<String, Source>,
    /// Pairs by their languages, English first.
    pub(super) pairs: BTreeMap<String, Pairs>,
    /// Tokens of text by language; closing tokens are in `total` only.
    pub(super) tokens: BTreeMap<String, Change<u64>>,
    /// All tokens, closing tokens included.
    pub(super) total: Change<u64>,
    /// What could not be compared, and why.
    pub(super) notes: Vec<String>,
}

/// A corpus by name.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    /// Its directory, as the user gave it.
    pub(super) dir: String,
    /// Digest of its shards.
    pub(super) corpus_digest: String,
    /// Version of the crossic that built it.
    pub(super) crossic: String,
    /// What its rows are.
    pub(super) rows: RowKind,
}

/// What moved in one source.
#[derive(Debug, Serialize)]
pub(super) struct Source {
    /// Name of the wiki.
    pub(super) wiki: String,
    /// Date of the dump; `None` if the corpus has no such source.
    pub(super) date: Change<Option<String>>,
    /// Input files that are the same in both.
    pub(super) same_files: u64,
    /// Input files that differ, by name with `DATE` for the date of the dump.
    pub(super) files: BTreeMap<String, Change<Option<File>>>,
    /// Pages and articles; `None` if a corpus keeps no snapshots of them.
    pub(super) pages: Option<Pages>,
    /// Language links by the language they lead to.
    pub(super) links: BTreeMap<String, Links>,
}

/// An input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct File {
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Its BLAKE3 hash.
    pub(super) hash: String,
}

/// What moved among the pages of a wiki.
#[derive(Debug, Default, Serialize)]
pub(super) struct Pages {
    /// Pages of namespace 0, redirects included.
    pub(super) pages: Change<u64>,
    /// Redirects among them.
    pub(super) redirects: Change<u64>,
    /// Articles whose cleaned text was read.
    pub(super) texts: Change<u64>,
    /// What became of pages.
    pub(super) page_moves: Vec<Moves<Page>>,
    /// What became of articles.
    pub(super) article_moves: Vec<Moves<Page>>,
}

/// What moved among the links of a wiki into one language.
#[derive(Debug, Default, Serialize)]
pub(super) struct Links {
    /// Links.
    pub(super) links: Change<u64>,
    /// What became of them.
    pub(super) moves: Vec<Moves<Link>>,
}

/// What moved among the pairs of two languages.
#[derive(Debug, Default, Serialize)]
pub(super) struct Pairs {
    /// Pairs with rows.
    pub(super) pairs: Change<u64>,
    /// Pairs with the same rows in both corpora.
    pub(super) same_pairs: u64,
    /// Rows.
    pub(super) rows: Change<u64>,
    /// Rows that are in both corpora, by their id.
    pub(super) same_rows: u64,
    /// Rows of the new corpus only.
    pub(super) rows_added: u64,
    /// Rows of the old corpus only.
    pub(super) rows_removed: u64,
    /// What became of pairs.
    pub(super) moves: Vec<Moves<Pair>>,
}

/// One way in which records moved.
#[derive(Debug, Serialize)]
pub(super) struct Moves<T> {
    /// What became of them.
    pub(super) kind: String,
    /// How many.
    pub(super) count: u64,
    /// Why, where that is asked, with how many each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reasons: BTreeMap<String, u64>,
    /// The largest of them.
    pub(super) examples: Vec<T>,
}

/// A page that moved.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    /// Page id.
    pub(super) page: u32,
    /// Its title.
    pub(super) title: Change<Option<String>>,
    /// Where it leads, if it is a redirect.
    pub(super) leads_to: Change<Option<String>>,
    /// The revision that was read, or else its latest.
    pub(super) revision: Change<Option<u64>>,
    /// Characters of its cleaned text.
    pub(super) characters: Change<Option<u32>>,
    /// Where to read it.
    pub(super) url: String,
}

/// A language link that moved.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    /// The page that holds it.
    pub(super) page: u32,
    /// The title of that page.
    pub(super) title: Option<String>,
    /// The title that the link names.
    pub(super) names: Change<Option<String>>,
    /// Where to read the page that holds it.
    pub(super) url: String,
}

/// A pair that moved.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    /// Its id.
    pub(super) pair: String,
    /// Its articles, English first.
    pub(super) sides: Vec<Side>,
    /// Its rows.
    pub(super) rows: Change<u64>,
    /// Its tokens, closing tokens included.
    pub(super) tokens: Change<u64>,
    /// Why it came or went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// One article of a pair.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    /// Language code.
    pub(super) lang: String,
    /// Page id.
    pub(super) page: u32,
    /// Its title, the new one if there is one.
    pub(super) title: String,
    /// The revision its text was read from.
    pub(super) revision: Change<Option<u64>>,
    /// Where to read it.
    pub(super) url: String,
}
