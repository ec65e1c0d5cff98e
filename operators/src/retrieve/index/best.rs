//! The best hits so far: what a search keeps while it goes through its documents.

use std::collections::BinaryHeap;

use super::{Hit, Wanted, units::Units};
use crate::record::Digest;

/// At most `top` hits, none below the threshold.
#[derive(Debug)]
pub(super) struct Best {
    top: usize,
    units: Units,
    /// The worst on top.
    hits: BinaryHeap<Hit>,
    /// A lower product can no longer become a hit.
    floor: i64,
}

impl Best {
    pub(super) fn new(wanted: Wanted, units: Units) -> Best {
        let floor = match wanted.top {
            0 => i64::MAX,
            _ => units.least_product(wanted.threshold.max(1)),
        };
        Best { top: wanted.top, units, hits: BinaryHeap::new(), floor }
    }

    /// Returns the least product that is worth offering.
    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// Takes a document if it is among the best so far.
    pub(super) fn offer(&mut self, document: Digest, product: i64) {
        if product < self.floor {
            return;
        }
        let hit = Hit { document, score: self.units.score(product) };
        if self.hits.len() < self.top {
            self.hits.push(hit);
        } else if let Some(mut worst) = self.hits.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
        if self.hits.len() == self.top
            && let Some(worst) = self.hits.peek()
        {
            self.floor = self.units.least_product(worst.score);
        }
    }

    /// Returns the hits, the best first.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits.into_sorted_vec()
    }
}
