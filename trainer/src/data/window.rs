//! What the model sees at once.

use crossic_operators::record::Digest;

/// At most N tokens: whole segments, or a cut of the stream of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Token ids; the BOS comes first where the tokenizer has one.
    pub ids: Vec<u32>,
    /// Position of every token, for rotary embeddings: from 0 in the window, or in its segment.
    pub positions: Vec<u32>,
    /// Number of the segment of every token within the window, from 0; the BOS belongs to the first.
    pub segments: Vec<u32>,
    /// Whether the loss counts the prediction of this token from those before it. Never for the first token.
    pub learned: Vec<bool>,
    /// Language of every token, a position in the corpus's list; [`NO_LANGUAGE`] for closing tokens and the BOS.
    pub languages: Vec<u16>,
    /// The rows that the tokens come from, in order.
    pub rows: Vec<Digest>,
}

/// The language of tokens that belong to none.
pub const NO_LANGUAGE: u16 = u16::MAX;

impl Window {
    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether the window holds no token.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the number of tokens that the loss counts.
    pub fn n_learned(&self) -> usize {
        self.learned.iter().filter(|it| **it).count()
    }
}
