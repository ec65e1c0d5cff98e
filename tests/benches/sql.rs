//! The SQL scanner over a plain `langlinks` table of 200 MB, on one core: rows of other languages
//! are told by one raw field, as a build does.
//!
//! `cargo bench --bench sql`

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for a terminal, which stops at the first error"
)]

use std::{io::Write, time::Instant};

use crossic::dump::sql::Table;

const N_BYTES: usize = 200 << 20;
const ROUNDS: usize = 5;

fn main() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let n_rows = write(&mut file);
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let columns = ["ll_from", "ll_lang", "ll_title"];
        let mut table = Table::open(file.path(), "langlinks", &columns).expect("a table");
        let (mut n_read, mut n_thai) = (0_u64, 0_u64);
        while let Some(row) = table.next_row().expect("a row") {
            n_read += 1;
            n_thai += u64::from(row.raw(1) == Some(b"th"));
        }
        assert_eq!(n_read, n_rows);
        assert!(0 < n_thai && n_thai < n_rows);
        rates.push(N_BYTES as f64 / start.elapsed().as_secs_f64() / 1e6);
    }
    rates.sort_by(f64::total_cmp);
    println!("{n_rows} rows; MB/s of SQL: {rates:.0?}");
}

/// Writes the table; returns its rows.
fn write(file: &mut impl Write) -> u64 {
    const LANGUAGES: &[&str] = &["ar", "de", "fr", "ja", "pt", "ru", "th", "zh"];
    let mut text = String::from(
        "CREATE TABLE `langlinks` (\n  `ll_from` int(8) unsigned NOT NULL,\n  \
         `ll_lang` varbinary(35) NOT NULL,\n  `ll_title` varbinary(255) NOT NULL\n);\n",
    );
    let (mut n_rows, mut n_bytes) = (0_u64, 0);
    while n_bytes < N_BYTES {
        text.push_str("INSERT INTO `langlinks` VALUES ");
        for place in 0..10_000_u64 {
            let lang = LANGUAGES.iter().cycle().nth((n_rows % 8) as usize).expect("a language");
            let comma = if place == 0 { "" } else { "," };
            text.push_str(&format!("{comma}({n_rows},'{lang}','L\\'article numéro {n_rows}')"));
            n_rows += 1;
        }
        text.push_str(";\n");
        n_bytes += text.len();
        file.write_all(text.as_bytes()).expect("writing");
        text.clear();
    }
    n_rows
}
