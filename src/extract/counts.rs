//! What was counted while text was extracted, by language.

use std::collections::BTreeMap;

use crossic_operators::wikitext::Residue;

use super::article::Outcome;

/// Counts of every language.
#[derive(Clone, Debug, Default)]
pub struct AllCounts(pub BTreeMap<String, Counts>);

/// Counts of one language.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Pages, those that were refused included.
    pub n_pages: u64,
    /// Articles that were written.
    pub n_articles: u64,
    /// Of these, pages that list meanings.
    pub n_disambiguations: u64,
    /// Pages that are no articles, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Links of the articles.
    pub n_links: u64,
    /// Bytes of wikitext, its XML escapes included.
    pub n_wikitext_bytes: u64,
    /// Bytes of text.
    pub n_text_bytes: u64,
    /// Places in the middle of a sentence where something unknown was dropped.
    pub n_holes: u64,
    /// Markup that is left.
    pub residue: Residue,
    /// Pages with bytes that are not UTF-8, which were replaced.
    pub n_not_utf8: u64,
    /// Damaged places of files that were passed over.
    pub n_lost: u64,
    /// Bytes of decompressed XML.
    pub n_xml_bytes: u64,
}

impl AllCounts {
    /// Returns the counts of a language.
    pub fn of(&mut self, lang: &str) -> &mut Counts {
        self.0.entry(lang.to_owned()).or_default()
    }
}

impl Counts {
    /// Adds what became of a page.
    pub fn add<A>(&mut self, n_bytes: u64, outcome: &Outcome<A>) {
        self.n_wikitext_bytes += n_bytes;
        match outcome {
            Outcome::Refused(reason) => self.refuse(reason, 1),
            Outcome::Article(_, seen) => {
                self.n_pages += 1;
                self.n_articles += 1;
                self.n_disambiguations += u64::from(seen.is_disambiguation);
                self.n_links += seen.n_links;
                self.n_text_bytes += seen.n_text_bytes;
                self.n_holes += u64::from(seen.n_holes);
                self.residue += seen.residue;
            }
        }
    }

    /// Adds pages that are no articles.
    pub fn refuse(&mut self, reason: &'static str, n_pages: u64) {
        if n_pages != 0 {
            self.n_pages += n_pages;
            *self.refused.entry(reason).or_default() += n_pages;
        }
    }

    /// Returns a count for every thousand articles.
    pub fn per_thousand(&self, count: u64) -> f64 {
        1_000.0 * count as f64 / self.n_articles.max(1) as f64
    }
}
