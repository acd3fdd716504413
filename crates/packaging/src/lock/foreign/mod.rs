//! Locks of other tools, read as they are into the one model of a lock: each form in a file of its own. Fetches nothing,
//! and writes none of them.
//!
//! What a form does not say is not guessed: files without names are [`Origin::Unnamed`], and what packages need is
//! [`Graph::InWheels`](super::Graph), until whoever may use the network finds it out.

mod pex;
mod pylock;
mod requirements;
#[cfg(test)]
mod tests;
mod uv;

use std::io;

use pep440_rs::Operator;
use toml::Spanned;

use super::error::{LockError, LockFault};
use super::raw::Text;
use super::read::{Reader, file_name, sha256};
use super::{Dependency, Form, Graph, Lock, Origin, Package, SourceFile, WheelFile};
use crate::Version;
use crate::VersionSpecifiers;
use crate::constraints::InterpreterConstraints;
use crate::marker::Marker;
use crate::name::PackageName;
use crate::requirement::Requirement;
use crate::wheel::WheelFilename;

/// What reading a lock needs to be told.
#[derive(Clone, Copy)]
pub struct Borders<'a> {
    /// The bytes of a file, by its path below the root: requirements files include others.
    pub read: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    /// The name of the index at an address, where there is one of it; else it is the default one.
    pub index_at: &'a dyn Fn(&str) -> Option<String>,
}

/// A lock, and what it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// The lock.
    pub lock: Lock,
    /// The other files that it includes.
    pub includes: Vec<String>,
}

/// Reads the text of a lock, in whatever form it is.
///
/// # Errors
/// Fails with everything that is wrong in it.
pub fn read(path: &str, text: &str, borders: &Borders<'_>) -> Result<LockFile, Vec<LockError>> {
    let alone = |lock: Result<Lock, Vec<LockError>>| {
        lock.map(|mut lock| {
            lock.sort();
            LockFile { lock, includes: Vec::new() }
        })
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match Form::of(path, text) {
        Form::Pants => alone(Lock::parse(text)),
        Form::Uv => alone(uv::parse(text, folder, borders)),
        Form::Pylock => alone(pylock::parse(text, folder, borders)),
        Form::Pex => alone(pex::parse(text)),
        Form::Requirements => requirements::parse(path, borders),
        Form::Other => Err(vec![LockError { fault: LockFault::Unknown, place: None, file: None }]),
    }
}

/// What requirements of a wheel's `METADATA` mean as dependencies.
#[must_use]
pub fn dependencies_of(requirements: Vec<Requirement>) -> Vec<Dependency> {
    let dependency = |one: Requirement| {
        let Requirement { name, extras, marker, .. } = one;
        Dependency { name, version: None, extras, marker }
    };
    requirements.into_iter().map(dependency).collect()
}

/// A lock of another tool that says nothing yet.
fn empty(form: Form, graph: Graph) -> Lock {
    Lock {
        requires_python: VersionSpecifiers::empty(),
        environments: Vec::new(),
        requirements: Vec::new(),
        interpreters: Vec::new(),
        interpreter_constraints: InterpreterConstraints::default(),
        platforms: Vec::new(),
        indexes: Vec::new(),
        options: std::collections::BTreeMap::new(),
        packages: Vec::new(),
        builds: Vec::new(),
        form,
        graph,
    }
}

/// A package of which only the name and the version are known.
fn bare(name: PackageName, version: Version) -> Package {
    Package {
        name,
        version,
        marker: Marker::always(),
        requires_python: None,
        dependencies: Vec::new(),
        sdist: None,
        build: None,
        wheels: Vec::new(),
        modules: Vec::new(),
        pytest_plugin: None,
        origin: Origin::Index,
    }
}

/// The interpreters that versions of Python mean: locks of others know CPython alone, or do not say.
fn interpreters(versions: &VersionSpecifiers) -> InterpreterConstraints {
    if versions.is_empty() {
        return InterpreterConstraints::default();
    }
    InterpreterConstraints::parse(&[format!("CPython{versions}")]).unwrap_or_default()
}

/// A requirement that asks for one version.
fn pinned(name: &PackageName, version: &Version, marker: &Marker) -> Option<Requirement> {
    let marker = if marker.is_always() { String::new() } else { format!(" ; {marker}") };
    format!("{name}=={version}{marker}").parse().ok()
}

/// The version that a requirement pins.
fn pin(requirement: &Requirement) -> Option<Version> {
    let mut specifiers = requirement.specifiers()?.iter();
    let (Some(one), None) = (specifiers.next(), specifiers.next()) else { return None };
    matches!(one.operator(), Operator::Equal | Operator::ExactEqual).then(|| one.version().clone())
}

/// The last part of an address or a path, decoded.
fn end_of(place: &str) -> Option<String> {
    let end = place.split(['?', '#']).next()?.rsplit('/').next()?;
    let name = percent_encoding::percent_decode_str(end).decode_utf8().ok()?.into_owned();
    (!name.is_empty()).then_some(name)
}

/// A file as a form lists it.
struct Listed<'t> {
    /// Its name, or the place where it is, which ends in it.
    place: &'t Text,
    sha256: &'t Text,
    size: Option<u64>,
    /// The name of its index, or its address.
    index: Option<String>,
}

impl Reader {
    /// A text in its place, made of another one.
    fn at(at: &Text, text: &str) -> Text {
        Spanned::new(at.span(), text.to_owned())
    }

    /// Adds a file to a package: a wheel, or its source distribution.
    fn add(&mut self, package: &mut Package, file: &Listed<'_>) {
        let name = end_of(file.place.get_ref());
        let named = Self::at(file.place, name.as_deref().unwrap_or(file.place.get_ref()));
        let hash = Self::at(file.sha256, &file.sha256.get_ref().to_ascii_lowercase());
        let hash = self.value("hash", &hash, sha256);
        let Some(name) = self.value("file", &named, file_name) else { return };
        let Some(sha256) = hash else { return };
        let (size, index) = (file.size, file.index.clone());
        if !name.ends_with(".whl") {
            package.sdist.get_or_insert(SourceFile { name, size, sha256, index });
            return;
        }
        // Indexes have wheels with names that nothing can install; they hurt nobody.
        let Ok(wheel) = name.parse::<WheelFilename>() else { return };
        if wheel.name == package.name && wheel.version == package.version {
            package.wheels.push(WheelFile { name: wheel, size, sha256, index });
        } else {
            let package = format!("{} {}", package.name, package.version);
            self.fault(file.place, LockFault::ForeignWheel { file: wheel.to_string(), package });
        }
    }
}
