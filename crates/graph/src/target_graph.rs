//! Targets and their files as one immutable graph; it does not know where the edges come from.

mod build;
#[cfg(test)]
mod tests;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

use crate::lookup::{Targets, dense};
use crate::{GraphError, Label, Place, Role, Target};

/// A node of a [`TargetGraph`]: targets first, in the order of their labels, then files by target and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// Why one node depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EdgeKind {
    /// A BUILD file says so.
    Declared,
    /// It is the owner of an `entry_point`.
    EntryPoint,
    /// It is a file of the target, or a target that it generates.
    Owns,
    /// An import was found.
    Inferred,
}

/// An edge beyond those that the fields of targets declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who depends: a target (then all of its files, but for `Owns`), or one of its files.
    pub from: Label,
    /// On whom.
    pub to: Label,
    /// Why.
    pub kind: EdgeKind,
    /// Where this is written, if somewhere.
    pub place: Option<Place>,
}

/// One neighbour of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The neighbour.
    pub node: NodeId,
    /// Why.
    pub kind: EdgeKind,
}

/// All targets and their source files, with their edges.
///
/// A target with file nodes (a library, say) depends on each of its files, and each file on what the target
/// depends on; any other target depends directly. An alias depends on what it names.
#[derive(Debug, Default)]
pub struct TargetGraph {
    targets: Targets,
    graph: DiGraph<(), Weight, u32>,
    /// Where edges are written; those of one dependency of many files share one.
    places: Vec<Place>,
}

/// What is known of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    kind: EdgeKind,
    /// Which of the places, or [`NOWHERE`].
    place: u32,
}

/// The place of an edge that is written nowhere.
const NOWHERE: u32 = u32::MAX;

impl TargetGraph {
    /// Builds the graph of the targets, their declared dependencies and `extra_edges`.
    ///
    /// Always gives a graph, without what is wrong: of two targets with one label the first stays, and an edge to
    /// nothing, to the target itself or to what cannot be depended on is left out. Edges of a cycle stay, and
    /// every query ends nonetheless; `Inferred` edges never make an error of a cycle, since modules may import
    /// each other.
    pub fn build(targets: Vec<Target>, extra_edges: &[Edge]) -> (Self, Vec<GraphError>) {
        build::build(targets, extra_edges, false)
    }

    /// The same where nobody has told what single files depend on: an edge to a file leads to its whole target, unless
    /// it is `Inferred` or `Owns`.
    pub fn build_whole(targets: Vec<Target>, extra_edges: &[Edge]) -> (Self, Vec<GraphError>) {
        build::build(targets, extra_edges, true)
    }

    /// The node of a label, a target or a file.
    pub fn node(&self, label: &Label) -> Option<NodeId> {
        self.targets.find(label)
    }

    /// The same, or the error with near names; `place` is where the label is written.
    pub fn require(&self, label: &Label, place: Option<&Place>) -> Result<NodeId, Box<GraphError>> {
        self.node(label).ok_or_else(|| Box::new(self.targets.unknown(label, place, true)))
    }

    /// The target of a node; of a file's node its owner.
    pub fn target(&self, node: NodeId) -> &Target {
        self.targets.get(self.targets.of_node(node).0)
    }

    /// The node of the target that a node belongs to.
    pub fn owner(&self, node: NodeId) -> NodeId {
        NodeId(self.targets.of_node(node).0)
    }

    /// The root-relative path of a file's node.
    pub fn file(&self, node: NodeId) -> Option<&str> {
        let (target, source) = self.targets.of_node(node);
        source.map(|source| &*self.targets.get(target).sources[source].path)
    }

    /// The label of a node.
    pub fn label(&self, node: NodeId) -> Label {
        let target = self.target(node);
        match self.file(node) {
            None => target.label.clone(),
            Some(path) => {
                let package = target.label.package();
                let below =
                    if package.is_empty() { path } else { path.get(package.len() + 1..).unwrap_or(path) };
                target.label.with_file(below)
            }
        }
    }

    /// The nodes of the target's files; none if its files are no nodes.
    pub fn files(&self, target: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        self.targets.files(self.targets.of_node(target).0)
    }

    /// What an alias names, through any number of aliases; the node itself if it is none.
    pub fn actual(&self, node: NodeId) -> NodeId {
        let mut at = node;
        for _ in 0..self.targets.list().len() {
            if self.target(at).rule.role != Role::Alias {
                break;
            }
            match self.deps(at).first() {
                Some(next) => at = next.node,
                None => break,
            }
        }
        at
    }

    /// What a node depends on, sorted.
    pub fn deps(&self, node: NodeId) -> Vec<Dependency> {
        self.neighbours(node, Direction::Outgoing)
    }

    /// What depends on a node, sorted.
    pub fn dependents(&self, node: NodeId) -> Vec<Dependency> {
        self.neighbours(node, Direction::Incoming)
    }

    /// Where it is written that a node depends on another, if it is written somewhere.
    pub fn place(&self, from: NodeId, to: NodeId, kind: EdgeKind) -> Option<&Place> {
        let mut edges =
            self.graph.edges_connecting(NodeIndex::new(from.0 as usize), NodeIndex::new(to.0 as usize));
        let edge = edges.find(|edge| edge.weight().kind == kind)?;
        self.places.get(edge.weight().place as usize)
    }

