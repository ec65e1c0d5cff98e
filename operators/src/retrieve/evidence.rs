//! Why a document was brought together with an article, as it is kept in the packs.

use serde::{Deserialize, Serialize};

use super::{
    keywords::{Keywords, Reach},
    library::{Described, Found},
};
use crate::{record::PageId, segment::Retrieval};

/// What an article asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The English title.
    pub title: String,
    /// The keywords, in English.
    pub keywords: Vec<String>,
    /// How far one had to go for the keywords.
    pub reach: Reach,
}

impl Asked {
    /// Returns what is asked with a title and keywords.
    pub fn new(title: &str, keywords: Keywords) -> Asked {
        let words = keywords.list.into_iter().map(|it| it.english).collect();
        Asked { title: title.to_owned(), keywords: words, reach: keywords.reach }
    }

    /// Returns the text that is put into a pack.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("a question is plain data"))
    }

    /// Returns what such a text says, or `None` if it is something else.
    pub fn parse(text: &str) -> Option<Asked> {
        serde_json::from_str(text).ok()
    }
}

/// The provenance of a retrieved pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The page it was found for, of the target wiki that the pair is of.
    pub page: PageId,
    /// What its file calls the document.
    pub document: String,
    /// Address that the document was read from.
    pub url: String,
    /// Place among the documents of the article, from 1.
    pub rank: u32,
    /// Mean of the next two, in millionths.
    pub score: i32,
    /// Cosine of the document with the English title, in millionths.
    pub title_score: i32,
    /// Cosine of the document with title and keywords, in millionths.
    pub full_score: i32,
    /// The English title that was asked for.
    pub title: String,
    /// The keywords that were asked for with it, in English.
    pub keywords: Vec<String>,
    /// How far one had to go for the keywords.
    pub reach: Reach,
}

impl Evidence {
    /// Returns the evidence of a document that answered the question of a page in place `rank`.
    pub fn new(
        page: PageId,
        found: &Found,
        rank: u32,
        (document, asked): (&Described, &Asked),
    ) -> Evidence {
        Evidence {
            page,
            document: document.name.clone(),
            url: document.url.clone(),
            rank,
            score: found.score,
            title_score: found.title_score,
            full_score: found.full_score,
            title: asked.title.clone(),
            keywords: asked.keywords.clone(),
            reach: asked.reach,
        }
    }

    /// Returns what the rows of a pair say of how its document was found.
    pub fn retrieval(&self) -> Retrieval {
        Retrieval {
            rank: self.rank,
            title_score: self.title_score,
            full_score: self.full_score,
            title: self.title.clone(),
            keywords: self.keywords.clone(),
        }
    }

    /// Returns the text that is put into a pack.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("evidence is plain data"))
    }

    /// Returns the evidence of such a text, or `None` if it is something else.
    pub fn parse(text: &str) -> Option<Evidence> {
        serde_json::from_str(text).ok()
    }
}
