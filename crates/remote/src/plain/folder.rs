//! A shared folder of few large files. Whoever reads it sees a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::connection::random;
use crate::fault::{Fault, Kind};

/// What nobody finishes any more is removed after so long.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// The folder for what is being written.
const UNFINISHED: &str = "unfinished";

/// The folder of one way to name content.
#[derive(Debug)]
pub(crate) struct Folder(pub(super) PathBuf);

impl Folder {
    /// The content of a file from a place on.
    pub(super) fn open(&self, name: &str, from: u64) -> Result<Box<dyn Read + Send>, Fault> {
        let mut file = File::open(self.0.join(name)).map_err(fault)?;
        file.seek(SeekFrom::Start(from)).map_err(fault)?;
        Ok(Box::new(file))
    }

    /// Writes a file under a temporary name, and renames it when it is whole and on the disk.
    pub(super) fn put(&self, name: &str, content: &mut dyn Read) -> Result<(), Fault> {
        let path = self.0.join(name);
        let unfinished = self.0.join(UNFINISHED);
        let folder = path.parent().unwrap_or(&self.0);
        let temporary = unfinished.join(format!("{:016x}", random()));
        let mut write = || {
            fs::create_dir_all(folder)?;
            fs::create_dir_all(&unfinished)?;
            let mut file = File::create_new(&temporary)?;
            io::copy(content, &mut file)?;
            file.flush()?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        let written: io::Result<()> = write();
        written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            fault(error)
        })
    }

    /// The names of the files in a folder below; none where it is not there.
    pub(super) fn list(&self, below: &str) -> Result<Vec<String>, Fault> {
        let found = match fs::read_dir(self.0.join(below)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.exists().map(|()| Vec::new());
            }
            found => found.map_err(fault)?,
        };
        let names = found.map(|entry| entry.map(|entry| entry.file_name().into_string().unwrap_or_default()));
        names.collect::<io::Result<_>>().map_err(fault)
    }

    /// Removes a file; one that is not there is as good as removed.
    pub(super) fn remove(&self, name: &str) -> Result<(), Fault> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(error)),
            _ => Ok(()),
        }
    }

    /// Removes what is older than `longest`, the oldest of what is more than `budget` bytes, and what is left of writers that
    /// ended in the middle.
    pub(super) fn prune(&self, now: SystemTime, longest: Duration, budget: Option<u64>) -> Result<(), Fault> {
        for (below, longest) in [("index", longest), ("content", longest), (UNFINISHED, ABANDONED)] {
            for name in self.list(below)? {
                let path = self.0.join(below).join(name);
                if age(&path, now).is_some_and(|age| age > longest) {
                    let _ = fs::remove_file(path);
                }
            }
        }
        let Some(budget) = budget else { return Ok(()) };
        let mut content = Vec::new();
        for name in self.list("content")? {
            let path = self.0.join("content").join(name);
            // Others may have removed it meanwhile.
            if let Ok(about) = path.metadata() {
                content.push((age(&path, now), about.len(), path));
            }
        }
        content.sort_by(|a, b| b.cmp(a));
        let mut taken: u64 = content.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in content {
            if taken <= budget {
                break;
            }
            let _ = fs::remove_file(path);
            taken -= len;
        }
        Ok(())
    }

    /// The folder, or the one that it will be made in, can be looked into.
    pub(super) fn exists(&self) -> Result<(), Fault> {
        let existing = self.0.ancestors().find(|folder| folder.exists());
        existing.map_or(Ok(()), |folder| fs::read_dir(folder).map(drop).map_err(fault))
    }
}

/// How old a file is; none where it is newer than `now`, or its age cannot be told.
fn age(path: &Path, now: SystemTime) -> Option<Duration> {
    now.duration_since(path.metadata().ok()?.modified().ok()?).ok()
}

fn fault(error: io::Error) -> Fault {
    use io::ErrorKind::{
        AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, StorageFull,
    };
    let kind = match error.kind() {
        NotFound => Kind::Missing,
        PermissionDenied | ReadOnlyFilesystem | StorageFull | QuotaExceeded => Kind::Denied,
        NotADirectory | IsADirectory | AlreadyExists => Kind::Refused,
        _ => Kind::Broken,
    };
    Fault::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_or_too_much_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder(place.path().to_owned());
        let now = SystemTime::now();
        let day = Duration::from_secs(86_400);
        for (name, days) in
            [("content/old", 50), ("content/a", 3), ("content/b", 2), ("content/c", 1), ("index/old", 50)]
        {
            folder.put(name, &mut [0_u8; 100].as_slice()).unwrap();
            let file = File::options().append(true).open(place.path().join(name)).unwrap();
            file.set_modified(now - day * days).unwrap();
        }
        folder.prune(now, 46 * day, Some(250)).unwrap();
        let mut left = folder.list("content").unwrap();
        left.sort();
        assert_eq!((left, folder.list("index").unwrap()), (vec!["b".to_owned(), "c".to_owned()], Vec::new()));
        folder.prune(now, 46 * day, None).unwrap();
        assert_eq!(folder.list("content").unwrap().len(), 2);
    }
}
