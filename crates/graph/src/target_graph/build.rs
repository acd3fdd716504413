//! Makes a graph of targets and edges, and says what is wrong with them.

use std::collections::{BTreeSet, HashMap};

use petgraph::graph::{DiGraph, NodeIndex};

use super::{Edge, EdgeKind, NOWHERE, NodeId, TargetGraph, Weight};
use crate::cycles::{self, Arc};
use crate::lookup::{Targets, dense};
use crate::{FieldKind, GraphError, Label, Place, Role, Target, UNKNOWN, Value};

/// For how many unknown labels near names are looked for among all targets.
const WIDE_SEARCHES: usize = 20;
/// The field that `overrides` can replace for a file.
const DEPENDENCIES: &str = "dependencies";

struct Builder<'a> {
    targets: &'a Targets,
    /// From and to of all edges that stand, with what is known of them.
    edges: Vec<(u32, u32, Weight)>,
    places: Vec<Place>,
    /// The edges between targets that must not make a circle.
    arcs: Vec<Arc>,
    errors: Vec<GraphError>,
    searches: usize,
    /// Whether an edge to a file leads to its whole target.
    whole: bool,
}

pub(super) fn build(
    targets: Vec<Target>,
    extra_edges: &[Edge],
    whole: bool,
) -> (TargetGraph, Vec<GraphError>) {
    let mut errors = Vec::new();
    let targets = Targets::new(targets, &mut errors);
    let (edges, places, arcs) = (Vec::new(), Vec::new(), Vec::new());
    let mut builder = Builder { targets: &targets, edges, places, arcs, errors, searches: 0, whole };
    for index in 0..dense(targets.list().len()) {
        builder.target(index);
    }
    for edge in extra_edges {
        builder.extra(edge);
    }
    let Builder { edges, places, arcs, mut errors, .. } = builder;
    errors.extend(cycles::find(&targets, arcs));
    errors.sort_by(|a, b| a.place().cmp(&b.place()));
    (finish(targets, edges, places), errors)
}

/// The graph where the edges that imports of `files` imply are `imports` and no others.
pub(super) fn with_imports(old: TargetGraph, files: &[NodeId], imports: &[Edge]) -> Option<TargetGraph> {
    let files: BTreeSet<u32> = files.iter().map(|file| file.0).collect();
    let mut edges = old.edges();
    edges.retain(|(from, _, kind, _)| *kind != EdgeKind::Inferred || !files.contains(from));
    let (targets, mut places) = (old.targets, Vec::new());
    let mut kept: HashMap<u32, u32> = HashMap::new();
    let edges = edges.into_iter().map(|(from, to, kind, place)| {
        let old_place = old.places.get(place as usize);
        let place = old_place.map_or(NOWHERE, |old_place| {
            *kept.entry(place).or_insert_with(|| {
                places.push(old_place.clone());
                dense(places.len() - 1)
            })
        });
        (from, to, Weight { kind, place })
    });
    let edges = edges.collect();
    let (arcs, errors) = (Vec::new(), Vec::new());
    let mut builder = Builder { targets: &targets, edges, places, arcs, errors, searches: 0, whole: false };
    for edge in imports {
        builder.extra(edge);
    }
    let Builder { edges, places, errors, .. } = builder;
    errors.is_empty().then(|| finish(targets, edges, places))
}

/// The graph of edges in any order; of two that say the same, one stays.
fn finish(targets: Targets, mut edges: Vec<(u32, u32, Weight)>, places: Vec<Place>) -> TargetGraph {
    edges.sort_unstable();
    edges.dedup_by_key(|(from, to, weight)| (*from, *to, weight.kind));
    TargetGraph { graph: graph(node_count(&targets), &edges), targets, places }
}

/// The edges as a graph of `nodes` nodes.
pub(super) fn graph(nodes: usize, edges: &[(u32, u32, Weight)]) -> DiGraph<(), Weight, u32> {
    let mut graph = DiGraph::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for &(from, to, weight) in edges {
        graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), weight);
    }
    graph
}

pub(super) fn node_count(targets: &Targets) -> usize {
    let files = (0..dense(targets.list().len())).map(|index| targets.files(index).count());
    targets.list().len() + files.sum::<usize>()
}

