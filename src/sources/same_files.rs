//! Leaves article files unread that are, byte for byte, those of the last build.

use std::sync::{Arc, OnceLock};

use crossic_operators::record::Digest;

use super::{Before, Finding, SourceCounts, Task, Wanted};
use crate::{error::Result, work::Work};

/// What the tasks of one source share.
pub(super) struct SameFiles {
    before: Arc<Before>,
    /// Whether all files have an index, so that streams are told apart; `None` if only some have.
    indexed: Option<bool>,
    suffices: OnceLock<bool>,
}

impl SameFiles {
    pub(super) fn new(before: Arc<Before>, indexed: Option<bool>) -> Arc<SameFiles> {
        Arc::new(SameFiles { before, indexed, suffices: OnceLock::new() })
    }

    /// Returns whether the last build knew every wanted page of files that have not changed.
    fn suffices(&self, wanted: &Wanted) -> Result<bool> {
        if let Some(known) = self.suffices.get() {
            return Ok(*known);
        }
        let suffices = self.before.same_files() && {
            let known = self.before.streams()?;
            // What was read without an index does not say from which stream, and must.
            let fits = |stream: &Digest| Some(*stream != Digest::default()) == self.indexed;
            let known = |page| known.get(page).is_some_and(|it| it.as_ref().is_none_or(fits));
            wanted.0.iter().all(known)
        };
        Ok(*self.suffices.get_or_init(|| suffices))
    }
}

/// A task that reads only if the last build does not know everything.
pub(super) struct Unless {
    same: Arc<SameFiles>,
    /// Whether this task speaks for all of them.
    first: bool,
    n_kept: u64,
    task: Box<dyn Task<Finding>>,
}

impl Unless {
    pub(super) fn reads(
        same: &Arc<SameFiles>,
        first: bool,
        task: Box<dyn Task<Finding>>,
    ) -> Box<dyn Task<Finding>> {
        Box::new(Unless { same: Arc::clone(same), first, n_kept: 0, task })
    }
}

impl Task<Finding> for Unless {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        if !self.same.suffices(wanted)? {
            return self.task.step(budget, wanted, rows);
        }
        if self.first {
            rows.extend(wanted.0.iter().map(|page| Finding::Same(*page)));
            self.n_kept = wanted.0.len() as u64;
        }
        Ok(false)
    }

    fn bytes_read(&self) -> u64 {
        self.task.bytes_read()
    }

    fn counts(&mut self) -> SourceCounts {
        self.task.counts()
    }

    fn work(&mut self) -> Work {
        let mut work = self.task.work();
        work.pages_kept += std::mem::take(&mut self.n_kept);
        work
    }
}
