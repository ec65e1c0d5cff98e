//! Reads a range of an article dump: cleans the wanted pages and puts their text into packs.

use std::{ops::Range, path::PathBuf, sync::Arc};

use crossic_operators::{
    record::{Article, Digest, Text},
    text::canonical,
    wikitext::{Options, Site, clean},
};

use super::{ArticleRow, SourceCounts, Task, Wanted, article_packs::ArticlePacks};
use crate::{
    clock::{self, Activity},
    dump::{
        siteinfo::SiteInfo,
        xml::{Pages, RawPage},
    },
    error::Result,
    store::texts::TextStore,
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
    counts: SourceCounts,
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
            counts: SourceCounts::new(),
        }
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(format!("pages/{what}")).or_insert(0) += 1;
    }

    /// Says what the current page is, and puts its text into the pack.
    fn article(&mut self) -> Result<(Article, &'static str)> {
        let page = &self.page;
        if page.ns != 0 {
            return Ok((Article::OtherNamespace, "other-namespace"));
        }
        if page.redirect.is_some() {
            return Ok((Article::Redirect, "redirect"));
        }
        if page.model != "wikitext" {
            return Ok((Article::OtherModel, "other-model"));
        }
        let (site, options) = &*self.cleaner;
        let cleaned = {
            let _clock = clock::start(Activity::Clean);
            clean(page.text(&mut self.buffer), site, options)
        };
        if cleaned.disambiguation {
            return Ok((Article::Disambiguation, "disambiguation"));
        }
        if cleaned.paragraphs.is_empty() {
            return Ok((Article::Empty, "empty"));
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
        Ok((Article::Text(text), "article"))
    }
}

impl Task<ArticleRow> for DumpArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<ArticleRow>) -> Result<bool> {
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
                let (truncated, malformed) = (pages.truncated(), pages.malformed());
                let replaced = pages.replaced();
                for (what, n) in [
                    ("read", malformed + u64::from(truncated)),
                    ("truncated", u64::from(truncated)),
                    ("malformed", malformed),
                ] {
                    *self.counts.entry(format!("pages/{what}")).or_insert(0) += n;
                }
                *self.counts.entry("not-utf-8".to_owned()).or_insert(0) += replaced;
                self.packs.seal(rows)?;
                return Ok(false);
            }
            spent += self.page.text_raw.len() + 256;
            self.count("read");
            if !wanted.0.contains(&self.page.id) {
                let kept_out = match (self.page.ns, &self.page.redirect) {
                    (0, None) => "not-linked",
                    (0, Some(_)) => "redirect",
                    _ => "other-namespace",
                };
                self.count(kept_out);
                continue;
            }
            let (article, what) = self.article()?;
            self.count(what);
            self.packs.push((self.page.id, article), rows)?;
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        self.pages.as_ref().map_or(0, Pages::bytes_read)
    }

    fn counts(&mut self) -> SourceCounts {
        std::mem::take(&mut self.counts)
    }
}
