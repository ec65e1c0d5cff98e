//! Reads the index of a multistream file: which bzip2 streams hold the wanted pages, so that the
//! others need not be decompressed.
//!
//! An index is not trusted: what it says is checked against the file as far as no stream has to be
//! decompressed for it; `index_announced` checks the rest while pages are read.

use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
};

use crossic_operators::record::Digest;

use crate::{
    dump::{
        bzip2_chain::{self, N_START_BYTES},
        error::{DumpError, DumpErrorKind, Position},
        find::DumpFiles,
        find_names::{Content, Packing, parse},
        index_error::IndexFault,
        index_lines::{Entry, Lines},
        input::Input,
        streams::Streams,
        xml::{Pages, RawPage},
    },
    storage::{self, File},
};

/// The most pages that one stream may have: dumps have 100, and this bounds the memory of a stream.
const N_STREAM_PAGES: u32 = 1_000_000;
/// How many bytes are read at once to be digested.
const N_DIGEST_BYTES: usize = 128 << 10;

/// One bzip2 stream of a multistream file, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Bytes of the file: this stream's start to the next listed one's, or to the end of the file.
    pub range: Range<u64>,
    /// The numbers of its wanted pages, in the order of the index.
    pub wanted: Vec<u32>,
    /// How many pages are listed for it.
    pub n_pages: u32,
}

/// What an index comes to, against a set of wanted pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Streams that hold pages.
    pub n_streams: u64,
    /// Streams that hold wanted pages.
    pub n_streams_wanted: u64,
    /// Pages, each as often as it is listed.
    pub n_pages: u64,
    /// Wanted pages that are listed, each once.
    pub n_pages_wanted: u64,
    /// Compressed bytes of the streams that hold wanted pages.
    pub n_bytes_wanted: u64,
    /// Bytes of the whole file.
    pub n_bytes: u64,
    /// Wanted pages that are listed more than once: all their streams have to be read, in order.
    pub repeated: BTreeSet<u32>,
}

/// Returns the streams of `file` that hold wanted pages, in order, and what the index comes to.
///
/// Memory holds the wanted pages only. Fails if the index contradicts itself or the file.
pub fn wanted_streams(
    index: &Path,
    file: &Path,
    wanted: impl Fn(u32) -> bool,
) -> Result<(Vec<Stream>, Totals), DumpError> {
    read_all(IndexStreams::open(index, file, wanted)?)
}

/// Returns what [`wanted_streams`] does of a file that may be damaged: a stream need not be seen to
/// begin, and what is damaged at the ends of the file is passed over.
pub fn wanted_streams_of_damaged(
    index: &Path,
    file: &Path,
    wanted: impl Fn(u32) -> bool,
) -> Result<(Vec<Stream>, Totals), DumpError> {
    read_all(IndexStreams::open(index, file, wanted)?.passing_over(true))
}

/// Reads an index to its end.
fn read_all<F: Fn(u32) -> bool>(
    mut all: IndexStreams<F>,
) -> Result<(Vec<Stream>, Totals), DumpError> {
    let (mut streams, mut totals) = (Vec::new(), Totals::default());
    while let Some(mut stream) = all.next_stream()? {
        totals.n_streams += 1;
        totals.n_pages += u64::from(stream.n_pages);
        if !stream.wanted.is_empty() {
            totals.n_bytes_wanted += stream.range.end - stream.range.start;
            stream.wanted.shrink_to_fit();
            streams.push(stream);
        }
    }
    totals.n_streams_wanted = streams.len() as u64;
    totals.n_bytes = all.n_bytes;
    let mut pages: Vec<u32> =
        streams.iter().flat_map(|stream: &Stream| &stream.wanted).copied().collect();
    pages.sort_unstable();
    let repeated = pages.windows(2).filter(|pair| pair.first() == pair.last());
    totals.repeated = repeated.filter_map(|pair| pair.first().copied()).collect();
    pages.dedup();
    totals.n_pages_wanted = pages.len() as u64;
    Ok((streams, totals))
}