    /// The roots and all that they depend on, sorted, without what the roots take out with `!!`.
    pub fn closure(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
        let roots: Vec<NodeId> = roots.into_iter().collect();
        let mut reached = self.reach(roots.iter().copied(), Direction::Outgoing);
        self.take_out(&roots, &mut reached);
        reached
    }

    /// Takes out of `reached` what some roots take out of all that they reach. As in Pants, what it needs itself stays.
    pub(crate) fn take_out(&self, roots: &[NodeId], reached: &mut Vec<NodeId>) {
        let mut out: Vec<NodeId> = Vec::new();
        for target in roots.iter().map(|root| self.target(*root)) {
            let transitive = target.exceptions().into_iter().filter(|(_, transitive)| *transitive);
            out.extend(transitive.filter_map(|(label, _)| self.node(label)));
        }
        if !out.is_empty() {
            reached.retain(|node| !out.contains(node) && !out.contains(&self.owner(*node)));
        }
    }

    /// The roots and all that depends on them, sorted.
    pub fn dependents_closure(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
        self.reach(roots, Direction::Incoming)
    }

    /// The targets that have the root-relative file as a source, sorted.
    pub fn owners(&self, file: &str) -> Vec<NodeId> {
        self.targets.owning(file).map(|(target, _)| NodeId(target)).collect()
    }

    /// The nodes of a root-relative file, one for each target that owns it; the target where files are no nodes.
    pub fn file_nodes(&self, file: &str) -> Vec<NodeId> {
        self.targets
            .owning(file)
            .map(|(target, source)| self.targets.files(target).nth(source as usize).unwrap_or(NodeId(target)))
            .collect()
    }

    /// All targets in the order of their labels.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = (NodeId, &Target)> {
        self.targets.list().iter().enumerate().map(|(index, target)| (NodeId(dense(index)), target))
    }

    /// The same without their nodes.
    pub fn target_list(&self) -> &[Target] {
        self.targets.list()
    }

    /// How many nodes there are, targets and files.
    pub fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.graph.edge_count()
    }

    /// All edges, sorted, each with which of [`TargetGraph::places`] it is written at, if any.
    pub(crate) fn edges(&self) -> Vec<(u32, u32, EdgeKind, u32)> {
        let mut edges: Vec<_> = (self.graph.edge_references())
            .map(|edge| {
                let Weight { kind, place } = *edge.weight();
                (dense(edge.source().index()), dense(edge.target().index()), kind, place)
            })
            .collect();
        edges.sort_unstable();
        edges
    }

    /// Where edges are written.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// A graph with exactly these targets, edges and places, which were one before; none where they cannot have been.
    pub(crate) fn with_edges(
        targets: Vec<Target>,
        edges: &[(u32, u32, EdgeKind, u32)],
        places: Vec<Place>,
    ) -> Option<Self> {
        let mut errors = Vec::new();
        let targets = Targets::new(targets, &mut errors);
        let nodes = build::node_count(&targets);
        let inside = |&(from, to, _, place): &(u32, u32, EdgeKind, u32)| {
            (from.max(to) as usize) < nodes && (place == NOWHERE || (place as usize) < places.len())
        };
        let sound = errors.is_empty() && edges.iter().all(inside);
        let weighted =
            |&(from, to, kind, place): &(u32, u32, EdgeKind, u32)| (from, to, Weight { kind, place });
        let edges: Vec<_> = edges.iter().map(weighted).collect();
        sound.then(|| Self { graph: build::graph(nodes, &edges), targets, places })
    }

    /// The same graph where some files import something else: `edges` are all that these imply now.
    ///
    /// None where an edge leads to nothing, or to what cannot be depended on.
    pub fn with_imports(self, files: &[NodeId], edges: &[Edge]) -> Option<Self> {
        build::with_imports(self, files, edges)
    }

    pub(crate) fn lookup(&self) -> &Targets {
        &self.targets
    }

    /// The neighbours of a node, in no order that means something, without any memory of their own.
    pub(crate) fn next(&self, node: NodeId, direction: Direction) -> impl Iterator<Item = NodeId> + '_ {
        let next = self.graph.neighbors_directed(NodeIndex::new(node.0 as usize), direction);
        next.map(|index| NodeId(dense(index.index())))
    }

    fn neighbours(&self, node: NodeId, direction: Direction) -> Vec<Dependency> {
        let mut found: Vec<Dependency> = self
            .graph
            .edges_directed(NodeIndex::new(node.0 as usize), direction)
            .map(|edge| {
                let other = if direction == Direction::Outgoing { edge.target() } else { edge.source() };
                Dependency { node: NodeId(dense(other.index())), kind: edge.weight().kind }
            })
            .collect();
        found.sort_unstable();
        found
    }

    fn reach(&self, roots: impl IntoIterator<Item = NodeId>, direction: Direction) -> Vec<NodeId> {
        let mut seen = vec![false; self.graph.node_count()];
        let mut open: Vec<NodeIndex> =
            roots.into_iter().map(|root| NodeIndex::new(root.0 as usize)).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node.index()], true) {
                open.extend(
                    self.graph.neighbors_directed(node, direction).filter(|next| !seen[next.index()]),
                );
            }
        }
        let ids = seen.iter().enumerate().filter(|(_, seen)| **seen);
        ids.map(|(index, _)| NodeId(dense(index))).collect()
    }
}
