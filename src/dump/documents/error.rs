//! Why files of web documents cannot be read, with the file, the line and the remedy.

use std::{io, path::PathBuf};

use crate::dump::parquet::ParquetError;

/// Why a file of documents cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// The system refused an operation; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No file has a name of this pattern.
    #[error("no file matches `{}`\nhint: `*` stands for any letters of one name and `?` for one letter; quote the pattern from the shell", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A pattern is behind a URL, where nothing can be listed.
    #[error("`{}`: patterns are for local paths only\nhint: name each URL", pattern.display())]
    RemotePattern {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A parquet file is damaged or of another schema.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The file is compressed in a way that is not read here.
    #[error("`{}`: {format} files are not supported\nhint: repack it as .gz or .zst", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The name of the compression.
        format: &'static str,
    },
    /// The file could not be read or decompressed.
    #[error("cannot read `{}` behind line {line}\nhint: fetch the file anew, it may be cut short", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The last line that was whole, counted from 1.
        line: u64,
        /// What the system or the decoder says.
        #[source]
        source: io::Error,
    },
    /// A line has no end within the limit.
    #[error("`{}`, line {line}: no line end within {limit} bytes\nhint: give JSON lines, one document a line, not one JSON array", path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// A line is no document.
    #[error("`{}`, line {line}, byte {byte}: {what}\nhint: each line is a JSON object with the key `text`; `id`, `url`, `language`, `language_score` and `score` are read where they are there", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The byte of the line, counted from 1.
        byte: usize,
        /// What is wrong with it.
        what: String,
    },
}
