//! What an error of SQLite means for the store; it does not know what was asked for.

use std::fs;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::StoreError;

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// Whether another process is in the way.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the content is to blame. What only a table that is not ours, or a row that we did not write, can bring about
/// is its fault as well.
pub(crate) fn is_corrupt(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::IntegralValueOutOfRange(..))
        || matches!(
            extended,
            Some(ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_CORRUPTFS)
        )
        || matches!(
            code(error),
            Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::SchemaChanged
                    | ErrorCode::ConstraintViolation
                    | ErrorCode::TypeMismatch
                    | ErrorCode::TooBig
                    | ErrorCode::Unknown
            )
        )
}

/// Whether there is no such file.
pub(crate) fn is_absent(error: &rusqlite::Error, path: &Path) -> bool {
    code(error) == Some(ErrorCode::CannotOpen)
        && !fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether the database can be read, but not be written to.
pub(crate) fn is_refused(error: &rusqlite::Error) -> bool {
    matches!(code(error), Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
        || code(error) == Some(ErrorCode::CannotOpen)
        || is_busy(error)
}

/// The error of the store for one of SQLite that nothing mends.
pub(crate) fn failed(path: &Path, error: rusqlite::Error) -> StoreError {
    let full = match code(&error) {
        Some(ErrorCode::DiskFull) => true,
        // SQLite does not tell why it could not write or grow its shared memory: the file system can.
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => path.parent().is_some_and(|dir| {
            rustix::fs::statvfs(dir).is_ok_and(|stat| stat.f_bavail * stat.f_frsize < 64 * 1024)
        }),
        _ => false,
    };
    let path = path.to_owned();
    match () {
        () if full => StoreError::Full { path },
        () if is_unshared(&error) => StoreError::Unshared { path, source: error.into() },
        () => StoreError::Database { path, source: error.into() },
    }
}

/// Whether the file system has no shared memory, or no locks on it, which the log needs.
fn is_unshared(error: &rusqlite::Error) -> bool {
    let codes = [
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_RDLOCK,
    ];
    error.sqlite_error().is_some_and(|error| codes.contains(&error.extended_code))
}
