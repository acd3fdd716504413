//! `pants run --as-package`: builds what of a program runs here, and becomes it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use packaging::interpreter::Interpreter;
use python::entry_point::programs;

use crate::build::{Scope, build};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::goals::Targets;
use crate::machine::{self, MachineInterpreters};
use crate::report::exit_of;
use crate::session::Session;

pub(super) fn run(
    session: &Session<'_>,
    target: &str,
    arguments: &[String],
) -> Result<Exit, Vec<Diagnostic>> {
    let asked = Targets { targets: vec![target.to_owned()], ..Targets::default() };
    let (report, diagnostics) = build(session, "run", &asked, Scope::Here, programs, |programs| {
        let message = match programs.len() {
            1 => return Ok(()),
            0 => format!("`{target}` is no `python_binary`"),
            count => format!("`{target}` is {count} programs, and one can be run"),
        };
        let help = Some("`pants list --type python_binary ::` names all that there are");
        Err(Diagnostic::error(Exit::Wrong, "run::one_program", message).help(help))
    })?;
    let console = session.console;
    console.diagnostics(diagnostics);
    let exit = exit_of(&console.said());
    if exit != Exit::Done {
        if console.output == Output::Json {
            let report = report.json("run", exit, &console.said(), session.start);
            console.answer(&format!("{report:#}\n"));
        }
        return Ok(exit);
    }
    let memo = machine::memo(session)?;
    let interpreters = MachineInterpreters::new(session, &memo);
    let (built, interpreter) = (report.artifacts.iter())
        .find_map(|built| Some((built, interpreters.runs(&built.configurations)?)))
        .expect("what was built is what runs here");
    let path = session.root.join(&built.path);
    // Nothing of this process is left to go on with it.
    session.end_remote();
    console.leave();
    Err(vec![become_program(&path, &interpreter, &interpreters, arguments)])
}

/// Becomes a program that was built. Gives the error where that fails.
pub(in crate::goals) fn become_program(
    path: &Path,
    interpreter: &Interpreter,
    interpreters: &MachineInterpreters<'_>,
    arguments: &[String],
) -> Diagnostic {
    let path = if path.is_dir() { path.join("__main__.py") } else { path.to_owned() };
    // A virtualenv has its Python. A PEX finds its own on `PATH`; one that is elsewhere is named. A folder of packages, or
    // a zip file of one, finds none.
    let is_venv = path.with_file_name("pyvenv.cfg").is_file();
    let is_executable = path.metadata().is_ok_and(|found| found.mode() & 0o111 != 0);
    let mut command = if is_venv || is_executable && interpreters.is_at_hand(interpreter) {
        Command::new(&path)
    } else {
        let mut command = Command::new(&interpreter.path);
        command.arg(&path);
        command
    };
    let error = command.args(arguments).exec();
    let message = format!("cannot start `{}`: {error}", path.display());
    Diagnostic::error(Exit::Environment, "run::start", message)
}
