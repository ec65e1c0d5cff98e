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

/// Bytes at which residue may stand in cleaned text: what markup is made of, brackets and commas;
/// those that are not ASCII begin with the last byte here or end in a pair.
const RESIDUE: &[u8] = b"[]{}|<&:'=_(),;\xEF";

/// Bytes in the commas of other scripts, `、`, `،`, `，` and the like. They are frequent in letters, too:
/// the second one of a pair is special behind the first one only. Each has what shares its classes.
const FIRSTS: &[u8] = b"\xBC\xD3\xD8\xE3\xE8";
const SECONDS: &[u8] = b"\x80\x8B\x8C\x90\x9B\x9C";

/// Classes of bytes by their high and by their low half; a byte is in the classes that both share.
type Classes = [[u8; 16]; 2];

const MARKUP: Classes = classes(Set::Markup);
const VARIANTS: Classes = classes(Set::Variants);
const MARKS: Classes = classes(Set::Marks);
const LEFT: Classes = classes(Set::Residue);

/// Among the classes of residue, those of special bytes, and of the bytes of pairs.
const ALONE: u8 = 31;
const SECOND: u8 = 32;
const FIRST: u8 = 64 | 128;

/// Which bytes are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Set {
    /// Those of wikitext.
    Markup,
    /// Those of wikitext where `-{` chooses between scripts.
    Variants,
    /// Line ends and the control characters of a draft.
    Marks,
    /// Those at which cleaned text may hold residue.
    Residue,
}

/// Returns the class of a byte, or 0: one for each high half, but one each for pairs.
const fn class(byte: u8, set: Set) -> u8 {
    if matches!(set, Set::Residue) {
        return match byte >> 4 {
            2 if is_among(byte, RESIDUE) => 1,
            3 if is_among(byte, RESIDUE) => 2,
            5 if is_among(byte, RESIDUE) => 4,
            7 if is_among(byte, RESIDUE) => 8,
            0xE if is_among(byte, RESIDUE) => 16,
            8 | 9 if is_among(byte, SECONDS) => SECOND,
            0xB if is_among(byte, FIRSTS) => 64,
            0xD | 0xE if is_among(byte, FIRSTS) => 128,
            _ => 0,
        };
    }
    match byte >> 4 {
        _ if !is_special(byte, set) => 0,
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

/// Whether a byte is special whatever stands before it.
const fn is_special(byte: u8, set: Set) -> bool {
    let is_control = byte < 32 && byte != b'\t';
    match set {
        Set::Markup => is_control || is_among(byte, SPECIAL),
        Set::Variants => is_control || is_among(byte, SPECIAL) || byte == b'-',
        Set::Marks => is_control,
        Set::Residue => is_among(byte, RESIDUE),
    }
}

const fn is_among(byte: u8, bytes: &[u8]) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

const fn classes(set: Set) -> Classes {
    let [mut high, mut low] = [[0; 16]; 2];
    let mut byte = 0;
    while byte < 256 {
        let class = class(byte as u8, set);
        high[byte >> 4] |= class;
        low[byte & 15] |= class;
        byte += 1;
    }
    [high, low]
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
        let classes = match set {
            Set::Markup => &MARKUP,
            Set::Variants => &VARIANTS,
            Set::Marks => &MARKS,
            Set::Residue => return self.mark_residue(bytes),
        };
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V3::try_new() {
            let words = &mut self.words;
            return simd.vectorize(Wide::<false> { simd, bytes, classes, words });
        }
        self.words.extend(bytes.chunks(64).map(|chunk| word(chunk, classes, u8::MAX)));
    }

    fn mark_residue(&mut self, bytes: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = V3::try_new() {
            let words = &mut self.words;
            return simd.vectorize(Wide::<true> { simd, bytes, classes: &LEFT, words });
        }
        let mut behind = 0;
        self.words.extend(bytes.chunks(64).map(|chunk| word_of_pairs(chunk, &mut behind)));
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

/// Returns which of up to 64 bytes are in one of some classes.
fn word(chunk: &[u8], [high, low]: &Classes, wanted: u8) -> u64 {
    chunk.iter().enumerate().fold(0, |word, (place, &byte)| {
        let (high, low) = (high[usize::from(byte >> 4)], low[usize::from(byte & 15)]);
        word | u64::from(high & low & wanted != 0) << place
    })
}

/// Returns the marks of up to 64 bytes of cleaned text.
fn word_of_pairs(chunk: &[u8], behind: &mut u64) -> u64 {
    let [alone, second, first] = [ALONE, SECOND, FIRST].map(|wanted| word(chunk, &LEFT, wanted));
    joined(alone, second, first, behind)
}

/// Returns the special bytes of 64, those behind the first byte of a pair included; `behind` says
/// whether the first of these bytes is.
#[inline(always)]
fn joined(alone: u64, second: u64, first: u64, behind: &mut u64) -> u64 {
    let is_behind = first << 1 | *behind;
    *behind = first >> 63;
    alone | second & is_behind
}

/// The same for 64 bytes at a time with the instructions of AVX2.
#[cfg(target_arch = "x86_64")]
struct Wide<'a, const PAIRS: bool> {
    simd: V3,
    bytes: &'a [u8],
    classes: &'a Classes,
    words: &'a mut Vec<u64>,
}

#[cfg(target_arch = "x86_64")]
impl<const PAIRS: bool> NullaryFnOnce for Wide<'_, PAIRS> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (chunks, rest) = self.bytes.as_chunks::<64>();
        self.words.reserve(chunks.len() + 1);
        let mut behind = 0;
        // A loop, not an iterator: closures are compiled without the instructions of this function.
        for chunk in chunks {
            let word = self.word(chunk, &mut behind);
            self.words.push(word);
        }
        // Paragraphs are short: their ends are worth the wide way.
        let mut end = [b'a'; 64];
        for (byte, last) in end.iter_mut().zip(rest) {
            *byte = *last;
        }
        let word = self.word(&end, &mut behind);
        self.words.push(word);
    }
}

