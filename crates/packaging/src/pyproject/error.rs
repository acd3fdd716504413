//! What is wrong in a `pyproject.toml`, with its place.

use std::sync::Arc;

use crate::place::Place;
use crate::requirement_file::RequirementFileFault;

/// One thing that is wrong in a `pyproject.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct PyprojectError {
    /// The file, relative to the root, with `/`.
    pub file: Arc<str>,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub fault: PyprojectFault,
}

/// What can be wrong in a `pyproject.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PyprojectFault {
    /// It is not TOML.
    #[error("not readable as TOML: {reason}")]
    Toml {
        /// What the parser found.
        reason: String,
    },
    /// A value of another type.
    #[error("`{key}` is {found}, expected {expected}")]
    Type {
        /// The key, with those of its tables.
        key: String,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A string that is not a requirement met from an index.
    #[error("{0}")]
    Requirement(RequirementFileFault),
    /// A group or an extra with a name that none may have.
    #[error(
        "`{name}` in `{table}` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and \
         ending with a letter or digit"
    )]
    Name {
        /// The table.
        table: &'static str,
        /// The name.
        name: String,
    },
    /// Two names that are the same when they are normalised.
    #[error("`{second}` and `{first}` in `{table}` are the same name")]
    SameName {
        /// The table.
        table: &'static str,
        /// The name that is written first.
        first: String,
        /// The other.
        second: String,
    },
    /// A group or an extra that the file has not.
    #[error("there is no `{name}` in `{table}`")]
    Unknown {
        /// The table.
        table: &'static str,
        /// The name, normalised.
        name: String,
        /// The name that it resembles.
        near: Option<String>,
    },
    /// Groups that include each other.
    #[error("the groups include each other: `{}`", .path.join("` -> `"))]
    Cycle {
        /// The groups, from one back to itself.
        path: Vec<String>,
    },
    /// The project requires itself under a condition.
    #[error("the project requires itself with versions or a marker, expected only `{name}` and extras")]
    ConditionalSelf {
        /// The project's name.
        name: String,
    },
    /// A list that only a build backend knows.
    #[error("`project.{key}` is dynamic: only the build backend knows it, and none is run")]
    Dynamic {
        /// The key.
        key: &'static str,
    },
    /// The dependencies are in a table of Poetry's own.
    #[error(
        "`[tool.poetry]` is not read: expected `[project]` with `dependencies`, `[project.optional-dependencies]` or \
         `[dependency-groups]`"
    )]
    Poetry,
    /// There is nothing of Poetry's.
    #[error("there is no `[tool.poetry]`, and no `[project]` either")]
    NoPoetry,
    /// A version constraint that Poetry would not read.
    #[error("`{text}` is not a version constraint of Poetry: {reason}")]
    PoetryVersion {
        /// What is written.
        text: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// Ranges of versions, one or the other.
    #[error("`{text}` is one range of versions or another, which no requirement can say")]
    PoetryAlternatives {
        /// What is written.
        text: String,
    },
    /// A dependency of Poetry with a key that Poetry has not.
    #[error("`{key}` has no key `{found}`")]
    PoetryKey {
        /// The dependency, with the keys of its tables.
        key: String,
        /// What is written.
        found: String,
        /// The key that it resembles.
        near: Option<&'static str>,
    },
    /// Groups that include more than any file sensibly does.
    #[error("the groups include more than {most} entries of each other")]
    TooMany {
        /// As many as are allowed.
        most: usize,
    },
}

impl PyprojectError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.fault {
            PyprojectFault::Toml { .. } => "packaging::pyproject_toml",
            PyprojectFault::Type { .. } => "packaging::pyproject_type",
            PyprojectFault::Requirement(fault) => fault.code(),
            PyprojectFault::Name { .. } => "packaging::name",
            PyprojectFault::SameName { .. } => "packaging::pyproject_same_name",
            PyprojectFault::Unknown { .. } => "packaging::pyproject_unknown_group",
            PyprojectFault::Cycle { .. } => "packaging::pyproject_cycle",
            PyprojectFault::ConditionalSelf { .. } => "packaging::pyproject_self",
            PyprojectFault::Dynamic { .. } => "packaging::pyproject_dynamic",
            PyprojectFault::Poetry | PyprojectFault::NoPoetry => "packaging::pyproject_poetry",
            PyprojectFault::PoetryVersion { .. } | PyprojectFault::PoetryAlternatives { .. } => {
                "packaging::poetry_version"
            }
            PyprojectFault::PoetryKey { .. } => "packaging::poetry_key",
            PyprojectFault::TooMany { .. } => "packaging::pyproject_too_many",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.fault {
            PyprojectFault::Requirement(fault) => fault.help(),
            PyprojectFault::SameName { .. } => Some("merge them, or give one another name".to_owned()),
            PyprojectFault::Unknown { near, .. } => {
                near.as_ref().map(|near| format!("did you mean `{near}`?"))
            }
            PyprojectFault::Cycle { .. } => {
                Some("move what they share into a group that includes none".to_owned())
            }
            PyprojectFault::Dynamic { key } => Some(format!(
                "write the list under `{key}` in `[project]`, and remove `{key}` from `dynamic`"
            )),
            PyprojectFault::Poetry => Some(
                "`poetry_requirements` reads it; or write the dependencies as `[project] dependencies`, which Poetry 2 \
                 reads as well"
                    .to_owned(),
            ),
            PyprojectFault::NoPoetry => {
                Some("a requirements file is for `python_requirements`".to_owned())
            }
            PyprojectFault::PoetryAlternatives { .. } => Some(
                "write one range, with `!=` for what is left out of it; or an array of tables, each with a `version`, and \
                 the `python` or `markers` for which it is meant"
                    .to_owned(),
            ),
            PyprojectFault::PoetryKey { near, .. } => near.map(|near| format!("did you mean `{near}`?")),
            PyprojectFault::Toml { .. }
            | PyprojectFault::Type { .. }
            | PyprojectFault::PoetryVersion { .. }
            | PyprojectFault::Name { .. }
            | PyprojectFault::ConditionalSelf { .. }
            | PyprojectFault::TooMany { .. } => None,
        }
    }
}
