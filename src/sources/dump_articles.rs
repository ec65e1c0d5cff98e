//! Reads a range of an article dump: cleans the wanted pages and puts their text into packs.

use std::{ops::Range, path::PathBuf, sync::Arc};

use crossic_operators::{
    record::{Article, Digest, Text},
    retrieve::links::Links,
    text::canonical,
    wikitext::{ArticleResidue, Page, Site, Wikilink, clean, residue, wikilinks},
};

use super::{
    Finding, SourceCounts, Task, TitleRules, Wanted, article_packs::ArticlePacks, cleaner::Cleaner,
};
use crate::{
    clock::{self, Activity},
    dump::{
        error::{DumpError, DumpErrorKind},
        siteinfo::SiteInfo,
        streams::Streams,
        xml::{Pages, RawPage},
    },
    error::{Error, Result},
    store::texts::TextStore,
    work::Work,
};

/// An article file, and what becomes of its pages.
pub(super) struct ArticleFile {
    pub(super) path: PathBuf,
    /// Whether its ranges are read block by block.
    pub(super) by_blocks: bool,
    /// Whether damaged blocks are passed over.
    pub(super) skips: bool,
    pub(super) site: Option<SiteInfo>,
    pub(super) cleaner: Arc<Cleaner>,
    /// How titles of the wiki are written, where links of its articles are kept.
    pub(super) links: Option<Arc<TitleRules>>,
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
    fn open(&self, range: Range<u64>) -> Result<Pages> {
        let file = &self.file;
        let streams = match file.by_blocks {
            true => Streams::blocks(&file.path, range, file.skips)?,
            false => Streams::range(&file.path, range)?,
        };
        Ok(Pages::of(streams, file.site.as_ref()))
    }

    /// Opens the pages of a stream that the file's index lists.
    pub(super) fn open_listed(&self, range: Range<u64>) -> Result<Pages> {
        let file = &self.file;
        let streams = match file.skips {
            true => Streams::listed(&file.path, range, true)?,
            false => Streams::range(&file.path, range)?,
        };
        Ok(Pages::of(streams, file.site.as_ref()))
    }

    /// Reads the next page into `page`; returns false when there is none.
    pub(super) fn next(&mut self, pages: &mut Pages) -> Result<bool> {
        let _clock = clock::start(Activity::Decompress);
        pages.next(&mut self.page).map_err(damaged)
    }

    /// Says what the current page is and what is left in its text, and puts the text and its links
    /// into the pack.
    pub(super) fn article(&mut self) -> Result<(Article, ArticleResidue)> {
        let refused = |article| Ok((article, ArticleResidue::default()));
        let page = &self.page;
        if page.ns != 0 {
            return refused(Article::OtherNamespace);
        }
        if page.redirect.is_some() {
            return refused(Article::Redirect);
        }
        if page.model != "wikitext" {
            return refused(Article::OtherModel);
        }
        let (site, options) = (self.file.cleaner.site()?, &self.file.cleaner.options);
        let wikitext = page.text(&mut self.buffer);
        let cleaned = {
            let _clock = clock::start(Activity::Clean);
            clean(Page { title: &page.title, wikitext }, site, options)
        };
        if cleaned.disambiguation {
            return refused(Article::Disambiguation);
        }
        if cleaned.paragraphs.is_empty() {
            return refused(Article::Empty);
        }
        let residue = {
            let _clock = clock::start(Activity::Clean);
            ArticleResidue::new(&residue(&cleaned.paragraphs, site), cleaned.n_holes)
        };
        let text = canonical(&page.title, &cleaned.paragraphs);
        let digest = Digest::of(text.as_bytes());
        self.packs.put(digest, &text)?;
        let mut links = Digest::default();
        if let Some(rules) = &self.file.links {
            let kept = {
                let _clock = clock::start(Activity::Clean);
                links_of(wikitext, site, rules).to_text()
            };
            links = Digest::of(kept.as_bytes());
            self.packs.put_aside(links, &kept)?;
        }
        let text = Text {
            digest,
            revision: page.revision,
            n_chars: text.chars().count() as u32,
            n_paragraphs: cleaned.paragraphs.len() as u32,
            links,
        };
        Ok((Article::Text(text), residue))
    }
}

/// Returns the links of a page, their targets written as the `page` table has them.
fn links_of(wikitext: &str, site: &Site, rules: &TitleRules) -> Links {
    let links = wikilinks(wikitext, site)
        .into_iter()
        .filter_map(|link| Some(Wikilink { target: rules.title(&link.target)?, ..link }));
    Links { n_bytes: wikitext.len() as u64, links: links.collect() }
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
    work.places_damaged += pages.lost().n_places;
    work.bytes_damaged += pages.lost().n_bytes;
}

/// Returns the error about an article file; of damage that can be passed over it says so.
pub(super) fn damaged(error: DumpError) -> Error {
    match error.kind {
        DumpErrorKind::Damaged { format: "bzip2", .. }
        | DumpErrorKind::Truncated { format: "bzip2", .. }
        | DumpErrorKind::Trailing { format: "bzip2", .. } => Error::Articles(error),
        _ => error.into(),
    }
}

impl Task<Finding> for DumpArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let mut spent = 0;
        while spent < budget {
            let pages = match &mut self.pages {
                Some(pages) => pages,
                None => self.pages.insert(self.cleaning.open(self.range.clone())?),
            };
            if !self.cleaning.next(pages)? {
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
            let (article, residue) = self.cleaning.article()?;
            let finding = Finding::Read(page, article, Digest::default(), residue);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_written_as_the_page_table_has_them() {
        let namespaces = [(14, "หมวดหมู่".to_owned())];
        let (site, rules) = (Site::new("th", &namespaces), TitleRules::new(None));
        let page = "[[honey_bee#Dance|ผึ้ง]] [[ _ช้าง__(สัตว์) ]] [[Draft:x]] [[หมวดหมู่:ก]]";
        let links = links_of(page, &site, &rules);
        let targets: Vec<&str> = links.links.iter().map(|it| it.target.as_str()).collect();
        assert_eq!(targets, ["Honey bee", "ช้าง (สัตว์)"]);
        assert_eq!(links.n_bytes, page.len() as u64);
        // A `page` row of the title has the same digest.
        assert_eq!(rules.digest("honey_bee"), Digest::of(targets[0].as_bytes()));
    }
}
