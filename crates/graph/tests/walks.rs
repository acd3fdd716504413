//! Walks, paths and queries on random graphs, against answers that try everything.

use std::collections::{BTreeMap, BTreeSet};

use graph::query::{World, query};
use graph::{
    Edge, EdgeKind, Field, Label, NodeId, Place, SourceFile, Target, TargetGraph, Value, Which, schema,
};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

/// Libraries with files, what each depends on, and imports from file to file.
#[derive(Clone, Debug)]
struct Plan {
    /// How many files each library has.
    files: Vec<usize>,
    /// From a library to one with a higher number.
    declared: Vec<(usize, usize)>,
    /// From library and file to library and file; circles may be among them.
    inferred: Vec<((usize, usize), (usize, usize))>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let index = || any::<prop::sample::Index>();
    let files = prop::collection::vec(0_usize..3, 1..7);
    let declared = prop::collection::vec((index(), index()), 0..8);
    let inferred = prop::collection::vec((index(), index()), 0..8);
    (files, declared, inferred).prop_map(|(files, declared, inferred)| {
        let all: Vec<(usize, usize)> = (files.iter().enumerate())
            .flat_map(|(library, count)| (0..*count).map(move |file| (library, file)))
            .collect();
        let pair =
            |(a, b): (prop::sample::Index, prop::sample::Index)| (a.index(files.len()), b.index(files.len()));
        let declared = declared.into_iter().map(pair).filter(|(a, b)| a < b).collect();
        let inferred = (inferred.into_iter().filter(|_| !all.is_empty()))
            .map(|(a, b)| (all[a.index(all.len())], all[b.index(all.len())]))
            .filter(|(a, b)| a != b)
            .collect();
        Plan { files, declared, inferred }
    })
}

fn library(number: usize) -> Label {
    Label::new(format!("p{}", number % 3), format!("t{number}"))
}

fn file(library_number: usize, number: usize) -> Label {
    library(library_number).with_file(format!("t{library_number}_{number}.py"))
}

fn build(plan: &Plan) -> TargetGraph {
    let rule = schema("python_library").expect("a rule");
    let targets = (plan.files.iter().enumerate()).map(|(number, files)| {
        let label = library(number);
        let place = Place::new(
            format!("{}/BUILD", label.package()),
            u32::try_from(number).unwrap_or_default() + 1,
            1,
        );
        let needs = plan.declared.iter().filter(|(from, _)| *from == number);
        let value = Value::List(needs.map(|(_, to)| Value::Label(library(*to))).collect());
        let path = |at| SourceFile { path: file(number, at).file_path().expect("a file").into() };
        Target {
            label,
            rule,
            fields: vec![Field { name: "dependencies", value, place: place.clone(), items: Vec::new() }]
                .into(),
            place,
            sources: (0..*files).map(path).collect(),
        }
    });
    let edge = |((from, at), (to, there)): &((usize, usize), (usize, usize))| Edge {
        from: file(*from, *at),
        to: file(*to, *there),
        kind: EdgeKind::Inferred,
        place: Some(Place::new("somewhere.py", 1, 1)),
    };
    let edges: Vec<Edge> = plan.inferred.iter().map(edge).collect();
    let (graph, errors) = TargetGraph::build(targets.collect(), &edges);
    assert_eq!(errors, []);
    graph
}

fn all(graph: &TargetGraph) -> Vec<NodeId> {
    (0..u32::try_from(graph.node_count()).unwrap_or_default()).map(NodeId).collect()
}

fn own(graph: &TargetGraph, one: NodeId, other: NodeId) -> bool {
    one != other && (graph.owner(one) == other || graph.owner(other) == one)
}

/// How many steps it is from any node to any other, by trying all ways in between.
fn distances(graph: &TargetGraph) -> BTreeMap<(NodeId, NodeId), u32> {
    let mut far = BTreeMap::new();
    for from in all(graph) {
        far.insert((from, from), 0);
        for to in graph.deps(from) {
            let steps = u32::from(!own(graph, from, to.node));
            let known = far.entry((from, to.node)).or_insert(steps);
            *known = steps.min(*known);
        }
    }
    for middle in all(graph) {
        for from in all(graph) {
            for to in all(graph) {
                let (Some(first), Some(second)) = (far.get(&(from, middle)), far.get(&(middle, to))) else {
                    continue;
                };
                let through = first + second;
                let known = far.entry((from, to)).or_insert(through);
                *known = through.min(*known);
            }
        }
    }
    far
}

fn files_of(graph: &TargetGraph, node: NodeId) -> Vec<NodeId> {
    all(graph)
        .into_iter()
        .filter(|file| *file == node || (graph.owner(*file) == node && node != *file))
        .collect()
}

fn with_owners(graph: &TargetGraph, nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    nodes.iter().flat_map(|node| [*node, graph.owner(*node)]).collect()
}

fn text(graph: &TargetGraph, nodes: impl IntoIterator<Item = NodeId>) -> Vec<String> {
    nodes.into_iter().map(|node| graph.label(node).to_string()).collect()
}

fn asked(graph: &TargetGraph, expression: &str) -> Vec<String> {
    let world = World { graph, is_file: &|path| !graph.owners(path).is_empty(), modules: &|_| Vec::new() };
    let set = query(expression, world).unwrap_or_else(|error| panic!("{expression}: {error}"));
    text(graph, set.nodes)
}

