//! The goal `binary`: programs become files in `dist/`.

use clap::Args;
use graph::NodeId;
use python::entry_point::programs;

use super::Targets;
use crate::build::{Scope, build};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::{Report, exit_of};
use crate::session::Session;

/// Build python_binary targets into dist/
///
/// Each becomes a PEX: an executable file that holds the code that it reaches and the locked distributions that this
/// code needs. Other targets that a pattern matches are passed over. The paths of the files are printed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) targets: Targets,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let targets = &arguments.targets;
    let (report, diagnostics) = build(session, "binary", targets, Scope::All, programs, |found| {
        let help = "`pants list --type python_binary ::` names all that there are";
        check_some(session, targets, found, ("binary::none", "`python_binary`", help))
    })?;
    session.console.diagnostics(diagnostics);
    Ok(tell(session, "binary", &report))
}

/// Refuses to build nothing, unless nothing that is built was changed.
pub(crate) fn check_some(
    session: &Session<'_>,
    targets: &Targets,
    found: &[NodeId],
    (code, what, help): (&'static str, &str, &str),
) -> Result<(), Diagnostic> {
    match found {
        [] if targets.changed.changed_since.is_some() => {
            session.console.message(&format!("no {what} is affected"));
            Ok(())
        }
        [] => {
            let message = format!("no {what} is among `{}`", targets.targets.join("`, `"));
            Err(Diagnostic::error(Exit::Wrong, code, message).help(Some(help)))
        }
        _ => Ok(()),
    }
}

/// Answers with what was built.
pub(super) fn tell(session: &Session<'_>, goal: &str, report: &Report) -> Exit {
    let console = session.console;
    let said = console.said();
    let exit = exit_of(&said);
    match console.output {
        Output::Json => {
            let report = report.json(goal, exit, &said, session.start);
            console.answer(&format!("{report:#}\n"));
        }
        Output::Text => {
            let paths: String = report.artifacts.iter().map(|built| format!("{}\n", built.path)).collect();
            console.answer(&paths);
            if !console.quiet && !report.is_empty() {
                console.message(&report.summary(session.start));
            }
        }
    }
    exit
}
