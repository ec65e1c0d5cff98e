//! Counts of what moved, with the largest few kept as examples: bounded however much moves.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Display};

use super::facts::Moves;

/// Where an example stands: the largest first, then by its number.
type Rank = (Reverse<u64>, u128);

/// Counts by kind; of each kind the examples of the highest rank.
pub(super) struct Top<K, T> {
    n_examples: usize,
    kinds: BTreeMap<K, (u64, BTreeMap<Rank, T>)>,
}

impl<K: Ord + Display, T> Top<K, T> {
    /// Returns an empty count that will keep `n_examples` of each kind.
    pub(super) fn new(n_examples: usize) -> Top<K, T> {
        Top { n_examples, kinds: BTreeMap::new() }
    }

    /// Counts one; makes an example of it if its size is among the largest. Numbers are distinct.
    pub(super) fn add(&mut self, kind: K, size: u64, number: u128, example: impl FnOnce() -> T) {
        let (count, kept) = self.kinds.entry(kind).or_default();
        *count += 1;
        let rank = (Reverse(size), number);
        let last = kept.last_key_value().map(|(last, _)| *last);
        if kept.len() < self.n_examples || last.is_some_and(|last| rank < last) {
            kept.insert(rank, example());
        }
        while self.n_examples < kept.len() {
            kept.pop_last();
        }
    }

    /// Returns the kinds in their order.
    pub(super) fn finish(self) -> Vec<Moves<T>> {
        let moves = self.kinds.into_iter().map(|(kind, (count, kept))| Moves {
            kind: kind.to_string(),
            count,
            reasons: BTreeMap::new(),
            examples: kept.into_values().collect(),
        });
        moves.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_ties_go_by_number() {
        let sizes = [3, 9, 9, 1, 7, 9, 0];
        for n_examples in 0..9 {
            let mut top = Top::new(n_examples);
            for (number, size) in (0_u128..).zip(sizes) {
                top.add("kind", size, number, || (size, number));
            }
            let moves = top.finish();
            let mut expected: Vec<_> = sizes.into_iter().zip(0_u128..).collect();
            expected.sort_by_key(|(size, number)| (Reverse(*size), *number));
            expected.truncate(n_examples);
            assert_eq!((moves[0].count, &moves[0].examples), (7, &expected));
        }
    }
}
