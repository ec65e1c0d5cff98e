//! Snapshots: the rows of an input table, sorted, so that the next run can merge against them.
//!
//! A file depends on the rows alone, each as often as it came, in whatever order they came. Rows in order stream through; what comes out
//! of order is sorted in runs of bounded size, put aside and merged in at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::io::Staged;
use crate::store::StoreError;
use crate::store::arrow_file::{RowReader, RowWriter};
use crate::store::row::Row;

/// Rows of a record batch of a snapshot.
const BATCH_ROWS: usize = 65_536;

/// The most rows that came out of order and are held in memory.
const RUN_ROWS: usize = 1_000_000;

/// Rows of a record batch of a run: a merge holds one batch of every run.
const RUN_BATCH_ROWS: usize = 4_096;

/// Hexadecimal digits of the hash in the name of a snapshot.
const HASH_DIGITS: usize = 16;

/// A finished snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Name of the file.
    pub file: String,
    /// BLAKE3 hash of its content, 64 hexadecimal digits.
    pub hash: String,
    /// Its rows.
    pub rows: u64,
}

/// Writes one snapshot.
pub struct SnapshotWriter<R> {
    dir: PathBuf,
    ordered: RowWriter<R>,
    run: Vec<R>,
    runs: Vec<Staged>,
    run_rows: usize,
}

impl<R: Row + Ord> SnapshotWriter<R> {
    /// Starts a snapshot in `dir`, which is created if it is missing.
    pub fn create(dir: &Path) -> Result<SnapshotWriter<R>, StoreError> {
        SnapshotWriter::with_runs(dir, RUN_ROWS)
    }

    /// Starts a snapshot of rows so large that no more than `run_rows` out of order can be held.
    pub fn with_runs(dir: &Path, run_rows: usize) -> Result<SnapshotWriter<R>, StoreError> {
        let ordered = RowWriter::create(dir, BATCH_ROWS)?;
        Ok(SnapshotWriter {
            dir: dir.to_path_buf(),
            ordered,
            run: Vec::new(),
            runs: Vec::new(),
            run_rows,
        })
    }

    /// Adds a row, in any order.
    pub fn push(&mut self, row: R) -> Result<(), StoreError> {
        match self.ordered.last() {
            Some(last) if row < *last => {
                self.run.push(row);
                if self.run_rows <= self.run.len() { self.spill() } else { Ok(()) }
            }
            _ => self.ordered.push(row),
        }
    }

    /// Makes the snapshot durable as `<name>-<first 16 digits of its hash>.arrow`.
    pub fn finish(mut self, name: &str) -> Result<SnapshotInfo, StoreError> {
        if !self.run.is_empty() {
            self.spill()?;
        }
        let mut n_rows = self.ordered.n_rows();
        let mut staged = self.ordered.finish()?;
        if !self.runs.is_empty() {
            self.runs.push(staged);
            let merged = merge::<R>(&self.dir, &mut self.runs)?;
            n_rows = merged.n_rows();
            staged = merged.finish()?;
        }
        let file_name = |hash: &str| {
            let (digits, _) = hash.split_at_checked(HASH_DIGITS).unwrap_or((hash, ""));
            format!("{name}-{digits}.arrow")
        };
        let (_, hash) = staged.seal(file_name)?;
        Ok(SnapshotInfo { file: file_name(&hash), hash, rows: n_rows })
    }

    /// Sorts the rows at hand and puts them aside.
    fn spill(&mut self) -> Result<(), StoreError> {
        self.run.sort_unstable();
        let mut writer = RowWriter::create(&self.dir, RUN_BATCH_ROWS)?;
        for row in self.run.drain(..) {
            writer.push(row)?;
        }
        self.runs.push(writer.finish()?);
        Ok(())
    }
}

/// Merges sorted files into one.
fn merge<R: Row + Ord>(dir: &Path, runs: &mut [Staged]) -> Result<RowWriter<R>, StoreError> {
    let mut sources = Vec::with_capacity(runs.len());
    let mut heap = BinaryHeap::with_capacity(runs.len());
    for (number, run) in runs.iter_mut().enumerate() {
        let mut source = RowReader::<R>::of_file(run.reopen()?)?;
        if let Some(row) = source.next() {
            heap.push(Reverse((row?, number)));
        }
        sources.push(source);
    }
    let mut writer = RowWriter::create(dir, BATCH_ROWS)?;
    while let Some(Reverse((row, number))) = heap.pop() {
        if let Some(next) = sources.get_mut(number).and_then(Iterator::next) {
            heap.push(Reverse((next?, number)));
        }
        writer.push(row)?;
    }
    Ok(writer)
}

