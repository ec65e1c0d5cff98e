//! Finds the blocks of a bzip2 file by their marks, which stand at any bit: so blocks of one stream
//! can be decoded by many threads.
//!
//! A mark has 48 bits, so data holds one by chance about once in 35 TB; [`Block::join`] is for that.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
    ops::Range,
};

use memchr::memmem::Finder;

use crate::dump::{bzip2_block::Block, input::Input};

/// The mark at the start of a block.
const BLOCK_MARK: u64 = 0x3141_5926_5359;
/// The mark at the end of a stream.
pub(crate) const END_MARK: u64 = 0x1772_4538_5090;
pub(crate) const N_MARK_BITS: u64 = 48;
pub(crate) const N_SUM_BITS: u64 = 32;
/// The most that a block of 900,000 bytes takes, with room to spare.
const N_MOST_BYTES: u64 = 4 << 20;

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Item {
    /// A block.
    Block(Block),
    /// The end of a stream, with the checksum of all its blocks and the byte behind it.
    End(u32, u64),
    /// The data is not bzip2 from here on; reading goes on with the next block.
    Bad(Bad),
}

/// Data between blocks that is not bzip2.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    /// What is wrong with it.
    pub(crate) flaw: Flaw,
    /// Byte of the file at which that is seen.
    pub(crate) at: u64,
    /// The bytes of the file that are passed over for it.
    pub(crate) lost: Range<u64>,
    /// Whether a block begins with it, which has no end.
    pub(crate) is_block: bool,
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
    /// Checksum of the blocks of the stream so far; `None` where some were not seen.
    sum: Option<u32>,
    /// A byte at which a stream is known to end.
    known_end: Option<u64>,
    state: State,
}

impl Blocks {
    /// Starts with the stream at the input's offset; at `known_end`, a stream is known to end.
    pub(crate) fn new(input: Input, known_end: Option<u64>) -> Blocks {
        let start = input.offset();
        Blocks { known_end, ..Blocks::at(input, State::Between(start)) }
    }

    /// Starts with the first block that begins in a range of a file, which may have none.
    pub(crate) fn within(mut input: Input, own: &Range<u64>) -> io::Result<Blocks> {
        input.go_to(own.start)?;
        let mut blocks = Blocks::at(input, State::Done);
        blocks.state = blocks.next_block(8 * own.start, own.end)?;
        Ok(blocks)
    }

    fn at(input: Input, state: State) -> Blocks {
        let finder = |shift: u32, mark: u64, is_end| {
            // Whatever the shift, the five bytes behind the first one are all of the mark.
            let aligned = (mark << (16 - shift)).to_be_bytes();
            (shift, is_end, Finder::new(aligned.get(1..6).unwrap_or_default()).into_owned())
        };
        let both = (0..8)
            .flat_map(|shift| [finder(shift, BLOCK_MARK, false), finder(shift, END_MARK, true)]);
        let base = input.offset();
        Blocks {
            input,
            bytes: Vec::new(),
            base,
            ended: false,
            marks: VecDeque::new(),
            searched: base,
            finders: both.collect(),
            sum: None,
            known_end: None,
            state,
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
                let end = self.end();
                if end < behind {
                    return self.flaw(Flaw::Truncated, end..end, false);
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
                self.sum = Some(0);
                let first = self.mark(8 * (at + 4))?;
                match first {
                    Some(mark) if mark.bit == 8 * (at + 4) => {
                        self.marks.pop_front();
                        self.state = State::At(mark);
                        self.next()
                    }
                    None if self.ended && self.end() < at + 14 => {
                        self.flaw(Flaw::Truncated, at..self.end(), false)
                    }
                    _ => self.flaw(Flaw::Markless, at..at, false),
                }
            }
            [0, ..] => self.padding(at),
            [b'B'] | [b'B', b'Z'] | [b'B', b'Z', b'h'] => self.flaw(Flaw::Truncated, at..at, false),
            _ => self.flaw(Flaw::Trailing, at..at, false),
        }
    }

