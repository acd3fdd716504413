//! Finds what a script name starts: a console script or plain script of one of the wheels. Reads texts that are
//! handed in, no files.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::spec::Entry;

/// What a PEX starts, as its `PEX-INFO` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryPoint {
    /// An interactive interpreter.
    Repl,
    /// A module, or an object in one that is called.
    Module(String),
    /// A plain script of one of the distributions.
    Script(String),
}

/// The scripts of one wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WheelScripts {
    /// The project that the wheel is of; wheels of one project for several platforms may repeat a script.
    pub(super) project: String,
    /// The wheel's `entry_points.txt`, where it has one.
    pub(super) entry_points: Option<String>,
    /// The names of the files in its `.data/scripts/`.
    pub(super) scripts: Vec<String>,
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
pub(super) fn resolve(entry: &Entry, wheels: &[WheelScripts]) -> Result<EntryPoint, EntryError> {
    let script = match entry {
        Entry::Repl => return Ok(EntryPoint::Repl),
        Entry::Module(module) => return Ok(EntryPoint::Module(module.clone())),
        Entry::Script(script) => script,
    };
    let mut found: BTreeSet<(&str, String)> = BTreeSet::new();
    for wheel in wheels {
        let parsed = wheel.entry_points.as_deref().map(parse).unwrap_or_default();
        let value = SECTIONS.iter().find_map(|section| parsed.get(*section)?.get(script));
        found.extend(value.map(|value| (wheel.project.as_str(), value.clone())));
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
        let parsed = wheel.entry_points.as_deref().map(parse).unwrap_or_default();
        all.extend(
            SECTIONS
                .iter()
                .filter_map(|section| parsed.get(*section))
                .flat_map(|names| names.keys().cloned()),
        );
        all.extend(wheel.scripts.iter().cloned());
    }
    let near = all.iter().filter(|name| strsim::jaro_winkler(name, script) >= SIMILAR).cloned().collect();
    let all = if all.len() > FEW { Vec::new() } else { all.into_iter().collect() };
    EntryError::NotFound { script: script.to_owned(), near, all }
}

const SECTIONS: [&str; 2] = ["console_scripts", "gui_scripts"];

/// The sections of an `entry_points.txt`, each with its names and the objects they stand for, without extras
/// (Entry points specification, "File format"). Lines that are neither are passed over, as readers at run time do.
fn parse(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = Some(name.trim().to_owned());
        } else if let (Some(section), Some((name, value))) = (&current, line.split_once('=')) {
            let object = value.split('[').next().unwrap_or(value);
            let object: String = object.chars().filter(|character| !character.is_whitespace()).collect();
            sections.entry(section.clone()).or_default().insert(name.trim().to_owned(), object);
        }
    }
    sections
}
