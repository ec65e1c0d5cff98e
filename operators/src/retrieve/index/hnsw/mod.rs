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

use std::io;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::{
    graph::{Graph, Walk},
    nodes::Nodes,
};
use super::{
    Error, Index,
    columns::{Reader, Writer},
    hit::{Best, Hit, Wanted},
    kernel,
    shape::Shape,
    vectors::Vectors,
};
use crate::{
    record::Digest,
    retrieve::vector::{Query, Vector},
};

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
        Settings { links: 16, effort: 200, breadth: 128 }
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

    /// Returns how it was built and is walked.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Returns how many distinct vectors there are.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Returns how many nodes are compared with every query, since the graph does not lead to them.
    pub fn n_orphans(&self) -> usize {
        self.orphans.len()
    }

    /// Returns the hits of one query.
    fn search_one(&self, query: &Query, wanted: Wanted, walk: &mut Walk) -> Vec<Hit> {
        let breadth = usize::from(self.settings.breadth).max(wanted.top);
        let product = |node| kernel::product(query.dense(), self.nodes.values(node));
        let mut best = Best::new(wanted, self.nodes.shape(), query);
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

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        let Settings { links, effort, breadth } = self.settings;
        writer.weights(&[links, effort, breadth])?;
        self.nodes.save(writer)?;
        self.graph.save(writer)?;
        writer.count(self.orphans.len())?;
        writer.numbers(&self.orphans)
    }

    pub(super) fn load(shape: Shape, reader: &mut Reader<'_>) -> Result<Hnsw, Error> {
        let &[links, effort, breadth] = reader.weights(3, "settings")?.as_slice() else {
            return Err(reader.damage("settings"));
        };
        let settings = Settings { links, effort, breadth };
        settings.check()?;
        let nodes = Nodes::load(shape, reader)?;
        let graph = Graph::load(nodes.len(), reader)?;
        let n_orphans = reader.count("number of orphans")?;
        let orphans = reader.numbers(n_orphans, "orphans")?;
        let are_nodes = orphans.iter().all(|&orphan| (orphan as usize) < nodes.len());
        match are_nodes && orphans.is_sorted_by(|left, right| left < right) {
            true => Ok(Hnsw { settings, nodes, graph, orphans }),
            false => Err(reader.damage("orphans")),
        }
    }
}

impl Index for Hnsw {
    fn shape(&self) -> Shape {
        self.nodes.shape()
    }

    fn n_documents(&self) -> usize {
        self.nodes.n_documents()
    }

    fn n_bytes(&self) -> usize {
        self.nodes.n_bytes() + self.graph.n_bytes() + self.orphans.len() * size_of::<u32>()
    }

    fn search(&self, queries: &[Query], wanted: Wanted) -> Result<Vec<Vec<Hit>>, Error> {
        self.nodes.shape().check(queries)?;
        let walk = || Walk::over(self.nodes.len());
        let hits = queries
            .par_iter()
            .map_init(walk, |walk, query| self.search_one(query, wanted, walk))
            .collect();
        Ok(hits)
    }

    fn vector(&self, document: Digest) -> Option<Vector> {
        let node = self.nodes.node(document)?;
        Some(Vector::Dense(self.nodes.values(node).to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, Hnsw, Settings, audit};
    use crate::{
        record::Digest,
        retrieve::{
            index::{Index, flat::Flat, hit::Wanted, shape::Shape, vectors::Vectors},
            vector::{Form, Query, Vector},
        },
    };

    #[test]
    fn orphans_are_compared_with_every_query() {
        let shape = Shape::new(Form::Dense { dims: 3 }, 40).unwrap();
        let corners = (0..27_i8).map(|it| [it % 3 - 1, it / 3 % 3 - 1, it / 9 - 1]);
        let drawn: Vec<(Digest, Vector)> = corners
            .map(|it| Vector::Dense(it.map(|it| 25 * it).to_vec()))
            .filter(|it| shape.takes(it))
            .map(|it| (Digest::of(format!("{it:?}").as_bytes()), it))
            .collect();
        let vectors = Vectors::of(shape, &drawn).unwrap();
        let mut hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
        assert_eq!(hnsw.n_orphans(), 0);
        // Nothing leads anywhere: all but the entry are lost to a walk.
        hnsw.graph = Graph { entry: hnsw.graph.entry, layers: Vec::new() };
        hnsw.orphans = audit::orphans(&hnsw.nodes, &hnsw.graph, 64);
        assert_eq!((hnsw.n_orphans(), drawn.len()), (26, 26));
        let wanted = Wanted { top: 5, threshold: 1 };
        let queries: Vec<Query> = drawn.iter().map(|(_, it)| Query::of(it)).collect();
        assert_eq!(hnsw.search(&queries, wanted), Flat::new(vectors).search(&queries, wanted));
    }
}
