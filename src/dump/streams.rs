//! Opens a dump file as decompressed bytes: all of it, or the bzip2 streams that start in a range.

use std::{
    io::{self, BufRead, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::dump::{
    bzip2_chain::{self, Chain, Step},
    bzip2_threads::{Cut, Threads},
    error::{DumpError, DumpErrorKind, Position},
    format::{self, Format},
    gzip::{Fault, Members},
    input::Input,
};

/// How far the second stream of a file is looked for: streams of dumps have less than 1 MB.
const N_FIRST_BYTES: u64 = 16 << 20;

/// What [`Streams::read`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Text was appended, or may be by the next call.
    Text,
    /// All that the range owns has ended; further calls read on into what lies behind it.
    OwnEnd,
    /// The file has ended; every checksum was right.
    End,
}

/// What was damaged and passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Damaged places of the file.
    pub n_places: u64,
    /// Bytes of the file that gave no text because of them.
    pub n_bytes: u64,
}

/// The decompressed bytes of one file or of one range of it, pulled piece by piece.
pub struct Streams {
    path: PathBuf,
    decoder: Decoder,
    own: Range<u64>,
    own_ended: bool,
    n_text_bytes: u64,
    failed: bool,
}

enum Decoder {
    Plain(Input),
    Gzip(Members),
    Bzip2(Chain),
    Threads(Box<Threads>),
    /// The range has no stream of its own; how far the search for one went.
    Nothing(u64),
}

impl Streams {
    /// Opens the whole file. Fails if it is empty or of an unsupported format.
    pub fn whole(path: &Path) -> Result<Self, DumpError> {
        Self::range(path, 0..u64::MAX)
    }

    /// Opens the whole file, and decodes the blocks of a bzip2 file on `n_threads` threads.
    ///
    /// No text is given before its checksum was right. With `skips`, damaged blocks are passed over.
    pub fn on_threads(path: &Path, n_threads: usize, skips: bool) -> Result<Self, DumpError> {
        let refuse = |kind| DumpError { path: path.to_owned(), kind };
        let (input, format) = open(path).map_err(refuse)?;
        if format != Format::Bzip2 {
            return Self::whole(path);
        }
        Ok(Self {
            path: path.to_owned(),
            decoder: Decoder::Threads(Box::new(Threads::new(input, n_threads, skips))),
            own: 0..u64::MAX,
            own_ended: false,
            n_text_bytes: 0,
            failed: false,
        })
    }

    /// Returns whether text comes only once its checksum was right, so that what came before an error counts.
    pub fn is_checked(&self) -> bool {
        matches!(self.decoder, Decoder::Threads(_))
    }

    /// Opens the blocks of a bzip2 file that begin in `own`, in bytes of the file, wherever it was
    /// cut; each is decoded when it is wanted. Other files are opened as [`Streams::range`] does.
    ///
    /// No text is given before its checksum was right. With `skips`, damaged blocks are passed over.
    /// The checksum of a whole stream is compared only where the range has all of it; blocks follow
    /// one another to the bit, so that none can be missing for all that.
    pub fn blocks(path: &Path, own: Range<u64>, skips: bool) -> Result<Self, DumpError> {
        Self::in_place(path, own, Cut::Anywhere, skips)
    }

    /// Opens the streams of a bzip2 file in `own`, which begins with one and ends where another is
    /// said to begin; otherwise as [`Streams::blocks`].
    pub fn listed(path: &Path, own: Range<u64>, skips: bool) -> Result<Self, DumpError> {
        Self::in_place(path, own, Cut::Streams, skips)
    }

    fn in_place(path: &Path, own: Range<u64>, cut: Cut, skips: bool) -> Result<Self, DumpError> {
        let refuse = |kind| DumpError { path: path.to_owned(), kind };
        let (input, format) = open(path).map_err(refuse)?;
        if format != Format::Bzip2 || own.end <= own.start {
            return Self::range(path, own);
        }
        let threads = Threads::in_place(input, own.clone(), cut, skips).map_err(|cause| {
            let at = Position { compressed: own.start, text: 0 };
            refuse(DumpErrorKind::Io { doing: "read the file", at, cause })
        })?;
        Ok(Self {
            path: path.to_owned(),
            decoder: Decoder::Threads(Box::new(threads)),
            own,
            own_ended: false,
            n_text_bytes: 0,
            failed: false,
        })
    }

