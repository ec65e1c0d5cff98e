//! Reads damaged bzip2 files in each way that there is: no panic, and an error or the bytes that the
//! library makes of the file, never others.
//!
//! The first byte says how the file comes about. With 255 the rest is the file. Otherwise its lowest
//! three bits say how many blocks there are, the next how many streams; three bytes a damage follow,
//! then the text.

#![no_main]

mod bzip2_file;
mod files;

use std::{ops::Range, path::Path};

use bzip2::{Decompress, Status};
use bzip2_file::File;
use crossic::dump::{
    error::DumpError,
    streams::{Lost, Progress, Streams, ranges},
};
use libfuzzer_sys::fuzz_target;

/// What stands in a text for a damaged place that was passed over.
const GAP: &[u8] = b"</mediawiki>";

/// Returns the text up to the end or the first error, and whether the end was reached.
fn read(streams: Streams) -> (Vec<u8>, bool) {
    let (text, outcome) = read_range(streams);
    (text, outcome.is_some())
}

/// Does so up to the end of the range, if that comes first; there the outcome tells which it was.
fn read_range(mut streams: Streams) -> (Vec<u8>, Option<Progress>) {
    let mut text = Vec::new();
    loop {
        let n_before = text.len();
        match streams.read(&mut text, 1000) {
            Ok(Progress::Text) => {}
            Ok(end) => return (text, Some(end)),
            Err(_) => {
                if streams.is_checked() {
                    assert_eq!(text.len(), n_before, "text came with an error");
                }
                assert!(streams.read(&mut text, 1000).is_err(), "reading goes on behind an error");
                return (text, None);
            }
        }
    }
}

/// Returns what the library makes of all streams of a file, and whether it was content.
fn reference(mut file: &[u8]) -> (Vec<u8>, bool) {
    let mut text = Vec::new();
    let mut is_first = true;
    // Zeros behind the last stream are padding.
    while is_first || file.iter().any(|byte| *byte != 0) {
        is_first = false;
        let mut decoder = Decompress::new(false);
        loop {
            text.reserve(1 << 16);
            let (n_in, n_out) = (decoder.total_in(), text.len());
            let rest = &file[n_in as usize..];
            match decoder.decompress_vec(rest, &mut text) {
                Ok(Status::StreamEnd) => break,
                Ok(_) if decoder.total_in() == n_in && text.len() == n_out => return (text, false),
                Ok(_) => {}
                Err(_) => return (text, false),
            }
        }
        file = &file[decoder.total_in() as usize..];
    }
    (text, true)
}

fn check_ranges(path: &Path, n_ranges: u64, expected: &[u8]) {
    let by_blocks = |path: &Path, range| Streams::blocks(path, range, false);
    let ways: [fn(&Path, Range<u64>) -> Result<Streams, DumpError>; 2] = [Streams::range, by_blocks];
    for way in ways {
        let mut all = Vec::new();
        for range in ranges(path, n_ranges, 1).expect("the file could be read") {
            let Ok(streams) = way(path, range) else { panic!("a range is not readable") };
            let (text, outcome) = read_range(streams);
            assert!(outcome.is_some(), "a range fails where the whole does not");
            all.extend(text);
        }
        // A range without a stream or block of its own is empty, so together they are the whole.
        assert!(all == expected, "the ranges together are another text");
    }
}

/// Asserts that a text with gaps holds whole blocks of the undamaged file only.
fn check_skipped(text: &[u8], blocks: &[Vec<u8>]) {
    let pieces: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).chain([GAP]).collect();
    // One piece may be the beginning of another, so every way to part the text is followed.
    let mut is_reached = vec![false; text.len() + 1];
    is_reached[0] = true;
    for place in 0..text.len() {
        for piece in &pieces {
            if is_reached[place] && text[place..].starts_with(piece) {
                is_reached[place + piece.len()] = true;
            }
        }
    }
    assert!(is_reached[text.len()], "a text that is no block of the file");
}

fuzz_target!(|bytes: &[u8]| {
    let Some(file) = File::new(bytes) else { return };
    if !file.bytes.starts_with(b"BZh") || !file.bytes.get(3).is_some_and(|it| (b'1'..=b'9').contains(it)) {
        return;
    }
    let path = files::put("file.bz2", &file.bytes);
    let (expected, is_whole) = reference(&file.bytes);

    let (text, ended) = read(Streams::whole(&path).expect("opening"));
    assert_eq!(ended, is_whole, "one by one");
    assert!(if ended { text == expected } else { expected.starts_with(&text) || text.starts_with(&expected) });
    if is_whole {
        check_ranges(&path, 1 + file.bytes.len() as u64 % 5, &expected);
    }

    let (text, ended) = read(Streams::on_threads(&path, 1, false).expect("opening"));
    assert!(!ended || is_whole, "threads take what the library does not");
    assert!(!is_whole || ended, "threads refuse what the library takes");
    assert!(if ended { text == expected } else { expected.starts_with(&text) }, "other bytes");

    let mut streams = Streams::on_threads(&path, 2, true).expect("opening");
    let mut text = Vec::new();
    while let Progress::Text = streams.read(&mut text, 1000).expect("what is damaged is passed over") {}
    if streams.lost() == Lost::default() {
        assert!(is_whole && text == expected, "damage was passed over in silence");
    }
    if let Some(blocks) = &file.blocks {
        check_skipped(&text, blocks);
    }
});
