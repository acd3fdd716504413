//! Interpreters of a machine: what one is, where they are looked for, and which is the right one.

mod find;
mod probe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Version;
use crate::python::{Abi, Implementation, Minor, Wanted};

pub use find::{Finder, Memo, SearchPaths, program_state};

/// What a probe told of one interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The path by which it was found and is to be called.
    pub path: PathBuf,
    /// The implementation.
    pub implementation: Implementation,
    /// The full version.
    pub version: Version,
    /// The ABI, by the rules of CPython.
    pub abi: Abi,
}

impl Interpreter {
    /// The minor version.
    #[must_use]
    pub fn minor(&self) -> Minor {
        self.abi.minor
    }

    /// Whether it is what was asked for.
    #[must_use]
    pub fn is(&self, wanted: Wanted) -> bool {
        self.implementation == Implementation::CPython
            && self.minor() == wanted.minor
            && self.abi.free_threaded == wanted.free_threaded
            && wanted.micro.is_none_or(|micro| self.version.release().get(2) == Some(&u64::from(micro)))
    }
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.abi.free_threaded { "t" } else { "" };
        write!(f, "{} {}{threads} at {}", self.implementation, self.version, self.path.display())
    }
}
