//! What training needs to know of a corpus.

use std::path::PathBuf;

use crossic_operators::record::Digest;

use crate::error::Result;

/// A corpus, without its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusInfo {
    /// Digest of the shards.
    pub digest: String,
    /// What a row is.
    pub kind: RowKind,
    /// N of the corpus; documents may be longer.
    pub tokens: usize,
    /// Language codes; [`LanguageSpan::language`] counts from 0 among them.
    pub languages: Vec<String>,
    /// Tokenizer file, a copy in the corpus directory.
    pub tokenizer: PathBuf,
    /// Ids of the tokenizer that are in use, without the closing token where that was added.
    pub vocabulary: u32,
    /// Text of the token that closes every row.
    pub closing: String,
    /// Its id.
    pub closing_id: u32,
    /// Whether the model needs a new embedding row for it.
    pub closing_added: bool,
    /// The token that belongs before a window, counted against N.
    pub bos_id: Option<u32>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// At most N tokens, closed by [SPLIT].
    Segments,
    /// A whole document of any length, closed by EOS.
    Documents,
}

/// A row: a segment or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Digest of the row; `crossic inspect` finds it by this.
    pub id: Digest,
    /// Digest of the pair that it comes from.
    pub pair: Digest,
    /// Tokens, the closing one included.
    pub ids: Vec<u32>,
    /// Languages of ranges of tokens, in order; tokens between them belong to none.
    pub spans: Vec<LanguageSpan>,
}

/// A range of tokens in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageSpan {
    /// Position in [`CorpusInfo::languages`].
    pub language: u16,
    /// First token.
    pub start: u32,
    /// One past the last token.
    pub end: u32,
}

/// The rows of a corpus by number; numbers follow buckets, then rows of a bucket.
///
/// A number beyond the end has length 0 and blank digests, and is an error when it is read.
pub trait Rows: Send + Sync {
    /// Returns the number of rows.
    fn len(&self) -> usize;

    /// Returns whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of tokens of a row.
    fn length(&self, row: usize) -> usize;

    /// Returns the digest of a row.
    fn id(&self, row: usize) -> Digest;

    /// Returns the digest of the pair of a row.
    fn pair(&self, row: usize) -> Digest;

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not what was written.
    fn read(&self, row: usize) -> Result<Row>;
}
