//! Walks over the graph in the steps that people count: between a target and its own files there is none. It does not
//! know who asks.

use std::collections::VecDeque;

use petgraph::Direction;

use crate::lookup::dense;
use crate::{Dependency, EdgeKind, NodeId, Place, TargetGraph};

/// Farther than any node.
const UNSEEN: u32 = u32::MAX;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'g> {
    /// Who depends: a target, or the file that has the import.
    pub from: NodeId,
    /// On whom: a target or a file.
    pub to: NodeId,
    /// Why.
    pub kind: EdgeKind,
    /// Where this is written, if it is written somewhere.
    pub place: Option<&'g Place>,
}

impl TargetGraph {
    /// The roots and what they depend on, at most `depth` steps away, sorted. The owner of each file that is reached
    /// is among them, but not what only other files of it need.
    pub fn needs(&self, roots: &[NodeId], depth: Option<u32>) -> Vec<NodeId> {
        let mut reached = self.distances(roots, Direction::Outgoing, depth, |_| true);
        self.add_owners(&mut reached);
        let mut reached = nodes(&reached);
        self.take_out(roots, &mut reached);
        reached
    }

    /// The roots and what depends on them, at most `depth` steps away, sorted; only through nodes that are `within`.
    /// A target does not stand for its files: see [`TargetGraph::with_files`].
    pub fn needed_by(
        &self,
        roots: &[NodeId],
        depth: Option<u32>,
        within: impl Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        nodes(&self.distances(roots, Direction::Incoming, depth, within))
    }

    /// All nodes on any path from one of `from` to one of `to`, sorted, with the owners of files.
    pub fn between(&self, from: &[NodeId], to: &[NodeId]) -> Vec<NodeId> {
        let mut there = self.distances(from, Direction::Outgoing, None, |_| true);
        let back = self.distances(&self.with_files(to), Direction::Incoming, None, |_| true);
        for (there, back) in there.iter_mut().zip(back) {
            *there = if back == UNSEEN { UNSEEN } else { *there };
        }
        self.add_owners(&mut there);
        nodes(&there)
    }

    /// A shortest path from one of `from` to one of `to` or to a file of one, by every node; the first of several.
    pub fn shortest_path(&self, from: &[NodeId], to: &[NodeId]) -> Option<Vec<NodeId>> {
        let mut wanted = vec![false; self.node_count()];
        for node in self.with_files(to) {
            wanted[node.0 as usize] = true;
        }
        let mut distance = vec![UNSEEN; self.node_count()];
        let mut before = vec![UNSEEN; self.node_count()];
        let mut open = VecDeque::new();
        for root in from {
            distance[root.0 as usize] = 0;
            open.push_back((*root, 0));
        }
        while let Some((node, at)) = open.pop_front() {
            if distance[node.0 as usize] < at {
                continue;
            }
            if wanted[node.0 as usize] {
                let mut path = vec![node];
                let mut last = node;
                while before[last.0 as usize] != UNSEEN {
                    last = NodeId(before[last.0 as usize]);
                    path.push(last);
                }
                path.reverse();
                return Some(path);
            }
            for next in self.deps(node) {
                let own = self.is_own(node, next.node);
                let far = at + u32::from(!own);
                if far < distance[next.node.0 as usize] {
                    distance[next.node.0 as usize] = far;
                    before[next.node.0 as usize] = node.0;
                    if own { open.push_front((next.node, far)) } else { open.push_back((next.node, far)) }
                }
            }
        }
        None
    }

    /// A path of nodes as the steps that are between targets or between files, each with its reason.
    pub fn steps(&self, path: &[NodeId]) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        for pair in path.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let found = self.deps(from).into_iter().find(|dependency| dependency.node == to);
            let Some(Dependency { kind, .. }) = found else { continue };
            if !self.is_own(from, to) {
                let shown = if kind == EdgeKind::Inferred { from } else { self.owner(from) };
                steps.push(Step { from: shown, to, kind, place: self.place(from, to, kind) });
            }
        }
        steps
    }

    /// What a node, or any file of it, depends on by itself, sorted; its own files are left out.
    pub fn direct_needs(&self, node: NodeId) -> Vec<NodeId> {
        self.direct(node, Direction::Outgoing)
    }

    /// What depends on a node or any file of it by itself, sorted: files, and targets, owners of such files among
    /// them.
    pub fn directly_needed_by(&self, node: NodeId) -> Vec<NodeId> {
        let mut found = self.direct(node, Direction::Incoming);
        found.extend(found.clone().into_iter().map(|found| self.owner(found)));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn direct(&self, node: NodeId, direction: Direction) -> Vec<NodeId> {
        let whole = self.owner(node) == node;
        let mut found: Vec<NodeId> = (self.with_files(&[node]).into_iter())
            .flat_map(|from| self.next(from, direction).filter(move |next| !self.is_own(from, *next)))
            .filter(|found| !whole || self.owner(*found) != node)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether one of two nodes is a target and the other a file of it.
    pub(crate) fn is_own(&self, one: NodeId, other: NodeId) -> bool {
        one != other && (self.owner(one) == other || self.owner(other) == one)
    }

    /// The nodes and the files of those that are targets, for what is asked of a target as a whole.
    pub fn with_files(&self, roots: &[NodeId]) -> Vec<NodeId> {
        let mut all = roots.to_vec();
        for root in roots.iter().filter(|root| self.owner(**root) == **root) {
            all.extend(self.files(*root));
        }
        all
    }

    /// How many steps each node is away from the roots.
    pub(crate) fn distances(
        &self,
        roots: &[NodeId],
        direction: Direction,
        depth: Option<u32>,
        within: impl Fn(NodeId) -> bool,
    ) -> Vec<u32> {
        let mut distance = vec![UNSEEN; self.node_count()];
        let mut open = VecDeque::with_capacity(roots.len());
        for root in roots.iter().filter(|root| within(**root)) {
            distance[root.0 as usize] = 0;
            open.push_back((*root, 0));
        }
        let depth = depth.unwrap_or(UNSEEN - 1);
        while let Some((node, at)) = open.pop_front() {
            if distance[node.0 as usize] < at {
                continue;
            }
            for next in self.next(node, direction) {
                let own = self.is_own(node, next);
                let far = at + u32::from(!own);
                if far <= depth && far < distance[next.0 as usize] && within(next) {
                    distance[next.0 as usize] = far;
                    if own { open.push_front((next, far)) } else { open.push_back((next, far)) }
                }
            }
        }
        distance
    }

    fn add_owners(&self, reached: &mut [u32]) {
        for index in (0..reached.len()).rev() {
            if reached[index] != UNSEEN {
                let owner = self.owner(NodeId(dense(index))).0 as usize;
                reached[owner] = reached[owner].min(reached[index]);
            }
        }
    }
}

fn nodes(reached: &[u32]) -> Vec<NodeId> {
    let reached = reached.iter().enumerate().filter(|(_, distance)| **distance != UNSEEN);
    reached.map(|(index, _)| NodeId(dense(index))).collect()
}
