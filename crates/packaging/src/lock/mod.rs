//! The lock of a resolve (`*.lock`): what it records, how it is written and read; knows no index's host and chooses
//! nothing.

mod address;
mod build_system;
mod error;
mod export;
mod foreign;
mod form;
mod moved;
mod raw;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use crate::constraints::InterpreterConstraints;
use crate::marker::Marker;
use crate::name::{ExtraName, PackageName};
use crate::platform::Platform;
use crate::python::Wanted;
use crate::requirement::Requirement;
use crate::requirement_file::FileHash;
use crate::wheel::WheelFilename;
use crate::{Version, VersionSpecifiers};

pub use address::{Address, AddressError};
pub use build_system::{Backend, BackendPath, BuildSystem};
pub use error::{LockError, LockFault};
pub use export::ExportedFile;
pub use foreign::{Borders, LockFile, dependencies_of, read};
pub use form::Form;
pub use moved::moved;

/// The version of PEP 751's format.
const LOCK_VERSION: &str = "1.0";
/// The version of what this tool adds to it.
const FORMAT: u32 = 1;

/// A lock: the packages of one resolve for all interpreters and platforms that it was made for, and what it was made
/// from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The versions of Python that it holds for.
    pub requires_python: VersionSpecifiers,
    /// The environments that it holds for, one of which holds for each of its targets.
    pub environments: Vec<Marker>,
    /// The requirements that it was made from, exactly as asked, sorted by their text.
    pub requirements: Vec<Requirement>,
    /// The interpreters that binaries are built for unless they say otherwise.
    pub interpreters: Vec<Wanted>,
    /// The interpreter constraints of the resolve.
    pub interpreter_constraints: InterpreterConstraints,
    /// The platforms that it was made for.
    pub platforms: Vec<Platform>,
    /// The names of the indexes, the default one first.
    pub indexes: Vec<String>,
    /// The options that it was made with, by name.
    pub options: BTreeMap<String, String>,
    /// The packages, sorted by name and version.
    pub packages: Vec<Package>,
    /// What source distributions are built with: for each set of build requirements a lock of its own, whose
    /// requirements they are, sorted by them. These hold for the same interpreters and platforms, and have none
    /// themselves.
    pub builds: Vec<Lock>,
    /// The form that it is written in: what is to be done about it depends on that, and nothing else.
    pub form: Form,
    /// Where it is said what its packages need.
    pub graph: Graph,
}

/// Where it is said what the packages of a lock need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Graph {
    /// In [`Package::dependencies`], with what those extras bring that were asked for when it was made.
    #[default]
    Asked,
    /// In [`Package::dependencies`], with what any extra brings, though that may not be in the lock.
    Whole,
    /// In the wheels alone. What is known of them so far, by SHA-256; it may not be in the lock.
    InWheels(BTreeMap<[u8; 32], Vec<Dependency>>),
}

/// Where the files of a package are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// On an index, by their names.
    #[default]
    Index,
    /// On an index that has to be asked for their names: those that have one of these hashes; without any, all of the
    /// version.
    Unnamed(Vec<FileHash>),
    /// Nowhere: it is a project of the repository itself. It brings what it needs, and its sources are those of targets.
    Repository,
    /// In a place that files are not fetched from, such as a Git repository.
    Elsewhere(&'static str),
}

/// One version of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The normalised name.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Where this version is the one to take, if the lock has several of the project.
    pub marker: Marker,
    /// The versions of Python that it says it runs on.
    pub requires_python: Option<VersionSpecifiers>,
    /// What it needs, sorted by name.
    pub dependencies: Vec<Dependency>,
    /// The source distribution, if there is one.
    pub sdist: Option<SourceFile>,
    /// How the source distribution is built, where no wheel is for all that the lock is for.
    pub build: Option<BuildSystem>,
    /// The wheels, sorted by name.
    pub wheels: Vec<WheelFile>,
    /// The modules that it provides: top-level names, or dotted ones below a namespace package, sorted. Empty if
    /// unknown.
    pub modules: Vec<String>,
    /// Whether pytest loads it as a plugin: it has an entry point for that. None if unknown,
    /// as where a lock of ours names no plugin.
    pub pytest_plugin: Option<bool>,
    /// Where its files are.
    pub origin: Origin,
}

