//! Shards: segments as Arrow IPC files that pyarrow, polars and `datasets` open as they are.
//!
//! The schema is defined here and nowhere else. Equal segments in equal order make equal bytes: batches have a fixed
//! number of rows, and a file holds no time and no metadata.

use std::path::Path;

use crossic_operators::record::Origin;
use crossic_operators::segment::{Segment, Span};
use polars_arrow::array::{Array, ListArray, PrimitiveArray, StructArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_arrow::offset::Offsets;
use serde::{Deserialize, Serialize};

use super::retrieval_column;
use crate::store::StoreError;
use crate::store::arrow_file::{RowReader, RowWriter, schema_of};
use crate::store::row::{self, BadRow, Cells, Column, Row, field, list_of};
use crate::store::tables::digest;

/// Rows of a record batch of a shard.
const BATCH_ROWS: usize = 1_024;

/// Hexadecimal digits of the hash in the name of a shard.
const HASH_DIGITS: usize = 32;

/// Millionths in one: segments hold scores as integers, shards as fractions.
const MILLION: f64 = 1e6;

/// Position of the column `retrieval`, the first that earlier shards lack.
const RETRIEVAL: usize = 7;

/// Position of the field `document` of a span, the first that earlier shards lack.
const SPAN_DOCUMENT: usize = 12;

/// A finished shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// The bucket whose segments it holds.
    pub bucket: u32,
    /// Name of the file.
    pub file: String,
    /// BLAKE3 hash of its content, 64 hexadecimal digits.
    pub hash: String,
    /// Its segments.
    pub rows: u64,
    /// Tokens in them.
    pub tokens: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes one shard.
pub struct ShardWriter {
    rows: RowWriter<Segment>,
    n_tokens: u64,
}

impl ShardWriter {
    /// Starts a shard in `dir`, which is created if it is missing.
    pub fn create(dir: &Path) -> Result<ShardWriter, StoreError> {
        Ok(ShardWriter { rows: RowWriter::create(dir, BATCH_ROWS)?, n_tokens: 0 })
    }

    /// Adds a segment. An error about this segment or an earlier one may come with a later call.
    pub fn push(&mut self, segment: &Segment) -> Result<(), StoreError> {
        self.n_tokens += segment.input_ids.len() as u64;
        self.rows.push(segment.clone())
    }

    /// Makes the shard durable as `<bucket, five digits>-<first 32 digits of its hash>.arrow`.
    pub fn finish(self, bucket: u32) -> Result<ShardInfo, StoreError> {
        let rows = self.rows.n_rows();
        let staged = self.rows.finish()?;
        let bytes = staged.n_bytes();
        let file_name = |hash: &str| {
            let (digits, _) = hash.split_at_checked(HASH_DIGITS).unwrap_or((hash, ""));
            format!("{bucket:05}-{digits}.arrow")
        };
        let (_, hash) = staged.seal(file_name)?;
        Ok(ShardInfo { bucket, file: file_name(&hash), hash, rows, tokens: self.n_tokens, bytes })
    }
}

/// Reads the segments of a shard in order; holds one batch at a time.
pub struct ShardReader(RowReader<Segment>);

impl ShardReader {
    /// Opens a shard. Fails if its content does not have the hash in its name, or not the columns of a shard.
    pub fn open(path: &Path) -> Result<ShardReader, StoreError> {
        RowReader::open(path).map(ShardReader)
    }
}

impl Iterator for ShardReader {
    type Item = Result<Segment, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// Returns the schema of a shard.
pub fn schema() -> ArrowSchema {
    schema_of::<Segment>()
}

impl Row for Segment {
    const TABLE: &'static str = "a shard";

    fn fields() -> Vec<Field> {
        vec![
            field("id", ArrowDataType::Utf8),
            field("pair", ArrowDataType::Utf8),
            field("index", ArrowDataType::Int32),
            field("origin", ArrowDataType::Utf8),
            field("input_ids", list_of(ArrowDataType::Int32)),
            field("spans", list_of(ArrowDataType::Struct(Span::fields()))),
            field("score", ArrowDataType::Float32),
            field("retrieval", ArrowDataType::Struct(retrieval_column::fields())),
        ]
    }

    /// Before documents were retrieved, rows said nothing of them.
    fn earlier() -> Vec<Vec<Field>> {
        let mut fields = Segment::fields();
        fields.truncate(RETRIEVAL);
        let spans: Vec<Field> = Span::fields().into_iter().take(SPAN_DOCUMENT).collect();
        for it in fields.iter_mut().filter(|it| it.name == "spans") {
            it.dtype = list_of(ArrowDataType::Struct(spans.clone()));
        }
        vec![fields]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        let score = |row: &&Segment| row.score.map(score_of_millionths);
        Ok(vec![
            row::displayed(rows, |row| row.id)?,
            row::displayed(rows, |row| row.pair)?,
            row::narrowed::<_, _, i32>(rows, "index", |row| row.index)?,
            row::strings(rows, |row| name_of_origin(row.origin))?,
            token_lists(rows)?,
            span_lists(rows)?,
            rows.iter().map(score).collect::<PrimitiveArray<f32>>().boxed(),
            retrieval_column::column(rows)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(Segment {
            id: digest(cells.str(0)?)?,
            pair: digest(cells.str(1)?)?,
            index: cells.narrowed::<i32, _>(2)?,
            origin: origin_of_name(cells.str(3)?)?,
            input_ids: read_tokens(cells, 4)?,
            spans: read_spans(cells, 5)?,
            score: cells.optional(6)?.map(millionths_of_score).transpose()?,
            retrieval: match cells.has(RETRIEVAL) {
                true => cells.nested(RETRIEVAL)?.map(retrieval_column::read).transpose()?,
                false => None,
            },
        })
    }
}

impl Row for Span {
    const TABLE: &'static str = "the spans of a shard";

    fn fields() -> Vec<Field> {
        vec![
            field("lang", ArrowDataType::Utf8),
            field("wiki", ArrowDataType::Utf8),
            field("page", ArrowDataType::Int64),
            field("revision", ArrowDataType::Int64),
            field("title", ArrowDataType::Utf8),
            field("paragraph_start", ArrowDataType::Int32),
            field("paragraph_end", ArrowDataType::Int32),
            field("token_start", ArrowDataType::Int32),
            field("token_end", ArrowDataType::Int32),
            field("title_tokens", ArrowDataType::Int32),
            field("cut_start", ArrowDataType::Boolean),
            field("cut_end", ArrowDataType::Boolean),
            field("document", ArrowDataType::Utf8),
            field("url", ArrowDataType::Utf8),
            field("digest", ArrowDataType::Utf8),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        let int = |name, cell: fn(&Span) -> u32| row::narrowed::<_, _, i32>(rows, name, cell);
        let digests: Vec<Option<String>> =
            rows.iter().map(|row| row.digest.map(|it| it.to_string())).collect();
        Ok(vec![
            row::strings(rows, |row| &row.lang)?,
            row::strings(rows, |row| &row.wiki)?,
            row::numbers(rows, |row| i64::from(row.page)),
            row::narrowed::<_, _, i64>(rows, "revision", |row| row.revision)?,
            row::strings(rows, |row| &row.title)?,
            int("paragraph_start", |row| row.paragraph_start)?,
            int("paragraph_end", |row| row.paragraph_end)?,
            int("token_start", |row| row.token_start)?,
            int("token_end", |row| row.token_end)?,
            int("title_tokens", |row| row.title_tokens)?,
            row::bools(rows, |row| row.cut_start),
            row::bools(rows, |row| row.cut_end),
            row::optional_strings(rows, |row| row.document.as_deref())?,
            row::optional_strings(rows, |row| row.url.as_deref())?,
            row::optional_strings(&digests.iter().collect::<Vec<_>>(), |it| it.as_deref())?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(Span {
            lang: cells.string(0)?,
            wiki: cells.string(1)?,
            page: cells.narrowed::<i64, _>(2)?,
            revision: cells.narrowed::<i64, _>(3)?,
            title: cells.string(4)?,
            paragraph_start: cells.narrowed::<i32, _>(5)?,
            paragraph_end: cells.narrowed::<i32, _>(6)?,
            token_start: cells.narrowed::<i32, _>(7)?,
            token_end: cells.narrowed::<i32, _>(8)?,
            title_tokens: cells.narrowed::<i32, _>(9)?,
            cut_start: cells.bool(10)?,
            cut_end: cells.bool(11)?,
            document: optional_text(cells, SPAN_DOCUMENT)?,
            url: optional_text(cells, SPAN_DOCUMENT + 1)?,
            digest: optional_text(cells, SPAN_DOCUMENT + 2)?.map(|it| digest(&it)).transpose()?,
        })
    }
}

/// Returns a text of a span; earlier shards lack the column.
fn optional_text(cells: Cells<'_>, column: usize) -> Result<Option<String>, String> {
    match cells.has(column) {
        true => cells.optional_string(column),
        false => Ok(None),
    }
}

fn token_lists(rows: &[&Segment]) -> Result<Column, BadRow> {
    let offsets = row::offsets(rows, |row| row.input_ids.len())?;
    let mut tokens = Vec::with_capacity(rows.iter().map(|row| row.input_ids.len()).sum());
    for (position, row) in rows.iter().enumerate() {
        for &token in &row.input_ids {
            let bad = |_| BadRow { row: position, what: format!("token {token} is too large") };
            tokens.push(i32::try_from(token).map_err(bad)?);
        }
    }
    list(ArrowDataType::Int32, offsets, PrimitiveArray::from_vec(tokens).boxed())
}

fn span_lists(rows: &[&Segment]) -> Result<Column, BadRow> {
    let offsets = row::offsets(rows, |row| row.spans.len())?;
    let spans: Vec<&Span> = rows.iter().flat_map(|row| &row.spans).collect();
    let columns = Span::columns(&spans).map_err(|bad| BadRow {
        // The segment of a span is the last one that starts at it or before it and is not empty.
        row: offsets.as_slice().partition_point(|&start| start as usize <= bad.row) - 1,
        what: format!("a span: {}", bad.what),
    })?;
    let dtype = ArrowDataType::Struct(Span::fields());
    match StructArray::try_new(dtype.clone(), spans.len(), columns, None) {
        Ok(spans) => list(dtype, offsets, spans.boxed()),
        Err(error) => unreachable!("the columns of a span have the types of its fields: {error}"),
    }
}

fn list(dtype: ArrowDataType, offsets: Offsets<i32>, values: Column) -> Result<Column, BadRow> {
    match ListArray::try_new(list_of(dtype), offsets.into(), values, None) {
        Ok(list) => Ok(list.boxed()),
        Err(error) => unreachable!("the offsets were made from these values: {error}"),
    }
}

fn read_tokens(cells: Cells<'_>, column: usize) -> Result<Vec<u32>, String> {
    let (values, range) = cells.list(column)?;
    let values = values.as_any().downcast_ref::<PrimitiveArray<i32>>();
    let tokens = values.filter(|values| values.null_count() == 0).map(|array| array.values());
    let tokens = tokens.and_then(|tokens| tokens.get(range)).ok_or("its tokens are no numbers")?;
    tokens
        .iter()
        .map(|&token| u32::try_from(token).map_err(|_| format!("token {token} is negative")))
        .collect()
}

fn read_spans(cells: Cells<'_>, column: usize) -> Result<Vec<Span>, String> {
    let (values, range) = cells.list(column)?;
    let spans = values.as_any().downcast_ref::<StructArray>().ok_or("its spans are no structs")?;
    range.map(|position| Span::read(Cells::new(spans.values(), position))).collect()
}

fn name_of_origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Wiki => "wiki",
        Origin::Web => "web",
    }
}

fn origin_of_name(name: &str) -> Result<Origin, String> {
    match name {
        "wiki" => Ok(Origin::Wiki),
        "web" => Ok(Origin::Web),
        _ => Err(format!("unknown origin `{name}`: it is `wiki` or `web`")),
    }
}

pub(super) fn score_of_millionths(millionths: i32) -> f32 {
    (f64::from(millionths) / MILLION) as f32
}

/// Returns the millionths that were written; exact for scores between -16 and 16, where a fraction is fine enough.
pub(super) fn millionths_of_score(score: f32) -> Result<i32, String> {
    let millionths = (f64::from(score) * MILLION).round();
    // The bounds are exact as `f64`, and a score that is not a number is within none.
    match (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&millionths) {
        true => Ok(millionths as i32),
        false => Err(format!("the score {score} is out of range")),
    }
}

#[cfg(test)]
#[path = "shard_file_tests.rs"]
mod tests;
