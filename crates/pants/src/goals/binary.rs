//! The goal `binary`: programs become files in `dist/`.

use clap::Args;

use super::Targets;
use crate::build::{Scope, build};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::exit_of;
use crate::session::Session;

/// Build python_binary targets into dist/
///
/// Each becomes a PEX: an executable file that holds the code that it reaches and the locked distributions that this
/// code needs. Other targets that a pattern matches are passed over. The paths of the files are printed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let targets = &arguments.targets;
    let (report, diagnostics) = build(session, "binary", targets, Scope::All, |programs| match programs {
        [] if targets.changed.changed_since.is_some() => {
            session.console.message("no `python_binary` is affected");
            Ok(())
        }
        [] => {
            let message = format!("no `python_binary` is among `{}`", targets.targets.join("`, `"));
            let help = Some("`pants list --type python_binary ::` names all that there are");
            Err(Diagnostic::error(Exit::Wrong, "binary::none", message).help(help))
        }
        _ => Ok(()),
    })?;
    let console = session.console;
    console.diagnostics(diagnostics);
    let said = console.said();
    let exit = exit_of(&said);
    match console.output {
        Output::Json => {
            let report = report.json("binary", exit, &said, session.start);
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
    Ok(exit)
}
