//! What a build did: the ledger, the statistics, and the files that show them.

pub mod card;
pub mod ledger;
pub(crate) mod numbers;
pub mod page;
pub mod residue;
#[cfg(test)]
mod sample;
pub mod statistics;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::{ledger::Line, residue::LanguageResidue, statistics::Statistics};

/// The content of `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where everything went: in = out, line by line.
    pub ledger: Vec<Line>,
    /// Rejects by stage and reason.
    pub rejects: BTreeMap<String, BTreeMap<String, u64>>,
    /// Linked pairs of each target language by direction.
    pub links: BTreeMap<String, LinkCounts>,
    /// What the cleaner left in the articles of each language.
    #[serde(default)]
    pub residue: BTreeMap<String, LanguageResidue>,
    /// Statistics of the rows.
    pub statistics: Statistics,
    /// What a user should know: absent tables, truncated pages.
    pub notes: Vec<String>,
}

/// Linked pairs by the direction of their links, before any policy or filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// Only the target-language article links.
    pub forward: u64,
    /// Only the English article links.
    pub reverse: u64,
    /// Both link.
    pub mutual: u64,
}
