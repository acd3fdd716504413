//! The requirements in a `pyproject.toml`; runs no build backend.

mod about;
mod error;
mod groups;
mod poetry;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use toml::de::DeTable;

use crate::name::{ExtraName, PackageName};
use crate::requirement_file::Listed;

pub use about::{About, about};
pub use error::{PyprojectError, PyprojectFault};

/// The table of extras, as errors name it.
const EXTRAS: &str = "project.optional-dependencies";
/// The table of groups.
const GROUPS: &str = "dependency-groups";
/// The group that tools had before there were groups.
const DEV: &str = "dev";

/// A requirement, and the group that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// Who asks.
    pub group: Group,
    /// What is asked for, and where it is written; a `pyproject.toml` has no hashes.
    pub listed: Listed,
}

/// What a `pyproject.toml` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependencies {
    /// All requirements, each with its group.
    pub requirements: Vec<Grouped>,
    /// All extras and groups that there are, also those that are empty.
    pub groups: Vec<Group>,
}

/// What a requirement of a `pyproject.toml` belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// `[project] dependencies`.
    Project,
    /// An extra of `[project.optional-dependencies]`, by its normalised name (PEP 685).
    Extra(ExtraName),
    /// A group of `[dependency-groups]` (PEP 735), by its normalised name.
    Dependency(PackageName),
}

impl fmt::Display for Group {
    /// Its name alone; `dependencies` for those of the project.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("dependencies"),
            Self::Extra(name) => name.fmt(f),
            Self::Dependency(name) => name.fmt(f),
        }
    }
}

/// Reads the requirements of a `pyproject.toml`: `[project] dependencies`, then the extras of
/// `[project.optional-dependencies]`, then `[dependency-groups]`, each in the order of the file.
///
/// A group has what it includes where it includes it (PEP 735), each included group once. A requirement of the
/// project on itself (`svc[web]`) is taken as what it stands for: the requirements of these extras. What can be read
/// is given beside the errors, which are all that the file has, in the order of their places.
#[must_use]
pub fn dependencies(path: &str, text: &str) -> (Dependencies, Vec<PyprojectError>) {
    all(read::Reader::new(path, text, false))
}

/// Reads the requirements of a project of Poetry: those that [`dependencies`] reads, `[tool.poetry.dependencies]`,
/// `[tool.poetry.dev-dependencies]` and `[tool.poetry.group.NAME.dependencies]`, as requirements of PEP 508.
///
/// What is in a folder is left out: it is code of the repository.
#[must_use]
pub fn poetry_dependencies(path: &str, text: &str) -> (Dependencies, Vec<PyprojectError>) {
    all(read::Reader::new(path, text, true))
}

/// Whether the tables of Poetry ask for something, so that [`poetry_dependencies`] is what reads a `pyproject.toml`.
#[must_use]
pub fn is_of_poetry(text: &str) -> bool {
    let asks = |table: &DeTable<'_>| {
        ["dependencies", "dev-dependencies", "group"].iter().any(|key| table.contains_key(*key))
    };
    DeTable::parse(text).is_ok_and(|document| poetry::table(document.get_ref()).is_some_and(asks))
}

fn all(mut reader: read::Reader<'_>) -> (Dependencies, Vec<PyprojectError>) {
    let groups = reader.groups();
    let requirements = groups.resolve(&mut reader);
    let mut errors = reader.errors;
    errors.sort_by_key(|error| error.place);
    (Dependencies { requirements, groups: groups.names().cloned().collect() }, errors)
}
