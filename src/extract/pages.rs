//! Reads the pages of files in order, and has threads work on batches of them.

use std::{collections::VecDeque, slice, sync::Arc};

use super::{
    counts::AllCounts,
    input::{InputFile, Wiki},
};
use crate::{
    crew::{Crew, Promise},
    dump::{
        streams::Streams,
        xml::{Pages, RawPage},
    },
    error::{Error, Result},
};

/// About how many bytes of wikitext a thread takes at once.
const N_BATCH_BYTES: usize = 1 << 20;
/// About how many bytes of wikitext a short page counts for.
const N_PAGE_BYTES: usize = 256;

/// Pages of one wiki that follow one another.
pub(super) struct Batch {
    /// The wiki.
    pub(super) wiki: Arc<Wiki>,
    pages: Vec<RawPage>,
}

impl Batch {
    /// Works on each page, with a buffer for its text.
    pub(super) fn map<R>(&self, mut work: impl FnMut(&RawPage, &mut String) -> R) -> Vec<R> {
        let mut buffer = String::new();
        self.pages.iter().map(|page| work(page, &mut buffer)).collect()
    }
}

/// What was counted of a file beside its pages.
struct FileCounts {
    lang: String,
    n_malformed: u64,
    n_cut_off: u64,
    n_not_utf8: u64,
    n_lost: u64,
    n_xml_bytes: u64,
}

/// Files on their way through the threads.
pub(super) struct Reading<'a, R> {
    files: slice::Iter<'a, InputFile>,
    n_jobs: usize,
    skips: bool,
    current: Option<(&'a InputFile, Pages)>,
    crew: Crew<Batch, R>,
    pending: VecDeque<(String, Promise<R>)>,
    most_pending: usize,
    /// The error that reading ended with; it comes when all before it has been taken.
    failure: Option<Error>,
    n_bytes_before: u64,
    counted: Vec<FileCounts>,
}

impl<'a, R: Send + 'static> Reading<'a, R> {
    /// Starts to read files, with so many threads that decode and as many that work.
    pub(super) fn new(
        files: &'a [InputFile],
        n_jobs: usize,
        skips: bool,
        work: impl Fn(Batch) -> R + Send + Sync + 'static,
    ) -> Reading<'a, R> {
        Reading {
            files: files.iter(),
            n_jobs,
            skips,
            current: None,
            crew: Crew::new(n_jobs, work),
            pending: VecDeque::new(),
            most_pending: 2 * n_jobs + 2,
            failure: None,
            n_bytes_before: 0,
            counted: Vec::new(),
        }
    }

    /// Returns what came of the next pages, with their language.
    pub(super) fn next(&mut self, heard: &dyn Fn(u64)) -> Result<Option<(String, R)>> {
        while self.failure.is_none() && self.pending.len() < self.most_pending {
            match self.batch() {
                Ok(Some(batch)) => {
                    let lang = batch.wiki.lang.clone();
                    self.pending.push_back((lang, self.crew.start(batch)));
                    heard(self.n_bytes_read());
                }
                Ok(None) => break,
                Err(error) => self.failure = Some(error),
            }
        }
        match self.pending.pop_front() {
            Some((lang, promise)) => match promise.wait() {
                Some(result) => Ok(Some((lang, result))),
                None => Err(Error::Worker("a thread that works on pages panicked".to_owned())),
            },
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    /// Adds what was counted of the files that have been read, wholly or in part.
    pub(super) fn finish(mut self, counts: &mut AllCounts) {
        self.count();
        for file in self.counted {
            let counts = counts.of(&file.lang);
            counts.refuse("malformed", file.n_malformed);
            counts.refuse("cut-off", file.n_cut_off);
            counts.n_not_utf8 += file.n_not_utf8;
            counts.n_lost += file.n_lost;
            counts.n_xml_bytes += file.n_xml_bytes;
        }
    }

    fn n_bytes_read(&self) -> u64 {
        self.n_bytes_before + self.current.as_ref().map_or(0, |(_, pages)| pages.bytes_read())
    }

    /// Returns the next pages of the current file, or of the one behind it.
    fn batch(&mut self) -> Result<Option<Batch>> {
        loop {
            if self.current.is_none() {
                let Some(file) = self.files.next() else { return Ok(None) };
                let streams = Streams::on_threads(&file.path, self.n_jobs, self.skips)?;
                self.current = Some((file, Pages::of(streams, file.wiki.site.as_ref())));
            }
            let Some((file, pages)) = &mut self.current else { return Ok(None) };
            let mut batch = Batch { wiki: Arc::clone(&file.wiki), pages: Vec::new() };
            let mut n_bytes = 0;
            let mut page = RawPage::default();
            while n_bytes < N_BATCH_BYTES {
                match pages.next(&mut page) {
                    Ok(true) => {
                        n_bytes += page.text_raw.len() + N_PAGE_BYTES;
                        batch.pages.push(std::mem::take(&mut page));
                    }
                    Ok(false) => break,
                    Err(error) => {
                        self.failure = Some(error.into());
                        break;
                    }
                }
            }
            if batch.pages.is_empty() {
                self.count();
                match self.failure {
                    Some(_) => return Ok(None),
                    None => continue,
                }
            }
            return Ok(Some(batch));
        }
    }

    /// Ends the current file.
    fn count(&mut self) {
        let Some((file, pages)) = self.current.take() else { return };
        self.n_bytes_before += file.n_bytes;
        self.counted.push(FileCounts {
            lang: file.wiki.lang.clone(),
            n_malformed: pages.malformed(),
            n_cut_off: u64::from(pages.truncated()),
            n_not_utf8: pages.replaced(),
            n_lost: pages.lost().n_places,
            n_xml_bytes: pages.text_bytes_read(),
        });
    }
}
