//! Reads any bytes as the index of a multistream file: no panic, the same entries whatever the
//! steps, and streams that lie in the file, one behind the other.
//!
//! The first byte is the size of the steps; the rest is the index.

#![no_main]

mod files;
mod readings;

use std::path::Path;

use crossic::dump::{index::wanted_streams, index_lines::Lines};
use libfuzzer_sys::fuzz_target;

/// Two streams without a page in them.
const MULTISTREAM: &[u8] = b"BZh9\x17rE8P\x90\0\0\0\0BZh9\x17rE8P\x90\0\0\0\0";

/// Returns the entries up to the end or the first error, and whether there was an error.
fn entries(path: &Path, n_bytes: usize) -> (Vec<(u64, u32)>, bool) {
    let mut entries = Vec::new();
    let Ok(mut lines) = Lines::open_in_steps(path, n_bytes) else {
        return (entries, true);
    };
    loop {
        match lines.next_entry() {
            Ok(Some(entry)) => entries.push((entry.offset, entry.page)),
            Ok(None) => return (entries, false),
            Err(_) => return (entries, true),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&n_bytes, index)) = bytes.split_first() else {
        return;
    };
    let raw = index;
    let (index, multistream) = (files::put("index", raw), files::put("pages", MULTISTREAM));
    let in_one = entries(&index, 1 << 16);
    let in_steps = entries(&index, usize::from(n_bytes));
    assert!(readings::agree(raw, &in_steps, &in_one), "{in_steps:?}\n{in_one:?}");
    let outcome = wanted_streams(&index, &multistream, |page| page % 2 == 0);
    if let Ok((streams, totals)) = outcome {
        assert_eq!(totals.n_pages, in_one.0.len() as u64);
        let mut end = 0;
        for stream in streams {
            assert!(end <= stream.range.start && stream.range.start < stream.range.end);
            end = stream.range.end;
        }
        assert!(end <= MULTISTREAM.len() as u64);
    }
});
