//! Where the special bytes of a page are: one bit a byte, so that the scan jumps from one to the next.
//!
//! Two look-ups of sixteen bytes each, by the high and by the low half of a byte, classify 32 bytes
//! at a time where the processor can; elsewhere a table does it byte by byte, with the same result.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m256i;

#[cfg(target_arch = "x86_64")]
use pulp::{NullaryFnOnce, x86::V3};

/// Bytes at which something may happen: controls but not the tab, brackets, and those that begin
/// the special spaces of UTF-8. The minus is added where `-{` chooses between scripts.
const SPECIAL: &[u8] = b"<{}[]|'&_\n\xC2\xE2";

/// Classes of [`SPECIAL`] by the high half of a byte; a byte is special if its two halves share one.
const BY_HIGH: [u8; 16] = by_half(true, Set::Variants);
const BY_LOW: [[u8; 16]; 3] =
    [by_half(false, Set::Markup), by_half(false, Set::Variants), by_half(false, Set::Marks)];

/// Bit of the class that the bytes with a high half belong to; at most eight halves are in use.
const fn class(high: u8) -> u8 {
    match high {
        0 => 1,
        1 => 2,
        2 => 4,
        3 => 8,
        5 => 16,
        7 => 32,
        0xC | 0xE => 64,
        _ => 0,
    }
}

/// Which bytes are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Set {
    /// Those of wikitext.
    Markup,
    /// Those of wikitext where `-{` chooses between scripts.
    Variants,
    /// Line ends and the control characters of a draft.
    Marks,
}

const fn is_special(byte: u8, set: Set) -> bool {
    let is_control = byte < 32 && byte != b'\t';
    if is_control || matches!(set, Set::Marks) {
        return is_control;
    }
    let mut index = 0;
    while index < SPECIAL.len() {
        if SPECIAL[index] == byte {
            return true;
        }
        index += 1;
    }
    matches!(set, Set::Variants) && byte == b'-'
}

const fn by_half(is_high: bool, set: Set) -> [u8; 16] {
    let mut table = [0; 16];
    let mut byte = 0;
    while byte < 256 {
        if is_special(byte as u8, set) {
            let bit = class(byte as u8 >> 4);
            if is_high {
                table[byte >> 4] |= bit;
            } else {
                table[byte & 15] |= bit;
            }
        }
        byte += 1;
    }
    table
}

/// The special bytes of a page.
#[derive(Debug, Default)]
pub(in super::super) struct Specials {
    words: Vec<u64>,
}

impl Specials {
    /// Marks the special bytes of a text, whatever was marked before.
    pub(in super::super) fn mark(&mut self, bytes: &[u8], set: Set) {
        self.words.clear();
        let [markup, variants, marks] = &BY_LOW;
        let low = match set {
            Set::Markup => markup,
            Set::Variants => variants,
            Set::Marks => marks,
        };
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V3::try_new() {
            return simd.vectorize(Wide { simd, bytes, low, words: &mut self.words });
        }
        self.words.extend(bytes.chunks(64).map(|chunk| word(chunk, low)));
    }

    /// Returns the first special byte at or after a place.
    #[inline]
    pub(in super::super) fn next(&self, at: usize) -> Option<usize> {
        let mut index = at / 64;
        let mut word = self.words.get(index)? >> (at % 64) << (at % 64);
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }
}

/// Returns the marks of up to 64 bytes.
fn word(chunk: &[u8], low: &[u8; 16]) -> u64 {
    chunk.iter().enumerate().fold(0, |word, (place, &byte)| {
        let (high, low) = (BY_HIGH[usize::from(byte >> 4)], low[usize::from(byte & 15)]);
        word | u64::from(high & low != 0) << place
    })
}

/// The same for 64 bytes at a time with the instructions of AVX2.
#[cfg(target_arch = "x86_64")]
struct Wide<'a> {
    simd: V3,
    bytes: &'a [u8],
    low: &'a [u8; 16],
    words: &'a mut Vec<u64>,
}

#[cfg(target_arch = "x86_64")]
impl NullaryFnOnce for Wide<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let by_high = pulp::cast([BY_HIGH, BY_HIGH]);
        let by_low = pulp::cast([*self.low, *self.low]);
        let (chunks, rest) = self.bytes.as_chunks::<64>();
        self.words.reserve(chunks.len() + 1);
        // A loop, not an iterator: closures are compiled without the instructions of this function.
        for chunk in chunks {
            let [one, two]: [[u8; 32]; 2] = pulp::cast(*chunk);
            let one = wide_marks(self.simd, pulp::cast(one), by_high, by_low);
            let two = wide_marks(self.simd, pulp::cast(two), by_high, by_low);
            self.words.push(u64::from(one) | u64::from(two) << 32);
        }
        self.words.push(word(rest, self.low));
    }
}

/// Returns the marks of 32 bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_marks(simd: V3, bytes: __m256i, by_high: __m256i, by_low: __m256i) -> u32 {
    let V3 { avx, avx2, .. } = simd;
    let half = avx._mm256_set1_epi8(15);
    let high = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), half);
    let high = avx2._mm256_shuffle_epi8(by_high, high);
    let low = avx2._mm256_shuffle_epi8(by_low, avx2._mm256_and_si256(bytes, half));
    let both = avx2._mm256_and_si256(high, low);
    let plain = avx2._mm256_cmpeq_epi8(both, avx._mm256_set1_epi8(0));
    !avx2._mm256_movemask_epi8(plain) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        for set in [Set::Markup, Set::Variants, Set::Marks] {
            for byte in 0..=u8::MAX {
                for place in 0..150 {
                    let mut bytes = [b'a'; 150];
                    bytes[place] = byte;
                    let mut specials = Specials::default();
                    specials.mark(&bytes, set);
                    let expected = is_special(byte, set).then_some(place);
                    assert_eq!(specials.next(0), expected, "{byte} at {place}");
                    assert_eq!(specials.next(place), expected);
                    assert_eq!(specials.next(place + 1), None);
                }
            }
        }
    }

    #[test]
    fn the_wide_and_the_narrow_way_agree() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * n / 7) as u8).collect();
        for length in [0, 1, 31, 32, 63, 64, 65, 127, 128, 1000] {
            let bytes = &bytes[..length];
            let mut specials = Specials::default();
            specials.mark(bytes, Set::Variants);
            let mut at = 0;
            for (place, &byte) in bytes.iter().enumerate() {
                if is_special(byte, Set::Variants) {
                    assert_eq!(specials.next(at), Some(place));
                    at = place + 1;
                }
            }
            assert_eq!(specials.next(at), None);
        }
    }
}
