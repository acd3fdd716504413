//! The goal `list`: the addresses of targets.

use clap::Args;
use graph::query::Set;

use super::{Targets, answer};
use crate::cli::{Form, Offered};
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

    /// Only targets of this rule, or of one of several
    #[arg(long = "type", value_name = "RULE", value_delimiter = ',')]
    #[arg(value_parser = Offered(rule_names), hide_possible_values = true)]
    rules: Vec<String>,

    /// List the source files as well
    #[arg(long)]
    files: bool,

    /// Only targets with a description, each with it
    #[arg(long)]
    documented: bool,
}

/// The names of all rules.
pub(super) fn rule_names() -> Vec<&'static str> {
    graph::schemas().iter().map(|schema| schema.name).collect()
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let rules = rules(&arguments.rules)?;
    // Only a drawing and a change have to do with edges.
    let names = matches!(session.console.form, Form::Text | Form::Json | Form::Jsonl);
    let alone = names && arguments.targets.changed.changed_since.is_none();
    let repository = if alone { session.targets_alone()? } else { session.repository()? };
    let graph = &repository.graph;
    let mut nodes = arguments.targets.select(session, &repository)?;
    nodes.retain(|node| rules.is_empty() || rules.contains(&graph.target(*node).rule.name));
    if arguments.documented {
        nodes.retain(|node| graph.target(*node).str("description").is_some());
    }
    if arguments.documented && session.console.form == Form::Text {
        let described = nodes.iter().map(|node| {
            let description = graph.target(*node).str("description").unwrap_or_default();
            format!("{}\n  {}\n", graph.label(*node), description.replace('\n', "\n  "))
        });
        session.console.answer(&described.collect::<String>());
        return Ok(Exit::Done);
    }
    let nodes = if arguments.files { graph.with_files(&nodes) } else { nodes };
    let set = Set { nodes: nodes.into_iter().collect(), ..Set::default() };
    answer::set(session, graph, &set, arguments.files);
    Ok(Exit::Done)
}

/// The rules of some names.
pub(super) fn rules(names: &[String]) -> Result<Vec<&'static str>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut rules = Vec::new();
    for name in names {
        match graph::schema(name) {
            Some(schema) => rules.push(schema.name),
            None => {
                let help = explain::near_or_all(name, rule_names().into_iter(), "the rules are");
                let message = format!("there is no rule `{name}`");
                errors.push(Diagnostic::error(Exit::Wrong, "list::rule", message).help(Some(help)));
            }
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}
