//! Compares the pages that are found in streams with those that the index lists for them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::dump::{
    error::{DumpError, DumpErrorKind},
    index::Stream,
    index_error::IndexFault,
};

/// The pages that an index lists for one stream, or for several neighbouring ones, on their way to
/// be found.
#[derive(Clone, Debug)]
pub struct Announced {
    index: PathBuf,
    file: PathBuf,
    offset: u64,
    listed: Vec<u32>,
    // Each page that was not found yet, and where its stream begins.
    missing: BTreeMap<u32, u64>,
    n_listed: u64,
    n_found: u64,
}

impl Announced {
    /// Expects the pages of `streams`, which `index` lists for `file`.
    pub fn new(index: &Path, file: &Path, streams: &[Stream]) -> Self {
        let mut listed: Vec<u32> =
            streams.iter().flat_map(|stream| &stream.wanted).copied().collect();
        listed.sort_unstable();
        listed.dedup();
        Self {
            index: index.to_owned(),
            file: file.to_owned(),
            offset: streams.first().map_or(0, |stream| stream.range.start),
            missing: streams
                .iter()
                .flat_map(|stream| stream.wanted.iter().map(|page| (*page, stream.range.start)))
                .collect(),
            listed,
            n_listed: streams.iter().map(|stream| u64::from(stream.n_pages)).sum(),
            n_found: 0,
        }
    }

    /// Takes a page that was found, wanted or not. Fails if it is wanted and not listed.
    pub fn found(&mut self, page: u32, is_wanted: bool) -> Result<(), DumpError> {
        self.n_found += 1;
        self.missing.remove(&page);
        if is_wanted && self.listed.binary_search(&page).is_err() {
            let (offset, file) = (self.offset, self.file.clone());
            return Err(self.error(IndexFault::UnlistedPage { page, offset, file }));
        }
        Ok(())
    }

    /// Ends the streams. Fails if a wanted page is missing, or if more or fewer pages were found
    /// than are listed.
    ///
    /// `n_unreadable` pages were met that have no number that could be read: malformed or cut off.
    /// As many may be missing. If something was passed over, all of them may.
    pub fn end(self, n_unreadable: u64) -> Result<(), DumpError> {
        let (offset, file) = (self.offset, self.file.clone());
        match self.missing.first_key_value() {
            Some((&page, &offset)) if n_unreadable < self.missing.len() as u64 => {
                Err(self.error(IndexFault::MissingPage { page, offset, file }))
            }
            _ if self.n_listed < self.n_found || self.n_found + n_unreadable < self.n_listed => {
                let (n_listed, n_found) = (self.n_listed, self.n_found);
                Err(self.error(IndexFault::OtherNumber { n_listed, n_found, offset, file }))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, fault: IndexFault) -> DumpError {
        DumpError { path: self.index.clone(), kind: DumpErrorKind::Index(fault) }
    }
}
