//! Arrow IPC files of typed rows, written in batches of a fixed number of rows and read one batch at a time.
//!
//! A file bears the start of its hash at the end of its name. The reader checks it before it decodes anything: Arrow
//! itself has no checksum, so a flipped bit could pass for another token.

use std::io::{BufReader, Seek};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::error::PolarsError;
use polars_arrow::datatypes::{ArrowSchema, ArrowSchemaRef, Field};
use polars_arrow::io::ipc::read::{FileReader, read_file_metadata};
use polars_arrow::io::ipc::write::{Compression, FileWriter, WriteOptions};
use polars_arrow::record_batch::RecordBatchT;

use crate::io::{Staged, hash_reader};
use crate::store::StoreError;
use crate::store::row::{Cells, Column, Row};

/// The fewest hexadecimal digits of a hash that a file name may end in.
const MIN_HASH_DIGITS: usize = 16;

/// Writes rows of one type in the order they come.
pub struct RowWriter<R> {
    writer: FileWriter<Staged>,
    schema: ArrowSchemaRef,
    path: PathBuf,
    batch_rows: usize,
    /// The rows of the batch to come; never empty after the first row.
    rows: Vec<R>,
    n_written: u64,
}

impl<R: Row> RowWriter<R> {
    /// Starts a file in `dir`, which is created if it is missing, with batches of `batch_rows` rows.
    pub fn create(dir: &Path, batch_rows: usize) -> Result<RowWriter<R>, StoreError> {
        let staged = Staged::create(dir)?;
        let path = staged.path().to_path_buf();
        let schema: ArrowSchemaRef = Arc::new(schema_of::<R>());
        let compression = Some(Compression::ZSTD(Default::default()));
        let writer =
            FileWriter::try_new(staged, schema.clone(), None, WriteOptions { compression })
                .map_err(|source| refused("write", &path, source))?;
        Ok(RowWriter { writer, schema, path, batch_rows, rows: Vec::new(), n_written: 0 })
    }

