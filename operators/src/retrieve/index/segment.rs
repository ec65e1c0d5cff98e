//! A segment by its kind: built from documents, saved as bytes, loaded again.

use std::io;

use super::{
    Error, Index,
    columns::{Reader, Writer},
    flat::Flat,
    hnsw::{Hnsw, Settings},
    shape::Shape,
    sparse::Postings,
    vectors::Vectors,
};
use crate::{
    record::Digest,
    retrieve::vector::{Form, Vector},
};

/// How a segment is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exactly, among dense vectors.
    Flat,
    /// Over a graph of dense vectors.
    Hnsw(Settings),
    /// Exactly, by the postings of sparse vectors.
    Sparse,
}

impl Kind {
    /// Returns the number that a saved segment has.
    fn number(self) -> u32 {
        match self {
            Kind::Flat => 0,
            Kind::Hnsw(_) => 1,
            Kind::Sparse => 2,
        }
    }
}

/// An index that can be saved.
pub trait Segment: Index {
    /// Writes the segment: the same bytes for the same documents and settings, which [`load`] reads.
    ///
    /// # Errors
    /// When writing fails.
    fn save(&self, to: &mut dyn io::Write) -> io::Result<()>;
}

/// Returns the segment of some documents, in any order; one core builds a graph.
///
/// # Errors
/// When a vector is not of the shape, a document comes twice, or there are too many.
pub fn build(
    kind: Kind,
    shape: Shape,
    documents: Vec<(Digest, Vector)>,
) -> Result<Box<dyn Segment>, Error> {
    Ok(match kind {
        Kind::Flat => Box::new(Flat::new(Vectors::of(shape, &documents)?)),
        Kind::Hnsw(settings) => {
            let vectors = Vectors::of(shape, &documents)?;
            drop(documents);
            Box::new(Hnsw::build(&vectors, settings)?)
        }
        Kind::Sparse => Box::new(Postings::build(shape, documents)?),
    })
}

/// Returns the segment that [`Segment::save`] wrote.
///
/// # Errors
/// When a byte was changed or is missing, or the bytes are something else.
pub fn load(bytes: &[u8]) -> Result<Box<dyn Segment>, Error> {
    let mut reader = Reader::begin(bytes)?;
    let number = reader.number("kind")?;
    let dims = reader.number("dimensions")?;
    let form = match dims {
        0 => Form::Sparse,
        _ => Form::Dense { dims: dims as usize },
    };
    let shape = Shape::new(form, reader.number("unit")?)?;
    let segment: Box<dyn Segment> = match (number, form) {
        (0, Form::Dense { .. }) => Box::new(Flat::new(Vectors::load(shape, &mut reader)?)),
        (1, Form::Dense { .. }) => Box::new(Hnsw::load(shape, &mut reader)?),
        (2, Form::Sparse) => Box::new(Postings::load(shape, &mut reader)?),
        _ => return Err(reader.damage("kind")),
    };
    reader.end()?;
    Ok(segment)
}

/// Begins a saved segment.
fn begin<'a>(kind: Kind, shape: Shape, to: &'a mut dyn io::Write) -> io::Result<Writer<'a>> {
    let mut writer = Writer::begin(to)?;
    writer.number(kind.number())?;
    writer.number(shape.dims() as u32)?;
    writer.number(shape.unit())?;
    Ok(writer)
}

impl Segment for Flat {
    fn save(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = begin(Kind::Flat, self.shape(), to)?;
        self.vectors().save(&mut writer)?;
        writer.end()
    }
}

impl Segment for Hnsw {
    fn save(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = begin(Kind::Hnsw(self.settings()), self.shape(), to)?;
        self.write(&mut writer)?;
        writer.end()
    }
}

impl Segment for Postings {
    fn save(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = begin(Kind::Sparse, self.shape(), to)?;
        self.write(&mut writer)?;
        writer.end()
    }
}
