//! The bytes of a saved segment: numbers and columns one after the other, little-endian, and at the
//! end a hash of all that comes before.
//!
//! They are a function of the content alone. What is read is believed in nothing: a column is taken
//! only if as many bytes are there, so a damaged length asks for no memory.

use std::io::{self, Write};

use super::Error;
use crate::record::Digest;

/// What every saved segment begins with; another layout gets another number.
const MAGIC: &[u8; 16] = b"crossic index 1\n";

/// Numbers that are turned into bytes at once.
const BLOCK: usize = 8192;

/// Writes a segment.
pub(super) struct Writer<'a> {
    to: &'a mut dyn Write,
    hasher: blake3::Hasher,
    block: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(to: &'a mut dyn Write) -> io::Result<Writer<'a>> {
        let mut writer = Writer { to, hasher: blake3::Hasher::new(), block: Vec::new() };
        writer.bytes(MAGIC)?;
        Ok(writer)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.to.write_all(bytes)
    }

    fn column<T: Copy, const N: usize>(
        &mut self,
        numbers: &[T],
        bytes: impl Fn(T) -> [u8; N],
    ) -> io::Result<()> {
        for numbers in numbers.chunks(BLOCK) {
            let mut block = std::mem::take(&mut self.block);
            block.clear();
            block.extend(numbers.iter().flat_map(|&number| bytes(number)));
            let written = self.bytes(&block);
            self.block = block;
            written?;
        }
        Ok(())
    }

    pub(super) fn number(&mut self, number: u32) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn count(&mut self, count: usize) -> io::Result<()> {
        self.bytes(&(count as u64).to_le_bytes())
    }

    pub(super) fn numbers(&mut self, numbers: &[u32]) -> io::Result<()> {
        self.column(numbers, u32::to_le_bytes)
    }

    pub(super) fn weights(&mut self, weights: &[u16]) -> io::Result<()> {
        self.column(weights, u16::to_le_bytes)
    }

    pub(super) fn values(&mut self, values: &[i8]) -> io::Result<()> {
        self.column(values, i8::to_le_bytes)
    }

    pub(super) fn digests(&mut self, digests: &[Digest]) -> io::Result<()> {
        self.column(digests, Digest::bytes)
    }

    /// Ends the segment with its hash.
    pub(super) fn end(self) -> io::Result<()> {
        let hash = self.hasher.finalize();
        self.to.write_all(hash.as_bytes())
    }
}

/// Reads a segment.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    n_bytes: usize,
}

impl<'a> Reader<'a> {
    /// Returns the reader of the bytes of a segment, once their hash is right.
    pub(super) fn begin(bytes: &'a [u8]) -> Result<Reader<'a>, Error> {
        let content = bytes.split_last_chunk::<{ blake3::OUT_LEN }>();
        let sealed = content.filter(|(content, hash)| blake3::hash(content) == **hash);
        let (rest, _) = sealed.ok_or(Error::Damaged { what: "hash", byte: bytes.len() })?;
        let mut reader = Reader { rest, n_bytes: rest.len() };
        match reader.take(MAGIC.len(), "first line")? == MAGIC {
            true => Ok(reader),
            false => Err(Error::Damaged { what: "first line", byte: 0 }),
        }
    }

    /// Returns the error that what was just read cannot be.
    pub(super) fn damage(&self, what: &'static str) -> Error {
        Error::Damaged { what, byte: self.n_bytes - self.rest.len() }
    }

    fn take(&mut self, n_bytes: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(n_bytes).ok_or(self.damage(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn column<T, const N: usize>(
        &mut self,
        n: usize,
        what: &'static str,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Error> {
        let n_bytes = n.checked_mul(N).ok_or(self.damage(what))?;
        let (chunks, _) = self.take(n_bytes, what)?.as_chunks::<N>();
        Ok(chunks.iter().map(|&bytes| number(bytes)).collect())
    }

    pub(super) fn number(&mut self, what: &'static str) -> Result<u32, Error> {
        let one = self.numbers(1, what)?;
        one.first().copied().ok_or(self.damage(what))
    }

    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, Error> {
        let one = self.column(1, what, u64::from_le_bytes)?;
        let count = one.first().and_then(|&count| usize::try_from(count).ok());
        count.ok_or(self.damage(what))
    }

    pub(super) fn numbers(&mut self, n: usize, what: &'static str) -> Result<Vec<u32>, Error> {
        self.column(n, what, u32::from_le_bytes)
    }

    pub(super) fn weights(&mut self, n: usize, what: &'static str) -> Result<Vec<u16>, Error> {
        self.column(n, what, u16::from_le_bytes)
    }

    pub(super) fn values(&mut self, n: usize, what: &'static str) -> Result<Vec<i8>, Error> {
        self.column(n, what, i8::from_le_bytes)
    }

    pub(super) fn digests(&mut self, n: usize, what: &'static str) -> Result<Vec<Digest>, Error> {
        self.column(n, what, Digest::from_bytes)
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(self) -> Result<(), Error> {
        match self.rest {
            [] => Ok(()),
            _ => Err(self.damage("end")),
        }
    }
}
