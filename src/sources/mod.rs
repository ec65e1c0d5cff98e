//! Where data comes from: one file a source, and the readers they share.

mod article_packs;
mod before;
mod cleaner;
mod dump_articles;
mod dump_tables;
mod fineweb_edu;
mod indexed_articles;
mod names;
mod remembered_articles;
mod same_files;
mod table_task;
mod template_redirects;
mod titles;
mod wikipedia_dump;
mod wikipedia_parquet;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use crossic_operators::{
    flow::Kind,
    operator::Key,
    record::{Article, Digest, Langlink, PageId, Redirect, SourceIndex, Title},
    wikitext::ArticleResidue,
};
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};

use self::remembered_articles::RememberedArticles;
pub use self::{
    before::Before,
    template_redirects::{TemplateRedirects, TemplateTables},
    titles::TitleRules,
};
use crate::{
    dump::documents::screen::Screen,
    error::Result,
    store::{row::Row, snapshot::SnapshotWriter, texts::TextStore},
    work::Work,
};

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

/// A row that comes (+1) or goes (-1).
pub type Signed<R> = (R, i32);

/// What the last build knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// A row of a table.
    Table(TableRow),
    /// A wanted page.
    Article(PageId, Reading),
}

/// What reading the article dump came to for one page; by default the dump lacks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The article; `None` if the dump lacks the page.
    pub article: Option<Article>,
    /// Digest of the compressed stream that holds the page; all zeros where streams are not told
    /// apart.
    pub stream: Digest,
    /// What is left in its text of markup and holes; nothing if it has none.
    pub residue: ArticleResidue,
}

/// What a task finds of a wanted page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// The page was read: what it is, in which compressed stream, and what is left in its text.
    Read(PageId, Article, Digest, ArticleResidue),
    /// The page is, byte for byte, what it was at the last build.
    Same(PageId),
}

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
    /// Where the names of linked articles go, too, and by which language: those of English ones are
    /// asked for when documents are searched.
    pub names_of: Option<String>,
    /// Whether the links of articles are kept, for their keywords.
    pub keep_links: bool,
    /// Where cleaned texts and snapshots go.
    pub store: Arc<TextStore>,
    /// What the last build left of the source.
    pub before: Arc<Before>,
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

    /// Returns what was counted since the last call.
    fn counts(&mut self) -> SourceCounts;

    /// Returns what was done since the last call.
    fn work(&mut self) -> Work {
        Work::default()
    }

    /// Returns the names of the files in `memos/` that the task made or found again.
    fn memos(&mut self) -> Vec<String> {
        Vec::new()
    }

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

impl Snapshot {
    /// Makes the snapshot of a table of a source durable.
    pub fn finish<R: Row + Ord>(writer: SnapshotWriter<R>, source: &str) -> Result<Snapshot> {
        let info = writer.finish(&format!("{source}-{}", R::TABLE))?;
        Ok(Snapshot {
            source: source.to_owned(),
            table: R::TABLE.to_owned(),
            file: format!("snapshots/{}", info.file),
            hash: info.hash,
            rows: info.rows,
        })
    }
}

/// The tasks of a source, by the phase of a build that they belong to.
pub struct Tasks {
    /// Read what the last build knew.
    pub remembered: Vec<Box<dyn Task<Remembered>>>,
    /// Read the tables, and say what changed.
    pub tables: Vec<Box<dyn Task<Signed<TableRow>>>>,
    /// Read the wanted articles.
    pub articles: Vec<Box<dyn Task<Finding>>>,
}

impl Tasks {
    /// Returns the tasks of a source that knows the articles of the last build, and nothing else.
    fn remembering(before: &Before) -> Result<Tasks> {
        let mut tasks = Tasks { remembered: Vec::new(), tables: Vec::new(), articles: Vec::new() };
        if let Some(rows) = before.rows()? {
            tasks.remembered.push(Box::new(RememberedArticles(rows)));
        }
        Ok(tasks)
    }
}

/// Files of web documents, and which of these are taken.
#[derive(Clone, Debug)]
pub struct WebDocuments {
    /// The files, in the order of their paths.
    pub files: Vec<PathBuf>,
    /// Their names without folders.
    pub names: Vec<String>,
    /// What a document must be like.
    pub screen: Screen,
}

/// A place where data comes from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Finds the files; returns what is wrong with them.
    fn open(&mut self) -> Result<()>;

    /// Returns what the source writes.
    fn writes(&self) -> Kind {
        Kind::Wiki
    }

    /// Returns the documents of the source, if it has any; known once the source is open.
    fn documents(&self) -> Option<&WebDocuments> {
        None
    }

    /// Returns what the wiki is called; known once the source is open.
    fn info(&self) -> &WikiInfo;

    /// Returns how titles of the wiki are written.
    fn title_rules(&self) -> Arc<TitleRules>;

    /// Returns the tables that decide, beside the knobs, how articles are cleaned.
    fn template_tables(&self) -> Option<&TemplateTables> {
        None
    }

    /// Returns the digest of what these tables change, if they change anything; reads them unless
    /// that has been done.
    fn template_aliases(&self) -> Result<Option<Digest>> {
        Ok(None)
    }

    /// Returns every input file, in the order of reading.
    fn files(&self) -> Vec<PathBuf>;

    /// Returns what a user should know of the files, such as a table that is absent.
    fn notes(&self) -> Vec<String>;

    /// Counts the language links into each of some languages, reading the table for it.
    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers>;

    /// Returns every knob with its resolved value.
    fn knobs(&self) -> BTreeMap<String, serde_json::Value>;

    /// Returns the article files, in the order of reading.
    fn article_files(&self) -> Vec<PathBuf>;

    /// Returns the tasks that read the source; `name` is the source's name in the plan.
    fn tasks(&self, name: &str, cx: &SourceContext) -> Result<Tasks>;
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
pub const ALL: &[Descriptor] =
    &[fineweb_edu::SOURCE, wikipedia_dump::SOURCE, wikipedia_parquet::SOURCE];

/// Returns the fields of a serialisable config as knobs.
fn knobs_of(config: &impl Serialize) -> BTreeMap<String, serde_json::Value> {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().collect(),
        _ => unreachable!("a config is a plain struct"),
    }
}
