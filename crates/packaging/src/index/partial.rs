//! The bytes of a download that is not complete: kept on disk under a lock, so that the next attempt, also of
//! another process, goes on where the last one ended. Knows no network.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A partial file with the running checksums of what is in it. Dropping it keeps the bytes, and unlocks them.
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    sha256: Sha256,
    crc32: crc32fast::Hasher,
    len: u64,
    /// Where the folder cannot be written to.
    _elsewhere: Option<TempDir>,
}

impl Partial {
    /// Opens the partial file of `key` in `folder`, waiting for whoever downloads the same. Where the folder cannot
    /// be written to, the file lies in a temporary one, and goes with the value.
    pub(super) fn open(folder: &Path, key: &str) -> io::Result<Self> {
        match Self::open_in(folder, key) {
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                let elsewhere = TempDir::new()?;
                let partial = Self::open_in(elsewhere.path(), key)?;
                Ok(Self { _elsewhere: Some(elsewhere), ..partial })
            }
            other => other,
        }
    }

    fn open_in(folder: &Path, key: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(key);
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            // Whoever held the lock may have finished, and removed the file that was opened here.
            let (mine, there) = (file.metadata()?, path.metadata());
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (mine.dev(), mine.ino())) {
                let (sha256, crc32) = (Sha256::new(), crc32fast::Hasher::new());
                return Self { file, path, sha256, crc32, len: 0, _elsewhere: None }.read();
            }
        }
    }

    /// Takes in what is in the file already.
    fn read(mut self) -> io::Result<Self> {
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = self.file.read(&mut buffer)?;
            if count == 0 {
                return Ok(self);
            }
            self.count(&buffer[..count]);
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc32.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// The number of bytes that are there.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.count(bytes);
        Ok(())
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.sha256, self.crc32, self.len) = (Sha256::new(), crc32fast::Hasher::new(), 0);
        Ok(())
    }

    /// SHA-256 of what is there, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        hex(&self.sha256.clone().finalize())
    }

    /// CRC-32 of what is there, as zip files have it.
    pub(super) fn crc32(&self) -> u32 {
        self.crc32.clone().finalize()
    }

    /// Where the bytes are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, which is done before the lock goes.
    pub(super) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Removes the downloads in `folder` that nobody went on with since `before`. What cannot be removed stays: it is only in the
/// way.
pub fn sweep_partial(folder: &Path, before: SystemTime) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_old = |found: Metadata| found.is_file() && found.modified().is_ok_and(|time| time < before);
        // What is symbolic is none of ours.
        if !entry.metadata().is_ok_and(is_old) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        // Whoever holds the lock goes on with it; whoever waits for it sees afterwards that the file has gone.
        if file.try_lock().is_ok() && file.metadata().is_ok_and(is_old) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_counted_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = Partial::open(folder.path(), "k").unwrap();
        partial.append(b"hello ").unwrap();
        drop(partial);
        let mut partial = Partial::open(folder.path(), "k").unwrap();
        assert_eq!(partial.len(), 6);
        partial.append(b"world").unwrap();
        assert_eq!(partial.sha256(), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
        assert_eq!(partial.crc32(), 0x0d4a_1185);
        partial.restart().unwrap();
        partial.append(b"x").unwrap();
        assert_eq!(std::fs::read(partial.path()).unwrap(), b"x");
        partial.remove().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_nobody_went_on_with_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let day = std::time::Duration::from_secs(24 * 3600);
        let now = SystemTime::now();
        let old = |key: &str| {
            let mut partial = Partial::open(folder.path(), key).unwrap();
            partial.append(b"abc").unwrap();
            partial.file.set_modified(now - 8 * day).unwrap();
            partial
        };
        drop(old("old"));
        let held = old("held");
        Partial::open(folder.path(), "new").unwrap().append(b"abc").unwrap();
        let left = || {
            sweep_partial(folder.path(), now - 7 * day);
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["held", "new"]);
        drop(held);
        assert_eq!(left(), ["new"]);
        sweep_partial(&folder.path().join("absent"), now);
    }

    #[test]
    fn one_at_a_time_writes() {
        let folder = tempfile::tempdir().unwrap();
        let threads = 8;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut partial = Partial::open(folder.path(), "k").unwrap();
                    let before = partial.len();
                    partial.append(b"abc").unwrap();
                    std::thread::yield_now();
                    assert_eq!(partial.len(), before + 3);
                    if before >= 9 {
                        partial.remove().unwrap();
                    }
                });
            }
        });
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().len() % 3, 0);
        }
    }
}
