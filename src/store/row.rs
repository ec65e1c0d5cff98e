//! Typed rows as Arrow columns: what a table must say of itself, and the cells it is made of.
//!
//! The types are plain Arrow (32-bit offsets, no views), which every reader of Arrow files knows.

use std::ops::Range;

use polars_arrow::array::{
    Array, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StructArray, Utf8Array,
};
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::offset::Offsets;
use polars_arrow::types::NativeType;

/// A column of one record batch.
pub type Column = Box<dyn Array>;

/// A row of a table that is kept as an Arrow file.
pub trait Row: Sized {
    /// Name of the table, for messages.
    const TABLE: &'static str;

    /// Returns the columns of the table: this is its schema, defined here and nowhere else.
    fn fields() -> Vec<Field>;

    /// Returns the columns that files of earlier layouts have, which are read as well.
    fn earlier() -> Vec<Vec<Field>> {
        Vec::new()
    }

    /// Returns the rows as columns, in the order of [`Row::fields`].
    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow>;

    /// Returns one row; says what is wrong if its cells are not of this table.
    fn read(cells: Cells<'_>) -> Result<Self, String>;
}

/// A row that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Position among the rows at hand.
    pub row: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Returns a field that readers may take for nullable, as most writers have it.
pub fn field(name: &'static str, dtype: ArrowDataType) -> Field {
    Field::new(name.into(), dtype, true)
}

/// Returns a list type of such fields, the child named as usual.
pub fn list_of(dtype: ArrowDataType) -> ArrowDataType {
    ArrowDataType::List(Box::new(field("item", dtype)))
}

/// Returns a column of numbers.
pub fn numbers<R, T: NativeType>(rows: &[&R], cell: impl Fn(&R) -> T) -> Column {
    PrimitiveArray::from_vec(rows.iter().map(|row| cell(row)).collect()).boxed()
}

/// Returns a column of numbers converted from a wider type, or the first row whose number does not fit.
pub fn narrowed<R, W, T>(rows: &[&R], name: &str, cell: impl Fn(&R) -> W) -> Result<Column, BadRow>
where
    W: Copy + std::fmt::Display,
    T: NativeType + TryFrom<W>,
{
    let mut values = Vec::with_capacity(rows.len());
    for (position, row) in rows.iter().enumerate() {
        let wide = cell(row);
        let bad = |_| BadRow { row: position, what: format!("`{name}` is too large: {wide}") };
        values.push(T::try_from(wide).map_err(bad)?);
    }
    Ok(PrimitiveArray::from_vec(values).boxed())
}

/// Returns a column of truth values.
pub fn bools<R>(rows: &[&R], cell: impl Fn(&R) -> bool) -> Column {
    let values: Vec<bool> = rows.iter().map(|row| cell(row)).collect();
    BooleanArray::from_slice(values).boxed()
}

/// Returns a column of strings, or the row at which it outgrows what 32-bit offsets can address.
pub fn strings<R>(rows: &[&R], cell: impl Fn(&R) -> &str) -> Result<Column, BadRow> {
    offsets(rows, |row| cell(row).len())?;
    Ok(Utf8Array::<i32>::from_iter_values(rows.iter().map(|row| cell(row))).boxed())
}

/// Returns a column of bytes, or the row at which it outgrows what 32-bit offsets can address.
pub fn bytes<R>(rows: &[&R], cell: impl Fn(&R) -> &[u8]) -> Result<Column, BadRow> {
    offsets(rows, |row| cell(row).len())?;
    let values = rows.iter().map(|row| Some(cell(row)));
    Ok(BinaryArray::<i32>::from_iter(values).boxed())
}

/// Returns a column of strings, null where there is none, as [`strings`] does.
pub fn optional_strings<R>(
    rows: &[&R],
    cell: impl Fn(&R) -> Option<&str>,
) -> Result<Column, BadRow> {
    offsets(rows, |row| cell(row).map_or(0, str::len))?;
    Ok(rows.iter().map(|row| cell(row)).collect::<Utf8Array<i32>>().boxed())
}

/// Returns a column of strings that are made on the way, as [`strings`] does.
pub fn displayed<R, D: std::fmt::Display>(
    rows: &[&R],
    cell: impl Fn(&R) -> D,
) -> Result<Column, BadRow> {
    let texts: Vec<String> = rows.iter().map(|row| cell(row).to_string()).collect();
    strings(&texts.iter().collect::<Vec<_>>(), |text| text)
}

/// Returns the offsets of cells of these lengths, or the row at which they outgrow 32 bits.
pub fn offsets<R>(rows: &[&R], length: impl Fn(&R) -> usize) -> Result<Offsets<i32>, BadRow> {
    let mut offsets = Offsets::with_capacity(rows.len());
    for (position, row) in rows.iter().enumerate() {
        let what = || "the rows up to here are too large for one batch".to_owned();
        offsets.try_push(length(row)).map_err(|_| BadRow { row: position, what: what() })?;
    }
    Ok(offsets)
}

/// The cells of one row: the columns of a batch, or of a struct, and a position in them.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    columns: &'a [Column],
    row: usize,
}

