//! Reads a range of an article dump: cleans the wanted pages and puts their text into packs.

use std::{ops::Range, path::PathBuf, sync::Arc};

use crossic_operators::{
    record::{Article, Digest, Text},
    text::canonical,
    wikitext::{Options, Site, clean},
};

use super::{Finding, SourceCounts, Task, Wanted, article_packs::ArticlePacks};
use crate::{
    clock::{self, Activity},
    dump::{
        siteinfo::SiteInfo,
        xml::{Pages, RawPage},
    },
    error::Result,
    store::texts::TextStore,
    work::Work,
};

/// An article file, and what becomes of its pages.
pub(super) struct ArticleFile {
    pub(super) path: PathBuf,
    pub(super) site: Option<SiteInfo>,
    pub(super) cleaner: Arc<(Site, Options)>,
    pub(super) store: Arc<TextStore>,
}

/// Cleans pages one by one and puts their text into packs.
pub(super) struct Cleaning {
    file: Arc<ArticleFile>,
    pub(super) packs: ArticlePacks,
    pub(super) page: RawPage,
    buffer: String,
}

impl Cleaning {
    pub(super) fn new(file: Arc<ArticleFile>) -> Cleaning {
        let packs = ArticlePacks::new(Arc::clone(&file.store));
        Cleaning { file, packs, page: RawPage::default(), buffer: String::new() }
    }

    /// Opens the pages that begin in a range of the file.
    pub(super) fn open(&self, range: Range<u64>) -> Result<Pages> {
        Ok(Pages::open(&self.file.path, range, self.file.site.as_ref())?)
    }

    /// Says what the current page is, and puts its text into the pack.
    pub(super) fn article(&mut self) -> Result<Article> {
        let page = &self.page;
        if page.ns != 0 {
            return Ok(Article::OtherNamespace);
        }
        if page.redirect.is_some() {
            return Ok(Article::Redirect);
        }
        if page.model != "wikitext" {
            return Ok(Article::OtherModel);
        }
        let (site, options) = &*self.file.cleaner;
        let cleaned = {
            let _clock = clock::start(Activity::Clean);
            clean(page.text(&mut self.buffer), site, options)
        };
        if cleaned.disambiguation {
            return Ok(Article::Disambiguation);
        }
        if cleaned.paragraphs.is_empty() {
            return Ok(Article::Empty);
        }
        let text = canonical(&page.title, &cleaned.paragraphs);
        let digest = Digest::of(text.as_bytes());
        self.packs.put(digest, &text)?;
        let text = Text {
            digest,
            revision: page.revision,
            n_chars: text.chars().count() as u32,
            n_paragraphs: cleaned.paragraphs.len() as u32,
            links: Digest::default(),
        };
        Ok(Article::Text(text))
    }
}

/// Reads the pages that begin in one range of one file.
pub(super) struct DumpArticles {
    range: Range<u64>,
    pages: Option<Pages>,
    cleaning: Cleaning,
    work: Work,
}

impl DumpArticles {
    pub(super) fn new(file: Arc<ArticleFile>, range: Range<u64>) -> DumpArticles {
        let cleaning = Cleaning::new(file);
        DumpArticles { range, pages: None, cleaning, work: Work::default() }
    }
}

/// Adds what was read of some pages.
pub(super) fn count(work: &mut Work, pages: &Pages) {
    work.pages_malformed += pages.malformed();
    work.pages_truncated += u64::from(pages.truncated());
    work.pages_not_utf8 += pages.replaced();
    work.bytes_read += pages.bytes_read();
}

impl Task<Finding> for DumpArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let mut spent = 0;
        while spent < budget {
            let pages = match &mut self.pages {
                Some(pages) => pages,
                None => self.pages.insert(self.cleaning.open(self.range.clone())?),
            };
            let found = {
                let _clock = clock::start(Activity::Decompress);
                pages.next(&mut self.cleaning.page)?
            };
            if !found {
                count(&mut self.work, pages);
                self.cleaning.packs.seal(rows)?;
                return Ok(false);
            }
            spent += self.cleaning.page.text_raw.len() + 256;
            self.work.pages_read += 1;
            let page = self.cleaning.page.id;
            if !wanted.0.contains(&page) {
                continue;
            }
            self.work.pages_cleaned += 1;
            let article = self.cleaning.article()?;
            let finding = Finding::Read(page, article, Digest::default());
            self.cleaning.packs.push(finding, rows)?;
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        self.pages.as_ref().map_or(0, Pages::bytes_read)
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts::new()
    }

    fn work(&mut self) -> Work {
        let mut work = std::mem::take(&mut self.work);
        work += self.cleaning.packs.work();
        work
    }
}
