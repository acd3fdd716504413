//! Why a lock does not give a target all its wheels; knows no BUILD file.

use super::Nearest;
use crate::Version;
use crate::lock::Form;
use crate::name::{ExtraName, PackageName};
use crate::target::Target;
use crate::wheel::WheelFilename;

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
    /// A dependency that the lock has not.
    #[error("`{name}` {version} needs `{dependency}`, which the lock has not")]
    Unlocked {
        /// The name of who needs it.
        name: PackageName,
        /// Its version.
        version: Version,
        /// The name of what is needed.
        dependency: PackageName,
    },
    /// The lock names the package, and only the index knows its files, or only a wheel what it needs: neither was asked
    /// so far.
    #[error("the lock alone does not tell {} of `{name}` {version}, and the index was not asked yet", match wheel {
        None => "the files",
        Some(_) => "the dependencies",
    })]
    Unread {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// The wheel that says what it needs; none where the files are to be found out.
        wheel: Option<WheelFilename>,
    },
    /// What is required is a project of the repository.
    #[error("`{name}` is a project of the repository, which no lock has a distribution of")]
    Repository {
        /// The name.
        name: PackageName,
    },
    /// A package that is not fetched from where it is.
    #[error("`{name}` {version} comes from {place}, and only what is on an index is fetched{needed_by}")]
    Elsewhere {
        /// The name.
        name: PackageName,
        /// The locked version.
        version: Version,
        /// Where it comes from.
        place: &'static str,
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
            Self::Python { .. } => "packaging::requires_python",
            Self::NoWheel { .. } => "packaging::no_wheel",
            Self::OnlySource { .. } => "packaging::only_source",
            Self::NoFiles { .. } => "packaging::no_files",
            Self::Unlocked { .. } => "packaging::lock_dangling",
            Self::Unread { .. } => "packaging::lock_unread",
            Self::Repository { .. } => "packaging::project_of_repository",
            Self::Elsewhere { .. } => "packaging::not_on_an_index",
            Self::TwoVersions { .. } => "packaging::two_versions",
            Self::Shared { .. } => "packaging::shared_versions",
        }
    }

    /// What to do about it, with a lock of this form.
    #[must_use]
    pub fn help(&self, form: Form) -> Option<String> {
        let lock = form.again().to_owned();
        let ours = form == Form::Pants;
        Some(match self {
            Self::Target { .. } if ours => {
                format!("{lock}, which locks for all that programs are built for")
            }
            Self::Python { name, .. } => {
                format!(
                    "require another version of `{name}`, or leave this interpreter out of `interpreters`"
                )
            }
            Self::NoWheel { nearest, has_source, .. } => {
                let source = match (has_source, ours) {
                    (true, true) => {
                        "; to build its source distribution, write the lock anew with `pants lock`".to_owned()
                    }
                    (true, false) => format!("; {NO_BUILDS}"),
                    (false, _) => String::new(),
                };
                format!("there are wheels for {nearest}{source}")
            }
            Self::OnlySource { .. } if !ours => NO_BUILDS.to_owned(),
            Self::Unread { .. } => "run it once with the network".to_owned(),
            Self::Repository { .. } => "depend on the targets of its sources instead".to_owned(),
            Self::Elsewhere { name, .. } => format!("require a version of `{name}` that an index has"),
            Self::Shared { .. } => {
                "leave out `multi_platform`, so that each target has a file of its own".to_owned()
            }
            _ => lock,
        })
    }
}

/// Why source distributions of other tools' locks are not built.
const NO_BUILDS: &str =
    "a source distribution is built only from a lock of `pants lock`, which alone says what with";
