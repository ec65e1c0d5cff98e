//! Windows written out by hand, and any window against a slow twin that looks at one token at a time.

use proptest::prelude::*;

use super::*;
use crate::{
    data::{
        corpus::{LanguageSpan, RowKind},
        memory_rows::MemoryRows,
        sampler::{Layouts, RowLength},
        testing::{BOS, CLOSING, info, row, rows_of},
    },
    settings::Sampler,
};

const NO: u16 = NO_LANGUAGE;

fn whole(rows: &dyn Rows, numbers: &[u32]) -> Layout {
    let piece = |row: u32| Piece { row, start: 0, end: rows.length(row as usize) as u32 };
    numbers.iter().map(|it| piece(*it)).collect()
}

fn assembler(bos: bool, attention: Attention, loss_on: LossOn, split_loss: bool) -> Assembler {
    let mut info = info(RowKind::Segments);
    info.bos_id = info.bos_id.filter(|_| bos);
    let settings = Settings { attention, loss_on, split_loss, ..Settings::default() };
    Assembler::new(&info, &settings).unwrap()
}

fn one(assembler: &Assembler, rows: &dyn Rows, layout: Layout) -> Window {
    assembler.windows(rows, &[layout]).unwrap().remove(0)
}

/// Returns `1` for what is learned and `0` for the rest.
fn learned(window: &Window) -> String {
    window.learned.iter().map(|it| if *it { '1' } else { '0' }).collect()
}

