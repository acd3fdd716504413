//! What can be wrong with a Python target. States facts; who prints them adds the form.

use graph::{Label, Place};
use packaging::constraints::ConstraintError;
use packaging::interpreter::Interpreter;
use packaging::named_platform::NamedPlatformError;
use packaging::python::{PythonError, Wanted};
use packaging::requirement::RequirementError;

use crate::bounds_error::BoundsError;
use crate::distribution_error::DistributionError;
use crate::image_error::ImageError;
use crate::missing::MissingWheels;
use crate::resolve_error::ResolveError;
use crate::step_error::StepError;

/// What is wrong with a target, or with what it asks for.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// An `entry_point` is nothing that can be started.
    #[error(
        "`{text}` is no entry point: expected `module`, `module:function`, `file.py` or `file.py:function`"
    )]
    EntryPoint {
        /// What is written.
        text: String,
        /// Where.
        place: Place,
    },
    /// An entry point names a file that no target has as a source.
    #[error("the entry point `{path}` is a source of no target")]
    EntryPointUnowned {
        /// The file, relative to the root.
        path: String,
        /// A source with a similar path.
        near: Option<String>,
        /// The entry point that means the file of that path from the root.
        relative: Option<String>,
        /// Where it is written.
        place: Place,
    },
    /// An entry point names a module that is nowhere.
    #[error("there is no module `{module}`: no target has it, and the program has no requirements")]
    NoModule {
        /// The module.
        module: String,
        /// Modules with similar names.
        near: Vec<String>,
        /// Where it is written.
        place: Place,
    },
    /// A script of a program that has no distributions.
    #[error("there is no script `{script}`: the program has no requirements")]
    NoScript {
        /// The script.
        script: String,
        /// Where it is written.
        place: Place,
    },
    /// Several targets own an entry point.
    #[error("the entry point `{entry}` belongs to {}", list(.owners))]
    EntryPointAmbiguous {
        /// What is written.
        entry: String,
        /// Two of its owners.
        owners: Vec<Label>,
        /// Where it is written.
        place: Place,
    },
    /// Two fields exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Exclusive {
        /// One field.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Where the second is.
        place: Place,
    },
    /// An `output_path` that is not a path below `dist/`.
    #[error("`{path}` is no path below `dist/`")]
    OutputPath {
        /// What is written.
        path: String,
        /// Where.
        place: Place,
    },
    /// Two artifacts want the same path.
    #[error("`{first}` and `{second}` would both be written to `dist/{path}`")]
    OutputClash {
        /// The path.
        path: String,
        /// One target.
        first: Label,
        /// The other.
        second: Label,
        /// Where the second is.
        place: Place,
    },
    /// An artifact would lie in what another one is.
    #[error("`{outer}` writes the {} `dist/{path}`, which `{inner}` needs as a folder of its own", if *.folder { "folder" } else { "file" })]
    OutputInside {
        /// The path of the one that the other would lie in.
        path: String,
        /// Its target.
        outer: Label,
        /// Whether it is a folder itself.
        folder: bool,
        /// The target of the other.
        inner: Label,
        /// Where the second of them is.
        place: Place,
    },
    /// Two versions of Python that get the same file.
    #[error("`{label}` is built once for each minor version, and `{first}` and `{second}` are the same one")]
    SameMinor {
        /// The target.
        label: Label,
        /// The version that is named first.
        first: Wanted,
        /// The other.
        second: Wanted,
        /// Where the other is; none in the configuration.
        place: Option<Place>,
    },
    /// A source file that no source root holds.
    #[error("no source root holds `{path}`{}, a source of `{label}`", and_more(*.more))]
    NoSourceRoot {
        /// The file, relative to the root.
        path: String,
        /// How many more sources of the target no source root holds.
        more: usize,
        /// Its target.
        label: Label,
        /// Where the target is.
        place: Place,
    },
    /// A requirement that does not read as one.
    #[error("{error}")]
    Requirement {
        /// What is wrong with it.
        error: RequirementError,
        /// Where it is written.
        place: Place,
    },
    /// A file of requirements cannot be read.
    #[error("{message}")]
    RequirementFile {
        /// The stable code of the error.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
        /// Where.
        place: Place,
    },
    /// A resolve that the configuration does not have.
    #[error("there is no resolve `{name}`")]
    UnknownResolve {
        /// The name.
        name: String,
        /// The resolves that there are.
        known: Vec<String>,
        /// Where it is written.
        place: Place,
    },
    /// A version of Python that cannot be read or built for.
    #[error("{error}")]
    Python {
        /// What is wrong with it.
        error: PythonError,
        /// Where it is written; none in the configuration.
        place: Option<Place>,
    },
    /// A platform that does not exist.
    #[error("{error}")]
    Platform {
        /// What is wrong with it.
        error: NamedPlatformError,
        /// Where it is written; none in the configuration.
        place: Option<Place>,
    },
    /// A constraint that cannot be read.
    #[error("{error}")]
    Constraint {
        /// What is wrong with it.
        error: ConstraintError,
        /// Where it is written; none in the configuration.
        place: Option<Place>,
    },
    /// The constraints of a closure exclude what a program is built for.
    #[error(transparent)]
    Bounds(Box<BoundsError>),
    /// No interpreter of this machine is what is asked for.
    #[error("there is no {} on this machine, which `{label}` is to be built for", python(.wanted))]
    NoInterpreter {
        /// What is asked for: a version, or constraints, which may be empty.
        wanted: String,
        /// By whom.
        label: Label,
        /// What was found.
        found: Vec<Interpreter>,
        /// Where it is asked for; none in the configuration.
        place: Option<Place>,
    },
    /// The requirements of a program have no wheels for what it is built for.
    #[error("{message}")]
    Selection {
        /// The stable code of the error.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
        /// The program.
        label: Label,
        /// The lock file, relative to the root.
        lock: String,
        /// Where the requirement is written, or else the program; none where the configuration is to blame.
        place: Option<Place>,
    },
    /// Distributions have no wheels for what programs are built for.
    #[error(transparent)]
    Missing(Box<MissingWheels>),
    /// The fields of a program contradict each other.
    #[error("{message}")]
    Spec {
        /// The stable code of the error.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
        /// The program.
        place: Place,
    },
    /// A program for which `interpreters` or `platforms` is empty.
    #[error("`{label}` is built for nothing: `{field}` is empty")]
    BuiltForNothing {
        /// The program.
        label: Label,
        /// The field, or the key of the configuration.
        field: &'static str,
        /// Where it is given, or else the program.
        place: Place,
    },
    /// A program reaches something that is no part of programs.
    #[error("`{program}` needs `{dependency}`, and a `{rule}` cannot be part of a program")]
    NotMade {
        /// The program.
        program: Label,
        /// What it needs.
        dependency: Label,
        /// The rule of that.
        rule: &'static str,
        /// Where that is.
        place: Place,
    },
    /// Two targets of a program have different files for one path.
    #[error("`{first_path}` of `{first}` and `{second_path}` of `{second}` would both be `{destination}`")]
    SourceClash {
        /// The path in the program.
        destination: String,
        /// A target.
        first: Label,
        /// Its file, relative to the root.
        first_path: String,
        /// Another target.
        second: Label,
        /// Its file.
        second_path: String,
        /// The program.
        place: Place,
    },
    /// The resolve or the machine does not have what a program needs.
    #[error(transparent)]
    Resolve(Box<ResolveError>),
    /// A distribution cannot be made.
    #[error(transparent)]
    Distribution(Box<DistributionError>),
    /// A tree or an image cannot be made.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// A step cannot run as it is written.
    #[error(transparent)]
    Step(Box<StepError>),
    /// The files of a target cannot be in one tree.
    #[error("the sources of `{label}` cannot lie in one folder: {error}")]
    Tree {
        /// What is wrong with them.
        error: store::TreeError,
        /// The target.
        label: Label,
    },
    /// The cache failed.
    #[error(transparent)]
    Store(store::StoreError),
    /// A resolve has no lock file.
    #[error("the resolve `{resolve}` has no lock file `{path}`, and `{label}` needs {requirements} of it")]
    NoLock {
        /// The resolve.
        resolve: String,
        /// Where its lock would be.
        path: String,
        /// A program that needs it.
        label: Label,
        /// What it needs: a count with its noun.
        requirements: String,
        /// Where the program is.
        place: Place,
    },
}

