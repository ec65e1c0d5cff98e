//! Articles as rows of a parquet file, a row group at a time.
//!
//! The parquet library is built without structs, so links are four lists side by side,
//! and what is left in the text two.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use polars::{
    error::PolarsResult,
    prelude::{
        BatchedWriter, Column, DataFrame, DataType, Field, IntoColumn, ParquetCompression,
        ParquetWriter, Schema, Series,
    },
};
use polars_arrow::{
    array::{Array, ListArray, PrimitiveArray, Utf8Array},
    datatypes::ArrowDataType,
    offset::Offsets,
};

use super::{
    article::{Article, ArticleLink},
    output::refused,
};
use crate::{error::Result, io::Staged};

/// A row group holds so many articles at most.
const MAX_ROWS: usize = 20_000;
/// A row group is written once it holds so many bytes of text.
const MAX_BYTES: usize = 64 << 20;

/// A file that the parquet library writes to and that is wanted back.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Staged>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(staged) => staged.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(staged) => staged.flush(),
            None => Ok(()),
        }
    }
}

/// Writes articles to a parquet file.
pub struct ParquetRows {
    shared: Shared,
    writer: BatchedWriter<Shared>,
    rows: Vec<Article>,
    n_bytes: usize,
}

impl ParquetRows {
    pub(super) fn new(staged: Staged) -> Result<ParquetRows> {
        let shared = Shared(Arc::new(Mutex::new(Some(staged))));
        let schema = Schema::from_iter(fields());
        let writer = ParquetWriter::new(shared.clone())
            .with_compression(ParquetCompression::Zstd(None))
            .set_parallel(false)
            .batched(&schema)
            .map_err(refused)?;
        Ok(ParquetRows { shared, writer, rows: Vec::new(), n_bytes: 0 })
    }

    pub(super) fn push(&mut self, article: Article) -> Result<()> {
        self.n_bytes += article.text.len();
        self.rows.push(article);
        if MAX_ROWS <= self.rows.len() || MAX_BYTES <= self.n_bytes {
            self.write_group()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Staged> {
        self.write_group()?;
        self.writer.finish().map_err(refused)?;
        let staged = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(staged.ok_or_else(|| io::Error::other("the parquet file is gone"))?)
    }

    fn write_group(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let frame = frame(&self.rows).map_err(refused)?;
        self.writer.write_batch(&frame).map_err(refused)?;
        self.rows.clear();
        self.n_bytes = 0;
        Ok(())
    }
}

fn fields() -> Vec<Field> {
    let list = |of| DataType::List(Box::new(of));
    vec![
        Field::new("id".into(), DataType::UInt32),
        Field::new("revision".into(), DataType::UInt64),
        Field::new("title".into(), DataType::String),
        Field::new("text".into(), DataType::String),
        Field::new("link_targets".into(), list(DataType::String)),
        Field::new("link_labels".into(), list(DataType::String)),
        Field::new("link_starts".into(), list(DataType::UInt32)),
        Field::new("link_ends".into(), list(DataType::UInt32)),
        Field::new("flags".into(), list(DataType::String)),
        Field::new("residue_kinds".into(), list(DataType::String)),
        Field::new("residue_counts".into(), list(DataType::UInt32)),
    ]
}

fn frame(rows: &[Article]) -> PolarsResult<DataFrame> {
    let texts = |cell: &dyn Fn(&Article) -> String| -> Box<dyn Array> {
        Utf8Array::<i64>::from_iter_values(rows.iter().map(cell)).boxed()
    };
    let of_links = |cell: fn(&ArticleLink) -> &str| {
        strings(rows, |row| row.links.iter().map(|link| cell(link).to_owned()).collect())
    };
    let places = |cell: fn(&ArticleLink) -> u32| {
        let values = rows.iter().flat_map(|row| &row.links).map(cell).collect();
        let items = PrimitiveArray::<u32>::from_vec(values).boxed();
        list(rows.iter().map(|row| row.links.len()), ArrowDataType::UInt32, items)
    };
    let counts = rows.iter().flat_map(|row| row.residue.values().map(|count| u32::from(*count)));
    let arrays = [
        PrimitiveArray::from_vec(rows.iter().map(|row| row.id).collect()).boxed(),
        PrimitiveArray::from_vec(rows.iter().map(|row| row.revision).collect()).boxed(),
        texts(&|row| row.title.clone()),
        texts(&|row| row.text.clone()),
        of_links(|link| &link.target)?,
        of_links(|link| &link.label)?,
        places(|link| link.start)?,
        places(|link| link.end)?,
        strings(rows, |row| row.flags.iter().map(|flag| (*flag).to_owned()).collect())?,
        strings(rows, |row| row.residue.keys().map(|kind| (*kind).to_owned()).collect())?,
        list(
            rows.iter().map(|row| row.residue.len()),
            ArrowDataType::UInt32,
            PrimitiveArray::<u32>::from_vec(counts.collect()).boxed(),
        )?,
    ];
    let columns = fields()
        .into_iter()
        .zip(arrays)
        .map(|(field, array)| Ok(Series::try_from((field.name().clone(), array))?.into_column()));
    DataFrame::new_infer_height(columns.collect::<PolarsResult<Vec<Column>>>()?)
}

fn strings(
    rows: &[Article],
    cell: impl Fn(&Article) -> Vec<String>,
) -> PolarsResult<Box<dyn Array>> {
    let lists: Vec<Vec<String>> = rows.iter().map(cell).collect();
    let items = Utf8Array::<i64>::from_iter_values(lists.iter().flatten()).boxed();
    list(lists.iter().map(Vec::len), ArrowDataType::LargeUtf8, items)
}

/// Returns items as lists of these lengths.
fn list(
    lengths: impl Iterator<Item = usize>,
    of: ArrowDataType,
    items: Box<dyn Array>,
) -> PolarsResult<Box<dyn Array>> {
    let dtype = ListArray::<i64>::default_datatype(of);
    let offsets = Offsets::<i64>::try_from_lengths(lengths)?;
    Ok(ListArray::try_new(dtype, offsets.into(), items, None)?.boxed())
}
