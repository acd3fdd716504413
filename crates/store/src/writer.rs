//! Writes a blob whose bytes come one after the other; it does not know where they come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::digest::Hasher;
use crate::error::At;
use crate::layer::{CHUNK, SMALL, Temporary};
use crate::{Digest, Store, StoreError, copy};

/// Takes the bytes of a blob, hashing them on the way. What is not finished is not kept.
///
/// The errors that it gives as [`Write`] are a [`StoreError`] inside: see [`StoreError::from_io`].
pub struct BlobWriter {
    store: Store,
    hasher: Hasher,
    /// What is not hashed and written yet.
    buffer: Vec<u8>,
    file: Option<Temporary>,
    /// Whether a write failed, so that what is there is not what was written.
    broken: bool,
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("file", &self.file).finish_non_exhaustive()
    }
}

impl BlobWriter {
    pub(crate) fn new(store: Store) -> BlobWriter {
        let hasher = Hasher::new(store.function());
        BlobWriter { store, hasher, buffer: Vec::new(), file: None, broken: false }
    }

    /// Keeps the blob, and tells its digest. Fails if anything failed before.
    pub fn finish(mut self) -> Result<Digest, StoreError> {
        if self.broken {
            let path = self.file.as_ref().map_or_else(|| Path::new("a blob"), |file| file.path.as_path());
            return Err(io::Error::other("a part of it could not be written")).at("write", path);
        }
        if self.file.is_none() && self.buffer.len() as u64 <= SMALL {
            return self.store.put(&self.buffer);
        }
        self.drain()?;
        let digest = self.hasher.finish();
        let mut file = self.file;
        if !self.store.has(&digest)?
            && let Some(temporary) = file.take()
        {
            let layer = self.store.layers().find(|layer| temporary.path.starts_with(layer.dir()));
            layer.expect("a temporary file is made by a layer").publish(&temporary, &digest)?;
        }
        Ok(digest)
    }

    /// Takes all that is left to read of `file`, which is at `path`; its blocks are shared where that can be.
    pub(crate) fn copy_from(&mut self, file: &mut File, path: &Path) -> Result<(), StoreError> {
        let len = file.metadata().at("read", path)?.len();
        if len > SMALL && self.buffer.is_empty() && self.file.is_none() {
            let temporary = self.store.write(crate::layer::Layer::temporary)?;
            // What is hashed is the copy, which nobody else writes to.
            if copy::reflink(file, &temporary.file) {
                let mut shared = temporary.file.try_clone().at("read", &temporary.path)?;
                read_all(&mut shared, &temporary.path, |chunk| {
                    self.hasher.update(chunk);
                    Ok(())
                })?;
                self.file = Some(temporary);
                return Ok(());
            }
            self.file = Some(temporary);
        }
        if len <= SMALL {
            self.buffer.reserve(usize::try_from(len).unwrap_or_default());
        }
        read_all(file, path, |chunk| self.take(chunk))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.buffer.is_empty() && bytes.len() >= CHUNK {
            return self.spill(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.drain() } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<(), StoreError> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.spill(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        result
    }

    fn spill(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let result = self.try_spill(bytes);
        self.broken |= result.is_err();
        result
    }

    fn try_spill(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.store.write(crate::layer::Layer::temporary)?),
        };
        self.hasher.update(bytes);
        copy::write(&file.file, bytes).at("write", &file.path)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(StoreError::into_io)?;
        Ok(bytes.len())
    }

    /// Does nothing: only [`BlobWriter::finish`] keeps anything.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read_all(
    file: &mut File,
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let len = file.metadata().at("read", path)?.len();
    let mut chunk = vec![0; usize::try_from(len + 1).unwrap_or(CHUNK).min(CHUNK)];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(len) => take(&chunk[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).at("read", path),
        }
    }
}
