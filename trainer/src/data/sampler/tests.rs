//! Every sampler against slow twins that are written from the method, §3, over streams of single tokens.

use proptest::prelude::*;

use super::*;
use crate::data::testing::{info, rows_of};

/// A token of the stream: the row it belongs to, its place there, and whether it is the closing [SPLIT].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Token {
    row: u32,
    place: u32,
    split: bool,
}

fn segments(lengths: &[u32]) -> impl Iterator<Item = RowLength> + '_ {
    lengths.iter().enumerate().map(|(row, length)| RowLength { row: row as u32, length: *length })
}

fn tokens_of(lengths: &[u32], piece: Piece) -> impl Iterator<Item = Token> + '_ {
    let last = lengths[piece.row as usize] - 1;
    (piece.start..piece.end).map(move |place| Token { row: piece.row, place, split: place == last })
}

fn stream(lengths: &[u32]) -> Vec<Token> {
    segments(lengths).flat_map(|it| tokens_of(lengths, it.into())).collect()
}

fn sampled(sampler: Sampler, room: u32, lengths: &[u32]) -> Vec<Layout> {
    Layouts::new(sampler, room, segments(lengths)).collect()
}

fn unrolled(layouts: &[Layout], lengths: &[u32]) -> Vec<Vec<Token>> {
    let window = |layout: &Layout| layout.iter().flat_map(|it| tokens_of(lengths, *it)).collect();
    layouts.iter().map(window).collect()
}

/// The definition: "a window starts at s, its last [SPLIT] inside [s, s+N) is at q; the window is stream[s..=q]; the
/// next one starts at q+1."
fn by_last_split(stream: &[Token], room: usize) -> Vec<Vec<Token>> {
    let mut windows = Vec::new();
    let mut s = 0;
    while s < stream.len() {
        let reach = (s + room).min(stream.len());
        let q = (s..reach).rev().find(|it| stream[*it].split).unwrap();
        windows.push(stream[s..=q].to_vec());
        s = q + 1;
    }
    windows
}

/// Next-fit as a textbook has it: one open bin.
fn next_fit(lengths: &[u32], room: u32) -> Vec<Vec<u32>> {
    let mut bins: Vec<(u32, Vec<u32>)> = Vec::new();
    for segment in segments(lengths) {
        match bins.last_mut() {
            Some((used, rows)) if *used + segment.length <= room => {
                *used += segment.length;
                rows.push(segment.row);
            }
            _ => bins.push((segment.length, vec![segment.row])),
        }
    }
    bins.into_iter().map(|(_, rows)| rows).collect()
}

/// What the doc of [`best_fit::BestFit`] says, over a list that is searched from end to end.
fn slow_best_fit(lengths: &[u32], room: u32) -> Vec<Vec<u32>> {
    let mut stream = segments(lengths);
    let mut buffer: Vec<RowLength> = Vec::new();
    let mut windows = Vec::new();
    loop {
        buffer.extend(stream.by_ref().take(best_fit::BUFFER - buffer.len()));
        if buffer.is_empty() {
            return windows;
        }
        // The list is in the order of the stream, so its first is the one that has waited longest.
        let first = buffer.remove(0);
        let (mut left, mut rows) = (room - first.length, vec![first.row]);
        while let Some(most) = buffer.iter().map(|it| it.length).filter(|it| *it <= left).max() {
            let place = buffer.iter().position(|it| it.length == most).unwrap();
            rows.push(buffer.remove(place).row);
            left -= most;
        }
        windows.push(rows);
    }
}

fn rows_in(layouts: &[Layout]) -> Vec<Vec<u32>> {
    layouts.iter().map(|it| it.iter().map(|piece| piece.row).collect()).collect()
}

/// Returns a room, and lengths of segments that fit it.
fn fitting(n_segments: usize) -> impl Strategy<Value = (u32, Vec<u32>)> {
    (1_u32..60).prop_flat_map(move |room| {
        (Just(room), prop::collection::vec(prop_oneof![1..=room, Just(room)], 0..n_segments))
    })
}

