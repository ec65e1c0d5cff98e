//! Documents from parquet files with the columns of Fineweb-edu, of which only the needed ones are read.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use polars::{
    error::PolarsError,
    io::{
        SerReader,
        parquet::{
            metadata::FileMetadataRef,
            read::{ParallelStrategy, ParquetReader},
        },
    },
    prelude::{DataFrame, DataType},
};
use polars_arrow::datatypes::ArrowDataType;

use super::{document::Row, error::DocumentsError, screen::Screen};
use crate::{
    dump::{
        parquet::{ParquetError, guarded, head},
        parquet_pages,
    },
    storage,
};

/// The most rows of a batch.
const BATCH_ROWS: usize = 20_000;

/// A parquet file of documents, read in order.
pub(super) struct DocumentParquet {
    path: PathBuf,
    file: File,
    metadata: FileMetadataRef,
    columns: Vec<&'static str>,
    group: usize,
    /// Rows of the group that have been read.
    n_group_rows_read: usize,
    n_rows_read: u64,
}

impl DocumentParquet {
    /// Opens a file and checks that it has the columns that are read and that the screen asks for.
    pub(super) fn open(path: &Path, screen: &Screen) -> Result<DocumentParquet, DocumentsError> {
        if storage::is_url(path) {
            return Err(ParquetError::Remote { path: path.to_path_buf() }.into());
        }
        let mut file = fs_err::File::open(path)?.into_file();
        let (metadata, schema) = head(path, &mut file)?;
        let columns = columns(screen);
        for &column in &columns {
            let Some(field) = schema.get(column) else {
                let found: Vec<String> =
                    schema.iter_names().map(|name| format!("`{name}`")).collect();
                let (path, found) = (path.to_path_buf(), found.join(", "));
                return Err(ParquetError::NoColumn { path, column, found }.into());
            };
            check_type(path, column, &field.dtype)?;
        }
        let path = path.to_path_buf();
        let (group, n_group_rows_read, n_rows_read) = (0, 0, 0);
        Ok(DocumentParquet { path, file, metadata, columns, group, n_group_rows_read, n_rows_read })
    }

    /// Appends the next rows, of about `n_bytes` together; returns whether the file had any left.
    pub(super) fn next_rows(
        &mut self,
        n_bytes: usize,
        rows: &mut Vec<Row>,
    ) -> Result<bool, DocumentsError> {
        let Some((n_group_rows, n_group_bytes)) = self.skip_finished_groups() else {
            return Ok(false);
        };
        // A group is unpacked anew for each part of it, so as few parts are made as memory allows.
        let n_parts = n_group_bytes.div_ceil(n_bytes.max(1)).clamp(1, n_group_rows);
        let n_parts = n_parts.max(n_group_rows.div_ceil(BATCH_ROWS));
        let n_rows = n_group_rows.div_ceil(n_parts).min(n_group_rows - self.n_group_rows_read);
        if self.n_group_rows_read == 0 {
            for &column in &self.columns {
                let of = (self.path.as_path(), &self.file);
                // What the library makes of the metadata may panic, too.
                let checked = guarded(&self.path, self.group + 1, || {
                    Ok(parquet_pages::check_column(of, &self.metadata, (self.group, column)))
                })?;
                checked?;
            }
        }
        let frame = self.read(self.n_group_rows_read, n_rows)?;
        let group = self.group;
        let first = self.n_rows_read + 1;
        let found = guarded(&self.path, group + 1, || rows_of(&frame, first))?;
        rows.extend(found);
        self.n_group_rows_read += n_rows;
        self.n_rows_read += n_rows as u64;
        Ok(true)
    }

    /// Returns the number of rows of the file, as its metadata has it.
    pub(super) fn n_rows(&self) -> u64 {
        self.metadata.row_groups.iter().map(|group| group.num_rows() as u64).sum()
    }

    /// Returns the number of rows read so far.
    pub(super) fn n_rows_read(&self) -> u64 {
        self.n_rows_read
    }

    /// Moves on to the first row group with rows left, and returns its rows and its bytes when unpacked.
    fn skip_finished_groups(&mut self) -> Option<(usize, usize)> {
        loop {
            let group = self.metadata.row_groups.get(self.group)?;
            if self.n_group_rows_read < group.num_rows() {
                return Some((group.num_rows(), group.total_byte_size()));
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
        let names = self.columns.iter().map(|&name| name.to_owned()).collect();
        let file = &mut self.file;
        guarded(&self.path, self.group + 1, move || {
            let mut reader = ParquetReader::new(file)
                .with_columns(Some(names))
                .with_slice(Some((start, n_rows)))
                .read_parallel(ParallelStrategy::None);
            reader.set_metadata(Arc::new(metadata));
            reader.finish()
        })
    }
}

/// Returns the columns that a screen makes necessary.
fn columns(screen: &Screen) -> Vec<&'static str> {
    let asked = [
        ("id", true),
        ("url", true),
        ("text", true),
        ("language", screen.language.is_some()),
        ("language_score", screen.min_language_score.is_some()),
        ("score", screen.min_score.is_some()),
    ];
    asked.into_iter().filter_map(|(name, wanted)| wanted.then_some(name)).collect()
}

fn check_type(
    path: &Path,
    column: &'static str,
    dtype: &ArrowDataType,
) -> Result<(), ParquetError> {
    use ArrowDataType::{Float32, Float64, Int32, Int64, LargeUtf8, Utf8, Utf8View};
    let expected = match (column, dtype) {
        ("score" | "language_score", Float32 | Float64 | Int32 | Int64) => return Ok(()),
        ("score" | "language_score", _) => "a number",
        (_, Utf8 | LargeUtf8 | Utf8View) => return Ok(()),
        _ => "a string",
    };
    let (path, found) = (path.to_path_buf(), format!("{dtype:?}"));
    Err(ParquetError::WrongType { path, column, found, expected })
}

/// Returns the rows of a frame, the first of which has the place `first`.
fn rows_of(frame: &DataFrame, first: u64) -> Result<Vec<Row>, PolarsError> {
    let mut rows: Vec<Row> =
        (first..).take(frame.height()).map(|place| Row { place, ..Row::default() }).collect();
    for column in frame.columns() {
        let name = column.name().as_str();
        if let "score" | "language_score" = name {
            let numbers = column.cast(&DataType::Float64)?;
            for (row, number) in rows.iter_mut().zip(numbers.f64()?.iter()) {
                match name {
                    "score" => row.score = number,
                    _ => row.language_score = number,
                }
            }
            continue;
        }
        for (row, text) in rows.iter_mut().zip(column.str()?.iter()) {
            match name {
                "language" => row.language = text.map(str::to_owned),
                "id" => row.id = text.unwrap_or_default().to_owned(),
                "url" => row.url = text.unwrap_or_default().to_owned(),
                _ => row.text = text.unwrap_or_default().to_owned(),
            }
        }
    }
    Ok(rows)
}
