//! Why no tree of installed files can be made. Knows no remedy beyond other inputs.

use store::{StoreError, TreeError};

use crate::environment::EnvironmentError;
use crate::pex::EntryError;

/// What keeps a program from being installed as a tree.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A wheel cannot be read or understood.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// What is to be started is nowhere.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tree cannot be.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// One thing is a file where another needs a folder.
    #[error("`{path}` is a file of {first} and a folder of {second}")]
    Folder {
        /// The path.
        path: String,
        /// Who has the file.
        first: String,
        /// Who has the folder.
        second: String,
    },
    /// An input is not what the step expects.
    #[error("{0}")]
    Input(&'static str),
}

impl InstallError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            InstallError::Environment(error) => error.code(),
            InstallError::Entry(error) => error.code(),
            InstallError::Store(error) => error.code(),
            InstallError::Tree(error) => error.code(),
            InstallError::Folder { .. } => "packaging::install_folder",
            InstallError::Input(_) => "packaging::install_input",
        }
    }

    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            InstallError::Entry(error) => error.help(),
            InstallError::Folder { .. } => {
                Some("leave one of the two out, or move the sources to another path".to_owned())
            }
            _ => None,
        }
    }
}
