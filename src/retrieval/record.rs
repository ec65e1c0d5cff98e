//! What is kept of a file of documents: where its vectors lie, and what was counted.

use std::path::Path;

use crossic_operators::record::Digest;
use serde::{Deserialize, Serialize};

use crate::{error::Result, io, sources::SourceCounts, store::memos};

/// How the names of records begin.
const PREFIX: &str = "documents-";

/// What is kept of a file of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Digest of the file and of all that decides what is made of it.
    pub(super) key: String,
    /// Digest of what lies in the files below.
    pub(super) content: String,
    /// The file of documents and vectors.
    pub(super) documents: String,
    /// The graph over the vectors, if there is one.
    pub(super) graph: Option<String>,
    /// Documents with distinct texts.
    pub(super) n_documents: u64,
    /// What was counted while the file was read.
    pub(super) counts: SourceCounts,
}

impl Record {
    /// Returns the name of a record's file.
    pub(super) fn file(key: Digest) -> String {
        format!("{PREFIX}{key}.json")
    }

    /// Returns the names of all files that belong to it.
    pub(super) fn files(&self, key: Digest) -> Vec<String> {
        let own = [Record::file(key), self.documents.clone()];
        own.into_iter().chain(self.graph.clone()).collect()
    }

    /// Returns the record in a file, or `None` if it is missing or damaged: then the documents are
    /// encoded again.
    pub(super) fn read(path: &Path) -> Option<Record> {
        let record: Record = serde_json::from_slice(&fs_err::read(path).ok()?).ok()?;
        // Names of files come out of the record: they may only be ours.
        let ours = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.');
        let is_ours = ours(&record.documents) && record.graph.as_ref().is_none_or(ours);
        is_ours.then_some(record)
    }

    /// Returns whether its files are there and hold what their names say.
    pub(super) fn is_whole(&self, dir: &Path) -> bool {
        let folder = dir.join(memos::FOLDER);
        std::iter::once(&self.documents).chain(&self.graph).all(|name| {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            let digits = stem.rsplit_once('-').map_or("", |(_, digits)| digits);
            let hash = io::hash_file(&folder.join(name));
            16 <= digits.len() && hash.is_ok_and(|hash| hash.starts_with(digits))
        })
    }

    /// Removes its files, as far as they are there: a damaged one would be kept for its name.
    pub(super) fn remove(&self, dir: &Path) -> Result<()> {
        for name in std::iter::once(&self.documents).chain(&self.graph) {
            match fs_err::remove_file(dir.join(memos::FOLDER).join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the record durable.
    pub(super) fn write(&self, dir: &Path, key: Digest) -> Result<()> {
        let json = serde_json::to_vec(self).unwrap_or_default();
        io::replace(&dir.join(memos::FOLDER).join(Record::file(key)), &json)?;
        Ok(())
    }

    /// Returns the record whose content has a digest; `None` if no file in the directory is it.
    pub(super) fn find(dir: &Path, content: Digest) -> Result<Option<Record>> {
        let wanted = content.to_string();
        for entry in fs_err::read_dir(dir.join(memos::FOLDER))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(PREFIX) || !name.ends_with(".json") {
                continue;
            }
            if let Some(record) = Record::read(&entry.path()).filter(|it| it.content == wanted) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}
