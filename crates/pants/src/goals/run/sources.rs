//! `pants run` from sources: a virtualenv of the distributions, and first-party files where they are.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use graph::Target;
use packaging::pex::Entry;

use super::Arguments;
use super::boot::{Start, attach, code};
use super::started::{Started, chosen, command_of, no_command};
use crate::diagnostic::{Diagnostic, Exit};
use crate::environments::{self, RuleOf};
use crate::generated;
use crate::session::Session;

pub(super) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let port = if arguments.debug { Some(free(arguments.debug_port)?) } else { None };
    let repository = session.repository()?;
    let graph = &repository.graph;
    let (node, started) = chosen(session, &repository, &arguments.target, arguments.script.is_some())?;
    session.tell_findings(&repository, &graph.closure([node]), true)?;
    let rule: RuleOf =
        if arguments.debug { python::debugging_environment } else { python::running_environment };
    let made = environments::make(session, &repository, &[node], rule)?;
    let Some((_, made)) = made.first() else {
        let message = format!("`{}` is for no Python of this machine", arguments.target);
        return Err(vec![Diagnostic::error(Exit::Environment, "run::no_python", message)]);
    };
    let folder = made.ready(session)?;
    let generated = generated::place(session, &repository, &[node], false)?;
    session.console.diagnostics(session.take_warnings());
    let target = graph.target(node);
    let mut command = match started {
        Started::Entry(entry) => {
            let mut command = start(&folder, entry, port, arguments)?;
            if target.rule.name == "python_binary" {
                inject(&mut command, target, session);
            }
            command
        }
        Started::Command => {
            let packages = folder.join(&made.environment.packages);
            let name = arguments.script.clone().map_or_else(|| command_of(target, &packages), Ok)?;
            start(&folder, Entry::Script(name), port, arguments)?
        }
    };
    command.args(&arguments.arguments);
    let roots: Vec<String> = made.environment.roots.iter().cloned().chain(generated).collect();
    environments::let_import(&mut command, session, &roots)?;
    if let Some(port) = port {
        let form = attach(&arguments.target, port);
        let place = format!("127.0.0.1:{port}");
        session.console.message(&format!(
            "waiting for a debugger at {place}; VS Code attaches by this, in `.vscode/launch.json`:\n{form:#}"
        ));
    }
    // Nothing of this process is left to go on with it.
    session.end_remote();
    session.console.leave();
    let error = command.exec();
    let message = format!("cannot start `{}`: {error}", command.get_program().to_string_lossy());
    Err(vec![Diagnostic::error(Exit::Environment, "run::start", message)])
}

/// A port of this machine for a debugger to connect to.
fn free(port: u16) -> Result<u16, Vec<Diagnostic>> {
    let found = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    found.map(|address| address.port()).map_err(|error| {
        let message = format!("debuggers cannot connect to port {port} of 127.0.0.1: {error}");
        let help = Some("`--debug-port 0` takes a port that is free");
        vec![Diagnostic::error(Exit::Environment, "run::port", message).help(help)]
    })
}

/// The command that starts something in a virtualenv, without the arguments of the user.
fn start(
    folder: &Path,
    entry: Entry,
    port: Option<u16>,
    arguments: &Arguments,
) -> Result<Command, Vec<Diagnostic>> {
    let python = |start: &Start| {
        let mut command = Command::new(folder.join("bin/python"));
        if port.is_some() {
            // Modules that are frozen have no lines to stop at, as debugpy warns.
            command.args(["-X", "frozen_modules=off"]);
        }
        command.arg("-c").arg(code(start, port));
        command
    };
    match entry {
        Entry::Module(module) => Ok(python(&Start::Module(module))),
        Entry::Script(name) => {
            let bin = folder.join("bin");
            let script = bin.join(&name);
            if name.contains('/') || !script.is_file() {
                return Err(vec![no_command(&arguments.target, &name, &bin)]);
            }
            match port {
                None => Ok(Command::new(script)),
                Some(_) => python_script(&script).map(|path| python(&Start::File(path))),
            }
        }
        Entry::Repl if port.is_none() => Ok(Command::new(folder.join("bin/python"))),
        Entry::Repl => {
            let message = format!("`{}` has no entry point that could be debugged", arguments.target);
            let help = Some("name its `entry_point` or its `script`");
            Err(vec![Diagnostic::error(Exit::Wrong, "run::no_entry_point", message).help(help)])
        }
    }
}

/// The path of a script that Python can run.
fn python_script(script: &PathBuf) -> Result<String, Vec<Diagnostic>> {
    let is_text = std::fs::read(script).is_ok_and(|bytes| bytes.starts_with(b"#!"));
    match script.to_str().filter(|_| is_text) {
        Some(path) => Ok(path.to_owned()),
        None => {
            let message = format!("`{}` is no Python, and cannot be debugged", script.display());
            Err(vec![Diagnostic::error(Exit::Wrong, "run::no_python_file", message)])
        }
    }
}

/// Adds what a program brings itself, as its PEX would: arguments in front, and variables that are not set.
fn inject(command: &mut Command, program: &Target, session: &Session<'_>) {
    command.args(program.list("args"));
    for (name, value) in program.dict("env") {
        if !session.environment.variables.contains_key(name) {
            command.env(name, value);
        }
    }
}
