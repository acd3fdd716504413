//! Finds what a script name starts: a console script or plain script of one of the wheels. Reads texts that are
//! handed in, no files.

use std::collections::BTreeSet;

use thiserror::Error;

use super::spec::Entry;
use crate::wheel::EntryPoints;

/// What a PEX starts, as its `PEX-INFO` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryPoint {
    /// An interactive interpreter.
    Repl,
    /// A module, or an object in one that is called.
    Module(String),
    /// A plain script of one of the distributions.
    Script(String),
}

/// The scripts of one wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WheelScripts {
    /// The project that the wheel is of; wheels of one project for several platforms may repeat a script.
    pub(crate) project: String,
    /// The commands of its `entry_points.txt`.
    pub(crate) entry_points: EntryPoints,
    /// The names of the files in its `.data/scripts/`.
    pub(crate) scripts: Vec<String>,
}

/// A script that does not name exactly one thing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// No wheel has it.
    #[error("no distribution has a script `{script}`")]
    NotFound {
        /// The name asked for.
        script: String,
        /// Names that are near.
        near: Vec<String>,
        /// All names there are, where they are few.
        all: Vec<String>,
    },
    /// No wheel has the module.
    #[error("there is no module `{module}` among the sources and in the distributions")]
    NoModule {
        /// The module asked for.
        module: String,
        /// Modules with near names.
        near: Vec<String>,
    },
    /// Several projects have it.
    #[error("script `{script}` is in several distributions: {}", candidates.join(", "))]
    Ambiguous {
        /// The name asked for.
        script: String,
        /// Each as `module:attribute of project`.
        candidates: Vec<String>,
    },
}

impl EntryError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            EntryError::NotFound { .. } => "pex::no_such_script",
            EntryError::NoModule { .. } => "python::no_module",
            EntryError::Ambiguous { .. } => "pex::ambiguous_script",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            EntryError::NoModule { near, .. } if near.is_empty() => {
                Some("name the target or the requirement that has it in `dependencies`".to_owned())
            }
            EntryError::NoModule { near, .. } => Some(format!("did you mean {}?", quoted(near, " or "))),
            EntryError::NotFound { near, .. } if !near.is_empty() => {
                Some(format!("did you mean {}?", quoted(near, " or ")))
            }
            EntryError::NotFound { all, .. } if !all.is_empty() => {
                Some(format!("the scripts there are: {}", quoted(all, ", ")))
            }
            EntryError::NotFound { .. } => Some("no distribution of this binary has any script".to_owned()),
            EntryError::Ambiguous { .. } => {
                Some("name the function by `entry_point = \"module:function\"`".to_owned())
            }
        }
    }
}

fn quoted(names: &[String], separator: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
}

/// Resolves `entry` over the scripts of `wheels`: console scripts before GUI scripts before plain scripts, as the
/// runtime's own builder does.
pub(crate) fn resolve(entry: &Entry, wheels: &[WheelScripts]) -> Result<EntryPoint, EntryError> {
    let script = match entry {
        Entry::Repl => return Ok(EntryPoint::Repl),
        Entry::Module(module) => return Ok(EntryPoint::Module(module.clone())),
        Entry::Script(script) => script,
    };
    let mut found: BTreeSet<(&str, String)> = BTreeSet::new();
    for wheel in wheels {
        let command = wheel.entry_points.command(script);
        found.extend(command.map(|command| (wheel.project.as_str(), command.object())));
    }
    match found.len() {
        0 if wheels.iter().any(|wheel| wheel.scripts.contains(script)) => {
            Ok(EntryPoint::Script(script.clone()))
        }
        0 => Err(not_found(script, wheels)),
        1 => Ok(EntryPoint::Module(found.pop_first().expect("there is one").1)),
        _ => Err(EntryError::Ambiguous {
            script: script.clone(),
            candidates: found.iter().map(|(project, value)| format!("`{value}` of `{project}`")).collect(),
        }),
    }
}

fn not_found(script: &str, wheels: &[WheelScripts]) -> EntryError {
    const SIMILAR: f64 = 0.8;
    const FEW: usize = 20;
    let mut all: BTreeSet<String> = BTreeSet::new();
    for wheel in wheels {
        all.extend(wheel.entry_points.commands().map(|command| command.name.clone()));
        all.extend(wheel.scripts.iter().cloned());
    }
    let near = all.iter().filter(|name| strsim::jaro_winkler(name, script) >= SIMILAR).cloned().collect();
    let all = if all.len() > FEW { Vec::new() } else { all.into_iter().collect() };
    EntryError::NotFound { script: script.to_owned(), near, all }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a script starts, of one wheel with this `entry_points.txt` and the plain script `plain`.
    fn check(script: &str, expect: Result<EntryPoint, &[&str]>) {
        let text = "[console_scripts]\nserve = app.cli : main [fast]\nbad = a b:c\n[gui_scripts]\nserve = other\n\
             show = app.window\n";
        let entry_points = EntryPoints::parse(text);
        let wheel =
            WheelScripts { project: "app".to_owned(), entry_points, scripts: vec!["plain".to_owned()] };
        let found = resolve(&Entry::Script(script.to_owned()), &[wheel]);
        let expect = expect.map_err(|all| EntryError::NotFound {
            script: script.to_owned(),
            near: Vec::new(),
            all: all.iter().map(|name| (*name).to_owned()).collect(),
        });
        assert_eq!(found, expect, "{script}");
    }

    #[test]
    fn scripts_start_what_wheels_declare() {
        check("serve", Ok(EntryPoint::Module("app.cli:main".to_owned())));
        check("show", Ok(EntryPoint::Module("app.window".to_owned())));
        check("plain", Ok(EntryPoint::Script("plain".to_owned())));
        // What is no entry point to an installer is none here.
        check("bad", Err(&["plain", "serve", "show"]));
    }
}
