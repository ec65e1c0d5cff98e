//! Unit vectors as bytes: a component is rounded to a multiple of one fixed step.
//!
//! The step is a property of the encoder, not of the vectors at hand. So a vector is the same bytes
//! in every segment, and products of segments can be compared.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, units::Units};
use crate::record::Digest;

/// Most dimensions.
pub const MAX_DIMS: u16 = 4096;
/// Least scale: below it a vector is mostly rounding.
pub const MIN_SCALE: u16 = 16;
/// Largest scale: up to it products are told apart by their millionths.
pub const MAX_SCALE: u16 = 1000;

/// What vectors must share to be compared: how many dimensions, and how many steps a length of 1 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct Shape {
    dims: u16,
    scale: u16,
}

impl Shape {
    /// Returns the shape with these dimensions and this scale.
    ///
    /// # Errors
    /// When one of them is outside its limits.
    pub fn new(dims: u16, scale: u16) -> Result<Shape, Error> {
        let fits = (1..=MAX_DIMS).contains(&dims) && (MIN_SCALE..=MAX_SCALE).contains(&scale);
        if fits { Ok(Shape { dims, scale }) } else { Err(Error::Shape { dims, scale }) }
    }

    /// Returns the shape whose largest byte is four times a component of usual size.
    ///
    /// # Errors
    /// When the dimensions are outside their limits.
    pub fn usual(dims: u16) -> Result<Shape, Error> {
        let scale = (127.0 / 4.0 * f64::from(dims).sqrt()) as u16;
        Shape::new(dims, scale.clamp(MIN_SCALE, MAX_SCALE))
    }

    /// Returns how many values a vector has.
    pub fn dims(self) -> usize {
        usize::from(self.dims)
    }

    /// Returns how many steps a length of 1 has.
    pub fn scale(self) -> u16 {
        self.scale
    }

    /// Returns a vector of floats, brought to length 1, as bytes; components beyond 127 are cut.
    ///
    /// `None` if it has no direction (nothing but zeros, or not a number), another number of
    /// dimensions, or so much was cut that the rest is far from length 1.
    pub fn quantise(self, values: &[f32]) -> Option<Vector> {
        if values.len() != self.dims() {
            return None;
        }
        let square: f64 = values.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
        if !square.is_finite() || square <= 0.0 {
            return None;
        }
        let step = f64::from(self.scale) / square.sqrt();
        let bytes = |&it: &f32| (f64::from(it) * step).round().clamp(-127.0, 127.0) as i8;
        let values: Vec<i8> = values.iter().map(bytes).collect();
        self.is_unit(&values).then_some(Vector { shape: self, values })
    }

    /// Returns the vector with these bytes, or `None` if they are no unit vector of this shape.
    pub fn vector(self, values: Vec<i8>) -> Option<Vector> {
        let fits = values.len() == self.dims() && self.is_unit(&values);
        fits.then_some(Vector { shape: self, values })
    }

    /// Rounding makes lengths differ a little; 10 % of the length are let pass, 20 % of the square.
    fn is_unit(self, values: &[i8]) -> bool {
        let square: i64 = values.iter().map(|&it| i64::from(it) * i64::from(it)).sum();
        let one = self.units().0;
        one * 81 <= square * 100 && square * 100 <= one * 121
    }

    /// Returns what a product of two vectors of this shape is worth.
    pub(super) fn units(self) -> Units {
        Units(i64::from(self.scale) * i64::from(self.scale))
    }

    /// Makes sure that queries have this shape.
    pub(super) fn check(self, queries: &[Vector]) -> Result<(), Error> {
        match queries.iter().find(|query| query.shape != self) {
            Some(query) => Err(Error::OtherShape { expected: self, found: query.shape }),
            None => Ok(()),
        }
    }
}

impl TryFrom<(u16, u16)> for Shape {
    type Error = Error;

    fn try_from((dims, scale): (u16, u16)) -> Result<Shape, Error> {
        Shape::new(dims, scale)
    }
}

impl From<Shape> for (u16, u16) {
    fn from(shape: Shape) -> (u16, u16) {
        (shape.dims, shape.scale)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dimensions and scale {}", self.dims, self.scale)
    }
}

/// A vector of length 1, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    shape: Shape,
    values: Vec<i8>,
}

impl Vector {
    /// Returns the bytes.
    pub fn values(&self) -> &[i8] {
        &self.values
    }
}

/// The vectors of some documents, in the order of the documents' digests.
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
    /// When the numbers do not agree, a vector is not of length 1, or a document comes twice.
    pub fn new(shape: Shape, documents: Vec<Digest>, values: Vec<i8>) -> Result<Vectors, Error> {
        if documents.len() * shape.dims() != values.len() {
            let (n_documents, n_values) = (documents.len(), values.len());
            return Err(Error::Count { n_documents, n_values, dims: shape.dims });
        }
        for (&document, row) in documents.iter().zip(values.chunks_exact(shape.dims())) {
            if !shape.is_unit(row) {
                return Err(Error::Length { document });
            }
        }
        if documents.is_sorted_by(|left, right| left < right) {
            return Ok(Vectors { shape, documents, values });
        }
        let mut rows: Vec<(Digest, &[i8])> =
            documents.into_iter().zip(values.chunks_exact(shape.dims())).collect();
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

    /// Returns documents and their bytes, in the order of the documents.
    pub fn iter(&self) -> impl Iterator<Item = (Digest, &[i8])> {
        self.documents.iter().copied().zip(self.values.chunks_exact(self.shape.dims()))
    }

    /// Returns the bytes of one vector; nothing if there is none.
    pub(super) fn row(&self, row: usize) -> &[i8] {
        let start = row * self.shape.dims();
        self.values.get(start..start + self.shape.dims()).unwrap_or_default()
    }

    /// Returns one document.
    pub(super) fn document(&self, row: usize) -> Digest {
        self.documents.get(row).copied().unwrap_or_default()
    }
}
