//! Lists paths between two nodes, within bounds, since there can be more of them than atoms; it does not know why.

use std::collections::BTreeSet;

use petgraph::Direction;

use crate::{NodeId, TargetGraph};

/// How many nodes are looked at before it is given up.
const MOST_LOOKS: usize = 1_000_000;

/// Which paths are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All in which no node comes twice.
    All,
    /// All of the least length.
    Shortest,
}

/// Some paths.
#[derive(Debug, Default)]
pub struct Paths {
    /// Each from its first node to its last, in order.
    pub paths: Vec<Vec<NodeId>>,
    /// Whether these are all.
    pub complete: bool,
}

/// A node on the way, with what is still to be tried behind it.
struct Open {
    next: Vec<NodeId>,
    at: usize,
}

impl TargetGraph {
    /// The paths from one node to another, or to a file of it; at most `limit`. Each goes from target to target, and
    /// from file to file where `files` says so.
    pub fn paths(&self, from: NodeId, to: NodeId, which: Which, files: bool, limit: usize) -> Paths {
        let left = self.distances(&self.with_files(&[to]), Direction::Incoming, None, |_| true);
        let left = |node: NodeId| {
            let own = self.with_files(&[node]);
            own.into_iter().map(|node| left[node.0 as usize]).min().unwrap_or(u32::MAX)
        };
        // What depends on a target as a whole depends on each file of it.
        let ends = |node: NodeId| node == to || self.is_own(node, to);
        let shown = |path: &[NodeId]| -> Vec<NodeId> {
            let mut path: Vec<NodeId> =
                path.iter().map(|node| if files { *node } else { self.owner(*node) }).collect();
            path.dedup();
            path
        };
        let next = |node: NodeId, path: &[NodeId]| -> Vec<NodeId> {
            let mut next = if ends(node) { Vec::new() } else { self.direct_needs(node) };
            next.retain(|next| {
                let far = left(*next);
                far != u32::MAX && !path.contains(next) && (which == Which::All || far < left(node))
            });
            next
        };
        let mut found = Paths { paths: Vec::new(), complete: true };
        let mut seen = BTreeSet::new();
        let mut path = vec![from];
        let mut open = vec![Open { next: next(from, &path), at: 0 }];
        if ends(from) {
            found.paths.push(shown(&path));
        }
        let mut looks = 0;
        while let Some(top) = open.last_mut() {
            let Some(node) = top.next.get(top.at).copied() else {
                open.pop();
                path.pop();
                continue;
            };
            top.at += 1;
            looks += 1;
            if looks > MOST_LOOKS {
                found.complete = false;
                return found;
            }
            path.push(node);
            if ends(node) {
                let path = shown(&path);
                if seen.insert(path.clone()) {
                    if found.paths.len() == limit {
                        found.complete = false;
                        return found;
                    }
                    found.paths.push(path);
                }
            }
            let behind = next(node, &path);
            open.push(Open { next: behind, at: 0 });
        }
        found
    }
}
