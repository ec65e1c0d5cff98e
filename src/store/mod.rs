//! What a corpus keeps beside its manifest: text packs and snapshots of the inputs.

use std::io;
use std::path::{Path, PathBuf};

use polars::error::PolarsError;

pub mod arrow_file;
pub mod memos;
pub mod pack;
pub mod row;
pub mod snapshot;
pub mod tables;
pub mod texts;

/// What the reader of a damaged file can do about it.
const REMEDY: &str = "restore the file from a copy of the corpus, \
                      or remove the corpus directory and build it again";

/// Why a file of the corpus could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused an operation; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The content of a file is not what was once written.
    #[error("`{}` is damaged: {what}\nhint: {REMEDY}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The Arrow library could not write or read a file.
    #[error("cannot {doing} `{}`", path.display())]
    Arrow {
        /// What was tried, as an infinitive.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The library's own error.
        #[source]
        source: PolarsError,
    },
    /// The file is whole but holds another table than was asked for.
    #[error("`{}` does not hold the columns of {table}: {what}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The table that was expected.
        table: &'static str,
        /// The first difference.
        what: String,
    },
    /// A row cannot be written or read.
    #[error("row {row} of `{}`: {what}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Position of the row in the file, from 0.
        row: u64,
        /// What is wrong with it.
        what: String,
    },
    /// No pack holds a text.
    #[error("no pack in `{}` holds the text {digest}", dir.display())]
    Missing {
        /// The directory of the packs.
        dir: PathBuf,
        /// The digest of the text.
        digest: crossic_operators::record::Digest,
    },
    /// A text cannot be put into a pack.
    #[error("text `{digest}`: {what}")]
    Text {
        /// The digest it was given.
        digest: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl StoreError {
    /// Returns the error for a file whose content is not what was written.
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: path.to_path_buf(), what: what.into() }
    }

    /// Returns the error of the Arrow library, or the system's where that is what it wraps.
    pub(crate) fn arrow(doing: &'static str, path: &Path, source: PolarsError) -> StoreError {
        StoreError::Arrow { doing, path: path.to_path_buf(), source }
    }
}
