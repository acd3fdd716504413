//! The goal `why`: why one target depends on another, why one is built again, why a distribution is in one and has its version.

mod distribution;
mod rebuild;

use clap::Args;
use graph::{NodeId, Step, TargetGraph};
use serde_json::{Value, json};

use super::answer::{self, kind_name};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants why //svc:app                         why it would be built again, or was built again the last time
  pants why //svc:app //lib:json              why one depends on the other
  pants why --in-pex werkzeug //svc:app       why a distribution is in it
  pants why --version-of werkzeug //svc:app   why it is this version";

/// Say why a target is built again, or why it depends on another
///
/// With one target: what has changed of all that it is made of since it was built the last time, or, where nothing has, what had
/// changed then. With two: a shortest way from FROM to TO, each step with what makes it a dependency and where that is written.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What is built, or depends: an address, a pattern or a file
    from: String,
    /// On what: an address, a pattern or a file
    to: Option<String>,

    /// Say why this distribution is in FROM: who requires it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["to", "version_of"])]
    in_pex: Option<String>,

    /// Say why this distribution has the version in FROM that it has: what the lock holds, and what had a say in that
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    version_of: Option<String>,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let from = session.select_files(graph, &arguments.from)?;
    let (json, lines, text) = match (&arguments.to, &arguments.in_pex, &arguments.version_of) {
        (Some(to), ..) => dependency(session, graph, &from, (&arguments.from, to))?,
        (None, Some(name), _) => {
            distribution::in_pex(session, &repository, &programs(graph, &from, arguments)?, name)?
        }
        (None, None, Some(name)) => {
            distribution::version_of(session, &repository, &programs(graph, &from, arguments)?, name)?
        }
        (None, None, None) => rebuild::why(session, &repository, &programs(graph, &from, arguments)?)?,
    };
    session.console.answer(&match session.console.form {
        Form::Json => format!("{json:#}\n"),
        Form::Jsonl => answer::lines(lines.into_iter()),
        _ => text,
    });
    Ok(Exit::Done)
}

/// An answer: for programs, line by line, and for people.
type Answer = (Value, Vec<Value>, String);

/// What can be packaged among what was asked for.
fn programs(
    graph: &TargetGraph,
    nodes: &[NodeId],
    arguments: &Arguments,
) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
    let programs = python::packageable(graph, nodes);
    if programs.is_empty() {
        let message = format!("`{}` is nothing that is built", arguments.from);
        let help = "name a `python_binary` or a `python_distribution`; with a second target, `why` says why one depends \
                    on the other";
        return Err(vec![Diagnostic::error(Exit::Wrong, "why::not_built", message).help(Some(help))]);
    }
    Ok(programs)
}

fn dependency(
    session: &Session<'_>,
    graph: &TargetGraph,
    from: &[NodeId],
    (from_text, to_text): (&str, &String),
) -> Result<Answer, Vec<Diagnostic>> {
    let to = session.select_files(graph, to_text)?;
    let Some(path) = graph.shortest_path(from, &to) else {
        let message = format!("`{from_text}` does not depend on `{to_text}`");
        let back = graph.shortest_path(&to, from).is_some();
        let help = back.then(|| format!("it is the other way round: `pants why {to_text} {from_text}`"));
        return Err(vec![Diagnostic::error(Exit::Wrong, "why::no_path", message).help(help)]);
    };
    let steps = graph.steps(&path);
    let lines: Vec<Value> = steps.iter().map(|step| step_json(graph, step)).collect();
    let json = json!({
        "from": label(graph, &path, 0),
        "to": label(graph, &path, path.len() - 1),
        "steps": lines,
    });
    Ok((json, lines, text(graph, &path, &steps)))
}

fn label(graph: &TargetGraph, path: &[NodeId], at: usize) -> String {
    graph.label(path[at]).to_string()
}

fn step_json(graph: &TargetGraph, step: &Step<'_>) -> Value {
    json!({
        "from": graph.label(step.from).to_string(),
        "to": graph.label(step.to).to_string(),
        "kind": kind_name(step.kind),
        "place": answer::place(step.place),
    })
}

fn text(graph: &TargetGraph, path: &[NodeId], steps: &[Step<'_>]) -> String {
    let Some(first) = steps.first() else {
        return format!("{}\n", label(graph, path, path.len() - 1));
    };
    let mut text = format!("{}\n", graph.label(first.from));
    for step in steps {
        text.push_str(&format!("  {}\n", step_text(graph, step)));
    }
    text
}

/// A step with its reason and its place.
fn step_text(graph: &TargetGraph, step: &Step<'_>) -> String {
    let reason = match step.kind {
        graph::EdgeKind::Declared => "declares",
        graph::EdgeKind::EntryPoint => "starts",
        graph::EdgeKind::Owns => "generates",
        graph::EdgeKind::Inferred => "imports",
    };
    let who = if step.kind == graph::EdgeKind::Inferred {
        format!("{} ", graph.file(step.from).unwrap_or_default())
    } else {
        String::new()
    };
    let place = step.place.map(|place| format!("  ({place})")).unwrap_or_default();
    format!("{who}{reason} {}{place}", graph.label(step.to))
}

/// The shortest way from a program to a node, step by step.
fn way(repository: &Repository, program: NodeId, to: &[NodeId]) -> (Vec<String>, Vec<Value>) {
    let graph = &repository.graph;
    let Some(path) = graph.shortest_path(&[program], to) else { return (Vec::new(), Vec::new()) };
    let steps = graph.steps(&path);
    let texts = steps.iter().map(|step| step_text(graph, step)).collect();
    (texts, steps.iter().map(|step| step_json(graph, step)).collect())
}
