//! The pages of a source in the order of their ids: four sorted tables read side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{
    cli::{corpus::Corpus, page_name::normal},
    error::Result,
    store::{
        StoreError,
        arrow_file::RowReader,
        row::Row,
        tables::{ArticleRow, LinkRow, PageRow, PropRow, RedirectRow},
    },
};

/// A row of a table that is sorted by page.
pub(super) trait OfPage: Row + Ord {
    /// Returns the page that the row speaks of.
    fn page(&self) -> u32;
}

impl OfPage for PageRow {
    fn page(&self) -> u32 {
        self.id
    }
}

impl OfPage for RedirectRow {
    fn page(&self) -> u32 {
        self.from
    }
}

impl OfPage for PropRow {
    fn page(&self) -> u32 {
        self.page
    }
}

impl OfPage for ArticleRow {
    fn page(&self) -> u32 {
        self.page
    }
}

impl OfPage for LinkRow {
    fn page(&self) -> u32 {
        self.from
    }
}

/// The rows of a table, each once, with a look at the next one.
pub(super) struct Cursor<R> {
    path: PathBuf,
    reader: Option<RowReader<R>>,
    ahead: Option<R>,
    n_read: u64,
}

impl<R: OfPage> Cursor<R> {
    /// Opens the table of a source; it is empty if the corpus keeps none.
    pub(super) fn open(corpus: &Corpus, source: &str) -> Result<Cursor<R>> {
        let mut snapshots = corpus.manifest.snapshots.iter();
        let found = snapshots.find(|it| it.source == source && it.table == R::TABLE);
        let path = found.map(|it| corpus.dir.join(&it.file)).unwrap_or_default();
        let reader = corpus.snapshot::<R>(source)?;
        let mut cursor = Cursor { path, reader, ahead: None, n_read: 0 };
        cursor.next()?;
        Ok(cursor)
    }

    /// Returns the next row without taking it.
    pub(super) fn peek(&self) -> Option<&R> {
        self.ahead.as_ref()
    }

    /// Takes the next row.
    ///
    /// # Errors
    ///
    /// The file is damaged, or its rows are not in order.
    pub(super) fn next(&mut self) -> Result<Option<R>> {
        let taken = self.ahead.take();
        let Some(reader) = &mut self.reader else { return Ok(taken) };
        for row in reader {
            let row = row?;
            self.n_read += 1;
            match &taken {
                Some(last) if row == *last => continue,
                Some(last) if row < *last => {
                    let what = "it comes before the row above it, but tables are sorted".to_owned();
                    let (path, row) = (self.path.clone(), self.n_read.saturating_sub(1));
                    return Err(StoreError::Row { path, row, what }.into());
                }
                _ => {
                    self.ahead = Some(row);
                    break;
                }
            }
        }
        Ok(taken)
    }

    /// Takes the first row of a page and passes over its others, and over those of earlier pages.
    fn of_page(&mut self, page: u32) -> Result<Option<R>> {
        let mut first = None;
        while self.peek().is_some_and(|row| row.page() <= page) {
            let row = self.next()?.filter(|row| row.page() == page);
            first = first.or(row);
        }
        Ok(first)
    }
}

/// Everything that the tables of a source say of one page.
pub(super) struct Page {
    /// Page id.
    pub(super) id: u32,
    /// Its row of `page`.
    pub(super) listed: Option<PageRow>,
    /// Its row of `redirect`.
    pub(super) redirect: Option<RedirectRow>,
    /// Whether `page_props` calls it a disambiguation page.
    pub(super) disambiguation: bool,
    /// What the article dump says of it.
    pub(super) article: Option<ArticleRow>,
}

/// The pages of a source, in the order of their ids.
pub(super) struct Pages {
    pages: Cursor<PageRow>,
    redirects: Cursor<RedirectRow>,
    props: Cursor<PropRow>,
    articles: Cursor<ArticleRow>,
}

impl Pages {
    /// Opens the tables of a source; `None` if the corpus keeps no table of its pages.
    pub(super) fn open(corpus: &Corpus, source: &str) -> Result<Option<Pages>> {
        let table = PageRow::TABLE;
        if !corpus.manifest.snapshots.iter().any(|it| it.source == source && it.table == table) {
            return Ok(None);
        }
        Ok(Some(Pages {
            pages: Cursor::open(corpus, source)?,
            redirects: Cursor::open(corpus, source)?,
            props: Cursor::open(corpus, source)?,
            articles: Cursor::open(corpus, source)?,
        }))
    }

    /// Returns the id of the next page.
    pub(super) fn peek(&self) -> Option<u32> {
        let ids = [
            self.pages.peek().map(OfPage::page),
            self.redirects.peek().map(OfPage::page),
            self.props.peek().map(OfPage::page),
            self.articles.peek().map(OfPage::page),
        ];
        ids.into_iter().flatten().min()
    }

    /// Returns what is known of a page; asked for in ascending order.
    ///
    /// # Errors
    ///
    /// A file is damaged, or its rows are not in order.
    pub(super) fn take(&mut self, id: u32) -> Result<Page> {
        Ok(Page {
            id,
            listed: self.pages.of_page(id)?,
            redirect: self.redirects.of_page(id)?,
            disambiguation: self.props.of_page(id)?.is_some(),
            article: self.articles.of_page(id)?,
        })
    }
}

/// Returns the titles of pages, as the `page` table of a source has them.
pub(super) fn titles(
    corpus: &Corpus,
    source: &str,
    pages: &BTreeSet<u32>,
) -> Result<BTreeMap<u32, String>> {
    let mut titles = BTreeMap::new();
    if pages.is_empty() {
        return Ok(titles);
    }
    for row in corpus.snapshot::<PageRow>(source)?.into_iter().flatten() {
        let row = row?;
        if pages.contains(&row.id) {
            titles.insert(row.id, normal(&row.title));
        }
    }
    Ok(titles)
}
