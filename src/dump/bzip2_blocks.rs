//! Finds the blocks of a bzip2 file by their marks, which stand at any bit, and makes a stream of
//! each: so blocks of one stream can be decoded by many threads, each with its checksum.
//!
//! A mark has 48 bits, so data holds one by chance about once in 35 TB; [`Block::join`] is for that.

use std::{collections::VecDeque, io, io::BufRead};

use bzip2::{Decompress, Status};
use memchr::memmem::Finder;

use crate::dump::input::Input;

/// The mark at the start of a block.
const BLOCK_MARK: u64 = 0x3141_5926_5359;
/// The mark at the end of a stream.
const END_MARK: u64 = 0x1772_4538_5090;
const N_MARK_BITS: u64 = 48;
const N_SUM_BITS: u64 = 32;
/// The most that a block of 900,000 bytes takes, with room to spare.
const N_MOST_BYTES: u64 = 4 << 20;
/// The most that a block can become: 900,000 bytes, of which every five may stand for 259.
const N_MOST_TEXT_BYTES: usize = 48 << 20;

/// A block as it lies in the file.
#[derive(Debug)]
pub(crate) struct Block {
    /// The bytes that hold it, first and last perhaps only in part.
    bytes: Vec<u8>,
    /// The bits of the first byte that come before it.
    n_skipped: u32,
    n_bits: u64,
    /// Byte of the file in which it begins.
    start: u64,
}

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Item {
    /// A block.
    Block(Block),
    /// The end of a stream, with the checksum of all its blocks and the byte behind it.
    End(u32, u64),
    /// The data is not bzip2 from here on; reading goes on with the next block.
    Bad(Flaw, u64),
}

/// What is wrong with data between blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It ends before its end mark.
    Truncated,
    /// Something else follows a stream.
    Trailing,
    /// Neither a block nor an end follows where one must.
    Markless,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    bit: u64,
    is_end: bool,
}

enum State {
    /// A stream begins at this byte, or the file ends.
    Between(u64),
    At(Mark),
    Done,
}

/// The blocks of a file in order.
pub(crate) struct Blocks {
    input: Input,
    /// Bytes of the file from `base` on; those before are no longer needed.
    bytes: Vec<u8>,
    base: u64,
    ended: bool,
    marks: VecDeque<Mark>,
    /// Marks that begin before this byte are found.
    searched: u64,
    finders: Vec<(u32, bool, Finder<'static>)>,
    state: State,
}

impl Blocks {
    /// Starts at the first byte of a file.
    pub(crate) fn new(input: Input) -> Blocks {
        let finder = |shift: u32, mark: u64, is_end| {
            // Whatever the shift, the five bytes behind the first one are all of the mark.
            let aligned = (mark << (16 - shift)).to_be_bytes();
            (shift, is_end, Finder::new(aligned.get(1..6).unwrap_or_default()).into_owned())
        };
        let both = (0..8)
            .flat_map(|shift| [finder(shift, BLOCK_MARK, false), finder(shift, END_MARK, true)]);
        Blocks {
            input,
            bytes: Vec::new(),
            base: 0,
            ended: false,
            marks: VecDeque::new(),
            searched: 0,
            finders: both.collect(),
            state: State::Between(0),
        }
    }

    /// Returns what comes next, or `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Item>> {
        match self.state {
            State::Done => Ok(None),
            State::Between(at) => self.header(at),
            State::At(mark) if mark.is_end => {
                let sum = self.bits(mark.bit + N_MARK_BITS, N_SUM_BITS)? as u32;
                let behind = (mark.bit + N_MARK_BITS + N_SUM_BITS).div_ceil(8);
                let end = self.base + self.bytes.len() as u64;
                if end < behind {
                    return self.flaw(Flaw::Truncated, end);
                }
                self.state = State::Between(behind);
                Ok(Some(Item::End(sum, behind)))
            }
            State::At(mark) => self.block(mark),
        }
    }

