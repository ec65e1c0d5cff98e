//! bzip2 on several threads: the text of the plain decoder, and no damage passes for text.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{ops::Range, path::Path};

use crossic::dump::{
    error::DumpError,
    streams::{Lost, Progress, Streams, is_one_stream},
    xml::{Pages, RawPage},
};
use proptest::prelude::*;

mod common;
use common::{bz2, bz2_blocks, bz2_cut, file, line};

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
        Ok(streams.lost().n_places)
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

#[test]
fn the_text_is_that_of_the_plain_decoder() {
    let long = text(700_000, 1);
    for packed in [
        bz2(b""),
        bz2(b"x"),
        bz2_blocks(&long),
        bz2_blocks(&vec![b'a'; 3_000_000]),
        [bz2(b""), bz2_blocks(&long), bz2(b"x"), bz2(b""), vec![0; 300_000]].concat(),
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
    for packed in [bz2_blocks(&whole), bz2_cut(&whole, &[90_000, 200_000])] {
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

/// Reads all pages of streams.
fn pages_of(streams: Streams) -> (Vec<RawPage>, Lost) {
    let mut pages = Pages::of(streams, None);
    let (mut page, mut found) = (RawPage::default(), Vec::new());
    while pages.next(&mut page).unwrap() {
        found.push(page.clone());
    }
    (found, pages.lost())
}

fn pages(path: &Path, skips: bool) -> (Vec<RawPage>, Lost) {
    pages_of(Streams::on_threads(path, 2, skips).unwrap())
}

/// Returns 99 pages of 5,000 bytes, and where each begins.
fn xml() -> (String, Vec<usize>) {
    let (mut xml, mut starts) = ("<mediawiki>".to_owned(), Vec::new());
    for id in 1..100 {
        let text = String::from_utf8(text(5_000, id)).unwrap();
        starts.push(xml.len());
        xml.push_str(&format!(
            "<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><id>9</id><text>{text}</text></revision></page>\n"
        ));
    }
    xml.push_str("</mediawiki>");
    (xml, starts)
}

#[test]
fn pages_around_a_damaged_block_are_whole() {
    let packed = bz2_blocks(xml().0.as_bytes());
    let sound = pages(file(&packed).path(), true);
    assert_eq!((sound.0.len(), sound.1), (99, Lost::default()));
    for place in (20..packed.len() - 20).step_by(packed.len() / 25) {
        let mut damaged = packed.clone();
        damaged[place] ^= 1;
        let (left, lost) = pages(file(&damaged).path(), true);
        assert!(left.iter().all(|page| sound.0.contains(page)), "{place}");
        assert!(left.len() < 99 && 40 < left.len(), "{place}: {}", left.len());
        let n_bytes = lost.n_bytes as usize;
        assert!(lost.n_places == 1 && 9 < n_bytes && n_bytes < packed.len() / 2, "{lost:?}");
    }
}

/// Reads the blocks that begin in each range between neighbouring cuts.
fn union(
    path: &Path,
    cuts: &[u64],
    read: fn(&Path, Range<u64>) -> Streams,
) -> (Vec<RawPage>, Lost) {
    let (mut all, mut sum) = (Vec::new(), Lost::default());
    for cut in cuts.windows(2) {
        let (found, lost) = pages_of(read(path, cut[0]..cut[1]));
        all.extend(found);
        sum.n_places += lost.n_places;
        sum.n_bytes += lost.n_bytes;
    }
    (all, sum)
}

/// Returns a file with one of several kinds of damage, behind the first four bytes.
fn damage(packed: &[u8], kind: u64, place: usize) -> Vec<u8> {
    let mut damaged = packed.to_vec();
    match kind {
        0 => damaged[place] ^= 4,
        1 => damaged.iter_mut().skip(place).take(300).for_each(|byte| *byte = 0),
        2 => damaged.iter_mut().skip(place).take(90_000).for_each(|byte| *byte = 0xaa),
        _ => damaged.truncate(place),
    }
    damaged
}

#[test]
fn ranges_of_blocks_hold_every_page_once_and_every_damage() {
    let (xml, starts) = xml();
    let streams = bz2_cut(xml.as_bytes(), &starts.into_iter().step_by(30).collect::<Vec<_>>());
    let ranges = |path: &Path, own: Range<u64>| Streams::blocks(path, own, true).unwrap();
    for packed in [bz2_blocks(xml.as_bytes()), streams] {
        let n_bytes = packed.len() as u64;
        let cuts =
            |step: usize| -> Vec<u64> { (0..n_bytes).step_by(step).chain([n_bytes]).collect() };
        let sound = file(&packed);
        let expected = pages(sound.path(), false);
        for step in [7_919, 50_000, 1 << 20] {
            assert!(union(sound.path(), &cuts(step), ranges) == expected, "{step}");
        }
        let mut state = 3_u64;
        for round in 0..40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = 4 + (state >> 33) as usize % (packed.len() - 4);
            let damaged = file(&damage(&packed, round % 4, place));
            let expected = pages(damaged.path(), true);
            let found = union(damaged.path(), &cuts(30_011), ranges);
            assert!(found.0 == expected.0, "round {round}, {place}");
            assert_eq!(found.1, expected.1, "round {round}, {place}");
            // Without leave to skip there is an error, somewhere.
            let fails = cuts(30_011).windows(2).any(|cut| {
                let streams = Streams::blocks(damaged.path(), cut[0]..cut[1], false);
                let Ok(streams) = streams else { return true };
                let (mut pages, mut page) = (Pages::of(streams, None), RawPage::default());
                loop {
                    match pages.next(&mut page) {
                        Ok(true) => {}
                        Ok(false) => return false,
                        Err(_) => return true,
                    }
                }
            });
            assert_eq!(fails, expected.1.n_places != 0, "round {round}, {place}");
        }
    }
}

#[test]
fn damage_stays_in_the_stream_that_an_index_lists() {
    let (xml, starts) = xml();
    let cuts: Vec<usize> = starts.into_iter().step_by(10).collect();
    let packed = bz2_cut(xml.as_bytes(), &cuts);
    let mut places: Vec<u64> = vec![0];
    for (from, to) in [0].iter().chain(&cuts).zip(&cuts) {
        let n_bytes = bz2(&xml.as_bytes()[*from..*to]).len();
        places.push(places.last().unwrap() + n_bytes as u64);
    }
    places.push(packed.len() as u64);
    let listed = |path: &Path, own: Range<u64>| Streams::listed(path, own, true).unwrap();
    let sound = file(&packed);
    let whole = pages(sound.path(), false);
    assert!(union(sound.path(), &places, listed) == whole);
    for (stream, range) in places.windows(2).enumerate().skip(1) {
        // The head of the stream, its mark, its data, its end: of the neighbours nothing is lost.
        for place in [range[0] + 1, range[0] + 7, (range[0] + range[1]) / 2, range[1] - 8] {
            let damaged = file(&damage(&packed, 0, place as usize));
            for (other, own) in places.windows(2).enumerate() {
                let (found, lost) = pages_of(listed(damaged.path(), own[0]..own[1]));
                assert_eq!(lost.n_places, u64::from(other == stream), "{stream} {other} {place}");
                let sound = pages_of(listed(sound.path(), own[0]..own[1])).0;
                assert!(found == sound || other == stream, "{stream} {other} {place}");
            }
        }
    }
}

#[test]
fn a_stream_without_its_first_bytes_is_read_whole() {
    let (xml, starts) = xml();
    let packed = bz2_cut(xml.as_bytes(), &starts.into_iter().step_by(10).collect::<Vec<_>>());
    let sound = pages(file(&packed).path(), false);
    let streams: Vec<usize> = memchr::memmem::find_iter(&packed, b"BZh11AY&SY").collect();
    assert!(9 < streams.len());
    for start in streams.into_iter().skip(1) {
        let damaged = file(&damage(&packed, 0, start + 1));
        let expected = (sound.0.clone(), Lost { n_places: 1, n_bytes: 4 });
        assert!(pages(damaged.path(), true) == expected, "{start}");
        // What lies before it is no part of the damage.
        let before = Streams::blocks(damaged.path(), 0..start as u64, false).unwrap();
        let (mut before, mut page) = (Pages::of(before, None), RawPage::default());
        let mut n_pages = 0;
        while before.next(&mut page).is_ok_and(|found| found) {
            n_pages += 1;
        }
        let n_sound = pages_of(Streams::range(damaged.path(), 0..start as u64).unwrap()).0.len();
        assert_eq!(n_pages, n_sound, "{start}");
    }
}

#[test]
fn both_checksums_of_every_stream_count() {
    let (first, second) = (bz2(&text(9_000, 1)), bz2(&text(9_000, 2)));
    let start = first.len() as u64;
    let packed = [first, second, bz2(b"x")].concat();
    let end = packed.len() as u64 - bz2(b"x").len() as u64;
    let read = |streams: Result<Streams, DumpError>| {
        streams.and_then(|mut streams| {
            let mut text = Vec::new();
            while streams.read(&mut text, 1000)? == Progress::Text {}
            Ok(text)
        })
    };
    // The sum of a block follows the marks of its stream and of itself; that of a stream is its end.
    for place in [start as usize + 10, start as usize + 13, end as usize - 3] {
        let mut damaged = packed.clone();
        damaged[place] ^= 1;
        for (packed, is_sound) in [(&packed, true), (&damaged, false)] {
            let file = file(packed);
            let (path, own) = (file.path(), start..end);
            for streams in [
                Streams::range(path, own.clone()),
                Streams::range(path, 1..end),
                Streams::listed(path, own, false),
                Streams::blocks(path, 0..end, false),
                Streams::on_threads(path, 2, false),
            ] {
                assert_eq!(read(streams).is_ok(), is_sound, "{place}");
            }
        }
    }
}

#[test]
fn files_of_one_stream_are_told_from_others() {
    let long = text(300_000, 1);
    for (packed, expected) in [
        (bz2(b"x"), true),
        (bz2_blocks(&long), true),
        (bz2_cut(&long, &[100]), false),
        ([bz2(b""), bz2(b"x")].concat(), false),
        (b"plain".to_vec(), false),
    ] {
        assert_eq!(is_one_stream(file(&packed).path()).unwrap(), expected);
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
