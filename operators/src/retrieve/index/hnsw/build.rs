//! A graph by `hnsw_rs`, taken out of the library as soon as it is done.
//!
//! In the library an edge is an object with a lock above it, more than two kilobytes a node, and a
//! walk goes from object to object. Frozen it is four bytes an edge. Of the library only the serial
//! insert is used: its parallel insert depends on the race, its dump continues with other levels,
//! and its distances panic on, or lose, what is nearly equal.

use hnsw_rs::{anndists::dist::distances::Distance, hnsw::Hnsw};

use super::{
    Settings,
    graph::{Graph, Layer},
    nodes::Nodes,
};
use crate::retrieve::index::kernel;

/// The layers that `hnsw_rs` has; a graph of 16 links and a billion nodes needs eight.
const LAYERS: usize = 16;

/// The squared Euclidean distance, an integer: never below zero, and zero for equal vectors only.
/// Beyond 2^24 (units of more than 1,800) the library's floats round it, alike on every machine.
#[derive(Clone, Copy, Debug)]
struct Gap;

impl Distance<i8> for Gap {
    fn eval(&self, left: &[i8], right: &[i8]) -> f32 {
        kernel::squared_distance(left, right) as f32
    }
}

/// Returns the graph of the nodes, inserted one after the other.
pub(super) fn grow(nodes: &Nodes, settings: Settings) -> Graph {
    if nodes.len() == 0 {
        return Graph::default();
    }
    let Settings { links, effort, .. } = settings;
    let library: Hnsw<'_, i8, Gap> =
        Hnsw::new(usize::from(links), nodes.len(), LAYERS, usize::from(effort), Gap);
    for node in 0..nodes.len() as u32 {
        library.insert((nodes.values(node), node as usize));
    }
    freeze(&library, nodes.len())
}

/// What the library knows of a node: how high it reaches, and its links, layer by layer.
type Links = (u8, Vec<Vec<u32>>);

fn freeze(library: &Hnsw<'_, i8, Gap>, n_nodes: usize) -> Graph {
    let mut all: Vec<Links> = vec![(0, Vec::new()); n_nodes];
    for point in library.get_point_indexation() {
        let level = point.get_point_id().0;
        let layers = point.get_neighborhood_id().into_iter().take(usize::from(level) + 1);
        let links = layers.map(|layer| {
            let mut links: Vec<u32> = layer.iter().map(|link| link.d_id as u32).collect();
            links.sort_unstable();
            links
        });
        if let Some(node) = all.get_mut(point.get_origin_id()) {
            *node = (level, links.collect());
        }
    }
    // The library keeps the first of the highest nodes as its entry.
    let highest = all.iter().map(|&(level, _)| level).max().unwrap_or_default();
    let entry = all.iter().position(|&(level, _)| level == highest).map(|node| node as u32);
    let layers = (0..=usize::from(highest)).map(|layer| {
        let mut frozen = Layer::default();
        for (node, (level, links)) in all.iter().enumerate() {
            if layer <= usize::from(*level) {
                frozen.push(node as u32, links.get(layer).map_or(&[], Vec::as_slice));
            }
        }
        frozen.finish()
    });
    Graph { entry, layers: layers.collect() }
}
