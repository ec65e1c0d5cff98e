//! Why a pair went or came: what the other corpus says of its pages and of the links between them.
//!
//! For a pair that went the new corpus is asked, for one that came the old one: either way it is
//! the corpus that lacks the pair.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
};

use crossic_operators::reject::Reason;
use serde::Deserialize;

use super::{
    Wiki,
    pages::{Cursor, Pages},
};
use crate::{
    cli::corpus::Corpus,
    error::Result,
    store::{StoreError, tables::LinkRow},
};

/// The pages of a pair, by the positions of their wikis, in order; of a single page twice that.
pub(super) type Key = [(u16, u32); 2];

/// A pair that one of the corpora lacks.
pub(super) struct Case {
    /// Its pages.
    pub(super) key: Key,
    /// Why it is not there; the first cause counts.
    why: Option<Why>,
    /// Whether one of its pages holds a link into the language of the other.
    linked: bool,
}

/// Why a corpus lacks a pair. A cause that stands above another explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    NoSource,
    PairRefused(Reason),
    NoPage(u16),
    Redirect(u16),
    LinkRefused(Reason),
    NotFound,
    NoLink,
    Elsewhere,
    Dealt,
    OnePage,
    Unknown,
}

impl Case {
    /// Returns a case of which nothing is known yet.
    pub(super) fn new(key: Key) -> Case {
        Case { key, why: None, linked: false }
    }

    fn offer(&mut self, why: Why) {
        self.why = Some(self.why.map_or(why, |known| known.min(why)));
    }

    /// Returns the cause in words, for a pair that went or for one that came.
    pub(super) fn words(&self, went: bool, wikis: &[Wiki]) -> String {
        let lang = |wiki: u16| wikis.get(usize::from(wiki)).map_or("?", |it| it.lang.as_str());
        let tense = |now: &str, before: &str| if went { now.to_owned() } else { before.to_owned() };
        match self.why.unwrap_or(Why::Unknown) {
            Why::NoSource => tense("its source is gone", "its source is new"),
            Why::PairRefused(reason) => {
                format!("{}: {}", tense("refused now", "refused before"), reason.name())
            }
            Why::NoPage(wiki) => {
                format!("{} ({})", tense("page gone", "page new"), lang(wiki))
            }
            Why::Redirect(wiki) => {
                let text = tense("page became a redirect", "page was a redirect");
                format!("{text} ({})", lang(wiki))
            }
            Why::LinkRefused(reason) => {
                format!("{}: {}", tense("link refused now", "link refused before"), reason.name())
            }
            Why::NotFound => tense(
                "its document is not found for the page, or refused, now",
                "its document was not found for the page, or refused, before",
            ),
            Why::NoLink => tense("link gone", "link new"),
            Why::Elsewhere => tense("link leads elsewhere", "link led elsewhere"),
            Why::Dealt => tense("dealt to others", "dealt to others before"),
            Why::OnePage => "not known: its rows name one page only".to_owned(),
            Why::Unknown => "not known: that corpus keeps no snapshots".to_owned(),
        }
    }
}

/// The cases of a corpus, to be found by page.
struct Cases<'a> {
    cases: &'a mut [Case],
    /// Page, and position of the case: sorted, each case under both of its pages.
    by_page: Vec<((u16, u32), usize)>,
}

impl Cases<'_> {
    /// Returns the positions of the cases of a page.
    fn of_page(&self, page: (u16, u32)) -> Vec<usize> {
        let start = self.by_page.partition_point(|it| it.0 < page);
        let found = self.by_page.iter().skip(start).take_while(|it| it.0 == page);
        found.map(|(_, position)| *position).collect()
    }

    /// Returns the pages of a wiki, each once, in order.
    fn pages(&self, wiki: u16) -> Vec<u32> {
        let start = self.by_page.partition_point(|it| it.0 < (wiki, 0));
        let ours = self.by_page.iter().skip(start).take_while(|it| it.0.0 == wiki);
        let mut pages: Vec<u32> = ours.map(|((_, page), _)| *page).collect();
        pages.dedup();
        pages
    }

    /// Does something with every case of a page, told the wiki of the other page.
    fn each(&mut self, page: (u16, u32), mut visit: impl FnMut(&mut Case, u16)) {
        for position in self.of_page(page) {
            let Some(case) = self.cases.get_mut(position) else { continue };
            let [one, other] = case.key;
            let other = if one == page { other } else { one };
            visit(case, other.0);
        }
    }
}

