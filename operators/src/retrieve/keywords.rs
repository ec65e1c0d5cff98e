//! The keywords of an article: pages it links to that have an English counterpart, the most
//! telling first.

mod content;
mod mentions;
mod score;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use content::is_content;
pub use mentions::Mentions;
pub(crate) use score::log2;

use crate::{record::PageId, wikitext::Wikilink};

/// With fewer keywords than this the next source of links is asked as well.
const ENOUGH: usize = 3;

/// How keywords are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// By rarity of the target, mentions and position; with fallbacks.
    #[default]
    Recommended,
    /// The first mapped links of the prose, in order; no fallbacks.
    Paper,
}

/// The bounds of a choice of keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How keywords are chosen.
    pub profile: Profile,
    /// Most keywords of an article.
    pub most: usize,
    /// Articles of the target wiki.
    pub n_articles: u64,
    /// A target that fewer articles link to is too obscure. Used by `Recommended` alone.
    pub min_linking: u64,
    /// A target that more articles, in thousandths of all, link to is too common. Used by
    /// `Recommended` alone.
    pub max_linking_permille: u64,
}

impl Options {
    /// Returns the usual bounds for a wiki of so many articles.
    ///
    /// In a wiki of less than 10,000 articles no target is too obscure, and none that fewer than
    /// 20 articles link to is too common: such counts say little.
    pub fn new(profile: Profile, n_articles: u64) -> Options {
        let min_linking = if n_articles < 10_000 { 0 } else { 3 };
        Options { profile, most: 10, n_articles, min_linking, max_linking_permille: 50 }
    }

    fn admits(&self, n_linking: u64) -> bool {
        let is_common = self.n_articles.saturating_mul(self.max_linking_permille)
            < n_linking.saturating_mul(1000);
        self.min_linking <= n_linking && !(is_common && 20 <= n_linking)
    }
}

/// Where the title in a link leads, once redirects are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The article of the target wiki.
    pub page: PageId,
    /// Title of its English counterpart.
    pub english: String,
    /// Articles of the target wiki that link to it.
    pub n_linking: u64,
}

/// An article that keywords are wanted of.
#[derive(Clone, Copy, Debug)]
pub struct Article<'a> {
    /// The page itself, which is never its own keyword.
    pub page: PageId,
    /// Title of its English counterpart, which is never a keyword either; empty if there is none.
    pub english: &'a str,
    /// Its cleaned text, in which mentions are counted.
    pub text: &'a str,
    /// Length of its wikitext, in bytes.
    pub n_bytes: u64,
    /// Its links, as [`crate::wikitext::wikilinks`] returns them.
    pub links: &'a [Wikilink],
    /// What to fall back on, group after group, already mapped: links in the lead of the English
    /// counterpart first, then categories.
    pub fallbacks: &'a [Vec<Mapped>],
}

/// A keyword and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyword {
    /// English title.
    pub english: String,
    /// The article of the target wiki that it stands for.
    pub page: PageId,
    /// Rarity times mentions times position, in 1/65,536; 0 in the profile `paper`.
    pub score: u64,
}

/// How far one had to go for keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Links of the prose were enough.
    Prose,
    /// Links of templates, tables and captions were asked too.
    Anywhere,
    /// So many groups of `fallbacks` were asked too.
    Fallback(u8),
    /// There is no keyword: the title alone is the question.
    Nothing,
}

/// The keywords of an article, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keywords {
    /// At most as many as the options allow.
    pub list: Vec<Keyword>,
    /// How far one had to go for them.
    pub reach: Reach,
}

/// Returns the keywords of an article.
///
/// `map` says where a title of the target wiki leads, and is asked once for each distinct target.
/// Whatever it answers, no keyword is a date, a number, a unit, a list or the article itself.
pub fn keywords(
    article: &Article<'_>,
    options: &Options,
    map: impl FnMut(&str) -> Option<Mapped>,
) -> Keywords {
    let found = gather(article, map);
    match options.profile {
        Profile::Paper => in_order(found, options.most),
        Profile::Recommended => ranked(article, found, options),
    }
}

/// The links of an article to one page.
struct Candidate<'a> {
    mapped: Mapped,
    /// Links to it in the order of the page; never empty.
    links: Vec<&'a Wikilink>,
}

