//! Articles from parquet files with the columns of `wikimedia/wikipedia`: `id`, `title`, `text`.
//!
//! Reads a row group, or a part of it, at a time, and only these columns.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::error::PolarsError;
use polars::io::SerReader;
use polars::io::parquet::metadata::FileMetadataRef;
use polars::io::parquet::read::{ParallelStrategy, ParquetReader, infer_schema};
use polars::prelude::{Column, DataFrame, DataType, StringChunked};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema};

use super::parquet_pages;
use crate::storage;

/// The most rows of a batch.
const BATCH_ROWS: usize = 2_000;

/// The columns that are read; the others, such as `url`, are left alone.
const COLUMNS: [&str; 3] = ["id", "title", "text"];

/// An article as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetArticle {
    /// Page id.
    pub id: u32,
    /// Title.
    pub title: String,
    /// Text, its paragraphs parted by line ends; empty where the file has none.
    pub text: String,
}

/// A row that is no article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedRow {
    /// Position of the row in the file, from 0.
    pub row: u64,
    /// What is wrong with it, in the words of a reject's reason.
    pub reason: &'static str,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The system refused an operation; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is behind a URL, where the parquet library would read it whole for every batch.
    #[error("`{}`: parquet files are read from local paths only\nhint: download the file and give its path", path.display())]
    Remote {
        /// The URL.
        path: PathBuf,
    },
    /// The parquet library could not read the file.
    #[error("cannot read `{}` as parquet\nhint: fetch the file anew, it may be cut short", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The library's own error.
        #[source]
        source: PolarsError,
    },
    /// The parquet library gave up on the file in a way that it does not report.
    #[error("`{}` is damaged: the parquet library stopped at row group {group}\nhint: fetch the file anew", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
        /// The row group that was being read, counted from 1; 0 while the file was opened.
        group: usize,
    },
    /// A column claims what cannot be.
    #[error("`{}` is damaged in column `{column}` of row group {group}: {what}\nhint: fetch the file anew", path.display())]
    Pages {
        /// The file.
        path: PathBuf,
        /// The row group, counted from 1.
        group: usize,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A column is missing.
    #[error("`{}` has no column `{column}`; it has {found}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
        /// The columns it has.
        found: String,
    },
    /// A column has a type that cannot be read.
    #[error("column `{column}` of `{}` is {found}, not {expected}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The type it has.
        found: String,
        /// The types it may have.
        expected: &'static str,
    },
    /// No row has an id.
    #[error("column `id` of `{}` holds no page id in its first {n_rows} rows", path.display())]
    NoIds {
        /// The file.
        path: PathBuf,
        /// The rows that were read.
        n_rows: usize,
    },
}

/// A parquet file of articles, read in order.
pub struct ArticleParquet {
    path: PathBuf,
    file: File,
    metadata: FileMetadataRef,
    group: usize,
    /// Rows of the group that have been read.
    n_group_rows_read: usize,
    n_rows_read: u64,
    n_bytes: u64,
    malformed: Vec<MalformedRow>,
    n_malformed: u64,
}

impl ArticleParquet {
    /// Opens a file and checks that it has the columns of an article file.
    pub fn open(path: &Path) -> Result<ArticleParquet, ParquetError> {
        if storage::is_url(path) {
            return Err(ParquetError::Remote { path: path.to_path_buf() });
        }
        let file = fs_err::File::open(path)?;
        let n_bytes = file.metadata()?.len();
        let mut file = file.into_file();
        let (metadata, schema) = head(path, &mut file)?;
        for column in COLUMNS {
            let Some(field) = schema.get(column) else {
                let found: Vec<String> =
                    schema.iter_names().map(|name| format!("`{name}`")).collect();
                let (path, found) = (path.to_path_buf(), found.join(", "));
                return Err(ParquetError::NoColumn { path, column, found });
            };
            check_type(path, column, &field.dtype)?;
        }
        Ok(ArticleParquet {
            path: path.to_path_buf(),
            file,
            metadata,
            group: 0,
            n_group_rows_read: 0,
            n_rows_read: 0,
            n_bytes,
            malformed: Vec::new(),
            n_malformed: 0,
        })
    }

    /// Puts the next articles into `articles`, replacing what it held; returns whether the file had any rows left.
    pub fn next_batch(&mut self, articles: &mut Vec<ParquetArticle>) -> Result<bool, ParquetError> {
        articles.clear();
        self.malformed.clear();
        let Some(n_group_rows) = self.skip_finished_groups() else {
            return Ok(false);
        };
        if self.n_group_rows_read == 0 {
            for column in COLUMNS {
                let of = (self.path.as_path(), &self.file);
                // What the library makes of the metadata may panic, too.
                let checked = guarded(&self.path, self.group + 1, || {
                    Ok(parquet_pages::check_column(of, &self.metadata, (self.group, column)))
                })?;
                checked?;
            }
        }
        let n_rows = BATCH_ROWS.min(n_group_rows - self.n_group_rows_read);
        let frame = self.read(self.n_group_rows_read, n_rows)?;
        let path = self.path.clone();
        guarded(&path, self.group + 1, || self.take_articles(&frame, articles))?;
        if articles.is_empty() && self.n_rows_read == 0 {
            return Err(ParquetError::NoIds { path: self.path.clone(), n_rows });
        }
        self.n_group_rows_read += n_rows;
        self.n_rows_read += n_rows as u64;
        self.n_malformed += self.malformed.len() as u64;
        Ok(true)
    }

