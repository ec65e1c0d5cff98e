//! Encoders: texts to vectors of integers.

pub mod frequencies;
pub mod lexical;
mod normalise;
pub mod static_table;
pub mod words;

use super::vector::Vector;
use crate::record::Digest;

/// What a text is to the search. Some encoders treat questions and documents differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A title, or a title and keywords.
    Question,
    /// A web document.
    Document,
}

/// Turns texts into vectors.
///
/// The vector of a text depends on the text, its role and the encoder alone: not on the batch it
/// came in, the machine, or the number of threads.
pub trait Encoder {
    /// Returns the name by which a pipeline file chooses it.
    fn name(&self) -> &'static str;

    /// Returns the length of a vector of cosine 1 with itself: a product of two vectors, divided
    /// by the square of this, is their cosine but for rounding.
    fn unit(&self) -> u32;

    /// Returns the digest of everything but the text that decides what [`Encoder::encode`] returns
    /// for a role. Vectors of documents may be kept as long as it stays the same.
    fn digest(&self, role: Role) -> Digest;

    /// Returns one vector for each text, in order; a text with nothing in it has a zero vector.
    fn encode(&self, role: Role, texts: &[&str]) -> Vec<Vector>;
}
