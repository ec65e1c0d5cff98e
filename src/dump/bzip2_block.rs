//! One block of a bzip2 file: a stream is made of it, so that it can be decoded by itself, with its
//! checksum.

use std::io;

use bzip2::{Decompress, Status};

use crate::dump::bzip2_blocks::{END_MARK, N_MARK_BITS, N_SUM_BITS};

/// The most that a block can become: 900,000 bytes, of which every five may stand for 259.
const N_MOST_TEXT_BYTES: usize = 48 << 20;

/// A block as it lies in the file.
#[derive(Debug)]
pub(crate) struct Block {
    /// The bytes that hold it, first and last perhaps only in part.
    pub(crate) bytes: Vec<u8>,
    /// The bits of the first byte that come before it.
    pub(crate) n_skipped: u32,
    /// How many bits it has.
    pub(crate) n_bits: u64,
    /// Byte of the file in which it begins.
    pub(crate) start: u64,
}

impl Block {
    /// Returns the byte of the file behind it.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Returns the block's own checksum.
    pub(crate) fn sum(&self) -> u32 {
        let mut number = 0_u128;
        for place in 0..11 {
            number = number << 8 | u128::from(self.bytes.get(place).copied().unwrap_or(0));
        }
        (number >> (8 - self.n_skipped)) as u32
    }

    /// Returns both as one block, where what parts them was no mark but data.
    pub(crate) fn join(&self, next: &Block) -> Option<Block> {
        let bits = u64::from(self.n_skipped) + self.n_bits;
        let n_whole = usize::try_from(bits / 8).ok()?;
        if next.start != self.start + bits / 8 || u64::from(next.n_skipped) != bits % 8 {
            return None;
        }
        let mut bytes = self.bytes.get(..n_whole)?.to_vec();
        bytes.extend_from_slice(&next.bytes);
        let n_bits = self.n_bits + next.n_bits;
        Some(Block { bytes, n_skipped: self.n_skipped, n_bits, start: self.start })
    }

    /// Decodes the block. Fails if it is damaged; its checksum was right otherwise.
    pub(crate) fn decode(&self) -> io::Result<Vec<u8>> {
        let stream = self.to_stream();
        let mut decoder = Decompress::new(false);
        let mut text = Vec::with_capacity(1 << 20);
        loop {
            let n_taken = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
            let n_before = text.len();
            let rest = stream.get(n_taken..).unwrap_or_default();
            let status = decoder.decompress_vec(rest, &mut text).map_err(io::Error::other)?;
            let stuck = decoder.total_in() == n_taken as u64 && text.len() == n_before;
            if status == Status::StreamEnd {
                return match decoder.total_in() == stream.len() as u64 {
                    true => Ok(text),
                    false => Err(io::Error::other("the block ends before its end")),
                };
            }
            if N_MOST_TEXT_BYTES < text.len() || stuck && text.len() < text.capacity() {
                return Err(io::Error::other("the block has no end"));
            }
            text.reserve(1 << 20);
        }
    }

    /// Returns a stream that holds this block only.
    fn to_stream(&self) -> Vec<u8> {
        let n_whole = usize::try_from(self.n_bits / 8).unwrap_or(usize::MAX);
        let mut stream = Vec::with_capacity(n_whole + 16);
        // The level only says how much memory a decoder needs; 9 is enough for all.
        stream.extend_from_slice(b"BZh9");
        let shift = self.n_skipped;
        if shift == 0 {
            stream.extend_from_slice(self.bytes.get(..n_whole).unwrap_or_default());
        } else {
            let pairs = self.bytes.windows(2).take(n_whole);
            stream.extend(pairs.map(|pair| match *pair {
                [left, right] => left << shift | right >> (8 - shift),
                _ => 0,
            }));
        }
        let n_left = (self.n_bits % 8) as u32;
        let at = |place: usize| u128::from(self.bytes.get(place).copied().unwrap_or(0));
        let pair = at(n_whole) << 8 | at(n_whole + 1);
        let left = pair >> (16 - shift - n_left) & ((1 << n_left) - 1);
        // Of one block, the checksum of the stream is that of the block.
        let end = u128::from(END_MARK) << N_SUM_BITS | u128::from(self.sum());
        let tail = left << (N_MARK_BITS + N_SUM_BITS) | end;
        let n_bits = n_left + (N_MARK_BITS + N_SUM_BITS) as u32;
        let n_bytes = n_bits.div_ceil(8);
        let padded = (tail << (8 * n_bytes - n_bits)).to_be_bytes();
        stream.extend_from_slice(padded.get(16 - n_bytes as usize..).unwrap_or_default());
        stream
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::dump::{
        bzip2_blocks::{Blocks, Item},
        input::Input,
    };

    /// Returns a file of several blocks, and them.
    fn blocks(text: &[u8]) -> (tempfile::NamedTempFile, Vec<Block>) {
        let mut packed = Vec::new();
        let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::new(1));
        encoder.read_to_end(&mut packed).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&packed).unwrap();
        let mut found = Blocks::new(Input::open(file.path()).unwrap(), None);
        let mut blocks = Vec::new();
        while let Some(item) = found.next().unwrap() {
            match item {
                Item::Block(block) => blocks.push(block),
                Item::End(..) => {}
                Item::Bad(bad) => panic!("{bad:?}"),
            }
        }
        (file, blocks)
    }

    #[test]
    fn a_block_that_was_cut_at_any_bit_is_joined() {
        let text: Vec<u8> =
            (0..60_000_u32).flat_map(|n| (n * n).to_string().into_bytes()).collect();
        let (_file, blocks) = blocks(&text);
        assert!(3 < blocks.len());
        let whole: Vec<u8> = blocks.iter().flat_map(|block| block.decode().unwrap()).collect();
        assert!(whole == text);
        for block in &blocks {
            for cut in [100, 1_001, 4_242, block.n_bits - 3] {
                let bit = u64::from(block.n_skipped) + cut;
                let part = |from: u64, to: u64| {
                    let bytes = block.bytes.get((from / 8) as usize..to.div_ceil(8) as usize);
                    Block {
                        bytes: bytes.unwrap().to_vec(),
                        n_skipped: (from % 8) as u32,
                        n_bits: to - from,
                        start: block.start + from / 8,
                    }
                };
                let end = u64::from(block.n_skipped) + block.n_bits;
                let (left, right) = (part(block.n_skipped.into(), bit), part(bit, end));
                assert!(left.decode().is_err() && right.decode().is_err());
                let joined = left.join(&right).unwrap();
                assert!(joined.decode().unwrap() == block.decode().unwrap());
                assert!(right.join(&left).is_none());
            }
        }
    }
}
