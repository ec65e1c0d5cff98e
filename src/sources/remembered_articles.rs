//! Reads what the last build knew of the wanted pages, and how that is written down.

use crossic_operators::record::{Article, Digest, PageId, Text};

use super::{Reading, Remembered, SourceCounts, Task, Wanted};
use crate::{
    clock::{self, Activity},
    error::Result,
    store::{arrow_file::RowReader, tables::ArticleRow},
};

/// Reads the articles of the last build.
pub(super) struct RememberedArticles(pub(super) RowReader<ArticleRow>);

impl Task<Remembered> for RememberedArticles {
    fn step(&mut self, budget: usize, _: &Wanted, rows: &mut Vec<Remembered>) -> Result<bool> {
        let _clock = clock::start(Activity::Remember);
        for _ in 0..budget / size_of::<Remembered>() {
            let Some(row) = self.0.next() else { return Ok(false) };
            let row = row?;
            rows.push(Remembered::Article(row.page, Reading::of(&row)));
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        0
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts::new()
    }
}

/// The states of a page that has no text, as snapshots name them.
const STATES: &[(&str, Article)] = &[
    ("redirect", Article::Redirect),
    ("other-namespace", Article::OtherNamespace),
    ("other-model", Article::OtherModel),
    ("empty", Article::Empty),
    ("disambiguation", Article::Disambiguation),
];

impl Reading {
    /// Returns the reading that a row of a snapshot holds.
    fn of(row: &ArticleRow) -> Reading {
        let text = Text {
            digest: row.digest,
            revision: row.revision,
            n_chars: row.n_chars,
            n_paragraphs: row.n_paragraphs,
            links: row.links,
        };
        let article = match row.state.as_str() {
            "text" => Some(Article::Text(text)),
            state => STATES.iter().find(|it| it.0 == state).map(|it| it.1),
        };
        Reading { article, stream: row.stream, residue: row.residue }
    }

    /// Returns what became of the page, in one word.
    pub fn state(&self) -> &'static str {
        match self.article {
            Some(Article::Text(_)) => "text",
            Some(article) => STATES.iter().find(|it| it.1 == article).map_or("?", |it| it.0),
            None => "missing",
        }
    }

    /// Returns the row of a snapshot that holds the reading of a page.
    pub fn row(&self, page: PageId) -> ArticleRow {
        let nothing = Text {
            digest: Digest::default(),
            revision: 0,
            n_chars: 0,
            n_paragraphs: 0,
            links: Digest::default(),
        };
        let text = match self.article {
            Some(Article::Text(text)) => text,
            _ => nothing,
        };
        ArticleRow {
            page,
            state: self.state().to_owned(),
            digest: text.digest,
            revision: text.revision,
            n_chars: text.n_chars,
            n_paragraphs: text.n_paragraphs,
            links: text.links,
            stream: self.stream,
            residue: self.residue,
        }
    }
}
