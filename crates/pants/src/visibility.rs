//! Says which dependencies the `visibility` of targets and the rules of BUILD files are against. Checks none itself.

use std::collections::BTreeSet;
use std::str::FromStr;

use graph::visibility::Violation;
use graph::{Label, NodeId};

use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;

/// How many violations are told one by one.
const MOST: usize = 20;

/// What is done about a dependency that must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing.
    Ignore,
    /// It is told.
    Warning,
    /// What is built with it fails.
    #[default]
    Error,
}

impl FromStr for Severity {
    type Err = &'static [&'static str];

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ignore" => Ok(Self::Ignore),
            "warning" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            _ => Err(&["ignore", "warning", "error"]),
        }
    }
}

impl Session<'_> {
    /// Says which dependencies of the targets and files among `nodes` must not be. Fails for them where they are
    /// `enforced`, as for a build, if the configuration does not say otherwise; a question is answered nonetheless.
    pub(crate) fn tell_violations(
        &self,
        repository: &Repository,
        nodes: &[NodeId],
        enforced: bool,
    ) -> Result<(), Vec<Diagnostic>> {
        let severity = self.config.visibility;
        if severity == Severity::Ignore || repository.violations.is_empty() {
            return Ok(());
        }
        let graph = &repository.graph;
        let asked: BTreeSet<NodeId> = nodes.iter().copied().collect();
        let is_asked = |label: &Label| graph.node(label).is_some_and(|node| asked.contains(&node));
        let mut found: Vec<Violation> =
            repository.violations.iter().filter_map(|violation| violation.of(is_asked)).collect();
        found.sort_by(|a, b| (a.warns(), a.place()).cmp(&(b.warns(), b.place())));
        let fails = enforced && severity == Severity::Error;
        let (denied, warned): (Vec<_>, Vec<_>) = found.iter().partition(|one| fails && !one.warns());
        self.console.diagnostics(told(&warned, false));
        if denied.is_empty() { Ok(()) } else { Err(told(&denied, true)) }
    }
}

fn told(violations: &[&Violation], fails: bool) -> Vec<Diagnostic> {
    let one = |code: &str, message: String| match fails {
        true => Diagnostic::error(Exit::Wrong, code, message),
        false => Diagnostic::warning(code, message),
    };
    let mut told: Vec<Diagnostic> = (violations.iter().take(MOST))
        .map(|violation| {
            let mut diagnostic = one(violation.code(), violation.to_string())
                .at(Some(violation.place().clone()))
                .help(violation.help());
            diagnostic.notes = violation.notes();
            diagnostic
        })
        .collect();
    if let Some(more) = violations.len().checked_sub(MOST).filter(|more| *more > 0) {
        let noun = if more == 1 { "dependency that is" } else { "dependencies that are" };
        told.push(one("graph::more_violations", format!("{more} more {noun} not allowed")));
    }
    told
}
