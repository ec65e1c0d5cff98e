//! What became of the pages and articles of a wiki between two corpora.

use std::fmt;

use super::{
    facts::{self, Change},
    pages::{Page, Pages},
    top::Top,
};
use crate::{cli::page_name::normal, error::Result, sources::WikiInfo};

/// What became of a page, as its tables have it; a page may have done several of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PageMove {
    Added,
    AddedRedirect,
    Removed,
    RemovedRedirect,
    Renamed,
    BecameRedirect,
    BecamePage,
    LeadsElsewhere,
    BecameDisambiguation,
    CeasedDisambiguation,
}

impl fmt::Display for PageMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PageMove::Added => "added",
            PageMove::AddedRedirect => "added as redirects",
            PageMove::Removed => "removed",
            PageMove::RemovedRedirect => "removed, were redirects",
            PageMove::Renamed => "renamed",
            PageMove::BecameRedirect => "became redirects",
            PageMove::BecamePage => "ceased to be redirects",
            PageMove::LeadsElsewhere => "redirects that lead elsewhere",
            PageMove::BecameDisambiguation => "became disambiguation pages",
            PageMove::CeasedDisambiguation => "ceased to be disambiguation pages",
        })
    }
}

/// What became of the text of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ArticleMove {
    TextChanged,
    RevisionOnly,
    State { old: State, new: State },
}

impl fmt::Display for ArticleMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArticleMove::TextChanged => f.write_str("text changed"),
            ArticleMove::RevisionOnly => f.write_str("another revision, the same text"),
            ArticleMove::State { old, new } => write!(f, "{} → {}", old.0, new.0),
        }
    }
}

/// What a corpus knows of the text of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State(&'static str);

const TEXT: State = State("text");
const NOT_READ: State = State("not read");
const NO_PAGE: State = State("no page");

impl State {
    fn of(page: &Page) -> State {
        /// Reasons why an article has no text, as snapshots write them.
        const KNOWN: &[&str] =
            &["redirect", "other-namespace", "other-model", "empty", "disambiguation", "missing"];
        match (&page.article, &page.listed) {
            (Some(article), _) if article.state == "text" => TEXT,
            (Some(article), _) => {
                let known = KNOWN.iter().find(|it| **it == article.state);
                State(known.copied().unwrap_or("no text"))
            }
            (None, Some(_)) => NOT_READ,
            (None, None) => NO_PAGE,
        }
    }
}

/// What moved in a wiki, and the articles whose text is another one, in the order of their ids.
pub(super) struct Moved {
    /// The facts.
    pub(super) facts: facts::Pages,
    /// Ids of the articles with text in both corpora, but not the same.
    pub(super) changed: Vec<u32>,
}

/// Compares the pages of a source, read side by side.
///
/// # Errors
///
/// A snapshot is damaged, or its rows are not in order.
pub(super) fn compare(
    mut pages: Change<Pages>,
    info: &Change<WikiInfo>,
    n_examples: usize,
) -> Result<Moved> {
    let mut facts = facts::Pages::default();
    let mut changed = Vec::new();
    let (mut page_moves, mut article_moves) = (Top::new(n_examples), Top::new(n_examples));
    while let Some(id) = pages.old.peek().into_iter().chain(pages.new.peek()).min() {
        let page = Change { old: pages.old.take(id)?, new: pages.new.take(id)? };
        count(&mut facts, &page);
        let example = || example(&page, info);
        for kind in kinds(&page) {
            page_moves.add(kind, size(&page), u128::from(id), example);
        }
        let kind = article_kind(&page);
        if kind == Some(ArticleMove::TextChanged) {
            changed.push(id);
        }
        if let Some(kind) = kind {
            article_moves.add(kind, size(&page), u128::from(id), example);
        }
    }
    facts.page_moves = page_moves.finish();
    facts.article_moves = article_moves.finish();
    Ok(Moved { facts, changed })
}

fn count(facts: &mut facts::Pages, page: &Change<Page>) {
    let sides = [
        (&page.old, &mut facts.pages.old, &mut facts.redirects.old, &mut facts.texts.old),
        (&page.new, &mut facts.pages.new, &mut facts.redirects.new, &mut facts.texts.new),
    ];
    for (page, n_pages, n_redirects, n_texts) in sides {
        *n_pages += u64::from(page.listed.is_some());
        *n_redirects += u64::from(is_redirect(page));
        *n_texts += u64::from(State::of(page) == TEXT);
    }
}

