//! Where corpora go: one file a sink.

mod arrow_shards;
mod jsonl;
mod retrieval_column;
pub mod shard_file;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crossic_operators::{operator::Key, segment::Segment, vocabulary::Vocabulary};
use serde::{Deserialize, Serialize};
use toml::de::{Error as TomlError, ValueDeserializer};

use crate::{error::Result, storage::mirror::local_dir};

/// A finished shard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Its bucket: a fixed hash of the pair.
    pub bucket: u32,
    /// File name within `shards/`.
    pub file: String,
    /// BLAKE3 hash of the file.
    pub hash: String,
    /// Rows.
    pub rows: u64,
    /// Tokens, closing tokens included.
    pub tokens: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// A shard while it is written: aside, under no final name.
pub trait ShardWriter {
    /// Appends a row.
    fn push(&mut self, segment: &Segment) -> Result<()>;

    /// Makes the shard durable under a name that carries its hash.
    fn finish(self: Box<Self>) -> Result<Shard>;
}

/// The rows of a shard, in order.
pub type Rows = Box<dyn Iterator<Item = Result<Segment>>>;

/// Where a corpus goes, as the pipeline file says it and as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "PathBuf")]
struct CorpusDir {
    place: PathBuf,
    /// The same, or the local directory that stands for a URL.
    local: PathBuf,
}

impl From<PathBuf> for CorpusDir {
    fn from(place: PathBuf) -> CorpusDir {
        CorpusDir { local: local_dir(&place), place }
    }
}

/// A directory that takes a corpus.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Returns the directory in which the corpus is written.
    fn dir(&self) -> &Path;

    /// Returns the directory or URL that the pipeline file names.
    fn place(&self) -> &Path {
        self.dir()
    }

    /// Returns into how many buckets pairs are dealt.
    fn buckets(&self) -> u32;

    /// Returns what is wrong with the knobs taken together.
    fn misfit(&self) -> Option<String> {
        (self.buckets() == 0 || 65_536 < self.buckets())
            .then(|| format!("`buckets` is {}, but must be between 1 and 65536", self.buckets()))
    }

    /// Returns the name of the shard format: `arrow` or `jsonl`.
    fn format(&self) -> &'static str;

    /// Returns every knob with its resolved value; the directory is not one.
    fn knobs(&self) -> BTreeMap<String, serde_json::Value>;

    /// Returns the rows of a shard, or `None` where shards do not hold all of a row.
    fn rows(&self, shard: &Shard) -> Result<Option<Rows>>;

    /// Starts a shard.
    fn shard(&self, bucket: u32, vocabulary: &Vocabulary) -> Result<Box<dyn ShardWriter>>;
}

/// A sink as the pipeline file and `crossic list` know it.
pub struct Descriptor {
    /// The `type` of the pipeline file.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Reads the component's table.
    pub parse: fn(ValueDeserializer<'_>) -> std::result::Result<Box<dyn Sink>, TomlError>,
}

/// Every sink, in alphabetical order.
pub const ALL: &[Descriptor] = &[arrow_shards::SINK, jsonl::SINK];

/// Returns the directory of shards of a corpus directory.
pub fn shards_dir(dir: &Path) -> PathBuf {
    dir.join("shards")
}

fn default_buckets() -> u32 {
    64
}

/// Returns the fields of a serialisable config as knobs.
fn knobs_of(config: &impl Serialize) -> BTreeMap<String, serde_json::Value> {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().collect(),
        _ => unreachable!("a config is a plain struct"),
    }
}
