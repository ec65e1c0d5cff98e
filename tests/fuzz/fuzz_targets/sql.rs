//! Reads any bytes as an SQL dump: no panic, and the same rows whatever the steps.
//!
//! The first byte is the size of the steps, the second the table; the rest is the file.

#![no_main]

mod files;
mod readings;

use std::path::Path;

use crossic::dump::sql::Table;
use libfuzzer_sys::fuzz_target;

/// Tables with the columns to be read, of which those with a question mark may be missing.
const TABLES: [(&str, &[&str]); 5] = [
    ("t", &["a", "b?"]),
    ("page", &["page_id", "page_namespace", "page_title", "page_is_redirect", "page_latest?"]),
    ("langlinks", &["ll_from", "ll_lang", "ll_title"]),
    ("redirect", &["rd_from", "rd_namespace", "rd_title", "rd_interwiki?", "rd_fragment?"]),
    ("page_props", &["pp_page", "pp_propname"]),
];

/// A row as text, numbers, and whether each is null.
type Row = Vec<(Option<Vec<u8>>, Option<u64>, Option<i64>, bool)>;

/// Returns the rows up to the end or the first error, and whether there was an error.
fn rows(path: &Path, (name, columns): (&str, &[&str]), n_bytes: usize) -> (Vec<Row>, bool) {
    let mut rows = Vec::new();
    let Ok(mut table) = Table::open_in_steps(path, name, columns, n_bytes) else {
        return (rows, true);
    };
    let mut buffer = Vec::new();
    loop {
        match table.next_row() {
            Ok(Some(row)) => rows.push(
                (0..columns.len())
                    .map(|k| {
                        let text = row.text(k, &mut buffer).map(<[u8]>::to_vec);
                        (text, row.number(k), row.signed(k), row.is_null(k))
                    })
                    .collect(),
            ),
            Ok(None) => return (rows, false),
            Err(_) => return (rows, true),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [n_bytes, table, sql @ ..] = bytes else { return };
    let path = files::put("t.sql", sql);
    let table = TABLES[usize::from(*table) % TABLES.len()];
    let in_one = rows(&path, table, 1 << 16);
    let in_steps = rows(&path, table, usize::from(*n_bytes));
    assert!(readings::agree(sql, &in_steps, &in_one), "{in_steps:?}\n{in_one:?}");
});
