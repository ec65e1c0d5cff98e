//! The tables that are kept of documents and of what was found among them.

use crossic_operators::{
    record::Digest,
    retrieve::vector::{Sparse, Vector},
};
use polars_arrow::datatypes::{ArrowDataType, Field};

use crate::store::{
    row::{self, BadRow, Cells, Column, Row, field},
    tables::digest,
};

/// A document of a file, with its vector.
///
/// Of several documents with one text the one with the lowest id counts; the vector stands beside
/// one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DocumentRow {
    /// Digest of its text in canonical form.
    pub(super) text: Digest,
    /// Digest of name, address and text.
    pub(super) id: Digest,
    /// What the file calls it.
    pub(super) name: String,
    /// Address that it was read from.
    pub(super) url: String,
    /// Characters of its text.
    pub(super) n_chars: u32,
    /// Paragraphs of its text.
    pub(super) n_paragraphs: u32,
    /// Fingerprint, by which nearly equal texts are told.
    pub(super) near: u64,
    /// Its vector, as [`pack`] writes it; empty where an equal text has it.
    pub(super) vector: Vec<u8>,
}

impl Row for DocumentRow {
    const TABLE: &'static str = "documents";

    fn fields() -> Vec<Field> {
        vec![
            field("text", ArrowDataType::Utf8),
            field("id", ArrowDataType::Utf8),
            field("name", ArrowDataType::Utf8),
            field("url", ArrowDataType::Utf8),
            field("n_chars", ArrowDataType::UInt32),
            field("n_paragraphs", ArrowDataType::UInt32),
            field("near", ArrowDataType::UInt64),
            field("vector", ArrowDataType::Binary),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::displayed(rows, |row| row.text)?,
            row::displayed(rows, |row| row.id)?,
            row::strings(rows, |row| &row.name)?,
            row::strings(rows, |row| &row.url)?,
            row::numbers(rows, |row| row.n_chars),
            row::numbers(rows, |row| row.n_paragraphs),
            row::numbers(rows, |row| row.near),
            row::bytes(rows, |row| &row.vector)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(DocumentRow {
            text: digest(cells.str(0)?)?,
            id: digest(cells.str(1)?)?,
            name: cells.string(2)?,
            url: cells.string(3)?,
            n_chars: cells.number(4)?,
            n_paragraphs: cells.number(5)?,
            near: cells.number(6)?,
            vector: cells.bytes(7)?.to_vec(),
        })
    }
}

/// Writes a vector: a letter for its form, then its numbers, little-endian.
pub(super) fn pack(vector: &Vector) -> Vec<u8> {
    match vector {
        Vector::Dense(weights) => {
            std::iter::once(b'd').chain(weights.iter().map(|it| it.cast_unsigned())).collect()
        }
        Vector::Sparse(sparse) => {
            let mut bytes = Vec::with_capacity(1 + 6 * sparse.len());
            bytes.push(b's');
            bytes.extend(sparse.dims().iter().flat_map(|it| it.to_le_bytes()));
            bytes.extend(sparse.weights().iter().flat_map(|it| it.to_le_bytes()));
            bytes
        }
    }
}

/// Reads what [`pack`] wrote, or returns `None` if it is something else.
pub(super) fn unpack(bytes: &[u8]) -> Option<Vector> {
    let (form, numbers) = bytes.split_first()?;
    match form {
        b'd' => Some(Vector::Dense(numbers.iter().map(|it| it.cast_signed()).collect())),
        b's' if numbers.len().is_multiple_of(6) => {
            let (dims, weights) = numbers.split_at_checked(numbers.len() / 6 * 4)?;
            let dims = dims.as_chunks::<4>().0.iter().map(|it| u32::from_le_bytes(*it));
            let weights = weights.as_chunks::<2>().0.iter().map(|it| u16::from_le_bytes(*it));
            Some(Vector::Sparse(Sparse::of_columns(dims.collect(), weights.collect())?))
        }
        _ => None,
    }
}

/// A document that answers a question, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Exact product with both questions; what candidates are ranked by.
    pub(super) product: i64,
    /// Digest of the document's text.
    pub(super) text: Digest,
    /// The first half of its id, by which one of several equal texts is chosen.
    pub(super) id: u64,
    /// Fingerprint of the text.
    pub(super) near: u64,
    /// Mean cosine, and those with title, and with title and keywords, in millionths.
    pub(super) scores: [i32; 3],
}

