//! Some of the rows of a corpus, as rows of their own: those that are learned, held back, or new.

use std::sync::Arc;

use crossic_operators::record::Digest;

use crate::{
    data::corpus::{Row, Rows},
    error::Result,
};

/// Rows of a corpus by their numbers there; 4 bytes a row.
pub struct Subset {
    rows: Arc<dyn Rows>,
    numbers: Vec<u32>,
}

impl Subset {
    /// Returns the rows with these numbers, in the order of the list. A number that the corpus lacks is left out.
    pub fn new(rows: Arc<dyn Rows>, mut numbers: Vec<u32>) -> Subset {
        numbers.retain(|it| (*it as usize) < rows.len());
        Subset { rows, numbers }
    }

    fn number(&self, row: usize) -> usize {
        // A row beyond the end is one beyond the end of the corpus too, which says so when it is read.
        self.numbers.get(row).map_or(usize::MAX, |it| *it as usize)
    }
}

impl Rows for Subset {
    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn length(&self, row: usize) -> usize {
        self.rows.length(self.number(row))
    }

    fn id(&self, row: usize) -> Digest {
        self.rows.id(self.number(row))
    }

    fn pair(&self, row: usize) -> Digest {
        self.rows.pair(self.number(row))
    }

    fn read(&self, row: usize) -> Result<Row> {
        self.rows.read(self.number(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{assert_same_rows, rows_of};

    #[test]
    fn a_subset_is_rows_of_its_own() {
        let rows = rows_of(&[3, 5, 7, 9]);
        let subset = Subset::new(rows.clone(), vec![3, 0, 9]);
        assert_eq!(subset.len(), 2, "there is no row 9");
        assert_same_rows(&subset, &[rows.read(3).unwrap(), rows.read(0).unwrap()]);
        assert!(subset.read(2).is_err());
        let inner = Subset::new(Arc::new(subset), vec![1]);
        assert_same_rows(&inner, &[rows.read(0).unwrap()]);
    }
}
