//! Rows in one flat file: tokens are read where they lie, and only a short index is in memory.
//!
//! The rows of a corpus are compressed, in many shards, and sorted by pair; a shuffled order would open a shard for every
//! row. So a run copies them once into its directory. `unsafe` is forbidden here, and so is a memory map: rows are read
//! with positioned reads, which threads share without a lock.

use std::{
    io,
    path::{Path, PathBuf},
};

use crossic_operators::record::Digest;
use fs_err::os::unix::fs::FileExt;

use crate::{
    data::{
        corpus::{CorpusInfo, Row, Rows},
        memory_rows::no_such_row,
        row_file::{self, Index, Paths},
    },
    error::{Error, Result},
};

/// The rows of a corpus in two files of the run directory: `cache/rows-….tokens` and `cache/rows-….index`.
///
/// Memory: 44 bytes a row. Disk: 4 bytes a token, 12 a span, 48 a row.
#[derive(Debug)]
pub struct PackedRows {
    index: Index,
    tokens: fs_err::File,
    path: PathBuf,
    key: [u8; 32],
}

impl PackedRows {
    /// Opens the rows that an earlier run packed in its directory `run`; packs them where there are none, or where what
    /// there is has been damaged or belongs to another corpus. `rows` is touched only then, and `told` hears the
    /// numbers of rows and tokens so far after every row.
    ///
    /// # Errors
    ///
    /// As [`PackedRows::write`], and the files cannot be read.
    pub fn open_or_write(
        run: &Path,
        info: &CorpusInfo,
        rows: &mut dyn Iterator<Item = Result<Row>>,
        told: &mut dyn FnMut(u64, u64),
    ) -> Result<PackedRows> {
        match PackedRows::open(run, info) {
            Err(Error::File { .. }) => PackedRows::write(run, info, rows, told),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                PackedRows::write(run, info, rows, told)
            }
            opened => opened,
        }
    }

    /// Opens rows that were packed earlier. The index is read as a whole; a row is checked when it is read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there are none or they cannot be read, [`Error::File`] where they are not whole or belong to
    /// another corpus.
    pub fn open(run: &Path, info: &CorpusInfo) -> Result<PackedRows> {
        let paths = Paths::of(run, info);
        let (index, tokens) = row_file::open(&paths, info)?;
        Ok(PackedRows { index, tokens, path: paths.tokens, key: row_file::corpus_key(info) })
    }

    /// Packs rows. What was there of this corpus is replaced; a run that dies leaves nothing that is opened later.
    ///
    /// # Errors
    ///
    /// `rows` gives an error; a row does not fit the corpus: a token that the tokenizer lacks, no closing token, more
    /// than N tokens in a segment, spans out of order; or the disk fails.
    pub fn write(
        run: &Path,
        info: &CorpusInfo,
        rows: &mut dyn Iterator<Item = Result<Row>>,
        told: &mut dyn FnMut(u64, u64),
    ) -> Result<PackedRows> {
        let paths = Paths::of(run, info);
        let index = row_file::write(&paths, info, rows, told)?;
        let tokens = fs_err::File::open(&paths.tokens)?;
        Ok(PackedRows { index, tokens, path: paths.tokens, key: row_file::corpus_key(info) })
    }
}

impl Rows for PackedRows {
    fn len(&self) -> usize {
        self.index.ids.len()
    }

    fn length(&self, row: usize) -> usize {
        self.index.lengths.get(row).map_or(0, |it| *it as usize)
    }

    fn id(&self, row: usize) -> Digest {
        self.index.ids.get(row).copied().unwrap_or_default()
    }

    fn pair(&self, row: usize) -> Digest {
        self.index.pairs.get(row).copied().unwrap_or_default()
    }