    /// Reads the four bytes before a stream, of which the file need not have another.
    fn header(&mut self, at: u64) -> io::Result<Option<Item>> {
        self.drop_before(at);
        self.pull_to(at + 4)?;
        match self.bytes.get(..self.bytes.len().min(4)).unwrap_or_default() {
            [] => {
                self.state = State::Done;
                Ok(None)
            }
            [b'B', b'Z', b'h', b'1'..=b'9'] => {
                let first = self.mark(8 * (at + 4))?;
                match first {
                    Some(mark) if mark.bit == 8 * (at + 4) => {
                        self.marks.pop_front();
                        self.state = State::At(mark);
                        self.next()
                    }
                    None if self.ended && self.base + (self.bytes.len() as u64) < at + 14 => {
                        self.flaw(Flaw::Truncated, self.base + self.bytes.len() as u64)
                    }
                    _ => self.flaw(Flaw::Markless, at),
                }
            }
            [0, ..] => self.padding(at),
            [b'B'] | [b'B', b'Z'] | [b'B', b'Z', b'h'] => self.flaw(Flaw::Truncated, at),
            _ => self.flaw(Flaw::Trailing, at),
        }
    }

    /// Passes over zeros up to the end of the file.
    fn padding(&mut self, at: u64) -> io::Result<Option<Item>> {
        loop {
            if let Some(place) = self.bytes.iter().position(|byte| *byte != 0) {
                return self.flaw(Flaw::Trailing, self.base + place as u64);
            }
            let end = self.base + self.bytes.len() as u64;
            self.drop_before(end);
            if !self.pull()? {
                self.state = State::Done;
                return Ok(None);
            }
            debug_assert!(at <= end, "padding lies behind the stream");
        }
    }

    /// Tells of bad data and goes on with the next block behind it.
    fn flaw(&mut self, flaw: Flaw, at: u64) -> io::Result<Option<Item>> {
        self.state = loop {
            match self.mark(8 * at + 1)? {
                Some(mark) => {
                    self.marks.pop_front();
                    if !mark.is_end {
                        break State::At(mark);
                    }
                }
                None if self.ended => break State::Done,
                // A long way to the next mark: what lies before it is not kept.
                None => {
                    self.drop_before(self.searched);
                    self.pull()?;
                }
            }
        };
        Ok(Some(Item::Bad(flaw, at)))
    }

    fn block(&mut self, mark: Mark) -> io::Result<Option<Item>> {
        self.drop_before(mark.bit / 8);
        let start = mark.bit / 8;
        let Some(next) = self.mark(mark.bit + 1)? else {
            let (flaw, at) = match self.ended {
                true => (Flaw::Truncated, self.base + self.bytes.len() as u64),
                false => (Flaw::Markless, start),
            };
            return self.flaw(flaw, at);
        };
        self.marks.pop_front();
        self.state = State::At(next);
        let to = usize::try_from(next.bit.div_ceil(8) - self.base).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(..to).unwrap_or_default().to_vec();
        let n_skipped = (mark.bit % 8) as u32;
        Ok(Some(Item::Block(Block { bytes, n_skipped, n_bits: next.bit - mark.bit, start })))
    }

    /// Returns the first mark at or behind a bit, if it is within a block's reach; it stays where it is.
    fn mark(&mut self, from: u64) -> io::Result<Option<Mark>> {
        loop {
            while let Some(mark) = self.marks.front().copied() {
                if from <= mark.bit && (!mark.is_end || self.is_plausible_end(mark)?) {
                    return Ok(Some(mark));
                }
                self.marks.pop_front();
            }
            if self.ended || from / 8 + N_MOST_BYTES < self.searched {
                return Ok(None);
            }
            self.pull()?;
        }
    }