/// All streams of an index in order, wanted or not, pulled one by one.
pub struct IndexStreams<F> {
    lines: Lines,
    file: File,
    path: PathBuf,
    n_bytes: u64,
    wanted: F,
    // The first line of the stream that is next, and its number.
    ahead: Option<(Entry, u64)>,
    begun: bool,
    // The last offset at which a stream was seen to begin.
    checked: Option<u64>,
    // Whether the file may be damaged.
    skips: bool,
}

impl<F: Fn(u32) -> bool> IndexStreams<F> {
    /// Opens `index`, which is to be the index of `file`.
    pub fn open(index: &Path, file: &Path, wanted: F) -> Result<Self, DumpError> {
        let failed = |cause| io_error(file, "open the file", 0, cause);
        let (opened, n_bytes) = storage::open(file).map_err(failed)?;
        Ok(Self {
            lines: Lines::open(index)?,
            file: opened,
            path: file.to_owned(),
            n_bytes,
            wanted,
            ahead: None,
            begun: false,
            checked: None,
            skips: false,
        })
    }

    /// Says whether the file may be damaged, so that no stream need be seen to begin.
    pub fn passing_over(self, skips: bool) -> Self {
        Self { skips, ..self }
    }

    /// Returns the size of the file in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Returns the next stream, or `None` at the end of the index.
    ///
    /// A stream with wanted pages, and the one behind it, was seen to begin where the index says,
    /// unless the file may be damaged.
    pub fn next_stream(&mut self) -> Result<Option<Stream>, DumpError> {
        if !self.begun {
            self.begun = true;
            self.ahead = self.next_entry(0)?;
            let Some((first, line)) = self.ahead else {
                return Err(self.lines.error(IndexFault::NoPages));
            };
            self.check_start(first.offset, line)?;
            self.check_head(first.offset)?;
        }
        let Some((first, line)) = self.ahead.take() else { return Ok(None) };
        let start = first.offset;
        let mut stream = Stream { range: start..self.n_bytes, wanted: Vec::new(), n_pages: 0 };
        let mut entry = first;
        loop {
            if N_STREAM_PAGES <= stream.n_pages {
                let (line, limit) = (self.lines.n_lines(), N_STREAM_PAGES);
                return Err(self.lines.error(IndexFault::CrowdedStream {
                    line,
                    offset: start,
                    limit,
                }));
            }
            stream.n_pages += 1;
            if (self.wanted)(entry.page) {
                stream.wanted.push(entry.page);
            }
            match self.next_entry(start)? {
                Some((next, _)) if next.offset == start => entry = next,
                next => {
                    self.ahead = next;
                    break;
                }
            }
        }
        match self.ahead {
            Some((next, next_line)) => {
                stream.range.end = next.offset;
                if !stream.wanted.is_empty() {
                    self.check_start(start, line)?;
                    self.check_start(next.offset, next_line)?;
                }
            }
            None => {
                self.check_start(start, line)?;
                self.check_tail(start)?;
            }
        }
        Ok(Some(stream))
    }

    /// Returns the next line and its number; its offset lies in the file and not before `least`.
    fn next_entry(&mut self, least: u64) -> Result<Option<(Entry, u64)>, DumpError> {
        let Some(entry) = self.lines.next_entry()? else { return Ok(None) };
        let (line, offset) = (self.lines.n_lines(), entry.offset);
        if offset < least {
            return Err(self.lines.error(IndexFault::GoesBack { line, offset, before: least }));
        }
        if self.n_bytes <= offset {
            let (file, n_bytes) = (self.path.clone(), self.n_bytes);
            return Err(self.lines.error(IndexFault::OutsideFile { line, offset, file, n_bytes }));
        }
        Ok(Some((entry, line)))
    }

    /// Fails unless a stream begins at `offset`, which is named in `line`.
    fn check_start(&mut self, offset: u64, line: u64) -> Result<(), DumpError> {
        if self.skips || self.checked == Some(offset) {
            return Ok(());
        }
        let begins = begins_at(&mut self.file, offset)
            .map_err(|cause| io_error(&self.path, "read the file", offset, cause))?;
        if !begins {
            let file = self.path.clone();
            return Err(self.lines.error(IndexFault::NoStream { line, offset, file }));
        }
        self.checked = Some(offset);
        Ok(())
    }