/// What a question found in one file of documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AnswerRow {
    /// Digest of the vectors of the question.
    pub(super) question: Digest,
    /// The candidates, best first.
    pub(super) candidates: Vec<Candidate>,
}

impl Candidate {
    const BYTES: usize = 8 + 16 + 8 + 8 + 3 * 4;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.product.to_le_bytes());
        bytes.extend(self.text.bytes());
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(self.near.to_le_bytes());
        bytes.extend(self.scores.iter().flat_map(|it| it.to_le_bytes()));
    }

    fn read(bytes: &[u8; Candidate::BYTES]) -> Option<Candidate> {
        let (product, rest) = bytes.split_first_chunk::<8>()?;
        let (text, rest) = rest.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (near, rest) = rest.split_first_chunk::<8>()?;
        let mut scores = [0; 3];
        for (score, bytes) in scores.iter_mut().zip(rest.as_chunks::<4>().0) {
            *score = i32::from_le_bytes(*bytes);
        }
        Some(Candidate {
            product: i64::from_le_bytes(*product),
            text: Digest::from_bytes(*text),
            id: u64::from_le_bytes(*id),
            near: u64::from_le_bytes(*near),
            scores,
        })
    }
}

impl AnswerRow {
    fn packed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.candidates.len() * Candidate::BYTES);
        self.candidates.iter().for_each(|it| it.write(&mut bytes));
        bytes
    }
}

impl Row for AnswerRow {
    const TABLE: &'static str = "found";

    fn fields() -> Vec<Field> {
        vec![field("question", ArrowDataType::Utf8), field("candidates", ArrowDataType::Binary)]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        let packed: Vec<Vec<u8>> = rows.iter().map(|row| row.packed()).collect();
        let packed: Vec<&Vec<u8>> = packed.iter().collect();
        Ok(vec![row::displayed(rows, |row| row.question)?, row::bytes(&packed, |it| it)?])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        let bytes = cells.bytes(1)?;
        let (candidates, rest) = bytes.as_chunks::<{ Candidate::BYTES }>();
        let whole = || "column 1 does not hold whole candidates".to_owned();
        let candidates = candidates.iter().map(Candidate::read).collect::<Option<_>>();
        match candidates.filter(|_| rest.is_empty()) {
            Some(candidates) => Ok(AnswerRow { question: digest(cells.str(0)?)?, candidates }),
            None => Err(whole()),
        }
    }
}

/// A pair that a retrieval made: what of the packs it needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairedRow {
    /// The target page.
    pub page: u32,
    /// Name of the target source.
    pub target: String,
    /// Key of the document's text.
    pub document: Digest,
    /// Key of the evidence.
    pub evidence: Digest,
}

impl Row for PairedRow {
    const TABLE: &'static str = "retrieved";

    fn fields() -> Vec<Field> {
        vec![
            field("page", ArrowDataType::UInt32),
            field("target", ArrowDataType::Utf8),
            field("document", ArrowDataType::Utf8),
            field("evidence", ArrowDataType::Utf8),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::numbers(rows, |row| row.page),
            row::strings(rows, |row| &row.target)?,
            row::displayed(rows, |row| row.document)?,
            row::displayed(rows, |row| row.evidence)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(PairedRow {
            page: cells.number(0)?,
            target: cells.string(1)?,
            document: digest(cells.str(2)?)?,
            evidence: digest(cells.str(3)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_survive_their_bytes(dense: Vec<i8>, sparse: Vec<(u32, u16)>, any: Vec<u8>) {
            for vector in [Vector::Dense(dense), Vector::Sparse(Sparse::new(sparse))] {
                prop_assert_eq!(unpack(&pack(&vector)), Some(vector));
            }
            if let Some(vector) = unpack(&any) {
                prop_assert_eq!(pack(&vector), any);
            }
        }

        #[test]
        fn candidates_survive_their_bytes(product: i64, text: [u8; 16], id: u64, near: u64, scores: [i32; 3]) {
            let text = Digest::from_bytes(text);
            let candidate = Candidate { product, text, id, near, scores };
            let mut bytes = Vec::new();
            candidate.write(&mut bytes);
            let (read, rest) = bytes.as_chunks();
            prop_assert_eq!(read.first().and_then(Candidate::read), Some(candidate));
            prop_assert!(rest.is_empty());
        }
    }
}
