//! The store as others see it: blobs, outcomes and memo tables by their keys; it does not know how each is kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use crate::composed::{self, Segment};
use crate::error::{At, from_stream};
use crate::layer::{Layer, NONBLOCK, SMALL};
use crate::outcome::Outcome;
use crate::session::Session;
use crate::warning::{Cause, Warning, Warnings};
use crate::{BlobWriter, Digest, DigestFunction, StoreError, copy};

/// Raised with each change to the layout of the files.
pub(crate) const VERSION: &str = "v1";

/// A cache in a directory, shared by processes. A clone is the same store.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    function: DigestFunction,
    base: Layer,
    /// What is written to since `base` cannot be.
    scratch: OnceLock<Scratch>,
    scratch_root: PathBuf,
    degrading: Mutex<()>,
    warnings: Arc<Warnings>,
}

/// A layer that lives as long as the process. It is dropped before its folder.
#[derive(Debug)]
struct Scratch {
    layer: Layer,
    _session: Session,
}

/// Where the content of a blob is.
#[derive(Debug)]
pub(crate) enum Content {
    Small(Vec<u8>),
    File(File),
    Composed(Vec<Segment>),
}

impl Store {
    /// Opens the cache in `dir`, making it if there is none, with the scratch of a read-only one in `/tmp`.
    pub fn open(dir: &Path, function: DigestFunction) -> Result<Store, StoreError> {
        Store::open_with(dir, function, Path::new("/tmp"))
    }

    /// Opens the cache in `dir`, making it if there is none. Where it cannot be written to, what is there is read, and
    /// what is made is kept in a folder of `scratch` until the store is dropped.
    ///
    /// Fails with [`StoreError::Unusable`] if there is no such directory and it cannot be made.
    pub fn open_with(dir: &Path, function: DigestFunction, scratch: &Path) -> Result<Store, StoreError> {
        let unusable = |source| StoreError::Unusable { path: dir.to_owned(), source };
        if let Err(error) = fs::create_dir_all(dir)
            && !dir.is_dir()
        {
            return Err(unusable(error));
        }
        let warnings = Arc::new(Warnings::default());
        let place = dir.join(VERSION).join(function.name());
        let (base, degraded) = match Layer::open(&place, function, &warnings) {
            Ok(layer) => (layer, None),
            Err(error) if error.is_read_only() => {
                let made = Scratch::new(scratch, function, &warnings)?;
                warn_read_only(&warnings, dir, &error);
                let session = made.layer.session()?;
                (Layer::open_read_only(&place, function, session.dir(), &warnings), Some(made))
            }
            Err(StoreError::Io { source, .. }) => return Err(unusable(source)),
            Err(error) => return Err(error),
        };
        Ok(Store {
            inner: Arc::new(Inner {
                dir: dir.to_owned(),
                function,
                base,
                scratch: degraded.map_or_else(OnceLock::new, OnceLock::from),
                scratch_root: scratch.to_owned(),
                degrading: Mutex::default(),
                warnings,
            }),
        })
    }

    /// The directory that the store was opened in.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// How this store hashes.
    pub fn function(&self) -> DigestFunction {
        self.inner.function
    }