/// Returns the pages that an article links to, in the order of their first links.
fn gather<'a>(
    article: &Article<'a>,
    mut map: impl FnMut(&str) -> Option<Mapped>,
) -> Vec<Candidate<'a>> {
    let mut pages: BTreeMap<&str, Option<PageId>> = BTreeMap::new();
    let mut places: BTreeMap<PageId, usize> = BTreeMap::new();
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for link in article.links {
        let page = *pages.entry(&link.target).or_insert_with(|| {
            let mapped = map(&link.target).filter(|mapped| is_allowed(article, mapped))?;
            let page = mapped.page;
            places.entry(page).or_insert_with(|| {
                candidates.push(Candidate { mapped, links: Vec::new() });
                candidates.len() - 1
            });
            Some(page)
        });
        let place = page.and_then(|page| places.get(&page));
        if let Some(candidate) = place.and_then(|place| candidates.get_mut(*place)) {
            candidate.links.push(link);
        }
    }
    candidates
}

fn is_allowed(article: &Article<'_>, mapped: &Mapped) -> bool {
    mapped.page != article.page && mapped.english != article.english && is_content(&mapped.english)
}

/// Returns the first pages that the prose links to.
fn in_order(found: Vec<Candidate<'_>>, most: usize) -> Keywords {
    let mut prose: Vec<(u32, Mapped)> = found
        .into_iter()
        .filter_map(|it| {
            let start = it.links.iter().find(|link| link.is_prose)?.start;
            Some((start, it.mapped))
        })
        .collect();
    // A page that a template links to first may come later in the prose.
    prose.sort_by_key(|(start, _)| *start);
    let mut chosen = Chosen::new(most);
    for (_, mapped) in prose {
        chosen.push(mapped, 0);
    }
    chosen.finish(Reach::Prose)
}

fn ranked(article: &Article<'_>, found: Vec<Candidate<'_>>, options: &Options) -> Keywords {
    let found: Vec<_> =
        found.into_iter().filter(|it| options.admits(it.mapped.n_linking)).collect();
    let mut mentions = Mentions::default();
    for (index, candidate) in found.iter().enumerate() {
        for link in &candidate.links {
            mentions.add(&link.target, index);
            mentions.add(&link.label, index);
        }
    }
    let counts = mentions.count(article.text, found.len());
    let score = |candidate: &Candidate<'_>, n_mentions: u64| {
        let links = candidate.links.iter();
        let place = links.map(|it| score::place(it, article.n_bytes)).max().unwrap_or_default();
        let n_links = candidate.links.len() as u64;
        score::score(options.n_articles, candidate.mapped.n_linking, n_mentions.max(n_links), place)
    };
    let (mut prose, mut aside) = (Vec::new(), Vec::new());
    for (candidate, n_mentions) in found.into_iter().zip(counts) {
        let scored = (score(&candidate, n_mentions), candidate.mapped);
        match candidate.links.iter().any(|link| link.is_prose) {
            true => prose.push(scored),
            false => aside.push(scored),
        }
    }

    let mut chosen = Chosen::new(options.most);
    let mut reach = Reach::Prose;
    chosen.extend(prose);
    if chosen.list.len() < ENOUGH && !aside.is_empty() {
        reach = Reach::Anywhere;
        chosen.extend(aside);
    }
    for (group, number) in article.fallbacks.iter().zip(1..) {
        if ENOUGH <= chosen.list.len() {
            break;
        }
        reach = Reach::Fallback(number);
        let allowed = group.iter().filter(|it| is_allowed(article, it));
        let admitted = allowed.filter(|it| options.admits(it.n_linking));
        let score = |it: &Mapped| score::score(options.n_articles, it.n_linking, 1, score::REST);
        chosen.extend(admitted.map(|it| (score(it), it.clone())).collect());
    }
    chosen.finish(reach)
}

/// The keywords chosen so far, no title twice.
struct Chosen {
    list: Vec<Keyword>,
    titles: BTreeSet<String>,
    most: usize,
}

impl Chosen {
    fn new(most: usize) -> Chosen {
        Chosen { list: Vec::new(), titles: BTreeSet::new(), most }
    }

    /// Adds pages, the highest score first, ties by title and page.
    fn extend(&mut self, mut scored: Vec<(u64, Mapped)>) {
        let key =
            |(score, it): &(u64, Mapped)| (std::cmp::Reverse(*score), it.english.clone(), it.page);
        scored.sort_by_cached_key(key);
        for (score, mapped) in scored {
            self.push(mapped, score);
        }
    }

    fn push(&mut self, mapped: Mapped, score: u64) {
        if self.list.len() < self.most && self.titles.insert(mapped.english.clone()) {
            self.list.push(Keyword { english: mapped.english, page: mapped.page, score });
        }
    }

    fn finish(self, reach: Reach) -> Keywords {
        let reach = if self.list.is_empty() { Reach::Nothing } else { reach };
        Keywords { list: self.list, reach }
    }
}

#[cfg(test)]
mod tests;
