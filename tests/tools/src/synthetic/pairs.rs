//! Which articles of the two synthetic wikis are about the same, and what the langlinks say of it.

use crate::{
    dump::page::Langlink,
    random::{Permutation, Random},
    synthetic::{edition::Edition, language::Language, plan::WikiPlan},
};

/// The share of pairs whose links differ in the second edition.
const CHANGED: f64 = 0.001;

/// Which of the two articles of a pair links to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Neither.
    None,
    /// Both.
    Both,
    /// Only the one in the target language.
    FromTarget,
    /// Only the English one.
    FromEnglish,
}

/// The pairs of articles.
#[derive(Clone, Debug)]
pub struct Pairs {
    seed: u64,
    links: f64,
    n_target: u64,
    english: Permutation,
}

impl Pairs {
    /// Pairs the articles of the two wikis; `links` is the share of target articles with a link, 0
    /// to 1.
    pub fn new(seed: u64, links: f64, n_english: u64, n_target: u64) -> Self {
        Pairs {
            seed,
            links,
            n_target: n_target.min(n_english),
            english: Permutation::new(seed, n_english),
        }
    }

    /// Returns the English article that is about the same as the target article.
    pub fn english_of(&self, target: u64) -> Option<u64> {
        (target < self.n_target).then(|| self.english.forward(target))
    }

    /// Returns the target article that is about the same as the English article.
    pub fn target_of(&self, english: u64) -> Option<u64> {
        Some(self.english.backward(english)).filter(|target| *target < self.n_target)
    }

    /// Returns who links to whom in the pair of the target article.
    pub fn direction(&self, target: u64, edition: Edition) -> Direction {
        let mut random = Random::new(self.seed, "direction", target);
        let before = if !random.chance(self.links) {
            Direction::None
        } else {
            match random.below(100) {
                0..90 => Direction::Both,
                90..95 => Direction::FromTarget,
                _ => Direction::FromEnglish,
            }
        };
        let is_second = matches!(edition, Edition::Second { .. });
        if !is_second || !Random::new(self.seed, "relink", target).chance(CHANGED) {
            return before;
        }
        match before {
            Direction::None => Direction::Both,
            Direction::Both | Direction::FromTarget | Direction::FromEnglish => Direction::None,
        }
    }
}

/// Returns the row with which an article links to an article of the other wiki.
///
/// A few rows lead through a redirect, to a section, nowhere, or are blank.
pub fn row(
    purpose: &str,
    own: u64,
    other_plan: &WikiPlan,
    language: &Language,
    other: u64,
) -> Langlink {
    let mut random = Random::new(other_plan.seed, purpose, own);
    let title_of = |ordinal| other_plan.title(language, ordinal);
    let direct = title_of(other_plan.ordinal_of(other));
    let title = match random.below(1000) {
        0..25 => title_of(other_plan.n_pages + other),
        25..35 => format!("{direct}#{}", language.word(&mut random)),
        35..37 => String::new(),
        37..400 => other_plan.redirect_of(other).map_or(direct, title_of),
        _ => direct,
    };
    Langlink { lang: language.code.clone(), title }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n_english: u64, n_target: u64, n_pairs: usize) {
        let pairs = Pairs::new(1, 0.8, n_english, n_target);
        let found: Vec<_> =
            (0..n_target).filter_map(|target| Some((target, pairs.english_of(target)?))).collect();
        assert_eq!(found.len(), n_pairs);
        for (target, english) in found {
            assert_eq!(pairs.target_of(english), Some(target));
        }
        assert_eq!((0..n_english).filter_map(|english| pairs.target_of(english)).count(), n_pairs);
    }

    #[test]
    fn every_pair_is_found_from_both_sides() {
        check(100, 20, 20);
        check(20, 100, 20);
        check(0, 5, 0);
    }

    #[test]
    fn the_shares_are_as_asked() {
        let pairs = Pairs::new(1, 0.8, 100_000, 100_000);
        let first: Vec<_> =
            (0..100_000).map(|target| pairs.direction(target, Edition::First)).collect();
        let n_linked = first.iter().filter(|direction| **direction != Direction::None).count();
        assert!((79_500..80_500).contains(&n_linked), "{n_linked}");
        let second =
            (0..100_000).map(|target| pairs.direction(target, Edition::Second { edits: 0.01 }));
        let n_changed = second.zip(&first).filter(|(second, first)| second != *first).count();
        assert!((70..130).contains(&n_changed), "{n_changed}");
    }
}
