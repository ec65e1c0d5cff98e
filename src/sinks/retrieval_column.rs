//! The column of a shard that says how a document was found: null for rows without one.

use crossic_operators::segment::{Retrieval, Segment};
use polars_arrow::array::{ListArray, PrimitiveArray, StructArray, Utf8Array};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::types::NativeType;

use super::shard_file::{millionths_of_score, score_of_millionths};
use crate::store::row::{self, BadRow, Cells, Column, field, list_of};

/// Returns the fields of the struct.
pub(super) fn fields() -> Vec<Field> {
    vec![
        field("rank", ArrowDataType::Int32),
        field("title_score", ArrowDataType::Float32),
        field("full_score", ArrowDataType::Float32),
        field("title", ArrowDataType::Utf8),
        field("keywords", list_of(ArrowDataType::Utf8)),
    ]
}

/// Returns the column. Where there is no retrieval the struct is null and so are its fields: readers
/// that look at either agree.
pub(super) fn column(rows: &[&Segment]) -> Result<Column, BadRow> {
    let rows: Vec<Option<&Retrieval>> = rows.iter().map(|row| row.retrieval.as_ref()).collect();
    let cells: Vec<&Option<&Retrieval>> = rows.iter().collect();
    let valid = Bitmap::from_iter(rows.iter().map(Option::is_some));
    let score = |cell: fn(&Retrieval) -> i32| numbers(&rows, |it| score_of_millionths(cell(it)));
    let mut ranks: Vec<Option<i32>> = Vec::with_capacity(rows.len());
    for (position, row) in rows.iter().enumerate() {
        let rank = row.map(|it| i32::try_from(it.rank)).transpose();
        let bad = |_| BadRow { row: position, what: "its rank is too large".to_owned() };
        ranks.push(rank.map_err(bad)?);
    }
    let columns = vec![
        ranks.iter().collect::<PrimitiveArray<i32>>().boxed(),
        score(|it| it.title_score),
        score(|it| it.full_score),
        row::optional_strings(&cells, |it| it.map(|it| it.title.as_str()))?,
        keywords(&cells, &valid)?,
    ];
    match StructArray::try_new(ArrowDataType::Struct(fields()), rows.len(), columns, Some(valid)) {
        Ok(retrievals) => Ok(retrievals.boxed()),
        Err(error) => unreachable!("the columns have the types of the fields: {error}"),
    }
}

fn numbers<T: NativeType>(rows: &[Option<&Retrieval>], cell: impl Fn(&Retrieval) -> T) -> Column {
    rows.iter().map(|row| row.map(&cell)).collect::<PrimitiveArray<T>>().boxed()
}

fn keywords(rows: &[&Option<&Retrieval>], valid: &Bitmap) -> Result<Column, BadRow> {
    let words = |row: &Option<&Retrieval>| row.map_or(&[][..], |it| &it.keywords).len();
    let offsets = row::offsets(rows, |row| words(row))?;
    let words: Vec<&String> = rows.iter().copied().flatten().flat_map(|it| &it.keywords).collect();
    let words = row::strings(&words, |word| word)?;
    let dtype = list_of(ArrowDataType::Utf8);
    match ListArray::try_new(dtype, offsets.into(), words, Some(valid.clone())) {
        Ok(list) => Ok(list.boxed()),
        Err(error) => unreachable!("the offsets were made from these values: {error}"),
    }
}

/// Returns a retrieval; says what is wrong if the cells are not those of one.
pub(super) fn read(cells: Cells<'_>) -> Result<Retrieval, String> {
    let (values, range) = cells.list(4)?;
    let words = values.as_any().downcast_ref::<Utf8Array<i32>>();
    let words = words.filter(|it| range.end <= it.len()).ok_or("its keywords are no texts")?;
    let word = |position| words.get(position).map(str::to_owned).ok_or("a keyword is null");
    Ok(Retrieval {
        rank: cells.narrowed::<i32, _>(0)?,
        title_score: millionths_of_score(cells.number(1)?)?,
        full_score: millionths_of_score(cells.number(2)?)?,
        title: cells.string(3)?,
        keywords: range.map(word).collect::<Result<_, _>>()?,
    })
}
