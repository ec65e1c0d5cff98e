//! What the indexes of multistream files save: how many bytes of articles a build need not read.
//!
//! Which pages are wanted is known only when links have been resolved. After a build they are those
//! of last time; before the first one, no more than there are links, which gives an estimate.

use std::{collections::BTreeMap, path::PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::corpus::Corpus;
use crate::{
    config::plan::SourceNode,
    dump::{
        find::{DumpFiles, find_dump},
        index::{self, IndexStreams, wanted_streams, wanted_streams_of_damaged},
        sql,
    },
    error::Result,
    report::numbers::thousands,
    sources::{LinkNumbers, Source},
    store::tables::ArticleRow,
};

/// What reading by the index comes to, over all articles files of a source that have one.
pub(super) struct Skips {
    n_bytes: u64,
    n_bytes_read: u64,
    n_pages: u64,
    n_streams: u64,
    basis: Basis,
}

/// How the number of bytes came about.
enum Basis {
    /// From the number of links: the pages wanted are spread evenly, and no more than these.
    Links { n_wanted_at_most: u64 },
    /// From the last build: these pages were wanted then.
    LastBuild { n_wanted: u64, n_streams_wanted: u64, hint: Hint },
}

/// How far the page table suggests that texts have changed since the last build.
///
/// It is cut at another moment than the articles: it does not decide what is read.
#[derive(Default)]
struct Hint {
    n_articles: u64,
    n_changed: u64,
    n_streams_changed: u64,
}

impl Skips {
    /// Returns what the indexes of a source save, or `None` where it has none.
    ///
    /// `last` is the corpus of the last build, `n_links` counts the links from and
    /// to the wiki.
    pub(super) fn of(
        name: &str,
        source: &dyn Source,
        last: Option<&Corpus>,
        n_links: u64,
    ) -> Result<Option<Skips>> {
        let Some(files) = dump_files(source)? else { return Ok(None) };
        let read = source.files();
        let pairs: Vec<(PathBuf, PathBuf)> = index::of(&files)
            .into_iter()
            .filter(|(articles, _)| read.contains(articles))
            .filter_map(|(articles, index)| Some((articles, index?)))
            .collect();
        if pairs.is_empty() {
            return Ok(None);
        }
        let revisions = match last {
            Some(corpus) => last_revisions(name, source, corpus)?,
            None => None,
        };
        let passes_over = source.knobs().get("skip-damaged") == Some(&Value::Bool(true));
        match revisions {
            Some(revisions) => from_last_build((&pairs, passes_over), &files, &revisions).map(Some),
            None => from_links((&pairs, passes_over), n_links).map(Some),
        }
    }

    /// Returns how many bytes of the articles need not be read.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes.saturating_sub(self.n_bytes_read)
    }

    /// Returns lines for a person, each with its label.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let bytes = |n| indicatif::HumanBytes(n).to_string();
        let (skipped, all) = (bytes(self.n_bytes()), bytes(self.n_bytes));
        let n_pages = thousands(self.n_pages);
        match &self.basis {
            Basis::Links { n_wanted_at_most } => vec![(
                "skips",
                format!(
                    "about {skipped} or more of {all} with an index, if at most {} of {n_pages} pages are wanted, spread evenly",
                    thousands(*n_wanted_at_most)
                ),
            )],
            Basis::LastBuild { n_wanted, n_streams_wanted, hint } => vec![
                (
                    "skips",
                    format!(
                        "{skipped} of {all} with an index, if the same pages are wanted as last time: {} of {n_pages}, in {} of {} streams",
                        thousands(*n_wanted),
                        thousands(*n_streams_wanted),
                        thousands(self.n_streams)
                    ),
                ),
                (
                    "hint",
                    format!(
                        "{} of {} articles have another revision in the page table than the last build read, in {} streams",
                        thousands(hint.n_changed),
                        thousands(hint.n_articles),
                        thousands(hint.n_streams_changed)
                    ),
                ),
            ],
        }
    }

    /// Returns the same for a program.
    pub(super) fn json(&self) -> Value {
        let mut value = json!({
            "bytes": self.n_bytes(),
            "of_bytes": self.n_bytes,
            "pages": self.n_pages,
            "streams": self.n_streams,
        });
        let basis = match &self.basis {
            Basis::Links { n_wanted_at_most } => {
                json!({ "basis": "links", "wanted_at_most": n_wanted_at_most })
            }
            Basis::LastBuild { n_wanted, n_streams_wanted, hint } => json!({
                "basis": "last-build",
                "wanted": n_wanted,
                "streams_wanted": n_streams_wanted,
                "articles": hint.n_articles,
                "articles_changed": hint.n_changed,
                "streams_changed": hint.n_streams_changed,
            }),
        };
        if let (Value::Object(value), Value::Object(mut basis)) = (&mut value, basis) {
            value.append(&mut basis);
        }
        value
    }
}

/// Counts the links that lead from or to each wiki, by its language.
pub(super) fn n_links<'a>(
    sources: impl Iterator<Item = (&'a SourceNode, &'a LinkNumbers)>,
) -> BTreeMap<String, u64> {
    let mut numbers = BTreeMap::new();
    for (node, links) in sources {
        for (lang, n) in links {
            *numbers.entry(node.source.info().lang.clone()).or_insert(0) += n;
            *numbers.entry(lang.clone()).or_insert(0) += n;
        }
    }
    numbers
}

