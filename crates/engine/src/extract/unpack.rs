//! Unpacks zip blobs of the store into trees of the store. It knows nothing of what the files mean.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use store::{Blob, Digest, Store, StoreError, Tree};
use thiserror::Error;

use super::error::{ExtractError, ExtractErrors, Problem};
use super::safe_zip::{Entry, EntryKind, Limits, SafeZip};
use super::source::ReadAt;

/// Why a zip blob could not be unpacked: the archive is at fault, or the store.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// The store failed, or lacks the archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive is not sound.
    #[error(transparent)]
    Archive(#[from] ExtractErrors),
}

impl UnpackError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            UnpackError::Store(error) => error.code(),
            UnpackError::Archive(errors) => errors.code(),
        }
    }

    /// What to do about it, where that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            UnpackError::Store(error) => error.help(),
            UnpackError::Archive(errors) => errors.help(),
        }
    }
}

impl From<ExtractError> for UnpackError {
    /// An error of the store that came through as one of reading or writing is the store's again.
    fn from(error: ExtractError) -> UnpackError {
        let ExtractError { archive, entry, problem } = error;
        let problem = match problem {
            Problem::Io(error) => match StoreError::from_io(error) {
                Ok(error) => return UnpackError::Store(error),
                Err(error) => Problem::Io(error),
            },
            other => other,
        };
        UnpackError::Archive(ExtractError { archive, entry, problem }.into())
    }
}

/// A blob of the store, read by position: a small one is held in memory, since its many headers are read one by one.
pub struct BlobSource {
    len: u64,
    kept: Kept,
}

enum Kept {
    Memory(Vec<u8>),
    Store(Mutex<Blob>),
}

/// The longest archive that is held in memory while it is open.
const HELD: u64 = 4 << 20;

impl ReadAt for BlobSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.kept {
            Kept::Memory(bytes) => bytes.read_exact_at(buffer, offset),
            Kept::Store(blob) => {
                let mut blob = blob.lock().unwrap_or_else(PoisonError::into_inner);
                blob.seek(SeekFrom::Start(offset))?;
                blob.read_exact(buffer)
            }
        }
    }
}

/// Opens the zip blob `digest`, which messages call `archive`: see [`SafeZip::open`].
pub fn open(
    store: &Store,
    archive: &str,
    digest: &Digest,
    limits: Limits,
) -> Result<SafeZip<BlobSource>, UnpackError> {
    let kept = if digest.size <= HELD {
        Kept::Memory(store.read(digest)?)
    } else {
        Kept::Store(Mutex::new(store.open_blob(digest)?))
    };
    Ok(SafeZip::open(archive, BlobSource { len: digest.size, kept }, limits)?)
}

/// From this size on an entry is written piece by piece; smaller ones are put into the store many at a time.
const LARGE: u64 = 1 << 20;
/// How many bytes of small entries are held in memory at once.
const BATCH: u64 = 32 << 20;

/// Unpacks the zip blob `digest`, which messages call `archive`, and gives the tree of its files and folders.
/// Executable bits are kept, times are not. Nothing that refers to the result is kept on failure.
pub fn extract(store: &Store, archive: &str, digest: &Digest) -> Result<Digest, UnpackError> {
    let zip = open(store, archive, digest, Limits::default())?;
    let mut tree = Tree::new();
    let mut small: Vec<(&Entry, bool)> = Vec::new();
    let mut held = 0;
    for entry in zip.entries() {
        let EntryKind::File { executable } = entry.kind else {
            add(&zip, entry, tree.add_directory(&entry.path))?;
            continue;
        };
        if entry.size >= LARGE {
            let mut writer = store.writer()?;
            zip.copy(entry, &mut writer)?;
            add(&zip, entry, tree.add_file(&entry.path, writer.finish()?, executable))?;
            continue;
        }
        held += entry.size;
        small.push((entry, executable));
        if held >= BATCH {
            put_batch(store, &zip, &small, &mut tree)?;
            small.clear();
            held = 0;
        }
    }
    put_batch(store, &zip, &small, &mut tree)?;
    Ok(store.put_tree(&tree)?)
}

fn put_batch(
    store: &Store,
    zip: &SafeZip<BlobSource>,
    entries: &[(&Entry, bool)],
    tree: &mut Tree,
) -> Result<(), UnpackError> {
    let contents: Vec<Result<Vec<u8>, ExtractError>> =
        entries.par_iter().map(|(entry, _)| zip.read(entry)).collect();
    let contents: Vec<Vec<u8>> = contents.into_iter().collect::<Result<_, _>>()?;
    for ((entry, executable), digest) in entries.iter().zip(store.put_many(&contents)?) {
        add(zip, entry, tree.add_file(&entry.path, digest, *executable))?;
    }
    Ok(())
}

/// What the tree refuses was not caught by the checks of names before, such as a path that is too deep.
fn add(
    zip: &SafeZip<BlobSource>,
    entry: &Entry,
    result: Result<(), store::TreeError>,
) -> Result<(), UnpackError> {
    result.map_err(|error| {
        let problem = Problem::Tree(error);
        ExtractError { archive: zip.archive().to_owned(), entry: Some(entry.path.clone()), problem }.into()
    })
}
