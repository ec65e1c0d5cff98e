//! The encoder `static`: the mean of a table's rows, one row a token, as model2vec writes them.
//!
//! The table is turned into integers once, so that sums do not depend on their order, and the
//! vectors are the same on every machine.

use std::str::FromStr;

use tokenizers::Tokenizer;

use super::{Encoder, Role, normalise::normalised};
use crate::{record::Digest, retrieve::vector::Vector};

/// Version of the arithmetic; a change must change it.
const VERSION: u64 = 1;
/// Most tokens of a text that may be asked for.
const MOST_TOKENS: usize = 1 << 16;
/// Most dimensions of a table.
const MOST_DIMS: usize = 1 << 16;
/// Bytes of a text that are looked at for each token wanted; few scripts need half as many.
const BYTES_PER_TOKEN: usize = 16;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableError {
    /// The bytes are not a tokenizer.
    #[error("not a Hugging Face `tokenizer.json`: {0}")]
    Tokenizer(String),
    /// The numbers do not form rows.
    #[error("{numbers} numbers do not make rows of {dims} dimensions (1 to 65536)")]
    Shape {
        /// How many numbers there are.
        numbers: usize,
        /// How many dimensions were said.
        dims: usize,
    },
    /// A number is infinite or none, or all are 0.
    #[error("the {0} hold no usable numbers: one is infinite or not a number, or all are 0")]
    Numbers(&'static str),
    /// A token leads to a row that is not there.
    #[error("token {token} leads to row {row}, but there are {rows} rows")]
    Row {
        /// The token.
        token: usize,
        /// The row named.
        row: u32,
        /// How many there are.
        rows: usize,
    },
}

/// A table as plain data.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Rows one after the other (the tensor `embeddings`).
    pub rows: &'a [f32],
    /// Dimensions: numbers of a row.
    pub n_dims: usize,
    /// What each token counts (the tensor `weights`); 1 without it.
    pub weights: Option<&'a [f32]>,
    /// The row of each token (the tensor `mapping`); that of its own number without it.
    pub mapping: Option<&'a [u32]>,
}

/// The encoder `static`.
pub struct StaticTable {
    tokenizer: Tokenizer,
    /// The token for what the tokenizer does not know; it says nothing and is left out.
    unknown: Option<u32>,
    rows: Vec<i16>,
    n_dims: usize,
    weights: Option<Vec<u32>>,
    mapping: Option<Vec<u32>>,
    max_tokens: usize,
    unit: u32,
    digest: Digest,
}

impl StaticTable {
    /// Returns the encoder of a `tokenizer.json` and its table.
    ///
    /// The first `max_tokens` tokens count (1 to 65,536). `unit` is the length of the vectors: a
    /// number of a unit vector times `unit` is kept from -127 to 127, so 400 suits 256 dimensions,
    /// where few numbers are beyond 0.3; it is 1 to 65,536.
    pub fn new(
        tokenizer: &[u8],
        table: Table<'_>,
        max_tokens: usize,
        unit: u32,
    ) -> Result<StaticTable, TableError> {
        let max_tokens = max_tokens.clamp(1, MOST_TOKENS);
        let unit = unit.clamp(1, 1 << 16);
        let n_dims = table.n_dims;
        let is_shaped =
            (1..=MOST_DIMS).contains(&n_dims) && table.rows.len().is_multiple_of(n_dims);
        if !is_shaped || table.rows.is_empty() {
            return Err(TableError::Shape { numbers: table.rows.len(), dims: n_dims });
        }
        let n_rows = table.rows.len() / n_dims;
        let is_missing = |row: &u32| n_rows <= *row as usize;
        let missing = table.mapping.and_then(|it| Some((it.iter().position(is_missing)?, it)));
        if let Some((token, mapping)) = missing {
            let row = mapping.get(token).copied().unwrap_or_default();
            return Err(TableError::Row { token, row, rows: n_rows });
        }
        let rows: Vec<i16> =
            quantised(table.rows, "rows", i16::MAX.into())?.map(|it| it as i16).collect();
        let weights = match table.weights {
            // A negative weight would mean nothing, and none is found in the wild.
            Some(it) => {
                Some(quantised(it, "weights", 1 << 16)?.map(|it| it.max(0) as u32).collect())
            }
            None => None,
        };
        let (parsed, unknown) = read(tokenizer).map_err(TableError::Tokenizer)?;

        let mut hasher = blake3::Hasher::new();
        for number in [VERSION, n_dims as u64, n_rows as u64, max_tokens as u64, unit.into()] {
            hasher.update(&number.to_le_bytes());
        }
        let bytes = |numbers: &[u32]| -> Vec<u8> {
            numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
        };
        for row in rows.chunks(n_dims) {
            let row: Vec<u8> = row.iter().flat_map(|it| it.to_le_bytes()).collect();
            hasher.update(&row);
        }
        let weights: Option<Vec<u32>> = weights;
        let digest = Digest::of_fields(&[
            b"static",
            tokenizer,
            hasher.finalize().as_bytes(),
            &bytes(weights.as_deref().unwrap_or_default()),
            &bytes(table.mapping.unwrap_or_default()),
        ]);
        Ok(StaticTable {
            tokenizer: parsed,
            unknown,
            rows,
            n_dims,
            weights,
            mapping: table.mapping.map(<[u32]>::to_vec),
            max_tokens,
            unit,
            digest,
        })
    }

