//! A frozen graph, and the walk to the nodes nearest to a query.

use std::{cmp::Reverse, collections::BinaryHeap, io};

use super::nodes::are_starts;
use crate::retrieve::index::{
    Error,
    columns::{Reader, Writer},
};

/// What a saved graph has as its entry if it has no nodes.
const NO_ENTRY: u32 = u32::MAX;

/// More layers than any graph has.
const MAX_LAYERS: u32 = 64;

/// Layers of links between nodes; all nodes are in the lowest, ever fewer in those above.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// Where every walk begins; none if there are no nodes.
    pub(super) entry: Option<u32>,
    /// The lowest first.
    pub(super) layers: Vec<Layer>,
}

/// The links of one layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// The nodes of the layer, in ascending order.
    nodes: Vec<u32>,
    /// Where the links of a node begin, and one entry more.
    starts: Vec<u32>,
    /// Which nodes are linked, in ascending order within a node.
    links: Vec<u32>,
}

impl Layer {
    /// Adds a node above all that are there.
    pub(super) fn push(&mut self, node: u32, links: &[u32]) {
        self.nodes.push(node);
        self.starts.push(self.links.len() as u32);
        self.links.extend_from_slice(links);
    }

    /// Returns the layer once all nodes are there.
    pub(super) fn finish(mut self) -> Layer {
        self.starts.push(self.links.len() as u32);
        self.links.shrink_to_fit();
        self
    }

    /// Returns the links of a node.
    fn links(&self, node: u32) -> &[u32] {
        // In the lowest layer a node is at its own number.
        let place = match self.nodes.get(node as usize) {
            Some(&found) if found == node => Ok(node as usize),
            _ => self.nodes.binary_search(&node),
        };
        let range = place.ok().and_then(|place| {
            let (start, end) = (self.starts.get(place)?, self.starts.get(place + 1)?);
            self.links.get(*start as usize..*end as usize)
        });
        range.unwrap_or_default()
    }
}

/// What a walk needs in memory; made once and used for many walks.
#[derive(Debug)]
pub(super) struct Walk {
    /// The walk that met a node last.
    met: Vec<u32>,
    walk: u32,
    /// The best on top.
    ahead: BinaryHeap<Key>,
    /// The worst on top.
    kept: BinaryHeap<Reverse<Key>>,
    fresh: Vec<u32>,
    found: Vec<(u32, i32)>,
}

/// A node with its score as one number: the higher score is greater, and then the lower node.
type Key = i64;

fn key(node: u32, score: i32) -> Key {
    (i64::from(score) << 32) | i64::from(u32::MAX - node)
}

fn parts(key: Key) -> (u32, i32) {
    // The lower half is the node, the upper one the score.
    (u32::MAX - (key as u32), (key >> 32) as i32)
}

impl Walk {
    /// Returns what walks over this many nodes need.
    pub(super) fn over(n_nodes: usize) -> Walk {
        Walk {
            met: vec![0; n_nodes],
            walk: 0,
            ahead: BinaryHeap::new(),
            kept: BinaryHeap::new(),
            fresh: Vec::new(),
            found: Vec::new(),
        }
    }

    fn begin(&mut self) {
        if self.walk == u32::MAX {
            self.met.fill(0);
            self.walk = 0;
        }
        self.walk += 1;
        self.ahead.clear();
        self.kept.clear();
        self.found.clear();
    }

    /// Keeps those of the links that this walk meets for the first time.
    fn meet(&mut self, links: &[u32]) {
        self.fresh.clear();
        for &node in links {
            if let Some(met) = self.met.get_mut(node as usize)
                && *met != self.walk
            {
                *met = self.walk;
                self.fresh.push(node);
            }
        }
    }
}

impl Graph {
    /// Adds links of the lowest layer, from the first to the second node of each pair.
    pub(super) fn link(&mut self, mut pairs: Vec<(u32, u32)>) {
        let Some(lowest) = self.layers.first_mut() else { return };
        pairs.sort_unstable();
        let mut layer = Layer::default();
        for &node in &lowest.nodes {
            let start = pairs.partition_point(|&(from, _)| from < node);
            let new = pairs.iter().skip(start).take_while(|&&(from, _)| from == node);
            let mut links = lowest.links(node).to_vec();
            links.extend(new.map(|&(_, to)| to));
            links.sort_unstable();
            links.dedup();
            layer.push(node, &links);
        }
        *lowest = layer.finish();
    }