    /// The digest that `bytes` have in this store.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        self.inner.function.digest(bytes)
    }

    /// Stores `bytes`.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = self.digest(bytes);
        self.put_hashed(&[(digest, bytes)])?;
        Ok(digest)
    }

    /// Stores many blobs, the small ones in one transaction.
    pub fn put_many<B: AsRef<[u8]> + Sync>(&self, blobs: &[B]) -> Result<Vec<Digest>, StoreError> {
        let digests: Vec<Digest> = blobs.par_iter().map(|blob| self.digest(blob.as_ref())).collect();
        let hashed: Vec<_> = digests.iter().copied().zip(blobs.iter().map(AsRef::as_ref)).collect();
        self.put_hashed(&hashed)?;
        Ok(digests)
    }

    /// Stores the content of the file at `path`, hashing it on the way.
    ///
    /// Fails with [`StoreError::NotAFile`] for what is not a regular file, and with [`StoreError::Changing`] if it is
    /// written to meanwhile.
    pub fn put_file(&self, path: &Path) -> Result<Digest, StoreError> {
        let mut file = open_regular(path)?;
        let before = crate::layer::stamp(&file).at("read", path)?;
        let digest = self.put_open(&mut file, path)?;
        match crate::layer::stamp(&file).at("read", path)? == before {
            true => Ok(digest),
            false => Err(StoreError::Changing { path: path.to_owned() }),
        }
    }

    /// The digest of the file at `path`, which is not stored.
    ///
    /// Fails with [`StoreError::NotAFile`] for what is not a regular file.
    pub fn digest_of_file(&self, path: &Path) -> Result<Digest, StoreError> {
        crate::layer::hash(&open_regular(path)?, self.inner.function).at("read", path)
    }

    /// Begins a blob whose bytes come one after the other.
    pub fn writer(&self) -> Result<BlobWriter, StoreError> {
        Ok(BlobWriter::new(self.clone()))
    }

    /// From now on what is stored stays here while this process lives, and what was stored before at least while it is
    /// not old: to be called before anything is looked at that is relied on. Where that cannot be written down, nobody can
    /// remove anything either.
    pub fn hold(&self) {
        if self.inner.scratch.get().is_none() {
            let _ = self.inner.base.session();
        }
    }

    /// A folder for temporary files, which vanishes with this process however it ends.
    pub fn scratch(&self) -> Result<PathBuf, StoreError> {
        self.write(|layer| Ok(layer.session()?.dir().to_owned()))
    }

    /// Whether the blob is here, with the right content.
    pub fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.content(digest)?.is_some())
    }

    /// The bytes of a blob. Fails with [`StoreError::Missing`] if it is not here, or was corrupt.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        if let Some(Content::Small(bytes)) = self.content(digest)? {
            return Ok(bytes);
        }
        let mut bytes = Vec::new();
        let capacity = usize::try_from(digest.size).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(capacity)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))
            .at("read", &self.inner.dir)?;
        self.open_blob(digest)?
            .read_to_end(&mut bytes)
            .map_err(|error| from_stream(error, &self.inner.dir))?;
        Ok(bytes)
    }

    /// The bytes of many blobs, where they are here with the right content; the small ones are read in one transaction.
    pub fn read_many(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let small: Vec<Digest> = digests.iter().copied().filter(|digest| digest.size <= SMALL).collect();
        let mut small = self.small(&small)?.into_iter();
        let read = |digest: &Digest| match digest.size <= SMALL {
            true => Ok(small.next().flatten()),
            false => match self.read(digest) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(StoreError::Missing(_)) => Ok(None),
                Err(error) => Err(error),
            },
        };
        digests.iter().map(read).collect()
    }

    /// The outcome kept under `key`, which stays as long as this process lives.
    pub fn outcome(&self, key: &Digest) -> Result<Option<Outcome>, StoreError> {
        // Who collects sees the lease or has removed the outcome, whichever of the two comes first.
        if self.inner.scratch.get().is_none() {
            self.inner.base.lease(key);
        }
        let found = self.kept_outcome(key)?;
        Ok(found.and_then(|bytes| Outcome::decode(&bytes)))
    }

    /// Remembers that the outcome kept under `key` was of use, for whoever does not rely on it any more.
    pub fn use_outcome(&self, key: &Digest) -> Result<(), StoreError> {
        self.kept_outcome(key).map(drop)
    }

    fn kept_outcome(&self, key: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.first(|layer| layer.rows().map_or(Ok(None), |rows| rows.outcome(key)))
    }

    /// Keeps `outcome` under `key`, in the place of what was there.
    pub fn put_outcome(&self, key: &Digest, outcome: &Outcome) -> Result<(), StoreError> {
        let bytes = outcome.encode();
        self.write(|layer| layer.rows_mut()?.put_outcome(key, &bytes))
    }

    /// Forgets what is kept under `key`.
    pub fn forget_outcome(&self, key: &Digest) -> Result<(), StoreError> {
        self.write(|layer| layer.rows_mut()?.remove_outcome(key))
    }

    /// The value that the memo table `table` has for `key`.
    pub fn memo(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.memos(table, &[key])?.pop().flatten())
    }

    /// The values that the memo table `table` has for `keys`, in their order.
    pub fn memos(&self, table: &str, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut values = vec![None; keys.len()];
        for layer in self.layers() {
            let Some(rows) = layer.rows() else { continue };
            let found = rows.memos(table, keys)?;
            values.iter_mut().zip(found).for_each(|(value, found)| *value = found.or(value.take()));
        }
        Ok(values)
    }

    /// Gives `key` a value in the memo table `table`.
    pub fn put_memo(&self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.put_memos(table, &[(key, value)])
    }

    /// Gives many keys their values in the memo table `table`, in one transaction.
    pub fn put_memos(&self, table: &str, memos: &[(&[u8], &[u8])]) -> Result<(), StoreError> {
        self.write(|layer| layer.rows_mut()?.put_memos(table, memos))
    }

    /// Offers the memo table `table` values that are no loss: what cannot be kept, or not without waiting for another
    /// process, is not kept.
    pub fn offer_memos(&self, table: &str, memos: &[(&[u8], &[u8])]) {
        self.offered(table, memos);
    }

    /// The same, and whether they are kept.
    pub(crate) fn offered(&self, table: &str, memos: &[(&[u8], &[u8])]) -> bool {
        let layer = self.inner.scratch.get().map_or(&self.inner.base, |scratch| &scratch.layer);
        layer.rows_mut().and_then(|rows| rows.offer_memos(table, memos)).is_ok()
    }

    /// All keys of the memo table `table` with their values, the keys sorted.
    pub fn all_memos(&self, table: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let mut memos = BTreeMap::new();
        for rows in self.layers().filter_map(Layer::rows) {
            memos.extend(rows.all_memos(table)?);
        }
        Ok(memos)
    }

    /// What was found wrong since this was last asked, once for each cause.
    pub fn take_warnings(&self) -> Vec<Warning> {
        self.inner.warnings.take()
    }

    pub(crate) fn warn(&self, cause: Cause) {
        self.inner.warnings.add(cause);
    }

    /// Where the stat indexes are that say what is in this store.
    pub(crate) fn index_dir(&self) -> Option<PathBuf> {
        self.inner.base.rows().map(crate::rows::Rows::index_dir)
    }

    /// The directory that the cache is in.
    pub(crate) fn base(&self) -> &Layer {
        &self.inner.base
    }

    /// The directories that are read, the first written first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.inner.base).chain(self.inner.scratch.get().map(|scratch| &scratch.layer))
    }

    /// Writes to the base, or to the scratch where the base cannot be written to.
    pub(crate) fn write<T>(&self, change: impl Fn(&Layer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(scratch) = self.inner.scratch.get() {
            return change(&scratch.layer);
        }
        match change(&self.inner.base) {
            Err(error) if error.is_read_only() => change(&self.degrade(&error)?.layer),
            result => result,
        }
    }

    /// Stores blobs whose digests are known to be right.
    pub(crate) fn put_hashed(&self, blobs: &[(Digest, &[u8])]) -> Result<(), StoreError> {
        let (small, large): (Vec<_>, Vec<_>) = blobs.iter().partition(|(digest, _)| digest.size <= SMALL);
        if !small.is_empty() {
            self.write(|layer| layer.put_small(&small))?;
        }
        for (digest, bytes) in large {
            if self.has(&digest)? {
                continue;
            }
            self.write(|layer| {
                let temporary = layer.temporary()?;
                copy::write(&temporary.file, bytes).at("write", &temporary.path)?;
                layer.publish(&temporary, &digest)
            })?;
        }
        Ok(())
    }

    /// Stores what is left to read of `file`, which is at `path`.
    pub(crate) fn put_open(&self, file: &mut File, path: &Path) -> Result<Digest, StoreError> {
        let mut writer = self.writer()?;
        writer.copy_from(file, path)?;
        writer.finish()
    }

    /// The content of a blob, found to be right; none if it is not here.
    pub(crate) fn content(&self, digest: &Digest) -> Result<Option<Content>, StoreError> {
        if digest.size <= SMALL {
            return Ok(self.small(&[*digest])?.pop().flatten().map(Content::Small));
        }
        if let Some(file) = self.first(|layer| layer.file(digest))? {
            return Ok(Some(Content::File(file)));
        }
        let record = self.first(|layer| layer.rows().map_or(Ok(None), |rows| rows.composed(digest)))?;
        let Some(segments) = record.and_then(|record| composed::decode(&record, digest)) else {
            return Ok(None);
        };
        for segment in &segments {
            if let Some(part) = segment.blob()
                && self.first(|layer| layer.file(part))?.is_none()
            {
                return Ok(None);
            }
        }
        Ok(Some(Content::Composed(segments)))
    }

    /// The bytes of small blobs, where they are here with the right content.
    pub(crate) fn small(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = vec![None; digests.len()];
        for layer in self.layers() {
            let blobs = layer.small(digests)?;
            found.iter_mut().zip(blobs).for_each(|(slot, blob)| *slot = slot.take().or(blob));
        }
        let empty = self.inner.function.empty();
        for (slot, digest) in found.iter_mut().zip(digests) {
            if *digest == empty {
                *slot = Some(Vec::new());
            }
        }
        Ok(found)
    }

    /// The first that a layer has. A layer that is written to later is asked first.
    fn first<T>(
        &self,
        get: impl Fn(&Layer) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if let Some(scratch) = self.inner.scratch.get()
            && let Some(found) = get(&scratch.layer)?
        {
            return Ok(Some(found));
        }
        get(&self.inner.base)
    }

    fn degrade(&self, error: &StoreError) -> Result<&Scratch, StoreError> {
        let _one = self.inner.degrading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.inner.scratch.get().is_none() {
            let made = Scratch::new(&self.inner.scratch_root, self.inner.function, &self.inner.warnings)?;
            warn_read_only(&self.inner.warnings, &self.inner.dir, error);
            return Ok(self.inner.scratch.get_or_init(|| made));
        }
        Ok(self.inner.scratch.get().expect("it was there a moment ago, and is never taken away"))
    }
}