    fn vector(&self, text: &str) -> Vector {
        // A tokenizer may need more than linear time for a text, so it gets no more than it needs.
        let end = text.floor_char_boundary(self.max_tokens.saturating_mul(BYTES_PER_TOKEN));
        let text = text.get(..end).unwrap_or_default();
        let encoding = self.tokenizer.encode_fast(text, false).ok();
        let ids = encoding.as_ref().map(|it| it.get_ids()).unwrap_or_default();
        let known = ids.iter().filter(|id| Some(**id) != self.unknown);
        self.mean(known.take(self.max_tokens).copied())
    }

    /// Returns the mean of the rows of tokens, scaled to the length of all vectors.
    fn mean(&self, ids: impl Iterator<Item = u32>) -> Vector {
        let mut sums = vec![0_i64; self.n_dims];
        for id in ids {
            let row = match &self.mapping {
                Some(mapping) => mapping.get(id as usize).copied(),
                None => Some(id),
            };
            let weight = match &self.weights {
                Some(weights) => weights.get(id as usize).copied(),
                None => Some(1),
            };
            let Some((row, weight)) = row.zip(weight) else {
                continue;
            };
            let row = self.rows.chunks(self.n_dims).nth(row as usize).unwrap_or_default();
            for (sum, number) in sums.iter_mut().zip(row) {
                *sum += i64::from(*number) * i64::from(weight);
            }
        }
        let clamped = |it: i64| it.clamp(-127, 127) as i8;
        Vector::Dense(normalised(&sums, self.unit).map(clamped).collect())
    }
}

/// Returns the tokenizer and its token for the unknown.
fn read(bytes: &[u8]) -> Result<(Tokenizer, Option<u32>), String> {
    let text = std::str::from_utf8(bytes).map_err(|cause| cause.to_string())?;
    let mut tokenizer = Tokenizer::from_str(text).map_err(|cause| cause.to_string())?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|cause| cause.to_string())?;
    let json: serde_json::Value = serde_json::from_str(text).map_err(|cause| cause.to_string())?;
    let model = json.get("model");
    let token = model.and_then(|it| it.get("unk_token")).and_then(|it| it.as_str());
    let number = model.and_then(|it| it.get("unk_id")).and_then(|it| it.as_u64());
    let unknown = token
        .and_then(|token| tokenizer.token_to_id(token))
        .or_else(|| number.and_then(|number| u32::try_from(number).ok()));
    Ok((tokenizer, unknown))
}

/// Returns numbers as integers whose greatest magnitude is `most`.
fn quantised(
    numbers: &[f32],
    what: &'static str,
    most: i32,
) -> Result<impl Iterator<Item = i32>, TableError> {
    let greatest = numbers.iter().fold(0_f32, |greatest, it| greatest.max(it.abs()));
    if greatest == 0.0 || !numbers.iter().all(|it| it.is_finite()) {
        return Err(TableError::Numbers(what));
    }
    let scale = f64::from(most) / f64::from(greatest);
    Ok(numbers.iter().map(move |it| (f64::from(*it) * scale).round() as i32))
}

impl StaticTable {
    /// Returns how many numbers a vector has.
    pub fn n_dims(&self) -> usize {
        self.n_dims
    }
}

