//! Nearest neighbours: the documents whose vectors have the largest inner product with a query.
//!
//! Vectors are integers with a fixed step, so a score is the same number on every machine and for
//! any number of threads. `flat` and `sparse` are exact; `hnsw` is approximate, and is held to them.
//! An index is immutable: what changes is a segment, and several segments are searched as one index.

mod columns;
pub mod flat;
pub mod hit;
pub mod hnsw;
mod kernel;
pub mod segment;
pub mod segments;
pub mod shape;
pub mod sparse;
pub mod vectors;

use std::fmt;

use self::{
    hit::{Hit, Wanted},
    shape::Shape,
};
use super::vector::{Form, Query, Vector};
use crate::record::Digest;

/// One unit of a score: a cosine of 1 is a million of these.
pub const MILLION: i32 = 1_000_000;

/// A set of documents that can be searched.
///
/// Equal sets give equal answers, whatever the order in which their documents came.
pub trait Index: fmt::Debug + Send + Sync {
    /// Returns what the vectors of the documents share, and scores by [`Shape::score`].
    fn shape(&self) -> Shape;

    /// Returns how many documents there are.
    fn n_documents(&self) -> usize;

    /// Returns the bytes in memory.
    fn n_bytes(&self) -> usize;

    /// Returns the hits of each query, the best first; all cores take part.
    ///
    /// # Errors
    /// When a query cannot be compared with the vectors of the index.
    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error>;

    /// Returns the vector of a document that is here.
    fn vector(&self, document: Digest) -> Option<Vector>;

    /// Returns the exact product of a query and a document that is here.
    fn product(&self, query: &Query, document: Digest) -> Option<i64> {
        Some(query.dot(&self.vector(document)?))
    }
}

/// Why an index cannot be made or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A vector that has no product with the others.
    #[error(
        "a vector of {found} cannot be compared with vectors of {expected}; hint: embed documents and queries with one encoder"
    )]
    OtherForm {
        /// What the index holds.
        expected: Form,
        /// What came.
        found: Form,
    },
    /// A segment whose products cannot be compared with those of the others.
    #[error(
        "a segment of {found} cannot be searched with segments of {expected}; hint: embed all documents with one encoder"
    )]
    OtherShape {
        /// What the other segments have.
        expected: Shape,
        /// What came.
        found: Shape,
    },
    /// A number of dimensions or a length outside the limits.
    #[error(
        "vectors of {form} and unit {unit} are not possible; hint: 1 to {most_dims} dimensions and a unit of {least} to {most}",
        most_dims = shape::MAX_DIMS, least = shape::MIN_UNIT, most = shape::MAX_UNIT
    )]
    Shape {
        /// The form that was asked for.
        form: Form,
        /// The length of a unit vector that was asked for.
        unit: u32,
    },
    /// A query that is longer than its vectors can be.
    #[error(
        "a query is longer than unit vectors of length {unit}; hint: embed documents and queries with one encoder"
    )]
    LongQuery {
        /// The length of a unit vector.
        unit: u32,
    },
    /// The values are not documents times dimensions.
    #[error("{n_values} values are not {n_documents} vectors of {dims} dimensions")]
    Count {
        /// Documents that came.
        n_documents: usize,
        /// Values that came.
        n_values: usize,
        /// Values a document.
        dims: usize,
    },
    /// A vector that is far from the length of a unit vector.
    #[error(
        "the vector of document {document} is far from a unit vector; hint: leave empty texts out"
    )]
    Length {
        /// Whose vector it is.
        document: Digest,
    },
    /// Two vectors of one document.
    #[error("document {document} comes twice; hint: fold documents by their digest first")]
    Twice {
        /// The document.
        document: Digest,
    },
    /// More documents than one segment may have.
    #[error("{found} documents are too many for one segment; hint: {most} are the most")]
    TooMany {
        /// Documents that came.
        found: usize,
        /// Documents a segment may have.
        most: usize,
    },
    /// Settings of a graph that the library cannot build.
    #[error(
        "links = {links}, effort = {effort}, breadth = {breadth} is not possible; hint: 2 to 128 links, an effort and a breadth of 1 to 4096"
    )]
    Settings {
        /// Links a node and layer.
        links: u16,
        /// Candidates while building.
        effort: u16,
        /// Candidates while searching.
        breadth: u16,
    },
    /// Bytes that are no saved segment, or no longer one.
    #[error("the index is damaged: wrong {what} before byte {byte}; hint: build it again")]
    Damaged {
        /// The part that is wrong.
        what: &'static str,
        /// Where reading it ended.
        byte: usize,
    },
}