/// Returns the rows of a snapshot in order, read batch by batch. Fails if the file is damaged or of another table.
pub fn rows<R: Row>(path: &Path) -> Result<RowReader<R>, StoreError> {
    RowReader::open(path)
}

#[cfg(test)]
mod tests {
    use crossic_operators::{
        record::Digest,
        wikitext::{ArticleResidue, Residue},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::io::tests::failing_after;
    use crate::store::tables::{ArticleRow, LinkRow, PageRow, PropRow, RedirectRow};

    fn snapshot<R: Row + Ord>(dir: &Path, rows: Vec<R>, run_rows: usize) -> SnapshotInfo {
        let mut writer = SnapshotWriter::with_runs(dir, run_rows).unwrap();
        for row in rows {
            writer.push(row).unwrap();
        }
        writer.finish("table").unwrap()
    }

    fn check<R: Row + Ord + Clone + std::fmt::Debug>(rows: Vec<R>) {
        let dir = tempfile::tempdir().unwrap();
        let info = snapshot(dir.path(), rows.clone(), 3);
        let read: Result<Vec<R>, _> = super::rows(&dir.path().join(&info.file)).unwrap().collect();
        let mut expected = rows;
        expected.sort();
        assert_eq!(info.rows, expected.len() as u64);
        assert_eq!(read.unwrap(), expected);
        // Sorted or not, the bytes are the same, and nothing is left aside.
        assert_eq!(snapshot(dir.path(), expected, 3), info);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_names_its_path_and_leaves_nothing_aside() {
        let dir = tempfile::tempdir().unwrap();
        for n_steps in 0.. {
            let result = failing_after(n_steps, || {
                let mut writer = SnapshotWriter::with_runs(dir.path(), 2)?;
                for id in [5, 4, 3, 2, 1, 6] {
                    writer.push(page(id))?;
                }
                writer.finish("page")
            });
            let entries = fs_err::read_dir(dir.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            assert!(names.into_iter().all(|name| name.starts_with("page-")));
            match result {
                Ok(info) => return assert_eq!(info.rows, 6),
                Err(StoreError::Io(error)) => {
                    assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
                }
                Err(error) => panic!("not the error of the disk: {error:?}"),
            }
        }
    }

    fn page(id: u32) -> PageRow {
        PageRow { id, title: format!("ช้าง {id}"), redirect: id % 2 == 1, latest: u64::MAX }
    }

    #[test]
    fn every_table_survives() {
        check(Vec::<PageRow>::new());
        check(vec![page(3), page(3), page(1), page(u32::MAX), page(2), page(1)]);
        let link = |from, lang: &str| LinkRow { from, lang: lang.into(), title: "Слон".into() };
        check(vec![link(2, "th"), link(1, "th"), link(1, "ar"), link(1, "")]);
        let redirect = |from, namespace| RedirectRow {
            from,
            namespace,
            title: "Elephant".into(),
            fragment: String::new(),
            interwiki: "m".into(),
        };
        check(vec![redirect(1, 14), redirect(1, -1)]);
        check(vec![PropRow { page: 1, name: "disambiguation".into() }]);
        let article = |page| ArticleRow {
            page,
            state: "text".into(),
            digest: Digest::of(b"text"),
            revision: 1,
            n_chars: 2,
            n_paragraphs: 3,
            links: Digest::of(b"links"),
            stream: Digest::of(b"stream"),
            residue: ArticleResidue::new(&Residue { tags: 4, ..Residue::default() }, page),
        };
        check(vec![article(9), article(8), article(0)]);
    }

    #[test]
    fn rows_span_batches() {
        let n_rows = BATCH_ROWS as u32 + 10;
        check((0..n_rows).map(|id| PropRow { page: id, name: String::new() }).collect());
    }

    #[test]
    fn another_table_or_a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let info = snapshot(dir.path(), vec![page(1)], 3);
        let path = dir.path().join(&info.file);
        let error = rows::<LinkRow>(&path).err().unwrap().to_string();
        assert!(error.contains(&info.file) && error.contains("langlinks"), "{error}");
        let whole = fs_err::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[position] ^= 1;
            fs_err::write(&path, &bytes).unwrap();
            let error = rows::<PageRow>(&path).err().unwrap().to_string();
            assert!(error.contains(&info.file) && error.contains("hint: "), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_order_gives_the_same_rows(ids in prop::collection::vec(0u32..40, 0..60)) {
            check(ids.into_iter().map(page).collect());
        }
    }
}