impl Encoder for StaticTable {
    fn name(&self) -> &'static str {
        "static"
    }

    fn unit(&self) -> u32 {
        self.unit
    }

    fn digest(&self, _: Role) -> Digest {
        self.digest
    }

    fn encode(&self, _: Role, texts: &[&str]) -> Vec<Vector> {
        texts.iter().map(|text| self.vector(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words at spaces, with one token for each of a few and one for all others.
    const TOKENIZER: &str = r#"{"version":"1.0","added_tokens":[],
        "normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Whitespace"},
        "model":{"type":"WordLevel","unk_token":"[UNK]",
        "vocab":{"[UNK]":0,"elephant":1,"ช้าง":2,"moon":3,"象":4}}}"#;
    const ROWS: &[f32] = &[9.0, 9.0, 1.0, 0.0, 0.8, 0.6, 0.0, -1.0, 0.6, 0.8];

    fn table<'a>() -> Table<'a> {
        Table { rows: ROWS, n_dims: 2, weights: None, mapping: None }
    }

    fn new(table: Table<'_>) -> Result<StaticTable, TableError> {
        StaticTable::new(TOKENIZER.as_bytes(), table, 4, 100)
    }

    #[track_caller]
    fn check(table: Table<'_>, text: &str, expected: [i8; 2]) {
        let found = new(table).unwrap().encode(Role::Document, &[text]);
        assert_eq!(found, [Vector::Dense(expected.to_vec())], "{text}");
    }

    #[test]
    fn a_vector_is_the_mean_of_rows() {
        check(table(), "Elephant", [100, 0]);
        check(table(), "ช้าง 象", [71, 71]);
        check(table(), "elephant moon", [71, -71]);
        check(table(), "unknown words elephant", [100, 0]);
        check(table(), "", [0, 0]);
        check(table(), "unknown", [0, 0]);
        // The fifth token does not count any more.
        check(table(), "moon moon moon moon elephant", [0, -100]);
    }

    #[test]
    fn weights_and_rows_of_tokens_are_followed() {
        let weights = [1.0, 3.0, 1.0, 4.0, 0.0];
        check(Table { weights: Some(&weights), ..table() }, "elephant moon 象", [60, -80]);
        check(Table { mapping: Some(&[0, 3, 3, 1, 1]), ..table() }, "elephant", [0, -100]);
        // Tokens beyond the table say nothing.
        check(Table { rows: &[9.0, 9.0, 1.0, 0.0], ..table() }, "象", [0, 0]);
    }

    #[test]
    fn wrong_tables_are_refused() {
        let refused = |table| new(table).err().map(|it| it.to_string());
        let wrong = |table, expected: &str| assert_eq!(refused(table).as_deref(), Some(expected));
        wrong(
            Table { n_dims: 3, ..table() },
            "10 numbers do not make rows of 3 dimensions (1 to 65536)",
        );
        wrong(
            Table { n_dims: 0, ..table() },
            "10 numbers do not make rows of 0 dimensions (1 to 65536)",
        );
        wrong(
            Table { mapping: Some(&[0, 5]), ..table() },
            "token 1 leads to row 5, but there are 5 rows",
        );
        for rows in [[f32::NAN, 1.0], [f32::INFINITY, 1.0], [0.0, 0.0]] {
            assert_eq!(
                new(Table { rows: &rows, ..table() }).err(),
                Some(TableError::Numbers("rows"))
            );
        }
        let broken = StaticTable::new(b"{}", table(), 4, 100);
        assert!(matches!(broken.err(), Some(TableError::Tokenizer(_))));
    }

    #[test]
    fn the_digest_covers_everything() {
        let digest = |table, max_tokens, unit| {
            let encoder = StaticTable::new(TOKENIZER.as_bytes(), table, max_tokens, unit).unwrap();
            encoder.digest(Role::Document)
        };
        let first = digest(table(), 4, 100);
        assert_eq!(first, digest(table(), 4, 100));
        let mut rows = ROWS.to_vec();
        rows[9] = 0.7;
        for other in [
            digest(Table { rows: &rows, ..table() }, 4, 100),
            digest(Table { n_dims: 1, ..table() }, 4, 100),
            digest(Table { weights: Some(&[1.0]), ..table() }, 4, 100),
            digest(Table { mapping: Some(&[1]), ..table() }, 4, 100),
            digest(table(), 5, 100),
            digest(table(), 4, 101),
        ] {
            assert_ne!(first, other);
        }
    }

    proptest! {
        #[test]
        fn vectors_are_those_of_floats(
            rows in prop::collection::vec(-1.0..1.0_f32, 40),
            ids in prop::collection::vec(0..12_u32, 0..10),
        ) {
            prop_assume!(rows.iter().any(|it| it.abs() > 0.5));
            let encoder = new(Table { rows: &rows, n_dims: 4, ..table() }).unwrap();
            let mut sums = [0.0_f64; 4];
            for id in ids.iter().filter(|id| **id < 10) {
                for dim in 0..4 {
                    sums[dim] += f64::from(rows[*id as usize * 4 + dim]);
                }
            }
            let length = sums.iter().map(|it| it * it).sum::<f64>().sqrt();
            prop_assume!(length == 0.0 || length > 0.05);
            let Vector::Dense(found) = encoder.mean(ids.iter().copied()) else { unreachable!() };
            for (found, sum) in found.iter().zip(sums) {
                let expected = if length == 0.0 { 0.0 } else { sum / length * 100.0 };
                prop_assert!((f64::from(*found) - expected).abs() < 1.0, "{found} {expected}");
            }
        }

        #[test]
        fn any_text_and_batch_gives_the_same_vectors(texts in prop::collection::vec("(.|moon |象 ){0,80}", 0..5)) {
            let encoder = new(table()).unwrap();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let alone: Vec<Vector> =
                texts.iter().flat_map(|text| encoder.encode(Role::Question, &[text])).collect();
            prop_assert_eq!(encoder.encode(Role::Document, &texts), alone);
        }
    }
}