    /// Passes over zeros up to the end of the file.
    fn padding(&mut self, at: u64) -> io::Result<Option<Item>> {
        loop {
            if let Some(place) = self.bytes.iter().position(|byte| *byte != 0) {
                let at = self.base + place as u64;
                return self.flaw(Flaw::Trailing, at..at, false);
            }
            let end = self.end();
            self.drop_before(end);
            if !self.pull()? {
                self.state = State::Done;
                return Ok(None);
            }
            debug_assert!(at <= end, "padding lies behind the stream");
        }
    }

    /// Tells of bad data that begins where `seen` does, which ends where that is seen, and goes on
    /// with the next block behind it.
    fn flaw(&mut self, flaw: Flaw, seen: Range<u64>, is_block: bool) -> io::Result<Option<Item>> {
        self.sum = None;
        self.state = self.next_block(8 * seen.end + 1, u64::MAX)?;
        let to = match self.state {
            State::At(mark) => mark.bit / 8,
            _ => self.end(),
        };
        let lost = seen.start..to.max(seen.start);
        Ok(Some(Item::Bad(Bad { flaw, at: seen.end, lost, is_block })))
    }

    /// Looks for a block that begins between a bit and a byte.
    fn next_block(&mut self, bit: u64, to: u64) -> io::Result<State> {
        loop {
            match self.mark(bit)? {
                Some(mark) if to <= mark.bit / 8 => return Ok(State::Done),
                Some(mark) => {
                    self.marks.pop_front();
                    if !mark.is_end {
                        return Ok(State::At(mark));
                    }
                }
                None if self.ended || to <= self.searched => return Ok(State::Done),
                // A long way to the next mark: what lies before it is not kept.
                None => {
                    self.drop_before(self.searched);
                    self.pull()?;
                }
            }
        }
    }

    fn block(&mut self, mark: Mark) -> io::Result<Option<Item>> {
        self.drop_before(mark.bit / 8);
        let start = mark.bit / 8;
        let sum = self.bits(mark.bit + N_MARK_BITS, N_SUM_BITS)? as u32;
        self.sum = self.sum.map(|before| before.rotate_left(1) ^ sum);
        let Some(next) = self.mark(mark.bit + 1)? else {
            let (flaw, at) = match self.ended {
                true => (Flaw::Truncated, self.end()),
                false => (Flaw::Markless, start),
            };
            return self.flaw(flaw, start..at, true);
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

    /// Returns whether an end mark, the first of those found, is one: the checksum of the blocks
    /// before it follows, or what may stand behind a stream does: another, zeros, nothing, or what
    /// has no other mark and so is no part of the data.
    fn is_plausible_end(&mut self, mark: Mark) -> io::Result<bool> {
        let behind = (mark.bit + N_MARK_BITS + N_SUM_BITS).div_ceil(8);
        let sum = self.bits(mark.bit + N_MARK_BITS, N_SUM_BITS)? as u32;
        if self.sum == Some(sum) || self.known_end == Some(behind) {
            return Ok(true);
        }
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

    /// Returns the byte of the file behind those that are read.
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    fn drop_before(&mut self, byte: u64) {
        let n_bytes = usize::try_from(byte.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let n_bytes = n_bytes.min(self.bytes.len());
        self.bytes.drain(..n_bytes);
        self.base += n_bytes as u64;
    }

    /// Reads until a byte is there, or the file ends.
    fn pull_to(&mut self, byte: u64) -> io::Result<()> {
        while self.end() < byte && self.pull()? {}
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
        let end = self.end();
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_checksum_of_zeros_that_is_cut_is_missed() {
        let whole = b"BZh9\x17rE8P\x90\0\0\0\0";
        for n_bytes in 5..=whole.len() {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&whole[..n_bytes]).unwrap();
            let mut blocks = Blocks::new(Input::open(file.path()).unwrap(), None);
            let found = blocks.next().unwrap().unwrap();
            match n_bytes == whole.len() {
                true => assert!(matches!(found, Item::End(0, 14)), "{found:?}"),
                false => assert!(
                    matches!(found, Item::Bad(Bad { flaw: Flaw::Truncated, .. })),
                    "{found:?}"
                ),
            }
            assert!(blocks.next().unwrap().is_none());
        }
    }
}
