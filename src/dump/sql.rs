//! Reads the rows of one table from an SQL dump, wanted columns only, without copying.

use std::path::Path;

use crate::dump::{
    error::{DumpError, DumpErrorKind, Position},
    sql_lexer::Lexer,
    sql_scan::{Field, Form, Scan, UNWANTED, scan_row},
    sql_schema::{Head, next_head},
    sql_value,
    streams::Streams,
    window::{N_STEP_BYTES, Window},
};

/// One table of an SQL dump, pulled row by row.
pub struct Table {
    lexer: Lexer,
    name: String,
    wanted: Vec<Wanted>,
    columns: Option<Vec<String>>,
    // For each column of the INSERT being read, where in `fields` it goes.
    slots: Vec<usize>,
    fields: Vec<Field>,
    place: Place,
    n_malformed: u64,
    first_malformed: Option<Position>,
}

/// A column that the caller asked for.
struct Wanted {
    name: String,
    is_optional: bool,
}

/// Where in the file the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between statements.
    Between,
    /// In an INSERT, before a row.
    BeforeRow,
    /// In an INSERT, behind a row of this many bytes that the caller may still be looking at.
    BehindRow(usize),
    /// At the end of the file.
    End,
}

impl Table {
    /// Opens a dump and goes to the table `name` in it.
    ///
    /// `columns` are the wanted ones, by name; a `?` behind a name makes it optional, and then a
    /// table without it gives NULL. Fails if the table or a wanted column is not there.
    pub fn open(path: &Path, name: &str, columns: &[&str]) -> Result<Self, DumpError> {
        Self::open_in_steps(path, name, columns, N_STEP_BYTES)
    }

    /// Opens like [`Table::open`], pulling about `n_bytes` of text at once.
    pub fn open_in_steps(
        path: &Path,
        name: &str,
        columns: &[&str],
        n_bytes: usize,
    ) -> Result<Self, DumpError> {
        let wanted = columns.iter().map(|column| match column.strip_suffix('?') {
            Some(name) => Wanted { name: name.to_owned(), is_optional: true },
            None => Wanted { name: (*column).to_owned(), is_optional: false },
        });
        let mut table = Self {
            lexer: Lexer::new(Window::new(Streams::whole(path)?, n_bytes.max(1))),
            name: name.to_owned(),
            wanted: wanted.collect(),
            columns: None,
            slots: Vec::new(),
            fields: vec![Field::default(); columns.len()],
            place: Place::Between,
            n_malformed: 0,
            first_malformed: None,
        };
        let mut found = Vec::new();
        while table.columns.is_none() && table.place == Place::Between {
            match table.go_on()? {
                Some(other) if !found.contains(&other) => found.push(other),
                Some(_) => {}
                None if table.place == Place::End => {
                    let kind = DumpErrorKind::NoTable { table: table.name.clone(), found };
                    return Err(table.lexer.window.error(kind));
                }
                None => {}
            }
        }
        Ok(table)
    }

