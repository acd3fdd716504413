//! Folders of the cache that have something about each repository, by the place where it is: small files, written whole or
//! not at all, of which the oldest go.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a process that was killed has left half written is removed after so long.
const HALF_WRITTEN: Duration = Duration::from_secs(3600);
/// What begins the names of files that are being written.
const TEMPORARY: &str = ".new-";
/// Of so many repositories something is kept. A machine that builds every commit in a folder of its own has no end of them.
const MOST_ROOTS: usize = 100;

/// The folder of the repository at `root` in that of the `kind`.
pub(crate) fn folder(cache_dir: &Path, kind: &str, root: &Path) -> PathBuf {
    let name = &blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex()[..16];
    cache_dir.join(kind).join(name)
}

/// A file that gets its name when it is complete.
///
/// # Errors
/// Where the folder or the file cannot be made.
pub(crate) fn begin(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        forget_roots(folder);
    }
    tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)
}

/// Writes a file.
///
/// # Errors
/// Where it cannot be written; what was there under the name stays.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = begin(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// Removes the files that were written first where there are more than `most`, or where they take more than `largest`
/// bytes; the last one stays, however large it is.
///
/// # Errors
/// Where the folder cannot be read or a file of it not be removed.
pub(crate) fn tidy(folder: &Path, most: usize, largest: u64) -> io::Result<()> {
    let mut all: Vec<(SystemTime, PathBuf, u64)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        // Somebody else may be quicker.
        let Ok(found) = entry.metadata() else { continue };
        let written = found.modified()?;
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            all.push((written, entry.path(), found.len()));
        } else if written.elapsed().is_ok_and(|age| age > HALF_WRITTEN) {
            remove(&entry.path())?;
        }
    }
    all.sort_unstable_by(|one, other| other.cmp(one));
    let mut bytes = 0;
    for (at, (_, path, size)) in all.into_iter().enumerate() {
        bytes += size;
        if at > 0 && (at >= most || bytes > largest) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Forgets the repositories of which nothing was written for longest, beside a folder that is new. What fails of this is for
/// the next new one to do.
fn forget_roots(folder: &Path) {
    let entries = folder.parent().and_then(|all| fs::read_dir(all).ok()).into_iter().flatten().flatten();
    let written = |entry: &fs::DirEntry| entry.metadata().and_then(|found| found.modified()).ok();
    let mut all: Vec<(SystemTime, PathBuf)> =
        entries.filter_map(|entry| Some((written(&entry)?, entry.path()))).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    for (_, path) in all.into_iter().skip(MOST_ROOTS).filter(|(_, path)| path != folder) {
        let _: io::Result<()> = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn age(path: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        fs::File::open(path).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn the_oldest_files_go() {
        let dir = tempfile::tempdir().unwrap();
        let check = |most: usize, largest: u64, expect: &[&str]| {
            let folder = folder(dir.path(), "runs", Path::new("/a"));
            for (at, name) in ["d", "c", "b", "a"].into_iter().enumerate() {
                write(&folder, name, b"12345").unwrap();
                age(&folder.join(name), 100 - at as u64);
            }
            for (name, seconds) in [("old", 7200), ("young", 60)] {
                let name = format!("{TEMPORARY}{name}");
                fs::write(folder.join(&name), "").unwrap();
                age(&folder.join(&name), seconds);
            }
            tidy(&folder, most, largest).unwrap();
            let expect: Vec<&str> = std::iter::once(".new-young").chain(expect.iter().copied()).collect();
            assert_eq!(names(&folder), expect);
        };
        check(9, 100, &["a", "b", "c", "d"]);
        check(2, 100, &["a", "b"]);
        check(9, 15, &["a", "b", "c"]);
        check(9, 1, &["a"]);
    }

    #[test]
    fn the_oldest_repositories_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..MOST_ROOTS + 3 {
            let folder = folder(dir.path(), "runs", Path::new(&format!("/job/{at}")));
            write(&folder, "a", b"").unwrap();
            age(&folder, 10_000 - at as u64);
        }
        assert_eq!(names(&dir.path().join("runs")).len(), MOST_ROOTS);
        let first = folder(dir.path(), "runs", Path::new("/job/0"));
        assert!(!first.exists(), "the first one was written to least lately");
    }
}
