//! Checks the edges of a graph against visibility and declared rules. It does not know what follows from a violation.

use std::collections::BTreeMap;

use super::declared::{Action, DeclaredRules, ReadySet, Rules};
use super::entry::Entry;
use super::spec::End;
use super::{Cause, Refused, Side, Violation};
use crate::{EdgeKind, GraphError, NodeId, Part, Place, Target, TargetGraph};

/// All edges that the `visibility` of targets or the rules of BUILD files are against, and what is wrong with these.
///
/// The edges from a target to its own files are not looked at. Those between the same two targets for the same cause are
/// one violation.
pub fn check(graph: &TargetGraph, declared: &[DeclaredRules]) -> (Vec<Violation>, Vec<GraphError>) {
    let mut errors = Vec::new();
    let mut rules = |side| match Rules::new(declared, side) {
        Ok(rules) => Some(rules),
        Err(wrong) => {
            let all = wrong.into_iter().map(|(place, error)| GraphError::DependencyRule { error, place });
            errors.extend(all);
            None
        }
    };
    let (dependencies, dependents) = (rules(Side::Dependencies), rules(Side::Dependents));
    let visible: Vec<Option<Vec<Entry>>> =
        graph.targets().map(|(_, target)| entries(graph, target, &mut errors)).collect();
    let (Some(dependencies), Some(dependents)) = (dependencies, dependents) else {
        return (Vec::new(), errors);
    };
    if dependencies.is_empty() && dependents.is_empty() && visible.iter().all(Option::is_none) {
        return (Vec::new(), errors);
    }
    let mut found = Found { graph, violations: BTreeMap::new() };
    let mut last = None;
    let mut from: Option<Dependent<'_>> = None;
    for (start, end, kind, place) in graph.edges() {
        if kind == EdgeKind::Owns || last.replace((start, end)) == Some((start, end)) {
            continue;
        }
        let place = graph.places().get(place as usize);
        let (start, end) = (NodeId(start), NodeId(end));
        if from.as_ref().is_none_or(|from| from.node != start) {
            from = Some(Dependent::new(graph, start, &dependencies));
        }
        let Some(from) = &from else { continue };
        found.visibility(from, end, visible[graph.owner(end).0 as usize].as_deref(), place);
        found.rules(from, end, &dependents, place);
    }
    let violations = found.violations.into_iter().map(|((_, _, cause), edges)| Violation { edges, cause });
    (violations.collect(), errors)
}

/// What the `visibility` of a target says; none where everybody sees it.
fn entries(graph: &TargetGraph, target: &Target, errors: &mut Vec<GraphError>) -> Option<Vec<Entry>> {
    let field = target.field("visibility")?;
    let mut entries = Vec::new();
    for (index, text) in field.value.as_list()?.iter().filter_map(|item| item.as_str()).enumerate() {
        let place = field.item_place(index);
        match Entry::parse(text, target.label.package()) {
            Ok(Entry::Public) => return None,
            Ok(Entry::Target(label)) => match graph.require(&label, Some(place)) {
                Ok(node) => {
                    // What an alias names is let in as the alias is.
                    entries.extend(
                        [node, graph.actual(node)].map(|node| Entry::Target(graph.label(node).whole())),
                    );
                }
                Err(error) => errors.push(*error),
            },
            Ok(entry) => entries.push(entry),
            Err(error) => errors.push(GraphError::Visibility { error, place: place.clone() }),
        }
    }
    Some(entries)
}

/// The end of an edge that a node is.
fn end(graph: &TargetGraph, node: NodeId) -> End<'_> {
    let label = graph.label(node);
    let target = graph.target(node);
    let written = match target.label.part() {
        Part::Generated(_) => graph.node(&target.label.whole()).map_or(target, |node| graph.target(node)),
        Part::Whole | Part::File(_) => target,
    };
    End::new(label, written)
}

