//! Interpreter constraints over the whole closure of a program: which there are, and which of them exclude a Python.

use std::collections::BTreeSet;

use graph::{Label, NodeId, Place, Target, TargetGraph};
use packaging::constraints::{InterpreterConstraints, accept_together, minors_together};
use packaging::python::{Minor, Wanted};

use crate::bounds_error::{BoundsError, Imposed};
use crate::closure::{self, Closure, way};
use crate::error::RuleError;
use crate::requirements::{REQUIREMENT, generates_requirements};
use crate::rules::GENRULE;

/// The name of the field.
const FIELD: &str = "interpreter_constraints";
/// So many bounds are told of those that exclude one Python.
const MOST_TOLD: usize = 5;

/// All that limits the Pythons of a program.
#[derive(Debug)]
pub struct Bounds<'a> {
    graph: &'a TargetGraph,
    program: NodeId,
    /// That of the program or of its resolve first; the others are those of targets, in the order of their labels.
    all: Vec<Bound>,
}

/// A limit to the Pythons of a program.
#[derive(Debug)]
struct Bound {
    constraints: InterpreterConstraints,
    /// The target that imposes it; none where it is the resolve of the program.
    by: Option<NodeId>,
    /// Where it is written; none in the configuration.
    place: Option<Place>,
}

impl<'a> Bounds<'a> {
    /// The bounds of a program and of all that its settled closure holds. `of_resolve` is what its resolve is for, which
    /// holds where the program says nothing itself.
    ///
    /// # Errors
    /// All constraints that cannot be read.
    pub fn of(
        graph: &'a TargetGraph,
        program: NodeId,
        closure: &Closure,
        of_resolve: &[String],
    ) -> Result<Bounds<'a>, Vec<RuleError>> {
        let mut bounds = Bounds { graph, program, all: Vec::new() };
        let mut errors = Vec::new();
        if graph.target(program).field(FIELD).is_none() {
            match InterpreterConstraints::parse(of_resolve) {
                Ok(constraints) => bounds.all.push(Bound { constraints, by: None, place: None }),
                Err(wrong) => errors.extend(unread(wrong, None)),
            }
        }
        for node in std::iter::once(program).chain(imposing(graph, program, closure)) {
            let target = graph.target(node);
            let Some(field) = target.field(FIELD) else { continue };
            let place = field.items.first().unwrap_or(&field.place).clone();
            match InterpreterConstraints::parse(&target.list(FIELD)) {
                Ok(constraints) => {
                    bounds.all.push(Bound { constraints, by: Some(node), place: Some(place) });
                }
                Err(wrong) => errors.extend(unread(wrong, Some(&place))),
            }
        }
        if errors.is_empty() { Ok(bounds) } else { Err(errors) }
    }

    /// Whether all of them accept some release of a Python.
    #[must_use]
    pub fn accept(&self, wanted: Wanted) -> bool {
        accept_together(&self.constraints(), wanted)
    }

    /// All constraints, each of which has to hold.
    #[must_use]
    pub fn constraints(&self) -> Vec<&InterpreterConstraints> {
        self.all.iter().map(|bound| &bound.constraints).collect()
    }

    /// The constraints in words: each as it is written, once.
    #[must_use]
    pub fn text(&self) -> String {
        let given = self.all.iter().filter(|bound| !bound.constraints.alternatives().is_empty());
        let texts: BTreeSet<String> = given.map(|bound| bound.constraints.to_string()).collect();
        texts.into_iter().collect::<Vec<_>>().join(" and ")
    }

    /// The error that no Python satisfies all of them.
    pub(crate) fn contradiction(&self) -> Option<RuleError> {
        if !self.minors().is_empty() {
            return None;
        }
        let none = |bounds: &[&Bound]| minors_together(&constraints(bounds)).is_empty();
        let (bounds, more) = self.imposed(&smallest(&self.all, &none));
        Some(BoundsError::Contradiction { program: self.label(), bounds, more, place: self.place() }.into())
    }

    /// The errors of Pythons that a program is to be built for and that are excluded, each with the place where it is
    /// asked for in a field. Those that the same bounds exclude are one error.
    pub(crate) fn excluded(&self, field: &'static str, wanted: &[(Wanted, Option<Place>)]) -> Vec<RuleError> {
        let mut found: Vec<BoundsError> = Vec::new();
        for (wanted, place) in wanted.iter().filter(|(wanted, _)| !self.accept(*wanted)) {
            let refuse = |bounds: &[&Bound]| !accept_together(&constraints(bounds), *wanted);
            let (bounds, more) = self.imposed(&smallest(&self.all, &refuse));
            let same = found.iter_mut().find_map(|error| match error {
                BoundsError::Excluded { wanted, bounds: others, .. } if *others == bounds => Some(wanted),
                _ => None,
            });
            match same {
                Some(others) => others.push(*wanted),
                None => found.push(BoundsError::Excluded {
                    program: self.label(),
                    wanted: vec![*wanted],
                    bounds,
                    more,
                    fitting: self.minors(),
                    field,
                    place: place.clone(),
                }),
            }
        }
        found.into_iter().map(RuleError::from).collect()
    }

    fn minors(&self) -> Vec<Minor> {
        minors_together(&self.constraints())
    }

    fn label(&self) -> Label {
        self.graph.target(self.program).label.clone()
    }

    fn place(&self) -> Place {
        self.graph.target(self.program).place.clone()
    }

    /// The first of some bounds with the ways that lead to them, and how many more there are.
    fn imposed(&self, bounds: &[&Bound]) -> (Vec<Imposed>, usize) {
        let imposed = bounds.iter().take(MOST_TOLD).map(|bound| Imposed {
            constraints: bound.constraints.to_string(),
            path: bound.by.map(|node| way(self.graph, self.program, node)).unwrap_or_default(),
            place: bound.place.clone(),
        });
        (imposed.collect(), bounds.len().saturating_sub(MOST_TOLD))
    }
}

