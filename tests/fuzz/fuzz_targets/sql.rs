//! Reads any bytes as an SQL dump: no panic, and the same rows whatever the steps.
//!
//! The first byte is the size of the steps; the rest is the file.

#![no_main]

use std::io::Write;

use crossic::dump::sql::Table;
use libfuzzer_sys::fuzz_target;

/// Returns the rows up to the end or the first error, and whether there was an error.
fn rows(path: &std::path::Path, n_bytes: usize) -> (Vec<Vec<Option<Vec<u8>>>>, bool) {
    let columns = ["a", "b?"];
    let mut rows = Vec::new();
    let Ok(mut table) = Table::open_in_steps(path, "t", &columns, n_bytes) else {
        return (rows, true);
    };
    let mut buffer = Vec::new();
    loop {
        match table.next_row() {
            Ok(Some(row)) => rows.push(
                (0..columns.len())
                    .map(|k| {
                        let _ = (row.number(k), row.signed(k), row.is_null(k));
                        row.text(k, &mut buffer).map(<[u8]>::to_vec)
                    })
                    .collect(),
            ),
            Ok(None) => return (rows, false),
            Err(_) => return (rows, true),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&n_bytes, sql)) = bytes.split_first() else {
        return;
    };
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(sql).expect("writing a temporary file");
    let in_one = rows(file.path(), 1 << 16);
    assert_eq!(rows(file.path(), usize::from(n_bytes)), in_one);
});
