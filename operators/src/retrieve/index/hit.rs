//! What a search finds, and the one order of what it finds.

use std::collections::BinaryHeap;

use rustc_hash::FxHashSet;

use super::shape::Shape;
use crate::{record::Digest, retrieve::vector::Query};

/// How many hits a query may have, and how good these must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Most hits of a query.
    pub top: usize,
    /// Least score of a hit, in millionths. A product of 0 or less is no hit, whatever it is.
    pub threshold: i32,
}

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The document.
    pub document: Digest,
    /// Inner product with the query, exact; what hits are ranked by.
    pub product: i64,
    /// Mean of the cosines with the vectors of the query, in millionths, rounded down.
    pub score: i32,
}

/// The better hit is the lesser one: a higher product, and among equal ones the lower document.
///
/// Hits of one query are meant: the products of two queries cannot be compared.
impl Ord for Hit {
    fn cmp(&self, other: &Hit) -> std::cmp::Ordering {
        let (left, right) = ((other.product, self.document), (self.product, other.document));
        left.cmp(&right).then(other.score.cmp(&self.score))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Hit) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns the best `top` hits of one query, the best first; each document counts once.
///
/// The hits of several segments may be gathered in any order, and one segment after the other.
pub fn best(hits: impl IntoIterator<Item = Hit>, top: usize) -> Vec<Hit> {
    let mut hits: Vec<Hit> = hits.into_iter().collect();
    hits.sort_unstable();
    let mut met = FxHashSet::default();
    hits.retain(|hit| met.insert(hit.document));
    hits.truncate(top);
    hits
}

/// The best hits so far of one query: what a search keeps while it goes through its documents.
#[derive(Debug)]
pub(super) struct Best<'a> {
    shape: Shape,
    query: &'a Query,
    top: usize,
    /// The worst on top.
    hits: BinaryHeap<Hit>,
    /// A lower product can no longer become a hit.
    floor: i64,
}

impl<'a> Best<'a> {
    pub(super) fn new(wanted: Wanted, shape: Shape, query: &'a Query) -> Best<'a> {
        let floor = match wanted.top {
            0 => i64::MAX,
            _ => shape.least_product(query, wanted.threshold).max(1),
        };
        Best { shape, query, top: wanted.top, hits: BinaryHeap::new(), floor }
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
        let hit = Hit { document, product, score: self.shape.score(self.query, product) };
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
            self.floor = worst.product;
        }
    }

    /// Returns the hits, the best first.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.hits.into_sorted_vec()
    }
}