    /// Fails if the file has a page before the first listed stream: the index lacks its beginning.
    fn check_head(&self, first: u64) -> Result<(), DumpError> {
        match first_page(&self.path, 0..first, self.skips)? {
            None => Ok(()),
            Some(page) => {
                let (offset, file) = (first, self.path.clone());
                Err(self.lines.error(IndexFault::PageBefore { page, offset, file }))
            }
        }
    }

    /// Fails if the file has a page behind the last listed stream: the index lacks its end.
    fn check_tail(&self, last: u64) -> Result<(), DumpError> {
        let failed = |cause| io_error(&self.path, "read the file", last, cause);
        let mut input = Input::open(&self.path).map_err(failed)?;
        let behind = bzip2_chain::find_start(&mut input, last + 1, self.n_bytes).map_err(failed)?;
        let Some(behind) = behind else { return Ok(()) };
        match first_page(&self.path, behind..self.n_bytes, self.skips)? {
            None => Ok(()),
            Some(page) => {
                let (offset, file) = (last, self.path.clone());
                Err(self.lines.error(IndexFault::PageBehind { page, offset, file }))
            }
        }
    }
}

/// Returns the first page that begins in a range.
fn first_page(file: &Path, range: Range<u64>, skips: bool) -> Result<Option<u32>, DumpError> {
    let mut page = RawPage::default();
    let streams = match skips {
        true => Streams::listed(file, range, skips)?,
        false => Streams::range(file, range)?,
    };
    let found = Pages::of(streams, None).next(&mut page)?;
    Ok(found.then_some(page.id))
}

/// Returns whether a bzip2 stream begins at `offset`.
///
/// Reads those few bytes only: a buffer would read most of a dump, for all its streams.
fn begins_at(file: &mut File, offset: u64) -> std::io::Result<bool> {
    Ok(bzip2_chain::is_start(&file.bytes_at(offset, N_START_BYTES)?))
}

/// Returns the digest of the bytes of a range of a file, reading them piece by piece.
///
/// Fails if the file ends before the range does.
pub fn digest(file: &Path, range: Range<u64>) -> Result<Digest, DumpError> {
    let failed = |at: u64, cause| io_error(file, "read the file", at, cause);
    let (mut opened, _) =
        storage::open(file).map_err(|cause| io_error(file, "open the file", 0, cause))?;
    opened.seek(SeekFrom::Start(range.start)).map_err(|cause| failed(range.start, cause))?;
    let n_bytes = range.end.saturating_sub(range.start);
    let mut bytes = opened.take(n_bytes);
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; N_DIGEST_BYTES];
    loop {
        let at = range.end - bytes.limit().min(n_bytes);
        match bytes.read(&mut buffer) {
            Ok(0) if bytes.limit() == 0 => break,
            Ok(0) => return Err(failed(at, std::io::ErrorKind::UnexpectedEof.into())),
            Ok(n_read) => {
                hasher.update(buffer.get(..n_read).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(at, error)),
        }
    }
    match hasher.finalize().as_bytes().first_chunk() {
        Some(half) => Ok(Digest::from_bytes(*half)),
        None => unreachable!("a BLAKE3 hash has 32 bytes"),
    }
}

/// Returns each articles file with its index, where there is one that speaks of its bytes.
///
/// Parts belong together when their numbers and their page numbers are the same. A file that is not
/// multistream, or not packed by bzip2, has no index.
pub fn of(files: &DumpFiles) -> Vec<(PathBuf, Option<PathBuf>)> {
    let content = |path: &Path| {
        let name = parse(path.file_name()?.to_str()?)?;
        Some((name.content, name.packing))
    };
    let index_of = |articles: &Path| {
        let (Content::Articles { multistream: true, part }, Packing::Bzip2) = content(articles)?
        else {
            return None;
        };
        let belongs = |index: &&PathBuf| matches!(content(index), Some((Content::Index { part: other }, _)) if other == part);
        files.indexes.iter().find(belongs).cloned()
    };
    files.articles.iter().map(|articles| (articles.clone(), index_of(articles))).collect()
}

fn io_error(file: &Path, doing: &'static str, at: u64, cause: std::io::Error) -> DumpError {
    // Nothing is decompressed here: both offsets are those of the file.
    let at = Position { compressed: at, text: at };
    DumpError { path: file.to_owned(), kind: DumpErrorKind::Io { doing, at, cause } }
}
