//! Knows the digests of a workspace's files without reading them, as long as they have not changed.
//!
//! A file whose state (device, inode, size, times) is that of the last time has the content of the last time, unless
//! it was written to so shortly before it was read that a second write may have left the same times: such an entry is
//! *racy*, and hashed again. An entry says whether the content was put into the store as well. What a clock of another
//! machine says is trusted only as far as it does not run behind, as with git.

mod file;
mod read;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::At;
use crate::warning::Cause;
use crate::{Digest, Store, StoreError, copy};
use file::{Record, Table};

/// How many files a thread takes on at once.
const BATCH: usize = 256;

/// What the index knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its content.
    pub digest: Digest,
    /// Whether its owner may run it.
    pub executable: bool,
}

/// Why a file has no digest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatError {
    /// There is nothing at the path.
    #[error("`{}` does not exist", path.display())]
    NotFound {
        /// The path as it was asked for.
        path: PathBuf,
    },
    /// There is a symbolic link that leads nowhere, or to itself.
    #[error("the symbolic link `{}` leads to nothing", path.display())]
    Dangling {
        /// The path as it was asked for.
        path: PathBuf,
    },
    /// There is a directory, a FIFO, a socket or a device.
    #[error("expected a regular file, found {found} at `{}`", path.display())]
    NotAFile {
        /// The path as it was asked for.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The system refuses to read it.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path as it was asked for.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It was written to each time that it was read.
    #[error("`{}` changes while it is read", path.display())]
    Changing {
        /// The path as it was asked for.
        path: PathBuf,
    },
    /// Its content could not be stored.
    #[error("cannot store `{}`", path.display())]
    Store {
        /// The path as it was asked for.
        path: PathBuf,
        /// The reason.
        source: StoreError,
    },
}

impl StatError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            StatError::NotFound { .. } => "store::file_not_found",
            StatError::Dangling { .. } => "store::file_dangling",
            StatError::NotAFile { .. } => "store::file_not_regular",
            StatError::Unreadable { .. } => "store::file_unreadable",
            StatError::Changing { .. } => "store::file_changing",
            StatError::Store { source, .. } => source.code(),
        }
    }

    /// What to do about it, where that can be told.
    pub fn help(&self) -> Option<String> {
        match self {
            StatError::Changing { .. } => Some("build again when nothing writes to the file".to_owned()),
            StatError::Store { source, .. } => source.help(),
            StatError::Unreadable { path, .. } => {
                Some(format!("`ls -l {}` shows who may read it", path.display()))
            }
            _ => None,
        }
    }
}

/// The digests of the files of one workspace.
#[derive(Debug)]
pub struct StatIndex {
    store: Store,
    root: File,
    root_path: PathBuf,
    /// Where the index is kept, if it is.
    path: Option<PathBuf>,
    table: Table,
    /// What differs from the table: a file's new record, or none where there is no file any more.
    changes: Mutex<BTreeMap<Vec<u8>, Option<Record>>>,
}

impl StatIndex {
    /// Opens the index of the workspace at `root`. One that is damaged is as good as none.
    pub fn open(store: &Store, root: &Path) -> Result<StatIndex, StoreError> {
        let root_path = root.canonicalize().at("enter", root)?;
        let root = File::open(&root_path).at("enter", &root_path)?;
        let name = blake3::hash(root_path.as_os_str().as_bytes()).to_hex().to_string();
        let path = store.index_dir().map(|dir| dir.join(name));
        let table = match path.as_deref().map(file::read) {
            Some(Ok(Some(table))) => table,
            None | Some(Ok(None)) => Table::default(),
            Some(Err(_)) => {
                path.iter().for_each(|path| store.warn(Cause::CorruptIndex(path.clone())));
                Table::default()
            }
        };
        Ok(StatIndex { store: store.clone(), root, root_path, path, table, changes: Mutex::default() })
    }

    /// The digests of the files at `paths`, which are relative to the root, each or why it has none, in their order.
    ///
    /// Sorted paths are the quickest. The content of a file that has changed is put into the store.
    pub fn digests<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<IndexEntry, StatError>> {
        paths.par_chunks(BATCH).flat_map_iter(|batch| self.batch(batch, true)).collect()
    }

    /// The same for who builds nothing: what has changed is hashed and not stored.
    pub fn hashes<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<IndexEntry, StatError>> {
        paths.par_chunks(BATCH).flat_map_iter(|batch| self.batch(batch, false)).collect()
    }

    /// The digest of one file.
    pub fn digest(&self, path: &Path) -> Result<IndexEntry, StatError> {
        self.batch(&[path], true).pop().expect("a batch of one has one answer")
    }

    /// The root of the workspace, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root_path
    }

    /// Writes the index, if anything changed, and if its blobs are kept: those in a database that was begun anew, or
    /// in the scratch of a cache that cannot be written to, are not.
    pub fn save(&mut self) -> Result<(), StoreError> {
        let changes = self.changes.get_mut().unwrap_or_else(PoisonError::into_inner);
        if changes.is_empty() {
            return Ok(());
        }
        let table = self.table.with_changes(changes);
        if let Some(path) = &self.path
            && let Some(dir) = path.parent()
            && self.store.index_dir().as_deref() == Some(dir)
        {
            self.store.write(|layer| {
                if !path.starts_with(layer.dir()) {
                    return Ok(());
                }
                let temporary = layer.temporary()?;
                copy::write(&temporary.file, table.bytes()).at("write", &temporary.path)?;
                let place = || {
                    std::fs::create_dir_all(dir)?;
                    std::fs::rename(&temporary.path, path)
                };
                // Who clears the cache beside this may remove the folder in between.
                let is_gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
                let placed = place().or_else(|error| if is_gone(&error) { place() } else { Err(error) });
                placed.at("write", path)
            })?;
        }
        self.table = table;
        changes.clear();
        Ok(())
    }

    fn batch<P: AsRef<Path>>(&self, paths: &[P], stored: bool) -> Vec<Result<IndexEntry, StatError>> {
        let mut hint = 0;
        let mut found = Vec::with_capacity(paths.len());
        let mut changed = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let bytes = path.as_os_str().as_bytes();
            let known = self.known(bytes, &mut hint).filter(|record| record.stored || !stored);
            match read::look(&self.root, path, known.as_ref()) {
                Ok(read::Look::Same(record)) => found.push(Ok(record.entry())),
                Ok(read::Look::Changed) => {
                    changed.push((found.len(), path));
                    found.push(Err(StatError::Changing { path: path.to_owned() }));
                }
                Err(error) => {
                    if known.is_some() {
                        self.change(bytes, None);
                    }
                    found.push(Err(error));
                }
            }
        }
        let Self { store, root, root_path, .. } = self;
        let read = if stored { read::store_all } else { read::hash_all };
        for (index, record) in read(store, root, root_path, &changed) {
            let path = paths[index].as_ref();
            if let Ok(record) = &record {
                self.change(path.as_os_str().as_bytes(), Some(*record));
            }
            found[index] = record.map(|record| record.entry());
        }
        found
    }

    /// The newest record of a path. `hint` is where the one before was.
    fn known(&self, path: &[u8], hint: &mut usize) -> Option<Record> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        match changes.get(path) {
            Some(changed) => *changed,
            None => self.table.find(path, hint),
        }
    }

    fn change(&self, path: &[u8], record: Option<Record>) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), record);
    }
}
