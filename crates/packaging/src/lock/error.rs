//! What is wrong with the text of a lock, and where; knows no file.

use super::Form;
use crate::place::Place;
use crate::requirement_file::RequirementFileFault;

/// One thing that is wrong with a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct LockError {
    /// What is wrong.
    pub fault: LockFault,
    /// Where it stands, where that can be told.
    pub place: Option<Place>,
    /// The file that it stands in, where that is not the lock itself but one that it includes.
    pub file: Option<String>,
}

/// What can be wrong with a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockFault {
    /// It is not TOML, or a key is missing, unknown or of another type.
    #[error("not a readable lock: {reason}")]
    Syntax {
        /// What the parser found.
        reason: String,
    },
    /// It holds the marks of an unfinished merge.
    #[error("the lock has conflict markers of an unfinished merge")]
    Conflict,
    /// It is of another version of the format.
    #[error("the lock is of version `{found}` of `{key}`, expected `{expected}`")]
    Version {
        /// `lock-version` or `tool.pants.format`.
        key: &'static str,
        /// What it says.
        found: String,
        /// What is read.
        expected: String,
    },
    /// A line of a requirements file.
    #[error(transparent)]
    Requirements(RequirementFileFault),
    /// A requirement without a version.
    #[error(
        "`{requirement}` is not pinned, and a requirements file that serves as a lock has `==` and one version for each"
    )]
    Unpinned {
        /// The requirement.
        requirement: String,
    },
    /// A lock that pex made for some interpreters of one machine.
    #[error("the lock is for {found} separate targets, expected a universal one")]
    NotUniversal {
        /// How many.
        found: usize,
    },
    /// It is of a tool whose locks are not read.
    #[error(
        "the lock is of another tool: expected one of pants, uv, pex or Pants 2, a `pylock.toml`, or a `requirements.txt`"
    )]
    Unknown,
    /// A value does not read as what it should be.
    #[error("`{key}` is not valid: {reason}")]
    Value {
        /// The key, such as `packages.marker`.
        key: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// A file does not belong to its package.
    #[error("`{file}` is not a wheel of `{package}`")]
    ForeignWheel {
        /// The name of the file.
        file: String,
        /// The name and version of the package.
        package: String,
    },
    /// A package is there twice.
    #[error("package `{package}` is there twice")]
    Duplicate {
        /// The name and version.
        package: String,
    },
    /// A package depends on what is not in the lock.
    #[error("package `{package}` depends on `{dependency}`, which the lock has not")]
    Dangling {
        /// The name and version of the package.
        package: String,
        /// The name, and perhaps the version, of what it depends on.
        dependency: String,
    },
    /// A file comes from an index that the lock does not list.
    #[error("unknown index `{index}`: expected one of `tool.pants.indexes`")]
    Index {
        /// The name of the index.
        index: String,
    },
}

impl LockError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.fault {
            LockFault::Syntax { .. } => "packaging::lock_syntax",
            LockFault::Conflict => "packaging::lock_conflict",
            LockFault::Version { .. } => "packaging::lock_version",
            LockFault::Unknown => "packaging::lock_foreign",
            LockFault::Requirements(fault) => fault.code(),
            LockFault::Unpinned { .. } => "packaging::lock_unpinned",
            LockFault::NotUniversal { .. } => "packaging::lock_not_universal",
            LockFault::Value { .. } => "packaging::lock_value",
            LockFault::ForeignWheel { .. } => "packaging::lock_wheel",
            LockFault::Duplicate { .. } => "packaging::lock_duplicate",
            LockFault::Dangling { .. } => "packaging::lock_dangling",
            LockFault::Index { .. } => "packaging::lock_index",
        }
    }

    /// What to do about it, in a lock of this form.
    #[must_use]
    pub fn help(&self, form: Form) -> Option<String> {
        let again = form.again().replacen("write it", "write the lock", 1);
        Some(match &self.fault {
            LockFault::Conflict => format!("take either side, then {again}"),
            LockFault::Version { .. } if form == Form::Pants => {
                format!("use the version of pants that wrote it, or {again}")
            }
            LockFault::Requirements(fault) => return fault.help(),
            LockFault::Unpinned { .. } => format!("pin it with `==`, or {again}"),
            LockFault::NotUniversal { .. } => "make it anew with `--style universal`".to_owned(),
            _ => again,
        })
    }
}
