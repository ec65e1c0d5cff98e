//! Lines of a file that is plain, gzip or Zstandard, none longer than a limit.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::error::DocumentsError;
use crate::dump::{
    format::{self, Format, N_MAGIC_BYTES},
    input::Input,
};

/// The longest line, in bytes; a text of the greatest length fits even if most of it is escaped.
pub(super) const MAX_LINE_BYTES: usize = 32 << 20;

/// The lines of one file.
pub(super) struct Lines {
    path: PathBuf,
    decoder: Decoder,
    n_lines: u64,
}

enum Decoder {
    Plain(Input),
    Gzip(Box<BufReader<MultiGzDecoder<Input>>>),
    Zstd(Box<BufReader<zstd::Decoder<'static, Input>>>),
}

impl Lines {
    /// Opens a file; its first bytes say how it is compressed.
    pub(super) fn open(path: &Path) -> Result<Lines, DocumentsError> {
        let mut input = Input::open(path)?;
        let unreadable =
            |source| DocumentsError::Unreadable { path: path.to_path_buf(), line: 0, source };
        let mut head = Vec::new();
        (&mut input).take(N_MAGIC_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        input.go_to(0).map_err(unreadable)?;
        let decoder = match format::detect(&head) {
            Format::Plain => Decoder::Plain(input),
            Format::Gzip => Decoder::Gzip(Box::new(BufReader::new(MultiGzDecoder::new(input)))),
            Format::Unsupported("zstd") => {
                let decoder = zstd::Decoder::with_buffer(input).map_err(unreadable)?;
                Decoder::Zstd(Box::new(BufReader::new(decoder)))
            }
            Format::Bzip2 => return Err(unsupported(path, "bzip2")),
            Format::Unsupported(format) => return Err(unsupported(path, format)),
        };
        Ok(Lines { path: path.to_path_buf(), decoder, n_lines: 0 })
    }

    /// Puts the next line into `line` without its end, replacing what it held; returns false behind the last one.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, DocumentsError> {
        line.clear();
        // One byte more than fits, to tell a line that just fits from one that does not.
        let most = MAX_LINE_BYTES as u64 + 1;
        let n_read = match &mut self.decoder {
            Decoder::Plain(input) => read_line(input, most, line),
            Decoder::Gzip(input) => read_line(input, most, line),
            Decoder::Zstd(input) => read_line(input, most, line),
        };
        let (path, n_lines) = (&self.path, self.n_lines);
        let n_read = n_read.map_err(|source| DocumentsError::Unreadable {
            path: path.clone(),
            line: n_lines,
            source,
        })?;
        if n_read == 0 {
            return Ok(false);
        }
        self.n_lines += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if MAX_LINE_BYTES < line.len() {
            let (path, line) = (self.path.clone(), self.n_lines);
            return Err(DocumentsError::LongLine { path, line, limit: MAX_LINE_BYTES });
        }
        Ok(true)
    }

    /// Returns the number of the last line, counted from 1.
    pub(super) fn n_lines(&self) -> u64 {
        self.n_lines
    }

    /// Returns the file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many bytes of the file are taken.
    pub(super) fn n_bytes_read(&self) -> u64 {
        match &self.decoder {
            Decoder::Plain(input) => input.offset(),
            Decoder::Gzip(input) => input.get_ref().get_ref().offset(),
            Decoder::Zstd(input) => input.get_ref().get_ref().offset(),
        }
    }
}

fn read_line(input: &mut impl BufRead, most: u64, line: &mut Vec<u8>) -> io::Result<usize> {
    input.take(most).read_until(b'\n', line)
}

fn unsupported(path: &Path, format: &'static str) -> DocumentsError {
    DocumentsError::Unsupported { path: path.to_path_buf(), format }
}
