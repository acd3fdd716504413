//! Puts artifacts into `dist/`: by reflink or copy, and only where they are not there already.
//!
//! What was put there is remembered with the state of the file, so that an artifact that nobody touched is neither
//! read nor written, and one that was edited or deleted is restored.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use store::{Digest, Entry, Store, StoreError, Tree};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::forgettable;

/// The memo table of what is in which `dist/`.
const TABLE: &str = "dist";

/// What is remembered of a folder.
const FOLDER: &str = "folder";

/// A file that changed so shortly before it was recorded could change again without its times telling.
const GRANULARITY_NS: i128 = 20_000_000;

/// Why an artifact is not in `dist/`.
pub(crate) enum PlaceError {
    /// The cache has lost a part: it has to be built again.
    Lost,
    /// Anything else.
    Failed(Box<Diagnostic>),
}

impl From<StoreError> for PlaceError {
    fn from(error: StoreError) -> PlaceError {
        match error {
            StoreError::Missing(_) => PlaceError::Lost,
            error => PlaceError::Failed(Box::new(explain::store(&error))),
        }
    }
}

/// The number of bytes of an artifact, and the digest that stands for it.
pub(crate) struct Placed {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// Makes `destination` the file `name` of `tree`, or the whole tree where no name is given.
pub(crate) fn place(
    store: &Store,
    tree: &Digest,
    name: Option<&str>,
    destination: &Path,
) -> Result<Placed, PlaceError> {
    make_parents(destination)?;
    let content = store.tree(tree)?;
    match name {
        Some(name) => match content.get(name) {
            Some(Entry::File { digest, executable }) => {
                if fs::symlink_metadata(destination).is_ok_and(|found| found.is_dir()) {
                    make_way(store, destination)?;
                }
                if !is_there(store, destination, digest, *executable)? {
                    let placed = store.place(digest, destination, *executable);
                    placed.map_err(|error| not_placed(error, destination))?;
                    record(store, destination, digest)?;
                }
                Ok(Placed { digest: *digest, size: digest.size })
            }
            _ => Err(PlaceError::Lost),
        },
        None => {
            if !is_folder_there(store, &content, destination)? {
                let found = fs::symlink_metadata(destination);
                if found.is_ok_and(|found| found.is_dir()) && !is_ours(store, destination)? {
                    // What is empty is nobody's loss.
                    fs::remove_dir(destination).map_err(|_| occupied(destination))?;
                }
                place_folder(store, &content, destination)?;
            }
            Ok(Placed { digest: *tree, size: size_of(&content) })
        }
    }
}

/// Puts the files of a tree into a folder, whatever else is in it.
pub(crate) fn place_beside(store: &Store, tree: &Tree, folder: &Path) -> Result<(), PlaceError> {
    let files: Vec<(PathBuf, &Digest, bool)> = (tree.walk().into_iter())
        .filter_map(|(path, entry)| match entry {
            Entry::File { digest, executable } => Some((folder.join(path), digest, *executable)),
            Entry::Directory(_) | Entry::Symlink { .. } => None,
        })
        .collect();
    let keys: Vec<&[u8]> = files.iter().map(|(path, ..)| key(path)).collect();
    let known = store.memos(TABLE, &keys)?;
    let mut records: Vec<(&[u8], String)> = Vec::new();
    for ((path, digest, executable), known) in files.iter().zip(known) {
        let there = compare(store, path, (digest, *executable), known);
        if there == There::Known {
            continue;
        }
        if there == There::Not {
            make_parents(path)?;
            if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
                make_way(store, path)?;
            }
            store.place(digest, path, *executable).map_err(|error| not_placed(error, path))?;
        }
        records.extend(record_of(path, digest).map(|record| (key(path), record)));
    }
    let records: Vec<(&[u8], &[u8])> =
        records.iter().map(|(key, record)| (*key, record.as_bytes())).collect();
    match records.is_empty() {
        true => Ok(()),
        false => Ok(forgettable(store.put_memos(TABLE, &records))?),
    }
}

/// Makes a folder whose place is kept for this tool a tree: what is in it goes, whether it is known or not.
pub(crate) fn place_reserved(store: &Store, tree: &Digest, destination: &Path) -> Result<Placed, PlaceError> {
    let is_folder = fs::symlink_metadata(destination).is_ok_and(|found| found.is_dir());
    if is_folder && !is_ours(store, destination)? && !is_folder_there(store, &store.tree(tree)?, destination)?
    {
        let removed = fs::remove_dir_all(destination);
        removed.map_err(|error| failed("replace the folder", destination, &error))?;
    }
    place(store, tree, None, destination)
}

