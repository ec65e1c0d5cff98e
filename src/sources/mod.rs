//! Where data comes from: one file a source, and the readers they share.

mod article_packs;
mod dump_articles;
mod dump_tables;
mod titles;
mod wikipedia_dump;
mod wikipedia_parquet;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use crossic_operators::{
    flow::Kind,
    operator::Key,
    record::{Article, Langlink, PageId, Redirect, SourceIndex, Title},
};
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};

pub use self::titles::TitleRules;
use crate::{error::Result, store::texts::TextStore};

/// What a wiki is called and where its pages can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WikiInfo {
    /// Name of the wiki: `enwiki`.
    pub wiki: String,
    /// Language code as `langlinks` writes it: `en`.
    pub lang: String,
    /// Date of the dump as its files are named.
    pub date: String,
    /// Address of the main page, or of the wiki.
    pub base: String,
}

impl WikiInfo {
    /// Returns the address of a page by its id.
    pub fn page_url(&self, page: PageId, revision: u64) -> String {
        let host = self.base.split('/').take(3).collect::<Vec<_>>().join("/");
        match revision {
            0 => format!("{host}/?curid={page}"),
            _ => format!("{host}/?oldid={revision}"),
        }
    }
}

/// A row of one of a wiki's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TableRow {
    /// A page of namespace 0.
    Title(Title),
    /// A language link.
    Langlink(Langlink),
    /// A redirect.
    Redirect(Redirect),
    /// A disambiguation page.
    Disambiguation(PageId),
}

/// What the article dump says of a wanted page.
pub type ArticleRow = (PageId, Article);

/// Language links by the language they lead to.
pub type LinkNumbers = Vec<(String, u64)>;

/// Quantities that sources count while they read, by name.
pub type SourceCounts = BTreeMap<String, u64>;

/// What a source needs to know of the rest of the pipeline.
#[derive(Clone)]
pub struct SourceContext {
    /// Its own position.
    pub index: SourceIndex,
    /// Language code → source and title rules, for every wiki of the pipeline.
    pub languages: Arc<BTreeMap<String, (SourceIndex, Arc<TitleRules>)>>,
    /// Where cleaned texts and snapshots go.
    pub store: Arc<TextStore>,
}

/// Pages whose text some operator wants.
#[derive(Clone, Debug, Default)]
pub struct Wanted(pub rustc_hash::FxHashSet<PageId>);

/// A share of the reading that one worker does, a bit at a time.
pub trait Task<R>: Send {
    /// Reads about `budget` bytes more and appends rows; returns whether there is more to read.
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<R>) -> Result<bool>;

    /// Returns the bytes of the input read so far, as the file system counts them.
    fn bytes_read(&self) -> u64;

    /// Returns what was counted, once the task is done.
    fn counts(&mut self) -> SourceCounts;

    /// Returns the snapshot that the task wrote, once it is done.
    fn snapshot(&mut self) -> Option<Snapshot> {
        None
    }
}

/// A snapshot of one table of one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Snapshot {
    /// Name of the source.
    pub source: String,
    /// Name of the table.
    pub table: String,
    /// File within the corpus directory.
    pub file: String,
    /// BLAKE3 hash of the file.
    pub hash: String,
    /// Rows.
    pub rows: u64,
}

/// A place where data comes from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Finds the files; returns what is wrong with them.
    fn open(&mut self) -> Result<()>;

    /// Returns what the wiki is called; known once the source is open.
    fn info(&self) -> &WikiInfo;

    /// Returns how titles of the wiki are written.
    fn title_rules(&self) -> Arc<TitleRules>;

    /// Returns every input file, in the order of reading.
    fn files(&self) -> Vec<PathBuf>;

    /// Returns what a user should know of the files, such as a table that is absent.
    fn notes(&self) -> Vec<String>;

    /// Counts the language links into each of some languages, reading the table for it.
    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers>;

    /// Returns every knob with its resolved value.
    fn knobs(&self) -> BTreeMap<String, serde_json::Value>;

    /// Returns the tasks that read the tables.
    fn table_tasks(&self, name: &str, cx: &SourceContext) -> Result<Vec<Box<dyn Task<TableRow>>>>;

    /// Returns the tasks that read the articles.
    fn article_tasks(
        &self,
        name: &str,
        cx: &SourceContext,
    ) -> Result<Vec<Box<dyn Task<ArticleRow>>>>;
}

/// A source as the pipeline file and `crossic list` know it.
pub struct Descriptor {
    /// The `type` of the pipeline file.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What it writes.
    pub writes: Kind,
    /// Its keys.
    pub keys: &'static [Key],
    /// Keys whose defaults differ under `profile = "paper"`, as a TOML table.
    pub paper: &'static str,
    /// Reads the component's table.
    pub parse: fn(ValueDeserializer<'_>) -> std::result::Result<Box<dyn Source>, TomlError>,
}

/// Every source, in alphabetical order.
pub const ALL: &[Descriptor] = &[wikipedia_dump::SOURCE, wikipedia_parquet::SOURCE];

/// Returns the fields of a serialisable config as knobs.
fn knobs_of(config: &impl Serialize) -> BTreeMap<String, serde_json::Value> {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().collect(),
        _ => unreachable!("a config is a plain struct"),
    }
}