impl Scratch {
    fn new(root: &Path, function: DigestFunction, warnings: &Arc<Warnings>) -> Result<Scratch, StoreError> {
        let user = rustix::process::geteuid().as_raw();
        let parent = root.join(format!("pants-scratch-{user}"));
        // The name can be guessed: what another user has put there is not used.
        let made = fs::DirBuilder::new().mode(0o700).create(&parent);
        let ours = fs::symlink_metadata(&parent)
            .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0);
        if !ours {
            let source = made.err().unwrap_or_else(|| io::ErrorKind::PermissionDenied.into());
            return Err(source).at("use", &parent);
        }
        let _ = Session::sweep(&parent);
        let session = Session::new(&parent).at("create", &parent)?;
        Ok(Scratch { layer: Layer::open(session.dir(), function, warnings)?, _session: session })
    }
}

fn warn_read_only(warnings: &Warnings, dir: &Path, error: &StoreError) {
    let source = std::error::Error::source(error);
    let reason = source.map_or_else(|| error.to_string(), ToString::to_string);
    warnings.add(Cause::ReadOnly { path: dir.to_owned(), reason });
}

/// Opens `path` without waiting for the other end of a FIFO, and fails unless it is a regular file.
pub(crate) fn open_regular(path: &Path) -> Result<File, StoreError> {
    let file = match OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path) {
        // A socket cannot be opened at all.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            return Err(StoreError::NotAFile { path: path.to_owned(), found: "a special file" });
        }
        file => file.at("open", path)?,
    };
    let kind = file.metadata().at("read", path)?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let found = match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () => "a special file",
    };
    Err(StoreError::NotAFile { path: path.to_owned(), found })
}