/// Removes an empty folder, or one of another layout; one that holds anything else is not ours to remove.
fn make_way(store: &Store, folder: &Path) -> Result<(), PlaceError> {
    if fs::remove_dir(folder).is_ok() {
        return Ok(());
    }
    if is_ours(store, folder)? {
        return fs::remove_dir_all(folder).map_err(|error| failed("replace the folder", folder, &error));
    }
    Err(occupied(folder))
}

fn occupied(folder: &Path) -> PlaceError {
    let message = format!("`{}` is a folder with files that were not built", folder.display());
    let help = Some("remove it, or give the target another `output_path`");
    PlaceError::Failed(Box::new(Diagnostic::error(Exit::Wrong, "dist::occupied", message).help(help)))
}

/// Whether a folder was put where it is by a build: it is remembered, or it is a PEX.
fn is_ours(store: &Store, folder: &Path) -> Result<bool, PlaceError> {
    let remembered =
        || store.memo(TABLE, key(folder)).map(|known| known.is_some_and(|known| known == FOLDER.as_bytes()));
    Ok(folder.join("PEX-INFO").is_file() || remembered()?)
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> PlaceError {
    let message = format!("cannot {what} `{}`: {error}", path.display());
    let help = match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a file is in the way: move it, artifacts go below `dist/`"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space on its file system",
        _ => "let your user write there: artifacts go below `dist/`",
    };
    let diagnostic = Diagnostic::error(Exit::Environment, "dist::write", message).help(Some(help));
    PlaceError::Failed(Box::new(diagnostic))
}

/// An error of the store while it wrote below `dist/`, told as one of writing there.
fn not_placed(error: StoreError, destination: &Path) -> PlaceError {
    match error {
        StoreError::Io { path, source, .. } if path == destination => failed("write", destination, &source),
        StoreError::Full { path } if path == destination => {
            failed("write", destination, &rustix::io::Errno::NOSPC.into())
        }
        error => error.into(),
    }
}

/// Makes the folders above `path`. A file that is in the way is somebody else's, and stays.
fn make_parents(path: &Path) -> Result<(), PlaceError> {
    let parent = path.parent().expect("an artifact is in a folder");
    fs::create_dir_all(parent).map_err(|error| failed("make the folder", parent, &error))
}

/// The state of a file by which a change of it is noticed.
fn state(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    found.is_file().then(|| {
        let mode = found.mode() & 0o7777;
        let (mtime, ctime) = (found.mtime_nsec(), found.ctime_nsec());
        format!(
            "{} {} {}.{mtime} {}.{ctime} {mode:o}",
            found.ino(),
            found.size(),
            found.mtime(),
            found.ctime()
        )
    })
}

fn key(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn now_ns() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos().cast_signed())
}

/// Remembers that `path` is `digest`.
fn record(store: &Store, path: &Path, digest: &Digest) -> Result<(), PlaceError> {
    match record_of(path, digest) {
        Some(record) => Ok(forgettable(store.put_memo(TABLE, key(path), record.as_bytes()))?),
        None => Ok(()),
    }
}

/// What is remembered of a file that is `digest`.
fn record_of(path: &Path, digest: &Digest) -> Option<String> {
    state(path).map(|state| format!("{digest}\n{state}\n{}", now_ns()))
}

/// Whether a file is what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Not,
    /// Its content was looked at; that is still to be recorded.
    Seen,
    /// Its state says so.
    Known,
}

/// Whether `path` is `digest` already.
fn is_there(store: &Store, path: &Path, digest: &Digest, executable: bool) -> Result<bool, PlaceError> {
    let there = compare(store, path, (digest, executable), store.memo(TABLE, key(path))?);
    if there == There::Seen {
        record(store, path, digest)?;
    }
    Ok(there != There::Not)
}

/// The same, where it is known what is remembered of `path`.
fn compare(
    store: &Store,
    path: &Path,
    (digest, executable): (&Digest, bool),
    known: Option<Vec<u8>>,
) -> There {
    let (Some(state), Some(known)) = (state(path), known) else { return There::Not };
    if !state.ends_with(if executable { " 755" } else { " 644" }) {
        return There::Not;
    }
    let known = String::from_utf8(known).unwrap_or_default();
    let mut lines = known.lines();
    if lines.next() != Some(digest.to_string().as_str()) || lines.next() != Some(state.as_str()) {
        return There::Not;
    }
    let recorded: i128 = lines.next().and_then(|line| line.parse().ok()).unwrap_or_default();
    if changed_ns(path) + GRANULARITY_NS < recorded {
        return There::Known;
    }
    // An edit within the clock's grain would not show: look at the content, once.
    let is_same = store.digest_of_file(path).is_ok_and(|found| found == *digest);
    if is_same { There::Seen } else { There::Not }
}