#[test]
fn a_window_of_two_segments_with_its_bos() {
    let rows = rows_of(&[5, 3]);
    let window = one(
        &assembler(true, Attention::Causal, LossOn::All, true),
        rows.as_ref(),
        whole(rows.as_ref(), &[0, 1]),
    );
    assert_eq!(window.ids, [BOS, 0, 7, 14, 21, CLOSING, 31, 38, CLOSING]);
    assert_eq!(window.positions, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(window.segments, [0, 0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!(window.languages, [NO, 0, 0, 1, 1, NO, 0, 1, NO]);
    assert_eq!(window.rows, [rows.id(0), rows.id(1)]);
    assert_eq!(learned(&window), "011111111");
}

#[test]
fn segments_stand_alone_if_attention_says_so() {
    let rows = rows_of(&[5, 3]);
    let layout = whole(rows.as_ref(), &[0, 1]);
    let with_bos = assembler(true, Attention::Segment, LossOn::All, true);
    let window = one(&with_bos, rows.as_ref(), layout.clone());
    assert_eq!(window.positions, [0, 1, 2, 3, 4, 5, 0, 1, 2]);
    assert_eq!(learned(&window), "011111011");
    let without = assembler(false, Attention::Segment, LossOn::All, true);
    let window = one(&without, rows.as_ref(), layout);
    assert_eq!(window.positions, [0, 1, 2, 3, 4, 0, 1, 2]);
    assert_eq!(learned(&window), "01111011");
}

#[test]
fn the_loss_is_on_what_the_settings_choose() {
    let rows = rows_of(&[5, 3]);
    let check = |loss_on, split_loss, expected: &str| {
        let assembler = assembler(false, Attention::Causal, loss_on, split_loss);
        let window = one(&assembler, rows.as_ref(), whole(rows.as_ref(), &[0, 1]));
        assert_eq!(learned(&window), expected, "{loss_on:?}, {split_loss}");
    };
    // English, English, Thai, Thai, [SPLIT]; English, Thai, [SPLIT].
    check(LossOn::All, true, "01111111");
    check(LossOn::All, false, "01110110");
    check(LossOn::English, true, "01001101");
    check(LossOn::English, false, "01000100");
    check(LossOn::Target, true, "00111011");
    check(LossOn::Target, false, "00110010");
}

#[test]
fn a_document_that_is_cut_keeps_its_languages_and_closes_once() {
    let rows = rows_of(&[9]);
    let piece = |start, end| vec![Piece { row: 0, start, end }];
    let assembler = assembler(true, Attention::Causal, LossOn::Target, false);
    let windows =
        assembler.windows(rows.as_ref(), &[piece(0, 3), piece(3, 6), piece(6, 9)]).unwrap();
    let whole = rows.read(0).unwrap().ids;
    assert_eq!(windows.iter().map(|it| it.ids[1..].to_vec()).collect::<Vec<_>>().concat(), whole);
    let languages: Vec<_> = windows.iter().map(|it| it.languages.clone()).collect();
    assert_eq!(languages, [[NO, 0, 0, 0], [NO, 0, 1, 1], [NO, 1, 1, NO]]);
    assert_eq!(windows.iter().map(learned).collect::<Vec<_>>(), ["0000", "0011", "0110"]);
}

#[test]
fn a_side_that_is_not_in_the_corpus_cannot_be_chosen() {
    let check = |languages: &[&str], loss_on, works: bool| {
        let languages = languages.iter().map(|it| (*it).to_owned()).collect();
        let info = CorpusInfo { languages, ..info(RowKind::Documents) };
        let made = Assembler::new(&info, &Settings { loss_on, ..Settings::default() });
        assert_eq!(made.is_ok(), works, "{:?} {loss_on:?}", info.languages);
    };
    check(&["th"], LossOn::All, true);
    check(&["th"], LossOn::Target, true);
    check(&["th"], LossOn::English, false);
    check(&["en"], LossOn::English, true);
    check(&["en"], LossOn::Target, false);
    check(&["en", "th"], LossOn::Target, true);
}

#[test]
fn a_row_that_shrank_is_refused() {
    let rows = rows_of(&[5]);
    let layout = vec![Piece { row: 0, start: 0, end: 6 }];
    let assembler = assembler(true, Attention::Causal, LossOn::All, true);
    let error = assembler.windows(rows.as_ref(), &[layout]).unwrap_err();
    assert!(error.to_string().contains(&rows.id(0).to_string()), "{error}");
}

/// Returns rows with spans anywhere: gaps, empty spans, and one over the closing token.
fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let cuts = prop::collection::vec((0_u32..30, 0_u16..2), 0..5);
    prop::collection::vec((1_usize..30, cuts), 1..8).prop_map(|rows| {
        let row = |(number, (length, mut cuts)): (usize, (usize, Vec<(u32, u16)>))| {
            cuts.sort_unstable();
            let cut = |it: &(u32, u16)| it.0.min(length as u32);
            let spans = cuts.windows(2).filter(|it| it[0].1 == 0 || it[1].1 == 0);
            let spans = spans
                .map(|it| LanguageSpan { language: it[0].1, start: cut(&it[0]), end: cut(&it[1]) })
                .collect();
            Row { spans, ..row(number as u32, length) }
        };
        rows.into_iter().enumerate().map(row).collect()
    })
}

fn any_assembler() -> impl Strategy<Value = Assembler> {
    let attention = prop_oneof![Just(Attention::Causal), Just(Attention::Segment)];
    let loss_on = prop_oneof![Just(LossOn::All), Just(LossOn::Target), Just(LossOn::English)];
    (any::<bool>(), attention, loss_on, any::<bool>()).prop_map(
        |(bos, attention, loss_on, split_loss)| assembler(bos, attention, loss_on, split_loss),
    )
}

proptest! {
    #[test]
    fn every_token_is_what_it_is_in_its_row(
        rows in some_rows(), assembler in any_assembler(), chop in any::<bool>(), room in 30_u32..50,
    ) {
        let sampler = if chop { Sampler::ConcatChop } else { Sampler::SplitAligned };
        let room = if chop { room % 7 + 1 } else { room };
        let lengths = rows.iter().enumerate();
        let lengths = lengths.map(|(row, it)| RowLength { row: row as u32, length: it.ids.len() as u32 });
        let layouts: Vec<Layout> = Layouts::new(sampler, room, lengths).collect();
        let windows = assembler.windows(&MemoryRows::new(rows.clone()), &layouts).unwrap();
        let n_bos = usize::from(assembler.bos.is_some());
        // The stream of tokens with the row and the place of each.
        let mut stream = rows.iter().flat_map(|row| (0..row.ids.len()).map(move |place| (row, place)));
        for window in &windows {
            prop_assert!(window.len() <= room as usize + n_bos);
            let mut of_row = Vec::new();
            for token in 0..window.len() {
                let all = [window.positions.len(), window.segments.len(), window.learned.len(), window.languages.len()];
                prop_assert_eq!(all, [window.len(); 4]);
                if token < n_bos {
                    prop_assert_eq!((window.ids[0], window.positions[0], window.segments[0]), (BOS, 0, 0));
                    prop_assert_eq!((window.learned[0], window.languages[0]), (false, NO));
                    continue;
                }
                let (row, place) = stream.next().unwrap();
                let new = of_row.last() != Some(&row.id);
                if new {
                    of_row.push(row.id);
                }
                prop_assert_eq!(window.ids[token], row.ids[place]);
                prop_assert_eq!(window.segments[token] as usize, of_row.len() - 1);
                let closing = place == row.ids.len() - 1;
                let span = row.spans.iter().find(|it| it.start as usize <= place && place < it.end as usize);
                let language = span.filter(|_| !closing).map(|it| it.language);
                prop_assert_eq!(window.languages[token], language.unwrap_or(NO));
                // The BOS is before the first segment, also for itself.
                let starts = new && !(of_row.len() == 1 && n_bos == 1);
                let alone = assembler.attention == Attention::Segment;
                let position = match (alone, starts) {
                    (true, true) => 0,
                    (true, false) => window.positions[token - 1] + 1,
                    (false, _) => token as u32,
                };
                prop_assert_eq!(window.positions[token], position);
                let on = match (closing, assembler.loss_on, language) {
                    (true, _, _) => assembler.split_loss,
                    (_, LossOn::All, _) => true,
                    (_, LossOn::English, language) => language == Some(0),
                    (_, LossOn::Target, language) => language == Some(1),
                };
                prop_assert_eq!(window.learned[token], on && token != 0 && !(alone && starts));
            }
            prop_assert_eq!(&window.rows, &of_row);
        }
        prop_assert_eq!(stream.next(), None);
    }
}
