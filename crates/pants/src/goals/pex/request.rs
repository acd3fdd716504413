//! What `pants pex` is asked for: requirements of the command line and of files, Pythons and platforms. Resolves nothing.

use std::path::Path;

use packaging::constraints::InterpreterConstraints;
use packaging::locking::Asked;
use packaging::platform::{CURRENT, Machine, Platform};
use packaging::python::Wanted;
use packaging::requirement::Requirement;
use packaging::requirement_file::{self, Listed};
use python::configuration::Interpreters as _;

use super::{Arguments, local};
use crate::diagnostic::{Diagnostic, Exit};
use crate::goals::lock::request::exclude_newer;
use crate::machine::MachineInterpreters;
use crate::session::Session;

/// Everything that decides what goes into the PEX, but for the state of the indexes.
pub(super) struct Request {
    pub(super) requirements: Vec<Asked>,
    pub(super) constraints: Vec<Requirement>,
    pub(super) pythons: Vec<Wanted>,
    /// As they are named.
    pub(super) platforms: Vec<String>,
    pub(super) exclude_newer: Option<String>,
}

impl Request {
    pub(super) fn read(
        session: &Session<'_>,
        arguments: &Arguments,
        interpreters: &MachineInterpreters<'_>,
    ) -> Result<Request, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut requirements = Vec::new();
        for text in &arguments.requirements {
            match local::requirement(session, text) {
                Ok(requirement) => {
                    let by = format!("`{text}` on the command line");
                    requirements.push(Asked { requirement, by });
                }
                Err(error) => errors.push(error),
            }
        }
        let mut constraints = Vec::new();
        let folder = &session.environment.folder;
        for path in &arguments.requirement {
            let (listed, limits) = read(path, folder, &mut errors);
            for one in listed {
                let by = format!("{}:{}", one.file, one.place.line);
                match local::placed(session, one.requirement) {
                    Ok(requirement) => requirements.push(Asked { requirement, by }),
                    Err(error) => errors.push(error),
                }
            }
            constraints.extend(limits.into_iter().map(|one| one.requirement));
        }
        for path in &arguments.constraints {
            let (listed, limits) = read(path, folder, &mut errors);
            constraints.extend(listed.into_iter().chain(limits).map(|one| one.requirement));
        }
        let pythons = pythons(arguments, interpreters, &mut errors);
        let platforms = platforms(arguments, &mut errors);
        let exclude_newer = arguments.exclude_newer.as_deref().map(exclude_newer).transpose();
        let exclude_newer = exclude_newer.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Request { requirements, constraints, pythons, platforms, exclude_newer })
    }

    /// The Pythons as constraints.
    pub(super) fn interpreter_constraints(&self) -> InterpreterConstraints {
        let text = |wanted: &Wanted| format!("CPython=={}.*", wanted.minor);
        let texts: Vec<String> = self.pythons.iter().map(text).collect();
        InterpreterConstraints::parse(&texts).expect("versions make constraints")
    }
}

/// The requirements and the constraints of a file.
fn read(path: &Path, folder: &Path, errors: &mut Vec<Diagnostic>) -> (Vec<Listed>, Vec<Listed>) {
    let path = path.display().to_string();
    let (file, wrong) = requirement_file::parse(&path, &|path| std::fs::read(folder.join(path)));
    errors.extend(wrong.iter().map(|error| {
        let message = format!("{}:{}: {}", error.file, error.place.line, error.fault);
        Diagnostic::error(Exit::Wrong, error.code(), message).help(error.help())
    }));
    (file.requirements, file.constraints)
}

fn pythons(
    arguments: &Arguments,
    interpreters: &MachineInterpreters<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Wanted> {
    if arguments.python.is_empty() {
        let Some(newest) = interpreters.newest(&[]) else {
            let message = "there is no Python on this machine";
            let help = Some("name one to make it for: `--python 3.11`, and `--platform`");
            errors.push(Diagnostic::error(Exit::Environment, "pex::no_interpreter", message).help(help));
            return Vec::new();
        };
        // The command line says for which by saying nothing.
        interpreters.take_notes();
        return vec![Wanted { free_threaded: newest.abi.free_threaded, ..Wanted::minor(newest.minor()) }];
    }
    let mut pythons = Vec::new();
    for text in &arguments.python {
        // As the executable is called, too.
        match text.strip_prefix("python").unwrap_or(text).parse::<Wanted>() {
            Ok(wanted) => pythons.push(wanted),
            Err(error) => {
                errors.push(Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help()));
            }
        }
    }
    pythons
}

fn platforms(arguments: &Arguments, errors: &mut Vec<Diagnostic>) -> Vec<String> {
    if arguments.platform.is_empty() {
        return vec![CURRENT.to_owned()];
    }
    for text in &arguments.platform {
        if let Err(error) = Platform::resolve(text, &Machine::detect()) {
            errors.push(Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help()));
        }
    }
    arguments.platform.clone()
}
