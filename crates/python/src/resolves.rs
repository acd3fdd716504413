//! One resolve for a whole program: a closure follows the resolve of its root, and takes requirements of it alone.
//!
//! A library that is in no resolve may depend on a requirement of any: in a program of another resolve, the
//! requirement of that resolve for the same project stands in for it. Nothing is chosen where several could.

use graph::{Label, NodeId, Place, TargetGraph};
use packaging::name::PackageName;

use crate::closure::{Closure, Wish, way};
use crate::error::RuleError;
use crate::requirements::{REQUIREMENT, resolve_of, wishes};
use crate::resolve_error::ResolveError;
use crate::rules::GENRULE;

/// Brings the requirements of the closure of `root` into the resolve `own`. `default` is the resolve of targets that
/// name none.
///
/// # Errors
/// All libraries of other resolves, and all requirements of others that nothing, or more than one thing, stands in for.
pub fn settle(
    graph: &TargetGraph,
    root: NodeId,
    closure: &mut Closure,
    own: &str,
    default: &str,
) -> Vec<RuleError> {
    let settling = Settling { graph, root, own, default };
    let mut errors = settling.libraries(closure);
    let (mut settled, foreign): (Vec<Wish>, Vec<Wish>) =
        std::mem::take(&mut closure.requirements).into_iter().partition(|wish| settling.is_own(&wish.label));
    let present: Vec<Label> = settled.iter().map(|wish| wish.label.clone()).collect();
    for wish in foreign {
        match settling.stand_in(&wish, &present) {
            Ok(wishes) => settled.extend(wishes),
            Err(error) => errors.push(error.into()),
        }
    }
    settled.sort_by(|a, b| (&a.label, a.requirement.text()).cmp(&(&b.label, b.requirement.text())));
    settled.dedup_by(|a, b| a.label == b.label && a.requirement == b.requirement);
    closure.requirements = settled;
    errors
}

struct Settling<'a> {
    graph: &'a TargetGraph,
    root: NodeId,
    own: &'a str,
    default: &'a str,
}

impl Settling<'_> {
    fn is_own(&self, label: &Label) -> bool {
        let node = self.graph.node(label);
        node.is_none_or(|node| resolve_of(self.graph.target(node), self.default) == self.own)
    }

    /// The libraries that name another resolve.
    fn libraries(&self, closure: &Closure) -> Vec<RuleError> {
        let mut errors = Vec::new();
        for files in &closure.code {
            let Some(node) = self.graph.node(&files.label) else { continue };
            let target = self.graph.target(node);
            // The resolve of a step is for its own run.
            if target.rule.name == GENRULE && node != self.root {
                continue;
            }
            let Some(theirs) = target.str("resolve").filter(|theirs| *theirs != self.own) else { continue };
            let field = target.field("resolve").map_or(&target.place, |field| &field.place);
            errors.push(
                ResolveError::Library {
                    program: self.graph.target(self.root).label.clone(),
                    own: self.own.to_owned(),
                    library: target.label.clone(),
                    theirs: theirs.to_owned(),
                    path: way(self.graph, self.root, node),
                    chosen: self.chosen(),
                    place: field.clone(),
                }
                .into(),
            );
        }
        errors
    }

    /// What the own resolve has in place of a requirement of another.
    fn stand_in(&self, wish: &Wish, present: &[Label]) -> Result<Vec<Wish>, ResolveError> {
        let all = self.candidates(&wish.requirement.name);
        // What the program reaches itself was chosen by somebody.
        let reached: Vec<&(NodeId, Label)> =
            all.iter().filter(|(_, label)| present.contains(label)).collect();
        let chosen = match (reached.as_slice(), all.as_slice()) {
            ([one], _) => Some(one.0),
            ([], [one]) => Some(one.0),
            _ => None,
        };
        let Some(node) = chosen else {
            let them = self.graph.node(&wish.label);
            let theirs = them.map_or(self.default, |them| resolve_of(self.graph.target(them), self.default));
            return Err(ResolveError::OtherResolve {
                program: self.graph.target(self.root).label.clone(),
                own: self.own.to_owned(),
                requirement: wish.requirement.text().to_owned(),
                project: wish.requirement.name.to_string(),
                theirs: theirs.to_owned(),
                path: them.map(|them| way(self.graph, self.root, them)).unwrap_or_default(),
                candidates: all
                    .into_iter()
                    .map(|(node, label)| self.with_way(node, label, present))
                    .collect(),
                chosen: self.chosen(),
                place: wish.place.clone(),
            });
        };
        // With all that the one that stands in depends on.
        let reached = self.graph.closure([node]).into_iter().filter(|one| self.graph.owner(*one) == *one);
        let targets =
            reached.map(|one| self.graph.target(one)).filter(|target| target.rule.name == REQUIREMENT);
        let wanted = |other: &Wish| {
            other.label != self.graph.target(node).label || other.requirement.name == wish.requirement.name
        };
        Ok(targets.flat_map(|target| wishes(target).0).filter(wanted).collect())
    }

    /// Where the program names its resolve.
    fn chosen(&self) -> Option<Place> {
        self.graph.target(self.root).field("resolve").map(|field| field.place.clone())
    }

    /// A requirement, and the way to it where the program reaches it.
    fn with_way(&self, node: NodeId, label: Label, present: &[Label]) -> (Label, Vec<Label>) {
        let is_reached = present.contains(&label);
        (label, if is_reached { way(self.graph, self.root, node) } else { Vec::new() })
    }

    /// The requirements of the own resolve for a project.
    fn candidates(&self, project: &PackageName) -> Vec<(NodeId, Label)> {
        (self.graph.targets())
            .filter(|(_, target)| {
                target.rule.name == REQUIREMENT
                    && resolve_of(target, self.default) == self.own
                    && wishes(target).0.iter().any(|wish| wish.requirement.name == *project)
            })
            .map(|(node, target)| (node, target.label.clone()))
            .collect()
    }
}
