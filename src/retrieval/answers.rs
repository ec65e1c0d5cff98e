//! Answers to questions from one file of documents, kept from build to build.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crossic_operators::record::Digest;

use super::rows::{AnswerRow, Candidate};
use crate::{
    error::Result,
    store::{
        memos,
        row::Row,
        snapshot::{self, SnapshotWriter},
    },
};

/// Rows out of order that are held.
const RUN_ROWS: usize = 1 << 16;

/// Answers of the last build, and those of this one.
pub(super) struct Answers {
    dir: PathBuf,
    last: Vec<String>,
    writers: BTreeMap<Digest, SnapshotWriter<AnswerRow>>,
}

impl Answers {
    /// Returns the answers among the memos of the last build in a corpus directory.
    pub(super) fn new(dir: &Path, last: &[String]) -> Answers {
        let prefix = format!("{}-", AnswerRow::TABLE);
        let last = last.iter().filter(|it| it.starts_with(&prefix)).cloned().collect();
        Answers { dir: dir.to_owned(), last, writers: BTreeMap::new() }
    }

    /// Returns what is known: for each question of `questions`, which are in order, its candidates
    /// if it was asked before. `key` stands for the documents and for how they are searched.
    pub(super) fn recall(
        &self,
        key: Digest,
        questions: &[Digest],
    ) -> Result<Vec<Option<Vec<Candidate>>>> {
        let mut known = vec![None; questions.len()];
        let prefix = name(key);
        for file in self.last.iter().filter(|it| it.starts_with(&prefix)) {
            let path = self.dir.join(memos::FOLDER).join(file);
            let Ok(rows) = snapshot::rows::<AnswerRow>(&path) else {
                // It is missing or damaged: the questions are asked again, and the new file must
                // not be taken for this one.
                if path.exists() {
                    fs_err::remove_file(&path)?;
                }
                continue;
            };
            let mut rows = rows.peekable();
            for (question, known) in questions.iter().zip(&mut known) {
                while let Some(Ok(row)) = rows.peek() {
                    if row.question < *question {
                        rows.next();
                        continue;
                    }
                    if row.question == *question {
                        *known = Some(row.candidates.clone());
                    }
                    break;
                }
                if let Some(Err(_)) = rows.peek() {
                    rows.next().transpose()?;
                }
            }
        }
        Ok(known)
    }

    /// Keeps an answer for the next build.
    pub(super) fn keep(
        &mut self,
        key: Digest,
        question: Digest,
        candidates: Vec<Candidate>,
    ) -> Result<()> {
        let writer = match self.writers.entry(key) {
            std::collections::btree_map::Entry::Occupied(slot) => slot.into_mut(),
            std::collections::btree_map::Entry::Vacant(slot) => {
                let folder = self.dir.join(memos::FOLDER);
                slot.insert(SnapshotWriter::with_runs(&folder, RUN_ROWS)?)
            }
        };
        Ok(writer.push(AnswerRow { question, candidates })?)
    }

    /// Makes the answers of this build durable; returns the names of their files.
    pub(super) fn finish(&mut self) -> Result<Vec<String>> {
        let writers = std::mem::take(&mut self.writers);
        writers
            .into_iter()
            .map(|(key, writer)| Ok(writer.finish(name(key).trim_end_matches('-'))?.file))
            .collect()
    }
}

fn name(key: Digest) -> String {
    let digits: String = key.to_string().chars().take(16).collect();
    format!("{}-{digits}-", AnswerRow::TABLE)
}
