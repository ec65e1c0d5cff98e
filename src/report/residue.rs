//! What the cleaner left in the articles of a language: markup and holes, kind by kind.

use std::collections::BTreeMap;

use crossic_operators::wikitext::{ArticleResidue, KINDS};
use serde::{Deserialize, Serialize};

/// Residue of the articles of one language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LanguageResidue {
    /// Articles that are counted: all that some operator wanted and that have a text.
    pub articles: u64,
    /// What is left in them, by kind; kinds that do not occur are there as well.
    pub kinds: BTreeMap<String, KindResidue>,
}

/// Residue of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindResidue {
    /// How often it occurs; a single article counts 65,535 times at most.
    pub total: u64,
    /// How often it occurs in 1,000 articles, to three decimals.
    pub per_1000_articles: f64,
    /// Articles in which it occurs.
    pub articles: u64,
}

/// Sums over articles, while they are counted: of two such sums the sum is that of all articles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResidueSums {
    n_articles: u64,
    totals: [u64; KINDS.len()],
    n_articles_with: [u64; KINDS.len()],
}

impl ResidueSums {
    /// Adds an article.
    pub fn add(&mut self, residue: &ArticleResidue) {
        self.n_articles += 1;
        let sums = self.totals.iter_mut().zip(&mut self.n_articles_with);
        for ((total, n_with), count) in sums.zip(residue.counts()) {
            *total += u64::from(count);
            *n_with += u64::from(count != 0);
        }
    }

    /// Adds the articles of another sum.
    pub fn merge(&mut self, other: &ResidueSums) {
        self.n_articles += other.n_articles;
        let mine = self.totals.iter_mut().chain(&mut self.n_articles_with);
        for (mine, theirs) in mine.zip(other.totals.iter().chain(&other.n_articles_with)) {
            *mine += theirs;
        }
    }

    /// Returns the sums as a report has them.
    pub fn finish(&self) -> LanguageResidue {
        let sums = self.totals.iter().zip(&self.n_articles_with);
        let kinds = KINDS.iter().zip(sums).map(|(kind, (&total, &articles))| {
            let per_1000_articles = per_1000(total, self.n_articles);
            ((*kind).to_owned(), KindResidue { total, per_1000_articles, articles })
        });
        LanguageResidue { articles: self.n_articles, kinds: kinds.collect() }
    }
}

/// Returns a total for every 1,000 of `n` articles, to three decimals; of none it is 0.
fn per_1000(total: u64, n: u64) -> f64 {
    let n = u128::from(n.max(1));
    let thousandths = (u128::from(total) * 1_000_000 + n / 2) / n;
    thousandths as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use crossic_operators::wikitext::Residue;

    use super::*;

    fn article(tags: u64, n_holes: u32) -> ArticleResidue {
        ArticleResidue::new(&Residue { tags, ..Residue::default() }, n_holes)
    }

    #[test]
    fn articles_and_occurrences_are_counted() {
        let mut one = ResidueSums::default();
        one.add(&article(4, 0));
        one.add(&article(0, 0));
        let mut sums = ResidueSums::default();
        sums.add(&article(3, 1));
        sums.merge(&one);
        let found = sums.finish();
        assert_eq!(found.articles, 3);
        let kind = |name: &str| found.kinds[name];
        let tags = KindResidue { total: 7, per_1000_articles: 2333.333, articles: 2 };
        assert_eq!(kind("tags"), tags);
        let holes = KindResidue { total: 1, per_1000_articles: 333.333, articles: 1 };
        assert_eq!(kind("holes"), holes);
        assert_eq!(kind("brackets"), KindResidue::default());
        assert_eq!(found.kinds.len(), KINDS.len());
    }

    #[test]
    fn rates_are_rounded_and_nothing_is_divided_by_zero() {
        assert_eq!(per_1000(0, 0), 0.0);
        assert_eq!(per_1000(2, 3), 666.667);
        assert_eq!(per_1000(1, 3_000_000), 0.0);
        assert_eq!(per_1000(u64::MAX, u64::MAX), 1000.0);
    }
}
