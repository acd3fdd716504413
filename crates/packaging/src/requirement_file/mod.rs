//! The requirements in a `requirements.txt` as pip reads it, other files through a closure; reads no file itself.
//!
//! Only what says *which* distributions are wanted is taken: requirements, constraints, their hashes, and other files
//! with more of them. What says *where from* or *how* (indexes, binaries, editable installs) is an error that names
//! the way to say it here.

mod error;
mod hash;
mod line;
mod lines;
mod options;
mod walk;

use std::io;
use std::sync::Arc;

use crate::place::Place;
use crate::requirement::Requirement;

pub use error::{RequirementFileError, RequirementFileFault};
pub use hash::{FileHash, HashAlgorithm};
pub(crate) use line::requirement as from_index;
pub(crate) use walk::below_root;

/// A requirement, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is required, always by version from an index.
    pub requirement: Requirement,
    /// The file, relative to the root, with `/`.
    pub file: Arc<str>,
    /// Its first character there.
    pub place: Place,
    /// The hashes of which a file that meets it must have one; empty if any will do.
    pub hashes: Vec<FileHash>,
}

/// All that a file and the files it includes ask for, in the order in which pip reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequirementFile {
    /// What is required.
    pub requirements: Vec<Listed>,
    /// Limits on what is required, by `-c`: they hold for a project only if something else requires it.
    pub constraints: Vec<Listed>,
}

/// Reads a requirements file, and the files that it includes by `-r` and `-c`, each once; paths are relative to the
/// root. As with pip, `-r` in a file of constraints gives requirements.
///
/// `read` gives the bytes of a file below the root, in UTF-8 with or without a mark. What can be read is given
/// beside the errors, which are all that the files have, in the order of reading.
pub fn parse(
    path: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> (RequirementFile, Vec<RequirementFileError>) {
    walk::Walk::new(read).run(path)
}
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
