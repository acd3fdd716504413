//! The goal `dependencies`: what targets need.

use std::collections::BTreeSet;

use clap::Args;
use graph::{NodeId, TargetGraph};
use serde_json::{Map, json};

use super::Targets;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List what targets depend on
///
/// One address a line, in order, the targets themselves left out.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Also what the dependencies depend on, and so on
    #[arg(long)]
    transitive: bool,

    /// List the source files as well
    #[arg(long)]
    files: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let roots = arguments.targets.select(session, graph)?;
    let needed = |root: NodeId| -> BTreeSet<NodeId> {
        let found = if arguments.transitive { graph.closure([root]) } else { direct(graph, root) };
        let shown = |node| if arguments.files { node } else { graph.owner(node) };
        found.into_iter().map(shown).collect()
    };
    let asked = asked(graph, &roots, arguments.transitive);
    session.console.diagnostics(repository.findings.unread_among(graph, &asked));
    session.tell_findings(&repository, &asked)?;
    let label = |node: &NodeId| graph.label(*node).to_string();
    match session.console.output {
        Output::Text => {
            let mut all: BTreeSet<NodeId> = roots.iter().flat_map(|root| needed(*root)).collect();
            for root in &roots {
                all.remove(root);
            }
            session.console.answer(&all.iter().map(|node| label(node) + "\n").collect::<String>());
        }
        Output::Json => {
            let of = |root: &NodeId| {
                let needed: Vec<String> =
                    needed(*root).iter().filter(|node| *node != root).map(label).collect();
                (label(root), json!(needed))
            };
            let answer: Map<String, serde_json::Value> = roots.iter().map(of).collect();
            session.console.answer(&format!("{:#}\n", serde_json::Value::Object(answer)));
        }
    }
    Ok(Exit::Done)
}

/// The nodes whose imports the answer is made of.
fn asked(graph: &TargetGraph, roots: &[NodeId], transitive: bool) -> Vec<NodeId> {
    if transitive {
        return graph.closure(roots.iter().copied());
    }
    roots.iter().flat_map(|root| std::iter::once(*root).chain(graph.files(graph.actual(*root)))).collect()
}

/// What a target needs by itself: its files, and what it or any of its files depends on.
fn direct(graph: &TargetGraph, root: NodeId) -> Vec<NodeId> {
    let own: Vec<NodeId> = graph.deps(root).into_iter().map(|dependency| dependency.node).collect();
    let through_files =
        own.iter().filter(|node| graph.owner(**node) == root).flat_map(|file| graph.deps(*file));
    let through_files: Vec<NodeId> = through_files.map(|dependency| dependency.node).collect();
    own.into_iter().chain(through_files).collect()
}