/// Finds the files of a source's dump beside those that it reads.
fn dump_files(source: &dyn Source) -> Result<Option<DumpFiles>> {
    let files = source.files();
    let Some(folder) = files.first().and_then(|file| file.parent()) else { return Ok(None) };
    let info = source.info();
    Ok(Some(find_dump(folder, Some(&format!("{}-{}", info.wiki, info.date)))?))
}

/// Estimates from the number of links.
///
/// With W of P pages wanted, a stream of n pages has one with probability 1 - (1 - W/P)^n. Pages
/// that are wanted lie together more than at random, so that on the whole fewer streams are read.
fn from_links((pairs, passes_over): (&[(PathBuf, PathBuf)], bool), n_links: u64) -> Result<Skips> {
    let basis = Basis::Links { n_wanted_at_most: n_links };
    let mut skips = Skips { n_bytes: 0, n_bytes_read: 0, n_pages: 0, n_streams: 0, basis };
    // The bytes of all streams with so many pages.
    let mut bytes_by_pages: BTreeMap<u32, u64> = BTreeMap::new();
    for (articles, index) in pairs {
        let streams = IndexStreams::open(index, articles, |_| false)?;
        let mut streams = streams.passing_over(passes_over);
        while let Some(stream) = streams.next_stream()? {
            skips.n_streams += 1;
            skips.n_pages += u64::from(stream.n_pages);
            *bytes_by_pages.entry(stream.n_pages).or_insert(0) +=
                stream.range.end - stream.range.start;
        }
        skips.n_bytes += streams.n_bytes();
    }
    let n_wanted_at_most = n_links.min(skips.n_pages);
    let not_wanted = 1.0 - n_wanted_at_most as f64 / skips.n_pages.max(1) as f64;
    let read = bytes_by_pages
        .iter()
        .map(|(n_pages, n_bytes)| *n_bytes as f64 * (1.0 - not_wanted.powf(f64::from(*n_pages))));
    skips.n_bytes_read = (read.sum::<f64>() as u64).min(skips.n_bytes);
    skips.basis = Basis::Links { n_wanted_at_most };
    Ok(skips)
}

/// Takes the pages that were wanted last time, with the revisions that were read.
fn from_last_build(
    (pairs, passes_over): (&[(PathBuf, PathBuf)], bool),
    files: &DumpFiles,
    revisions: &FxHashMap<u32, u64>,
) -> Result<Skips> {
    let changed = changed_pages(files, revisions)?;
    let (mut n_wanted, mut n_streams_wanted, mut n_streams_changed) = (0, 0, 0);
    let (mut n_bytes, mut n_bytes_read, mut n_pages, mut n_streams) = (0, 0, 0, 0);
    for (articles, index) in pairs {
        let was_wanted = |page| revisions.contains_key(&page);
        let (streams, totals) = match passes_over {
            true => wanted_streams_of_damaged(index, articles, was_wanted)?,
            false => wanted_streams(index, articles, was_wanted)?,
        };
        n_wanted += totals.n_pages_wanted;
        n_streams_wanted += totals.n_streams_wanted;
        n_bytes += totals.n_bytes;
        n_bytes_read += totals.n_bytes_wanted;
        n_pages += totals.n_pages;
        n_streams += totals.n_streams;
        let has_changed =
            |stream: &&index::Stream| stream.wanted.iter().any(|page| changed.contains(page));
        n_streams_changed += streams.iter().filter(has_changed).count() as u64;
    }
    let n_articles = revisions.values().filter(|revision| **revision != 0).count() as u64;
    let hint = Hint { n_articles, n_changed: changed.len() as u64, n_streams_changed };
    let basis = Basis::LastBuild { n_wanted, n_streams_wanted, hint };
    Ok(Skips { n_bytes, n_bytes_read, n_pages, n_streams, basis })
}

/// Returns the revision that the last build read of each wanted page, 0 where it took no text.
fn last_revisions(
    name: &str,
    source: &dyn Source,
    corpus: &Corpus,
) -> Result<Option<FxHashMap<u32, u64>>> {
    let wiki = &source.info().wiki;
    if corpus.manifest.sources.get(name).is_none_or(|known| known.info.wiki != *wiki) {
        return Ok(None);
    }
    let Some(rows) = corpus.snapshot::<ArticleRow>(name)? else { return Ok(None) };
    let mut revisions = FxHashMap::default();
    for row in rows {
        let row = row?;
        revisions.insert(row.page, row.revision);
    }
    Ok(Some(revisions))
}

/// Returns the pages whose latest revision, as the page table has it, is not the one read last time.
fn changed_pages(files: &DumpFiles, revisions: &FxHashMap<u32, u64>) -> Result<FxHashSet<u32>> {
    let mut changed = FxHashSet::default();
    let Some(path) = &files.page else { return Ok(changed) };
    let mut table = sql::Table::open(path, "page", &["page_id", "page_latest?"])?;
    while let Some(row) = table.next_row()? {
        let (Some(page), Some(latest)) = (row.number(0), row.number(1)) else { continue };
        let Ok(page) = u32::try_from(page) else { continue };
        if revisions.get(&page).is_some_and(|read| *read != 0 && *read != latest) {
            changed.insert(page);
        }
    }
    Ok(changed)
}
