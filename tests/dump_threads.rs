//! bzip2 on several threads: the text of the plain decoder, and no damage passes for text.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{io::Read, path::Path};

use crossic::dump::{
    streams::{Progress, Streams},
    xml::{Pages, RawPage},
};
use proptest::prelude::*;

mod common;
use common::{bz2, bz2_cut, file, line};

/// Reads a whole file, on threads or by the plain decoder.
fn read(packed: &[u8], threads: Option<(usize, bool)>) -> Result<(Vec<u8>, u64), String> {
    let file = file(packed);
    let mut text = Vec::new();
    let streams = match threads {
        Some((n_threads, skips)) => Streams::on_threads(file.path(), n_threads, skips),
        None => Streams::whole(file.path()),
    };
    let outcome = streams.and_then(|mut streams| {
        while streams.read(&mut text, 1000)? != Progress::End {}
        Ok(streams.n_lost())
    });
    match outcome {
        Ok(n_lost) => Ok((text, n_lost)),
        Err(error) => Err(line(&error, file.path())),
    }
}

/// Text that is like no other, so that blocks differ.
fn text(n_bytes: usize, mut state: u64) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < n_bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend_from_slice(format!("ช้าง{} ", state >> 48).as_bytes());
    }
    text
}

/// One stream of several blocks of 100 kB, which begin at any bit.
fn several_blocks(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(text, bzip2::Compression::new(1)).read_to_end(&mut packed).unwrap();
    packed
}

#[test]
fn the_text_is_that_of_the_plain_decoder() {
    let long = text(700_000, 1);
    for packed in [
        bz2(b""),
        bz2(b"x"),
        several_blocks(&long),
        several_blocks(&vec![b'a'; 3_000_000]),
        [bz2(b""), several_blocks(&long), bz2(b"x"), bz2(b""), vec![0; 300_000]].concat(),
        bz2_cut(&long, &[5, 100_000, 100_001]),
        b"plain".to_vec(),
    ] {
        let expected = read(&packed, None);
        assert!(expected.is_ok());
        for n_threads in [1, 3] {
            assert_eq!(read(&packed, Some((n_threads, false))), expected);
        }
    }
}

#[test]
fn every_cut_is_an_error() {
    let packed = [bz2(b"x"), bz2(b"yy")].concat();
    let n_first = bz2(b"x").len();
    for n_kept in 4..packed.len() {
        let outcome = read(&packed[..n_kept], Some((2, false)));
        match n_kept == n_first {
            true => assert_eq!(outcome, Ok((b"x".to_vec(), 0))),
            false => {
                let message = outcome.unwrap_err();
                assert!(message.contains("cut off") || message.contains("damaged"), "{message}");
            }
        }
    }
    let junk = [bz2(b"x"), b"junk".to_vec()].concat();
    assert!(read(&junk, Some((1, false))).unwrap_err().contains("follow at"));
}

#[test]
fn flipped_bits_are_errors_or_mean_nothing() {
    let whole = text(350_000, 2);
    for packed in [several_blocks(&whole), bz2_cut(&whole, &[90_000, 200_000])] {
        let mut state = 7_u64;
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = 4 + (state >> 33) as usize % (packed.len() - 4);
            let mut damaged = packed.clone();
            damaged[place] ^= 1 << (state >> 61);
            match read(&damaged, Some((2, false))) {
                Ok((text, _)) => assert!(text == whole, "wrong text after a flip at {place}"),
                Err(message) => assert!(message.contains("of the file)"), "{message}"),
            }
            // What is passed over leaves the rest: pieces of the text, in order.
            let (text, n_lost) = read(&damaged, Some((2, true))).unwrap();
            let mut rest = whole.as_slice();
            let gap = b"</mediawiki>";
            let is_gap = |at: usize| text[at..].starts_with(gap);
            let mut from = 0;
            for at in (0..=text.len()).filter(|at| *at == text.len() || is_gap(*at)) {
                let piece = &text[from..at];
                let found = memchr::memmem::find(rest, piece).expect("text of the file");
                rest = &rest[found + piece.len()..];
                from = at + gap.len();
            }
            assert_eq!(n_lost == 0, text == whole, "{place}");
            assert!(whole.len() / 5 < text.len(), "{place}: {} bytes are left", text.len());
        }
    }
}

fn pages(path: &Path, skips: bool) -> (Vec<RawPage>, u64) {
    let mut pages = Pages::of(Streams::on_threads(path, 2, skips).unwrap(), None);
    let (mut page, mut found) = (RawPage::default(), Vec::new());
    while pages.next(&mut page).unwrap() {
        found.push(page.clone());
    }
    (found, pages.n_lost())
}

#[test]
fn pages_around_a_damaged_block_are_whole() {
    let page = |id: usize| {
        let text = String::from_utf8(text(5_000, id as u64)).unwrap();
        format!(
            "<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><id>9</id><text>{text}</text></revision></page>\n"
        )
    };
    let xml: String = (1..100).map(page).collect();
    let packed = several_blocks(format!("<mediawiki>{xml}</mediawiki>").as_bytes());
    let sound = pages(file(&packed).path(), true);
    assert_eq!((sound.0.len(), sound.1), (99, 0));
    for place in (20..packed.len() - 20).step_by(packed.len() / 25) {
        let mut damaged = packed.clone();
        damaged[place] ^= 1;
        let (left, n_lost) = pages(file(&damaged).path(), true);
        assert!(left.iter().all(|page| sound.0.contains(page)), "{place}");
        assert!(left.len() < 99 && 40 < left.len() && n_lost == 1, "{place}: {}", left.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_harm(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
        marks in proptest::collection::vec((0_usize..400, any::<bool>()), 0..4),
    ) {
        for (place, is_end) in marks {
            let mark: &[u8] = if is_end { b"BZh9\x17rE8P\x90\0\0\0\0" } else { b"BZh91AY&SY" };
            let place = place.min(bytes.len());
            bytes.splice(place..place, mark.iter().copied());
        }
        let bytes = [b"BZh9".to_vec(), bytes].concat();
        let strict = read(&bytes, Some((1, false)));
        prop_assert!(read(&bytes, Some((1, true))).is_ok());
        if let (Ok((text, _)), Ok((plain, _))) = (strict, read(&bytes, None)) {
            prop_assert_eq!(text, plain);
        }
    }
}
