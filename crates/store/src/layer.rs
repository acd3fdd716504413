//! Blobs in one directory: large ones as files, small ones as rows; it knows neither trees nor other directories.
//!
//! No file is synced to the disk before it is renamed: a lost blob is a miss, and waiting for the disk would cost more
//! than making it again. A file that lost its content in a power failure is told by its row in the table `sound`,
//! which names the boot that it was written in: in another boot the file is hashed again, once, and is then known to
//! be on the disk.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::database::Database;
use crate::digest::Hasher;
use crate::error::{At, tolerate_refusal};
use crate::rows::{self, Rows, Sound, Stamp};
use crate::session::{Gate, Leases, Session};
use crate::warning::{Cause, Warnings};
use crate::{Digest, DigestFunction, StoreError};

/// Blobs of more bytes than this are files, others rows.
pub(crate) const SMALL: u64 = 32 * 1024;
/// How much is read at once: it stays in the processor's cache between reading, hashing and writing.
pub(crate) const CHUNK: usize = 512 * 1024;

/// One directory with blobs, and the rows beside them.
#[derive(Debug)]
pub(crate) struct Layer {
    dir: PathBuf,
    function: DigestFunction,
    rows: Option<Rows>,
    boot: Vec<u8>,
    known: Mutex<HashMap<Digest, Stamp>>,
    session: OnceLock<Session>,
    warnings: Arc<Warnings>,
}

impl Layer {
    /// Opens `dir` to read and write, making what is missing, and removes what killed processes left.
    pub(crate) fn open(
        dir: &Path,
        function: DigestFunction,
        warnings: &Arc<Warnings>,
    ) -> Result<Layer, StoreError> {
        let tmp = dir.join("tmp");
        fs::create_dir_all(&tmp).at("create", &tmp)?;
        rustix::fs::access(&tmp, rustix::fs::Access::WRITE_OK).at("write to", &tmp)?;
        // What cannot be removed, such as what another user left, is in nobody's way.
        let _ = Session::sweep(&tmp);
        let database = Database::open(&dir.join(rows::FOLDER), &tmp, Arc::clone(warnings))?;
        Ok(Layer::new(dir, function, Some(database), warnings))
    }

    /// Opens `dir` to read, as far as there is anything in it.
    pub(crate) fn open_read_only(
        dir: &Path,
        function: DigestFunction,
        scratch: &Path,
        warnings: &Arc<Warnings>,
    ) -> Layer {
        let database = Database::open_read_only(&dir.join(rows::FOLDER), scratch, Arc::clone(warnings));
        Layer::new(dir, function, database, warnings)
    }

