//! What can go wrong with the store, as facts; it does not know how they are shown.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Digest, Holder, TreeError};

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The blob is not in the store, or what was there was not it and has been removed.
    #[error("the blob `{0}` is not in the cache")]
    Missing(Digest),
    /// The cache directory cannot be made or entered.
    #[error("the cache directory `{}` cannot be used", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The disk, or the user's quota on it, is full.
    #[error("no space is left for `{}`", path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// The system refused to read or write a file.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// What should be stored is not a regular file.
    #[error("expected a regular file, found {found} at `{}`", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is, such as `a directory`.
        found: &'static str,
    },
    /// The file was written to each time that it was read.
    #[error("`{}` changes while it is read", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// The database failed in a way that neither waiting nor a new database mends.
    #[error("the cache database `{}` failed", path.display())]
    Database {
        /// The file of the database.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process was at work with the cache for longer than it is waited for.
    #[error(
        "another process has held the cache `{}` for {} s{}",
        path.display(),
        waited.as_secs(),
        holder.as_ref().map_or_else(String::new, |holder| format!(": {holder}"))
    )]
    Held {
        /// The database, or the folder of the cache where somebody empties it.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
        /// Who it is, where the system tells.
        holder: Option<Holder>,
    },
    /// The file system of the database cannot share memory between processes, or lock it.
    #[error("the file system of the cache database `{}` cannot be shared by processes", path.display())]
    Unshared {
        /// The file of the database.
        path: PathBuf,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A part of a composed blob lies outside of the blob that it is a part of.
    #[error("the part of {len} bytes at {offset} is outside of the blob `{digest}`")]
    Range {
        /// The blob.
        digest: Digest,
        /// Where the part begins.
        offset: u64,
        /// How long it is.
        len: u64,
    },
    /// The blob is there, and is not the root of a tree.
    #[error("the blob `{digest}` is not a tree")]
    Tree {
        /// The blob.
        digest: Digest,
        /// The reason.
        source: TreeError,
    },
}

impl StoreError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Missing(_) => "store::missing",
            StoreError::Unusable { .. } => "store::unusable",
            StoreError::Full { .. } => "store::full",
            StoreError::Io { .. } => "store::io",
            StoreError::NotAFile { .. } => "store::not_a_file",
            StoreError::Changing { .. } => "store::changing",
            StoreError::Database { .. } => "store::database",
            StoreError::Held { .. } => "store::held",
            StoreError::Unshared { .. } => "store::unshared",
            StoreError::Range { .. } => "store::range",
            StoreError::Tree { .. } => "store::tree",
        }
    }

    /// What to do about it, where that can be told.
    pub fn help(&self) -> Option<String> {
        match self {
            StoreError::Unusable { source, .. } if lacks_locks(source) => Some(
                "its file system has no locks, which the cache needs: name a directory on a local disk with \
                 `--cache-dir`"
                    .to_owned(),
            ),
            StoreError::Unshared { .. } => {
                Some("name a directory on a local disk with `--cache-dir`".to_owned())
            }
            StoreError::Unusable { .. } => {
                Some("name a directory that can be written to with `--cache-dir`".to_owned())
            }
            StoreError::Full { path } => Some(format!(
                "free some space on the file system of `{}`; the cache can be on another one with `--cache-dir`",
                path.display()
            )),
            StoreError::Changing { .. } => Some("build again when nothing writes to the file".to_owned()),
            StoreError::Database { path, .. } if self.is_read_only() => Some(format!(
                "let your user write to the folder of `{}`, or name another cache with `--cache-dir`",
                path.display()
            )),
            StoreError::Database { path, .. } => {
                Some(format!("remove `{}`: what it held is made again", path.display()))
            }
            StoreError::Held { holder: Some(Holder { pid, stopped: true, .. }), .. } => {
                Some(format!("let it go on with `kill -CONT {pid}`, or end it with `kill -KILL {pid}`"))
            }
            StoreError::Held { .. } => {
                Some("try again when no other `pants` is stopped or at work with this cache".to_owned())
            }
            _ => None,
        }
    }

    /// The error of the store inside of an [`io::Error`] that [`crate::BlobWriter`] or [`crate::Blob`] gave;
    /// any other [`io::Error`] is given back.
    pub fn from_io(error: io::Error) -> Result<StoreError, io::Error> {
        error.downcast::<StoreError>()
    }

    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            StoreError::Missing(_) => io::ErrorKind::NotFound,
            StoreError::Full { .. } => io::ErrorKind::StorageFull,
            StoreError::Io { source, .. } | StoreError::Unusable { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// Whether the place that was written to can be read, but not be written to.
    pub(crate) fn is_read_only(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => is_refused(source),
            StoreError::Database { source, .. } => {
                source.downcast_ref::<rusqlite::Error>().is_some_and(crate::faults::is_refused)
            }
            StoreError::Held { .. } => true,
            _ => false,
        }
    }
}

/// Whether the file system has no locks at all.
fn lacks_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let codes = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Whether the system refused to write where reading may still work.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// What only saves work later, or was to be mended, is left undone where nothing can be written.
pub(crate) fn tolerate_refusal(result: Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Err(error) if error.is_read_only() || matches!(error, StoreError::Full { .. }) => Ok(()),
        result => result,
    }
}

/// The error of a stream of the store, or of the system while `path` was read.
pub(crate) fn from_stream(error: io::Error, path: &Path) -> StoreError {
    StoreError::from_io(error).unwrap_or_else(|source| StoreError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Gives an error of the system its place: `result.at("read", path)`.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| {
            let source = error.into();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    StoreError::Full { path: path.to_owned() }
                }
                _ => StoreError::Io { action, path: path.to_owned(), source },
            }
        })
    }
}
