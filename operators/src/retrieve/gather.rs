//! What has to be known before an article can ask: gathered as it comes, then netted.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{
    library::EncodedFile,
    titles::{Net, TitleRows, Titles},
};
use crate::{
    article::{Sided, latest, text_of},
    record::{Article, Digest, PageId, Text},
    reject::Reason,
};

/// What the stages have to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Fact {
    /// A title of the target wiki.
    Title(Digest, PageId),
    /// Where a redirect leads.
    Redirect(PageId, Digest),
    /// What a page is called in English.
    Name(PageId, Digest),
    /// A page that only tells others apart.
    Disambiguation(PageId),
    /// A file of documents.
    File(EncodedFile),
    /// An article that asks.
    Article(PageId, Article),
    /// The English article of a page.
    Counterpart(PageId, Text),
}

/// What a first worker knows once everything has come.
#[derive(Default)]
pub(super) struct Known {
    pub(super) titles: Titles,
    /// The articles that ask, in order of their pages.
    pub(super) askers: Vec<Asker>,
    pub(super) files: Vec<EncodedFile>,
    /// Pages that cannot ask.
    pub(super) refused: Vec<(PageId, Reason)>,
    pub(super) n_articles: u64,
    pub(super) linking: FxHashMap<PageId, u64>,
}

/// An article that asks.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) page: PageId,
    pub(super) text: Text,
    pub(super) name: Digest,
    /// Its English counterpart, where that is read.
    pub(super) counterpart: Option<Text>,
}

/// Facts as they come.
#[derive(Default)]
pub(super) struct Gathering {
    titles: TitleRows,
    files: Net<EncodedFile>,
    articles: Net<(PageId, Article)>,
    counterparts: Net<(PageId, Text)>,
}

impl Gathering {
    pub(super) fn take(&mut self, fact: Fact, diff: i32) {
        match fact {
            Fact::Title(title, page) => self.titles.titles.change((title, page), diff),
            Fact::Redirect(page, title) => self.titles.redirects.change((page, title), diff),
            Fact::Name(page, name) => self.titles.names.change((page, name), diff),
            Fact::Disambiguation(page) => self.titles.disambiguations.change(page, diff),
            Fact::File(file) => self.files.change(file, diff),
            Fact::Article(page, article) => self.articles.change((page, article), diff),
            Fact::Counterpart(page, text) => self.counterparts.change((page, text), diff),
        }
    }

    /// Nets all facts; `mine` says which pages are asked for here.
    pub(super) fn finish(self, mine: impl Fn(PageId) -> bool) -> Known {
        let titles = Titles::new(self.titles);
        let mut articles: FxHashMap<PageId, Article> = FxHashMap::default();
        for (page, article) in self.articles.rows() {
            let known = articles.entry(page).or_insert(article);
            *known = latest([*known, article]).unwrap_or(article);
        }
        // Of several English pages of one title, which no wiki should have, the last counts.
        let counterparts: FxHashMap<PageId, Text> = self.counterparts.rows().collect();
        let mut known = Known { files: self.files.rows().collect(), ..Known::default() };
        for (page, name) in titles.named().into_iter().filter(|(page, _)| mine(*page)) {
            let text = match articles.get(&page) {
                _ if titles.is_disambiguation(page) => Err(Reason::TargetDisambiguation),
                Some(article) => text_of(*article, Sided::Target),
                None => Err(Reason::TargetMissing),
            };
            match text {
                Ok(text) => {
                    let counterpart = counterparts.get(&page).copied();
                    known.askers.push(Asker { page, text, name, counterpart });
                }
                Err(reason) => known.refused.push((page, reason)),
            }
        }
        known.titles = titles;
        known
    }
}