#[cfg(target_arch = "x86_64")]
impl<const PAIRS: bool> Wide<'_, PAIRS> {
    /// Returns the marks of 64 bytes.
    #[inline(always)]
    fn word(&self, bytes: &[u8; 64], behind: &mut u64) -> u64 {
        let simd = self.simd;
        let [high, low] = *self.classes;
        let by_half = [pulp::cast([high, high]), pulp::cast([low, low])];
        let [one, two]: [[u8; 32]; 2] = pulp::cast(*bytes);
        let one = wide_classes(simd, pulp::cast(one), by_half);
        let two = wide_classes(simd, pulp::cast(two), by_half);
        match PAIRS {
            false => wide_word(simd, [one, two], u8::MAX),
            true => joined(
                wide_word(simd, [one, two], ALONE),
                wide_word(simd, [one, two], SECOND),
                wide_word(simd, [one, two], FIRST),
                behind,
            ),
        }
    }
}

/// Returns the classes of 32 bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_classes(simd: V3, bytes: __m256i, [by_high, by_low]: [__m256i; 2]) -> __m256i {
    let V3 { avx, avx2, .. } = simd;
    let half = avx._mm256_set1_epi8(15);
    let high = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), half);
    let high = avx2._mm256_shuffle_epi8(by_high, high);
    let low = avx2._mm256_shuffle_epi8(by_low, avx2._mm256_and_si256(bytes, half));
    avx2._mm256_and_si256(high, low)
}

/// Returns which of 64 bytes are in one of some classes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_word(simd: V3, [one, two]: [__m256i; 2], wanted: u8) -> u64 {
    let [one, two] = [wide_marks(simd, one, wanted), wide_marks(simd, two, wanted)];
    u64::from(one) | u64::from(two) << 32
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn wide_marks(simd: V3, classes: __m256i, wanted: u8) -> u32 {
    let V3 { avx, avx2, .. } = simd;
    let classes = avx2._mm256_and_si256(classes, avx._mm256_set1_epi8(wanted as i8));
    let plain = avx2._mm256_cmpeq_epi8(classes, avx._mm256_set1_epi8(0));
    !avx2._mm256_movemask_epi8(plain) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_wherever_it_stands() {
        for set in [Set::Markup, Set::Variants, Set::Marks, Set::Residue] {
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

    /// Returns whether the byte at a place is special, behind what stands before it.
    fn is_special_at(bytes: &[u8], place: usize, set: Set) -> bool {
        let is_pair = set == Set::Residue
            && SECONDS.contains(&bytes[place])
            && 0 < place
            && FIRSTS.contains(&bytes[place - 1]);
        is_pair || is_special(bytes[place], set)
    }

    #[test]
    fn the_second_byte_of_a_pair_is_found_behind_the_first_one_only() {
        for (first, second) in
            FIRSTS.iter().flat_map(|first| SECONDS.iter().map(move |second| (*first, *second)))
        {
            for place in 1..150 {
                let mut bytes = [b'a'; 150];
                (bytes[place - 1], bytes[place]) = (first, second);
                let mut specials = Specials::default();
                specials.mark(&bytes, Set::Residue);
                assert_eq!(specials.next(0), Some(place), "{first} {second}");
                assert_eq!(specials.next(place + 1), None);
            }
        }
    }

    #[test]
    fn the_wide_and_the_narrow_way_agree() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * n / 7) as u8).collect();
        let lengths = [0, 1, 31, 32, 63, 64, 65, 127, 128, 1000];
        let sets = [Set::Variants, Set::Residue];
        for (length, set) in lengths.into_iter().flat_map(|length| sets.map(|set| (length, set))) {
            let bytes = &bytes[..length];
            let mut specials = Specials::default();
            specials.mark(bytes, set);
            let mut at = 0;
            for place in 0..length {
                if is_special_at(bytes, place, set) {
                    assert_eq!(specials.next(at), Some(place));
                    at = place + 1;
                }
            }
            assert_eq!(specials.next(at), None);
        }
    }

    #[test]
    fn the_narrow_way_finds_pairs_as_the_wide_one() {
        let bytes: Vec<u8> = (0..=u8::MAX).flat_map(|one| [one, 0xE3, 0x80, 0xBC, one]).collect();
        let mut specials = Specials::default();
        specials.mark(&bytes, Set::Residue);
        let mut behind = 0;
        let narrow: Vec<u64> =
            bytes.chunks(64).map(|chunk| word_of_pairs(chunk, &mut behind)).collect();
        assert_eq!(specials.words[..narrow.len()], narrow);
    }
}
