//! What BUILD files declare, held against what files import: dependencies that nothing needs, and those that nobody
//! declares. Changes neither.

use std::collections::BTreeSet;

use graph::{EdgeKind, NodeId, TargetGraph};

/// A target, and what is said of some dependencies of it.
pub(super) type Audited = (NodeId, Vec<NodeId>);

/// What targets declare and none of their files imports. Only code and requirements can be imported, so only these are
/// judged.
pub(super) fn unused(graph: &TargetGraph, targets: &[NodeId]) -> Vec<Audited> {
    audit(graph, targets, |target| {
        let imported: BTreeSet<NodeId> = imported(graph, target, true).collect();
        let is_used = |declared: &NodeId| {
            let actual = graph.actual(*declared);
            let parts = graph.deps(actual).into_iter().filter(|part| part.kind == EdgeKind::Owns);
            imported.contains(&actual) || parts.map(|part| part.node).any(|part| imported.contains(&part))
        };
        declared(graph, target).filter(|one| is_judged(graph, *one) && !is_used(one)).collect()
    })
}

/// What files of targets import and these do not declare. Python's own packages, and what pytest loads, are nobody's to
/// declare.
pub(super) fn undeclared(graph: &TargetGraph, targets: &[NodeId]) -> Vec<Audited> {
    audit(graph, targets, |target| {
        let declared: BTreeSet<NodeId> =
            declared(graph, target).flat_map(|one| [one, graph.actual(one)]).collect();
        let is_declared = |node: NodeId| {
            let generator = graph.node(&graph.label(node).whole());
            [Some(node), Some(graph.owner(node)), generator]
                .into_iter()
                .flatten()
                .any(|one| declared.contains(&one))
        };
        let imported = imported(graph, target, false).filter(|node| !is_declared(*node));
        imported.map(|node| graph.owner(node)).collect()
    })
}

fn audit(graph: &TargetGraph, targets: &[NodeId], of: impl Fn(NodeId) -> BTreeSet<NodeId>) -> Vec<Audited> {
    let targets: BTreeSet<NodeId> = targets.iter().map(|target| graph.owner(graph.actual(*target))).collect();
    let code = targets.into_iter().filter(|target| graph.target(*target).rule.file_nodes);
    let audited = code.map(|target| (target, of(target).into_iter().collect::<Vec<_>>()));
    audited.filter(|(_, found)| !found.is_empty()).collect()
}

fn declared(graph: &TargetGraph, target: NodeId) -> impl Iterator<Item = NodeId> {
    let labels = graph.target(target).labels("dependencies").into_iter();
    labels.filter_map(|(label, _)| graph.node(label)).collect::<Vec<_>>().into_iter()
}

/// The files and requirements of others that files of a target import; with what is implied by where they lie, or without.
fn imported(graph: &TargetGraph, target: NodeId, implied: bool) -> impl Iterator<Item = NodeId> {
    let of = move |file: NodeId| {
        let inferred = graph.deps(file).into_iter().filter(|one| one.kind == EdgeKind::Inferred);
        let others = inferred.map(|one| one.node).filter(move |node| graph.owner(*node) != target);
        others.filter(move |node| implied || graph.place(file, *node, EdgeKind::Inferred).is_some())
    };
    graph.files(target).flat_map(of)
}

/// Whether an import could tell that a target is needed.
fn is_judged(graph: &TargetGraph, node: NodeId) -> bool {
    let target = graph.target(graph.actual(node));
    let is_stub = |text: &&str| {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && !"-_.".contains(letter));
        let name = &text[..end.unwrap_or(text.len())];
        name.starts_with("types-") || name.ends_with("-stubs")
    };
    match target.rule.name {
        "python_library" | "python_test_utils" => true,
        "python_requirement" => !target.list("requirements").iter().any(is_stub),
        _ => false,
    }
}