    /// Returns the rows of the last batch that are no articles.
    pub fn malformed(&self) -> &[MalformedRow] {
        &self.malformed
    }

    /// Returns the number of rows read so far that are no articles.
    pub fn n_malformed(&self) -> u64 {
        self.n_malformed
    }

    /// Returns the number of rows of the file.
    pub fn n_rows(&self) -> u64 {
        self.metadata.num_rows as u64
    }

    /// Returns the number of rows read so far, for progress.
    pub fn n_rows_read(&self) -> u64 {
        self.n_rows_read
    }

    /// Returns the size of the file in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Moves on to the first row group with rows left, and returns its number of rows.
    fn skip_finished_groups(&mut self) -> Option<usize> {
        loop {
            let n_rows = self.metadata.row_groups.get(self.group)?.num_rows();
            if self.n_group_rows_read < n_rows {
                return Some(n_rows);
            }
            self.group += 1;
            self.n_group_rows_read = 0;
        }
    }

    /// Reads some rows of the current group.
    fn read(&mut self, start: usize, n_rows: usize) -> Result<DataFrame, ParquetError> {
        // The reader walks all groups up to the slice, so it is shown this one alone.
        let mut metadata = self.metadata.as_ref().clone();
        metadata.row_groups = metadata.row_groups.into_iter().skip(self.group).take(1).collect();
        metadata.num_rows = metadata.row_groups.iter().map(|group| group.num_rows()).sum();
        let file = &mut self.file;
        guarded(&self.path, self.group + 1, move || {
            let mut reader = ParquetReader::new(file)
                .with_columns(Some(COLUMNS.map(str::to_owned).to_vec()))
                .with_slice(Some((start, n_rows)))
                .read_parallel(ParallelStrategy::None);
            reader.set_metadata(Arc::new(metadata));
            reader.finish()
        })
    }

    fn take_articles(
        &mut self,
        frame: &DataFrame,
        articles: &mut Vec<ParquetArticle>,
    ) -> Result<(), PolarsError> {
        let [ids, titles, texts] = COLUMNS.map(|name| frame.column(name));
        let ids = page_ids(ids?)?;
        let (titles, texts) = (strings(titles)?, strings(texts)?);
        let first_row = self.n_rows_read;
        for (row, ((id, title), text)) in (first_row..).zip(ids.into_iter().zip(titles).zip(texts))
        {
            match (id, title) {
                (Ok(id), Some(title)) => articles.push(ParquetArticle {
                    id,
                    title: title.to_owned(),
                    text: text.unwrap_or_default().to_owned(),
                }),
                (Ok(_), None) => self.malformed.push(MalformedRow { row, reason: "no-title" }),
                (Err(reason), _) => self.malformed.push(MalformedRow { row, reason }),
            }
        }
        Ok(())
    }
}

/// Returns what a file says of itself: its metadata, and the schema in it.
pub(in crate::dump) fn head(
    path: &Path,
    file: &mut File,
) -> Result<(FileMetadataRef, ArrowSchema), ParquetError> {
    guarded(path, 0, || {
        let mut reader = ParquetReader::new(file);
        let metadata = reader.get_metadata()?.clone();
        let schema = infer_schema(&metadata)?;
        Ok((metadata, schema))
    })
}

/// Calls the parquet library, which panics over some damaged files, and returns an error for that too.
pub(in crate::dump) fn guarded<T>(
    path: &Path,
    group: usize,
    call: impl FnOnce() -> Result<T, PolarsError>,
) -> Result<T, ParquetError> {
    let path = || path.to_path_buf();
    // What the call had its hands on is not used again: the reader is done for after an error.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(ParquetError::Unreadable { path: path(), source }),
        Err(_) => Err(ParquetError::Stopped { path: path(), group }),
    }
}

fn check_type(
    path: &Path,
    column: &'static str,
    dtype: &ArrowDataType,
) -> Result<(), ParquetError> {
    use ArrowDataType::{Int32, Int64, LargeUtf8, UInt32, UInt64, Utf8, Utf8View};
    let expected = match (column, dtype) {
        (_, Utf8 | LargeUtf8 | Utf8View) => return Ok(()),
        ("id", Int32 | Int64 | UInt32 | UInt64) => return Ok(()),
        ("id", _) => "a string or an integer of 32 or 64 bits",
        _ => "a string",
    };
    let (path, found) = (path.to_path_buf(), format!("{dtype:?}"));
    Err(ParquetError::WrongType { path, column, found, expected })
}

/// Returns the page id of each row, or the reason why there is none.
fn page_ids(column: &Column) -> Result<Vec<Result<u32, &'static str>>, PolarsError> {
    let id = |id: Option<Option<u32>>| match id {
        Some(Some(id)) => Ok(id),
        Some(None) => Err("bad-id"),
        None => Err("no-id"),
    };
    match column.dtype() {
        DataType::String => {
            Ok(column.str()?.iter().map(|text| id(text.map(|text| text.parse().ok()))).collect())
        }
        DataType::UInt64 => {
            Ok(column.u64()?.iter().map(|n| id(n.map(|n| u32::try_from(n).ok()))).collect())
        }
        _ => {
            let numbers = column.cast(&DataType::Int64)?;
            Ok(numbers.i64()?.iter().map(|n| id(n.map(|n| u32::try_from(n).ok()))).collect())
        }
    }
}

fn strings(
    column: Result<&Column, PolarsError>,
) -> Result<impl Iterator<Item = Option<&str>>, PolarsError> {
    column?.str().map(StringChunked::iter)
}

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;
