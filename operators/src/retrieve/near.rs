//! Texts that are nearly the same: a copy with another menu around it, or a word or two changed.
//!
//! A fingerprint of 64 bits is made of the runs of three words of a text (Charikar 2002). Two of
//! them differ in as large a share of their bits as the angle between the counts of the runs is of
//! half a turn: six bits are a cosine of 0.957.

use super::encoder::words::words;

/// Bits in which the fingerprints of nearly equal texts may differ.
const BITS: u32 = 6;

/// Returns the fingerprint of a text; 0 for one without words.
pub fn fingerprint(text: &str) -> u64 {
    let mut sums = [0_i32; 64];
    let (mut first, mut second) = (0_u64, 0_u64);
    for word in words(text) {
        let run = mixed(first.rotate_left(21) ^ second.rotate_left(42) ^ word);
        for (bit, sum) in sums.iter_mut().enumerate() {
            *sum += if run >> bit & 1 == 1 { 1 } else { -1 };
        }
        (first, second) = (second, word);
    }
    sums.iter().enumerate().fold(0, |bits, (bit, sum)| bits | u64::from(0 < *sum) << bit)
}

/// Returns whether two fingerprints are those of nearly equal texts.
pub fn are_near(left: u64, right: u64) -> bool {
    (left ^ right).count_ones() <= BITS
}

/// Spreads every bit over all others (the finaliser of MurmurHash3).
fn mixed(mut bits: u64) -> u64 {
    for factor in [0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53] {
        bits = (bits ^ bits >> 33).wrapping_mul(factor);
    }
    bits ^ bits >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(n: u64, seed: u64) -> String {
        let word = |at: u64| format!("w{}", mixed(at + (seed << 32)) % 5000);
        (0..n).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn copies_are_near_and_others_are_not() {
        let page = text(400, 1);
        let copy = format!("Home | About us\n\n{page}\n\nShare this page");
        assert!(are_near(fingerprint(&page), fingerprint(&copy)));
        assert!(are_near(fingerprint(&page), fingerprint(&page.to_uppercase())));
        for seed in 2..40 {
            assert!(!are_near(fingerprint(&page), fingerprint(&text(400, seed))), "{seed}");
        }
        assert_eq!(fingerprint(" – "), 0);
    }
}
