//! Dense vectors side by side, in the order of their documents.

use std::{io, ops::Range};

use super::{
    Error,
    columns::{Reader, Writer},
    shape::Shape,
};
use crate::{record::Digest, retrieve::vector::Vector};

/// The dense vectors of some documents, in the order of the documents' digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectors {
    shape: Shape,
    documents: Vec<Digest>,
    /// Documents times dimensions.
    values: Vec<i8>,
}

impl Vectors {
    /// Returns documents, in any order, with their vectors, which lie one after the other.
    ///
    /// # Errors
    /// When the numbers do not agree, a vector is far from a unit vector, or a document comes twice.
    pub fn new(shape: Shape, documents: Vec<Digest>, values: Vec<i8>) -> Result<Vectors, Error> {
        let dims = shape.dims();
        if dims == 0 || documents.len().checked_mul(dims) != Some(values.len()) {
            let (n_documents, n_values) = (documents.len(), values.len());
            return Err(Error::Count { n_documents, n_values, dims });
        }
        for (&document, row) in documents.iter().zip(values.chunks_exact(dims)) {
            if !shape.is_unit(square(row)) {
                return Err(Error::Length { document });
            }
        }
        if documents.is_sorted_by(|left, right| left < right) {
            return Ok(Vectors { shape, documents, values });
        }
        let mut rows: Vec<(Digest, &[i8])> =
            documents.into_iter().zip(values.chunks_exact(dims)).collect();
        rows.sort_unstable_by_key(|&(document, _)| document);
        if let Some(&[(document, _), _]) =
            rows.array_windows().find(|[left, right]| left.0 == right.0)
        {
            return Err(Error::Twice { document });
        }
        let documents = rows.iter().map(|&(document, _)| document).collect();
        let values = rows.iter().flat_map(|&(_, row)| row).copied().collect();
        Ok(Vectors { shape, documents, values })
    }

    /// Returns documents, in any order, with the vectors of an encoder.
    ///
    /// # Errors
    /// As for [`Vectors::new`], and when a vector is of another form.
    pub fn of(shape: Shape, vectors: &[(Digest, Vector)]) -> Result<Vectors, Error> {
        let mut values = Vec::with_capacity(vectors.len() * shape.dims());
        for (_, vector) in vectors {
            match vector {
                Vector::Dense(row) if vector.form() == shape.form() => values.extend(row),
                _ => {
                    let (expected, found) = (shape.form(), vector.form());
                    return Err(Error::OtherForm { expected, found });
                }
            }
        }
        Vectors::new(shape, vectors.iter().map(|&(document, _)| document).collect(), values)
    }

    /// Returns what the vectors share.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Returns documents and their numbers, in the order of the documents.
    pub fn iter(&self) -> impl Iterator<Item = (Digest, &[i8])> {
        self.documents.iter().copied().zip(self.values.chunks_exact(self.shape.dims()))
    }

    /// Returns the vector of a document.
    pub fn vector(&self, document: Digest) -> Option<Vector> {
        let row = self.documents.binary_search(&document).ok()?;
        Some(Vector::Dense(self.rows(row..row + 1).to_vec()))
    }

    /// Returns the numbers of some vectors; nothing if not all are there.
    pub(super) fn rows(&self, rows: Range<usize>) -> &[i8] {
        let dims = self.shape.dims();
        self.values.get(rows.start * dims..rows.end * dims).unwrap_or_default()
    }

    /// Returns one document.
    pub(super) fn document(&self, row: usize) -> Digest {
        self.documents.get(row).copied().unwrap_or_default()
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.documents.len() * size_of::<Digest>() + self.values.len()
    }

    pub(super) fn save(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        writer.count(self.len())?;
        writer.digests(&self.documents)?;
        writer.values(&self.values)
    }

    pub(super) fn load(shape: Shape, reader: &mut Reader<'_>) -> Result<Vectors, Error> {
        let n_documents = reader.count("number of documents")?;
        let documents = reader.digests(n_documents, "documents")?;
        let n_values = n_documents.saturating_mul(shape.dims());
        let values = reader.values(n_values, "vectors")?;
        if !documents.is_sorted_by(|left, right| left < right) {
            return Err(reader.damage("documents"));
        }
        Vectors::new(shape, documents, values)
    }
}

/// Returns the square of the length of a vector.
pub(super) fn square(row: &[i8]) -> u64 {
    row.iter().map(|it| u64::from(it.unsigned_abs()).pow(2)).sum()
}
