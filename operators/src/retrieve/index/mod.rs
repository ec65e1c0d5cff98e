//! Nearest neighbours: the documents whose vectors have the largest inner product with a query.
//!
//! Vectors are integers with a fixed scale, so a score is the same number on every machine and for
//! any number of threads. `flat` and `sparse` are exact; `hnsw` is approximate, and is held to them.
//! An index is immutable: what changes is a segment, and several segments are searched as one index.

mod best;
pub mod flat;
pub mod hnsw;
mod kernel;
pub mod segments;
pub mod sparse;
mod units;
pub mod vectors;

use std::cmp::Ordering;

use crate::record::Digest;

/// One unit of a score: a cosine of 1 is a million of these.
pub const MILLION: i32 = 1_000_000;

/// A set of documents that can be searched.
///
/// Equal sets give equal answers, whatever the order in which their documents came.
pub trait Index: Send + Sync {
    /// What is looked for: a [`vectors::Vector`] or a [`sparse::SparseVector`].
    type Query;

    /// Returns how many documents there are.
    fn n_documents(&self) -> usize;

    /// Returns the hits of each query, the best first; all cores take part.
    ///
    /// # Errors
    /// When a query cannot be compared with the vectors of the index.
    fn search(&self, queries: &[Self::Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error>;
}

/// How many hits a query may have, and how good these must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Most hits of a query.
    pub top: usize,
    /// Least score of a hit, in millionths; below 1 it is taken as 1, since unrelated is no hit.
    pub threshold: i32,
}

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The document.
    pub document: Digest,
    /// Inner product with the query, in millionths.
    pub score: i32,
}

/// The better hit is the lesser one: a higher score, and among equal scores the lower document.
impl Ord for Hit {
    fn cmp(&self, other: &Hit) -> Ordering {
        other.score.cmp(&self.score).then(self.document.cmp(&other.document))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Hit) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Why an index cannot be made or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A vector or an index of another number of dimensions or another scale.
    #[error(
        "vectors of {found} cannot be compared with vectors of {expected}; hint: embed documents and queries with one encoder"
    )]
    OtherShape {
        /// What the index holds.
        expected: vectors::Shape,
        /// What came.
        found: vectors::Shape,
    },
    /// A number of dimensions or a scale outside the limits.
    #[error(
        "{dims} dimensions and scale {scale} are not possible; hint: 1 to {most_dims} dimensions and a scale of {least} to {most}",
        most_dims = vectors::MAX_DIMS, least = vectors::MIN_SCALE, most = vectors::MAX_SCALE
    )]
    Shape {
        /// The dimensions that were asked for.
        dims: u16,
        /// The scale that was asked for.
        scale: u16,
    },
    /// The values are not documents times dimensions.
    #[error("{n_values} values are not {n_documents} vectors of {dims} dimensions")]
    Count {
        /// Documents that came.
        n_documents: usize,
        /// Values that came.
        n_values: usize,
        /// Values a document.
        dims: u16,
    },
    /// A vector that is far from length 1.
    #[error("the vector of document {document} is not of length 1; hint: leave empty texts out")]
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
}
