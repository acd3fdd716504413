//! The goal `why`: a shortest way from one target to another, each step with its reason.

use clap::Args;
use graph::{Step, TargetGraph};
use serde_json::{Value, json};

use super::answer::{self, kind_name};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// Say why one target depends on another
///
/// A shortest way from FROM to TO, each step with what makes it a dependency and where that is written.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What depends: an address, a pattern or a file
    from: String,
    /// On what: an address, a pattern or a file
    to: String,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let select = |text: &String| session.select_files(graph, text);
    let (from, to) = (select(&arguments.from)?, select(&arguments.to)?);
    let Some(path) = graph.shortest_path(&from, &to) else {
        let message = format!("`{}` does not depend on `{}`", arguments.from, arguments.to);
        let back = graph.shortest_path(&to, &from).is_some();
        let help = back
            .then(|| format!("it is the other way round: `pants why {} {}`", arguments.to, arguments.from));
        return Err(vec![Diagnostic::error(Exit::Wrong, "why::no_path", message).help(help)]);
    };
    let steps = graph.steps(&path);
    let each = || steps.iter().map(|step| step_json(graph, step));
    session.console.answer(&match session.console.form {
        Form::Json => format!(
            "{:#}\n",
            json!({
                "from": label(graph, &path, 0),
                "to": label(graph, &path, path.len() - 1),
                "steps": each().collect::<Vec<_>>(),
            })
        ),
        Form::Jsonl => answer::lines(each()),
        _ => text(graph, &path, &steps),
    });
    Ok(Exit::Done)
}

fn label(graph: &TargetGraph, path: &[graph::NodeId], at: usize) -> String {
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

fn text(graph: &TargetGraph, path: &[graph::NodeId], steps: &[Step<'_>]) -> String {
    let Some(first) = steps.first() else {
        return format!("{}\n", label(graph, path, path.len() - 1));
    };
    let mut text = format!("{}\n", graph.label(first.from));
    for step in steps {
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
        text.push_str(&format!("  {who}{reason} {}{place}\n", graph.label(step.to)));
    }
    text
}