/// Who depends, with the rules for its dependencies.
struct Dependent<'g> {
    node: NodeId,
    end: End<'g>,
    /// The set that is for it; none if there are no rules, and an error if there are and none is for it.
    set: Option<Result<ReadySet, Place>>,
}

impl<'g> Dependent<'g> {
    fn new(graph: &'g TargetGraph, node: NodeId, rules: &Rules) -> Self {
        let end = end(graph, node);
        let set = set_for(rules, &end).map(|found| found.cloned().map_err(Clone::clone));
        Self { node, end, set }
    }
}

/// The set that is for a target; an error with where the rules are if there are some and none is for it.
fn set_for<'r>(rules: &'r Rules, end: &End<'_>) -> Option<Result<&'r ReadySet, &'r Place>> {
    let sets = rules.of(end.label.package())?;
    let first = &sets.first()?.place;
    Some(sets.iter().find(|set| set.is_for(end)).ok_or(first))
}

struct Found<'g> {
    graph: &'g TargetGraph,
    /// By the targets of both ends and the cause.
    violations: BTreeMap<(NodeId, NodeId, Cause), Vec<Refused>>,
}

impl Found<'_> {
    fn visibility(
        &mut self,
        from: &Dependent<'_>,
        to: NodeId,
        entries: Option<&[Entry]>,
        place: Option<&Place>,
    ) {
        let Some(entries) = entries else { return };
        let (asks, asked) = (from.end.target, self.graph.target(to));
        let package = from.end.label.package();
        let is_let_in = |entry: &Entry| match entry {
            Entry::Target(label) => *label == asks.label || *label == from.end.label.whole(),
            entry => entry.has_package(package),
        };
        if package == asked.label.package() || entries.iter().any(is_let_in) {
            return;
        }
        let Some(field) = asked.field("visibility") else { return };
        let says = asked.list("visibility").into_iter().map(str::to_owned).collect();
        self.add(from, to, Cause::Invisible { says, place: field.place.clone() }, place);
    }

    fn rules(&mut self, from: &Dependent<'_>, to: NodeId, dependents: &Rules, place: Option<&Place>) {
        if from.set.is_none() && dependents.is_empty() {
            return;
        }
        let end = end(self.graph, to);
        let own = from.set.as_ref().map(|set| set.as_ref());
        let causes = [
            cause(Side::Dependencies, own, &end, &from.end.folder),
            cause(Side::Dependents, set_for(dependents, &end), &from.end, &end.folder),
        ];
        // What must not be is told, and not also what had better not be.
        let denied = causes.iter().flatten().any(|cause| !matches!(cause, Cause::Rule { warns: true, .. }));
        for cause in causes.into_iter().flatten() {
            if !(denied && matches!(cause, Cause::Rule { warns: true, .. })) {
                self.add(from, to, cause, place);
            }
        }
    }

    fn add(&mut self, from: &Dependent<'_>, to: NodeId, cause: Cause, place: Option<&Place>) {
        let key = (self.graph.owner(from.node), self.graph.owner(to), cause);
        self.violations.entry(key).or_default().push(Refused {
            from: from.end.label.clone(),
            to: self.graph.label(to),
            place: place.cloned(),
        });
    }
}

/// What the rules of a side have against an edge to `other`; `folder` is that of whom they are for.
fn cause(side: Side, set: Option<Result<&ReadySet, &Place>>, other: &End<'_>, folder: &str) -> Option<Cause> {
    let set = match set? {
        Ok(set) => set,
        Err(place) => return Some(Cause::NoRule { side, place: place.clone() }),
    };
    match set.about(other, folder) {
        None => Some(Cause::NoRule { side, place: set.place.clone() }),
        Some(rule) if rule.action == Action::Allow => None,
        Some(rule) => Some(Cause::Rule {
            side,
            warns: rule.action == Action::Warn,
            rule: rule.to_string(),
            place: rule.place.clone(),
        }),
    }
}
