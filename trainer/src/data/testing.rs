//! What the tests of this folder share: a small corpus, and rows with tokens that tell where they belong.

use std::{path::PathBuf, sync::Arc};

use crossic_operators::record::Digest;

use crate::data::{
    corpus::{CorpusInfo, LanguageSpan, Row, RowKind, Rows},
    memory_rows::MemoryRows,
};

/// The closing token of the test corpus; no other token has this id.
pub(crate) const CLOSING: u32 = 600;

/// The BOS of the test corpus.
pub(crate) const BOS: u32 = 511;

/// Returns a corpus in English and Thai with N = 64, 512 tokens and a closing token that was added.
pub(crate) fn info(kind: RowKind) -> CorpusInfo {
    CorpusInfo {
        digest: "c0ffee0123456789abcd".to_owned(),
        kind,
        tokens: 64,
        languages: vec!["en".to_owned(), "th".to_owned()],
        tokenizer: PathBuf::from("tokenizer.json"),
        vocabulary: 512,
        closing: "[SPLIT]".to_owned(),
        closing_id: CLOSING,
        closing_added: true,
        bos_id: Some(BOS),
    }
}

/// Returns a row of `length` tokens, the closing one included: the first half is English, the other Thai, and the ids
/// are a function of row and position.
pub(crate) fn row(number: u32, length: usize) -> Row {
    let mut ids: Vec<u32> = (0..length as u32).map(|it| (number * 31 + it * 7) % 500).collect();
    let end = length.saturating_sub(1) as u32;
    if let Some(last) = ids.last_mut() {
        *last = CLOSING;
    }
    let half = end / 2;
    let spans = vec![
        LanguageSpan { language: 0, start: 0, end: half },
        LanguageSpan { language: 1, start: half, end },
    ];
    let digest = |what: &[u8]| Digest::of_fields(&[what, &number.to_le_bytes()]);
    Row { id: digest(b"row"), pair: digest(b"pair"), ids, spans }
}

/// Returns rows of these lengths.
pub(crate) fn rows_of(lengths: &[usize]) -> Arc<dyn Rows> {
    let rows = lengths.iter().enumerate().map(|(number, length)| row(number as u32, *length));
    Arc::new(MemoryRows::new(rows.collect()))
}

/// Compares everything that `rows` says with a list.
#[track_caller]
pub(crate) fn assert_same_rows(rows: &dyn Rows, expected: &[Row]) {
    assert_eq!(rows.len(), expected.len());
    for (number, row) in expected.iter().enumerate() {
        assert_eq!(&rows.read(number).unwrap(), row);
        assert_eq!(rows.length(number), row.ids.len());
        assert_eq!((rows.id(number), rows.pair(number)), (row.id, row.pair));
    }
}
