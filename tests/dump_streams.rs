//! Decompression: every format comes back whole, and no damage passes for an end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

use crossic::dump::streams::{Progress, Streams, ranges};
use proptest::prelude::*;

mod common;
use common::{bz2, bz2_cut, file, gz, line};

/// Reads a file to its end, in steps of `n_bytes`.
fn read(packed: &[u8], n_bytes: usize) -> Result<Vec<u8>, String> {
    let file = file(packed);
    let mut text = Vec::new();
    let outcome = Streams::whole(file.path()).and_then(|mut streams| {
        while streams.read(&mut text, n_bytes)? != Progress::End {}
        assert_eq!(streams.bytes_read(), packed.len() as u64);
        assert_eq!(streams.position().text, text.len() as u64);
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(text),
        Err(error) => {
            assert_eq!(error.path, file.path());
            Err(line(&error, file.path()))
        }
    }
}

const TEXT: &[u8] = "กรุงเทพ is Bangkok. ".as_bytes();

#[test]
fn every_format_comes_back() {
    for (packed, expected) in [
        (b"plain text".to_vec(), b"plain text".to_vec()),
        (b"BZh".to_vec(), b"BZh".to_vec()),
        (gz(TEXT), TEXT.to_vec()),
        (gz(b""), Vec::new()),
        ([gz(TEXT), gz(b""), gz(TEXT)].concat(), TEXT.repeat(2)),
        ([gz(TEXT), vec![0; 600]].concat(), TEXT.to_vec()),
        (bz2(TEXT), TEXT.to_vec()),
        (bz2(b""), Vec::new()),
        ([bz2(b""), bz2(TEXT), bz2(b""), bz2(TEXT)].concat(), TEXT.repeat(2)),
        ([bz2(TEXT), vec![0; 600]].concat(), TEXT.to_vec()),
        (bz2(&TEXT.repeat(20_000)), TEXT.repeat(20_000)),
        (gz(&TEXT.repeat(20_000)), TEXT.repeat(20_000)),
    ] {
        for n_bytes in [1, 7, 1 << 16] {
            if expected.len() < 1000 || 7 < n_bytes {
                assert_eq!(read(&packed, n_bytes).as_ref(), Ok(&expected));
            }
        }
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    let with = |packed: Vec<u8>, behind: &[u8]| [packed, behind.to_vec()].concat();
    for (packed, expected) in [
        (Vec::new(), "the file is empty"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "xz files are not supported"),
        (b"7z\xbc\xaf\x27\x1c\0\x03".to_vec(), "7z files are not supported"),
        (b"\x28\xb5\x2f\xfd".to_vec(), "zstd files are not supported"),
        (b"\x5d\0\0\x80\0".to_vec(), "lzma files are not supported"),
        (b"BZh9".to_vec(), "the bzip2 data is cut off at byte 0 of the text (byte 4 of the file)"),
        (
            b"\x1f\x8b".to_vec(),
            "the gzip data is cut off at byte 0 of the text (byte 2 of the file)",
        ),
        (
            with(gz(b"x"), b"junk"),
            "bytes that are not gzip data follow at byte 1 of the text (byte 21 of the file)",
        ),
        (
            with(gz(b"x"), b"\0junk"),
            "bytes that are not gzip data follow at byte 1 of the text (byte 22 of the file)",
        ),
        (
            with(bz2(b"x"), b"junk"),
            "bytes that are not bzip2 data follow at byte 1 of the text (byte 37 of the file)",
        ),
    ] {
        assert_eq!(read(&packed, 100), Err(expected.to_owned()));
    }
}

#[test]
fn errors_have_hints_and_stay() {
    let file = file(&bz2(TEXT)[..20]);
    let mut streams = Streams::whole(file.path()).unwrap();
    let first = streams.read(&mut Vec::new(), 100).unwrap_err();
    assert_eq!(
        first.hint(),
        Some("download the file again and compare it with the dump's checksums")
    );
    let second = streams.read(&mut Vec::new(), 100).unwrap_err();
    assert!(second.to_string().contains("after an earlier error"), "{second}");
    let missing = Streams::whole(std::path::Path::new("no/such.gz")).err().unwrap();
    assert_eq!(missing.to_string(), "`no/such.gz`: cannot open the file");
    assert!(std::error::Error::source(&missing).is_some());
}

#[test]
fn every_cut_is_an_error() {
    for packed in [[gz(TEXT), gz(b"b")].concat(), [bz2(TEXT), bz2(b"b")].concat()] {
        let n_first = if packed[0] == 0x1f { gz(TEXT).len() } else { bz2(TEXT).len() };
        for n_kept in 1..packed.len() {
            let outcome = read(&packed[..n_kept], 100);
            match n_kept {
                // A gzip file cut to one byte, or bzip2 to three, cannot be told from plain text.
                1 => assert!(outcome.is_ok()),
                2 | 3 if packed[0] == b'B' => assert!(outcome.is_ok()),
                // Cut between two streams, the file is a whole file.
                _ if n_kept == n_first => assert_eq!(outcome, Ok(TEXT.to_vec())),
                _ => assert!(outcome.unwrap_err().contains("cut off"), "{n_kept}"),
            }
        }
    }
}

#[test]
fn every_flipped_bit_in_the_data_is_an_error() {
    for (packed, n_header) in [(gz(TEXT), 10), (bz2(TEXT), 4)] {
        for place in n_header..packed.len() {
            let mut damaged = packed.clone();
            damaged[place] ^= 0x10;
            // Some bits of a bzip2 stream mean nothing: padding, and code tables that are not used.
            match read(&damaged, 100) {
                Err(message) => {
                    let known = ["is damaged before", "is cut off", "follow at"];
                    assert!(known.iter().any(|part| message.contains(part)), "{message}");
                }
                Ok(text) => assert_eq!(text, TEXT, "{place}"),
            }
        }
    }
}

/// Reads what each range owns, and stops there.
fn own_texts(packed: &[u8], cuts: &[u64]) -> Vec<u8> {
    let file = file(packed);
    let mut places = [&[0], cuts, &[packed.len() as u64]].concat();
    places.sort_unstable();
    let mut text = Vec::new();
    for pair in places.windows(2) {
        let mut streams = Streams::range(file.path(), pair[0]..pair[1]).unwrap();
        while streams.read(&mut text, 50).unwrap() == Progress::Text {}
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn ranges_of_bzip2_own_every_stream_once(
        text in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(0usize..400, 0..6),
        file_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let packed = bz2_cut(&text, &cuts);
        let file_cuts: Vec<u64> = file_cuts.iter().map(|cut| cut.index(packed.len()) as u64).collect();
        prop_assert_eq!(own_texts(&packed, &file_cuts), text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        magic in prop::sample::select(vec![&b""[..], b"BZh91AY&SY", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"BZh9\x17rE8P\x90"]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        drop(read(&[magic, &rest].concat(), 64));
    }
}

#[test]
fn only_bzip2_is_cut_into_ranges() {
    let packed = bz2(TEXT);
    let n = packed.len() as u64;
    let packed = file(&packed);
    assert_eq!(ranges(packed.path(), 2, 1).unwrap(), [0..n.div_ceil(2), n.div_ceil(2)..n]);
    for (n_ranges, n_least_bytes) in [(100, 1 << 20), (1, 0), (0, 0)] {
        let whole: Vec<_> = std::iter::once(0..n).collect();
        assert_eq!(ranges(packed.path(), n_ranges, n_least_bytes).unwrap(), whole);
    }
    let packed = file(&gz(TEXT));
    assert_eq!(ranges(packed.path(), 2, 1).unwrap().len(), 1);
    assert_eq!(own_texts(&gz(TEXT), &[5, 9]), TEXT);
}

#[test]
fn a_range_reads_on_when_asked() {
    let streams = [bz2(b"one "), bz2(b"two "), bz2(b"three")];
    let file = file(&streams.concat());
    let n_first = streams[0].len() as u64;
    let mut streams = Streams::range(file.path(), 1..n_first + 1).unwrap();
    let mut text = Vec::new();
    while streams.read(&mut text, 50).unwrap() != Progress::OwnEnd {}
    assert_eq!(text, b"two ");
    while streams.read(&mut text, 50).unwrap() != Progress::End {}
    assert_eq!(text, b"two three");
}
