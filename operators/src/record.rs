//! The records that flow through the dataflow: ids, digests and integers, never text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A 128-bit digest (the first half of a BLAKE3 hash) of a title, a text or an identity.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u64; 2]);

impl Digest {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::truncate(&blake3::hash(bytes))
    }

    /// Returns the digest of several fields, each framed by its length so that no two lists collide.
    pub fn of_fields(fields: &[&[u8]]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for field in fields {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        Digest::truncate(&hasher.finalize())
    }

    /// Returns the digest written as 32 hexadecimal digits, or `None` if `text` is not one.
    pub fn parse(text: &str) -> Option<Digest> {
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        let (high, low) = text.split_at(16);
        let word = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Digest([word(high)?, word(low)?]))
    }

    /// Returns the 16 bytes of the digest, big-endian, so that byte order is digest order.
    pub fn bytes(self) -> [u8; 16] {
        ((u128::from(self.0[0]) << 64) | u128::from(self.0[1])).to_be_bytes()
    }

    /// Returns the digest that [`Digest::bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> Digest {
        let value = u128::from_be_bytes(bytes);
        Digest([(value >> 64) as u64, value as u64])
    }

    fn truncate(hash: &blake3::Hash) -> Digest {
        let mut half = [0; 16];
        half.copy_from_slice(hash.as_bytes().split_at(16).0);
        Digest::from_bytes(half)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A page id of one wiki (`page.page_id`).
pub type PageId = u32;

/// The position of a source among the sources of a pipeline, sorted by name.
pub type SourceIndex = u16;

/// The title of a page of namespace 0, as the `page` table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Title {
    /// Digest of the normalised title.
    pub title: Digest,
    /// The page that bears it.
    pub page: PageId,
    /// Whether the page is a redirect.
    pub redirect: bool,
}

/// A title as somebody wrote it: fit to be looked up, or the reason why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Digest of a normalised title in namespace 0.
    Title(Digest),
    /// Nothing but white space, or a title MediaWiki would refuse.
    Blank,
    /// `Page#Section`: a part of an article.
    Fragment,
    /// A page outside namespace 0.
    OtherNamespace,
    /// A redirect that leaves the wiki.
    Interwiki,
}

/// A row of `langlinks` into one of the languages of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Langlink {
    /// The page that holds the link (`ll_from`).
    pub from: PageId,
    /// The source whose wiki the link leads to.
    pub to: SourceIndex,
    /// The title it names (`ll_title`).
    pub target: Target,
}

/// A row of `redirect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Redirect {
    /// The redirecting page (`rd_from`).
    pub from: PageId,
    /// The title it leads to.
    pub target: Target,
}

/// What the article dump says of a wanted page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Article {
    /// A usable article.
    Text(Text),
    /// The page is a redirect in the article dump, whatever the SQL tables said.
    Redirect,
    /// The page is in another namespace.
    OtherNamespace,
    /// The page's content model is not wikitext.
    OtherModel,
    /// Nothing is left of the page after cleaning.
    Empty,
    /// The page says of itself that it is a disambiguation page.
    Disambiguation,
}

/// The cleaned text of an article, by digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Text {
    /// Digest of title and paragraphs, and the key of the text in the packs.
    pub digest: Digest,
    /// The revision it was read from; 0 where the source has none.
    pub revision: u64,
    /// Characters in title and paragraphs.
    pub n_chars: u32,
    /// Paragraphs.
    pub n_paragraphs: u32,
    /// Key of the article's links in the packs ([`crate::retrieve::links`]); all zeros where they
    /// are not kept, and in pairs, which do not depend on them.
    pub links: Digest,
}

impl Text {
    /// Returns the text as a pair has it: its links do not matter there.
    pub fn without_links(self) -> Text {
        Text { links: Digest::default(), ..self }
    }
}

/// One side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Side {
    /// The source it comes from.
    pub source: SourceIndex,
    /// The page within the source; 0 for a web document, which its text identifies.
    pub page: PageId,
    /// Its text.
    pub text: Text,
}

impl Side {
    /// Returns what the side is, whatever becomes of it.
    pub fn identity(&self) -> Identity {
        match self.page {
            0 => Identity::Text(self.text.digest),
            page => Identity::Page(page),
        }
    }
}

/// What tells a side from all others of its source: a page its id, a web document its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Identity {
    /// A page of a wiki, whose text may change.
    Page(PageId),
    /// A document: with another text it is another one.
    Text(Digest),
}

impl Identity {
    /// Returns the digest of the text, for a document.
    pub fn text(self) -> Option<Digest> {
        match self {
            Identity::Page(_) => None,
            Identity::Text(digest) => Some(digest),
        }
    }

    /// Returns the identity as bytes; those of a page and of a text differ in their number.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Identity::Page(page) => page.to_le_bytes().to_vec(),
            Identity::Text(digest) => digest.bytes().to_vec(),
        }
    }
}

/// Where a pair comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A language link of Wikipedia.
    Wiki,
    /// A retrieved web document.
    Web,
}

/// The directions in which two articles link to each other.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Directions {
    /// The target-language article links to the English one.
    pub forward: bool,
    /// The English article links to the target-language one.
    pub reverse: bool,
}

/// Two articles about one subject: everything that may influence the segments made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The English side.
    pub english: Side,
    /// The target-language side.
    pub target: Side,
    /// Where the pair comes from.
    pub origin: Origin,
    /// Which links made it.
    pub directions: Directions,
    /// Key in the packs of how the document on the English side was found
    /// ([`crate::retrieve::evidence`]), for this article or, where pairs were shuffled, for another
    /// one; all zeros for language links, which need no reason.
    pub evidence: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_text_and_bytes() {
        let digest = Digest::of("ช้าง".as_bytes());
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_bytes(digest.bytes()), digest);
        assert_eq!(Digest::parse("é0000000000000000000000000000000"), None);
    }

    #[test]
    fn fields_are_framed() {
        assert_ne!(Digest::of_fields(&[b"ab", b"c"]), Digest::of_fields(&[b"a", b"bc"]));
    }
}