    /// Returns whether what follows an end mark, the first of those found, may follow one: a stream,
    /// zeros, nothing, or what has no other mark and so is no part of the data.
    fn is_plausible_end(&mut self, mark: Mark) -> io::Result<bool> {
        let behind = (mark.bit + N_MARK_BITS + N_SUM_BITS).div_ceil(8);
        self.pull_to(behind + 4)?;
        let at = usize::try_from(behind.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let rest = self.bytes.get(at..).unwrap_or_default();
        let head = rest.get(..rest.len().min(3)).unwrap_or_default();
        if b"BZh".starts_with(head) || head.first() == Some(&0) {
            return Ok(true);
        }
        while self.marks.len() < 2 && self.searched < behind + N_MOST_BYTES && self.pull()? {}
        Ok(self.marks.len() < 2)
    }

    /// Returns up to 64 bits of the file as a number; bits behind its end are 0.
    fn bits(&mut self, bit: u64, n_bits: u64) -> io::Result<u64> {
        self.pull_to((bit + n_bits).div_ceil(8))?;
        let at = |byte: u64| {
            let place = usize::try_from(byte.saturating_sub(self.base)).ok();
            place.and_then(|place| self.bytes.get(place)).copied().unwrap_or(0)
        };
        let one = |bit: u64| u64::from(at(bit / 8) >> (7 - bit % 8) & 1);
        Ok((bit..bit + n_bits).fold(0, |number, bit| number << 1 | one(bit)))
    }

    fn drop_before(&mut self, byte: u64) {
        let n_bytes = usize::try_from(byte.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let n_bytes = n_bytes.min(self.bytes.len());
        self.bytes.drain(..n_bytes);
        self.base += n_bytes as u64;
    }

    /// Reads until a byte is there, or the file ends.
    fn pull_to(&mut self, byte: u64) -> io::Result<()> {
        while self.base + (self.bytes.len() as u64) < byte && self.pull()? {}
        Ok(())
    }

    /// Reads a piece more and finds the marks in it; returns false at the end of the file.
    fn pull(&mut self) -> io::Result<bool> {
        let piece = self.input.fill_buf()?;
        let n_bytes = piece.len();
        self.bytes.extend_from_slice(piece);
        self.input.consume(n_bytes);
        self.ended |= n_bytes == 0;
        // A mark takes up to seven bytes, so the last six starts are looked at again, whole.
        let end = self.base + self.bytes.len() as u64;
        let to = if self.ended { end } else { end.saturating_sub(6) };
        let from = self.searched.max(self.base);
        if from < to {
            let mut found = Vec::new();
            let skipped = usize::try_from(from - self.base).unwrap_or(usize::MAX);
            let bytes = self.bytes.get(skipped..).unwrap_or_default();
            for (shift, is_end, finder) in &self.finders {
                for place in finder.find_iter(bytes.get(1..).unwrap_or_default()) {
                    let at = from + place as u64;
                    if at < to && is_mark(bytes.get(place..).unwrap_or_default(), *shift, *is_end) {
                        found.push(Mark { bit: 8 * at + u64::from(*shift), is_end: *is_end });
                    }
                }
            }
            found.sort_unstable_by_key(|mark| mark.bit);
            self.marks.extend(found);
            self.searched = to;
        }
        Ok(n_bytes != 0)
    }
}

/// Returns whether bytes hold a mark behind so many bits.
fn is_mark(bytes: &[u8], shift: u32, is_end: bool) -> bool {
    let mut number = 0_u64;
    for place in 0..7 {
        number = number << 8 | u64::from(bytes.get(place).copied().unwrap_or(0));
    }
    let mark = if is_end { END_MARK } else { BLOCK_MARK };
    number >> (8 - shift) & ((1 << N_MARK_BITS) - 1) == mark
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

    /// Returns a file of several blocks, and them.
    fn blocks(text: &[u8]) -> (tempfile::NamedTempFile, Vec<Block>) {
        let mut packed = Vec::new();
        let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::new(1));
        encoder.read_to_end(&mut packed).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&packed).unwrap();
        let mut found = Blocks::new(Input::open(file.path()).unwrap());
        let mut blocks = Vec::new();
        while let Some(item) = found.next().unwrap() {
            match item {
                Item::Block(block) => blocks.push(block),
                Item::End(..) => {}
                Item::Bad(flaw, at) => panic!("{flaw:?} at {at}"),
            }
        }
        (file, blocks)
    }

    #[test]
    fn a_checksum_of_zeros_that_is_cut_is_missed() {
        let whole = b"BZh9\x17rE8P\x90\0\0\0\0";
        for n_bytes in 5..=whole.len() {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&whole[..n_bytes]).unwrap();
            let mut blocks = Blocks::new(Input::open(file.path()).unwrap());
            let found = blocks.next().unwrap().unwrap();
            match n_bytes == whole.len() {
                true => assert!(matches!(found, Item::End(0, 14)), "{found:?}"),
                false => assert!(matches!(found, Item::Bad(Flaw::Truncated, _)), "{found:?}"),
            }
            assert!(blocks.next().unwrap().is_none());
        }
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
