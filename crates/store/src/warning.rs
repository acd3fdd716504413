//! Collects what went wrong and was mended, once for each cause; it does not know who is told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::Digest;

/// What was found wrong, and mended or worked around.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A blob did not have the content that its digest names: it was removed and is made again.
    CorruptBlob(Digest),
    /// A row of the database did not have the content that it was written with: it was removed.
    CorruptEntry {
        /// The table of the row.
        table: String,
    },
    /// The database could not be read: a new one was begun.
    CorruptDatabase(PathBuf),
    /// The index of a workspace could not be read: its files are hashed again.
    CorruptIndex(PathBuf),
    /// The cache cannot be written to: what is made now is lost at the end of the process.
    ReadOnly {
        /// The cache directory.
        path: PathBuf,
        /// Why it cannot be written to.
        reason: String,
    },
}

impl Cause {
    fn code(&self) -> &'static str {
        match self {
            Cause::CorruptBlob(_) => "store::corrupt_blob",
            Cause::CorruptEntry { .. } => "store::corrupt_entry",
            Cause::CorruptDatabase(_) => "store::corrupt_database",
            Cause::CorruptIndex(_) => "store::corrupt_index",
            Cause::ReadOnly { .. } => "store::read_only",
        }
    }
}

/// Something that was found wrong and did not stop the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The cause, with the first that it was found at.
    pub cause: Cause,
    /// How many times it was found.
    pub count: u64,
}

impl Warning {
    /// The stable name of this warning.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::CorruptBlob(digest) => {
                write!(f, "the blob `{digest}` was corrupt in the cache and was removed")?;
            }
            Cause::CorruptEntry { table } => {
                write!(f, "an entry of the cache's table `{table}` was corrupt and was removed")?;
            }
            Cause::CorruptDatabase(path) => {
                write!(f, "the cache database `{}` was corrupt and was begun anew", path.display())?;
            }
            Cause::CorruptIndex(path) => {
                write!(f, "the index of files `{}` was corrupt and is made again", path.display())?;
            }
            Cause::ReadOnly { path, reason } => {
                write!(f, "the cache `{}` cannot be written to ({reason}): nothing is kept", path.display())?;
            }
        }
        match self.count {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and 1 more)"),
            count => write!(f, " (and {} more)", count - 1),
        }
    }
}

/// The warnings of one store that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<BTreeMap<&'static str, Warning>>);

impl Warnings {
    pub(crate) fn add(&self, cause: Cause) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.entry(cause.code()).or_insert(Warning { cause, count: 0 }).count += 1;
    }

    pub(crate) fn take(&self) -> Vec<Warning> {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings).into_values().collect()
    }
}
