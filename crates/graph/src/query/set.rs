//! What an expression means: nodes of the graph, and files that are no nodes; it does not know how it came about.

use std::collections::BTreeSet;

use crate::{NodeId, TargetGraph};

/// A set of targets and files.
///
/// A target without any of its files stands for all of them, one with some of them for these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Targets, and files that are nodes.
    pub nodes: BTreeSet<NodeId>,
    /// Files that are no nodes, such as BUILD files, relative to the root.
    pub files: BTreeSet<String>,
}

impl Set {
    pub(super) fn of(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Self { nodes: nodes.into_iter().collect(), files: BTreeSet::new() }
    }

    /// The targets in order, without their files.
    pub fn targets<'s>(&'s self, graph: &'s TargetGraph) -> impl Iterator<Item = NodeId> + 's {
        self.nodes.iter().copied().filter(|node| graph.owner(*node) == *node)
    }

    /// The nodes that people want to see: with `files` all, else a file only if its target is not there.
    pub fn shown(&self, graph: &TargetGraph, files: bool) -> Vec<NodeId> {
        let hidden = |node: NodeId| graph.owner(node) != node && self.nodes.contains(&graph.owner(node));
        self.nodes.iter().copied().filter(|node| files || !hidden(*node)).collect()
    }

    /// The nodes in order, without the targets that stand for a part of their files.
    pub fn roots(&self, graph: &TargetGraph) -> Vec<NodeId> {
        let is_part = |node: NodeId| graph.owner(node) == node && self.files_of(graph, node).next().is_some();
        self.nodes.iter().copied().filter(|node| !is_part(*node)).collect()
    }

    /// Whether it has a node, also by the target that stands for it.
    fn has(&self, graph: &TargetGraph, node: NodeId) -> bool {
        let owner = graph.owner(node);
        self.nodes.contains(&node)
            || (owner != node && self.nodes.contains(&owner) && self.files_of(graph, owner).next().is_none())
    }

    fn files_of<'s>(&'s self, graph: &TargetGraph, target: NodeId) -> impl Iterator<Item = NodeId> + use<'s> {
        let mut files = graph.files(target);
        let range = match files.next() {
            Some(first) => first..NodeId(first.0 + 1 + u32::try_from(files.count()).unwrap_or_default()),
            None => NodeId(0)..NodeId(0),
        };
        self.nodes.range(range).copied()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.nodes.extend(&other.nodes);
        self.files.extend(other.files.iter().cloned());
    }

    pub(super) fn intersect(&mut self, graph: &TargetGraph, other: &Self) {
        let theirs = other.nodes.iter().copied().filter(|node| self.has(graph, *node));
        let ours = self.nodes.iter().copied().filter(|node| other.has(graph, *node));
        self.nodes = theirs.chain(ours).collect();
        self.files.retain(|file| other.files.contains(file));
    }

    pub(super) fn remove(&mut self, graph: &TargetGraph, other: &Self) {
        for node in &other.nodes {
            self.nodes.remove(node);
            if graph.owner(*node) == *node && other.files_of(graph, *node).next().is_none() {
                for file in self.files_of(graph, *node).collect::<Vec<_>>() {
                    self.nodes.remove(&file);
                }
            }
        }
        for file in &other.files {
            self.files.remove(file);
        }
    }

    pub(super) fn retain(mut self, keep: impl Fn(NodeId) -> bool, keep_file: impl Fn(&str) -> bool) -> Self {
        self.nodes.retain(|node| keep(*node));
        self.files.retain(|file| keep_file(file));
        self
    }
}
