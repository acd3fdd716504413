//! What can be wrong between the resolves and interpreters of a program and what it needs. States facts; who prints
//! them adds the form.

use graph::{Label, Place};
use packaging::interpreter::Interpreter;
use packaging::unsaid::Unknown;

use crate::error::RuleError;

/// Why a program cannot have a distribution or a library.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A program reaches a requirement of another resolve, and its own has not exactly one for the same project.
    #[error(
        "`{program}` is in the resolve `{own}`, and needs `{requirement}`, which is in the resolve `{theirs}`"
    )]
    OtherResolve {
        /// The program.
        program: Label,
        /// Its resolve.
        own: String,
        /// The requirement.
        requirement: String,
        /// Its project.
        project: String,
        /// Its resolve.
        theirs: String,
        /// The targets from the program to it.
        path: Vec<Label>,
        /// What could stand in for it: none, or several; each with the targets from the program to it, if it reaches it.
        candidates: Vec<(Label, Vec<Label>)>,
        /// Where the program names its resolve, if it does.
        chosen: Option<Place>,
        /// Where the requirement is written.
        place: Place,
    },
    /// A program reaches a library of another resolve.
    #[error(
        "`{program}` is in the resolve `{own}`, and `{library}`, which it needs, is in the resolve `{theirs}`"
    )]
    Library {
        /// The program.
        program: Label,
        /// Its resolve.
        own: String,
        /// The library.
        library: Label,
        /// The resolve of that.
        theirs: String,
        /// The targets from the program to it.
        path: Vec<Label>,
        /// Where the program names its resolve, if it does.
        chosen: Option<Place>,
        /// Where the library names its resolve.
        place: Place,
    },
    /// A resolve lacks what tests are run or measured with, or programs debugged.
    #[error("`{label}` is in the resolve `{resolve}`, which has no `{name}` to run it with")]
    NoTestTool {
        /// What it lacks.
        name: &'static str,
        /// The tests.
        label: Label,
        /// Their resolve.
        resolve: String,
        /// Its lock.
        lock: String,
        /// Where the tests are written.
        place: Place,
    },
    /// No interpreter of this machine can build a source distribution.
    #[error(
        "there is no Python {wanted} ({abi}) on this machine to build the source distribution of `{distribution}`"
    )]
    NoBuilder {
        /// The name and version of what is to be built.
        distribution: String,
        /// The version of Python.
        wanted: String,
        /// Its ABI.
        abi: String,
        /// The program that needs it.
        label: Label,
        /// What was found.
        found: Vec<Interpreter>,
        /// Where the program is.
        place: Place,
    },
    /// The lock does not say all that is needed of a package. Whoever may use the network finds it out, and asks again.
    #[error("the lock alone does not tell all of `{}` {}", unknown.name, unknown.version)]
    Unread {
        /// The resolve.
        resolve: String,
        /// What is not known.
        unknown: Unknown,
        /// The program that needs it.
        label: Label,
        /// Where the program is.
        place: Place,
    },
}

impl ResolveError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherResolve { .. } => "python::other_resolve",
            Self::Library { .. } => "python::library_of_other_resolve",
            Self::NoTestTool { name: "pytest", .. } => "test::no_pytest",
            Self::NoTestTool { name: "debugpy", .. } => "run::no_debugpy",
            Self::NoTestTool { .. } => "test::no_coverage",
            Self::NoBuilder { .. } => "python::no_builder",
            Self::Unread { .. } => "packaging::lock_unread",
        }
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        match self {
            Self::OtherResolve { place, .. }
            | Self::Library { place, .. }
            | Self::NoTestTool { place, .. }
            | Self::NoBuilder { place, .. }
            | Self::Unread { place, .. } => place,
        }
    }

    /// What belongs to it, each with its place.
    pub fn notes(&self) -> Vec<(String, Option<Place>)> {
        match self {
            Self::OtherResolve { own, path, chosen, candidates, .. } => {
                let reached = candidates.iter().filter(|(_, path)| !path.is_empty());
                let reached =
                    reached.map(|(_, path)| (format!("and by way of {}", joined(path, " → ")), None));
                in_resolve(own, chosen.as_ref()).chain([by_way(path)]).chain(reached).collect()
            }
            Self::Library { own, path, chosen, .. } => {
                in_resolve(own, chosen.as_ref()).chain([by_way(path)]).collect()
            }
            Self::NoTestTool { lock, .. } => vec![(format!("the lock is `{lock}`"), None)],
            Self::NoBuilder { label, found, .. } => {
                let found = found.iter().map(|interpreter| (format!("found {interpreter}"), None));
                std::iter::once((format!("needed by `{label}`"), None)).chain(found).collect()
            }
            Self::Unread { label, .. } => vec![(format!("needed by `{label}`"), None)],
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::OtherResolve { project, own, candidates, .. } if candidates.is_empty() => format!(
                "give the resolve a version of its own: a `python_requirement` for `{project}` with \
                 `resolve = \"{own}\"`"
            ),
            Self::OtherResolve { own, candidates, .. } => format!(
                "`{own}` has {}: name the one that is meant in the `dependencies` of the program",
                joined(candidates.iter().map(|(label, _)| label), " and ")
            ),
            Self::Library { own, .. } => format!(
                "leave out the `resolve` of the library, so that it serves in all, or build the program in another \
                 resolve than `{own}`"
            ),
            Self::NoTestTool { name, resolve, .. } => {
                format!("add `{name}` to the requirements of `{resolve}`, and run `pants lock`")
            }
            Self::NoBuilder { wanted, .. } => format!(
                "install it (`uv python install {wanted}`, `pyenv install {wanted}` or the system's packages), or \
                 require a version that has a wheel"
            ),
            Self::Unread { .. } => "run it once with the network".to_owned(),
        }
    }

    /// Whether the machine lacks something, rather than the request being wrong.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::NoBuilder { .. })
    }
}

fn in_resolve(own: &str, chosen: Option<&Place>) -> impl Iterator<Item = (String, Option<Place>)> {
    let note = format!("the program is in `{own}`");
    chosen.map(|place| (note, Some(place.clone()))).into_iter()
}

fn by_way(path: &[Label]) -> (String, Option<Place>) {
    (format!("by way of {}", joined(path, " → ")), None)
}

fn joined<'a>(labels: impl IntoIterator<Item = &'a Label>, between: &str) -> String {
    labels.into_iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(between)
}

impl From<ResolveError> for RuleError {
    fn from(error: ResolveError) -> RuleError {
        RuleError::Resolve(Box::new(error))
    }
}
