//! What a keyword is worth, in fixed-point numbers so that every machine ranks alike.

use crate::wikitext::Wikilink;

/// 1 in the fixed-point numbers of this module: 16 bits behind the point.
const ONE: u64 = 1 << 16;
/// The natural logarithm of 2.
const LN_2: u64 = 45_426;

/// Worth of a place in the lead, the first section, elsewhere, and the last third; in halves.
const LEAD: u64 = 4;
const FIRST: u64 = 3;
pub(super) const REST: u64 = 2;
const TAIL: u64 = 1;

/// Returns the worth of the place of a link in a page of so many bytes, in halves.
pub(super) fn place(link: &Wikilink, n_bytes: u64) -> u64 {
    // The infobox stands before the lead but says less.
    match (link.is_prose, link.section) {
        (true, 0) => LEAD,
        (true, 1) => FIRST,
        _ if n_bytes.saturating_mul(2) < u64::from(link.start).saturating_mul(3) => TAIL,
        _ => REST,
    }
}

/// Returns idf · (1 + ln mentions) · place, in 1/65,536.
pub(super) fn score(n_articles: u64, n_linking: u64, n_mentions: u64, place: u64) -> u64 {
    let n_linking = n_linking.max(1);
    let rarity = log2(n_articles.max(n_linking)) - log2(n_linking);
    let mentions = ONE + ((log2(n_mentions.max(1)) * LN_2) >> 16);
    // 22 bits, 22 bits and 3 bits: far from an overflow.
    ((rarity * LN_2) >> 16) * mentions / ONE * place / 2
}

/// Returns the logarithm to base 2, 16 bits behind the point, rounded down; 0 for 0.
pub(crate) fn log2(value: u64) -> u64 {
    let Some(whole) = value.checked_ilog2() else {
        return 0;
    };
    let mut bits = u64::from(whole);
    // In [1, 2), with 63 bits behind the point: each squaring uncovers one bit of the logarithm.
    let mut rest = u128::from(value << (63 - whole));
    for _ in 0..16 {
        rest = (rest * rest) >> 63;
        let is_two = rest >> 64 != 0;
        bits = (bits << 1) | u64::from(is_two);
        rest >>= u32::from(is_two);
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_logarithm_is_that_of_floats(value in 1..=u64::MAX) {
            let expected = (value as f64).log2() * ONE as f64;
            prop_assert!((log2(value) as f64 - expected).abs() <= 1.5, "{} {expected}", log2(value));
        }

        #[test]
        fn the_logarithm_grows(value in 1..u64::MAX) {
            prop_assert!(log2(value) <= log2(value + 1));
        }

        #[test]
        fn the_score_is_that_of_floats(n in 1..100_000_000_u64, df in 1..100_000_000_u64, tf in 1..100_000_u64, place in 1..=4_u64) {
            let df = df.min(n);
            let expected = (n as f64 / df as f64).ln() * (1.0 + (tf as f64).ln()) * place as f64 / 2.0;
            let found = score(n, df, tf, place) as f64 / ONE as f64;
            prop_assert!((found - expected).abs() < 0.003, "{found} {expected}");
        }

        #[test]
        fn no_score_overflows(n: u64, df: u64, tf: u64, place in 1..=4_u64) {
            prop_assert!(score(n, df, tf, place) < 1 << 30);
        }
    }

    #[test]
    fn powers_of_two_are_exact() {
        for power in 0..64_u32 {
            assert_eq!(log2(1 << power), u64::from(power) * ONE);
        }
        assert_eq!(log2(0), 0);
    }
}
