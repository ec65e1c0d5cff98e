//! What workers say to worker 0 while they run: counts, rejects, finished shards.

use std::collections::BTreeMap;

use crossic_operators::{
    context::{Outcome, Tally},
    record::SourceIndex,
    reject::Reject,
};
use serde::{Deserialize, Serialize};

use super::bucket::Sealed;
use crate::{report::residue::ResidueSums, sources::Snapshot, work::Work};

/// One thing said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// By an operator.
    Outcome(Outcome),
    /// By a source: a quantity it counted.
    Source(SourceIndex, String),
    /// What is left in articles of a source.
    Residue(SourceIndex, Box<ResidueSums>),
    /// A snapshot that a source wrote.
    Snapshot(Snapshot),
    /// A file in `memos/` that a source made.
    Memo(String),
    /// A bucket that a sink finished.
    Bucket(Box<Sealed>),
    /// What was done.
    Work(Box<Work>),
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
    /// What is left in the articles of sources.
    pub residue: BTreeMap<SourceIndex, ResidueSums>,
    /// Snapshots of sources.
    pub snapshots: Vec<Snapshot>,
    /// Files in `memos/` of sources.
    pub memos: Vec<String>,
    /// Finished buckets.
    pub buckets: Vec<Sealed>,
    /// What was done.
    pub work: Work,
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
            Said::Residue(source, sums) => {
                self.residue.entry(source).or_default().merge(&sums);
            }
            Said::Snapshot(snapshot) => self.snapshots.push(snapshot),
            Said::Memo(memo) => self.memos.push(memo),
            Said::Bucket(bucket) => {
                self.work += bucket.work;
                self.buckets.push(*bucket);
            }
            Said::Work(work) => self.work += *work,
        }
    }
}