impl Builder<'_> {
    /// The edges that the target's own fields and files make.
    fn target(&mut self, index: u32) {
        let targets = self.targets;
        for file in targets.files(index) {
            self.edges.push((index, file.0, Weight { kind: EdgeKind::Owns, place: NOWHERE }));
        }
        let target = targets.get(index);
        let own: Vec<NodeId> =
            targets.files(index).filter(|file| overridden(targets, *file).is_some()).collect();
        for field in target.rule.fields.iter().filter(|field| is_dependency(field.kind)) {
            for (label, place) in target.labels(field.name) {
                if own.is_empty() || field.name != DEPENDENCIES {
                    self.add(NodeId(index), label, EdgeKind::Declared, Some(place));
                } else {
                    for file in targets.files(index).filter(|file| !own.contains(file)) {
                        self.add(file, label, EdgeKind::Declared, Some(place));
                    }
                }
            }
        }
        for file in own {
            let Some((Value::List(items), place)) = overridden(targets, file) else { continue };
            for item in items {
                if let Value::Label(label) = item {
                    self.add(file, label, EdgeKind::Declared, Some(place));
                }
            }
        }
    }

    /// Whether a target, or a file of it, takes a dependency away again.
    fn is_excepted(&self, from: NodeId, to: NodeId) -> bool {
        let target = self.targets.get(self.targets.of_node(from).0);
        let overridden = match overridden(self.targets, from) {
            Some((Value::List(items), _)) => items.as_slice(),
            _ => &[],
        };
        let more = overridden.iter().filter_map(|item| match item {
            Value::Except { label, .. } => Some(label),
            _ => None,
        });
        let exceptions = target.exceptions().into_iter().map(|(label, _)| label).chain(more);
        let owner = NodeId(self.targets.of_node(to).0);
        exceptions.filter_map(|label| self.targets.find(label)).any(|out| out == to || out == owner)
    }

    fn extra(&mut self, edge: &Edge) {
        match self.targets.find(&edge.from) {
            Some(from) => self.add(from, &edge.to, edge.kind, edge.place.as_ref()),
            None => self.unknown(&edge.from, edge.place.as_ref()),
        }
    }

    fn add(&mut self, from: NodeId, to: &Label, kind: EdgeKind, place: Option<&Place>) {
        let Some(found) = self.find(from, to, place) else { return };
        let (from_target, from_file) = self.targets.of_node(from);
        let (to_target, to_file) = self.targets.of_node(found);
        if kind != EdgeKind::Owns && self.is_excepted(from, found) {
            return;
        }
        let exact = matches!(kind, EdgeKind::Inferred | EdgeKind::Owns);
        let to_node = if exact || !self.whole { found.0 } else { to_target };
        // Files of one target may need each other, as `overrides` can say of one of them.
        let among_files = from_file.is_some() && to_file.is_some() && from != found;
        if from_target == to_target && among_files && !exact {
            let weight = Weight { kind, place: self.keep(place) };
            return self.edges.push((from.0, to_node, weight));
        }
        if from_target == to_target && !exact {
            let label = self.targets.get(from_target).label.clone();
            return self.errors.push(GraphError::SelfDependency { label, place: place.cloned() });
        }
        // Helpers of tests lie in test files too.
        let between_tests = self.are_tests(from_target, to_target);
        if !between_tests && let Some(error) = self.not_dependable(from_target, to_target, place) {
            return self.errors.push(error);
        }
        if kind != EdgeKind::Inferred {
            self.arcs.push(Arc { from: from_target, to: to_target, place: place.cloned() });
        }
        let weight = Weight { kind, place: self.keep(place) };
        let files = (from_file.is_none() && kind != EdgeKind::Owns).then(|| self.targets.files(from_target));
        let before = self.edges.len();
        self.edges.extend(files.into_iter().flatten().map(|file| (file.0, to_node, weight)));
        if self.edges.len() == before {
            self.edges.push((from.0, to_node, weight));
        }
    }

    /// The node that a label means for who depends on it; or else tells that there is none, or more than one.
    fn find(&mut self, from: NodeId, to: &Label, place: Option<&Place>) -> Option<NodeId> {
        if let Some(found) = self.targets.find(to) {
            return Some(found);
        }
        let target = self.targets.get(self.targets.of_node(from).0);
        if target.rule == &UNKNOWN {
            return None;
        }
        let several = self.targets.parametrized(to);
        let fits = |index: &u32| self.targets.get(*index).str("resolve") == target.str("resolve");
        let fitting: Vec<u32> = several.iter().copied().filter(fits).collect();
        match (several.as_slice(), fitting.as_slice()) {
            ([], _) => self.unknown(to, place),
            ([one], _) | (_, [one]) => return Some(NodeId(*one)),
            _ => {
                let all = several.iter().map(|index| self.targets.get(*index).label.to_string()).collect();
                self.errors.push(GraphError::Ambiguous { label: to.clone(), place: place.cloned(), all });
            }
        }
        None
    }

    fn are_tests(&self, from: u32, to: u32) -> bool {
        [from, to].iter().all(|index| self.targets.get(*index).rule.role == Role::Test)
    }

    /// Keeps a place for edges.
    fn keep(&mut self, place: Option<&Place>) -> u32 {
        let Some(place) = place else { return NOWHERE };
        self.places.push(place.clone());
        dense(self.places.len() - 1)
    }

    fn not_dependable(&self, from: u32, to: u32, place: Option<&Place>) -> Option<GraphError> {
        let (from, named) = (self.targets.get(from), self.targets.get(to));
        let actual = self.actual(named);
        if from.rule.role.may_depend_on(actual.rule.role) {
            return None;
        }
        Some(GraphError::NotDependable {
            from: from.label.clone(),
            from_rule: from.rule.name,
            to: named.label.clone(),
            to_rule: actual.rule.name,
            place: place.cloned(),
        })
    }

    /// What an alias names in the end; where it names nothing or itself, that is told elsewhere.
    fn actual<'t>(&'t self, target: &'t Target) -> &'t Target {
        let mut at = target;
        for _ in 0..self.targets.list().len() {
            let next = match at.rule.role {
                Role::Alias => at.labels("actual").first().and_then(|(label, _)| self.targets.find(label)),
                _ => None,
            };
            match next {
                Some(next) => at = self.targets.get(self.targets.of_node(next).0),
                None => break,
            }
        }
        at
    }

    fn unknown(&mut self, label: &Label, place: Option<&Place>) {
        // What nobody knows may generate targets in its directory.
        let generates =
            |target: &Target| target.rule == &UNKNOWN && target.label.package() == label.package();
        if self.targets.list().iter().any(generates) {
            return;
        }
        self.searches += 1;
        let error = self.targets.unknown(label, place, self.searches <= WIDE_SEARCHES);
        self.errors.push(error);
    }
}

/// The dependencies that `overrides` give one file.
fn overridden(targets: &Targets, file: NodeId) -> Option<(&Value, &Place)> {
    let (index, source) = targets.of_node(file);
    let target = targets.get(index);
    let path = &target.sources.get(source?)?.path;
    let below = path.strip_prefix(target.label.package()).unwrap_or(path).trim_start_matches('/');
    target.overridden(below, DEPENDENCIES)
}

fn is_dependency(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Label | FieldKind::Labels)
}
