//! Empties the cache beside processes that are at work with it; it does not know what was in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::collect::unless_full;
use crate::error::At;
use crate::rows::FOLDER;
use crate::session::Session;
use crate::store::VERSION;
use crate::{Collected, Store, StoreError, snapshot};

/// What emptying the cache came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared {
    /// What was removed.
    pub collected: Collected,
    /// Whether no other process is at work with this layout of the cache, so that nothing had to stay.
    pub alone: bool,
}

impl Store {
    /// Removes all that no living process relies on: not the outcomes that one has read, nor what was stored since the
    /// first of them began. Another process that writes is waited for as long as `patience`.
    ///
    /// Fails where the cache cannot be written to, and with [`StoreError::Held`] where it was waited for in vain.
    pub fn clear(&self, patience: Duration) -> Result<Cleared, StoreError> {
        let before = self.usage()?.bytes();
        let (base, rows) = (self.base(), self.base().rows_mut()?);
        let _closed = base.close(patience)?;
        let leases = base.leases()?;
        let alone = leases.since == i64::MAX;
        snapshot::remove_before(rows, leases.since);
        let forgotten = unless_full(rows.remove_memos_before(leases.since, patience))?;
        if alone {
            remove(&rows.index_dir())?;
        }
        let mut collected = self.cut(0, leases.since, &leases, patience)?;
        if !forgotten {
            rows.remove_memos_before(leases.since, patience)?;
            rows.shrink(patience)?;
        }
        collected.bytes = before.saturating_sub(self.usage()?.bytes());
        Ok(Cleared { collected, alone })
    }

    /// Removes what other versions have left in layouts of their own, where none of them is at work. Gives the bytes
    /// that became free, and the folders that had to stay.
    pub fn clear_other_layouts(&self) -> Result<(u64, Vec<PathBuf>), StoreError> {
        let before = self.usage()?.bytes();
        let base = self.base().dir();
        let mut busy = Vec::new();
        for (folder, own, ours) in [
            (self.dir(), VERSION, is_version as fn(&str) -> bool),
            (&self.dir().join(VERSION), self.function().name(), |_| true),
            (base, FOLDER, is_database),
        ] {
            for other in others(folder, own, ours)? {
                if is_busy(&other).at("read", &other)? { busy.push(other) } else { remove(&other)? }
            }
        }
        Ok((before.saturating_sub(self.usage()?.bytes()), busy))
    }
}

/// `v1`, `v2`.
fn is_version(name: &str) -> bool {
    name.strip_prefix('v').is_some_and(is_number)
}

/// `db`, `db2`.
fn is_database(name: &str) -> bool {
    name.strip_prefix("db").is_some_and(|number| number.is_empty() || is_number(number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The folders of other layouts beside one's own.
fn others(folder: &Path, own: &str, is_layout: fn(&str) -> bool) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let name = entry.file_name();
        let other = name.to_str().is_some_and(|name| name != own && is_layout(name));
        if other && entry.file_type().at("read", folder)?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Whether somebody holds a lock in a folder: that of a database, or one of what a process has not finished.
fn is_busy(folder: &Path) -> io::Result<bool> {
    if Session::is_held(folder)? {
        return Ok(true);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Locks lie no deeper than this, and blobs are many.
        if entry.file_type()?.is_dir() && entry.file_name() != "blobs" && is_busy(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    use io::ErrorKind::{DirectoryNotEmpty, NotFound};
    match fs::remove_dir_all(folder) {
        // It is gone, or somebody has begun to fill it again.
        Err(error) if matches!(error.kind(), NotFound | DirectoryNotEmpty) => Ok(()),
        removed => removed.at("remove", folder),
    }
}
