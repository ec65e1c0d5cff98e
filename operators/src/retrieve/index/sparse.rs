//! Exact search among sparse vectors: for every term, the documents that have it.
//!
//! The terms are numbers that an encoder hashed words to; the weights are its own (BM25, say), brought
//! to one length and rounded. A document without a term of the query is never looked at.

use std::io;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{
    Error, Index,
    columns::{Reader, Writer},
    hit::{Best, Hit, Wanted},
    shape::Shape,
};
use crate::{
    record::Digest,
    retrieve::vector::{Query, Sparse, Vector},
};

/// Most documents of a segment: the postings have numbers of 32 bits.
pub const MAX_DOCUMENTS: usize = 1 << 26;

/// The vectors of some documents, and the postings of their terms.
#[derive(Clone, Debug)]
pub struct Postings {
    shape: Shape,
    /// In ascending order.
    documents: Vec<Digest>,
    /// Beside them.
    vectors: Vec<Sparse>,
    /// Where the list of a term is; it is only asked, never gone through.
    lists: FxHashMap<u32, List>,
    /// The numbers of documents, list after list.
    rows: Vec<u32>,
    /// The weights beside them.
    weights: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    start: usize,
    end: usize,
    /// The largest weight in it.
    largest: u16,
}

impl Postings {
    /// Returns the index of some documents, in any order.
    ///
    /// # Errors
    /// When a vector is not sparse or far from a unit vector, a document comes twice, or there are
    /// too many.
    pub fn build(shape: Shape, mut documents: Vec<(Digest, Vector)>) -> Result<Postings, Error> {
        if MAX_DOCUMENTS < documents.len() {
            return Err(Error::TooMany { found: documents.len(), most: MAX_DOCUMENTS });
        }
        documents.sort_unstable_by_key(|&(document, _)| document);
        let mut digests = Vec::with_capacity(documents.len());
        let mut vectors = Vec::with_capacity(documents.len());
        for (document, vector) in documents {
            if digests.last() == Some(&document) {
                return Err(Error::Twice { document });
            }
            let is_unit = shape.takes(&vector);
            match vector {
                Vector::Sparse(vector) if is_unit => vectors.push(vector),
                _ if vector.form() == shape.form() => return Err(Error::Length { document }),
                _ => {
                    let (expected, found) = (shape.form(), vector.form());
                    return Err(Error::OtherForm { expected, found });
                }
            }
            digests.push(document);
        }
        Ok(Postings::of(shape, digests, vectors))
    }

    /// Returns the index of vectors that are in the order of their documents.
    fn of(shape: Shape, documents: Vec<Digest>, vectors: Vec<Sparse>) -> Postings {
        let n_entries = vectors.iter().map(Sparse::len).sum();
        let mut postings: Vec<(u32, u32, u16)> = Vec::with_capacity(n_entries);
        for (row, vector) in (0_u32..).zip(&vectors) {
            postings.extend(vector.entries().map(|(term, weight)| (term, row, weight)));
        }
        postings.sort_unstable();
        let mut lists = FxHashMap::default();
        let mut start = 0;
        for same in postings.chunk_by(|left, right| left.0 == right.0) {
            let end = start + same.len();
            let largest = same.iter().map(|&(.., weight)| weight).max().unwrap_or_default();
            if let Some(&(term, ..)) = same.first() {
                lists.insert(term, List { start, end, largest });
            }
            start = end;
        }
        let rows = postings.iter().map(|&(_, row, _)| row).collect();
        let weights = postings.iter().map(|&(.., weight)| weight).collect();
        Postings { shape, documents, vectors, lists, rows, weights }
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        writer.count(self.documents.len())?;
        writer.count(self.rows.len())?;
        writer.digests(&self.documents)?;
        let lengths: Vec<u32> = self.vectors.iter().map(|it| it.len() as u32).collect();
        writer.numbers(&lengths)?;
        for vector in &self.vectors {
            writer.numbers(vector.dims())?;
        }
        for vector in &self.vectors {
            writer.weights(vector.weights())?;
        }
        Ok(())
    }

