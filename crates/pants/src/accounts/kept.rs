//! Where accounts are kept: two files for each artifact, of the last time and of the time before that it was made of something
//! else. They are written whole or not at all, and those go that were read least lately when there are too many.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Account;

/// The folder of the cache that they are in.
const FOLDER: &str = "accounts";
/// How many bytes those of a repository take at most.
const LARGEST: u64 = 128 << 20;
/// Raised with each change to their form.
const FORMAT: u8 = 1;

/// The accounts of the artifacts of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    folder: PathBuf,
}

impl Accounts {
    /// Those of the repository at `root`.
    pub(crate) fn of(cache_dir: &Path, root: &Path) -> Accounts {
        let name = &blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex()[..16];
        Accounts { folder: cache_dir.join(FOLDER).join(name) }
    }

    /// The last account of an artifact of a target, and the one before, as far as there are any.
    pub(crate) fn read(&self, target: &str, artifact: &str) -> [Option<Account>; 2] {
        ["last", "before"].map(|which| {
            let bytes = fs::read(self.path(target, artifact, which)).ok()?;
            let (format, rest) = bytes.split_first()?;
            (*format == FORMAT).then(|| postcard::from_bytes(rest).ok()).flatten()
        })
    }

    /// Keeps an account, where it is of something else than the last one.
    ///
    /// # Errors
    /// Where it cannot be written; those that there are stay.
    pub(crate) fn keep(&self, target: &str, artifact: &str, account: &Account) -> io::Result<()> {
        let [last, _] = self.read(target, artifact);
        if last.is_some_and(|last| last.key() == account.key()) {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&[FORMAT])?;
        file.write_all(&postcard::to_stdvec(account).expect("plain data can be encoded"))?;
        let path = self.path(target, artifact, "last");
        match fs::rename(&path, self.path(target, artifact, "before")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        file.persist(path)?;
        self.tidy()
    }

    /// Removes those that were written least lately, where there are too many.
    fn tidy(&self) -> io::Result<()> {
        let mut all: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let found = entry.metadata()?;
            all.push((found.modified()?, found.len(), entry.path()));
        }
        all.sort_by(|one, other| other.cmp(one));
        let mut bytes = 0;
        for (_, size, path) in all {
            bytes += size;
            if bytes > LARGEST {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, target: &str, artifact: &str, which: &str) -> PathBuf {
        let name = &blake3::hash(format!("{target}\0{artifact}").as_bytes()).to_hex()[..32];
        self.folder.join(format!("{name}-{which}"))
    }
}
