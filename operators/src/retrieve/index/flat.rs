//! Exact search: every query is multiplied with every vector.
//!
//! Up to about a hundred thousand vectors it is as fast as a graph, and it is what a graph is
//! measured against.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Error, Hit, Index, Wanted,
    best::Best,
    kernel, segments,
    vectors::{Vector, Vectors},
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

    /// Returns the hits of some queries among some of the vectors.
    fn scan(&self, queries: &[Vector], rows: Range<usize>, wanted: Wanted) -> Vec<Vec<Hit>> {
        let units = self.0.shape().units();
        let mut best: Vec<Best> = queries.iter().map(|_| Best::new(wanted, units)).collect();
        for start in rows.clone().step_by(BLOCK) {
            let block = start..rows.end.min(start + BLOCK);
            for (query, best) in queries.iter().zip(&mut best) {
                for row in block.clone() {
                    let product = i64::from(kernel::product(query.values(), self.0.row(row)));
                    if best.floor() <= product {
                        best.offer(self.0.document(row), product);
                    }
                }
            }
        }
        best.into_iter().map(Best::into_hits).collect()
    }
}

impl Index for Flat {
    type Query = Vector;

    fn n_documents(&self) -> usize {
        self.0.len()
    }

    fn search(&self, queries: &[Vector], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.0.shape().check(queries)?;
        let n_tasks = self.0.len().div_ceil(TASK);
        let found: Vec<Vec<Vec<Hit>>> = queries
            .par_chunks(QUERIES)
            .map(|queries| {
                let tasks = (0..n_tasks).into_par_iter().map(|task| {
                    let start = task * TASK;
                    self.scan(queries, start..self.0.len().min(start + TASK), wanted)
                });
                tasks.reduce(
                    || vec![Vec::new(); queries.len()],
                    |mut all, more| {
                        for (hits, more) in all.iter_mut().zip(more) {
                            segments::merge(hits, more, wanted);
                        }
                        all
                    },
                )
            })
            .collect();
        Ok(found.into_iter().flatten().collect())
    }
}
