//! The goal `list`: the addresses of targets.

use clap::Args;
use serde_json::json;

use super::Targets;
use crate::cli::{Offered, Output};
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::Session;

/// List targets
///
/// One address a line, in order.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Only targets of this rule
    #[arg(long = "type", value_name = "RULE", value_parser = Offered(rules), hide_possible_values = true)]
    rule: Option<String>,

    /// List the source files as well
    #[arg(long)]
    files: bool,
}

/// The names of all rules.
fn rules() -> Vec<&'static str> {
    graph::schemas().iter().map(|schema| schema.name).collect()
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let rule = match &arguments.rule {
        None => None,
        Some(name) => match graph::schema(name) {
            Some(schema) => Some(schema.name),
            None => {
                let help = explain::near_or_all(name, rules().into_iter(), "the rules are");
                let message = format!("there is no rule `{name}`");
                return Err(vec![Diagnostic::error(Exit::Wrong, "list::rule", message).help(Some(help))]);
            }
        },
    };
    let repository = session.repository()?;
    let graph = &repository.graph;
    let mut nodes = arguments.targets.select(session, graph)?;
    nodes.retain(|node| rule.is_none_or(|rule| graph.target(*node).rule.name == rule));
    if arguments.files {
        nodes = nodes.into_iter().flat_map(|node| std::iter::once(node).chain(graph.files(node))).collect();
    }
    let labels = nodes.iter().map(|node| graph.label(*node).to_string());
    match session.console.output {
        Output::Text => session.console.answer(&labels.map(|label| label + "\n").collect::<String>()),
        Output::Json => {
            session.console.answer(&format!("{:#}\n", json!(labels.collect::<Vec<_>>())));
        }
    }
    Ok(Exit::Done)
}
