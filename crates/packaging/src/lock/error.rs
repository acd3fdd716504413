//! What is wrong with the text of a lock, and where; knows no file.

use crate::place::Place;

/// One thing that is wrong with a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct LockError {
    /// What is wrong.
    pub fault: LockFault,
    /// Where it stands, where that can be told.
    pub place: Option<Place>,
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
    /// It is a lock of another tool.
    #[error("the lock was not written by `pants lock`: it has no table `tool.pants`")]
    Foreign,
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
        match self.fault {
            LockFault::Syntax { .. } => "packaging::lock_syntax",
            LockFault::Conflict => "packaging::lock_conflict",
            LockFault::Version { .. } => "packaging::lock_version",
            LockFault::Foreign => "packaging::lock_foreign",
            LockFault::Value { .. } => "packaging::lock_value",
            LockFault::ForeignWheel { .. } => "packaging::lock_wheel",
            LockFault::Duplicate { .. } => "packaging::lock_duplicate",
            LockFault::Dangling { .. } => "packaging::lock_dangling",
            LockFault::Index { .. } => "packaging::lock_index",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(
            match self.fault {
                LockFault::Conflict => "take either side, then write the lock anew with `pants lock`",
                LockFault::Version { .. } => {
                    "use the version of pants that wrote it, or write it anew with `pants lock`"
                }
                _ => "write the lock anew with `pants lock`",
            }
            .to_owned(),
        )
    }
}
