//! Several indexes as one: the hits of all, merged.
//!
//! Merging is commutative, associative and idempotent. So segments may be searched in any order, on
//! any number of threads, or, with [`best`] over what each found, one after the other with only one
//! of them in memory.

use super::{
    Error, Index,
    hit::{Hit, Wanted, best},
    shape::Shape,
};
use crate::{
    record::Digest,
    retrieve::vector::{Query, Vector},
};

/// Indexes of one shape that are searched together.
#[derive(Clone, Debug)]
pub struct Segments<I> {
    shape: Shape,
    segments: Vec<I>,
}

impl<I: Index> Segments<I> {
    /// Returns the segments, none or more, as one index of this shape.
    ///
    /// # Errors
    /// When a segment is of another shape: its products could not be compared.
    pub fn new(shape: Shape, segments: Vec<I>) -> Result<Segments<I>, Error> {
        match segments.iter().map(Index::shape).find(|&found| found != shape) {
            Some(found) => Err(Error::OtherShape { expected: shape, found }),
            None => Ok(Segments { shape, segments }),
        }
    }
}

impl<I: Index> Index for Segments<I> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn n_documents(&self) -> usize {
        self.segments.iter().map(Index::n_documents).sum()
    }

    fn n_bytes(&self) -> usize {
        self.segments.iter().map(Index::n_bytes).sum()
    }

    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.shape.check(queries)?;
        let mut merged = vec![Vec::new(); queries.len()];
        for segment in &self.segments {
            for (hits, more) in merged.iter_mut().zip(segment.search(queries, wanted)?) {
                *hits = best(std::mem::take(hits).into_iter().chain(more), wanted.top);
            }
        }
        Ok(merged)
    }

    fn vector(&self, document: Digest) -> Option<Vector> {
        self.segments.iter().find_map(|segment| segment.vector(document))
    }

    fn product(&self, query: &Query, document: Digest) -> Option<i64> {
        self.segments.iter().find_map(|segment| segment.product(query, document))
    }
}

impl<I: Index + ?Sized> Index for Box<I> {
    fn shape(&self) -> Shape {
        (**self).shape()
    }

    fn n_documents(&self) -> usize {
        (**self).n_documents()
    }

    fn n_bytes(&self) -> usize {
        (**self).n_bytes()
    }

    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        (**self).search(queries, wanted)
    }

    fn vector(&self, document: Digest) -> Option<Vector> {
        (**self).vector(document)
    }

    fn product(&self, query: &Query, document: Digest) -> Option<i64> {
        (**self).product(query, document)
    }
}
