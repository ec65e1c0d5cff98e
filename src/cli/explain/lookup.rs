//! Looks things up in snapshots by reading them through: a wiki's titles need not fit into memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cli::{corpus::Corpus, page_name::normal},
    error::Result,
    store::{
        row::Row,
        tables::{PageRow, RedirectRow},
    },
};

/// Redirects in a row that are followed, as in a build.
const MAX_HOPS: usize = 5;

/// Returns the rows of a source's table that `keep` takes; none if the build kept no such table.
pub(super) fn select<R: Row>(
    corpus: &Corpus,
    source: &str,
    mut keep: impl FnMut(&R) -> bool,
) -> Result<Vec<R>> {
    let mut kept = Vec::new();
    for row in corpus.snapshot::<R>(source)?.into_iter().flatten() {
        let row = row?;
        if keep(&row) {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// Returns the titles of pages.
pub(super) fn titles(
    corpus: &Corpus,
    source: &str,
    pages: &BTreeSet<u32>,
) -> Result<BTreeMap<u32, String>> {
    if pages.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = select(corpus, source, |row: &PageRow| pages.contains(&row.id))?;
    Ok(rows.into_iter().map(|row| (row.id, normal(&row.title))).collect())
}

/// Returns the title of a page and those of all redirects that lead to it.
pub(super) fn aliases(corpus: &Corpus, source: &str, title: &str) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::from([normal(title)]);
    let mut newest = all.clone();
    for _ in 0..MAX_HOPS {
        let leads = |row: &RedirectRow| within(row) && newest.contains(&normal(&row.title));
        let redirects = select(corpus, source, leads)?;
        let pages: BTreeSet<u32> = redirects.iter().map(|row| row.from).collect();
        let titles = titles(corpus, source, &pages)?;
        newest = titles.into_values().filter(|title| !all.contains(title)).collect();
        if newest.is_empty() {
            break;
        }
        all.extend(newest.iter().cloned());
    }
    Ok(all)
}

/// Returns the article that each title leads to, through redirects; titles that lead nowhere are
/// left out.
pub(super) fn resolve(
    corpus: &Corpus,
    source: &str,
    titles: BTreeSet<String>,
) -> Result<BTreeMap<String, PageRow>> {
    let mut found = BTreeMap::new();
    // Where the search has come to, and for which of the titles.
    let mut open: BTreeMap<String, BTreeSet<String>> =
        titles.into_iter().map(|title| (title.clone(), BTreeSet::from([title]))).collect();
    for _ in 0..=MAX_HOPS {
        if open.is_empty() {
            break;
        }
        let mut redirects: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for row in select(corpus, source, |row: &PageRow| open.contains_key(&normal(&row.title)))? {
            let Some(wanted) = open.get(&normal(&row.title)) else { continue };
            match row.redirect {
                true => redirects.entry(row.id).or_default().extend(wanted.iter().cloned()),
                false => found.extend(wanted.iter().map(|title| (title.clone(), row.clone()))),
            }
        }
        open.clear();
        if redirects.is_empty() {
            break;
        }
        let leads = |row: &RedirectRow| whole(row) && redirects.contains_key(&row.from);
        for row in select(corpus, source, leads)? {
            let wanted = redirects.get(&row.from).into_iter().flatten().cloned();
            open.entry(normal(&row.title)).or_default().extend(wanted);
        }
    }
    Ok(found)
}

fn within(row: &RedirectRow) -> bool {
    row.namespace == 0 && row.interwiki.is_empty()
}

fn whole(row: &RedirectRow) -> bool {
    within(row) && row.fragment.is_empty()
}