/// What a package needs of another in the same lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The normalised name of the other.
    pub name: PackageName,
    /// Its version, where the lock has several.
    pub version: Option<Version>,
    /// The extras that are asked of it.
    pub extras: Vec<ExtraName>,
    /// When it is needed; an `extra` in it is one asked of the package that depends.
    pub marker: Marker,
}

/// A wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// The name of the file.
    pub name: WheelFilename,
    /// Its size in bytes, where the index says it.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The name of the index that has it; `None` is the default one. For a file on none, its [`Address`].
    pub index: Option<String>,
}

/// A source distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name of the file.
    pub name: String,
    /// Its size in bytes, where the index says it.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The name of the index that has it; `None` is the default one. For a file on none, its [`Address`].
    pub index: Option<String>,
}

impl Lock {
    /// The lock of some build requirements, which are sorted.
    #[must_use]
    pub fn build(&self, requires: &[Requirement]) -> Option<&Lock> {
        self.builds.iter().find(|build| build.requirements == requires)
    }

    /// The packages of a project, in order of version; usually one.
    #[must_use]
    pub fn named(&self, name: &PackageName) -> &[Package] {
        let start = self.packages.partition_point(|package| package.name < *name);
        let end = self.packages.partition_point(|package| package.name <= *name);
        &self.packages[start..end]
    }

    /// Gives files of which the lock does not say where they are the index that claims their project.
    pub fn claim(&mut self, index_of: &dyn Fn(&PackageName) -> Option<String>) {
        for package in &mut self.packages {
            let Some(index) = index_of(&package.name) else { continue };
            let wheels = package.wheels.iter_mut().map(|wheel| &mut wheel.index);
            let sdist = package.sdist.iter_mut().map(|sdist| &mut sdist.index);
            for unsaid in wheels.chain(sdist).filter(|known| known.is_none()) {
                *unsaid = Some(index.clone());
            }
        }
    }

    /// Whether it has what an extra of a project brings.
    #[must_use]
    pub fn has_extra(&self, name: &PackageName, extra: &ExtraName) -> bool {
        let asked = |one: &Requirement| one.name == *name && one.extras.contains(extra);
        self.requirements.iter().any(asked) || self.has_by_another(name, extra)
    }

    /// Whether it has what an extra brings although nobody asked for that directly. A lock of ours does not count: what
    /// another package asks for may hold elsewhere than what is asked for directly.
    pub(crate) fn has_by_another(&self, name: &PackageName, extra: &ExtraName) -> bool {
        let extras = std::slice::from_ref(extra);
        let brings =
            |one: &Dependency| one.marker.may_hold_somewhere(extras) && !one.marker.may_hold_somewhere(&[]);
        self.form != Form::Pants
            && self.named(name).iter().any(|package| package.dependencies.iter().any(brings))
    }

    /// Brings everything into the one order in which it is written.
    pub(crate) fn sort(&mut self) {
        sort_requirements(&mut self.requirements);
        for package in &mut self.packages {
            for dependency in &mut package.dependencies {
                dependency.extras.sort_unstable();
                dependency.extras.dedup();
            }
            package.dependencies.sort_by(|a, b| a.key().cmp(&b.key()));
            package.dependencies.dedup();
            package.wheels.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
            package.modules.sort_unstable();
            package.modules.dedup();
            if let Some(build) = &mut package.build {
                sort_requirements(&mut build.requires);
            }
        }
        self.packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        self.builds.iter_mut().for_each(Lock::sort);
        self.builds.sort_by(|a, b| texts(&a.requirements).cmp(texts(&b.requirements)));
    }
}

impl Package {
    /// Where its file is, if it is on no index.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let wheels = self.wheels.iter().map(|wheel| &wheel.index);
        wheels
            .chain(self.sdist.iter().map(|sdist| &sdist.index))
            .flatten()
            .find_map(|index| Address::in_place_of_index(index))
    }
}

impl Dependency {
    fn key(&self) -> (&PackageName, Option<&Version>, &[ExtraName], &str) {
        (&self.name, self.version.as_ref(), &self.extras, self.marker.text())
    }
}

/// Brings requirements into the order of their texts, each once.
pub(crate) fn sort_requirements(requirements: &mut Vec<Requirement>) {
    requirements.sort_by(|a, b| a.text().cmp(b.text()));
    requirements.dedup();
}

fn texts(requirements: &[Requirement]) -> impl Iterator<Item = &str> {
    requirements.iter().map(Requirement::text)
}
