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

/// Reads the pages that begin in one range of one file.
pub(super) struct DumpArticles {
    path: PathBuf,
    range: Range<u64>,
    site: Option<SiteInfo>,
    pages: Option<Pages>,
    cleaner: Arc<(Site, Options)>,
    packs: ArticlePacks,
    page: RawPage,
    buffer: String,
    work: Work,
}

impl DumpArticles {
    pub(super) fn new(
        path: PathBuf,
        range: Range<u64>,
        site: Option<SiteInfo>,
        cleaner: Arc<(Site, Options)>,
        store: Arc<TextStore>,
    ) -> DumpArticles {
        DumpArticles {
            path,
            range,
            site,
            pages: None,
            cleaner,
            packs: ArticlePacks::new(store),
            page: RawPage::default(),
            buffer: String::new(),
            work: Work::default(),
        }
    }

    /// Says what the current page is, and puts its text into the pack.
    fn article(&mut self) -> Result<Article> {
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
        let (site, options) = &*self.cleaner;
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
        };
        Ok(Article::Text(text))
    }
}

impl Task<Finding> for DumpArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let mut spent = 0;
        while spent < budget {
            let pages = match &mut self.pages {
                Some(pages) => pages,
                None => self.pages.insert(Pages::open(
                    &self.path,
                    self.range.clone(),
                    self.site.as_ref(),
                )?),
            };
            let found = {
                let _clock = clock::start(Activity::Decompress);
                pages.next(&mut self.page)?
            };
            if !found {
                self.work.pages_malformed += pages.malformed();
                self.work.pages_truncated += u64::from(pages.truncated());
                self.work.pages_not_utf8 += pages.replaced();
                self.work.bytes_read += pages.bytes_read();
                self.packs.seal(rows)?;
                return Ok(false);
            }
            spent += self.page.text_raw.len() + 256;
            self.work.pages_read += 1;
            if !wanted.0.contains(&self.page.id) {
                continue;
            }
            self.work.pages_cleaned += 1;
            let article = self.article()?;
            self.packs.push(Finding::Read(self.page.id, article, Digest::default()), rows)?;
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
        work += self.packs.work();
        work
    }
}
