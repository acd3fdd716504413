//! The goal `dependencies`: what targets need.

use clap::Args;
use graph::{NodeId, TargetGraph};

use super::Targets;
use super::answer::{self, Neighbours};
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List what targets depend on
///
/// One address a line, in order, the targets themselves left out. A target depends on what any of its files depends on.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Also what the dependencies depend on, and so on
    #[arg(long)]
    transitive: bool,

    /// List the targets themselves as well
    #[arg(long)]
    closed: bool,

    /// Fail where `visibility` or a rule of a BUILD file is against one of them
    #[arg(long)]
    check: bool,

    /// List the source files as well
    #[arg(long)]
    files: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let roots = arguments.targets.select(session, &repository)?;
    let asked = asked(graph, &roots, arguments.transitive);
    session.console.diagnostics(repository.findings.unread_among(graph, &asked));
    session.tell_findings(&repository, &asked)?;
    session.tell_violations(&repository, &asked, arguments.check)?;
    let direct = |root: &NodeId| {
        let own = graph.files(*root).filter(|_| graph.owner(*root) == *root);
        let found = graph.direct_needs(*root).into_iter();
        found.flat_map(|node| [node, graph.owner(node)]).chain(own).collect::<Vec<_>>()
    };
    let of = |roots: &[NodeId]| match arguments.transitive {
        true => graph.needs(roots, None),
        false => roots.iter().flat_map(direct).collect(),
    };
    let (closed, files) = (arguments.closed, arguments.files);
    answer::neighbours(
        session,
        graph,
        &Neighbours { roots: &roots, name: "dependencies", closed, files, of: &of },
    );
    Ok(Exit::Done)
}

/// The nodes whose imports the answer is made of.
fn asked(graph: &TargetGraph, roots: &[NodeId], transitive: bool) -> Vec<NodeId> {
    if transitive {
        return graph.closure(roots.iter().copied());
    }
    roots.iter().flat_map(|root| std::iter::once(*root).chain(graph.files(graph.actual(*root)))).collect()
}
