//! A file behind a URL, read like a local one: by ranges, with the next one on its way.

use std::io::{self, Read, Seek, SeekFrom};

use super::{
    error::StorageError,
    remote::{Remote, Version},
    runtime::Pending,
};

/// Bytes of the first range after opening or going elsewhere; many readers want no more.
const N_FIRST_BYTES: u64 = 256 << 10;

/// Bytes of the largest range. A reader holds two of them at most.
const N_MOST_BYTES: u64 = 4 << 20;

/// The bytes of a range that is on its way.
type Range = Pending<Result<Vec<u8>, StorageError>>;

/// A file behind a URL that is being read.
#[derive(Debug)]
pub struct Reader {
    remote: Remote,
    version: Version,
    offset: u64,
    /// The bytes at hand, and where in the file they begin.
    bytes: Vec<u8>,
    start: u64,
    /// The size of the range at hand, in bytes.
    n_range_bytes: u64,
    /// Where the range on its way begins.
    ahead: Option<(u64, Range)>,
}

impl Reader {
    /// Begins at the first byte; asks for nothing yet.
    pub(super) fn new(remote: Remote, version: Version) -> Reader {
        let (bytes, ahead) = (Vec::new(), None);
        Reader { remote, version, offset: 0, bytes, start: 0, n_range_bytes: 0, ahead }
    }

    /// Returns the size of the file in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.version.size
    }

    /// Returns the bytes from `offset` on, `n_bytes` of them or as many as there are, asking for no
    /// others.
    pub(super) fn bytes_at(&self, offset: u64, n_bytes: u64) -> io::Result<Vec<u8>> {
        if self.version.size <= offset || n_bytes == 0 {
            return Ok(Vec::new());
        }
        Ok(self.send_for(offset, n_bytes)?.wait()??)
    }

    /// Returns what is at hand from the offset on.
    fn at_hand(&self) -> &[u8] {
        let skip = self.offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }

    /// Makes the range at the offset the one at hand, and sends for the next one if the reading
    /// goes straight on.
    fn load(&mut self) -> io::Result<()> {
        let end = self.start + self.bytes.len() as u64;
        let straight_on = !self.bytes.is_empty() && self.offset == end;
        self.n_range_bytes = match straight_on {
            true => (2 * self.n_range_bytes).min(N_MOST_BYTES),
            false => N_FIRST_BYTES,
        };
        // Freed before the next range is there, so that two are the most.
        self.bytes = Vec::new();
        self.start = self.offset;
        let expected = self.ahead.take().filter(|(start, _)| *start == self.offset);
        let pending = match expected {
            Some((_, pending)) => pending,
            None => self.send_for(self.offset, self.n_range_bytes)?,
        };
        self.bytes = pending.wait()??;
        let next = self.offset + self.bytes.len() as u64;
        if straight_on && next < self.version.size {
            let n_bytes = (2 * self.n_range_bytes).min(N_MOST_BYTES);
            self.ahead = Some((next, self.send_for(next, n_bytes)?));
        }
        Ok(())
    }

    fn send_for(&self, start: u64, n_bytes: u64) -> io::Result<Range> {
        let end = start.saturating_add(n_bytes).min(self.version.size);
        Pending::start(self.remote.clone().fetch(self.version.clone(), start..end))
    }
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.version.size <= self.offset || bytes.is_empty() {
            return Ok(0);
        }
        if self.at_hand().is_empty() {
            self.load()?;
        }
        let n_read = self.at_hand().read(bytes)?;
        self.offset += n_read as u64;
        Ok(n_read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let offset = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.version.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.offset.checked_add_signed(offset),
        };
        self.offset = offset.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}
