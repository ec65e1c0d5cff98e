//! What can be wrong with a dump: one error type that names the file, the byte and the remedy.

use std::{error::Error, fmt, io, path::PathBuf};

use crate::dump::index_error::IndexFault;

/// A place in a dump file, in bytes of the file itself and of its decompressed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes of the (compressed) file that the decoder had taken when it was here.
    pub compressed: u64,
    /// Bytes of decompressed text since the start of the file or of the range being read.
    pub text: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.compressed == self.text {
            return write!(formatter, "byte {}", self.text);
        }
        write!(formatter, "byte {} of the text (byte {} of the file)", self.text, self.compressed)
    }
}

/// A file or folder that cannot be read as part of a dump, and why.
#[derive(Debug)]
pub struct DumpError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: DumpErrorKind,
}

impl fmt::Display for DumpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.path.display(), self.kind)
    }
}

impl Error for DumpError {
    // The message already contains the kind's, so the chain goes on with the kind's own cause.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

impl DumpError {
    /// Returns what to do about the error, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        self.kind.hint()
    }
}

/// What is wrong with a dump's file or folder.
#[derive(Debug, thiserror::Error)]
pub enum DumpErrorKind {
    /// The operating system refused.
    #[error("cannot {doing}{}", behind(at))]
    Io {
        /// What was being done, as `open the file`.
        doing: &'static str,
        /// How far reading had come.
        at: Position,
        /// The refusal.
        #[source]
        cause: io::Error,
    },
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is compressed in a way that is not read here.
    #[error("{format} files are not supported")]
    Unsupported {
        /// The name of the compression.
        format: &'static str,
    },
    /// The compressed data ends before its own end mark.
    #[error("the {format} data is cut off at {at}")]
    Truncated {
        /// The name of the compression.
        format: &'static str,
        /// Where the data stops.
        at: Position,
    },
    /// The compressed data contradicts itself: a bad header, bad codes or a checksum that does not fit.
    #[error("the {format} data is damaged before {at}")]
    Damaged {
        /// The name of the compression.
        format: &'static str,
        /// How far the decoder had come; the damage lies before.
        at: Position,
        /// What the decoder says.
        #[source]
        cause: io::Error,
    },
    /// Something follows the compressed data that is neither more of it nor zero padding.
    #[error("bytes that are not {format} data follow at {at}")]
    Trailing {
        /// The name of the compression.
        format: &'static str,
        /// Where they begin.
        at: Position,
    },
    /// The text is UTF-16 (or UTF-32), not UTF-8.
    #[error("the text is UTF-16, not UTF-8")]
    Utf16,
    /// One element, row or name is longer than any real one.
    #[error("the {what} before {at} has no end within {limit} bytes")]
    TooLong {
        /// What is too long: `row`, `element` or `name`.
        what: &'static str,
        /// How many bytes are allowed.
        limit: usize,
        /// How far reading had come.
        at: Position,
    },
    /// The text has neither `<mediawiki>` nor `<page>` in it.
    #[error("this is not a pages file: there is no `<mediawiki>` and no `<page>` in it")]
    NotPages,
    /// The SQL text ends in the middle of a statement.
    #[error("the SQL is cut off at {at}, in the middle of a statement")]
    StatementCutOff {
        /// Where the text ends.
        at: Position,
    },
    /// The SQL text is not what a table dump looks like.
    #[error("expected {expected} at {at}")]
    Syntax {
        /// What should have stood there.
        expected: &'static str,
        /// Where.
        at: Position,
    },
    /// The wanted table is not in the file.
    #[error("table `{table}` is not in the file; it has {}", list(found))]
    NoTable {
        /// The wanted table.
        table: String,
        /// The tables that the file has.
        found: Vec<String>,
    },
    /// The wanted table lacks a wanted column.
    #[error("table `{table}` has no column `{column}`; it has {}", list(found))]
    NoColumn {
        /// The table.
        table: String,
        /// The wanted column.
        column: String,
        /// The columns that the table has.
        found: Vec<String>,
    },
    /// Rows of the wanted table come before anything that names their columns.
    #[error("rows of table `{table}` at {at} come before its CREATE TABLE")]
    NoColumnList {
        /// The table.
        table: String,
        /// Where the rows begin.
        at: Position,
    },
    /// The folder has no file with a dump's standard name.
    #[error("no dump files in this folder")]
    NoDump,
    /// The folder has files of several dumps and none was chosen.
    #[error("files of several dumps in this folder: {}", list(found))]
    SeveralDumps {
        /// The dumps, each as wiki and date.
        found: Vec<String>,
    },
    /// The folder has no files of the wanted wiki.
    #[error("no files of `{wanted}` in this folder; it has {}", list(found))]
    NoSuchDump {
        /// The wanted wiki, or wiki and date.
        wanted: String,
        /// The dumps that the folder has, each as wiki and date.
        found: Vec<String>,
    },
    /// Two parts of the pages file hold some of the same pages.
    #[error("the parts `{first}` and `{second}` overlap")]
    OverlappingParts {
        /// The name of the part that begins earlier.
        first: String,
        /// The name of the part that begins inside it.
        second: String,
    },
    /// The index of a multistream file contradicts itself or the file.
    #[error("{0}")]
    Index(IndexFault),
    /// The reader is asked for more after it has reported an error.
    #[error("reading stopped at {at} after an earlier error")]
    AlreadyFailed {
        /// Where it stopped.
        at: Position,
    },
}

