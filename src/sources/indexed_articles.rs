//! Reads those streams of a multistream file that hold a wanted page, and of these only such as are
//! not, byte for byte, streams of the last build.
//!
//! `page_latest` would tell more pages apart, but the tables and the articles of a dump are not of
//! one moment: a page whose latest revision the table does not know yet would be missed. The bytes
//! of a stream cannot be wrong.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use crossic_operators::record::Digest;

use super::{
    Before, Finding, SourceCounts, Task, Wanted,
    dump_articles::{ArticleFile, Cleaning, count, damaged},
};
use crate::{
    clock::{self, Activity},
    dump::{
        index::{self, Stream, Totals},
        index_announced::Announced,
        xml::Pages,
    },
    error::Result,
    work::Work,
};

/// The streams of a file that hold wanted pages; its tasks share them.
pub(super) struct WantedStreams {
    path: PathBuf,
    index: PathBuf,
    skips: bool,
    before: Arc<Before>,
    found: OnceLock<(Vec<Stream>, Totals)>,
}

impl WantedStreams {
    /// Returns the streams of a file, which may be damaged if `skips`.
    pub(super) fn new(
        path: PathBuf,
        index: PathBuf,
        skips: bool,
        before: Arc<Before>,
    ) -> WantedStreams {
        WantedStreams { path, index, skips, before, found: OnceLock::new() }
    }

    fn found(&self, wanted: &Wanted) -> Result<&(Vec<Stream>, Totals)> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let found = {
            let _clock = clock::start(Activity::Index);
            let is_wanted = |page| wanted.0.contains(&page);
            match self.skips {
                true => index::wanted_streams_of_damaged(&self.index, &self.path, is_wanted),
                false => index::wanted_streams(&self.index, &self.path, is_wanted),
            }
            .map_err(damaged)?
        };
        // Another worker may have been faster; both read the same file.
        Ok(self.found.get_or_init(|| found))
    }

    /// Returns whether every wanted page of a stream was read from these very bytes last time.
    fn is_same(&self, stream: &Stream, digest: Digest, totals: &Totals) -> Result<bool> {
        let streams = self.before.streams()?;
        let known = |page: &u32| {
            !totals.repeated.contains(page) && streams.get(page) == Some(&Some(digest))
        };
        Ok(stream.wanted.iter().all(known))
    }
}

/// Reads the wanted streams that begin in one range of one file.
pub(super) struct IndexedArticles {
    range: Range<u64>,
    streams: Arc<WantedStreams>,
    /// Position of the next stream among the wanted ones.
    next: Option<usize>,
    current: Option<Current>,
    cleaning: Cleaning,
    n_bytes: u64,
    work: Work,
}

/// A stream that is being read.
struct Current {
    pages: Pages,
    digest: Digest,
    announced: Announced,
    n_pages: u32,
}

impl IndexedArticles {
    pub(super) fn new(
        file: Arc<ArticleFile>,
        range: Range<u64>,
        streams: Arc<WantedStreams>,
    ) -> IndexedArticles {
        IndexedArticles {
            range,
            streams,
            next: None,
            current: None,
            cleaning: Cleaning::new(file),
            n_bytes: 0,
            work: Work::default(),
        }
    }

    /// Opens the next stream that has to be read, passing over those that have not changed.
    fn open_next(&mut self, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let shared = Arc::clone(&self.streams);
        let (streams, totals) = shared.found(wanted)?;
        let start = || streams.partition_point(|it| it.range.start < self.range.start);
        let mut next = self.next.unwrap_or_else(start);
        if self.next.is_none() && self.range.start == 0 {
            self.work.streams_unwanted += totals.n_streams - totals.n_streams_wanted;
            self.work.bytes_skipped += totals.n_bytes - totals.n_bytes_wanted;
        }
        while let Some(stream) = streams.get(next).filter(|it| it.range.start < self.range.end) {
            next += 1;
            self.next = Some(next);
            let digest = {
                let _clock = clock::start(Activity::Index);
                index::digest(&shared.path, stream.range.clone())?
            };
            let n_bytes = stream.range.end - stream.range.start;
            if shared.is_same(stream, digest, totals)? {
                self.work.streams_same += 1;
                self.work.bytes_skipped += n_bytes;
                self.work.pages_kept += stream.wanted.len() as u64;
                self.n_bytes += n_bytes;
                rows.extend(stream.wanted.iter().map(|page| Finding::Same(*page)));
                continue;
            }
            self.work.streams_read += 1;
            let one = std::slice::from_ref(stream);
            self.current = Some(Current {
                pages: self.cleaning.open_listed(stream.range.clone())?,
                digest,
                announced: Announced::new(&shared.index, &shared.path, one),
                n_pages: stream.n_pages,
            });
            return Ok(true);
        }
        self.next = Some(next);
        Ok(false)
    }
}

impl Task<Finding> for IndexedArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let mut spent = 0;
        while spent < budget {
            let Some(current) = &mut self.current else {
                if self.open_next(wanted, rows)? {
                    continue;
                }
                self.cleaning.packs.seal(rows)?;
                return Ok(false);
            };
            if !self.cleaning.next(&mut current.pages)? {
                if let Some(Current { pages, announced, n_pages, .. }) = self.current.take() {
                    let n_unreadable = match pages.lost().n_places {
                        0 => pages.malformed() + u64::from(pages.truncated()),
                        _ => n_pages.into(),
                    };
                    announced.end(n_unreadable)?;
                    count(&mut self.work, &pages);
                    self.n_bytes += pages.bytes_read();
                }
                continue;
            }
            spent += self.cleaning.page.text_raw.len() + 256;
            self.work.pages_read += 1;
            let page = self.cleaning.page.id;
            let is_wanted = wanted.0.contains(&page);
            current.announced.found(page, is_wanted)?;
            if !is_wanted {
                continue;
            }
            self.work.pages_cleaned += 1;
            let digest = current.digest;
            let (article, residue) = self.cleaning.article()?;
            self.cleaning.packs.push(Finding::Read(page, article, digest, residue), rows)?;
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        self.n_bytes + self.current.as_ref().map_or(0, |it| it.pages.bytes_read())
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