proptest! {
    #[test]
    fn dependencies_and_dependents(plan in plans(), depth in 0_u32..4) {
        let graph = build(&plan);
        let far = distances(&graph);
        let within = |from: NodeId, to: NodeId| far.get(&(from, to)).is_some_and(|steps| *steps <= depth);
        for node in all(&graph) {
            let label = graph.label(node);
            let needs = all(&graph).into_iter().filter(|to| within(node, *to)).collect();
            let expected = text(&graph, with_owners(&graph, needs));
            prop_assert_eq!(asked(&graph, &format!("deps('{label}', {depth})")), expected);

            let parts = files_of(&graph, node);
            let needed_by = all(&graph).into_iter().filter(|from| parts.iter().any(|part| {
                // Files of a target that itself does not depend make the target depend, too.
                files_of(&graph, *from).iter().any(|from| within(*from, *part))
            }));
            let expected = text(&graph, needed_by);
            prop_assert_eq!(asked(&graph, &format!("rdeps(//..., '{label}', {depth})")), expected);
        }
    }

    #[test]
    fn what_is_between(plan in plans()) {
        let graph = build(&plan);
        let far = distances(&graph);
        for from in all(&graph) {
            for to in all(&graph) {
                let parts = files_of(&graph, to);
                let reaches = |node: NodeId| parts.iter().any(|part| far.contains_key(&(node, *part)));
                let on_the_way = |node: &NodeId| {
                    far.contains_key(&(from, *node)) && files_of(&graph, *node).iter().any(|node| reaches(*node))
                };
                let expected: BTreeSet<NodeId> = all(&graph).into_iter().filter(on_the_way).collect();
                let between = with_owners(&graph, expected.clone());
                let (a, b) = (graph.label(from), graph.label(to));
                prop_assert_eq!(asked(&graph, &format!("allpaths('{a}', '{b}')")), text(&graph, between));

                let shortest = graph.shortest_path(&[from], &[to]);
                let least = parts.iter().filter_map(|part| far.get(&(from, *part))).min();
                let steps = shortest.as_ref().map(|path| graph.steps(path).len());
                prop_assert_eq!(steps, least.map(|steps| *steps as usize));
                let paths = graph.paths(from, to, Which::Shortest, true, 10_000);
                prop_assert_eq!(paths.paths.is_empty(), least.is_none());
                prop_assert_eq!(asked(&graph, &format!("somepath('{a}', '{b}')")).is_empty(), least.is_none());
            }
        }
    }

    #[test]
    fn paths_are_all_there_are(plan in plans()) {
        let graph = build(&plan);
        for from in all(&graph) {
            for to in all(&graph) {
                let mut expected = BTreeSet::new();
                try_all(&graph, to, &mut vec![from], &mut expected);
                let found = graph.paths(from, to, Which::All, true, 10_000);
                prop_assert_eq!(found.complete, true);
                let distinct: BTreeSet<Vec<NodeId>> = found.paths.iter().cloned().collect();
                prop_assert_eq!(distinct.len(), found.paths.len());
                prop_assert_eq!(&distinct, &expected);
                let least = expected.iter().map(Vec::len).min();
                let shortest: BTreeSet<Vec<NodeId>> =
                    expected.into_iter().filter(|path| Some(path.len()) == least).collect();
                let found = graph.paths(from, to, Which::Shortest, true, 10_000);
                prop_assert_eq!(found.paths.into_iter().collect::<BTreeSet<_>>(), shortest);
            }
        }
    }

    #[test]
    fn operators_are_those_of_sets(chosen in prop::collection::vec((0..3_usize, prop::collection::btree_set(0..6_usize, 1..6)), 1..6)) {
        let graph = build(&Plan { files: vec![1; 6], declared: Vec::new(), inferred: Vec::new() });
        let mut expected: BTreeSet<usize> = BTreeSet::new();
        let mut expression = String::from("set()");
        for (operator, operand) in &chosen {
            let labels: Vec<String> = operand.iter().map(|number| library(*number).to_string()).collect();
            expression = format!("{expression} {} set({})", ["+", "^", "except"][*operator], labels.join(" "));
            expected = match operator {
                0 => &expected | operand,
                1 => &expected & operand,
                _ => &expected - operand,
            };
        }
        let expected: BTreeSet<Label> = expected.into_iter().map(library).collect();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        prop_assert_eq!(asked(&graph, &expression), expected);
    }

    #[test]
    fn no_expression_is_a_panic(expression in "[a-z(),+^'\"/: =$0-9.*-]{0,40}|(deps|let x = |in |set|\\(|\\)|//p0:t0|some|,| |\\+|\\$x){0,12}") {
        let graph = build(&Plan { files: vec![1, 2], declared: vec![(0, 1)], inferred: Vec::new() });
        let world = World { graph: &graph, is_file: &|_| false, modules: &|_| Vec::new() };
        if let Err(error) = query(&expression, world) {
            let characters = u32::try_from(expression.chars().count()).unwrap_or(u32::MAX);
            assert!(error.column <= characters + 1, "{error:?}");
        }
    }
}

/// Every way on which no node comes twice, one step after the other.
fn try_all(graph: &TargetGraph, to: NodeId, path: &mut Vec<NodeId>, found: &mut BTreeSet<Vec<NodeId>>) {
    let last = *path.last().expect("it has a start");
    if last == to || own(graph, last, to) {
        found.insert(path.clone());
        return;
    }
    for next in files_of(graph, last).iter().flat_map(|node| graph.deps(*node)) {
        let next = next.node;
        let inside = graph.owner(last) == last && graph.owner(next) == last;
        if !inside && !path.contains(&next) {
            path.push(next);
            try_all(graph, to, path, found);
            path.pop();
        }
    }
}
