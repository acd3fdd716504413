//! Folders for temporary files that vanish with their process, however it ends; it does not know what is in them.
//!
//! Each folder has a lock file beside it, held by `flock` for as long as the process lives. The system releases the
//! lock of a killed process, so whoever gets the lock may remove the folder: no process id is ever looked at.
//! The lock file is the lease of its process: when it began, and the keys of the outcomes that it has read. Who empties the
//! cache holds a [`Gate`] meanwhile, which nobody passes to begin.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::Moment;

const LOCK: &str = "lock";

/// The file that is locked to close the gate.
const GATE: &str = "gate";

/// How long who begins waits for who empties the cache.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder of this process, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    dir: PathBuf,
    lock_path: PathBuf,
    lock: File,
    next: AtomicU64,
    leased: Mutex<HashSet<[u8; 32]>>,
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
                (&lock).write_all(&Moment::now().hours().to_le_bytes())?;
                return Ok(Session {
                    dir,
                    lock_path,
                    lock,
                    next: AtomicU64::new(0),
                    leased: Mutex::default(),
                });
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

    /// Writes down that this process relies on an outcome, for as long as it lives.
    pub(crate) fn lease(&self, key: &[u8; 32]) -> io::Result<()> {
        // Held while it is written, so that records are not mixed.
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        if leased.insert(*key) { (&self.lock).write_all(key) } else { Ok(()) }
    }

    /// What the living processes with folders in `parent` hold, without that of `own`.
    pub(crate) fn leases(parent: &Path, own: Option<&Session>) -> io::Result<Leases> {
        let mut leases = Leases { since: i64::MAX, keys: HashSet::new() };
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(leases),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != LOCK)
                || own.is_some_and(|own| own.lock_path == path)
            {
                continue;
            }
            let mut file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            if try_lock(&file)? {
                continue;
            }
            // By its handle: its process may end and remove it meanwhile.
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            // One that has only just locked it has nothing yet.
            let Some((since, keys)) = bytes.split_first_chunk() else { continue };
            leases.since = leases.since.min(i64::from_le_bytes(*since));
            leases.keys.extend(keys.as_chunks().0);
        }
        Ok(leases)
    }

    /// Whether a living process holds one of the lock files in `parent`.
    pub(crate) fn is_held(parent: &Path) -> io::Result<bool> {
        for entry in fs::read_dir(parent)? {
            let path = entry?.path();
            let is_lock = path.extension().is_some_and(|extension| extension == LOCK)
                || path.file_name().is_some_and(|name| name == LOCK);
            if !is_lock {
                continue;
            }
            match OpenOptions::new().read(true).write(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => {
                    if !try_lock(&file?)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
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

/// Kept by who empties the cache, so that nobody begins to rely on what is about to go.
#[derive(Debug)]
pub(crate) struct Gate(#[expect(dead_code, reason = "held, and not used")] File);

impl Gate {
    /// Closes the gate of `dir`. None where somebody else has it for as long as `patience`.
    pub(crate) fn close(dir: &Path, patience: Duration) -> io::Result<Option<Gate>> {
        Gate::take(dir, FlockOperation::NonBlockingLockExclusive, patience)
    }

    /// Keeps the gate of `dir` open. None where it is closed for long: what is lost to who closed it is made again.
    pub(crate) fn pass(dir: &Path) -> io::Result<Option<Gate>> {
        Gate::take(dir, FlockOperation::NonBlockingLockShared, PATIENCE)
    }

    fn take(dir: &Path, how: FlockOperation, patience: Duration) -> io::Result<Option<Gate>> {
        fs::create_dir_all(dir)?;
        let file = OpenOptions::new().create(true).append(true).open(dir.join(GATE))?;
        let begin = Instant::now();
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Some(Gate(file))),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if begin.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What must not be collected, since processes are at work with it.
#[derive(Debug)]
pub(crate) struct Leases {
    /// The hour in which the first of them began: what was stored or used since then stays.
    pub(crate) since: i64,
    /// The outcomes that they have read.
    pub(crate) keys: HashSet<[u8; 32]>,
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
