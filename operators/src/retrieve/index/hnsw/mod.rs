//! Approximate search over a graph of near neighbours (hierarchical navigable small world).
//!
//! `hnsw_rs` builds the graph; `graph.rs` freezes it into flat arrays and walks it. Four things make
//! a segment a function of its documents alone, and none of them lost to a search: nodes are
//! inserted one after the other in the order of the digests of their bytes; equal vectors are one
//! node; every node that does not find itself is linked anew, and if it still does not, it is
//! compared with every query; distances are integers.

mod audit;
mod build;
mod graph;
mod nodes;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::{
    graph::{Graph, Walk},
    nodes::Nodes,
};
use super::{
    Error, Hit, Index, Wanted,
    best::Best,
    kernel,
    vectors::{Vector, Vectors},
};
use crate::record::Digest;

/// Most documents of a segment: links are numbers of 32 bits.
pub const MAX_DOCUMENTS: usize = 1 << 26;

/// How a graph is built and walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Links a node and layer (`M`); twice as many in the lowest layer.
    pub links: u16,
    /// Candidates that are kept while a node is inserted (`efConstruction`).
    pub effort: u16,
    /// Candidates that are kept while a query is searched (`ef`); never fewer than the hits wanted.
    pub breadth: u16,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { links: 16, effort: 200, breadth: 64 }
    }
}

impl Settings {
    /// The library ends the process on more than 256 links and divides by zero on one.
    pub(in crate::retrieve) fn check(self) -> Result<(), Error> {
        let Settings { links, effort, breadth } = self;
        let fits = (2..=128).contains(&links)
            && (1..=4096).contains(&effort)
            && (1..=4096).contains(&breadth);
        if fits { Ok(()) } else { Err(Error::Settings { links, effort, breadth }) }
    }
}

/// A finished segment.
#[derive(Clone, Debug)]
pub struct Hnsw {
    settings: Settings,
    nodes: Nodes,
    graph: Graph,
    /// Nodes that a search for their own vector does not find, in ascending order.
    orphans: Vec<u32>,
}

impl Hnsw {
    /// Returns the segment of some documents. One core builds, all cores audit; build segments side
    /// by side to use them all.
    ///
    /// # Errors
    /// When the settings are not possible or the documents too many.
    pub fn build(vectors: &Vectors, settings: Settings) -> Result<Hnsw, Error> {
        settings.check()?;
        if MAX_DOCUMENTS < vectors.len() {
            return Err(Error::TooMany { found: vectors.len(), most: MAX_DOCUMENTS });
        }
        let nodes = Nodes::of(vectors);
        let mut graph = build::grow(&nodes, settings);
        let orphans = audit::mend(&nodes, &mut graph, usize::from(settings.breadth));
        Ok(Hnsw { settings, nodes, graph, orphans })
    }

    /// Returns the same graph, to be searched with another breadth; nodes are mended and orphans
    /// counted for the breadth it was built with.
    ///
    /// # Errors
    /// When the breadth is not possible.
    pub fn with_breadth(mut self, breadth: u16) -> Result<Hnsw, Error> {
        self.settings.breadth = breadth;
        self.settings.check()?;
        Ok(self)
    }

    /// Returns the digest of all that decides what a search finds: vectors, links and settings.
    pub fn digest(&self) -> Digest {
        let Settings { links, effort, breadth } = self.settings;
        let mut hasher = blake3::Hasher::new();
        for setting in [links, effort, breadth] {
            hasher.update(&setting.to_le_bytes());
        }
        self.nodes.hash(&mut hasher);
        self.graph.hash(&mut hasher);
        for orphan in &self.orphans {
            hasher.update(&orphan.to_le_bytes());
        }
        Digest::of(hasher.finalize().as_bytes())
    }

    /// Returns how many distinct vectors there are.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Returns how many nodes are compared with every query, since the graph does not lead to them.
    pub fn n_orphans(&self) -> usize {
        self.orphans.len()
    }

    /// Returns the bytes in memory.
    pub fn n_bytes(&self) -> usize {
        self.nodes.n_bytes() + self.graph.n_bytes() + self.orphans.len() * size_of::<u32>()
    }

    /// Returns the hits of one query.
    fn search_one(&self, query: &Vector, wanted: Wanted, walk: &mut Walk) -> Vec<Hit> {
        let breadth = usize::from(self.settings.breadth).max(wanted.top);
        let product = |node| kernel::product(query.values(), self.nodes.values(node));
        let mut best = Best::new(wanted, self.nodes.shape().units());
        let mut offer = |node: u32, product: i32| {
            // Documents of one node have one score, so only the first of them can be hits.
            for &document in self.nodes.documents(node).iter().take(wanted.top) {
                best.offer(document, i64::from(product));
            }
        };
        for &(node, product) in self.graph.nearest(breadth, product, walk) {
            if self.orphans.binary_search(&node).is_err() {
                offer(node, product);
            }
        }
        for &orphan in &self.orphans {
            offer(orphan, product(orphan));
        }
        best.into_hits()
    }
}

impl Index for Hnsw {
    type Query = Vector;

    fn n_documents(&self) -> usize {
        self.nodes.n_documents()
    }

    fn search(&self, queries: &[Vector], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.nodes.shape().check(queries)?;
        let walk = || Walk::over(self.nodes.len());
        let hits = queries
            .par_iter()
            .map_init(walk, |walk, query| self.search_one(query, wanted, walk))
            .collect();
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, Hnsw, Settings, audit};
    use crate::{
        record::Digest,
        retrieve::index::{
            Index, Wanted,
            flat::Flat,
            vectors::{Shape, Vector, Vectors},
        },
    };

    #[test]
    fn orphans_are_compared_with_every_query() {
        let shape = Shape::new(3, 40).unwrap();
        let corners = (0..27_i8).map(|it| [it % 3 - 1, it / 3 % 3 - 1, it / 9 - 1].map(f32::from));
        let drawn: Vec<Vector> = corners.filter_map(|it| shape.quantise(&it)).collect();
        let documents = (0..drawn.len()).map(|it| Digest::of(&it.to_le_bytes())).collect();
        let values = drawn.iter().flat_map(Vector::values).copied().collect();
        let vectors = Vectors::new(shape, documents, values).unwrap();
        let mut hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
        assert_eq!(hnsw.n_orphans(), 0);
        // Nothing leads anywhere: all but the entry are lost to a walk.
        hnsw.graph = Graph { entry: hnsw.graph.entry, layers: Vec::new() };
        hnsw.orphans = audit::orphans(&hnsw.nodes, &hnsw.graph, 64);
        assert_eq!(hnsw.n_orphans(), drawn.len());
        let wanted = Wanted { top: 5, threshold: 1 };
        assert_eq!(hnsw.search(&drawn, wanted), Flat::new(vectors).search(&drawn, wanted));
    }
}