    fn read(&self, row: usize) -> Result<Row> {
        let place = self.index.ends.get(row).zip(self.index.lengths.get(row));
        let (&end, &length) = place.ok_or_else(|| no_such_row(row, self.len()))?;
        let before = row.checked_sub(1).and_then(|it| self.index.ends.get(it));
        let start = before.copied().unwrap_or(row_file::HEADER_WORDS);
        let mut bytes = vec![0; 4 * end.saturating_sub(start) as usize];
        self.tokens.read_exact_at(&mut bytes, 4 * start)?;
        let id = self.id(row);
        row_file::decode(&self.key, id, self.pair(row), length, &bytes).ok_or_else(|| {
            let what = format!("is damaged at byte {}, in row {id}", 4 * start);
            Error::file(&self.path, what, row_file::AGAIN)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::{
        corpus::{LanguageSpan, RowKind},
        testing::{assert_same_rows, info, row},
    };

    fn untouched() -> impl Iterator<Item = Result<Row>> {
        std::iter::from_fn(|| panic!("nothing was to be packed"))
    }

    fn pack(run: &Path, rows: &[Row]) -> Result<PackedRows> {
        let mut rows = rows.iter().cloned().map(Ok);
        PackedRows::write(run, &info(RowKind::Segments), &mut rows, &mut |_, _| ())
    }

    fn rows(n: u32) -> Vec<Row> {
        (0..n).map(|it| row(it, 3 + it as usize)).collect()
    }

    fn names(run: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(run.join("cache")).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn rows_are_packed_once() {
        let run = tempfile::tempdir().unwrap();
        let (info, rows) = (info(RowKind::Segments), rows(4));
        let mut heard = Vec::new();
        let mut source = rows.iter().cloned().map(Ok);
        let mut told = |n_rows, n_tokens| heard.push((n_rows, n_tokens));
        let packed = PackedRows::open_or_write(run.path(), &info, &mut source, &mut told).unwrap();
        assert_same_rows(&packed, &rows);
        assert_eq!(heard, [(1, 3), (2, 7), (3, 12), (4, 18)]);
        assert_eq!(
            names(run.path()),
            ["rows-c0ffee0123456789.index", "rows-c0ffee0123456789.tokens"]
        );
        let again =
            PackedRows::open_or_write(run.path(), &info, &mut untouched(), &mut |_, _| ()).unwrap();
        assert_same_rows(&again, &rows);
        assert!(again.read(4).unwrap_err().to_string().contains("row 4"));
    }

    #[test]
    fn a_corpus_without_rows_is_packed_too() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(pack(run.path(), &[]).unwrap().len(), 0);
        assert_eq!(PackedRows::open(run.path(), &info(RowKind::Segments)).unwrap().len(), 0);
    }

    #[test]
    fn files_of_another_corpus_are_made_again() {
        let run = tempfile::tempdir().unwrap();
        pack(run.path(), &rows(4)).unwrap();
        let mut other = info(RowKind::Segments);
        other.digest.push_str("-another");
        let error = PackedRows::open(run.path(), &other).unwrap_err();
        assert!(error.to_string().contains("not a file of this corpus"), "{error}");
        let few = rows(2);
        let mut source = few.iter().cloned().map(Ok);
        let packed =
            PackedRows::open_or_write(run.path(), &other, &mut source, &mut |_, _| ()).unwrap();
        assert_same_rows(&packed, &few);
        // The tokens alone are foreign.
        let paths = Paths::of(run.path(), &other);
        let kept = fs_err::read(&paths.index).unwrap();
        pack(run.path(), &few).unwrap();
        fs_err::write(&paths.index, kept).unwrap();
        assert!(PackedRows::open(run.path(), &other).is_err());
    }

    #[test]
    fn a_run_that_dies_while_it_packs_leaves_nothing_that_is_opened() {
        let run = tempfile::tempdir().unwrap();
        let mut source = rows(4).into_iter().map(|it| match it.ids.len() {
            5 => Err(Error::refused("a torn shard", "")),
            _ => Ok(it),
        });
        let (info, rows) = (info(RowKind::Segments), rows(4));
        PackedRows::write(run.path(), &info, &mut source, &mut |_, _| ()).unwrap_err();
        assert_eq!(names(run.path()), [""; 0]);
        // As after `kill -9` between the two renames, and in the middle of the first file.
        pack(run.path(), &rows).unwrap();
        let paths = Paths::of(run.path(), &info);
        fs_err::remove_file(&paths.index).unwrap();
        fs_err::write(run.path().join("cache/rows-c0ffee0123456789.tokens.tmp"), b"half").unwrap();
        assert!(PackedRows::open(run.path(), &info).is_err());
        let mut source = rows.iter().cloned().map(Ok);
        let packed = PackedRows::open_or_write(run.path(), &info, &mut source, &mut |_, _| ());
        assert_same_rows(&packed.unwrap(), &rows);
        assert_eq!(names(run.path()).len(), 2);
    }

    #[test]
    fn an_index_never_outlives_its_tokens() {
        let run = tempfile::tempdir().unwrap();
        let mut rows = rows(4);
        pack(run.path(), &rows).unwrap();
        // The second file cannot be made once the first has its new name.
        let index = run.path().join("cache/rows-c0ffee0123456789.index.tmp");
        fs_err::create_dir(&index).unwrap();
        rows[2].ids[0] += 1;
        pack(run.path(), &rows).unwrap_err();
        let error = PackedRows::open(run.path(), &info(RowKind::Segments)).unwrap_err();
        assert!(matches!(&error, Error::Io(it) if it.kind() == io::ErrorKind::NotFound), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("file");
        fs_err::write(&path, b"").unwrap();
        let error = pack(&path, &rows(1)).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_leaves_nothing() {
        let run = tempfile::tempdir().unwrap();
        let cache = run.path().join("cache");
        fs_err::create_dir(&cache).unwrap();
        let aside = cache.join("rows-c0ffee0123456789.tokens.tmp");
        fs_err::os::unix::fs::symlink("/dev/full", &aside).unwrap();
        let error = pack(run.path(), &rows(4)).unwrap_err().to_string();
        assert!(error.contains("tokens.tmp") && error.contains("No space left"), "{error}");
        assert_eq!(names(run.path()), [""; 0]);
    }

    #[test]
    fn rows_that_do_not_fit_the_corpus_are_refused() {
        let check = |change: fn(&mut Row), expected: &str| {
            let run = tempfile::tempdir().unwrap();
            let mut rows = rows(3);
            change(&mut rows[1]);
            let error = pack(run.path(), &rows).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains(&rows[1].id.to_string()), "{error}");
            assert_eq!(names(run.path()), [""; 0]);
        };
        check(|it| it.ids[0] = 512, "holds token 512, but the tokenizer has 512");
        check(|it| it.ids.clear(), "does not end in `[SPLIT]`");
        check(|it| *it.ids.last_mut().unwrap() = 7, "does not end in `[SPLIT]`");
        check(|it| it.ids.splice(0..0, [1; 64]).for_each(drop), "but 64 are the most");
        check(|it| it.spans[0].end = 99, "a span of tokens 0..99");
        check(|it| it.spans[0].language = 2, "language 2");
        check(|it| it.spans.push(LanguageSpan { language: 1, start: 0, end: 1 }), "tokens 0..1");
    }

    fn some_row() -> impl Strategy<Value = Row> {
        let spans = prop::collection::vec((0_u16..2, any::<bool>()), 0..3);
        (any::<[u64; 4]>(), prop::collection::vec(0_u32..512, 3..40), spans).prop_map(
            |([a, b, c, d], mut ids, spans)| {
                ids.push(600);
                let spans = spans.into_iter().enumerate().map(|(n, (language, empty))| {
                    let start = n as u32;
                    LanguageSpan { language, start, end: start + u32::from(!empty) }
                });
                Row { id: Digest([a, b]), pair: Digest([c, d]), ids, spans: spans.collect() }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_rows_come_back(rows in prop::collection::vec(some_row(), 0..20)) {
            let run = tempfile::tempdir().unwrap();
            assert_same_rows(&pack(run.path(), &rows).unwrap(), &rows);
            assert_same_rows(&PackedRows::open(run.path(), &info(RowKind::Segments)).unwrap(), &rows);
        }

        /// One byte is changed, or the file is cut short or grown: it is refused when it is opened, or when the row is
        /// read; no wrong token comes out.
        #[test]
        fn damage_is_found(
            rows in prop::collection::vec(some_row(), 1..6), of_index in any::<bool>(),
            place in any::<prop::sample::Index>(), bits in 1_u8.., way in 0..3,
        ) {
            let run = tempfile::tempdir().unwrap();
            pack(run.path(), &rows).unwrap();
            let info = info(RowKind::Segments);
            let paths = Paths::of(run.path(), &info);
            let path = if of_index { paths.index } else { paths.tokens };
            let mut bytes = fs_err::read(&path).unwrap();
            let place = place.index(bytes.len());
            match way {
                0 => bytes[place] ^= bits,
                1 => bytes.truncate(place),
                _ => bytes.extend(vec![0; 1 + usize::from(bits)]),
            }
            fs_err::write(&path, &bytes).unwrap();
            match PackedRows::open(run.path(), &info) {
                Err(Error::File { .. }) => (),
                Err(other) => panic!("another error: {other}"),
                Ok(packed) => {
                    prop_assert!(!of_index && way == 0, "a file of the wrong length was opened");
                    let mut n_refused = 0;
                    for (number, row) in rows.iter().enumerate() {
                        match packed.read(number) {
                            Ok(found) => prop_assert_eq!(&found, row),
                            Err(Error::File { .. }) => n_refused += 1,
                            Err(other) => panic!("another error: {other}"),
                        }
                    }
                    prop_assert_eq!(n_refused, 1);
                }
            }
            let mut source = rows.iter().cloned().map(Ok);
            if of_index || way != 0 {
                let packed = PackedRows::open_or_write(run.path(), &info, &mut source, &mut |_, _| ());
                assert_same_rows(&packed.unwrap(), &rows);
            }
        }
    }
}
