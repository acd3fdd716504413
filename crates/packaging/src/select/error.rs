//! Why a lock does not give a target all its wheels; knows no BUILD file.

use super::Nearest;
use crate::Version;
use crate::name::{ExtraName, PackageName};
use crate::target::Target;

/// One reason why a set of requirements cannot be met out of a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The lock was not made for the target.
    #[error("the lock does not hold for `{target}`: it is for Python {requires_python} on {platforms}")]
    Target {
        /// The target.
        target: Target,
        /// The versions of Python that the lock is for.
        requires_python: String,
        /// The platforms that the lock is for, in backticks.
        platforms: String,
    },
    /// The lock has not what is required.
    #[error("the lock has no package for the requirement `{requirement}`")]
    Missing {
        /// The requirement.
        requirement: String,
    },
    /// The lock has a package of that name, but none for the target.
    #[error("the lock has `{name}` ({versions}), but not for `{target}`")]
    NotForTarget {
        /// The name.
        name: PackageName,
        /// The versions in the lock, each with its marker.
        versions: String,
        /// The target.
        target: Target,
    },
    /// What the lock has does not satisfy the requirement.
    #[error("the lock is stale: it has `{name}` {versions}, the requirement is `{requirement}`")]
    Stale {
        /// The name.
        name: PackageName,
        /// The versions in the lock.
        versions: String,
        /// The requirement.
        requirement: String,
    },
    /// The lock was made without an extra that is required: what it brings is not in there.
    #[error(
        "the lock is stale: it was made without the extra `{extra}` of `{name}`, the requirement is `{requirement}`"
    )]
    StaleExtra {
        /// The name.
        name: PackageName,
        /// The extra.
        extra: ExtraName,
        /// The requirement.
        requirement: String,
    },
    /// The requirement is not met from an index.
    #[error("the requirement `{requirement}` names a URL or a path, expected a version from an index")]
    Location {
        /// The requirement.
        requirement: String,
    },
    /// The package does not run on the target's Python.
    #[error("`{name}` {version} requires Python {requires_python}, the target is `{target}`{needed_by}")]
    Python {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// The versions of Python that it runs on.
        requires_python: String,
        /// The target.
        target: Target,
        /// How the requirements lead to it.
        needed_by: Chain,
    },
    /// There are wheels, but none for the target.
    #[error("`{name}` {version} has no wheel for `{target}`{needed_by}")]
    NoWheel {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// The target.
        target: Target,
        /// How the requirements lead to it.
        needed_by: Chain,
        /// What there are wheels for, the nearest first.
        nearest: Nearest,
        /// Whether there is a source distribution.
        has_source: bool,
    },
    /// There are no wheels at all, and what there is cannot be built.
    #[error(
        "`{name}` {version} has only a source distribution, and the lock does not record how it is built{needed_by}"
    )]
    OnlySource {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// How the requirements lead to it.
        needed_by: Chain,
    },
    /// The index has no file of the package.
    #[error("`{name}` {version} has no files in the lock{needed_by}")]
    NoFiles {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// How the requirements lead to it.
        needed_by: Chain,
    },
    /// Two versions of a project are needed on one target.
    #[error("`{target}` needs two versions of `{name}`: {first} and {second}")]
    TwoVersions {
        /// The name.
        name: PackageName,
        /// One version.
        first: Version,
        /// The other.
        second: Version,
        /// The target.
        target: Target,
    },
    /// In a file for several targets, one of them would take another's version.
    #[error(
        "one file cannot serve all targets: on `{target}` it would take `{name}` {taken}, which is there for \
         `{other}`, in place of {locked}"
    )]
    Shared {
        /// The name.
        name: PackageName,
        /// The target that would go wrong.
        target: Target,
        /// The version that the lock has for it.
        locked: Version,
        /// The version that would be taken.
        taken: Version,
        /// A target that needs that version.
        other: Target,
    },
}

/// How the requirements lead to a package: from the root to what needs it. Empty for a root itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain(pub Vec<PackageName>);

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.0.iter().map(AsRef::as_ref).collect();
        write!(f, " (needed by {})", names.join(" → "))
    }
}

impl SelectError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Target { .. } => "packaging::lock_target",
            Self::Missing { .. } => "packaging::lock_missing",
            Self::NotForTarget { .. } => "packaging::lock_not_for_target",
            Self::Stale { .. } | Self::StaleExtra { .. } => "packaging::lock_stale",
            Self::Location { .. } => "packaging::requirement_location",
            Self::Python { .. } => "packaging::requires_python",
            Self::NoWheel { .. } => "packaging::no_wheel",
            Self::OnlySource { .. } => "packaging::only_source",
            Self::NoFiles { .. } => "packaging::no_files",
            Self::TwoVersions { .. } => "packaging::two_versions",
            Self::Shared { .. } => "packaging::shared_versions",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let lock = "write it anew with `pants lock`".to_owned();
        Some(match self {
            Self::Missing { .. } | Self::Stale { .. } | Self::StaleExtra { .. } | Self::NoFiles { .. } => {
                lock
            }
            Self::Target { .. } => {
                "write it anew with `pants lock`, which locks for all that programs are built for".to_owned()
            }
            Self::NotForTarget { .. } => lock,
            Self::Location { .. } => "require a version from an index".to_owned(),
            Self::Python { name, .. } => {
                format!(
                    "require another version of `{name}`, or leave this interpreter out of `interpreters`"
                )
            }
            Self::NoWheel { nearest, has_source, .. } => {
                let source = "; to build its source distribution, write the lock anew with `pants lock`";
                format!("there are wheels for {nearest}{}", if *has_source { source } else { "" })
            }
            Self::OnlySource { .. } => lock,
            Self::TwoVersions { .. } => lock,
            Self::Shared { .. } => {
                "leave out `multi_platform`, so that each target has a file of its own".to_owned()
            }
        })
    }
}
