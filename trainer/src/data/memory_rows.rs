//! Rows that are all in memory: for small corpora, and for tests.

use crossic_operators::record::Digest;

use crate::{
    data::corpus::{Row, Rows},
    error::{Error, Result},
};

/// Rows in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryRows(Vec<Row>);

impl MemoryRows {
    /// Returns rows in the order of the list.
    pub fn new(rows: Vec<Row>) -> MemoryRows {
        MemoryRows(rows)
    }
}

impl Rows for MemoryRows {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn length(&self, row: usize) -> usize {
        self.0.get(row).map_or(0, |it| it.ids.len())
    }

    fn id(&self, row: usize) -> Digest {
        self.0.get(row).map_or(Digest::default(), |it| it.id)
    }

    fn pair(&self, row: usize) -> Digest {
        self.0.get(row).map_or(Digest::default(), |it| it.pair)
    }

    fn read(&self, row: usize) -> Result<Row> {
        let found = self.0.get(row).cloned();
        found.ok_or_else(|| no_such_row(row, self.0.len()))
    }
}

/// Returns the error for a row number beyond the end.
pub(crate) fn no_such_row(row: usize, n_rows: usize) -> Error {
    Error::refused(format!("there is no row {row} among {n_rows}"), "")
}
