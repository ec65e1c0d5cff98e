//! The documents that questions are put to, as the runtime keeps them: files of vectors, indexes
//! over them, and the texts themselves.

use serde::{Deserialize, Serialize};

use crate::record::{Digest, Pair};

/// A file of documents whose vectors are ready for one operator.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EncodedFile {
    /// Stage of the operator that searches them.
    pub stage: u16,
    /// Position among the files of the source, in the order of their names.
    pub file: u32,
    /// Digest of the vectors and all that stands beside them: the key of the file that holds them.
    pub content: Digest,
}

/// What an article asks for (paper, §3.4): its title, and its title with its keywords.
pub use super::query::Questions;

/// A document that answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// Position of the file that holds it.
    pub file: u32,
    /// Digest of its text in canonical form.
    pub text: Digest,
    /// Mean of the next two, in millionths.
    pub score: i32,
    /// Cosine with the title, in millionths.
    pub title_score: i32,
    /// Cosine with title and keywords, in millionths.
    pub full_score: i32,
}

/// What is known of a document besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// What its file calls it.
    pub name: String,
    /// Address that it was read from.
    pub url: String,
    /// Characters of its text.
    pub n_chars: u32,
    /// Paragraphs of its text.
    pub n_paragraphs: u32,
}

/// The documents of a run.
///
/// A method that fails returns `None` or `false`, and the implementer keeps the error: the run ends.
pub trait Library: Send + Sync {
    /// Returns the documents that answer each article, best first, ties by digest; the operator's
    /// knobs decide how many, how good, and how much unlike each other.
    ///
    /// The answers depend on questions and documents alone: not on what else is asked, nor on
    /// what is known from the last build. It may take all cores.
    fn answer(&self, files: &[EncodedFile], questions: &[Questions]) -> Option<Vec<Vec<Found>>>;

    /// Returns whether questions have to name the English counterpart of their article, so that it
    /// is read for all of them.
    fn reads_counterparts(&self) -> bool {
        false
    }

    /// Puts texts of a file into the packs; returns what is known of each, in their order.
    ///
    /// Texts are in order, none twice, and were found in that file.
    fn fetch(&self, file: EncodedFile, texts: &[Digest]) -> Option<Vec<Described>>;

    /// Notes the pairs that a stage makes, whose texts and evidence must be kept in packs.
    fn paired(&self, stage: u16, pairs: &[Pair]) -> bool;

    /// Puts a text of the operator's own into the packs, and returns its digest.
    fn keep(&self, text: &str) -> Option<Digest>;

    /// Makes all texts that were put into packs readable for everyone.
    fn seal(&self) -> bool;
}

/// A library without documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl Library for Empty {
    fn answer(&self, _: &[EncodedFile], questions: &[Questions]) -> Option<Vec<Vec<Found>>> {
        Some(vec![Vec::new(); questions.len()])
    }

    fn fetch(&self, _: EncodedFile, texts: &[Digest]) -> Option<Vec<Described>> {
        Some(vec![Described::default(); texts.len()])
    }

    fn paired(&self, _: u16, _: &[Pair]) -> bool {
        true
    }

    fn keep(&self, text: &str) -> Option<Digest> {
        Some(Digest::of(text.as_bytes()))
    }

    fn seal(&self) -> bool {
        true
    }
}
