//! The goal `dependents`: who needs targets.

use clap::Args;
use graph::NodeId;

use super::Targets;
use super::answer::{self, Neighbours};
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List what depends on targets
///
/// One address a line, in order, the targets themselves left out. What depends on a file of a target depends on the
/// target.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

    /// Also what depends on the dependents, and so on
    #[arg(long)]
    transitive: bool,

    /// List the targets themselves as well
    #[arg(long)]
    closed: bool,

    /// List the source files as well
    #[arg(long)]
    files: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let roots = arguments.targets.select(session, &repository)?;
    let of = |roots: &[NodeId]| match arguments.transitive {
        true => graph.needed_by(&graph.with_files(roots), None, |_| true),
        false => roots.iter().flat_map(|root| graph.directly_needed_by(*root)).collect(),
    };
    let (closed, files) = (arguments.closed, arguments.files);
    answer::neighbours(
        session,
        graph,
        &Neighbours { roots: &roots, name: "dependents", closed, files, of: &of },
    );
    Ok(Exit::Done)
}
