//! What workers say to worker 0 while they run: counts, rejects, finished shards.

use std::collections::BTreeMap;

use crossic_operators::{
    context::{Outcome, Tally},
    record::SourceIndex,
    reject::Reject,
    split_windows::Counts,
};
use serde::{Deserialize, Serialize};

use crate::{report::statistics::Statistics, sinks::Shard, sources::Snapshot};

/// One thing said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// By an operator.
    Outcome(Outcome),
    /// By a source: a quantity it counted.
    Source(SourceIndex, String),
    /// A snapshot that a source wrote.
    Snapshot(Snapshot),
    /// A bucket that a sink finished.
    Bucket(Box<Bucket>),
}

/// The work done on one bucket of one sink.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// Position of the sink in the plan.
    pub sink: usize,
    /// The shard; `None` where the bucket holds no row.
    pub shard: Option<Shard>,
    /// Statistics of its rows.
    pub statistics: Statistics,
    /// Pairs that came in, by target source.
    pub pairs_in: BTreeMap<SourceIndex, u64>,
    /// Pairs with at least one row, by target source.
    pub pairs_out: BTreeMap<SourceIndex, u64>,
    /// Paragraphs and tokens, by source.
    pub counts: BTreeMap<SourceIndex, SideCounts>,
    /// Pairs that gave no row.
    pub rejects: Vec<Reject>,
}

/// Paragraphs and tokens of one source in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SideCounts {
    /// Paragraphs of the articles of pairs that gave rows.
    pub paragraphs_in: u64,
    /// Paragraphs that lie in rows, counted from the rows.
    pub paragraphs_out: u64,
    /// Paragraphs left out.
    pub paragraphs_dropped: u64,
    /// Paragraphs that were cut.
    pub paragraphs_cut: u64,
    /// Tokens of text.
    pub tokens_in: u64,
    /// Tokens of text in rows, counted from the rows.
    pub tokens_out: u64,
    /// Tokens left out.
    pub tokens_dropped: u64,
}

impl SideCounts {
    /// Adds the account of one article.
    pub(super) fn add(&mut self, counts: &Counts) {
        self.paragraphs_in += counts.paragraphs_in;
        self.paragraphs_dropped += counts.paragraphs_dropped;
        self.paragraphs_cut += counts.paragraphs_cut;
        self.tokens_in += counts.tokens_in;
        self.tokens_dropped += counts.tokens_dropped;
    }

    /// Adds other counts.
    pub(super) fn merge(&mut self, other: &SideCounts) {
        self.paragraphs_in += other.paragraphs_in;
        self.paragraphs_out += other.paragraphs_out;
        self.paragraphs_dropped += other.paragraphs_dropped;
        self.paragraphs_cut += other.paragraphs_cut;
        self.tokens_in += other.tokens_in;
        self.tokens_out += other.tokens_out;
        self.tokens_dropped += other.tokens_dropped;
    }
}

/// Everything that was said, added up.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Quantities of operators.
    pub tallies: BTreeMap<Tally, i64>,
    /// Refused records of operators.
    pub rejects: BTreeMap<Reject, i64>,
    /// Quantities of sources.
    pub sources: BTreeMap<(SourceIndex, String), i64>,
    /// Snapshots of sources.
    pub snapshots: Vec<Snapshot>,
    /// Finished buckets.
    pub buckets: Vec<Bucket>,
}

impl Heard {
    /// Takes in one thing said, so many times.
    pub(super) fn hear(&mut self, said: Said, times: i64) {
        match said {
            Said::Outcome(Outcome::Tally(tally)) => {
                *self.tallies.entry(tally).or_default() += times;
            }
            Said::Outcome(Outcome::Reject(reject)) => {
                let entry = self.rejects.entry(reject).or_default();
                *entry += times;
                if *entry == 0 {
                    self.rejects.remove(&reject);
                }
            }
            Said::Source(source, what) => {
                *self.sources.entry((source, what)).or_default() += times;
            }
            Said::Snapshot(snapshot) => self.snapshots.push(snapshot),
            Said::Bucket(bucket) => self.buckets.push(*bucket),
        }
    }
}
