//! Exact search among sparse vectors: for every term, the documents that have it.
//!
//! The terms are numbers that an encoder hashed words to; the weights are its own (BM25, say), brought
//! to length 1 and rounded. A document without a term of the query is never looked at.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Error, Hit, Index, Wanted, best::Best, units::Units};
use crate::record::Digest;

/// How many steps a length of 1 has.
pub const SCALE: u16 = 50_000;

/// Most terms of a vector, so that sums of rounded products stay within 32 bits.
const MAX_TERMS: usize = 1 << 20;

/// A vector of length 1 that is zero nearly everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseVector {
    /// Terms in ascending order, with weights above zero.
    terms: Vec<(u32, u16)>,
}

impl SparseVector {
    /// Returns the vector of some weighted terms, brought to length 1 and rounded; weights of one
    /// term are added.
    ///
    /// `None` if nothing weighs more than zero, a weight is below zero or no number, or there are
    /// more than a million terms.
    pub fn quantise(mut weights: Vec<(u32, f32)>) -> Option<SparseVector> {
        if MAX_TERMS < weights.len() || weights.iter().any(|it| !(0.0..=f32::MAX).contains(&it.1)) {
            return None;
        }
        // Sums of floats depend on their order, so the order is made a function of the weights.
        weights
            .sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let sums: Vec<(u32, f64)> = weights
            .chunk_by(|left, right| left.0 == right.0)
            .filter_map(|same| {
                let (term, _) = same.first()?;
                Some((*term, same.iter().map(|&(_, weight)| f64::from(weight)).sum()))
            })
            .collect();
        let square: f64 = sums.iter().map(|&(_, weight)| weight * weight).sum();
        if square <= 0.0 {
            return None;
        }
        let step = f64::from(SCALE) / square.sqrt();
        let steps = |&(term, weight): &(u32, f64)| (term, (weight * step).round() as u16);
        let terms: Vec<(u32, u16)> = sums.iter().map(steps).filter(|&(_, it)| 0 < it).collect();
        (!terms.is_empty()).then_some(SparseVector { terms })
    }

    /// Returns the terms, in ascending order, with their weights in steps.
    pub fn terms(&self) -> &[(u32, u16)] {
        &self.terms
    }
}

/// The postings of some documents.
#[derive(Clone, Debug, Default)]
pub struct Sparse {
    /// In ascending order.
    documents: Vec<Digest>,
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

impl Sparse {
    /// Returns the index of some documents, in any order.
    ///
    /// # Errors
    /// When a document comes twice, or there are too many.
    pub fn build(mut vectors: Vec<(Digest, SparseVector)>) -> Result<Sparse, Error> {
        let most = super::hnsw::MAX_DOCUMENTS;
        if most < vectors.len() {
            return Err(Error::TooMany { found: vectors.len(), most });
        }
        vectors.sort_unstable_by_key(|&(document, _)| document);
        if let Some([(document, _), _]) =
            vectors.array_windows().find(|[left, right]| left.0 == right.0)
        {
            return Err(Error::Twice { document: *document });
        }
        let mut postings: Vec<(u32, u32, u16)> = Vec::new();
        let mut documents = Vec::with_capacity(vectors.len());
        for (row, (document, vector)) in vectors.into_iter().enumerate() {
            documents.push(document);
            postings.extend(vector.terms.iter().map(|&(term, weight)| (term, row as u32, weight)));
        }
        postings.sort_unstable();
        let mut sparse = Sparse { documents, ..Sparse::default() };
        sparse.rows.reserve_exact(postings.len());
        sparse.weights.reserve_exact(postings.len());
        for same in postings.chunk_by(|left, right| left.0 == right.0) {
            let start = sparse.rows.len();
            sparse.rows.extend(same.iter().map(|&(_, row, _)| row));
            sparse.weights.extend(same.iter().map(|&(.., weight)| weight));
            let largest = same.iter().map(|&(.., weight)| weight).max().unwrap_or_default();
            if let Some(&(term, ..)) = same.first() {
                sparse.lists.insert(term, List { start, end: sparse.rows.len(), largest });
            }
        }
        Ok(sparse)
    }

    /// Returns the bytes in memory.
    pub fn n_bytes(&self) -> usize {
        self.documents.len() * size_of::<Digest>()
            + self.lists.len() * size_of::<(u32, List)>()
            + self.rows.len() * (size_of::<u32>() + size_of::<u16>())
    }

    /// Returns the hits of one query.
    fn search_one(&self, query: &SparseVector, wanted: Wanted, sums: &mut Sums) -> Vec<Hit> {
        let mut best = Best::new(wanted, Units(i64::from(SCALE) * i64::from(SCALE)));
        let mut lists: Vec<(u64, List, u32)> = query
            .terms
            .iter()
            .filter_map(|(term, weight)| {
                let list = *self.lists.get(term)?;
                let bound = u64::from(*weight) * u64::from(list.largest);
                Some((bound, list, u32::from(*weight)))
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

impl Index for Sparse {
    type Query = SparseVector;

    fn n_documents(&self) -> usize {
        self.documents.len()
    }

    fn search(&self, queries: &[SparseVector], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        let sums = || Sums { sums: vec![0; self.documents.len()], touched: Vec::new() };
        let hits = queries
            .par_iter()
            .map_init(sums, |sums, query| self.search_one(query, wanted, sums))
            .collect();
        Ok(hits)
    }
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
