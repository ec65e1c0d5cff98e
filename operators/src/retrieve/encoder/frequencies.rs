//! In how many documents each word occurs, and how rare that makes it.

use crate::{
    record::Digest,
    retrieve::{keywords::log2, vector::Sparse},
};

/// Dimensions of the lexical vectors: words are hashed into so many. Two words that meet in one
/// count as one word.
pub const N_DIMS: u32 = 1 << 20;

/// Document frequencies by dimension, in 4 MiB however many documents there are.
///
/// Counts are sums, so their order does not matter, and a document that goes is subtracted: what
/// is left equals what would have been counted without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequencies {
    n_documents: u64,
    counts: Vec<u32>,
}

impl Default for Frequencies {
    fn default() -> Self {
        Frequencies { n_documents: 0, counts: vec![0; N_DIMS as usize] }
    }
}

impl Frequencies {
    /// Counts the words of a document.
    pub fn add(&mut self, document: &Sparse) {
        self.n_documents = self.n_documents.saturating_add(1);
        self.change(document, |count| count.saturating_add(1));
    }

    /// Takes back a document that was counted.
    pub fn remove(&mut self, document: &Sparse) {
        self.n_documents = self.n_documents.saturating_sub(1);
        self.change(document, |count| count.saturating_sub(1));
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Frequencies) {
        self.n_documents = self.n_documents.saturating_add(other.n_documents);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
    }

    fn change(&mut self, document: &Sparse, change: impl Fn(u32) -> u32) {
        for (dim, _) in document.entries() {
            if let Some(count) = self.counts.get_mut(dim as usize) {
                *count = change(*count);
            }
        }
    }

    /// Returns log2((documents + 1) / (documents with the word + 1)) in eighths, at least 1.
    ///
    /// Eighths, so that a few documents more or less change few questions.
    pub fn rarity(&self, dim: u32) -> u16 {
        let count = self.counts.get(dim as usize).copied().unwrap_or_default();
        rarity(self.n_documents, count)
    }

    /// Returns the digest of all rarities: that of the frequencies as far as they matter.
    pub fn digest(&self) -> Digest {
        let unseen = rarity(self.n_documents, 0);
        let mut bytes = unseen.to_le_bytes().to_vec();
        for (dim, count) in (0_u32..).zip(&self.counts) {
            if *count == 0 {
                continue;
            }
            let rarity = rarity(self.n_documents, *count);
            if rarity != unseen {
                bytes.extend(dim.to_le_bytes());
                bytes.extend(rarity.to_le_bytes());
            }
        }
        Digest::of(&bytes)
    }
}

fn rarity(n_documents: u64, count: u32) -> u16 {
    let bits = log2(n_documents.saturating_add(1)).saturating_sub(log2(u64::from(count) + 1));
    u16::try_from(bits >> 13).unwrap_or(u16::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(dims: &[u32]) -> Sparse {
        Sparse::new(dims.iter().map(|dim| (*dim, 1)).collect())
    }

    #[test]
    fn rare_words_are_rare() {
        let mut frequencies = Frequencies::default();
        assert_eq!(frequencies.rarity(7), 1);
        for number in 0..255 {
            frequencies.add(&document(if number == 0 { &[1, 2] } else { &[1] }));
        }
        assert_eq!([1, 2, 3].map(|dim| frequencies.rarity(dim)), [1, 56, 64]);
        assert_eq!(frequencies.rarity(u32::MAX), 64);
    }

    #[test]
    fn the_digest_changes_with_the_rarities_alone() {
        let mut frequencies = Frequencies::default();
        for number in 0..1000 {
            frequencies.add(&document(&[1 + number % 3]));
        }
        let before = (frequencies.digest(), [1, 2, 3, 4].map(|dim| frequencies.rarity(dim)));
        frequencies.add(&document(&[1]));
        let after = (frequencies.digest(), [1, 2, 3, 4].map(|dim| frequencies.rarity(dim)));
        assert_eq!(before, after);
        frequencies.add(&document(&[4]));
        assert_ne!(before.0, frequencies.digest());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn counts_after_any_changes_are_those_of_a_fresh_count(
            documents in prop::collection::vec((prop::collection::vec(0..50_u32, 0..8), any::<bool>()), 0..20),
            cut in 0..20_usize,
        ) {
            let mut changed = Frequencies::default();
            let mut elsewhere = Frequencies::default();
            let mut fresh = Frequencies::default();
            for (place, (dims, stays)) in documents.iter().enumerate() {
                let part = if place < cut { &mut changed } else { &mut elsewhere };
                part.add(&document(dims));
                if *stays {
                    fresh.add(&document(dims));
                }
            }
            changed.merge(&elsewhere);
            for (dims, _) in documents.iter().rev().filter(|(_, stays)| !stays) {
                changed.remove(&document(dims));
            }
            prop_assert_eq!(changed.digest(), fresh.digest());
            prop_assert_eq!(changed, fresh);
        }
    }
}
