//! Statistics of a corpus, all of them computed from its rows alone.

use std::collections::{BTreeMap, BTreeSet};

use crossic_operators::{
    record::{Digest, Origin},
    segment::Segment,
};
use serde::{Deserialize, Serialize};

/// Buckets of the histogram of lengths: sixteenths of N, and one for longer rows.
const N_LENGTHS: usize = 17;

/// What a builder of corpora wants to know. Counts only: sums of two are statistics of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Rows.
    pub rows: u64,
    /// Pairs with at least one row.
    pub pairs: u64,
    /// Tokens, closing tokens included.
    pub tokens: u64,
    /// N times the rows: what the rows could hold.
    pub capacity: u64,
    /// Tokens by language, titles and delimiters included.
    pub tokens_by_language: BTreeMap<String, u64>,
    /// Tokens of titles by language.
    pub title_tokens_by_language: BTreeMap<String, u64>,
    /// Of the pairs, those of an article and a web document.
    #[serde(default)]
    pub web_pairs: u64,
    /// Rows of these pairs.
    #[serde(default)]
    pub web_rows: u64,
    /// Tokens of these rows, closing tokens included.
    #[serde(default)]
    pub web_tokens: u64,
    /// Rows with one language only.
    pub one_language_rows: u64,
    /// Tokens of rows with one language only.
    pub one_language_tokens: u64,
    /// Rows that begin or end inside a paragraph.
    pub cut_rows: u64,
    /// Rows by length in sixteenths of N; the last counts longer rows.
    pub lengths: Vec<u64>,
    /// Tokens of the longest row.
    pub longest: u64,
    /// Rows whose tokens were compared with those of their text as a whole.
    pub compared_rows: u64,
    /// Of these, rows whose tokens differ.
    pub differing_rows: u64,
}

/// Adds up the rows of one bucket, in order.
#[derive(Debug, Default)]
pub struct Counter {
    statistics: Statistics,
    last_pair: Option<Digest>,
}

impl Counter {
    /// Adds a row of a corpus with segments of at most `n` tokens.
    pub fn add(&mut self, segment: &Segment, n: u64) {
        let it = &mut self.statistics;
        let tokens = segment.input_ids.len() as u64;
        it.rows += 1;
        let first = u64::from(self.last_pair != Some(segment.pair));
        it.pairs += first;
        if segment.origin == Origin::Web {
            it.web_pairs += first;
            it.web_rows += 1;
            it.web_tokens += tokens;
        }
        self.last_pair = Some(segment.pair);
        it.tokens += tokens;
        it.capacity += n;
        it.longest = it.longest.max(tokens);
        let languages: BTreeSet<&str> = segment.spans.iter().map(|it| it.lang.as_str()).collect();
        if languages.len() < 2 {
            it.one_language_rows += 1;
            it.one_language_tokens += tokens;
        }
        it.cut_rows += u64::from(segment.spans.iter().any(|span| span.cut_start || span.cut_end));
        for span in &segment.spans {
            let n_tokens = u64::from(span.token_end - span.token_start);
            *it.tokens_by_language.entry(span.lang.clone()).or_default() += n_tokens;
            *it.title_tokens_by_language.entry(span.lang.clone()).or_default() +=
                u64::from(span.title_tokens);
        }
        it.lengths.resize(N_LENGTHS, 0);
        let length = (tokens.saturating_sub(1) * 16 / n.max(1)).min(16) as usize;
        if let Some(count) = it.lengths.get_mut(length) {
            *count += 1;
        }
    }

    /// Records comparisons of rows' tokens with those of their texts as a whole.
    pub fn compared(&mut self, rows: u64, differing: u64) {
        self.statistics.compared_rows += rows;
        self.statistics.differing_rows += differing;
    }

    /// Returns the sums.
    pub fn finish(self) -> Statistics {
        self.statistics
    }
}

impl Statistics {
    /// Adds the statistics of other rows.
    pub fn merge(&mut self, other: &Statistics) {
        self.rows += other.rows;
        self.pairs += other.pairs;
        self.tokens += other.tokens;
        self.capacity += other.capacity;
        for (lang, n) in &other.tokens_by_language {
            *self.tokens_by_language.entry(lang.clone()).or_default() += n;
        }
        for (lang, n) in &other.title_tokens_by_language {
            *self.title_tokens_by_language.entry(lang.clone()).or_default() += n;
        }
        self.web_pairs += other.web_pairs;
        self.web_rows += other.web_rows;
        self.web_tokens += other.web_tokens;
        self.one_language_rows += other.one_language_rows;
        self.one_language_tokens += other.one_language_tokens;
        self.cut_rows += other.cut_rows;
        self.lengths.resize(N_LENGTHS, 0);
        for (mine, theirs) in self.lengths.iter_mut().zip(&other.lengths) {
            *mine += theirs;
        }
        self.longest = self.longest.max(other.longest);
        self.compared_rows += other.compared_rows;
        self.differing_rows += other.differing_rows;
    }

    /// Returns the share of N that rows fill on average.
    pub fn fill(&self) -> f64 {
        self.tokens as f64 / self.capacity.max(1) as f64
    }

    /// Returns the share of tokens in rows of one language.
    pub fn one_language_share(&self) -> f64 {
        self.one_language_tokens as f64 / self.tokens.max(1) as f64
    }
}
