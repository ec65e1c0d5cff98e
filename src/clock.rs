//! Where the time of a run goes, for the terminal only: nothing of it reaches a corpus.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// What a worker may be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Reading the rows of the last build.
    Remember,
    /// Reading SQL tables, decompression included.
    Tables,
    /// Reading indexes and hashing streams.
    Index,
    /// Decompressing and scanning article XML.
    Decompress,
    /// Cleaning wikitext.
    Clean,
    /// Writing packs.
    Pack,
    /// Reading texts from packs, tokenising and splitting.
    Split,
    /// Copying rows of the last build.
    Copy,
    /// Writing shards.
    Write,
    /// Making vectors of documents, and graphs of vectors.
    Encode,
    /// Searching documents for articles.
    Search,
}

/// Every activity and its name.
pub const ALL: &[(Activity, &str)] = &[
    (Activity::Remember, "remembering"),
    (Activity::Tables, "tables"),
    (Activity::Index, "indexing"),
    (Activity::Decompress, "decompressing"),
    (Activity::Clean, "cleaning"),
    (Activity::Pack, "packing"),
    (Activity::Split, "tokenising"),
    (Activity::Copy, "copying"),
    (Activity::Write, "writing"),
    (Activity::Encode, "encoding"),
    (Activity::Search, "searching"),
];

static NANOS: [AtomicU64; 11] = [const { AtomicU64::new(0) }; 11];

/// Counts the time until it is dropped.
#[derive(Debug)]
pub struct Running {
    activity: Activity,
    start: Instant,
}

/// Starts to count time under an activity.
pub fn start(activity: Activity) -> Running {
    Running { activity, start: Instant::now() }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(nanos) = NANOS.get(self.activity as usize) {
            nanos.fetch_add(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
    }
}

/// Returns the seconds spent in each activity, over all workers of the process.
pub fn seconds() -> Vec<(&'static str, f64)> {
    ALL.iter()
        .map(|(activity, name)| {
            let nanos = NANOS.get(*activity as usize).map_or(0, |it| it.load(Ordering::Relaxed));
            (*name, nanos as f64 / 1e9)
        })
        .collect()
}
