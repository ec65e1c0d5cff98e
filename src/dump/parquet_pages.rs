//! Looks at the page headers of a parquet column before the library does.
//!
//! The library takes sizes and counts as they stand there, and one that is negative or absurd makes
//! it ask for more memory than there is, which ends the process. So they are compared with the file
//! and with each other first. A header is a struct of Thrift's compact protocol.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
};

use polars::io::parquet::metadata::FileMetadata;

use super::parquet::ParquetError;

/// The largest page when unpacked, in bytes; real ones have one or a few MiB.
const MAX_PAGE_BYTES: i64 = 256 << 20;

/// How deep the structs of a header may be nested.
const MAX_DEPTH: usize = 8;

/// Why a column cannot be trusted.
enum Fault {
    /// The file could not be read.
    Io(io::Error),
    /// A header is not as it should be; what about it.
    Damaged(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Damaged("it goes beyond the end of the file"),
            _ => Fault::Io(error),
        }
    }
}

/// The numbers of a header that matter here; 0 where they are absent.
#[derive(Default)]
struct Header {
    kind: i64,
    n_unpacked_bytes: i64,
    n_packed_bytes: i64,
    n_values: i64,
    n_nulls: i64,
    n_level_bytes: i64,
}

/// Checks the headers of all pages of one column of a row group.
///
/// # Errors
///
/// The column is not there once, its pages claim what cannot be, or the file cannot be read.
pub(in crate::dump) fn check_column(
    (path, file): (&Path, &File),
    metadata: &FileMetadata,
    (group, column): (usize, &'static str),
) -> Result<(), ParquetError> {
    let found = metadata.row_groups.get(group);
    let n_rows = found.map_or(0, |it| it.num_rows()) as u64;
    let columns = found.and_then(|it| it.columns_under_root_iter(column));
    let ranges: Vec<Range<u64>> =
        columns.map(|it| it.map(|it| it.byte_range()).collect()).unwrap_or_default();
    let checked = match &ranges[..] {
        [range] => check(file, range.clone(), n_rows),
        _ => Err(Fault::Damaged("it is not there once")),
    };
    checked.map_err(|fault| {
        let path = path.to_path_buf();
        match fault {
            Fault::Io(error) => ParquetError::Unreadable { path, source: error.into() },
            Fault::Damaged(what) => ParquetError::Pages { path, group: group + 1, column, what },
        }
    })
}

/// Checks the headers of all pages of a column without lists, which lies in `range` of the file and has `n_rows` values.
fn check(file: &File, range: Range<u64>, n_rows: u64) -> Result<(), Fault> {
    // Seeking may go beyond the end of a file, and beyond all files is no place at all.
    if file.metadata()?.len() < range.end {
        return Err(Fault::Damaged("it goes beyond the end of the file"));
    }
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(range.start))?;
    let mut headers = Headers { reader, n_left: range.end.saturating_sub(range.start) };
    let mut n_values = 0_u64;
    while 0 < headers.n_left {
        let header = headers.next()?;
        let fits = |n: i64| u64::try_from(n).is_ok_and(|n| n <= headers.n_left);
        if !fits(header.n_packed_bytes) {
            return Err(Fault::Damaged("a page is larger than the column"));
        }
        if !(0..=MAX_PAGE_BYTES).contains(&header.n_unpacked_bytes) {
            return Err(Fault::Damaged("a page has more than 256 MiB"));
        }
        let n = u64::try_from(header.n_values)
            .map_err(|_| Fault::Damaged("a page has fewer values than none"))?;
        let within = |part: i64, whole: i64| (0..=whole).contains(&part);
        if !within(header.n_nulls, header.n_values)
            || !within(header.n_level_bytes, header.n_unpacked_bytes)
        {
            return Err(Fault::Damaged("the numbers of a page contradict each other"));
        }
        match header.kind {
            DATA | DATA_2 => n_values = n_values.saturating_add(n),
            DICTIONARY if header.n_values <= header.n_unpacked_bytes => {}
            DICTIONARY => return Err(Fault::Damaged("a dictionary has more values than bytes")),
            INDEX => {}
            _ => return Err(Fault::Damaged("a page is of no known kind")),
        }
        headers.skip(header.n_packed_bytes.unsigned_abs())?;
    }
    match n_values == n_rows {
        true => Ok(()),
        false => Err(Fault::Damaged("its pages have another number of values than the group rows")),
    }
}

/// Kinds of pages.
const DATA: i64 = 0;
const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;
const DATA_2: i64 = 3;

/// Reads one header after the other, none beyond the end of the column.
struct Headers<'a> {
    reader: BufReader<&'a File>,
    n_left: u64,
}

impl Headers<'_> {
    fn next(&mut self) -> Result<Header, Fault> {
        let mut header = Header::default();
        self.fields(&[], &mut header)?;
        Ok(header)
    }

    /// Reads the fields of a struct that is found at `path`, the ids of the fields around it.
    fn fields(&mut self, path: &[i64], header: &mut Header) -> Result<(), Fault> {
        if MAX_DEPTH < path.len() {
            return Err(Fault::Damaged("a page header is nested too deeply"));
        }
        let mut id = 0_i64;
        loop {
            let byte = self.byte()?;
            let kind = byte & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            id = match i64::from(byte >> 4) {
                0 => self.number()?,
                step => id.saturating_add(step),
            };
            let place: Vec<i64> = path.iter().copied().chain([id]).collect();
            if !(3..=6).contains(&kind) {
                // A flag that is a field of its own has its value in the kind.
                if 2 < kind {
                    self.value(kind, &place, header)?;
                }
                continue;
            }
            let number = if kind == 3 { i64::from(self.byte()?) } else { self.number()? };
            match *place {
                [1] => header.kind = number,
                [2] => header.n_unpacked_bytes = number,
                [3] => header.n_packed_bytes = number,
                [5 | 7 | 8, 1] => header.n_values = number,
                [8, 2] => header.n_nulls = number,
                [8, 5 | 6] => header.n_level_bytes = header.n_level_bytes.saturating_add(number),
                _ => {}
            }
        }
    }

    /// Passes over a value.
    fn value(&mut self, kind: u8, path: &[i64], header: &mut Header) -> Result<(), Fault> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let n_bytes = self.varint()?;
                self.skip(n_bytes)
            }
            12 => self.fields(path, header),
            // Headers have no lists and maps.
            _ => Err(Fault::Damaged("a page header has a value of no known kind")),
        }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.n_left = self.n_left.checked_sub(1).ok_or(Fault::Damaged("a page header is cut"))?;
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        Ok(u8::from_le_bytes(byte))
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::Damaged("a number in a page header has no end"))
    }

    fn number(&mut self) -> Result<i64, Fault> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn skip(&mut self, n_bytes: u64) -> Result<(), Fault> {
        let left = self.n_left.checked_sub(n_bytes);
        self.n_left = left.ok_or(Fault::Damaged("a page header is cut"))?;
        let n_bytes = i64::try_from(n_bytes).unwrap_or(i64::MAX);
        Ok(self.reader.seek_relative(n_bytes)?)
    }
}
