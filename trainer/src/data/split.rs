//! Which rows are learned, and which are held back for validation.

use crossic_operators::record::Digest;

use crate::{
    data::{corpus::Rows, keyed::Keyed, order},
    error::{Error, Result},
};

/// The numbers of the rows of both sets, in the order of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows that are learned.
    pub train: Vec<u32>,
    /// Rows that are held back.
    pub validation: Vec<u32>,
}

/// Divides the rows by pair: about `share` of the pairs is held back with all their rows.
///
/// A pair is held back if and only if a hash of seed and pair says so, so a pair that comes or goes moves no other one.
/// In a corpus so small that the hash picks no pair, the pair with the lowest hash is held back, so that there is
/// something to validate with; where there is only one pair, it is learned.
///
/// # Errors
///
/// `share` is not in [0, 1), nothing would be left to learn, or the corpus has more rows than can be numbered.
pub fn by_pair(rows: &dyn Rows, share: f64, seed: u64) -> Result<Split> {
    if !(0.0..1.0).contains(&share) {
        return Err(Error::refused(
            format!("`validation` is {share}, which is no share of the pairs"),
            "write a number from 0 up to, but not, 1, such as 0.001",
        ));
    }
    let key = Keyed::new("crossic-trainer held back pair", &[seed]);
    let pair = |row: &u32| rows.pair(*row as usize);
    let numbers = order::numbers(rows)?;
    let (validation, train): (Vec<u32>, Vec<u32>) =
        numbers.partition(|row| key.share(pair(row)) < share);
    if share == 0.0 || !validation.is_empty() {
        if train.is_empty() && !validation.is_empty() {
            return Err(Error::refused(
                format!("all {} rows would be held back for validation", validation.len()),
                format!("lower `validation`, which is {share}"),
            ));
        }
        return Ok(Split { train, validation });
    }
    let lowest: Option<Digest> = train.iter().map(pair).min_by_key(|it| (key.bits(*it), *it));
    let (validation, rest): (Vec<u32>, Vec<u32>) =
        train.iter().partition(|row| Some(pair(row)) == lowest);
    if rest.is_empty() {
        return Ok(Split { train, validation: Vec::new() });
    }
    Ok(Split { train: rest, validation })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::data::{memory_rows::MemoryRows, testing::row};

    /// Returns rows whose pairs have these numbers.
    fn of_pairs(pairs: &[u32]) -> MemoryRows {
        let rows = pairs.iter().enumerate().map(|(number, pair)| {
            let mut row = row(number as u32, 4);
            row.pair = Digest::of(&pair.to_le_bytes());
            row
        });
        MemoryRows::new(rows.collect())
    }

    fn pairs_of(rows: &MemoryRows, numbers: &[u32]) -> BTreeSet<Digest> {
        numbers.iter().map(|it| rows.pair(*it as usize)).collect()
    }

    #[test]
    fn about_the_share_is_held_back() {
        let rows = of_pairs(&(0..20_000).collect::<Vec<_>>());
        let split = by_pair(&rows, 0.01, 32).unwrap();
        assert!((150..250).contains(&split.validation.len()), "{}", split.validation.len());
        assert_ne!(by_pair(&rows, 0.01, 33).unwrap().validation, split.validation);
        assert_eq!(by_pair(&rows, 0.0, 32).unwrap().validation, [0; 0]);
    }

    #[test]
    fn a_small_corpus_holds_one_pair_back_and_a_single_pair_is_learned() {
        let split = by_pair(&of_pairs(&[1, 1, 2, 2, 3]), 0.001, 32).unwrap();
        assert!(!split.validation.is_empty() && split.validation.len() <= 2, "{split:?}");
        let split = by_pair(&of_pairs(&[1, 1, 1]), 0.001, 32).unwrap();
        assert_eq!(split, Split { train: vec![0, 1, 2], validation: vec![] });
        let split = by_pair(&of_pairs(&[]), 0.001, 32).unwrap();
        assert_eq!(split, Split { train: vec![], validation: vec![] });
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for share in [-0.1, 1.0, 1.5, f64::NAN] {
            let error = by_pair(&of_pairs(&[1, 2]), share, 32).unwrap_err();
            assert!(error.to_string().contains("validation"), "{error}");
        }
        assert!(by_pair(&of_pairs(&[1]), 0.999_999, 32).is_err(), "nothing is left to learn");
    }

    proptest! {
        #[test]
        fn no_pair_is_in_both_sets_and_no_row_is_lost(
            pairs in prop::collection::vec(0_u32..20, 0..60), share in 0.0..0.9, seed in any::<u64>(),
        ) {
            let rows = of_pairs(&pairs);
            let Ok(split) = by_pair(&rows, share, seed) else {
                // Refused only where every single pair was picked.
                let key = Keyed::new("crossic-trainer held back pair", &[seed]);
                prop_assert!((0..rows.len()).all(|it| key.share(rows.pair(it)) < share));
                return Ok(());
            };
            prop_assert!(pairs_of(&rows, &split.train).is_disjoint(&pairs_of(&rows, &split.validation)));
            let mut all = [split.train, split.validation].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..pairs.len() as u32).collect::<Vec<_>>());
        }

        #[test]
        fn a_pair_that_comes_moves_no_other(pairs in prop::collection::vec(0_u32..400, 50..200), seed in any::<u64>()) {
            let more = [pairs.clone(), vec![1000]].concat();
            let (few, many) = (of_pairs(&pairs), of_pairs(&more));
            let key = Keyed::new("crossic-trainer held back pair", &[seed]);
            // Where a pair is held back for want of any other, the choice is of the lowest, and may move.
            prop_assume!((0..few.len()).any(|it| key.share(few.pair(it)) < 0.2));
            let (Ok(before), Ok(after)) = (by_pair(&few, 0.2, seed), by_pair(&many, 0.2, seed)) else {
                return Ok(());
            };
            let kept = |numbers: Vec<u32>| -> Vec<u32> {
                numbers.into_iter().filter(|it| (*it as usize) < pairs.len()).collect()
            };
            prop_assert_eq!(before.train, kept(after.train));
            prop_assert_eq!(before.validation, kept(after.validation));
        }
    }
}