/// Finds out why a corpus lacks some pairs; sorts them by their pages.
///
/// # Errors
///
/// A snapshot or a file of rejects is missing or damaged.
pub(super) fn settle(corpus: &Corpus, cases: &mut [Case], wikis: &[Wiki]) -> Result<()> {
    cases.sort_by_key(|case| case.key);
    if cases.is_empty() {
        return Ok(());
    }
    let mut by_page: Vec<((u16, u32), usize)> = Vec::with_capacity(2 * cases.len());
    for (position, case) in cases.iter().enumerate() {
        by_page.extend(case.key.map(|page| (page, position)));
    }
    by_page.sort_unstable();
    by_page.dedup();
    let mut cases = Cases { cases, by_page };
    read_rejects(corpus, &mut cases, wikis)?;
    let mut all_known = true;
    for (wiki, index) in wikis.iter().zip(0_u16..) {
        let Some((source, _)) = corpus.manifest.source_of_wiki(&wiki.name) else {
            for page in cases.pages(index) {
                cases.each((index, page), |case, _| case.offer(Why::NoSource));
            }
            continue;
        };
        if wiki.documents {
            continue;
        }
        let Some(mut pages) = Pages::open(corpus, source)? else {
            all_known = false;
            continue;
        };
        for id in cases.pages(index) {
            let why = match pages.take(id)?.listed {
                None => Why::NoPage(index),
                Some(listed) if listed.redirect => Why::Redirect(index),
                Some(_) => continue,
            };
            cases.each((index, id), |case, _| case.offer(why));
        }
        let mut links = Cursor::<LinkRow>::open(corpus, source)?;
        while let Some(link) = links.next()? {
            let leads =
                |other: u16| wikis.get(usize::from(other)).is_some_and(|it| it.lang == link.lang);
            cases.each((index, link.from), |case, other| case.linked |= leads(other));
        }
    }
    let deals = corpus.manifest.plan.operators.values().any(|it| it.kind == "shuffle-pairs");
    for case in cases.cases {
        let [one, other] = case.key;
        let is_document =
            |side: (u16, u32)| wikis.get(usize::from(side.0)).is_some_and(|it| it.documents);
        let last = match (all_known, deals, case.linked) {
            _ if one == other => Why::OnePage,
            (_, false, _) if is_document(one) || is_document(other) => Why::NotFound,
            (false, ..) => Why::Unknown,
            (_, true, _) => Why::Dealt,
            (_, _, true) => Why::Elsewhere,
            (_, _, false) => Why::NoLink,
        };
        case.offer(last);
    }
    Ok(())
}

/// A line of `rejects/*.jsonl`.
#[derive(Debug, Deserialize)]
struct Line {
    reason: Reason,
    /// Of a link: the source and the page that hold it, and the source it leads to.
    source: Option<String>,
    from: Option<u32>,
    to: Option<String>,
    /// Of a pair.
    english: Option<Page>,
    target: Option<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    source: String,
    page: u32,
    document: Option<String>,
}

fn read_rejects(corpus: &Corpus, cases: &mut Cases<'_>, wikis: &[Wiki]) -> Result<()> {
    let sources = corpus.manifest.sources.iter();
    let indexes: BTreeMap<&str, u16> = sources
        .filter_map(|(name, source)| {
            let position = wikis.iter().position(|it| it.name == source.info.wiki)?;
            Some((name.as_str(), u16::try_from(position).ok()?))
        })
        .collect();
    let index = |source: &str| indexes.get(source).copied();
    let files = corpus.manifest.files.keys();
    let rejects = |it: &&String| it.starts_with("rejects/") && it.ends_with(".jsonl");
    for file in files.filter(rejects).filter(|it| !it.contains("..")) {
        corpus.fetch(file)?;
        let path = corpus.dir.join(file);
        for (text, row) in BufReader::new(fs_err::File::open(&path)?).lines().zip(0_u64..) {
            let bad = |what| StoreError::Row { path: path.clone(), row, what };
            let text = text.map_err(|cause| bad(cause.to_string()))?;
            let line: Line = serde_json::from_str(&text).map_err(|cause| bad(cause.to_string()))?;
            // Several documents of a page go by one key: none of them is told by a refusal.
            let is_document = line.english.as_ref().is_some_and(|it| it.document.is_some());
            if is_document {
                continue;
            }
            if let (Some(english), Some(target)) = (&line.english, &line.target) {
                let (Some(one), Some(other)) = (index(&english.source), index(&target.source))
                else {
                    continue;
                };
                let mut key = [(one, english.page), (other, target.page)];
                key.sort_unstable();
                // A corpus of target-language documents has rows of one page only.
                for key in [key, [(other, target.page); 2]] {
                    if let Ok(position) = cases.cases.binary_search_by_key(&key, |case| case.key)
                        && let Some(case) = cases.cases.get_mut(position)
                    {
                        case.offer(Why::PairRefused(line.reason));
                    }
                }
            } else if let (Some(source), Some(from), Some(to)) = (line.source, line.from, line.to)
                && let (Some(one), Some(to)) = (index(&source), index(&to))
            {
                cases.each((one, from), |case, other| {
                    if other == to {
                        case.offer(Why::LinkRefused(line.reason));
                    }
                });
            }
        }
    }
    Ok(())
}