    pub(super) fn load(shape: Shape, reader: &mut Reader<'_>) -> Result<Postings, Error> {
        let n_documents = reader.count("number of documents")?;
        let n_entries = reader.count("number of terms")?;
        let documents = reader.digests(n_documents, "documents")?;
        let lengths = reader.numbers(n_documents, "lengths")?;
        let dims = reader.numbers(n_entries, "terms")?;
        let weights = reader.weights(n_entries, "weights")?;
        let is_sorted = documents.is_sorted_by(|left, right| left < right);
        if !is_sorted || MAX_DOCUMENTS < n_documents {
            return Err(reader.damage("documents"));
        }
        let (mut dims, mut weights) = (dims.as_slice(), weights.as_slice());
        let mut vectors = Vec::with_capacity(n_documents);
        for length in lengths {
            let vector = split(&mut dims, length as usize)
                .zip(split(&mut weights, length as usize))
                .and_then(|(dims, weights)| Sparse::of_columns(dims.to_vec(), weights.to_vec()))
                .filter(|vector| shape.is_unit(vector.square()));
            vectors.push(vector.ok_or(reader.damage("vectors"))?);
        }
        match dims.is_empty() {
            true => Ok(Postings::of(shape, documents, vectors)),
            false => Err(reader.damage("lengths")),
        }
    }

    /// Returns the hits of one query.
    fn search_one(&self, query: &Query, wanted: Wanted, sums: &mut Sums) -> Vec<Hit> {
        let mut best = Best::new(wanted, self.shape, query);
        let mut lists: Vec<(u64, List, u32)> = query
            .sparse()
            .filter_map(|(term, weight)| {
                let list = *self.lists.get(&term)?;
                let bound = u64::from(weight) * u64::from(list.largest);
                Some((bound, list, u32::from(weight)))
            })
            .collect();
        // Terms that can give most come first: what has none of them soon cannot be a hit.
        lists.sort_unstable_by_key(|&(bound, list, _)| (std::cmp::Reverse(bound), list.start));
        let mut rest: u64 = lists.iter().map(|&(bound, ..)| bound).sum();
        for (bound, list, weight) in lists {
            let open = i64::try_from(rest).is_ok_and(|rest| best.floor() <= rest);
            let range = list.start..list.end;
            let rows = self.rows.get(range.clone()).unwrap_or_default();
            let weights = self.weights.get(range).unwrap_or_default();
            for (&row, &other) in rows.iter().zip(weights) {
                sums.add(row, weight * u32::from(other), open);
            }
            rest -= bound;
        }
        for (row, sum) in sums.drain() {
            if let Some(&document) = self.documents.get(row as usize) {
                best.offer(document, i64::from(sum));
            }
        }
        best.into_hits()
    }
}

impl Index for Postings {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn n_documents(&self) -> usize {
        self.documents.len()
    }

    fn n_bytes(&self) -> usize {
        // A term lies with its document and in its list.
        let posting = size_of::<u32>() + size_of::<u16>();
        self.documents.len() * (size_of::<Digest>() + size_of::<Sparse>())
            + self.lists.len() * size_of::<(u32, List)>()
            + 2 * self.rows.len() * posting
    }

    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.shape.check(queries)?;
        let sums = || Sums { sums: vec![0; self.documents.len()], touched: Vec::new() };
        let hits = queries
            .par_iter()
            .map_init(sums, |sums, query| self.search_one(query, wanted, sums))
            .collect();
        Ok(hits)
    }

    fn vector(&self, document: Digest) -> Option<Vector> {
        let row = self.documents.binary_search(&document).ok()?;
        self.vectors.get(row).cloned().map(Vector::Sparse)
    }

    fn product(&self, query: &Query, document: Digest) -> Option<i64> {
        let row = self.documents.binary_search(&document).ok()?;
        Some(query.dot_sparse(self.vectors.get(row)?))
    }
}

/// Takes the first of some numbers.
fn split<'a, T>(numbers: &mut &'a [T], n: usize) -> Option<&'a [T]> {
    let (first, rest) = numbers.split_at_checked(n)?;
    *numbers = rest;
    Some(first)
}

/// Products so far, by document.
struct Sums {
    sums: Vec<u32>,
    /// The documents whose product is not zero.
    touched: Vec<u32>,
}

impl Sums {
    /// Adds to the product of a document; one not met before is taken only while the list is open.
    fn add(&mut self, row: u32, product: u32, open: bool) {
        let Some(sum) = self.sums.get_mut(row as usize) else { return };
        if *sum == 0 {
            if !open {
                return;
            }
            self.touched.push(row);
        }
        *sum = sum.saturating_add(product);
    }

    /// Returns all products, and leaves none.
    fn drain(&mut self) -> impl Iterator<Item = (u32, u32)> {
        let Sums { sums, touched } = self;
        touched.drain(..).filter_map(|row| {
            let sum = sums.get_mut(row as usize)?;
            Some((row, std::mem::take(sum)))
        })
    }
}
