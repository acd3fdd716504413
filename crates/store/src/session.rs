//! Folders for temporary files that vanish with their process, however it ends; it does not know what is in them.
//!
//! Each folder has a lock file beside it, held by `flock` for as long as the process lives. The system releases the
//! lock of a killed process, so whoever gets the lock may remove the folder: no process id is ever looked at.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

const LOCK: &str = "lock";

/// A folder of this process, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: File,
    next: AtomicU64,
}

impl Session {
    /// Makes a folder in `parent`, which is made too.
    pub(crate) fn new(parent: &Path) -> io::Result<Session> {
        fs::create_dir_all(parent)?;
        loop {
            let suffix = format!(".{LOCK}");
            let (lock, lock_path) = tempfile::Builder::new().suffix(&suffix).tempfile_in(parent)?.keep()?;
            // Between its making and its locking, another process may have taken it for a leftover.
            if try_lock(&lock)? && is_at(&lock, &lock_path)? {
                let dir = lock_path.with_extension("");
                fs::create_dir(&dir)?;
                return Ok(Session { dir, lock_path, _lock: lock, next: AtomicU64::new(0) });
            }
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in the folder that nothing else has.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Removes the folders in `parent` whose processes are gone.
    pub(crate) fn sweep(parent: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == LOCK) {
                sweep_one(&path)?;
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep.
        if fs::remove_dir_all(&self.dir).is_ok() {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

fn sweep_one(lock_path: &Path) -> io::Result<()> {
    let lock = match OpenOptions::new().read(true).write(true).open(lock_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        lock => lock?,
    };
    if !try_lock(&lock)? || !is_at(&lock, lock_path)? {
        return Ok(());
    }
    match fs::remove_dir_all(lock_path.with_extension("")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_file(lock_path),
    }
}

/// Takes the lock if nobody has it. A file system without locks says that somebody has it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(rustix::io::Errno::INTR) => try_lock(file),
        Err(error) => Err(error.into()),
    }
}

/// Whether `path` still names this very file.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
