//! Which page of a synthetic wiki is what, as functions of its ordinal: nothing is stored, so
//! memory stays small.
//!
//! Ordinals come in blocks of twenty: eighteen articles, one redirect, one page of another
//! namespace, in seeded places.

use crate::{
    random::{Permutation, Random},
    synthetic::language::{Language, N_TITLES, Script},
};

const BLOCK: u64 = 20;
const ARTICLES_PER_BLOCK: u64 = 18;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An article with its number.
    Article(u64),
    /// A redirect to an article of the same block.
    Redirect(Leads),
    /// A page of another namespace.
    Other(i32),
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To an article, given by its number.
    ToArticle(u64),
    /// To the page with this ordinal, which is a redirect too.
    ToRedirect(u64),
    /// To a title that no page has.
    Nowhere,
}

/// The plan of a wiki.
#[derive(Clone, Debug)]
pub struct WikiPlan {
    /// The seed of this wiki.
    pub seed: u64,
    /// How many pages the wiki has.
    pub n_pages: u64,
    titles: Permutation,
}

impl WikiPlan {
    /// Plans a wiki.
    pub fn new(seed: u64, n_pages: u64) -> Self {
        WikiPlan { seed, n_pages, titles: Permutation::new(seed, N_TITLES) }
    }

    /// Returns how many of the pages are articles.
    pub fn n_articles(&self) -> u64 {
        self.n_blocks() * ARTICLES_PER_BLOCK + self.n_pages % BLOCK
    }

    /// Returns what the page is.
    pub fn kind(&self, ordinal: u64) -> Kind {
        let (block, within) = (ordinal / BLOCK, ordinal % BLOCK);
        if self.n_blocks() <= block {
            return Kind::Article(self.n_blocks() * ARTICLES_PER_BLOCK + within);
        }
        let (redirect, other) = self.places(block);
        if within == redirect {
            return Kind::Redirect(self.leads(block));
        }
        if within == other {
            let mut random = Random::new(self.seed, "namespace", block);
            return Kind::Other(random.pick(&[10, 14, 14, 1, 4, 828]).copied().unwrap_or(10));
        }
        let n_before = u64::from(redirect < within) + u64::from(other < within);
        Kind::Article(block * ARTICLES_PER_BLOCK + within - n_before)
    }

    /// Returns the ordinal of an article.
    pub fn ordinal_of(&self, article: u64) -> u64 {
        let block = article / ARTICLES_PER_BLOCK;
        if self.n_blocks() <= block {
            return self.n_blocks() * BLOCK + article - self.n_blocks() * ARTICLES_PER_BLOCK;
        }
        let (redirect, other) = self.places(block);
        let mut within = article % ARTICLES_PER_BLOCK;
        within += u64::from(redirect.min(other) <= within);
        within += u64::from(redirect.max(other) <= within);
        block * BLOCK + within
    }

    /// Returns the ordinal of the redirect that leads to this article, if there is one.
    pub fn redirect_of(&self, article: u64) -> Option<u64> {
        let block = article / ARTICLES_PER_BLOCK;
        let leads_here = block < self.n_blocks() && self.leads(block) == Leads::ToArticle(article);
        leads_here.then(|| block * BLOCK + self.places(block).0)
    }

    /// Returns the page id; ids grow with the ordinals and have gaps.
    pub fn id(&self, ordinal: u64) -> u32 {
        (100 + ordinal * 4 + Random::new(self.seed, "id", ordinal).below(4)) as u32
    }

    /// Returns the title, without prefix; ordinals beyond the pages have titles that no page has.
    pub fn title(&self, language: &Language, ordinal: u64) -> String {
        let mut random = Random::new(self.seed, "title", ordinal);
        let last = language.numbered_word(self.titles.forward(ordinal % N_TITLES));
        let first = if random.chance(0.5) { language.word(&mut random) } else { "" };
        // A few titles hold what is awkward in SQL, XML or wikitext.
        let suffix = match random.below(200) {
            0 => " (film)",
            1 => " & co",
            2 => "'s end",
            3 => ": a part",
            4 => " \"x\"",
            _ => "",
        };
        match language.script {
            Script::Thai => format!("{first}{last}{suffix}"),
            Script::Latin if first.is_empty() => format!("{}{suffix}", capitalised(&last)),
            Script::Latin => format!("{} {last}{suffix}", capitalised(first)),
        }
    }

    fn n_blocks(&self) -> u64 {
        self.n_pages / BLOCK
    }

    fn places(&self, block: u64) -> (u64, u64) {
        let mut random = Random::new(self.seed, "places", block);
        let redirect = random.below(BLOCK);
        let other = (redirect + random.between(1, BLOCK - 1)) % BLOCK;
        (redirect, other)
    }

    fn leads(&self, block: u64) -> Leads {
        let mut random = Random::new(self.seed, "leads", block);
        match random.below(100) {
            0..2 => Leads::Nowhere,
            2 if 0 < block => Leads::ToRedirect((block - 1) * BLOCK + self.places(block - 1).0),
            _ => Leads::ToArticle(block * ARTICLES_PER_BLOCK + random.below(ARTICLES_PER_BLOCK)),
        }
    }
}

/// Returns the word with a capital first letter.
pub fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(n_pages: u64) {
        let plan = WikiPlan::new(3, n_pages);
        let mut n_articles = 0;
        for ordinal in 0..n_pages {
            match plan.kind(ordinal) {
                Kind::Article(article) => {
                    assert_eq!(article, n_articles);
                    assert_eq!(plan.ordinal_of(article), ordinal);
                    n_articles += 1;
                }
                Kind::Redirect(Leads::ToArticle(article)) => {
                    assert_eq!(plan.redirect_of(article), Some(ordinal));
                }
                Kind::Redirect(Leads::ToRedirect(earlier)) => {
                    assert!(matches!(plan.kind(earlier), Kind::Redirect(_)));
                }
                Kind::Redirect(Leads::Nowhere) | Kind::Other(_) => {}
            }
        }
        assert_eq!(n_articles, plan.n_articles());
    }

    #[test]
    fn articles_and_redirects_are_found_both_ways() {
        check(0);
        check(19);
        check(1000);
        check(1013);
    }

    #[test]
    fn titles_differ() {
        for code in ["en", "th"] {
            let (plan, language) = (WikiPlan::new(3, 4000), Language::new(code, 3));
            let titles: BTreeSet<_> =
                (0..8000).map(|ordinal| plan.title(&language, ordinal)).collect();
            assert_eq!(titles.len(), 8000, "{code}");
        }
    }
}
