//! Finds the circles in which targets depend on each other; it does not know where the dependencies come from.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::lookup::Targets;
use crate::{CycleStep, GraphError, Place};

/// How many circles are told at most.
const MOST: usize = 100;

/// One target's dependency on another.
#[derive(Debug)]
pub(crate) struct Arc {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) place: Option<Place>,
}

/// The circles, each as the shortest one through its first target; no two share a dependency.
pub(crate) fn find(targets: &Targets, arcs: Vec<Arc>) -> Vec<GraphError> {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(targets.list().len(), arcs.len());
    for _ in targets.list() {
        graph.add_node(());
    }
    for arc in &arcs {
        graph.add_edge(NodeIndex::new(arc.from as usize), NodeIndex::new(arc.to as usize), ());
    }
    let mut component = vec![0; targets.list().len()];
    let mut circular = BTreeSet::new();
    for (number, members) in kosaraju_scc(&graph).iter().enumerate() {
        for member in members {
            component[member.index()] = number;
        }
        if members.len() > 1 {
            circular.insert(number);
        }
    }
    let inside = |arc: &Arc| {
        let number = component[arc.from as usize];
        number == component[arc.to as usize] && circular.contains(&number) && arc.from != arc.to
    };
    let mut next: BTreeMap<u32, BTreeMap<u32, Option<Place>>> = BTreeMap::new();
    for arc in arcs.into_iter().filter(inside) {
        next.entry(arc.from).or_default().entry(arc.to).or_insert(arc.place);
    }
    circles(targets, next)
}

/// Takes circle after circle out of what is left.
fn circles(targets: &Targets, mut next: BTreeMap<u32, BTreeMap<u32, Option<Place>>>) -> Vec<GraphError> {
    let mut found = Vec::new();
    let starts: Vec<u32> = next.keys().copied().collect();
    for start in starts {
        while let Some(circle) = shortest(&next, start) {
            let steps = (0..circle.len()).map(|at| {
                let (from, to) = (circle[at], circle[(at + 1) % circle.len()]);
                let place = next.get_mut(&from).and_then(|arcs| arcs.remove(&to)).flatten();
                let target = targets.get(from);
                CycleStep {
                    label: target.label.clone(),
                    place: place.unwrap_or_else(|| target.place.clone()),
                }
            });
            found.push(GraphError::Cycle { steps: steps.collect() });
            if found.len() == MOST {
                return found;
            }
        }
    }
    found
}

/// The shortest way from `start` back to it, without the second `start`.
fn shortest(next: &BTreeMap<u32, BTreeMap<u32, Option<Place>>>, start: u32) -> Option<Vec<u32>> {
    let mut came_from: BTreeMap<u32, u32> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for &to in next.get(&at).into_iter().flat_map(BTreeMap::keys) {
            if to == start {
                let mut circle = vec![at];
                while let Some(&before) = came_from.get(circle.last().expect("a circle has a member")) {
                    circle.push(before);
                }
                circle.reverse();
                return Some(circle);
            }
            if let Entry::Vacant(unseen) = came_from.entry(to) {
                unseen.insert(at);
                open.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, shortest};

    #[test]
    fn the_shortest_circle_is_found() {
        let next = [(0, vec![1, 2]), (1, vec![3]), (3, vec![0]), (2, vec![0])];
        let next: BTreeMap<u32, _> = next
            .into_iter()
            .map(|(from, to)| (from, to.into_iter().map(|to| (to, None)).collect()))
            .collect();
        assert_eq!(shortest(&next, 0), Some(vec![0, 2]));
        assert_eq!(shortest(&next, 3), Some(vec![3, 0, 1]));
    }
}
