//! The goal `paths`: the ways from one target to another.

use clap::Args;
use graph::query::Set;
use graph::{NodeId, Which};
use serde_json::{Value, json};

use super::answer;
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// Show the ways by which one target depends on another
///
/// A shortest one, unless more are asked for; each as addresses with arrows between them. Nothing is printed where
/// there is none.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to start: an address or a file
    from: String,
    /// Where to end: an address or a file
    to: String,

    /// All ways on which nothing comes twice
    #[arg(long, conflicts_with = "shortest")]
    all: bool,

    /// All ways that are as short as the shortest
    #[arg(long)]
    shortest: bool,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,

    /// Go from file to file
    #[arg(long)]
    files: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let (from, to) = (one(session, graph, &arguments.from)?, one(session, graph, &arguments.to)?);
    let which = if arguments.all { Which::All } else { Which::Shortest };
    let many = arguments.all || arguments.shortest;
    let limit = if many { arguments.limit } else { 1 };
    let found = graph.paths(from, to, which, arguments.files, limit);
    if many && !found.complete {
        session
            .console
            .message(&format!("there are more than these {}: `--limit` asks for more", found.paths.len()));
    }
    let label = |node: &NodeId| graph.label(*node).to_string();
    let labels = |path: &Vec<NodeId>| path.iter().map(label).collect::<Vec<_>>();
    match session.console.form {
        Form::Json => {
            let paths: Vec<_> = found.paths.iter().map(labels).collect();
            session.console.answer(&format!("{:#}\n", json!(paths)));
        }
        Form::Jsonl => {
            session.console.answer(&answer::lines(found.paths.iter().map(|path| Value::from(labels(path)))));
        }
        Form::Dot | Form::Graphml => {
            let nodes = found.paths.into_iter().flatten().collect();
            answer::set(session, graph, &Set { nodes, ..Set::default() }, arguments.files);
        }
        Form::Text | Form::Matrix | Form::Sarif => {
            let lines = found.paths.iter().map(|path| labels(path).join(" -> ") + "\n");
            session.console.answer(&lines.collect::<String>());
        }
    }
    Ok(Exit::Done)
}

/// The one node that a text names.
fn one(session: &Session<'_>, graph: &graph::TargetGraph, text: &String) -> Result<NodeId, Vec<Diagnostic>> {
    let nodes = session.select_files(graph, text)?;
    if let [node] = nodes.as_slice() {
        return Ok(*node);
    }
    let message = format!("`{text}` is {} targets, and a way has one at each end", nodes.len());
    let help = Some("`pants query 'allpaths(A, B)'` takes sets");
    Err(vec![Diagnostic::error(Exit::Wrong, "paths::one", message).help(help)])
}
