//! What became of the language links of a wiki between two corpora.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    facts::{Change, Link, Links},
    pages::Cursor,
    top::Top,
};
use crate::{error::Result, sources::WikiInfo, store::tables::LinkRow};

/// Links of one page into one language that are held at most: a dump has one.
const MAX_HELD: usize = 256;

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LinkMove {
    Added,
    Removed,
    Retargeted,
}

impl fmt::Display for LinkMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkMove::Added => "added",
            LinkMove::Removed => "removed",
            LinkMove::Retargeted => "name another title",
        })
    }
}

/// The links of one language.
struct Language {
    links: Change<u64>,
    moves: Top<LinkMove, Link>,
}

/// Compares links row by row.
struct Compare<'a> {
    info: &'a WikiInfo,
    languages: BTreeMap<&'a str, Language>,
    /// Page and language of the links that are held.
    at: (u32, String),
    /// Links of that page and language which only one corpus has.
    held: Change<Vec<String>>,
    n_moves: u128,
}

/// Compares the links of a source into each of some languages.
///
/// # Errors
///
/// A snapshot is damaged, or its rows are not in order.
pub(super) fn compare(
    mut rows: Change<Cursor<LinkRow>>,
    info: &WikiInfo,
    languages: &BTreeSet<String>,
    n_examples: usize,
) -> Result<BTreeMap<String, Links>> {
    let new = || Language { links: Change::default(), moves: Top::new(n_examples) };
    let mut compare = Compare {
        info,
        languages: languages.iter().map(|lang| (lang.as_str(), new())).collect(),
        at: (0, String::new()),
        held: Change::default(),
        n_moves: 0,
    };
    loop {
        let (in_old, in_new) = match (rows.old.peek(), rows.new.peek()) {
            (None, None) => break,
            (Some(old), Some(new)) => (old <= new, new <= old),
            (old, new) => (old.is_some(), new.is_some()),
        };
        let old = if in_old { rows.old.next()? } else { None };
        let new = if in_new { rows.new.next()? } else { None };
        compare.take(old, new);
    }
    compare.release();
    let known = compare.languages.into_iter().filter(|(_, it)| it.links != Change::default());
    Ok(known
        .map(|(lang, it)| (lang.to_owned(), Links { links: it.links, moves: it.moves.finish() }))
        .collect())
}

impl Compare<'_> {
    fn take(&mut self, old: Option<LinkRow>, new: Option<LinkRow>) {
        let Some(row) = old.as_ref().or(new.as_ref()) else { return };
        let here = row.from == self.at.0 && row.lang == self.at.1;
        if !here || MAX_HELD <= self.held.old.len().max(self.held.new.len()) {
            self.release();
            self.at = (row.from, row.lang.clone());
        }
        if let Some(language) = self.languages.get_mut(row.lang.as_str()) {
            language.links.old += u64::from(old.is_some());
            language.links.new += u64::from(new.is_some());
        }
        match (old, new) {
            (Some(old), None) => self.held.old.push(old.title),
            (None, Some(new)) => self.held.new.push(new.title),
            _ => {}
        }
    }

    /// Counts the links that are held: one gone and one new make one that names another title.
    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (page, lang) = &self.at;
        let Some(language) = self.languages.get_mut(lang.as_str()) else { return };
        let (mut olds, mut news) = (held.old.into_iter(), held.new.into_iter());
        loop {
            let names = Change { old: olds.next(), new: news.next() };
            let kind = match (&names.old, &names.new) {
                (None, None) => break,
                (None, Some(_)) => LinkMove::Added,
                (Some(_), None) => LinkMove::Removed,
                (Some(_), Some(_)) => LinkMove::Retargeted,
            };
            let number = (u128::from(*page) << 64) + self.n_moves;
            self.n_moves += 1;
            language.moves.add(kind, 0, number, || Link {
                page: *page,
                title: None,
                names,
                url: self.info.page_url(*page, 0),
            });
        }
    }
}
