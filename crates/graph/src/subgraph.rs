//! The edges between the nodes of a set, as they are drawn; it does not know how.

use crate::query::Set;
use crate::{EdgeKind, NodeId, TargetGraph};

impl TargetGraph {
    /// The edges between what is shown of a set, sorted, each pair with the first reason that there is. Without `files`
    /// those of files are those of their targets.
    pub fn edges_among(&self, set: &Set, files: bool) -> Vec<(NodeId, NodeId, EdgeKind)> {
        let shown = set.shown(self, files);
        let mut inside = vec![false; self.node_count()];
        let all = self.with_files(&set.roots(self)).into_iter().chain(set.nodes.iter().copied());
        for node in all {
            inside[node.0 as usize] = true;
        }
        let stands_for = |node: NodeId| {
            let alone = shown.binary_search(&node).is_ok();
            if alone { node } else { self.owner(node) }
        };
        let mut edges = Vec::new();
        for (node, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
            let node = NodeId(crate::lookup::dense(node));
            for next in self.deps(node).into_iter().filter(|next| inside[next.node.0 as usize]) {
                let (from, to) = (stands_for(node), stands_for(next.node));
                if from != to {
                    edges.push((from, to, next.kind));
                }
            }
        }
        edges.sort_unstable();
        edges.dedup_by_key(|(from, to, _)| (*from, *to));
        edges
    }
}
