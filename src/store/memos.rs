//! What is kept beside a corpus so that the next build need not work it out again: answers about
//! texts, and what became of each pair of a bucket.

use std::{
    path::Path,
    sync::RwLock,
    sync::atomic::{AtomicBool, Ordering},
};

use crossic_operators::{memo::Memo, record::Digest};
use polars_arrow::datatypes::{ArrowDataType, Field};
use rustc_hash::FxHashMap;

use super::{
    StoreError,
    row::{self, BadRow, Cells, Column, Row, field},
    snapshot::{self, SnapshotWriter},
    tables::digest,
};

/// The folder of a corpus directory that holds what is kept.
pub const FOLDER: &str = "memos";

/// An answer about a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerRow {
    /// Digest of all that decides the answer.
    pub question: Digest,
    /// The answer.
    pub answer: u32,
}

impl Row for AnswerRow {
    const TABLE: &'static str = "answers";

    fn fields() -> Vec<Field> {
        vec![field("question", ArrowDataType::Utf8), field("answer", ArrowDataType::UInt32)]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![row::displayed(rows, |row| row.question)?, row::numbers(rows, |row| row.answer)])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(AnswerRow { question: digest(cells.str(0)?)?, answer: cells.number(1)? })
    }
}

/// What became of a pair of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairRow {
    /// Identity of the pair.
    pub pair: Digest,
    /// Digest of all that decides its rows, but for the revisions they name.
    pub key: Digest,
    /// Rows of the shard that it gave.
    pub rows: u32,
    /// Rows whose tokens were compared with those of the text as a whole.
    pub compared: u32,
    /// Of these, rows whose tokens differ.
    pub differing: u32,
    /// Paragraphs in, dropped and cut, tokens in and dropped: of the English side, then the other.
    pub counts: [u32; 10],
    /// Why it gave no row; empty if it gave some.
    pub reason: String,
}

impl Row for PairRow {
    const TABLE: &'static str = "pairs";

    fn fields() -> Vec<Field> {
        let mut fields =
            vec![field("pair", ArrowDataType::Utf8), field("key", ArrowDataType::Utf8)];
        let numbers = [
            "rows",
            "compared",
            "differing",
            "english_paragraphs",
            "english_paragraphs_dropped",
            "english_paragraphs_cut",
            "english_tokens",
            "english_tokens_dropped",
            "target_paragraphs",
            "target_paragraphs_dropped",
            "target_paragraphs_cut",
            "target_tokens",
            "target_tokens_dropped",
        ];
        fields.extend(numbers.map(|name| field(name, ArrowDataType::UInt32)));
        fields.push(field("reason", ArrowDataType::Utf8));
        fields
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        let mut columns = vec![
            row::displayed(rows, |row| row.pair)?,
            row::displayed(rows, |row| row.key)?,
            row::numbers(rows, |row| row.rows),
            row::numbers(rows, |row| row.compared),
            row::numbers(rows, |row| row.differing),
        ];
        for at in 0..10 {
            columns.push(row::numbers(rows, |row| row.counts.get(at).copied().unwrap_or(0)));
        }
        columns.push(row::strings(rows, |row| &row.reason)?);
        Ok(columns)
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        let mut counts = [0; 10];
        for (at, count) in counts.iter_mut().enumerate() {
            *count = cells.number(5 + at)?;
        }
        Ok(PairRow {
            pair: digest(cells.str(0)?)?,
            key: digest(cells.str(1)?)?,
            rows: cells.number(2)?,
            compared: cells.number(3)?,
            differing: cells.number(4)?,
            counts,
            reason: cells.string(15)?,
        })
    }
}

/// A row of a corpus that came or went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeltaRow {
    /// Its identity.
    pub id: Digest,
    /// Whether it came; otherwise it went.
    pub added: bool,
}

impl Row for DeltaRow {
    const TABLE: &'static str = "delta";

    fn fields() -> Vec<Field> {
        vec![field("id", ArrowDataType::Utf8), field("added", ArrowDataType::Boolean)]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![row::displayed(rows, |row| row.id)?, row::bools(rows, |row| row.added)])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(DeltaRow { id: digest(cells.str(0)?)?, added: cells.bool(1)? })
    }
}

/// Answers about texts: those of the last build, and those of this one.
#[derive(Debug, Default)]
pub struct Answers {
    known: RwLock<FxHashMap<Digest, (u32, AtomicBool)>>,
    n_recalled: std::sync::atomic::AtomicU64,
    n_found: std::sync::atomic::AtomicU64,
}

impl Answers {
    /// Reads the answers of a build from its files in `dir`; files of other tables are passed over.
    pub fn read(dir: &Path, files: &[String]) -> Result<Answers, StoreError> {
        let mut known = FxHashMap::default();
        for file in files.iter().filter(|it| it.starts_with(AnswerRow::TABLE)) {
            for row in snapshot::rows::<AnswerRow>(&dir.join(FOLDER).join(file))? {
                let row = row?;
                known.insert(row.question, (row.answer, AtomicBool::new(false)));
            }
        }
        Ok(Answers { known: RwLock::new(known), ..Answers::default() })
    }

    /// Writes the answers that this build has asked for; returns the name of the file.
    pub fn write(&self, dir: &Path) -> Result<Option<String>, StoreError> {
        let mut writer = SnapshotWriter::create(&dir.join(FOLDER))?;
        if let Ok(known) = self.known.read() {
            for (question, (answer, used)) in known.iter() {
                if used.load(Ordering::Relaxed) {
                    writer.push(AnswerRow { question: *question, answer: *answer })?;
                }
            }
        }
        let info = writer.finish(AnswerRow::TABLE)?;
        Ok((info.rows != 0).then_some(info.file))
    }

    /// Returns how many answers were recalled and how many had to be found.
    pub fn asked(&self) -> (u64, u64) {
        (self.n_recalled.load(Ordering::Relaxed), self.n_found.load(Ordering::Relaxed))
    }
}

impl Memo for Answers {
    fn recall(&self, question: Digest) -> Option<u32> {
        let known = self.known.read().ok()?;
        let (answer, used) = known.get(&question)?;
        used.store(true, Ordering::Relaxed);
        self.n_recalled.fetch_add(1, Ordering::Relaxed);
        Some(*answer)
    }

    fn learn(&self, question: Digest, answer: u32) {
        self.n_found.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut known) = self.known.write() {
            known.insert(question, (answer, AtomicBool::new(true)));
        }
    }
}