    /// Returns about the `breadth` nodes of the highest scores, the best first.
    pub(super) fn nearest<'walk>(
        &self,
        breadth: usize,
        score: impl Fn(u32) -> i32,
        walk: &'walk mut Walk,
    ) -> &'walk [(u32, i32)] {
        walk.begin();
        let (Some(entry), Some((lowest, upper))) = (self.entry, self.layers.split_first()) else {
            return &walk.found;
        };
        let mut nearest = key(entry, score(entry));
        for layer in upper.iter().rev() {
            loop {
                let links = layer.links(parts(nearest).0);
                let best = links.iter().map(|&node| key(node, score(node))).max();
                match best.filter(|&best| nearest < best) {
                    Some(best) => nearest = best,
                    None => break,
                }
            }
        }
        walk.meet(&[parts(nearest).0]);
        walk.ahead.push(nearest);
        walk.kept.push(Reverse(nearest));
        while let Some(next) = walk.ahead.pop() {
            let mut worst = walk.kept.peek().map_or(Key::MIN, |worst| worst.0);
            if walk.kept.len() == breadth && next < worst {
                break;
            }
            walk.meet(lowest.links(parts(next).0));
            for &node in &walk.fresh {
                let new = key(node, score(node));
                if walk.kept.len() < breadth {
                    walk.kept.push(Reverse(new));
                } else if worst < new {
                    if let Some(mut last) = walk.kept.peek_mut() {
                        *last = Reverse(new);
                    }
                } else {
                    continue;
                }
                walk.ahead.push(new);
                worst = walk.kept.peek().map_or(Key::MIN, |worst| worst.0);
            }
        }
        walk.found.extend(walk.kept.drain().map(|Reverse(key)| parts(key)));
        walk.found.sort_unstable_by_key(|&(node, score)| Reverse(key(node, score)));
        &walk.found
    }

    pub(super) fn n_bytes(&self) -> usize {
        let numbers = |layer: &Layer| layer.nodes.len() + layer.starts.len() + layer.links.len();
        self.layers.iter().map(numbers).sum::<usize>() * size_of::<u32>()
    }

    pub(super) fn save(&self, writer: &mut Writer<'_>) -> io::Result<()> {
        writer.number(self.entry.unwrap_or(NO_ENTRY))?;
        writer.number(self.layers.len() as u32)?;
        for layer in &self.layers {
            writer.count(layer.nodes.len())?;
            writer.count(layer.links.len())?;
            for column in [&layer.nodes, &layer.starts, &layer.links] {
                writer.numbers(column)?;
            }
        }
        Ok(())
    }

    pub(super) fn load(n_nodes: usize, reader: &mut Reader<'_>) -> Result<Graph, Error> {
        let is_node = |node: &u32| (*node as usize) < n_nodes;
        let entry = Some(reader.number("entry")?).filter(|&entry| entry != NO_ENTRY);
        let n_layers = reader.number("number of layers")?;
        // The entry is there exactly if there are nodes, and then so is the lowest layer.
        if entry.as_ref().map_or(0 < n_nodes, |it| !is_node(it))
            || (n_layers == 0) != (n_nodes == 0)
            || MAX_LAYERS < n_layers
        {
            return Err(reader.damage("entry"));
        }
        let mut layers: Vec<Layer> = Vec::new();
        for _ in 0..n_layers {
            let n_here = reader.count("number of nodes of a layer")?;
            let n_links = reader.count("number of links")?;
            let nodes = reader.numbers(n_here, "nodes of a layer")?;
            let starts = reader.numbers(n_here.saturating_add(1), "starts of links")?;
            let links = reader.numbers(n_links, "links")?;
            let is_layer = nodes.is_sorted_by(|left, right| left < right)
                && are_starts(&starts, n_links)
                && nodes.iter().chain(&links).all(is_node);
            // The lowest layer has all nodes.
            if !is_layer || (layers.is_empty() && n_here != n_nodes) {
                return Err(reader.damage("links"));
            }
            layers.push(Layer { nodes, starts, links });
        }
        Ok(Graph { entry, layers })
    }
}
