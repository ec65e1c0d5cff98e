//! What the last build left of one source: sorted rows of its tables, and what its articles were.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crossic_operators::record::{Digest, PageId};
use rustc_hash::FxHashMap;

use super::Snapshot;
use crate::{
    error::Result,
    store::{arrow_file::RowReader, row::Row, snapshot, tables::ArticleRow},
};

/// The stream that each page was read from; `None` for a page that the dump lacked.
pub(super) type Streams = FxHashMap<PageId, Option<Digest>>;

/// The rows that the last build left of one source; empty where there was none.
#[derive(Debug, Default)]
pub struct Before {
    tables: BTreeMap<String, PathBuf>,
    same_files: bool,
    streams: OnceLock<Streams>,
}

impl Before {
    /// Returns what the snapshots of a corpus directory say of a source.
    ///
    /// `articles` tells whether cleaning has not changed since; `same_files` whether the article
    /// files are, byte for byte, those of the last build.
    pub fn new(
        dir: &Path,
        snapshots: &[Snapshot],
        source: &str,
        articles: bool,
        same_files: bool,
    ) -> Before {
        let tables = snapshots
            .iter()
            .filter(|it| it.source == source && (articles || it.table != ArticleRow::TABLE))
            .map(|it| (it.table.clone(), dir.join(&it.file)))
            .collect();
        Before { tables, same_files, streams: OnceLock::new() }
    }

    /// Returns the rows of a table, in order.
    pub fn rows<S: Row>(&self) -> Result<Option<RowReader<S>>> {
        let path = self.tables.get(S::TABLE);
        Ok(path.map(|path| snapshot::rows(path)).transpose()?)
    }

    /// Returns whether the article files are those of the last build.
    pub fn same_files(&self) -> bool {
        self.same_files && self.tables.contains_key(ArticleRow::TABLE)
    }

    /// Returns the stream that each page of the last build was read from; all zeros where streams
    /// were not told apart.
    pub(super) fn streams(&self) -> Result<&Streams> {
        if let Some(streams) = self.streams.get() {
            return Ok(streams);
        }
        let mut streams = Streams::default();
        if let Some(rows) = self.rows::<ArticleRow>()? {
            for row in rows {
                let row = row?;
                streams.insert(row.page, (row.state != "missing").then_some(row.stream));
            }
        }
        // Another worker may have been faster; both read the same file.
        Ok(self.streams.get_or_init(|| streams))
    }
}
