//! The distinct vectors of a segment, in the order in which they are inserted.
//!
//! Hundreds of copies of one vector would link to each other only and cut off what lies behind them,
//! and so would similar documents that come in a row. So copies are one node, and the digest of the
//! bytes, which knows nothing of similarity, is the order.

use std::io;

use crate::{
    record::Digest,
    retrieve::index::{
        Error,
        columns::{Reader, Writer},
        shape::Shape,
        vectors::{self, Vectors},
    },
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
    /// The places of the documents above, in the order of the documents.
    order: Vec<u32>,
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
            order: Vec::new(),
        };
        for copies in rows.chunk_by(|left, right| left.0 == right.0) {
            nodes.starts.push(nodes.documents.len() as u32);
            nodes.documents.extend(copies.iter().map(|&(_, document, _)| document));
            nodes.values.extend(copies.iter().take(1).flat_map(|&(.., row)| row));
        }
        nodes.starts.push(nodes.documents.len() as u32);
        nodes.values.shrink_to_fit();
        nodes.order = order(&nodes.documents);
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

    /// Returns the node of a document.
    pub(super) fn node(&self, document: Digest) -> Option<u32> {
        let digest = |place: u32| self.documents.get(place as usize).copied().unwrap_or_default();
        let found = self.order.binary_search_by_key(&document, |&place| digest(place)).ok()?;
        let place = self.order.get(found)?;
        let node = self.starts.partition_point(|start| start <= place).checked_sub(1)?;
        u32::try_from(node).ok()
    }

    /// Returns the documents of a node.
    pub(super) fn documents(&self, node: u32) -> &[Digest] {
        let place = |node: usize| self.starts.get(node).map(|&start| start as usize);
        let range = place(node as usize).zip(place(node as usize + 1));
        range.and_then(|(start, end)| self.documents.get(start..end)).unwrap_or_default()
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.values.len()
            + (self.starts.len() + self.order.len()) * size_of::<u32>()
            + self.documents.len() * size_of::<Digest>()
    }

    pub(super) fn save(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        writer.count(self.len())?;
        writer.count(self.documents.len())?;
        writer.values(&self.values)?;
        writer.numbers(&self.starts)?;
        writer.digests(&self.documents)
    }

    pub(super) fn load(shape: Shape, reader: &mut Reader<'_>) -> Result<Nodes, Error> {
        let n_nodes = reader.count("number of nodes")?;
        let n_documents = reader.count("number of documents")?;
        let values = reader.values(n_nodes.saturating_mul(shape.dims()), "vectors")?;
        if !values.chunks_exact(shape.dims()).all(|row| shape.is_unit(vectors::square(row))) {
            return Err(reader.damage("vectors"));
        }
        let starts = reader.numbers(n_nodes.saturating_add(1), "starts")?;
        let documents = reader.digests(n_documents, "documents")?;
        if super::MAX_DOCUMENTS < n_documents || !are_starts(&starts, n_documents) {
            return Err(reader.damage("starts"));
        }
        let order = order(&documents);
        let nodes = Nodes { shape, values, starts, documents, order };
        let is_sorted = |node| nodes.documents(node).is_sorted_by(|left, right| left < right);
        let ordered: Vec<Digest> = nodes
            .order
            .iter()
            .filter_map(|&it| nodes.documents.get(it as usize).copied())
            .collect();
        let is_set = ordered.is_sorted_by(|left, right| left < right);
        match is_set && (0..nodes.len() as u32).all(is_sorted) {
            true => Ok(nodes),
            false => Err(reader.damage("documents")),
        }
    }
}

/// Returns whether numbers are where lists begin, one after the other, and end.
pub(super) fn are_starts(starts: &[u32], end: usize) -> bool {
    starts.first() == Some(&0)
        && starts.last().is_some_and(|&last| last as usize == end)
        && starts.is_sorted()
}

/// Returns the places of documents in the order of the documents.
fn order(documents: &[Digest]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(documents.len()).collect();
    order.sort_unstable_by_key(|&place| documents.get(place as usize));
    order
}

/// Returns the digest of a vector.
fn bytes_digest(values: &[i8]) -> Digest {
    let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
    Digest::of(&bytes)
}
