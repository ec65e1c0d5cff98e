//! The manifest: the one mutable name of a corpus directory, written last.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crossic_operators::record::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    config::plan::Resolved,
    error::{Error, Result},
    io,
    sinks::Shard,
    sources::{Snapshot, WikiInfo},
};

/// The name of the manifest in a corpus directory.
pub const FILE_NAME: &str = "manifest.json";

/// The version of the layout of corpus directories that this crossic reads and writes.
pub const FORMAT: u32 = 4;

/// What a corpus is made of, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the directory's layout.
    pub format: u32,
    /// Version of crossic.
    pub crossic: String,
    /// Digest of `plan`.
    pub plan_digest: String,
    /// Digest of the shards: two corpora with one digest hold the same rows in the same order.
    pub corpus_digest: String,
    /// The plan with every knob resolved.
    pub plan: Resolved,
    /// Whether rows are segments or documents.
    pub rows: RowKind,
    /// How shards are written: `arrow` or `jsonl`.
    pub shard_format: String,
    /// N; documents may be longer.
    pub tokens: u64,
    /// The tokenizer.
    pub tokenizer: TokenizerInfo,
    /// The sources by name.
    pub sources: BTreeMap<String, SourceInfo>,
    /// Shards in the order of their buckets.
    pub shards: Vec<Shard>,
    /// Packs of cleaned text.
    pub packs: Vec<String>,
    /// Sorted rows of the inputs.
    pub snapshots: Vec<Snapshot>,
    /// What the next build need not work out again: files in `memos/`.
    #[serde(default)]
    pub memos: Vec<String>,
    /// Other files of the corpus and their hashes: rejects, report, dataset card.
    pub files: BTreeMap<String, String>,
    /// Counts of the whole corpus.
    pub totals: Totals,
    /// Corpus digest of the build this one went on from.
    pub parent: Option<String>,
    /// What changed since the parent.
    #[serde(default)]
    pub delta: Option<Delta>,
}

/// What changed between two corpora of one directory, in rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Rows that the parent lacks.
    pub added: u64,
    /// Rows that only the parent has.
    pub removed: u64,
    /// Rows of both; the revisions they name may differ.
    pub unchanged: u64,
    /// File within the corpus directory that lists them: columns `id` and `added`.
    pub file: String,
}

/// What a row of a corpus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// At most N tokens, closed by [SPLIT].
    Segments,
    /// Whole documents of any length, closed by EOS.
    Documents,
}

/// The tokenizer of a corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerInfo {
    /// File within the corpus directory: a copy of the tokenizer.
    pub file: String,
    /// BLAKE3 hash of the file.
    pub hash: String,
    /// Ids in use, without the closing token where it is added.
    pub size: u32,
    /// Text of the token that closes every row.
    pub closing: String,
    /// Its id.
    pub closing_id: u32,
    /// Whether the model needs a new embedding row for it.
    pub closing_added: bool,
    /// The token that belongs before a window, counted against N.
    pub bos_id: Option<u32>,
}

/// One source of a corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// What the wiki is called, or the collection of documents.
    #[serde(rename = "wiki")]
    pub info: WikiInfo,
    /// Whether it holds web documents, not a wiki.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub documents: bool,
    /// Digest of what the redirects between its templates change, if they change anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_aliases: Option<String>,
    /// Input files in the order of reading.
    pub files: Vec<InputFile>,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its name, without directories.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its BLAKE3 hash.
    pub hash: String,
}

/// Counts of a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Pairs with at least one row.
    pub pairs: u64,
    /// Rows.
    pub rows: u64,
    /// Tokens, closing tokens included.
    pub tokens: u64,
}

/// Returns the digest of a corpus: that of its shards, which are named by their content.
pub fn corpus_digest(shards: &[Shard]) -> Digest {
    let names: Vec<&[u8]> = shards.iter().map(|shard| shard.file.as_bytes()).collect();
    Digest::of_fields(&names)
}

impl Manifest {
    /// Reads the manifest of a corpus directory.
    ///
    /// # Errors
    ///
    /// There is none, it is damaged, or a newer crossic wrote it.
    pub fn read(dir: &Path) -> Result<Manifest> {
        let path = dir.join(FILE_NAME);
        let wrong = |what: String, hint: &str| Error::Directory {
            dir: dir.to_owned(),
            what,
            hint: hint.to_owned(),
        };
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let what = format!("holds no corpus: it has no `{FILE_NAME}`");
                return Err(wrong(what, "give the `dir` of a sink of a finished build"));
            }
            Err(error) => return Err(error.into()),
        };
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        match serde_json::from_str::<Version>(&text) {
            Ok(version) if FORMAT < version.format => {
                let what = format!("was written by a newer crossic (layout {})", version.format);
                return Err(wrong(what, "update crossic"));
            }
            _ => {}
        }
        serde_json::from_str(&text).map_err(|cause| {
            let what = format!("has a damaged `{FILE_NAME}`: {cause}");
            wrong(what, "build the corpus again")
        })
    }

    /// Returns the manifest of a directory, or `None` if there is none.
    pub fn find(dir: &Path) -> Result<Option<Manifest>> {
        match dir.join(FILE_NAME).exists() {
            true => Manifest::read(dir).map(Some),
            false => Ok(None),
        }
    }

    /// Returns whether this crossic lays out snapshots and memos as the one did that wrote the manifest: only then can
    /// a build take anything from them.
    pub fn is_of_this_layout(&self) -> bool {
        self.format == FORMAT
    }

    /// Replaces the manifest of a corpus directory.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .unwrap_or_else(|_| unreachable!("a manifest is plain data"));
        text.push('\n');
        Ok(io::replace(&dir.join(FILE_NAME), text.as_bytes())?)
    }

    /// Returns every file of the corpus directory that the corpus is made of, by its path from
    /// there, the manifest included.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::from([FILE_NAME.to_owned(), self.tokenizer.file.clone()]);
        names.extend(self.shards.iter().map(|shard| format!("shards/{}", shard.file)));
        names.extend(self.packs.iter().map(|pack| format!("packs/{pack}")));
        names.extend(self.snapshots.iter().map(|snapshot| snapshot.file.clone()));
        names.extend(self.memos.iter().map(|memo| format!("memos/{memo}")));
        names.extend(self.files.keys().cloned());
        names
    }

    /// Returns the path of a shard.
    pub fn shard_path(&self, dir: &Path, shard: &Shard) -> PathBuf {
        crate::sinks::shards_dir(dir).join(&shard.file)
    }

    /// Returns the names of the collections of web documents among the sources, sorted.
    pub fn collections(&self) -> Vec<&str> {
        let documents = self.sources.values().filter(|source| source.documents);
        let mut names: Vec<&str> = documents.map(|source| source.info.wiki.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Returns the name of the source of a wiki or collection.
    pub fn source_of_wiki(&self, wiki: &str) -> Option<(&str, &SourceInfo)> {
        let found = self.sources.iter().find(|(_, source)| source.info.wiki == wiki);
        found.map(|(name, source)| (name.as_str(), source))
    }
}