impl RuleError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RuleError::EntryPoint { .. } => "python::entry_point",
            RuleError::EntryPointUnowned { .. } => "python::entry_point_unowned",
            RuleError::NoModule { .. } => "python::no_module",
            RuleError::NoScript { .. } => "pex::no_such_script",
            RuleError::EntryPointAmbiguous { .. } => "python::entry_point_ambiguous",
            RuleError::Exclusive { .. } => "python::exclusive_fields",
            RuleError::OutputPath { .. } => "python::output_path",
            RuleError::OutputClash { .. } | RuleError::OutputInside { .. } => "python::output_clash",
            RuleError::SameMinor { .. } => "python::same_minor",
            RuleError::NoSourceRoot { .. } => "python::no_source_root",
            RuleError::UnknownResolve { .. } => "python::unknown_resolve",
            RuleError::Requirement { error, .. } => error.code(),
            RuleError::Python { error, .. } => error.code(),
            RuleError::Platform { error, .. } => error.code(),
            RuleError::Constraint { error, .. } => error.code(),
            RuleError::Bounds(error) => error.code(),
            RuleError::Missing(error) => error.code(),
            RuleError::NoInterpreter { .. } => "python::no_interpreter",
            RuleError::NoLock { .. } => "python::no_lock",
            RuleError::Resolve(error) => error.code(),
            RuleError::Distribution(error) => error.code(),
            RuleError::Image(error) => error.code(),
            RuleError::Step(error) => error.code(),
            RuleError::BuiltForNothing { .. } => "python::built_for_nothing",
            RuleError::NotMade { .. } => "python::not_made",
            RuleError::SourceClash { .. } => "python::source_clash",
            RuleError::Tree { error, .. } => error.code(),
            RuleError::Store(error) => error.code(),
            RuleError::RequirementFile { code, .. }
            | RuleError::Selection { code, .. }
            | RuleError::Spec { code, .. } => code,
        }
    }

    /// Where it is written.
    pub fn place(&self) -> Option<&Place> {
        match self {
            RuleError::Tree { .. } | RuleError::Store(_) => None,
            RuleError::Resolve(error) => Some(error.place()),
            RuleError::Bounds(error) => error.place(),
            RuleError::Missing(error) => error.place(),
            RuleError::Distribution(error) => Some(error.place()),
            RuleError::Image(error) => Some(error.place()),
            RuleError::Step(error) => Some(error.place()),
            RuleError::Python { place, .. }
            | RuleError::Platform { place, .. }
            | RuleError::Constraint { place, .. }
            | RuleError::NoInterpreter { place, .. }
            | RuleError::SameMinor { place, .. }
            | RuleError::Selection { place, .. } => place.as_ref(),
            RuleError::EntryPoint { place, .. }
            | RuleError::EntryPointUnowned { place, .. }
            | RuleError::NoModule { place, .. }
            | RuleError::NoScript { place, .. }
            | RuleError::EntryPointAmbiguous { place, .. }
            | RuleError::Exclusive { place, .. }
            | RuleError::OutputPath { place, .. }
            | RuleError::OutputClash { place, .. }
            | RuleError::OutputInside { place, .. }
            | RuleError::NoSourceRoot { place, .. }
            | RuleError::UnknownResolve { place, .. }
            | RuleError::Requirement { place, .. }
            | RuleError::RequirementFile { place, .. }
            | RuleError::Spec { place, .. }
            | RuleError::BuiltForNothing { place, .. }
            | RuleError::NotMade { place, .. }
            | RuleError::SourceClash { place, .. }
            | RuleError::NoLock { place, .. } => Some(place),
        }
    }

    /// What belongs to it, each with its place.
    pub fn notes(&self) -> Vec<(String, Option<Place>)> {
        let texts = match self {
            RuleError::NoInterpreter { found, .. } if found.is_empty() => {
                vec!["no Python was found at all".into()]
            }
            RuleError::NoInterpreter { found, .. } => {
                found.iter().map(|interpreter| format!("found {interpreter}")).collect()
            }
            RuleError::Resolve(error) => return error.notes(),
            RuleError::Missing(error) => error.notes(),
            RuleError::Bounds(error) => return error.notes(),
            RuleError::Distribution(error) => error.notes(),
            RuleError::Selection { label, lock, .. } => {
                vec![format!("needed by `{label}`, whose lock is `{lock}`")]
            }
            _ => Vec::new(),
        };
        texts.into_iter().map(|text| (text, None)).collect()
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            RuleError::EntryPointUnowned { relative: Some(relative), .. } => {
                format!("files are relative to the BUILD file: write `{relative}`")
            }
            RuleError::EntryPointUnowned { near: Some(near), .. } => format!("did you mean `{near}`?"),
            RuleError::NoModule { near, .. } if !near.is_empty() => {
                let near: Vec<String> = near.iter().map(|module| format!("`{module}`")).collect();
                format!("did you mean {}?", near.join(" or "))
            }
            RuleError::EntryPoint { text, .. } if text.contains('/') && !text.ends_with(".py") => {
                format!("did you mean `{}`?", text.replace('/', "."))
            }
            RuleError::BuiltForNothing { field, .. } => {
                format!("name one, or leave `{field}` out for the usual")
            }
            RuleError::UnknownResolve { name, known, .. } => {
                match graph::near(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("`[python.resolves]` has `{}`", known.join("`, `")),
                }
            }
            RuleError::Missing(error) => return error.help(),
            RuleError::Platform { error, .. } => return error.help(),
            RuleError::Constraint { error, .. } => return error.help(),
            RuleError::Python { error, .. } => return error.help(),
            RuleError::Requirement { error, .. } if error.help().is_some() => return error.help(),
            RuleError::RequirementFile { help, .. }
            | RuleError::Selection { help, .. }
            | RuleError::Spec { help, .. } => return help.clone(),
            RuleError::NoInterpreter { wanted, .. } if wanted.parse::<Wanted>().is_ok() => format!(
                "install it (`uv python install {wanted}`, `pyenv install {wanted}` or the system's packages), or \
                 name the platform in `platforms` to build without it"
            ),
            RuleError::Resolve(error) => error.help(),
            RuleError::Bounds(error) => error.help(),
            RuleError::Distribution(error) => return error.help(),
            RuleError::Image(error) => return error.help(),
            RuleError::Step(error) => error.help().to_owned(),
            _ => return self.advice().map(ToOwned::to_owned),
        };
        Some(text)
    }

    /// What to do about errors that always want the same.
    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            RuleError::EntryPointUnowned { .. } => "name it in the `sources` of a python_library",
            RuleError::NoModule { .. } => "name the target or the requirement that has it in `dependencies`",
            RuleError::NoScript { .. } => "name the requirement that has it in `dependencies`",
            RuleError::EntryPointAmbiguous { .. } => "name one of them in the program's `dependencies`",
            RuleError::Requirement { .. } => "write it as in `flask==3.0.*` or `requests>=2.31,<3`",
            RuleError::OutputClash { .. } | RuleError::OutputInside { .. } => {
                "give one of them another `output_path`"
            }
            RuleError::Exclusive { .. } | RuleError::SameMinor { .. } => "remove one of them",
            RuleError::OutputPath { .. } => {
                "write it relative to `dist/`, without `..`, such as `services/app.pex`"
            }
            RuleError::NotMade { .. } => "take it out of the dependencies",
            RuleError::SourceClash { .. } => "rename one of the files, or depend on one of the targets alone",
            RuleError::NoSourceRoot { .. } => "add its folder to `[source] root_patterns`",
            RuleError::NoInterpreter { .. } => {
                "install one (`uv python install`, `pyenv install` or the system's packages), or say by \
                 `interpreters` and `platforms` what to build for without one"
            }
            RuleError::NoLock { .. } => "`pants lock` writes it",
            _ => return None,
        })
    }
}

fn python(wanted: &str) -> String {
    if wanted.is_empty() { "Python".to_owned() } else { format!("Python {wanted}") }
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

fn list(labels: &[Label]) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" and ")
}