    /// Adds a row. An error about this row or an earlier one may come with a later call.
    pub fn push(&mut self, row: R) -> Result<(), StoreError> {
        if self.batch_rows <= self.rows.len() {
            self.write_batch()?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Returns the last row that was pushed.
    pub fn last(&self) -> Option<&R> {
        self.rows.last()
    }

    /// Returns the number of rows pushed.
    pub fn n_rows(&self) -> u64 {
        self.n_written + self.rows.len() as u64
    }

    /// Completes the file, which the caller then seals under a name or reads back.
    pub fn finish(mut self) -> Result<Staged, StoreError> {
        if !self.rows.is_empty() {
            self.write_batch()?;
        }
        self.writer.finish().map_err(|source| refused("write", &self.path, source))?;
        Ok(self.writer.into_inner())
    }

    fn write_batch(&mut self) -> Result<(), StoreError> {
        let rows: Vec<&R> = self.rows.iter().collect();
        let columns = R::columns(&rows).map_err(|bad| StoreError::Row {
            path: self.path.clone(),
            row: self.n_written + bad.row as u64,
            what: bad.what,
        })?;
        RecordBatchT::try_new(rows.len(), self.schema.clone(), columns)
            .and_then(|batch| self.writer.write(&batch, None))
            .map_err(|source| refused("write", &self.path, source))?;
        self.n_written += rows.len() as u64;
        self.rows.clear();
        Ok(())
    }
}

/// Reads the rows of a file in order; holds one batch at a time. Nothing follows an error.
pub struct RowReader<R> {
    reader: FileReader<BufReader<fs_err::File>>,
    path: PathBuf,
    columns: Vec<Column>,
    batch_rows: usize,
    /// Position of the next row in the batch.
    next: usize,
    n_read: u64,
    failed: bool,
    row: PhantomData<R>,
}

impl<R: Row> RowReader<R> {
    /// Opens a file whose name ends in the start of its hash. Fails if it does not have that hash, or other columns.
    pub fn open(path: &Path) -> Result<RowReader<R>, StoreError> {
        let mut file = fs_err::File::open(path)?;
        let Some(expected) = hash_in_name(path) else {
            let what = "its name does not end in the hash of its content";
            return Err(StoreError::damaged(path, what));
        };
        let hash = hash_reader(&mut file)?;
        if !hash.starts_with(expected) {
            return Err(StoreError::damaged(path, format!("its content has the hash `{hash}`")));
        }
        file.rewind()?;
        RowReader::of_file(file)
    }

    /// Reads a file that this process has just written.
    pub(crate) fn of_file(file: fs_err::File) -> Result<RowReader<R>, StoreError> {
        let path = file.path().to_path_buf();
        let mut reader = BufReader::new(file);
        let metadata = read_file_metadata(&mut reader)
            .map_err(|source| refused("read the footer of", &path, source))?;
        check_schema::<R>(&metadata.schema, &path)?;
        Ok(RowReader {
            reader: FileReader::new(reader, metadata, None, None),
            path,
            columns: Vec::new(),
            batch_rows: 0,
            next: 0,
            n_read: 0,
            failed: false,
            row: PhantomData,
        })
    }

    fn read(&mut self) -> Result<Option<R>, StoreError> {
        while self.batch_rows <= self.next {
            let Some(batch) = self.reader.next() else {
                return Ok(None);
            };
            let batch = batch.map_err(|source| refused("read", &self.path, source))?;
            self.batch_rows = batch.len();
            self.columns = batch.into_arrays();
            self.next = 0;
        }
        let row = R::read(Cells::new(&self.columns, self.next))
            .map_err(|what| StoreError::Row { path: self.path.clone(), row: self.n_read, what })?;
        self.next += 1;
        self.n_read += 1;
        Ok(Some(row))
    }
}

impl<R: Row> Iterator for RowReader<R> {
    type Item = Result<R, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.read().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

/// Returns the schema of the files of a table.
pub fn schema_of<R: Row>() -> ArrowSchema {
    R::fields().into_iter().map(|field| (field.name.clone(), field)).collect()
}

fn check_schema<R: Row>(schema: &ArrowSchema, path: &Path) -> Result<(), StoreError> {
    let wrong =
        |what: String| Err(StoreError::Schema { path: path.to_path_buf(), table: R::TABLE, what });
    let expected = R::fields();
    let is = |fields: &[Field]| {
        let found = schema.iter_values().map(|field| (&field.name, &field.dtype));
        found.eq(fields.iter().map(|field| (&field.name, &field.dtype)))
    };
    if R::earlier().iter().any(|fields| is(fields)) {
        return Ok(());
    }
    for (wanted, field) in expected.iter().zip(schema.iter_values()) {
        if (&wanted.name, &wanted.dtype) != (&field.name, &field.dtype) {
            let (name, dtype) = (&wanted.name, &wanted.dtype);
            let is = format!("`{}` {:?}", field.name, field.dtype);
            return wrong(format!("instead of `{name}` {dtype:?} it has {is}"));
        }
    }
    match schema.len() == expected.len() {
        true => Ok(()),
        false => wrong(format!("it has {} columns, not {}", schema.len(), expected.len())),
    }
}

/// Returns the digits behind the last `-` of a file's name, if they can be the start of a hash.
fn hash_in_name(path: &Path) -> Option<&str> {
    let (_, digits) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    let is_hash = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (MIN_HASH_DIGITS <= digits.len() && is_hash).then_some(digits)
}

/// Returns the system's error where the library only passes it on: it names the path already.
fn refused(doing: &'static str, path: &Path, source: PolarsError) -> StoreError {
    match source {
        PolarsError::IO { error, msg: None } => match Arc::try_unwrap(error) {
            Ok(error) => StoreError::Io(error),
            Err(error) => StoreError::arrow(doing, path, PolarsError::IO { error, msg: None }),
        },
        source => StoreError::arrow(doing, path, source),
    }
}