/// The targets of a closure that may impose something besides the program: its code, and the requirements that it has
/// after those of other resolves were replaced.
fn imposing(graph: &TargetGraph, program: NodeId, closure: &Closure) -> BTreeSet<NodeId> {
    let is_code = |node: &NodeId| {
        let target: &Target = graph.target(*node);
        // What a step says of Pythons is for its own run.
        let is_other = [REQUIREMENT, GENRULE].contains(&target.rule.name) || generates_requirements(target);
        *node != program && !is_other
    };
    let reached = closure::targets(graph, program).into_iter().filter(is_code);
    let requirements = closure.requirements.iter().filter_map(|wish| graph.node(&wish.label));
    reached.chain(requirements).collect()
}

fn constraints<'b>(bounds: &[&'b Bound]) -> Vec<&'b InterpreterConstraints> {
    bounds.iter().map(|bound| &bound.constraints).collect()
}

/// The bounds that are to blame: each that refuses alone, or else a pair that does together, or else all.
fn smallest<'b>(all: &'b [Bound], refuse: &dyn Fn(&[&Bound]) -> bool) -> Vec<&'b Bound> {
    let alone: Vec<&Bound> = all.iter().filter(|bound| refuse(&[bound])).collect();
    if !alone.is_empty() {
        return alone;
    }
    let mut distinct: Vec<&Bound> = Vec::new();
    for bound in all {
        if !distinct.iter().any(|other| other.constraints == bound.constraints) {
            distinct.push(bound);
        }
    }
    let pairs =
        distinct.iter().enumerate().flat_map(|(at, one)| distinct[..at].iter().map(|other| [*other, *one]));
    let pair = pairs.into_iter().find(|pair| refuse(pair));
    pair.map_or(distinct, Vec::from)
}

fn unread(errors: Vec<packaging::constraints::ConstraintError>, place: Option<&Place>) -> Vec<RuleError> {
    let told = errors.into_iter().map(|error| RuleError::Constraint { error, place: place.cloned() });
    told.collect()
}
