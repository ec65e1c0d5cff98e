//! Makes small bzip2 files of many blocks and damages them.
//!
//! The library makes no block of less than 100,000 bytes but the last, so the blocks of small streams
//! are put together bit by bit: then they begin at any bit, as in a real file.

use std::io::Read;

/// Bits before the first block of a stream: `BZh1`.
const N_HEAD_BITS: usize = 32;
const BLOCK_MARK: u64 = 0x3141_5926_5359;
const END_MARK: u64 = 0x1772_4538_5090;

/// A file, and what its blocks were before it was damaged if that is known.
pub struct File {
    /// The file.
    pub bytes: Vec<u8>,
    /// The text of each block.
    pub blocks: Option<Vec<Vec<u8>>>,
}

impl File {
    /// Makes a file of what the fuzzer gives; `None` if that is too short.
    pub fn new(bytes: &[u8]) -> Option<File> {
        let (&shape, rest) = bytes.split_first()?;
        if shape == 255 {
            return Some(File { bytes: rest.to_vec(), blocks: None });
        }
        let n_blocks = 1 + usize::from(shape & 7);
        let n_streams = 1 + usize::from(shape >> 3 & 3);
        let n_damages = usize::from(shape >> 5 & 3);
        let (damages, text) = rest.split_at_checked(3 * n_damages)?;
        let n_bytes = text.len().div_ceil(n_blocks).max(1);
        let blocks: Vec<Vec<u8>> = text.chunks(n_bytes).map(<[u8]>::to_vec).collect();
        let mut bytes = Vec::new();
        for part in blocks.chunks(blocks.len().div_ceil(n_streams).max(1)) {
            bytes.extend(stream(part));
        }
        for damage in damages.chunks(3) {
            apply(&mut bytes, [damage[0], damage[1], damage[2]]);
        }
        Some(File { bytes, blocks: Some(blocks) })
    }
}

/// Damages a file in one of a few ways, at a place that two bytes tell.
fn apply(bytes: &mut Vec<u8>, [high, low, what]: [u8; 3]) {
    let place = (usize::from(high) << 8 | usize::from(low)) % bytes.len().max(1);
    match what {
        0..8 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << what;
            }
        }
        8 => bytes.truncate(place),
        9 => drop(bytes.drain(..place)),
        10 => bytes.insert(place, high),
        11 => drop((place < bytes.len()).then(|| bytes.remove(place))),
        12 => bytes.extend_from_within(place..),
        13 => bytes.extend(std::iter::repeat_n(0, usize::from(low))),
        14 => bytes.truncate(bytes.len() - usize::from(low).min(bytes.len())),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = what;
            }
        }
    }
}

/// Returns a stream with a block for each text.
fn stream(texts: &[Vec<u8>]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(u64::from(u32::from_be_bytes(*b"BZh1")), 32);
    let mut sum = 0_u32;
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let packed = packed(text);
        let bit = |place: usize| u64::from(packed[place / 8] >> (7 - place % 8) & 1);
        let number = |from: usize, n: usize| (from..from + n).fold(0, |sum, it| sum << 1 | bit(it));
        let n_bits = 8 * packed.len();
        assert_eq!(number(N_HEAD_BITS, 48), BLOCK_MARK);
        // The end is followed by fewer than eight bits.
        let is_end = |place: &usize| number(*place, 48) == END_MARK;
        let end = (n_bits - 88..=n_bits - 80).rev().find(is_end).expect("a stream has an end");
        for place in N_HEAD_BITS..end {
            bits.push(bit(place), 1);
        }
        sum = sum.rotate_left(1) ^ number(end + 48, 32) as u32;
    }
    bits.push(END_MARK, 48);
    bits.push(u64::from(sum), 32);
    bits.bytes
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::new(1));
    encoder.read_to_end(&mut packed).expect("packing");
    packed
}

/// Bytes that are written bit by bit.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    n_bits: usize,
}

impl Bits {
    /// Appends the lowest bits of a number, the highest of them first.
    fn push(&mut self, number: u64, n_bits: u32) {
        for place in (0..n_bits).rev() {
            if self.n_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (number >> place & 1) as u8;
            *self.bytes.last_mut().expect("a byte was pushed") |= bit << (7 - self.n_bits % 8);
            self.n_bits += 1;
        }
    }
}
