//! A file, local or behind a URL, read through a buffer that always knows how many of its bytes
//! were taken.

use std::{
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::storage::{self, File};

/// How many bytes of the file are read at once.
const N_BUFFER_BYTES: usize = 128 << 10;

/// A buffered file with the offset of the next byte to be taken.
pub(crate) struct Input {
    reader: BufReader<File>,
    offset: u64,
    n_bytes: u64,
}

impl Input {
    /// Opens the file at its first byte.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let (file, n_bytes) = storage::open(path)?;
        let reader = BufReader::with_capacity(N_BUFFER_BYTES, file);
        Ok(Self { reader, offset: 0, n_bytes })
    }

    /// Returns the offset of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the size of the file in bytes when it was opened.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Goes to `offset`.
    pub(crate) fn go_to(&mut self, offset: u64) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(offset))?;
        self.offset = offset;
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(bytes)?;
        self.offset += n_read as u64;
        Ok(n_read)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // `GzDecoder` and our own loops use this, and neither wants to hear of a signal.
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.reader.buffer())
    }

    fn consume(&mut self, n_bytes: usize) {
        self.offset += n_bytes as u64;
        self.reader.consume(n_bytes);
    }
}
