//! A segment: one row of a shard, with where each of its tokens came from.

use serde::{Deserialize, Serialize};

use crate::record::{Digest, Identity, Origin};

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
    /// Score of the retrieval in millionths; `None` for language links, and for articles that
    /// were given another one's document.
    pub score: Option<i32>,
    /// How the document was found, where there is a score.
    pub retrieval: Option<Retrieval>,
}

/// How a document was found for an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Retrieval {
    /// Place among the documents of the article, from 1.
    pub rank: u32,
    /// Cosine of the document with the title that was asked for, in millionths.
    #[serde(with = "fraction")]
    pub title_score: i32,
    /// Cosine of the document with title and keywords, in millionths.
    #[serde(with = "fraction")]
    pub full_score: i32,
    /// The English title that was asked for.
    pub title: String,
    /// The keywords that were asked for with it, in English.
    pub keywords: Vec<String>,
}

/// The tokens of a segment that come from one article.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Language code.
    pub lang: String,
    /// Name of the wiki (its `dbname`) or of the document collection.
    pub wiki: String,
    /// Page id; 0 for a web document.
    pub page: u32,
    /// Revision the text was read from; 0 where the source has none.
    pub revision: u64,
    /// Title of the article; empty for a web document.
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
    /// What the collection calls the document; `None` for a page of a wiki.
    #[serde(default)]
    pub document: Option<String>,
    /// Address that the document was read from; `None` for a page of a wiki.
    #[serde(default)]
    pub url: Option<String>,
    /// Digest of the document's text, which identifies it; `None` for a page of a wiki.
    #[serde(default, with = "digits")]
    pub digest: Option<Digest>,
}

impl Span {
    /// Returns what the span's side of the pair is.
    pub fn identity(&self) -> Identity {
        self.digest.map_or(Identity::Page(self.page), Identity::Text)
    }
}

/// Millionths in text formats: fractions.
mod fraction {
    use serde::{Deserialize, Deserializer, Serializer};

    const MILLION: f64 = 1e6;

    pub(super) fn serialize<S: Serializer>(score: &i32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(f64::from(*score) / MILLION)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
        f64::deserialize(from).map(|score| (score * MILLION).round() as i32)
    }
}

/// Digests in text formats: hexadecimal digits.
mod digits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::record::Digest;

    pub(super) fn serialize<S: Serializer>(
        digest: &Option<Digest>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        digest.map(|it| it.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Digest>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let digest = Digest::parse(&text);
        digest.map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is not a digest")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retrieval_is_written_in_fractions() {
        let retrieval = Retrieval {
            rank: 2,
            title_score: 700_001,
            full_score: -5,
            title: "Elephant".to_owned(),
            keywords: vec!["Tusk".to_owned()],
        };
        let text = serde_json::to_string(&retrieval).unwrap();
        let expected = concat!(
            r#"{"rank":2,"title_score":0.700001,"full_score":-5e-6,"#,
            r#""title":"Elephant","keywords":["Tusk"]}"#
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Retrieval>(&text).unwrap(), retrieval);
    }
}