    /// Returns what was damaged and passed over.
    pub fn lost(&self) -> Lost {
        match &self.decoder {
            Decoder::Threads(threads) => threads.lost(),
            _ => Lost::default(),
        }
    }

    /// Opens the streams that start in `own`, in bytes of the file.
    ///
    /// A plain or gzip file belongs as a whole to the range that has its byte 0.
    pub fn range(path: &Path, own: Range<u64>) -> Result<Self, DumpError> {
        let refuse = |kind| DumpError { path: path.to_owned(), kind };
        let (input, format) = open(path).map_err(refuse)?;
        let decoder = decoder(input, format, &own).map_err(|cause| {
            let at = Position { compressed: own.start, text: 0 };
            refuse(DumpErrorKind::Io { doing: "read the file", at, cause })
        })?;
        let path = path.to_owned();
        Ok(Self { path, decoder, own, own_ended: false, n_text_bytes: 0, failed: false })
    }

    /// Appends up to about `n_bytes` of decompressed text.
    ///
    /// Text never goes beyond the range's end in the call that returns [`Progress::OwnEnd`].
    /// Fails on damage and truncation; the text before it is not to be trusted to be whole.
    pub fn read(&mut self, text: &mut Vec<u8>, n_bytes: usize) -> Result<Progress, DumpError> {
        if self.failed {
            return Err(self.error(DumpErrorKind::AlreadyFailed { at: self.position() }));
        }
        let n_before = text.len();
        let outcome = self.decode(text, n_bytes.max(1));
        self.n_text_bytes += text.len().saturating_sub(n_before) as u64;
        outcome.map_err(|fault| {
            self.failed = true;
            let (format, at) = (self.format(), self.position());
            self.error(match fault {
                Fault::Io(cause) => DumpErrorKind::Io { doing: "read the file", at, cause },
                Fault::Truncated => DumpErrorKind::Truncated { format, at },
                Fault::Damaged(cause) => DumpErrorKind::Damaged { format, at, cause },
                Fault::Trailing => DumpErrorKind::Trailing { format, at },
            })
        })
    }

    fn decode(&mut self, text: &mut Vec<u8>, n_bytes: usize) -> Result<Progress, Fault> {
        match &mut self.decoder {
            Decoder::Plain(input) => {
                text.reserve(n_bytes);
                let n_read = input.take(n_bytes as u64).read_to_end(text).map_err(Fault::Io)?;
                Ok(if n_read == 0 { Progress::End } else { Progress::Text })
            }
            Decoder::Gzip(members) => {
                let more = members.read(text, n_bytes)?;
                Ok(if more { Progress::Text } else { Progress::End })
            }
            Decoder::Bzip2(chain) => Ok(match chain.read(text, n_bytes)? {
                Step::Text => Progress::Text,
                Step::Between if !self.own_ended && self.own.end <= chain.offset() => {
                    self.own_ended = true;
                    Progress::OwnEnd
                }
                Step::Between => Progress::Text,
                Step::End => Progress::End,
            }),
            Decoder::Threads(threads) => threads.read(text),
            Decoder::Nothing(_) => Ok(Progress::End),
        }
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where in the file the range begins.
    pub fn start(&self) -> u64 {
        self.own.start
    }

    /// Returns how far reading has come.
    pub fn position(&self) -> Position {
        let compressed = match &self.decoder {
            Decoder::Plain(input) => input.offset(),
            Decoder::Gzip(members) => members.offset(),
            Decoder::Bzip2(chain) => chain.offset(),
            Decoder::Threads(threads) => threads.offset(),
            Decoder::Nothing(offset) => *offset,
        };
        Position { compressed, text: self.n_text_bytes }
    }

    /// Returns how many bytes of the file were taken since the start of the range.
    pub fn bytes_read(&self) -> u64 {
        self.position().compressed.saturating_sub(self.own.start)
    }

    /// Returns an error about this file.
    pub fn error(&self, kind: DumpErrorKind) -> DumpError {
        DumpError { path: self.path.clone(), kind }
    }

    fn format(&self) -> &'static str {
        match &self.decoder {
            Decoder::Gzip(_) => "gzip",
            Decoder::Bzip2(_) | Decoder::Threads(_) => "bzip2",
            Decoder::Plain(_) | Decoder::Nothing(_) => "plain",
        }
    }
}

