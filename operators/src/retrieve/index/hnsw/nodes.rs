//! The distinct vectors of a segment, in the order in which they are inserted.
//!
//! Hundreds of copies of one vector would link to each other only and cut off what lies behind them,
//! and so would similar documents that come in a row. So copies are one node, and the digest of the
//! bytes, which knows nothing of similarity, is the order.

use crate::{
    record::Digest,
    retrieve::index::vectors::{Shape, Vectors},
};

/// The vectors, and which documents have them.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    shape: Shape,
    /// Nodes times dimensions.
    values: Vec<i8>,
    /// Where the documents of a node begin, and one entry more.
    starts: Vec<u32>,
    /// In ascending order within a node.
    documents: Vec<Digest>,
}

impl Nodes {
    /// Returns the nodes of some documents.
    pub(super) fn of(vectors: &Vectors) -> Nodes {
        let mut rows: Vec<(Digest, Digest, &[i8])> =
            vectors.iter().map(|(document, row)| (bytes_digest(row), document, row)).collect();
        rows.sort_unstable_by_key(|&(order, document, _)| (order, document));
        let mut nodes = Nodes {
            shape: vectors.shape(),
            values: Vec::with_capacity(rows.len() * vectors.shape().dims()),
            starts: Vec::with_capacity(rows.len() + 1),
            documents: Vec::with_capacity(rows.len()),
        };
        for copies in rows.chunk_by(|left, right| left.0 == right.0) {
            nodes.starts.push(nodes.documents.len() as u32);
            nodes.documents.extend(copies.iter().map(|&(_, document, _)| document));
            nodes.values.extend(copies.iter().take(1).flat_map(|&(.., row)| row));
        }
        nodes.starts.push(nodes.documents.len() as u32);
        nodes.values.shrink_to_fit();
        nodes
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn n_documents(&self) -> usize {
        self.documents.len()
    }

    /// Returns the bytes of a node; nothing if there is none.
    pub(super) fn values(&self, node: u32) -> &[i8] {
        let start = node as usize * self.shape.dims();
        self.values.get(start..start + self.shape.dims()).unwrap_or_default()
    }

    /// Returns the documents of a node.
    pub(super) fn documents(&self, node: u32) -> &[Digest] {
        let place = |node: usize| self.starts.get(node).map(|&start| start as usize);
        let range = place(node as usize).zip(place(node as usize + 1));
        range.and_then(|(start, end)| self.documents.get(start..end)).unwrap_or_default()
    }

    /// Adds everything to a hash.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(self.shape.to_string().as_bytes());
        hasher.update(&(self.len() as u64).to_le_bytes());
        for node in 0..self.len() as u32 {
            hasher.update(&bytes_digest(self.values(node)).bytes());
            hasher.update(&(self.documents(node).len() as u64).to_le_bytes());
            for document in self.documents(node) {
                hasher.update(&document.bytes());
            }
        }
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.values.len()
            + self.starts.len() * size_of::<u32>()
            + self.documents.len() * size_of::<Digest>()
    }
}

/// Returns the digest of a vector.
fn bytes_digest(values: &[i8]) -> Digest {
    let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
    Digest::of(&bytes)
}
