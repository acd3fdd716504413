//! Why a resolve could not be locked, and what a lock that was made lacks.

use std::path::PathBuf;

use crate::index::{Fault, FetchError};
use crate::lock::AddressError;
use crate::name::PackageName;
use crate::sdist::explain;

/// A lock could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A requirement names a place that nothing can be had from.
    #[error("the resolve `{resolve}` cannot have `{project}` of {by}: {reason}")]
    Address {
        /// The resolve.
        resolve: String,
        /// The project.
        project: PackageName,
        /// Who asks for it.
        by: String,
        /// What is wrong with the place.
        reason: AddressError,
    },
    /// A file that a requirement names is not there.
    #[error("a requirement names `{}`, which cannot be read", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No versions satisfy all requirements.
    #[error("no versions satisfy the requirements of the resolve `{resolve}`: {explanation}")]
    NoSolution {
        /// The resolve.
        resolve: String,
        /// How it follows, as uv derives it.
        explanation: String,
        /// The requirements that it speaks of, and who asks for them.
        asked: Vec<String>,
    },
    /// An index could not be reached, or refused.
    #[error("cannot resolve `{resolve}`: {cause}")]
    Network {
        /// The resolve.
        resolve: String,
        /// What happened, without addresses.
        cause: String,
        /// What to do about it, where that can be told.
        help: Option<String>,
    },
    /// Projects that are pinned to an index were found on another before their names were known.
    #[error("the resolve `{resolve}` would take projects from an index that they are not pinned to: {}", projects.join(", "))]
    Pinned {
        /// The resolve.
        resolve: String,
        /// The projects, each with its index.
        projects: Vec<String>,
    },
    /// `--offline`, and not all that is needed is in the cache.
    #[error("cannot resolve `{resolve}` without the network: {cause}")]
    Offline {
        /// The resolve.
        resolve: String,
        /// What is missing.
        cause: String,
    },
    /// uv failed in another way, such as a source distribution whose metadata cannot be built.
    #[error("cannot resolve `{resolve}`: {cause}")]
    Uv {
        /// The resolve.
        resolve: String,
        /// What it said, without addresses and paths.
        cause: String,
    },
    /// Resolving took too long.
    #[error("resolving `{resolve}` was stopped after {} minutes", limit.as_secs() / 60)]
    Timeout {
        /// The resolve.
        resolve: String,
        /// How long it may take.
        limit: std::time::Duration,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// uv could not be had.
    #[error("locking needs uv {version}, which is not on `PATH` and could not be fetched")]
    NoUv {
        /// The version.
        version: &'static str,
        /// Why.
        source: Box<FetchError>,
    },
    /// No wheel of the pinned uv fits this machine.
    #[error("locking needs uv {version} on `PATH`: none is known for {machine}")]
    NoUvForMachine {
        /// The version.
        version: &'static str,
        /// System and architecture.
        machine: String,
    },
    /// A program could not be started.
    #[error("cannot run `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the scratch project or of the cache could not be written.
    #[error("cannot write `{}`", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What uv wrote is not what its pinned version writes.
    #[error("the lock that uv made for `{resolve}` cannot be read: {reason}")]
    Unreadable {
        /// The resolve.
        resolve: String,
        /// What is wrong.
        reason: String,
    },
}

impl LockError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "packaging::lock_address",
            Self::NoFile { .. } => "packaging::lock_no_file",
            Self::NoSolution { .. } => "packaging::lock_no_solution",
            Self::Network { .. } => "packaging::lock_network",
            Self::Pinned { .. } => "packaging::lock_pinned",
            Self::Offline { .. } => "packaging::lock_offline",
            Self::Uv { .. } => "packaging::lock_uv",
            Self::Timeout { .. } => "packaging::lock_timeout",
            Self::Cancelled => "packaging::lock_cancelled",
            Self::NoUv { .. } => "packaging::lock_no_uv",
            Self::NoUvForMachine { .. } => "packaging::lock_no_uv_for_machine",
            Self::Spawn { .. } => "packaging::lock_spawn",
            Self::Disk { .. } => "packaging::lock_disk",
            Self::Unreadable { .. } => "packaging::lock_unreadable",
        }
    }

    /// What to do about it, where that can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Address { reason, .. } => Some(reason.help().into()),
            Self::NoSolution { asked, .. } if !asked.is_empty() => {
                Some(format!("change one of these, or give them different resolves: {}", asked.join("; ")))
            }
            Self::Network { help: Some(help), .. } => Some(help.clone()),
            Self::Network { .. } => {
                Some("check the network and where the indexes are; a lock that is there still works".into())
            }
            Self::Pinned { .. } => Some(
                "name the projects in full in the `packages` of the index, or make it list all of its projects".into(),
            ),
            Self::Offline { .. } => Some("run `pants lock` once without `--offline`".into()),
            Self::NoUv { source, version } => {
                let more = source.help().map_or_else(String::new, |help| format!("; {help}"));
                Some(format!("install uv {version}, or make the index serve its wheel{more}"))
            }
            Self::NoUvForMachine { version, .. } => Some(format!("install uv {version}")),
            Self::Uv { resolve, cause } => explain(cause, "PROJECT", resolve).help,
            _ => None,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Address { .. }
            | Self::NoFile { .. }
            | Self::NoSolution { .. }
            | Self::Pinned { .. }
            | Self::Uv { .. } => Fault::Request,
            _ => Fault::Environment,
        }
    }
}

/// What a lock that was made lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockWarning {
    /// The modules of a package are unknown, so that imports of them cannot be matched.
    #[error("cannot tell the modules of `{package}`: {reason}")]
    Modules {
        /// The name and version.
        package: String,
        /// Why.
        reason: String,
    },
    /// The versions of Python that a package is for are unknown, so that a file for several targets may be refused
    /// without need.
    #[error("cannot tell the versions of Python of `{package}`: {reason}")]
    Pythons {
        /// The name and version.
        package: String,
        /// Why.
        reason: String,
    },
    /// A source distribution that cannot be built with this lock.
    #[error("cannot tell how the source distribution of `{packages}` is built: {reason}")]
    Build {
        /// The names and versions.
        packages: String,
        /// Why.
        reason: String,
    },
    /// A file without SHA-256 was left out.
    #[error("`{file}` is left out: the index says no SHA-256 of it")]
    NoHash {
        /// The file.
        file: String,
    },
    /// A package that can be installed nowhere.
    #[error("`{package}` has no file for any of the interpreters and platforms")]
    NoFiles {
        /// The name and version.
        package: String,
    },
}

impl LockWarning {
    /// The stable code of this warning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Modules { .. } => "packaging::lock_modules",
            Self::Pythons { .. } => "packaging::lock_pythons",
            Self::Build { .. } => "packaging::lock_build",
            Self::NoHash { .. } => "packaging::lock_no_hash",
            Self::NoFiles { .. } => "packaging::lock_no_files",
        }
    }
}
