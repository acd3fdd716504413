//! The goal `affected`: what a change affects, and why.

mod matrix;

use std::collections::BTreeSet;

use clap::Args;
use graph::query::Set;
use graph::{NodeId, TargetGraph};
use serde_json::{Value, json};

use super::{Changed, Narrowed, answer, list};
use crate::changed::{self, Change, Dependents, Reason};
use crate::cli::{Form, Offered};
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List what a change affects
///
/// The targets that are not as they were where HEAD and `--changed-since` part, and what depends on them: without other
/// options through any number of others, and since the last commit. `--output json` says of each why; `--output matrix`
/// is the matrix of a CI job, its groups balanced by what past runs took.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only targets that these addresses or patterns match
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    #[command(flatten)]
    narrowed: Narrowed,

    #[command(flatten)]
    changed: Changed,

    /// Only targets of this rule, or of one of several
    #[arg(long = "type", value_name = "RULE", value_delimiter = ',')]
    #[arg(value_parser = Offered(list::rule_names), hide_possible_values = true)]
    rules: Vec<String>,

    /// For how many jobs a matrix is
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    groups: u16,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let rules = list::rules(&arguments.rules)?;
    let repository = session.repository()?;
    let graph = &repository.graph;
    let chosen = arguments.narrowed.select(session, &repository, &arguments.targets)?;
    let chosen: BTreeSet<NodeId> = chosen.into_iter().map(|node| graph.owner(node)).collect();
    let since = arguments.changed.changed_since.as_deref().unwrap_or("HEAD");
    let change = changed::since(session, &repository, since)?;
    let dependents = arguments.changed.changed_dependents.unwrap_or(Dependents::Transitive);
    let mut affected = change.affected(graph, dependents);
    affected.retain(|node| {
        chosen.contains(node) && (rules.is_empty() || rules.contains(&graph.target(*node).rule.name))
    });
    match session.console.form {
        Form::Json => {
            let report = report(graph, since, &change, &affected);
            session.console.answer(&format!("{report:#}\n"));
        }
        Form::Jsonl => {
            let each = affected.iter().map(|node| {
                json!({ "target": graph.label(*node).to_string(), "because": because(graph, &change, *node) })
            });
            session.console.answer(&answer::lines(each));
        }
        Form::Matrix => {
            let seconds = matrix::seconds(session, graph, &affected);
            let matrix = matrix::matrix(graph, &affected, usize::from(arguments.groups), &seconds);
            session.console.answer(&format!("{matrix}\n"));
        }
        Form::Text | Form::Dot | Form::Graphml | Form::Sarif => {
            let set = Set { nodes: affected.into_iter().collect(), ..Set::default() };
            answer::set(session, graph, &set, false);
        }
    }
    Ok(Exit::Done)
}

fn report(graph: &TargetGraph, since: &str, change: &Change, affected: &[NodeId]) -> Value {
    let file =
        |(path, file): (&String, &changed::ChangedFile)| json!({ "path": path, "change": file.change() });
    let reasons: BTreeSet<NodeId> =
        change.nodes.keys().chain(change.lost.keys()).map(|node| graph.owner(*node)).collect();
    let reason = |node: &NodeId| json!({ "target": graph.label(*node).to_string(), "because": because(graph, change, *node) });
    json!({
        "since": since,
        "base": change.files.base,
        "files": change.files.files.iter().map(file).collect::<Vec<_>>(),
        "changed": reasons.iter().map(reason).collect::<Vec<_>>(),
        "removed": change.removed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "affected": affected.iter().map(|node| graph.label(*node).to_string()).collect::<Vec<_>>(),
    })
}

/// Why a target itself is not as it was; nothing where only something that it depends on is not.
fn because(graph: &TargetGraph, change: &Change, target: NodeId) -> Vec<String> {
    let own = graph.with_files(&[target]).into_iter();
    let reasons: BTreeSet<&Reason> = own
        .flat_map(|node| change.nodes.get(&node).into_iter().chain(change.lost.get(&node)))
        .flatten()
        .collect();
    reasons.into_iter().map(ToString::to_string).collect()
}