proptest! {
    #[test]
    fn split_aligned_is_the_definition_and_next_fit((room, lengths) in fitting(80)) {
        let layouts = sampled(Sampler::SplitAligned, room, &lengths);
        let windows = unrolled(&layouts, &lengths);
        prop_assert_eq!(&windows, &by_last_split(&stream(&lengths), room as usize));
        prop_assert_eq!(windows.concat(), stream(&lengths));
        prop_assert_eq!(rows_in(&layouts), next_fit(&lengths, room));
    }

    #[test]
    fn concat_chop_is_the_stream_cut_every_n(
        room in 1_u32..60, lengths in prop::collection::vec(1_u32..200, 0..30),
    ) {
        let windows = unrolled(&sampled(Sampler::ConcatChop, room, &lengths), &lengths);
        let expected: Vec<_> = stream(&lengths).chunks(room as usize).map(<[_]>::to_vec).collect();
        prop_assert_eq!(windows, expected);
    }

    #[test]
    fn best_fit_is_what_its_doc_says_and_keeps_segments_whole((room, lengths) in fitting(120)) {
        let layouts = sampled(Sampler::BestFit, room, &lengths);
        prop_assert_eq!(rows_in(&layouts), slow_best_fit(&lengths, room));
        let windows = unrolled(&layouts, &lengths);
        prop_assert!(windows.iter().all(|it| it.len() <= room as usize));
        for layout in &layouts {
            prop_assert!(layout.iter().all(|it| it.start == 0 && it.end == lengths[it.row as usize]));
        }
        let mut tokens = windows.concat();
        tokens.sort_unstable();
        prop_assert_eq!(tokens, stream(&lengths));
    }
}

/// Returns lengths as those of Wikipedia articles, at most N: lognormal, by the sum of twelve hashes for a normal one.
fn lognormal(n_segments: u32, n: u32) -> Vec<u32> {
    let key = crate::data::keyed::Keyed::new("crossic-trainer test of lengths", &[]);
    let share = |row: u32, draw: u32| {
        let fields: [&[u8]; 2] = [&row.to_le_bytes(), &draw.to_le_bytes()];
        key.share(crossic_operators::record::Digest::of_fields(&fields))
    };
    let length = |row| {
        let normal = (0..12).map(|draw| share(row, draw)).sum::<f64>() - 6.0;
        ((900.0 * normal.exp()) as u32).clamp(16, n)
    };
    (0..n_segments).map(length).collect()
}

fn fill(layouts: &[Layout], room: u32) -> f64 {
    let n_tokens: u32 = layouts.iter().flatten().map(Piece::n_tokens).sum();
    f64::from(n_tokens) / (layouts.len() as f64 * f64::from(room))
}

#[test]
fn best_fit_fills_windows_of_articles_and_lets_none_wait_long() {
    let lengths = lognormal(20_000, 4_096);
    let layouts = sampled(Sampler::BestFit, 4_096, &lengths);
    let (best, aligned) = (fill(&layouts, 4_096), sampled(Sampler::SplitAligned, 4_096, &lengths));
    let aligned = fill(&aligned, 4_096);
    assert!(0.98 <= best, "{best}");
    assert!((0.70..0.90).contains(&aligned), "{aligned}");
    // A segment is in the buffer when its window comes, and leaves it after no more windows than it holds.
    let mut n_taken = 0;
    for (number, layout) in layouts.iter().enumerate() {
        for piece in layout {
            assert!((piece.row as usize) < n_taken + best_fit::BUFFER, "taken too early");
            assert!(number <= piece.row as usize, "taken too late");
        }
        n_taken += layout.len();
    }
}

#[test]
fn a_buffer_that_runs_over_is_bounded_and_does_as_its_doc_says() {
    let lengths = lognormal(6_000, 4_096);
    let layouts = sampled(Sampler::BestFit, 4_096, &lengths);
    assert_eq!(rows_in(&layouts), slow_best_fit(&lengths, 4_096));
}

#[test]
fn rows_that_do_not_fit_are_refused_with_their_sizes() {
    let rows = rows_of(&[10, 64, 63, 64]);
    let (segments, documents) = (info(RowKind::Segments), info(RowKind::Documents));
    let refused = |sampler, n_tokens, info: &CorpusInfo| {
        let error = check(sampler, n_tokens, info, rows.as_ref()).unwrap_err();
        (error.to_string(), error.hint().unwrap())
    };
    for sampler in [Sampler::SplitAligned, Sampler::BestFit] {
        let (error, hint) = refused(sampler, 64, &segments);
        let what =
            "2 segments are longer than a window of 64 tokens with its BOS; the longest has 64";
        assert_eq!(error, what);
        assert!(hint.contains("65 at least") && hint.contains("concat-chop"), "{hint}");
        assert_eq!(check(sampler, 65, &segments, rows.as_ref()).unwrap(), 64);
        let without_bos = CorpusInfo { bos_id: None, ..info(RowKind::Segments) };
        assert_eq!(check(sampler, 64, &without_bos, rows.as_ref()).unwrap(), 64);
        let (error, hint) = refused(sampler, 65, &documents);
        assert!(error.contains(sampler.name()) && hint.contains("concat-chop"), "{error} {hint}");
    }
    for info in [&segments, &documents] {
        assert_eq!(check(Sampler::ConcatChop, 16, info, rows.as_ref()).unwrap(), 15);
        for n_tokens in [0, 1] {
            assert!(
                refused(Sampler::ConcatChop, n_tokens, info).0.contains("cannot be learned from")
            );
        }
    }
}
