//! Values that are read whole at nearly every start, each a sealed file of its own; it does not know what they are.
//!
//! A database reads a large value page by page, and writes it twice: first to its log. A file takes one call for each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{At, tolerate_refusal};
use crate::rows::Rows;
use crate::warning::Cause;
use crate::{Store, StoreError, copy};

/// The folder of snapshots, beside the database.
const FOLDER: &str = "snapshot";
const SEAL: usize = 32;

impl Store {
    /// The snapshot that the table `table` has for `key`.
    pub fn snapshot(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        for layer in self.layers() {
            let Some(path) = layer.rows().map(|rows| path_in(rows, table, key)) else { continue };
            found = read(self, &path, table, key)?.or(found);
        }
        Ok(found)
    }

    /// Gives `key` a snapshot in the table `table`, in the place of what was there: the parts of it one after the other.
    pub fn put_snapshot(&self, table: &str, key: &[u8], parts: &[&[u8]]) -> Result<(), StoreError> {
        let seal = seal(table, key, parts);
        self.write(|layer| {
            let path = path_in(layer.rows_mut()?, table, key);
            let folder = path.parent().unwrap_or(layer.dir());
            fs::create_dir_all(folder).at("create", folder)?;
            let temporary = layer.temporary()?;
            for part in [seal.as_slice()].iter().chain(parts) {
                copy::write(&temporary.file, part).at("write", &temporary.path)?;
            }
            fs::rename(&temporary.path, &path).at("write", &path)
        })
    }
}

/// Removes the snapshots of a folder that nobody has written since `hour`. What cannot be removed is in nobody's way.
pub(crate) fn remove_before(rows: &Rows, hour: i64) {
    for entry in fs::read_dir(rows.folder().join(FOLDER)).into_iter().flatten().flatten() {
        let old = |found: fs::Metadata| std::os::unix::fs::MetadataExt::ctime(&found) / 3600 < hour;
        if entry.metadata().is_ok_and(old) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn path_in(rows: &Rows, table: &str, key: &[u8]) -> PathBuf {
    let name = blake3::hash(key).to_hex();
    rows.folder().join(FOLDER).join(format!("{table}-{}", &name[..32]))
}

/// The content of the file at `path`; one that is damaged is removed, with a warning.
fn read(store: &Store, path: &Path, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut sealed = match fs::read(path) {
        Ok(sealed) => sealed,
        // It would be in the way of the next value.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Vec::new(),
        Err(_) => return Ok(None),
    };
    if let Some((found, value)) = sealed.split_first_chunk::<SEAL>()
        && *found == seal(table, key, &[value])
    {
        sealed.drain(..SEAL);
        return Ok(Some(sealed));
    }
    store.warn(Cause::CorruptEntry { table: table.to_owned() });
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        // Another process was first.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => tolerate_refusal(removed.at("remove", path))?,
    }
    Ok(None)
}

fn seal(table: &str, key: &[u8], parts: &[&[u8]]) -> [u8; SEAL] {
    let mut hasher = blake3::Hasher::new();
    for part in [table.as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    for part in parts {
        hasher.update_rayon(part);
    }
    *hasher.finalize().as_bytes()
}
