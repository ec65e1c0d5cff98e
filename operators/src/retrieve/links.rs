//! The links of an article, as they are kept beside its text in the packs.

use serde::{Deserialize, Serialize};

use crate::wikitext::Wikilink;

/// The links of an article to others of its wiki.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Length of the wikitext they stand in, in bytes.
    pub n_bytes: u64,
    /// The links in the order of the page, targets written as the wiki's `page` table has them.
    pub links: Vec<Wikilink>,
}

impl Links {
    /// Returns the text that is put into a pack.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("links are plain data"))
    }

    /// Returns the links of such a text; none if it is something else.
    pub fn parse(text: &str) -> Links {
        serde_json::from_str(text).unwrap_or_default()
    }
}
