//! Where accounts are kept: two files for each artifact, of the last time and of the time before that it was made of something
//! else. They are written whole or not at all, and those go that were written first when there are too many.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Account;
use crate::by_root;

/// The folder of the cache that they are in.
const FOLDER: &str = "accounts";
/// How many bytes those of a repository take at most.
const LARGEST: u64 = 128 << 20;
/// Raised with each change to their form.
const FORMAT: u8 = 2;

/// The accounts of the artifacts of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    folder: PathBuf,
}

impl Accounts {
    /// Those of the repository at `root`.
    pub(crate) fn of(cache_dir: &Path, root: &Path) -> Accounts {
        Accounts { folder: by_root::folder(cache_dir, FOLDER, root) }
    }

    /// The last account of an artifact of a target, and the one before, as far as there are any.
    pub(crate) fn read(&self, target: &str, artifact: &str) -> [Option<Account>; 2] {
        ["last", "before"].map(|which| {
            let bytes = fs::read(self.path(target, artifact, which)).ok()?;
            let (format, rest) = bytes.split_first()?;
            (*format == FORMAT).then(|| postcard::from_bytes(rest).ok()).flatten()
        })
    }

    /// Keeps an account: beside the last one where it is of something else, and else in its place, since what says how it is
    /// made may be written otherwise.
    ///
    /// # Errors
    /// Where it cannot be written; those that there are stay.
    pub(crate) fn keep(&self, target: &str, artifact: &str, account: &Account) -> io::Result<()> {
        let [last, _] = self.read(target, artifact);
        let is_same = last.as_ref().is_some_and(|last| last.key() == account.key());
        // The time is that of the first build of it.
        let time = last.filter(|_| is_same).map_or_else(|| account.time.clone(), |last| last.time);
        let account = Account { time, ..account.clone() };
        let mut bytes = vec![FORMAT];
        bytes.extend(postcard::to_stdvec(&account).expect("plain data can be encoded"));
        let path = self.path(target, artifact, "last");
        if is_same && fs::read(&path).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        let mut file = by_root::begin(&self.folder)?;
        file.write_all(&bytes)?;
        if !is_same {
            match fs::rename(&path, self.path(target, artifact, "before")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        file.persist(path)?;
        by_root::tidy(&self.folder, usize::MAX, LARGEST)
    }

    fn path(&self, target: &str, artifact: &str, which: &str) -> PathBuf {
        let name = &blake3::hash(format!("{target}\0{artifact}").as_bytes()).to_hex()[..32];
        self.folder.join(format!("{name}-{which}"))
    }
}
