//! Reads any bytes as the index of a multistream file: no panic, the same entries whatever the
//! steps, and streams that lie in the file, one behind the other.
//!
//! The first byte is the size of the steps; the rest is the index.

#![no_main]

use std::{io::Write, path::Path};

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

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("writing a temporary file");
    file
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&n_bytes, index)) = bytes.split_first() else {
        return;
    };
    let (index, multistream) = (file(index), file(MULTISTREAM));
    let in_one = entries(index.path(), 1 << 16);
    assert_eq!(entries(index.path(), usize::from(n_bytes)), in_one);
    let outcome = wanted_streams(index.path(), multistream.path(), |page| page % 2 == 0);
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
