//! A segment: one row of a shard, with where each of its tokens came from.

use serde::{Deserialize, Serialize};

use crate::record::{Digest, Origin};

/// One window-split context, or one document of a `mix` or `mono` corpus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Digest of pair, index and tokens.
    pub id: Digest,
    /// Digest of the identity of the pair: origin and both pages, whatever their texts.
    pub pair: Digest,
    /// Position within the pair, from 0.
    pub index: u32,
    /// Where the pair comes from.
    pub origin: Origin,
    /// Token ids, the closing [SPLIT] or EOS included.
    pub input_ids: Vec<u32>,
    /// Contiguous token ranges by language, in order.
    pub spans: Vec<Span>,
    /// Score of the retrieval in millionths; `None` for language links.
    pub score: Option<i32>,
}

/// The tokens of a segment that come from one article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Language code.
    pub lang: String,
    /// Name of the wiki (its `dbname`) or of the document collection.
    pub wiki: String,
    /// Page id.
    pub page: u32,
    /// Revision the text was read from; 0 where the source has none.
    pub revision: u64,
    /// Title of the article.
    pub title: String,
    /// First paragraph of the article that is in the span.
    pub paragraph_start: u32,
    /// One past the last paragraph.
    pub paragraph_end: u32,
    /// First token.
    pub token_start: u32,
    /// One past the last token, delimiters included.
    pub token_end: u32,
    /// Tokens of the title and its delimiter at the start of the span.
    pub title_tokens: u32,
    /// Whether the first paragraph starts in an earlier segment.
    pub cut_start: bool,
    /// Whether the last paragraph goes on in a later segment, or was truncated.
    pub cut_end: bool,
}
