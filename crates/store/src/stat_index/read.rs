//! Looks at a workspace's files, and reads those that have changed; it does not know how the index is kept.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::StatError;
use super::file::Record;
use crate::layer::SMALL;
use crate::state::{Moment, State};
use crate::{Digest, Store, StoreError};

/// How often a file that is being written to is read.
const ATTEMPTS: u32 = 10;
/// What a look at a file tells.
pub(super) enum Look {
    Same(Record),
    Changed,
}

/// Looks at the file at `path`, without reading it.
pub(super) fn look(root: &File, path: &Path, known: Option<&Record>) -> Result<Look, StatError> {
    let stat =
        rustix::fs::statat(root, path, AtFlags::empty()).map_err(|errno| refused(root, path, errno))?;
    check_kind(&stat, path)?;
    match known {
        Some(record) if !record.racy && record.state == State::of(&stat) => Ok(Look::Same(*record)),
        _ => Ok(Look::Changed),
    }
}

/// Reads the files at `paths` and puts them into the store, the small ones in one transaction.
pub(super) fn store_all(
    store: &Store,
    root: &File,
    root_path: &Path,
    paths: &[(usize, &Path)],
) -> Vec<(usize, Result<Record, StatError>)> {
    let mut small: Vec<(Digest, Vec<u8>)> = Vec::new();
    let mut records = Vec::with_capacity(paths.len());
    for (index, path) in paths {
        let mut keep = |digest, bytes| small.push((digest, bytes));
        records.push((*index, read_stable(store, root, root_path, path, Some(&mut keep))));
    }
    let blobs: Vec<_> = small.iter().map(|(digest, bytes)| (*digest, bytes.as_slice())).collect();
    if store.put_hashed(&blobs).is_err() {
        // Each tells on its own why it could not be stored.
        for ((_, path), (_, record)) in paths.iter().zip(&mut records) {
            let Ok(found) = record else { continue };
            let digest = found.digest();
            let Some(blob) = blobs.iter().find(|(of, _)| *of == digest) else { continue };
            if let Err(source) = store.put_hashed(&[*blob]) {
                *record = Err(StatError::Store { path: (*path).to_owned(), source });
            }
        }
    }
    records
}

/// Reads the files at `paths`, and stores nothing.
pub(super) fn hash_all(
    store: &Store,
    root: &File,
    root_path: &Path,
    paths: &[(usize, &Path)],
) -> Vec<(usize, Result<Record, StatError>)> {
    paths.iter().map(|(index, path)| (*index, read_stable(store, root, root_path, path, None))).collect()
}

/// Reads a file until nobody wrote to it meanwhile. A small one is given to `keep`, a large one is stored; neither where
/// there is no `keep`.
fn read_stable(
    store: &Store,
    root: &File,
    root_path: &Path,
    path: &Path,
    mut keep: Option<&mut dyn FnMut(Digest, Vec<u8>)>,
) -> Result<Record, StatError> {
    let unreadable = |source: io::Error| StatError::Unreadable { path: path.to_owned(), source };
    for _ in 0..ATTEMPTS {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let opened = rustix::fs::openat(root, path, flags, Mode::empty())
            .map_err(|errno| refused(root, path, errno))?;
        let mut file = File::from(opened);
        let now = Moment::now();
        let before = rustix::fs::fstat(&file).map_err(|errno| unreadable(errno.into()))?;
        check_kind(&before, path)?;
        let before = State::of(&before);
        // With room for the whole, two calls read a file; into an empty vector it takes six.
        let mut bytes = Vec::with_capacity(usize::try_from(before.size.min(SMALL)).unwrap_or_default() + 1);
        let digest = if before.size <= SMALL {
            (&mut file).take(SMALL + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            store.digest(&bytes)
        } else if keep.is_none() {
            crate::layer::hash(&file, store.function()).map_err(unreadable)?
        } else {
            let stored = store.put_open(&mut file, &root_path.join(path));
            stored.map_err(|source| cannot_store(path, &root_path.join(path), source))?
        };
        let after = rustix::fs::fstat(&file).map_err(|errno| unreadable(errno.into()))?;
        if State::of(&after) == before && digest.size == before.size {
            let stored = keep.is_some();
            if let Some(keep) = keep.as_mut().filter(|_| before.size <= SMALL) {
                keep(digest, bytes);
            }
            return Ok(Record { state: before, hash: digest.hash, racy: before.is_racy(now), stored });
        }
    }
    Err(StatError::Changing { path: path.to_owned() })
}

/// What went wrong while a file was copied into the store: with the file, or with the store.
fn cannot_store(path: &Path, full_path: &Path, source: StoreError) -> StatError {
    let path = path.to_owned();
    match source {
        StoreError::Io { path: at, source, .. } if at == full_path => StatError::Unreadable { path, source },
        source => StatError::Store { path, source },
    }
}

fn check_kind(stat: &Stat, path: &Path) -> Result<(), StatError> {
    let found = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(StatError::NotAFile { path: path.to_owned(), found })
}

fn refused(root: &File, path: &Path, errno: Errno) -> StatError {
    let path = path.to_owned();
    match errno {
        Errno::LOOP => StatError::Dangling { path },
        Errno::NOENT | Errno::NOTDIR => {
            let link = rustix::fs::statat(root, &path, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
            if link { StatError::Dangling { path } } else { StatError::NotFound { path } }
        }
        Errno::NXIO => StatError::NotAFile { path, found: "a special file" },
        errno => StatError::Unreadable { path, source: errno.into() },
    }
}
