//! The goal `package`: all that can be packaged becomes files in `dist/`.

use clap::Args;
use graph::NodeId;
use python::packageable;

use super::Targets;
use super::binary::{check_some, tell};
use crate::build::{Scope, build, planned};
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;
use crate::together::Planned;

const EXAMPLES: &str = "\
Examples:
  pants package ::              every binary, distribution and image, in one go
  pants package //lib:dist      a wheel and a source distribution
  pants package --changed-since=main --changed-dependents=transitive";

/// What is said where nothing can be packaged.
const NONE: (&str, &str, &str) = (
    "package::none",
    "target that can be packaged",
    "`pants list ::` names all targets; binaries, distributions and images can be packaged",
);

/// Build all that can be packaged into dist/
///
/// A python_binary becomes a PEX, a python_distribution a wheel and a source distribution, a python_image an OCI image.
/// Other targets that a pattern matches are passed over. The paths of the files are printed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) targets: Targets,
}

pub(crate) fn plan<'a>(
    session: &'a Session<'a>,
    repository: &'a Repository,
    arguments: &'a Arguments,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    let targets = &arguments.targets;
    let check = |found: &[NodeId]| check_some(session, targets, found, NONE);
    planned(session, repository, ("package", targets), packageable, check, |report, diagnostics| {
        session.console.diagnostics(diagnostics);
        tell(session, "package", &report)
    })
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let targets = &arguments.targets;
    let check = |found: &[NodeId]| check_some(session, targets, found, NONE);
    let (report, diagnostics) = build(session, "package", targets, Scope::All, packageable, check)?;
    session.console.diagnostics(diagnostics);
    Ok(tell(session, "package", &report))
}
