//! The text of SQL dumps: values and rows as MariaDB's dump tool writes them, INSERT statements of
//! about a megabyte.

use std::io::{self, Write};

/// The longest INSERT statement, in bytes; the dump tool starts a new one there.
const MAX_STATEMENT: usize = 1_000_000;

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A whole number.
    Integer(i64),
    /// A fraction below one, in units of 10^-12.
    Fraction(u64),
    /// A quoted byte string.
    Text(&'a str),
    /// The absent value.
    Null,
}

/// Rows that are already text; where each ends is kept, so that statements can be cut between rows.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// Appends a row.
    pub fn push(&mut self, values: &[Value<'_>]) {
        self.text.push(b'(');
        for (index, value) in values.iter().enumerate() {
            if 0 < index {
                self.text.push(b',');
            }
            self.push_value(*value);
        }
        self.text.push(b')');
        self.ends.push(self.text.len());
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn push_value(&mut self, value: Value<'_>) {
        match value {
            Value::Integer(number) => self.text.extend_from_slice(number.to_string().as_bytes()),
            Value::Fraction(0) => self.text.push(b'0'),
            Value::Fraction(units) => {
                let digits = format!("0.{units:012}");
                self.text.extend_from_slice(digits.trim_end_matches('0').as_bytes());
            }
            Value::Null => self.text.extend_from_slice(b"NULL"),
            Value::Text(text) => {
                self.text.push(b'\'');
                for byte in text.bytes() {
                    let escaped = match byte {
                        0 => b'0',
                        b'\n' => b'n',
                        b'\r' => b'r',
                        0x1a => b'Z',
                        b'\\' | b'\'' | b'"' => byte,
                        _ => {
                            self.text.push(byte);
                            continue;
                        }
                    };
                    self.text.extend_from_slice(&[b'\\', escaped]);
                }
                self.text.push(b'\'');
            }
        }
    }
}

/// Writes a table dump: head, INSERT statements, foot.
#[derive(Debug)]
pub struct TableWriter<W: Write> {
    writer: W,
    table: &'static str,
    foot: String,
    n_bytes: usize,
}

impl<W: Write> TableWriter<W> {
    /// Writes the head of the dump and returns the writer of its rows.
    pub fn new(mut writer: W, table: &'static str, head: &str, foot: String) -> io::Result<Self> {
        writer.write_all(head.as_bytes())?;
        Ok(TableWriter { writer, table, foot, n_bytes: 0 })
    }

    /// Writes the rows, in the order in which they were pushed.
    pub fn write(&mut self, rows: &Rows) -> io::Result<()> {
        let mut start = 0;
        for end in &rows.ends {
            let row = rows.text.get(start..*end).unwrap_or_default();
            start = *end;
            if 0 < self.n_bytes && MAX_STATEMENT < self.n_bytes + row.len() {
                self.writer.write_all(b";\n")?;
                self.n_bytes = 0;
            }
            if self.n_bytes == 0 {
                write!(self.writer, "INSERT INTO `{}` VALUES ", self.table)?;
            } else {
                self.writer.write_all(b",")?;
            }
            self.writer.write_all(row)?;
            self.n_bytes += row.len() + 1;
        }
        Ok(())
    }

    /// Writes the foot and returns the writer underneath.
    pub fn finish(mut self) -> io::Result<W> {
        if 0 < self.n_bytes {
            self.writer.write_all(b";\n")?;
        }
        self.writer.write_all(self.foot.as_bytes())?;
        Ok(self.writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[Value<'_>], expected: &str) {
        let mut rows = Rows::default();
        rows.push(values);
        assert_eq!(String::from_utf8(rows.text).unwrap(), expected);
    }

    #[test]
    fn values_are_escaped_as_the_dump_tool_does() {
        check(&[Value::Integer(-1), Value::Null, Value::Text("ช้าง")], "(-1,NULL,'ช้าง')");
        check(&[Value::Text("Halley's \"C\\\n")], r#"('Halley\'s \"C\\\n')"#);
        check(&[Value::Fraction(500_000_000_000), Value::Fraction(7)], "(0.5,0.000000000007)");
    }

    #[test]
    fn a_long_table_is_cut_between_rows() {
        let mut rows = Rows::default();
        for _ in 0..3 {
            rows.push(&[Value::Text(&"x".repeat(400_000))]);
        }
        let mut table = TableWriter::new(Vec::new(), "page", "", String::new()).unwrap();
        table.write(&rows).unwrap();
        let text = String::from_utf8(table.finish().unwrap()).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.starts_with("INSERT INTO `page` VALUES ('x")));
        assert!(text.lines().all(|line| line.ends_with("');")));
    }

    #[test]
    fn a_table_without_rows_has_no_statement() {
        let table = TableWriter::new(Vec::new(), "page", "head\n", "foot\n".into()).unwrap();
        assert_eq!(table.finish().unwrap(), b"head\nfoot\n");
    }
}