    /// Returns the next row, `None` behind the last one.
    ///
    /// Fails if the file ends inside a statement or is damaged. Rows with too few or too many
    /// values are passed over and counted.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, DumpError> {
        loop {
            match self.place {
                Place::BeforeRow => {
                    if let Some(n_bytes) = self.scan()? {
                        self.place = Place::BehindRow(n_bytes);
                        let text = self.lexer.window.text();
                        return Ok(Some(Row { text, fields: &self.fields }));
                    }
                }
                Place::BehindRow(n_bytes) => {
                    self.lexer.window.advance(n_bytes);
                    self.leave_row()?;
                }
                Place::Between => {
                    self.go_on()?;
                }
                Place::End => return Ok(None),
            }
        }
    }

    /// Returns how many rows were passed over for having too few or too many values.
    pub fn malformed(&self) -> u64 {
        self.n_malformed
    }

    /// Returns where the first malformed row begins.
    pub fn first_malformed(&self) -> Option<Position> {
        self.first_malformed
    }

    /// Returns the columns of the table, in the order of its rows.
    pub fn columns(&self) -> &[String] {
        self.columns.as_deref().unwrap_or_default()
    }

    /// Returns whether the comment that closes a dump was read; not every tool writes one.
    pub fn seen_completion(&self) -> bool {
        self.lexer.seen_completion
    }

    /// Returns where the row that was given last begins, or how far reading has come.
    pub fn position(&self) -> Position {
        self.lexer.window.position(0)
    }

    /// Returns how many bytes of the file were taken.
    pub fn bytes_read(&self) -> u64 {
        self.lexer.window.streams().bytes_read()
    }

    /// Scans the row at the window's start and returns its length, `None` if it is malformed.
    fn scan(&mut self) -> Result<Option<usize>, DumpError> {
        loop {
            let window = &self.lexer.window;
            let text = window.text();
            match text.first() {
                Some(b'(') => {}
                Some(_) => return Err(self.lexer.unexpected("a row", 0)),
                None => match self.lexer.window.fill("row")? {
                    true => continue,
                    false => return Err(self.lexer.cut_off()),
                },
            }
            match scan_row(text, &self.slots, &mut self.fields) {
                Scan::Row { end, n_columns } if n_columns == self.slots.len() => {
                    return Ok(Some(end));
                }
                Scan::Row { end, .. } => {
                    self.n_malformed += 1;
                    self.first_malformed.get_or_insert(window.position(0));
                    self.place = Place::BehindRow(end);
                    return Ok(None);
                }
                Scan::More => {
                    if !self.lexer.window.fill("row")? {
                        return Err(self.lexer.cut_off());
                    }
                }
                Scan::Wrong { at } => {
                    return Err(self.lexer.unexpected("a value, `,` or `)`", at));
                }
            }
        }
    }

    /// Reads what is behind a row: another one, or the end of the statement.
    fn leave_row(&mut self) -> Result<(), DumpError> {
        // The usual case, before anything that may have to pull.
        let window = &mut self.lexer.window;
        if window.byte(0) == Some(b',') && window.byte(1) == Some(b'(') {
            window.advance(1);
            self.place = Place::BeforeRow;
            return Ok(());
        }
        match self.lexer.skip_space()? {
            None => return Err(self.lexer.cut_off()),
            Some(b',') => {
                self.lexer.window.advance(1);
                self.lexer.skip_space()?;
                self.place = Place::BeforeRow;
            }
            Some(b';') => {
                self.lexer.window.advance(1);
                self.place = Place::Between;
            }
            // `ON DUPLICATE KEY UPDATE …` and `AS new` add no rows.
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.lexer.skip_statement()?;
                self.place = Place::Between;
            }
            Some(_) => return Err(self.lexer.unexpected("`,` or `;` behind a row", 0)),
        }
        Ok(())
    }

    /// Reads the next statement, or its head if it fills this table.
    ///
    /// Returns the name of another table that it makes or fills.
    fn go_on(&mut self) -> Result<Option<String>, DumpError> {
        match next_head(&mut self.lexer)? {
            None => self.place = Place::End,
            Some(Head::Create { table, columns }) if table == self.name => {
                self.slots = self.slots_of(&columns)?;
                self.columns = Some(columns);
            }
            Some(Head::Insert { table, columns }) if table == self.name => {
                let listed = columns.as_ref().or(self.columns.as_ref());
                let Some(listed) = listed else {
                    let at = self.lexer.window.position(0);
                    let kind = DumpErrorKind::NoColumnList { table, at };
                    return Err(self.lexer.window.error(kind));
                };
                self.slots = self.slots_of(listed)?;
                // An INSERT may come without a CREATE TABLE if it lists its columns.
                self.columns = self.columns.take().or(columns);
                self.fields.fill(Field::default());
                self.lexer.skip_space()?;
                self.place = Place::BeforeRow;
            }
            Some(Head::Create { table, .. }) => return Ok(Some(table)),
            Some(Head::Insert { table, .. }) => {
                self.lexer.skip_statement()?;
                return Ok(Some(table));
            }
            Some(Head::Other) => {}
        }
        Ok(None)
    }

    /// Returns for each of `columns` which wanted one it is.
    fn slots_of(&self, columns: &[String]) -> Result<Vec<usize>, DumpError> {
        let missing = self
            .wanted
            .iter()
            .find(|wanted| !wanted.is_optional && !columns.contains(&wanted.name));
        if let Some(wanted) = missing {
            return Err(self.lexer.window.error(DumpErrorKind::NoColumn {
                table: self.name.clone(),
                column: wanted.name.clone(),
                found: columns.to_vec(),
            }));
        }
        let slot = |column: &String| {
            self.wanted.iter().position(|wanted| wanted.name == *column).unwrap_or(UNWANTED)
        };
        Ok(columns.iter().map(slot).collect())
    }
}

/// The wanted values of one row; value k is that of the k-th wanted column.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    text: &'a [u8],
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// Returns whether value `k` is NULL, its column is not in the table, or there is no such `k`.
    pub fn is_null(&self, k: usize) -> bool {
        self.fields.get(k).is_none_or(|field| field.form == Form::Null)
    }

    /// Returns value `k` as it is written, escapes and all, without quotes; `None` for NULL.
    pub fn raw(&self, k: usize) -> Option<&'a [u8]> {
        match self.fields.get(k)? {
            Field { form: Form::Null, .. } => None,
            Field { start, end, .. } => self.text.get(*start..*end),
        }
    }

    /// Returns value `k` as a number; `None` for NULL and for what is not 0 or more and whole.
    pub fn number(&self, k: usize) -> Option<u64> {
        match self.fields.get(k)?.form {
            Form::Bare | Form::Quoted => sql_value::decimal(self.raw(k)?),
            Form::Null | Form::Hex => None,
        }
    }

    /// Returns value `k` as a number that may be negative; `None` for NULL and what is not whole.
    pub fn signed(&self, k: usize) -> Option<i64> {
        match self.fields.get(k)?.form {
            Form::Bare | Form::Quoted => std::str::from_utf8(self.raw(k)?).ok()?.parse().ok(),
            Form::Null | Form::Hex => None,
        }
    }

    /// Returns value `k` with its escapes undone, using `buffer` for it; `None` for NULL.
    pub fn text<'b>(&self, k: usize, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        let raw = self.raw(k)?;
        buffer.clear();
        match self.fields.get(k)?.form {
            Form::Quoted => sql_value::unescape_into(raw, buffer),
            Form::Hex => sql_value::unhex_into(raw, buffer),
            Form::Bare | Form::Null => buffer.extend_from_slice(raw),
        }
        Some(buffer)
    }
}