fn changed_ns(path: &Path) -> i128 {
    fs::symlink_metadata(path).map_or(i128::MAX / 2, |found| {
        i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec())
    })
}

/// Whether a folder holds exactly a tree.
fn is_folder_there(store: &Store, tree: &Tree, folder: &Path) -> Result<bool, PlaceError> {
    let Ok(found) = fs::read_dir(folder) else { return Ok(false) };
    if found.count() != tree.entries().count() {
        return Ok(false);
    }
    for (name, entry) in tree.entries() {
        let path = folder.join(name);
        let same = match entry {
            Entry::File { digest, executable } => is_there(store, &path, digest, *executable)?,
            Entry::Symlink { target } => fs::read_link(&path).is_ok_and(|found| found == Path::new(target)),
            Entry::Directory(below) => {
                fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir())
                    && is_folder_there(store, below, &path)?
            }
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The names of folders in which artifacts are made begin so.
const WORK: &str = ".pants-";

/// Writes a tree beside its place and then puts it there in one step.
fn place_folder(store: &Store, tree: &Tree, folder: &Path) -> Result<(), PlaceError> {
    let parent = folder.parent().expect("an artifact is in a folder");
    sweep(parent);
    let (work, _held) = work_folder(parent)?;
    let new = work.path().join("new");
    write_tree(store, tree, &new)?;
    swap(&new, folder).map_err(|error| failed("write", folder, &error.into()))?;
    // What was there goes before this is recorded: who is killed in between leaves an artifact that is placed again,
    // and all that is left is swept then.
    drop(work);
    let mut records = vec![(folder.to_owned(), FOLDER.to_owned())];
    collect_records(tree, folder, &mut records);
    let memos: Vec<(&[u8], &[u8])> =
        records.iter().map(|(path, record)| (key(path), record.as_bytes())).collect();
    Ok(store.put_memos(TABLE, &memos)?)
}

/// A folder to work in, held while it is worked in: whoever finds it without a holder may remove it.
fn work_folder(parent: &Path) -> Result<(tempfile::TempDir, File), PlaceError> {
    loop {
        let work = tempfile::Builder::new().prefix(WORK).tempdir_in(parent);
        let work = work.map_err(|error| failed("write into", parent, &error))?;
        match File::open(work.path()).and_then(|open| open.lock().map(|()| open)) {
            // Somebody may have removed it before it was held.
            Ok(held) if work.path().exists() => return Ok((work, held)),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("lock", work.path(), &error));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Gives `new` the name `folder`, and what had that name, if anything, the name `new`.
fn swap(new: &Path, folder: &Path) -> Result<(), Errno> {
    loop {
        match renameat_with(CWD, new, CWD, folder, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            done => return done,
        }
        match renameat_with(CWD, new, CWD, folder, RenameFlags::EXCHANGE) {
            // Somebody has just taken it away.
            Err(Errno::NOENT) => {}
            done => return done,
        }
    }
}

/// Removes the work folders of processes that were killed. What cannot be removed does no harm.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(WORK.as_bytes());
        if ours && File::open(entry.path()).is_ok_and(|open| open.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Writes a tree as a folder that is not there yet.
pub(crate) fn write_tree(store: &Store, tree: &Tree, folder: &Path) -> Result<(), PlaceError> {
    fs::create_dir(folder).map_err(|error| failed("make the folder", folder, &error))?;
    set_mode(folder)?;
    for (name, entry) in tree.entries() {
        let path: PathBuf = folder.join(name);
        match entry {
            Entry::File { digest, executable } => store.place(digest, &path, *executable)?,
            Entry::Symlink { target } => {
                symlink(target, &path).map_err(|error| failed("write the link", &path, &error))?;
            }
            Entry::Directory(below) => write_tree(store, below, &path)?,
        }
    }
    Ok(())
}

/// Folders have the same mode whatever the umask.
fn set_mode(folder: &Path) -> Result<(), PlaceError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder, mode).map_err(|error| failed("set the mode of", folder, &error))
}

fn collect_records(tree: &Tree, folder: &Path, records: &mut Vec<(PathBuf, String)>) {
    for (name, entry) in tree.entries() {
        let path = folder.join(name);
        match entry {
            Entry::File { digest, .. } => {
                let record = record_of(&path, digest);
                records.extend(record.map(|record| (path, record)));
            }
            Entry::Directory(below) => collect_records(below, &path, records),
            Entry::Symlink { .. } => {}
        }
    }
}

fn size_of(tree: &Tree) -> u64 {
    let size = |(_, entry): (&str, &Entry)| match entry {
        Entry::File { digest, .. } => digest.size,
        Entry::Symlink { .. } => 0,
        Entry::Directory(below) => size_of(below),
    };
    tree.entries().map(size).sum()
}
