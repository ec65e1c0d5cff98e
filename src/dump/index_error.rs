//! What can be wrong between a multistream index and the file it belongs to.

use std::path::PathBuf;

/// Why an index cannot be used with its file; the error around it names the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexFault {
    /// A line does not begin with two numbers that a colon follows.
    #[error("line {line} is not `offset:page:title`")]
    NotAnEntry {
        /// The number of the line, from 1.
        line: u64,
    },
    /// A line is longer than any real one.
    #[error("line {line} has no end within {limit} bytes")]
    LongLine {
        /// The number of the line, from 1.
        line: u64,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// There is not a single line.
    #[error("the index lists no page")]
    NoPages,
    /// An offset is less than the one before it.
    #[error("line {line} goes back: byte {offset} after byte {before}")]
    GoesBack {
        /// The number of the line, from 1.
        line: u64,
        /// Its offset, in bytes of the file.
        offset: u64,
        /// The offset of the line before.
        before: u64,
    },
    /// An offset is not less than the size of the file.
    #[error("line {line} names byte {offset}, but `{}` has {n_bytes} bytes", file.display())]
    OutsideFile {
        /// The number of the line, from 1.
        line: u64,
        /// Its offset, in bytes of the file.
        offset: u64,
        /// The file.
        file: PathBuf,
        /// The size of the file.
        n_bytes: u64,
    },
    /// An offset is not where a bzip2 stream begins.
    #[error("line {line} names byte {offset}, but no bzip2 stream of `{}` begins there", file.display())]
    NoStream {
        /// The number of the line, from 1.
        line: u64,
        /// Its offset, in bytes of the file.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
    /// More pages are listed for one stream than any real one has.
    #[error(
        "line {line} is one page too many for the stream at byte {offset}: {limit} are allowed"
    )]
    CrowdedStream {
        /// The number of the line, from 1.
        line: u64,
        /// Where the stream begins.
        offset: u64,
        /// How many pages are allowed.
        limit: u32,
    },
    /// The file has a page before the first stream that is listed.
    #[error("page {page} of `{}` comes before byte {offset}, the first that is listed", file.display())]
    PageBefore {
        /// The page.
        page: u32,
        /// The first offset of the index.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
    /// The file has a page behind the last stream that is listed.
    #[error("page {page} of `{}` lies behind the stream at byte {offset}, the last that is listed", file.display())]
    PageBehind {
        /// The page.
        page: u32,
        /// The last offset of the index.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
    /// A listed page is not where it should be.
    #[error("page {page} is not in `{}` at byte {offset}, where it is listed", file.display())]
    MissingPage {
        /// The page.
        page: u32,
        /// Where its stream begins.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
    /// A stream holds a page that is not listed for it.
    #[error("page {page} is in `{}` at byte {offset}, where it is not listed", file.display())]
    UnlistedPage {
        /// The page.
        page: u32,
        /// Where its stream begins, or the first of those read together.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
    /// A stream holds more or fewer pages than are listed for it.
    #[error("{n_listed} pages are listed for `{}` at byte {offset}, but {n_found} are there", file.display())]
    OtherNumber {
        /// How many pages are listed.
        n_listed: u64,
        /// How many pages were found.
        n_found: u64,
        /// Where the stream begins, or the first of those read together.
        offset: u64,
        /// The file.
        file: PathBuf,
    },
}