impl DumpErrorKind {
    /// Returns what to do about the error, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::Truncated { .. } | Self::Damaged { .. } => {
                "download the file again and compare it with the dump's checksums"
            }
            Self::StatementCutOff { .. } => {
                "the file was not written or copied to its end; download or unpack it again"
            }
            Self::Trailing { .. } => {
                "something was appended to the file; download it again, or cut off what follows"
            }
            Self::Unsupported { format: "7z" } => "repack it: `7z x -so FILE | bzip2 > FILE.bz2`",
            Self::Unsupported { format: "xz" | "lzma" } => {
                "repack it: `xz --decompress --stdout FILE | bzip2 > FILE.bz2`"
            }
            Self::Unsupported { format: "zstd" } => {
                "repack it: `zstd --decompress --stdout FILE | bzip2 > FILE.bz2`"
            }
            Self::Unsupported { .. } => "unpack it, or repack it as .gz or .bz2",
            Self::Utf16 => "convert it to UTF-8: `iconv --from-code UTF-16 --to-code UTF-8`",
            Self::NotPages => {
                "give a `pages-articles` XML file; a failed download can leave a web page instead"
            }
            Self::NoTable { .. } => "give the `.sql.gz` file that is named after the table",
            Self::NoColumn { .. } => {
                "this dump has another table layout than the ones this program knows"
            }
            Self::NoDump => {
                "names look like `enwiki-20240720-page.sql.gz` and \
                 `enwiki-20240720-pages-articles-multistream.xml.bz2`"
            }
            Self::SeveralDumps { .. } | Self::NoSuchDump { .. } => {
                "name one of them, or keep each dump in a folder of its own"
            }
            Self::Index(_) => {
                "download the index of the same dump, or remove it: then the whole file is read"
            }
            Self::OverlappingParts { .. } => "keep the parts of one run only",
            _ => return None,
        })
    }
}

/// Writes how far reading had come, unless it had not begun.
fn behind(at: &Position) -> String {
    match *at == Position::default() {
        true => String::new(),
        false => format!(" behind {at}"),
    }
}

/// Writes names for a message: each in backticks, the first 40 of them.
fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(40).map(|name| format!("`{name}`")).collect();
    match (shown.is_empty(), names.len().checked_sub(shown.len())) {
        (true, _) => "none".to_owned(),
        (false, Some(n_more)) if 0 < n_more => format!("{} and {n_more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}
