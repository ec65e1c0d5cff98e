//! Several indexes as one: the hits of all, merged.
//!
//! Merging is commutative, associative and idempotent. So segments may be searched in any order, on
//! any number of threads, or one after the other with only one of them in memory.

use rustc_hash::FxHashSet;

use super::{Error, Hit, Index, Wanted};

/// Indexes that are searched together.
#[derive(Clone, Debug, Default)]
pub struct Segments<I>(pub Vec<I>);

impl<I: Index> Index for Segments<I> {
    type Query = I::Query;

    fn n_documents(&self) -> usize {
        self.0.iter().map(Index::n_documents).sum()
    }

    fn search(&self, queries: &[Self::Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        let mut merged = vec![Vec::new(); queries.len()];
        for segment in &self.0 {
            for (hits, more) in merged.iter_mut().zip(segment.search(queries, wanted)?) {
                merge(hits, more, wanted);
            }
        }
        Ok(merged)
    }
}

impl<I: Index + ?Sized> Index for Box<I> {
    type Query = I::Query;

    fn n_documents(&self) -> usize {
        (**self).n_documents()
    }

    fn search(&self, queries: &[Self::Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        (**self).search(queries, wanted)
    }
}

/// Adds the hits that a query has in another segment; the better of two hits of a document stays.
pub fn merge(hits: &mut Vec<Hit>, more: Vec<Hit>, wanted: Wanted) {
    if more.is_empty() {
        return;
    }
    hits.extend(more);
    hits.sort_unstable();
    let mut met = FxHashSet::default();
    hits.retain(|hit| met.insert(hit.document));
    hits.truncate(wanted.top);
}