    fn new(
        dir: &Path,
        function: DigestFunction,
        database: Option<Database>,
        warnings: &Arc<Warnings>,
    ) -> Layer {
        // Where the system does not tell, no two processes share a boot, and each checks for itself.
        let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Layer {
            dir: dir.to_owned(),
            function,
            rows: database.map(|database| Rows::new(database, Arc::clone(warnings))),
            boot,
            known: Mutex::default(),
            session: OnceLock::new(),
            warnings: Arc::clone(warnings),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The rows, if there is a database.
    pub(crate) fn rows(&self) -> Option<&Rows> {
        self.rows.as_ref()
    }

    /// The rows of a layer that is written to.
    pub(crate) fn rows_mut(&self) -> Result<&Rows, StoreError> {
        let refused = || io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        self.rows.as_ref().ok_or_else(refused).at("write to", &self.dir)
    }

    /// The bytes of each small blob of `digests` that is here and has the right content.
    pub(crate) fn small(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(rows) = &self.rows else { return Ok(vec![None; digests.len()]) };
        let mut blobs = match digests {
            [digest] => vec![rows.blob(digest)?],
            digests => rows.blobs(digests)?,
        };
        for (digest, slot) in digests.iter().zip(&mut blobs) {
            if slot.as_ref().is_some_and(|bytes| self.function.digest(bytes) != *digest) {
                *slot = None;
                self.warnings.add(Cause::CorruptBlob(*digest));
                tolerate_refusal(rows.remove_blob(digest))?;
            }
        }
        Ok(blobs)
    }

    /// Stores small blobs in one transaction, but for those that are here.
    pub(crate) fn put_small(&self, blobs: &[(Digest, &[u8])]) -> Result<(), StoreError> {
        let rows = self.rows_mut()?;
        let missing = rows.to_put(blobs)?;
        if missing.is_empty() { Ok(()) } else { rows.put_blobs(&missing) }
    }

    /// The file of a large blob that is here and has the right content.
    pub(crate) fn file(&self, digest: &Digest) -> Result<Option<File>, StoreError> {
        let path = self.path(digest);
        let file = match OpenOptions::new().read(true).custom_flags(NONBLOCK).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
            file => file.at("open", &path)?,
        };
        let stamp = stamp(&file).at("read", &path)?;
        if self.known().get(digest) == Some(&stamp) {
            return Ok(Some(file));
        }
        let row = self.rows.as_ref().map(|rows| rows.sound(digest)).transpose()?.flatten();
        let same_boot = row.as_ref().is_some_and(|row| !self.boot.is_empty() && row.boot == self.boot);
        let same = row.as_ref().is_some_and(|row| row.stamp == stamp);
        if same && stamp.size == digest.size && row.as_ref().is_some_and(|row| row.durable || same_boot) {
            self.known().insert(*digest, stamp);
            return Ok(Some(file));
        }
        if stamp.size != digest.size || !self.has_content(&file, digest) {
            self.discard(digest, &path, &stamp)?;
            return Ok(None);
        }
        self.remember(digest, stamp, same && !same_boot)?;
        Ok(Some(file))
    }

    /// Hashes the file of a large blob whatever is known of it, and removes it where it has another content; whether it
    /// has not.
    pub(crate) fn verify(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.path(digest);
        let Ok(file) = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(&path) else {
            // It has gone meanwhile.
            return Ok(true);
        };
        let stamp = stamp(&file).at("read", &path)?;
        let good = self.has_content(&file, digest);
        if !good {
            self.discard(digest, &path, &stamp)?;
        }
        Ok(good)
    }

    /// Begins a temporary file.
    pub(crate) fn temporary(&self) -> Result<Temporary, StoreError> {
        let path = self.session()?.path();
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        match file {
            Ok(file) => Ok(Temporary { file, path }),
            Err(source) => Err(source).at("create", &path),
        }
    }

    /// Makes a temporary file with the content of `digest` the file of it.
    pub(crate) fn publish(&self, temporary: &Temporary, digest: &Digest) -> Result<(), StoreError> {
        if self.file(digest)?.is_some() {
            return Ok(());
        }
        let path = self.path(digest);
        temporary
            .file
            .set_permissions(Permissions::from_mode(0o444))
            .at("change the mode of", &temporary.path)?;
        if let Err(error) = fs::rename(&temporary.path, &path) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error).at("create", &path);
            }
            let shard = path.parent().unwrap_or(&self.dir);
            fs::create_dir_all(shard).at("create", shard)?;
            fs::rename(&temporary.path, &path).at("create", &path)?;
        }
        // The rename changed the time of the last change, so that the state is taken after it.
        let stamp = stamp(&temporary.file).at("read", &path)?;
        self.remember(digest, stamp, false)
    }

    /// The folder for what this process has not finished.
    pub(crate) fn session(&self) -> Result<&Session, StoreError> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let tmp = self.dir.join("tmp");
        let passing = Gate::pass(&self.dir).at("pass the gate of", &self.dir)?;
        let session = Session::new(&tmp).at("create", &tmp)?;
        drop(passing);
        // Another thread may have been first: then this one is removed again.
        Ok(self.session.get_or_init(|| session))
    }

    /// Writes down that this process relies on an outcome. Where that cannot be written, nobody collects either.
    pub(crate) fn lease(&self, key: &Digest) {
        if let Ok(session) = self.session() {
            let _ = session.lease(&key.hash);
        }
    }

    /// Keeps others from beginning to rely on what is here; none where nothing can be written, which the caller is told by
    /// what it does next. Fails where somebody else does so for as long as `patience`.
    pub(crate) fn close(&self, patience: Duration) -> Result<Option<Gate>, StoreError> {
        // Once it is closed this process could not begin either.
        let closed =
            self.session().and_then(|_| Gate::close(&self.dir, patience).at("close the gate of", &self.dir));
        match closed {
            Err(error) if error.is_read_only() || matches!(error, StoreError::Full { .. }) => Ok(None),
            Ok(None) => Err(StoreError::Held { path: self.dir.clone(), waited: patience, holder: None }),
            closed => closed,
        }
    }

    /// What other processes hold.
    pub(crate) fn leases(&self) -> Result<Leases, StoreError> {
        let tmp = self.dir.join("tmp");
        Session::leases(&tmp, self.session.get()).at("read", &tmp)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.dir.join("blobs").join(&hex[..2]).join(&hex[2..])
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Stamp>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: &Digest, stamp: Stamp, durable: bool) -> Result<(), StoreError> {
        self.known().insert(*digest, stamp);
        let Some(rows) = &self.rows else { return Ok(()) };
        tolerate_refusal(rows.put_sound(digest, &Sound { stamp, boot: self.boot.clone(), durable }))
    }

    /// Whether the content of `file` is that of `digest`. What cannot be read is not.
    fn has_content(&self, file: &File, digest: &Digest) -> bool {
        hash(file, self.function).is_ok_and(|found| found == *digest)
    }

    fn discard(&self, digest: &Digest, path: &Path, stamp: &Stamp) -> Result<(), StoreError> {
        self.known().remove(digest);
        // Another process may have put it right meanwhile.
        if !fs::symlink_metadata(path).is_ok_and(|found| found.ino() == stamp.inode) {
            return Ok(());
        }
        self.warnings.add(Cause::CorruptBlob(*digest));
        let removed = match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path),
            removed => removed,
        };
        tolerate_refusal(removed.at("remove", path))
    }
}

/// A FIFO in the place of a blob must not be waited for.
pub(crate) const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// A file that is removed unless it is renamed.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Its name is gone if it was renamed; else the next sweep removes what this cannot.
        let _ = fs::remove_file(&self.path);
    }
}

pub(crate) fn stamp(file: &File) -> io::Result<Stamp> {
    let found = file.metadata()?;
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Ok(Stamp {
        inode: found.ino(),
        size: found.size(),
        mtime: nanoseconds(found.mtime(), found.mtime_nsec()),
        ctime: nanoseconds(found.ctime(), found.ctime_nsec()),
    })
}

/// The digest of all that can be read from `file`.
pub(crate) fn hash(mut file: &File, function: DigestFunction) -> io::Result<Digest> {
    let mut hasher = Hasher::new(function);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => hasher.update(&chunk[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    io::Seek::rewind(&mut file)?;
    Ok(hasher.finish())
}