/// Returns whether a file is of bzip2 and has no second stream near its start, so that several
/// readers can only share it block by block.
pub fn is_one_stream(path: &Path) -> Result<bool, DumpError> {
    let refuse = |kind| DumpError { path: path.to_owned(), kind };
    let (mut input, format) = open(path).map_err(refuse)?;
    if format != Format::Bzip2 {
        return Ok(false);
    }
    let second = bzip2_chain::find_start(&mut input, 1, N_FIRST_BYTES);
    let second = second.map_err(|cause| {
        let at = Position { compressed: 1, text: 0 };
        refuse(DumpErrorKind::Io { doing: "read the file", at, cause })
    })?;
    Ok(second.is_none())
}

/// Cuts a file into up to `n_ranges` ranges of its bytes that together own everything in it once.
///
/// Only bzip2 files are cut. Each range has at least `n_least_bytes`, but for the last one.
pub fn ranges(
    path: &Path,
    n_ranges: u64,
    n_least_bytes: u64,
) -> Result<Vec<Range<u64>>, DumpError> {
    let (input, format) = open(path).map_err(|kind| DumpError { path: path.to_owned(), kind })?;
    let n_bytes = input.n_bytes();
    if format != Format::Bzip2 {
        return Ok(std::iter::once(0..n_bytes).collect());
    }
    let step = n_bytes.div_ceil(n_ranges.max(1)).max(n_least_bytes).max(1);
    let starts = std::iter::successors(Some(0), |start: &u64| start.checked_add(step))
        .take_while(|start| *start < n_bytes);
    Ok(starts.map(|start| start..start.saturating_add(step).min(n_bytes)).collect())
}

/// Opens a file, and tells its format by its first bytes.
fn open(path: &Path) -> Result<(Input, Format), DumpErrorKind> {
    let at = Position::default();
    let mut input = Input::open(path).map_err(|cause| DumpErrorKind::Io {
        doing: "open the file",
        at,
        cause,
    })?;
    let format = input.fill_buf().map(|bytes| match bytes {
        [] => None,
        _ => bytes.get(..bytes.len().min(format::N_MAGIC_BYTES)).map(format::detect),
    });
    match format.map_err(|cause| DumpErrorKind::Io { doing: "read the file", at, cause })? {
        None => Err(DumpErrorKind::Empty),
        Some(Format::Unsupported(format)) => Err(DumpErrorKind::Unsupported { format }),
        Some(format) => Ok((input, format)),
    }
}

fn decoder(mut input: Input, format: Format, own: &Range<u64>) -> io::Result<Decoder> {
    if own.end <= own.start {
        return Ok(Decoder::Nothing(own.start));
    }
    match format {
        Format::Bzip2 if own.start == 0 => Ok(Decoder::Bzip2(Chain::new(input))),
        Format::Bzip2 => match bzip2_chain::find_start(&mut input, own.start, own.end)? {
            Some(start) => {
                input.go_to(start)?;
                Ok(Decoder::Bzip2(Chain::new(input)))
            }
            None => Ok(Decoder::Nothing(own.end.min(input.n_bytes()))),
        },
        _ if own.start != 0 => Ok(Decoder::Nothing(own.start)),
        Format::Gzip => Ok(Decoder::Gzip(Members::new(input))),
        Format::Plain | Format::Unsupported(_) => Ok(Decoder::Plain(input)),
    }
}
