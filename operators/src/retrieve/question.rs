//! What an article asks: its English title, and the keywords that its links give.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Config, KeywordOrder,
    gather::{Asker, Known},
    keywords::{self, Keywords, Mapped, Profile},
    library::Questions,
    links::Links,
    query::questions,
};
use crate::{
    context::Texts,
    record::{Digest, PageId},
};

/// Counts the articles of this process that link to each page.
pub(super) fn linking(texts: &dyn Texts, known: &Known) -> FxHashMap<PageId, u64> {
    let merge = |mut all: FxHashMap<PageId, u64>, more: FxHashMap<PageId, u64>| {
        for (page, n) in more {
            *all.entry(page).or_default() += n;
        }
        all
    };
    known
        .askers
        .par_iter()
        .fold(FxHashMap::default, |mut counts: FxHashMap<PageId, u64>, asker| {
            let links = links_of(texts, asker.text.links).links;
            let pages: FxHashSet<PageId> = links
                .iter()
                .filter_map(|it| known.titles.lead_to(Digest::of(it.target.as_bytes())))
                .map(|(page, _)| page)
                .collect();
            for page in pages {
                *counts.entry(page).or_default() += 1;
            }
            counts
        })
        .reduce(FxHashMap::default, merge)
}

/// Returns what an article asks.
pub(super) fn question(
    texts: &dyn Texts,
    config: &Config,
    known: &Known,
    asker: &Asker,
) -> Option<(Keywords, Questions)> {
    let (mut title, mut text) = (String::new(), String::new());
    if !texts.read(asker.name, &mut title) || !texts.read(asker.text.digest, &mut text) {
        return None;
    }
    let mapped = |(page, name): (PageId, Digest)| -> Option<Mapped> {
        let mut english = String::new();
        texts.read(name, &mut english).then_some(())?;
        let n_linking = known.linking.get(&page).copied().unwrap_or_default();
        Some(Mapped { page, english, n_linking })
    };
    let own = links_of(texts, asker.text.links);
    let lead = match asker.counterpart {
        Some(english) if config.english_lead => links_of(texts, english.links).links,
        _ => Vec::new(),
    };
    let lead: Vec<Mapped> = lead
        .iter()
        .filter(|link| link.section == 0 && link.is_prose)
        .filter_map(|link| {
            let name = Digest::of(link.target.as_bytes());
            mapped((known.titles.of_name(name)?, name))
        })
        .collect();
    let profile = match config.keyword_order {
        KeywordOrder::Rarity => Profile::Recommended,
        KeywordOrder::Text => Profile::Paper,
    };
    let mut options = keywords::Options::new(profile, known.n_articles);
    options.most = config.keywords;
    let article = keywords::Article {
        page: asker.page,
        english: &title,
        text: &text,
        n_bytes: own.n_bytes,
        links: &own.links,
        fallbacks: if lead.is_empty() { &[] } else { std::slice::from_ref(&lead) },
    };
    let keywords = keywords::keywords(&article, &options, |target| {
        mapped(known.titles.lead_to(Digest::of(target.as_bytes()))?)
    });
    let mut questions = questions(&title, &keywords);
    questions.counterpart = asker.counterpart.map(|it| it.digest);
    Some((keywords, questions))
}

/// Returns the links behind a key; none where none are kept.
fn links_of(texts: &dyn Texts, key: Digest) -> Links {
    let mut text = String::new();
    if key == Digest::default() || !texts.read(key, &mut text) {
        return Links::default();
    }
    Links::parse(&text)
}
