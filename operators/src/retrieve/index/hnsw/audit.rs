//! Which nodes a walk does not find, and links that lead to them.
//!
//! The library keeps the nearest links of a node only, so in a dense cluster no link may be left
//! that leads to one of its nodes. Such a node is linked from where its own walk ends.

use rayon::prelude::*;

use super::{
    graph::{Graph, Walk},
    nodes::Nodes,
};
use crate::retrieve::{index::kernel, vector::widened};

/// Rounds of mending; what is not found then is left to be compared with every query.
const ROUNDS: usize = 4;

/// From how many nodes a lost one is linked.
const LINKS: usize = 4;

/// Links the nodes that are not found, and returns those that are not found even so, in ascending
/// order.
pub(super) fn mend(nodes: &Nodes, graph: &mut Graph, breadth: usize) -> Vec<u32> {
    let mut lost = orphans(nodes, graph, breadth);
    for _ in 0..ROUNDS {
        if lost.is_empty() {
            break;
        }
        let links: Vec<(u32, u32)> = lost
            .par_iter()
            .map_init(
                || Walk::over(nodes.len()),
                |walk, &node| {
                    let mut links = Vec::new();
                    let mut add = |found: &[(u32, i32)]| {
                        let others = found.iter().filter(|&&(other, _)| other != node);
                        links.extend(others.take(LINKS).map(|&(other, _)| (other, node)));
                    };
                    add(graph.nearest(breadth, |other| nearness(nodes, node, other), walk));
                    let query = widened(nodes.values(node));
                    add(graph.nearest(breadth, |other| product(nodes, &query, other), walk));
                    links
                },
            )
            .flatten()
            .collect();
        graph.link(links);
        lost = orphans(nodes, graph, breadth);
    }
    lost
}

/// Returns the nodes that are not found by a walk towards them, or whose own vector, as a query,
/// finds nothing as good as themselves; in ascending order.
pub(super) fn orphans(nodes: &Nodes, graph: &Graph, breadth: usize) -> Vec<u32> {
    (0..nodes.len() as u32)
        .into_par_iter()
        .map_init(
            || Walk::over(nodes.len()),
            |walk, node| {
                // A node is nearest to itself; but of two in a dense cluster, rounding may give the
                // other one the larger product. So the two walks prove different things.
                let first = |found: &[(u32, i32)]| found.first().copied();
                let near = graph.nearest(breadth, |other| nearness(nodes, node, other), walk);
                let reached = first(near).is_some_and(|(found, _)| found == node);
                let query = widened(nodes.values(node));
                let own = product(nodes, &query, node);
                let best = graph.nearest(breadth, |other| product(nodes, &query, other), walk);
                let matched = first(best).is_some_and(|(_, product)| own <= product);
                (!reached || !matched).then_some(node)
            },
        )
        .flatten()
        .collect()
}

fn nearness(nodes: &Nodes, node: u32, other: u32) -> i32 {
    -kernel::squared_distance(nodes.values(node), nodes.values(other))
}

fn product(nodes: &Nodes, query: &[i16], other: u32) -> i32 {
    kernel::product(query, nodes.values(other))
}