fn kinds(page: &Change<Page>) -> Vec<PageMove> {
    let redirect = |yes, one, other| if yes { one } else { other };
    let (old, new) = match (&page.old.listed, &page.new.listed) {
        (None, None) => return Vec::new(),
        (None, Some(new)) => {
            return vec![redirect(new.redirect, PageMove::AddedRedirect, PageMove::Added)];
        }
        (Some(old), None) => {
            return vec![redirect(old.redirect, PageMove::RemovedRedirect, PageMove::Removed)];
        }
        (Some(old), Some(new)) => (old, new),
    };
    let leads_elsewhere =
        old.redirect && new.redirect && leads_to(&page.old) != leads_to(&page.new);
    let disambiguation = (page.old.disambiguation, page.new.disambiguation);
    let all = [
        (PageMove::Renamed, normal(&old.title) != normal(&new.title)),
        (PageMove::BecameRedirect, !old.redirect && new.redirect),
        (PageMove::BecamePage, old.redirect && !new.redirect),
        (PageMove::LeadsElsewhere, leads_elsewhere),
        (PageMove::BecameDisambiguation, disambiguation == (false, true)),
        (PageMove::CeasedDisambiguation, disambiguation == (true, false)),
    ];
    all.into_iter().filter(|(_, moved)| *moved).map(|(kind, _)| kind).collect()
}

fn article_kind(page: &Change<Page>) -> Option<ArticleMove> {
    let (old, new) = (State::of(&page.old), State::of(&page.new));
    match (&page.old.article, &page.new.article) {
        // Pages whose text nobody asked for are no articles of either corpus.
        (None, None) => None,
        (Some(one), Some(other)) if (old, new) == (TEXT, TEXT) => {
            if one.digest != other.digest {
                Some(ArticleMove::TextChanged)
            } else {
                (one.revision != other.revision).then_some(ArticleMove::RevisionOnly)
            }
        }
        _ => (old != new).then_some(ArticleMove::State { old, new }),
    }
}

/// Returns by how many characters the text grew or shrank.
fn size(page: &Change<Page>) -> u64 {
    let length = |page: &Page| characters(page).unwrap_or_default();
    u64::from(length(&page.old).abs_diff(length(&page.new)))
}

fn characters(page: &Page) -> Option<u32> {
    page.article.as_ref().filter(|it| it.state == "text").map(|it| it.n_chars)
}

fn is_redirect(page: &Page) -> bool {
    page.listed.as_ref().is_some_and(|it| it.redirect)
}

/// Returns where a redirect leads, prefix and section included.
fn leads_to(page: &Page) -> Option<String> {
    let row = page.redirect.as_ref().filter(|_| is_redirect(page))?;
    let mut text = normal(&row.title);
    if !row.fragment.is_empty() {
        text = format!("{text}#{}", row.fragment);
    }
    if row.namespace != 0 {
        text = format!("{}:{text}", row.namespace);
    }
    if !row.interwiki.is_empty() {
        text = format!("{}:{text}", row.interwiki);
    }
    Some(text)
}

/// Returns the revision that was read, or else the latest one.
fn revision(page: &Page) -> Option<u64> {
    let read = page.article.as_ref().map(|it| it.revision).filter(|it| *it != 0);
    read.or_else(|| page.listed.as_ref().map(|it| it.latest)).filter(|it| *it != 0)
}

fn example(page: &Change<Page>, info: &Change<WikiInfo>) -> facts::Page {
    let title = |page: &Page| page.listed.as_ref().map(|it| normal(&it.title));
    let revisions = Change { old: revision(&page.old), new: revision(&page.new) };
    let url = match (&page.new.listed, &page.new.article) {
        (None, None) => info.old.page_url(page.old.id, revisions.old.unwrap_or_default()),
        _ => info.new.page_url(page.new.id, revisions.new.unwrap_or_default()),
    };
    facts::Page {
        page: page.new.id,
        title: Change { old: title(&page.old), new: title(&page.new) },
        leads_to: Change { old: leads_to(&page.old), new: leads_to(&page.new) },
        revision: revisions,
        characters: Change { old: characters(&page.old), new: characters(&page.new) },
        url,
    }
}
