//! What keeps a zip file from being made: facts, with the numbers and names they are about.

use std::fmt;

use store::StoreError;
use thiserror::Error;

use crate::extract::{ExtractErrors, UnpackError};

/// Why there is no archive.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Members that exclude each other; all there are.
    #[error("{}", Lines(.0))]
    Clashes(Vec<Clash>),
    /// More members than every reader can count.
    #[error("the zip file would have {count} entries, more than the {limit} that a zip file can have")]
    TooManyEntries {
        /// How many there would be.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Longer than every reader can address.
    #[error("the zip file would have {size} bytes, more than the {limit} that a zip file can have")]
    TooLarge {
        /// How long it would be.
        size: u64,
        /// How long it may be.
        limit: u64,
    },
    /// A member that alone is longer than every reader can address.
    #[error("`{path}` has {size} bytes, more than the {limit} that a zip file can hold")]
    MemberTooLarge {
        /// The path in the archive.
        path: String,
        /// Its length.
        size: u64,
        /// How long it may be.
        limit: u64,
    },
    /// A path that the format cannot hold.
    #[error("the path `{}…` has {length} bytes, more than the {limit} that a zip file can hold", path.chars().take(60).collect::<String>())]
    LongPath {
        /// The path in the archive.
        path: String,
        /// Its length.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A symbolic link, which no importer of a zip file understands.
    #[error("`{path}` of {origin} is a symbolic link, which a zip file that Python imports from cannot hold")]
    Symlink {
        /// The path in the archive.
        path: String,
        /// What it comes from.
        origin: String,
    },
    /// A path that was asked for and is not there.
    #[error("{origin} has no file `{path}`")]
    Absent {
        /// The path in the input.
        path: String,
        /// The input.
        origin: String,
    },
    /// An archive to transfer members from that is not alone in its tree.
    #[error("expected one zip file in {origin}, found {found} files")]
    NotOneFile {
        /// The input.
        origin: String,
        /// How many files there are.
        found: usize,
    },
    /// An archive to transfer members from that is not sound.
    #[error(transparent)]
    Source(#[from] ExtractErrors),
}

/// Two members that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Clash {
    /// Two members of one path.
    #[error("`{path}` is in {first} and in {second}")]
    Twice {
        /// The path in the archive.
        path: String,
        /// What one comes from.
        first: String,
        /// What the other comes from.
        second: String,
    },
    /// A file where another member needs a folder.
    #[error("`{path}` is a file in {file} and a folder in {folder}")]
    FileAndFolder {
        /// The path in the archive.
        path: String,
        /// What the file comes from.
        file: String,
        /// What a file below it comes from.
        folder: String,
    },
}

impl ArchiveError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            ArchiveError::Store(error) => error.code(),
            ArchiveError::Clashes(_) => "archive::clash",
            ArchiveError::TooManyEntries { .. } => "archive::too_many_entries",
            ArchiveError::TooLarge { .. } => "archive::too_large",
            ArchiveError::MemberTooLarge { .. } => "archive::member_too_large",
            ArchiveError::LongPath { .. } => "archive::long_path",
            ArchiveError::Symlink { .. } => "archive::symlink",
            ArchiveError::Absent { .. } => "archive::absent",
            ArchiveError::NotOneFile { .. } => "archive::not_one_file",
            ArchiveError::Source(error) => error.code(),
        }
    }

    /// What to do about it, where that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            ArchiveError::Store(error) => error.help(),
            ArchiveError::Source(error) => error.help(),
            ArchiveError::TooManyEntries { .. }
            | ArchiveError::TooLarge { .. }
            | ArchiveError::MemberTooLarge { .. } => {
                Some("set `layout = \"packed\"`, which has no such limit".to_owned())
            }
            ArchiveError::Symlink { .. } => Some("put the file itself in the place of the link".to_owned()),
            _ => None,
        }
    }
}

impl From<UnpackError> for ArchiveError {
    fn from(error: UnpackError) -> ArchiveError {
        match error {
            UnpackError::Store(error) => ArchiveError::Store(error),
            UnpackError::Archive(errors) => ArchiveError::Source(errors),
        }
    }
}

struct Lines<'a>(&'a [Clash]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (index, clash) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{clash}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