impl<'a> Cells<'a> {
    /// Returns the cells of row `row`; asking for a cell that is not there is an error, not a panic.
    pub fn new(columns: &'a [Column], row: usize) -> Cells<'a> {
        Cells { columns, row }
    }

    /// Returns a number.
    pub fn number<T: NativeType>(self, column: usize) -> Result<T, String> {
        self.optional(column)?.ok_or_else(|| format!("column {column} is null"))
    }

    /// Returns a number, or `None` where the cell is null.
    pub fn optional<T: NativeType>(self, column: usize) -> Result<Option<T>, String> {
        let array = self.cell::<PrimitiveArray<T>>(column)?;
        Ok(array.is_valid(self.row).then(|| array.value(self.row)))
    }

    /// Returns a number converted to an unsigned or narrower type.
    pub fn narrowed<W, T>(self, column: usize) -> Result<T, String>
    where
        W: NativeType,
        T: TryFrom<W>,
    {
        let wide = self.number::<W>(column)?;
        T::try_from(wide).map_err(|_| format!("column {column} is out of range: {wide}"))
    }

    /// Returns a truth value.
    pub fn bool(self, column: usize) -> Result<bool, String> {
        let array = self.cell::<BooleanArray>(column)?;
        match array.is_valid(self.row) {
            true => Ok(array.value(self.row)),
            false => Err(format!("column {column} is null")),
        }
    }

    /// Returns a string.
    pub fn str(self, column: usize) -> Result<&'a str, String> {
        let array = self.cell::<Utf8Array<i32>>(column)?;
        array.get(self.row).ok_or_else(|| format!("column {column} is null"))
    }

    /// Returns bytes.
    pub fn bytes(self, column: usize) -> Result<&'a [u8], String> {
        let array = self.cell::<BinaryArray<i32>>(column)?;
        array.get(self.row).ok_or_else(|| format!("column {column} is null"))
    }

    /// Returns a string that the caller keeps.
    pub fn string(self, column: usize) -> Result<String, String> {
        self.str(column).map(str::to_owned)
    }

    /// Returns a string that the caller keeps, or `None` where the cell is null.
    pub fn optional_string(self, column: usize) -> Result<Option<String>, String> {
        let array = self.cell::<Utf8Array<i32>>(column)?;
        Ok(array.get(self.row).map(str::to_owned))
    }

    /// Returns whether there are so many columns, as an earlier layout may not have them.
    pub fn has(self, column: usize) -> bool {
        column < self.columns.len()
    }

    /// Returns the cells of a struct, or `None` where the struct is null.
    pub fn nested(self, column: usize) -> Result<Option<Cells<'a>>, String> {
        let array = self.cell::<StructArray>(column)?;
        let cells = Cells { columns: array.values(), row: self.row };
        Ok(array.is_valid(self.row).then_some(cells))
    }

    /// Returns the values of all lists of a column, and which of them are this row's.
    pub fn list(self, column: usize) -> Result<(&'a dyn Array, Range<usize>), String> {
        let array = self.cell::<ListArray<i32>>(column)?;
        if array.is_null(self.row) {
            return Err(format!("column {column} is null"));
        }
        let (start, end) = array.offsets().start_end(self.row);
        Ok((array.values().as_ref(), start..end))
    }

    /// Returns a column as its type, once it is known to have this row: after that, no look at the row can panic.
    fn cell<A: Array>(self, column: usize) -> Result<&'a A, String> {
        let array = self.columns.get(column).and_then(|array| array.as_any().downcast_ref::<A>());
        array
            .filter(|array| self.row < array.len())
            .ok_or_else(|| format!("column {column} is missing, too short or of another type"))
    }
}
