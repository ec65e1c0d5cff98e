//! Exact search: every query is multiplied with every vector.
//!
//! Up to about a hundred thousand vectors it is as fast as a graph, and it is what a graph is
//! measured against.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Error, Index,
    hit::{Best, Hit, Wanted, best},
    kernel,
    shape::Shape,
    vectors::Vectors,
};
use crate::{
    record::Digest,
    retrieve::vector::{Query, Vector},
};

/// Queries that share a pass over the vectors, so that these are fetched from memory once for all.
const QUERIES: usize = 32;

/// Vectors that one task looks at; a single query is spread over all cores too.
const TASK: usize = 16_384;

/// Vectors that stay in the nearest cache while all queries of a pass are multiplied with them.
const BLOCK: usize = 64;

/// All vectors, side by side.
#[derive(Clone, Debug)]
pub struct Flat(Vectors);

impl Flat {
    /// Returns the index of these vectors.
    pub fn new(vectors: Vectors) -> Flat {
        Flat(vectors)
    }

    /// Returns the vectors.
    pub fn vectors(&self) -> &Vectors {
        &self.0
    }

    /// Returns the hits of some queries among some of the vectors.
    fn scan(&self, queries: &[Query], rows: Range<usize>, wanted: Wanted) -> Vec<Vec<Hit>> {
        let new = |query| Best::new(wanted, self.0.shape(), query);
        let mut best: Vec<Best<'_>> = queries.iter().map(new).collect();
        let mut products = Vec::with_capacity(BLOCK);
        for start in rows.clone().step_by(BLOCK) {
            let block = self.0.rows(start..rows.end.min(start + BLOCK));
            for (query, best) in queries.iter().zip(&mut best) {
                kernel::products(query.dense(), block, &mut products);
                for (row, &product) in products.iter().enumerate() {
                    if best.floor() <= i64::from(product) {
                        best.offer(self.0.document(start + row), i64::from(product));
                    }
                }
            }
        }
        best.into_iter().map(Best::into_hits).collect()
    }
}

impl Index for Flat {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn n_documents(&self) -> usize {
        self.0.len()
    }

    fn n_bytes(&self) -> usize {
        self.0.n_bytes()
    }

    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.0.shape().check(queries)?;
        let n_tasks = self.0.len().div_ceil(TASK);
        let found: Vec<Vec<Vec<Hit>>> = queries
            .par_chunks(QUERIES)
            .map(|queries| {
                let tasks = (0..n_tasks).into_par_iter().map(|task| {
                    let start = task * TASK;
                    self.scan(queries, start..self.0.len().min(start + TASK), wanted)
                });
                let merge = |left: Vec<Vec<Hit>>, right: Vec<Vec<Hit>>| {
                    let pairs = left.into_iter().zip(right);
                    pairs
                        .map(|(left, right)| best(left.into_iter().chain(right), wanted.top))
                        .collect()
                };
                tasks.reduce(|| vec![Vec::new(); queries.len()], merge)
            })
            .collect();
        Ok(found.into_iter().flatten().collect())
    }

    fn vector(&self, document: Digest) -> Option<Vector> {
        self.0.vector(document)
    }
}
