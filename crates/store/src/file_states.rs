//! What paths were like when something was made of them, so that it shows without reading a file whether it would be
//! made the same again; it does not know what that was.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};

use crate::state::{Moment, State, number};

const MAGIC: &[u8; 8] = b"pantsfs2";
/// Magic, number of records, digest of the rest.
const HEAD: usize = 8 + 8 + 32;
/// The state, the kind and where the path ends.
const RECORD: usize = State::LEN + 8 + 8;
/// How many paths a thread takes on at once.
const BATCH: usize = 512;

/// The states of some paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStates {
    bytes: Vec<u8>,
    count: usize,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looked {
    /// What is at a path, relative to the root or absolute; a symbolic link is what it leads to.
    At(PathBuf),
    /// Which names are in the folder of a path, besides that of the path: what comes and goes there does not show.
    Beside(PathBuf),
}

/// What is at a path, and how it shows that it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    kind: u64,
    state: State,
}

/// The kind of the names beside a path.
const BESIDE: u64 = 4;

impl Seen {
    const ABSENT: Seen = Seen {
        kind: 0,
        state: State { device: 0, inode: 0, size: 0, mtime: 0, ctime: 0, executable: false },
    };

    fn at(folder: BorrowedFd<'_>, path: &OsStr) -> Seen {
        statat(folder, path, AtFlags::empty()).map_or(Seen::ABSENT, |stat: Stat| {
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => 1,
                FileType::Directory => 2,
                _ => 3,
            };
            // A file that may be run has another mode, hence another time of its last change.
            Seen { kind, state: State { executable: false, ..State::of(&stat) } }
        })
    }

    /// The names beside `path`: a digest of them is in the place of the times.
    fn beside(root: BorrowedFd<'_>, path: &OsStr) -> Seen {
        let (folder, own) = split(path);
        let folder = if folder.is_empty() { OsStr::new(".") } else { folder };
        let Ok(folder) = openat(root, folder, OFlags::RDONLY | FOLDER, Mode::empty()) else {
            return Seen::ABSENT;
        };
        let mut names: Vec<Vec<u8>> = Vec::new();
        for entry in Dir::read_from(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_bytes();
            if name != own.as_bytes() && !matches!(name, b"." | b"..") {
                let kind = match entry.file_type() {
                    FileType::Directory => b'd',
                    FileType::Symlink => b'l',
                    _ => b'f',
                };
                names.push([name, &[0, kind]].concat());
            }
        }
        names.sort_unstable();
        let digest = blake3::hash(&names.concat());
        let half = |at| number(digest.as_bytes(), at);
        let times =
            State { mtime: half(0).cast_signed(), ctime: half(8).cast_signed(), ..Seen::ABSENT.state };
        Seen { kind: BESIDE, state: State { size: names.len() as u64, ..times } }
    }
}

/// How folders are opened.
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// How many paths of one folder are looked at before it is opened, which costs as much as some ways to it.
const ALONE: usize = 5;

/// Looks at one path after the other: where many lie in one folder they share the way to it.
struct Look<'r> {
    root: &'r File,
    folder: PathBuf,
    /// How many paths of the folder have been looked at.
    count: usize,
    open: Option<OwnedFd>,
}

impl<'r> Look<'r> {
    fn new(root: &'r File) -> Look<'r> {
        Look { root, folder: PathBuf::new(), count: 0, open: None }
    }

    fn at(&mut self, path: &OsStr) -> Seen {
        let (folder, name) = split(path);
        if folder.is_empty() {
            return Seen::at(self.root.as_fd(), path);
        }
        if self.folder.as_os_str() != folder {
            self.folder.as_mut_os_string().clear();
            self.folder.as_mut_os_string().push(folder);
            (self.count, self.open) = (0, None);
        }
        self.count += 1;
        if self.count == ALONE {
            self.open = openat(self.root, folder, OFlags::PATH | FOLDER, Mode::empty()).ok();
        }
        match &self.open {
            Some(open) => Seen::at(open.as_fd(), name),
            None => Seen::at(self.root.as_fd(), path),
        }
    }

    /// What there is now in the place of `seen`.
    fn again(&mut self, path: &OsStr, seen: &Seen) -> Seen {
        if seen.kind == BESIDE { Seen::beside(self.root.as_fd(), path) } else { self.at(path) }
    }
}

/// The folder of a path, which is empty where there is none, and the name in it.
fn split(path: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(slash) if slash > 0 && slash + 1 < bytes.len() => {
            (OsStr::from_bytes(&bytes[..slash]), OsStr::from_bytes(&bytes[slash + 1..]))
        }
        _ => (OsStr::new(""), path),
    }
}

impl FileStates {
    /// Looks at `paths`, of which something was made since `since`.
    ///
    /// None where one of them changed so late that what was made may be of the content before, or that one more change
    /// may leave no trace.
    #[must_use]
    pub fn take(root: &Path, mut paths: Vec<Looked>, since: Moment) -> Option<FileStates> {
        let root = File::open(root).ok()?;
        paths.sort_by(|one, other| order(one).cmp(&order(other)));
        paths.dedup();
        let batch = |batch: &[Looked]| {
            let mut look = Look::new(&root);
            batch.iter().map(|path| take(&mut look, path, since)).collect::<Option<Vec<Seen>>>()
        };
        let seen: Option<Vec<Vec<Seen>>> = paths.par_chunks(BATCH).map(batch).collect();
        let path = |looked: &Looked| path_of(looked).as_os_str().to_owned();
        Some(FileStates::encode(paths.iter().map(path).zip(seen?.into_iter().flatten())))
    }

    fn encode(states: impl Iterator<Item = (impl AsRef<OsStr>, Seen)>) -> FileStates {
        let (mut records, mut ends) = (Vec::new(), Vec::new());
        for (path, seen) in states {
            ends.extend_from_slice(path.as_ref().as_bytes());
            seen.state.encode(&mut records);
            records.extend_from_slice(&seen.kind.to_le_bytes());
            records.extend_from_slice(&(ends.len() as u64).to_le_bytes());
        }
        let count = records.len() / RECORD;
        records.append(&mut ends);
        let mut bytes = Vec::with_capacity(HEAD + records.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(count as u64).to_le_bytes());
        bytes.extend_from_slice(blake3::Hasher::new().update_rayon(&records).finalize().as_bytes());
        bytes.append(&mut records);
        FileStates { bytes, count }
    }

    /// The same from its [`bytes`](FileStates::bytes); none if they are of another form.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<FileStates> {
        let head = bytes.first_chunk::<HEAD>()?;
        let count = usize::try_from(number(head, 8)).ok()?;
        let paths = HEAD.checked_add(count.checked_mul(RECORD)?)?;
        (head.starts_with(MAGIC) && paths <= bytes.len()).then_some(FileStates { bytes, count })
    }

    /// The form that is kept. Equal states have equal bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What stands for them: the same for the same states of the same paths.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(&self.bytes[HEAD - 32..HEAD]);
        digest
    }

    /// Whether all paths are as they were.
    #[must_use]
    pub fn hold(&self, root: &Path) -> bool {
        let Ok(root) = File::open(root) else { return false };
        let same = |batch: usize| {
            let mut look = Look::new(&root);
            self.batch(batch).all(|(path, seen)| look.again(path, &seen) == seen)
        };
        (0..self.count.div_ceil(BATCH)).into_par_iter().all(same)
    }

    /// The paths that are not as they were.
    #[must_use]
    pub fn changed(&self, root: &Path) -> Vec<PathBuf> {
        let Ok(root) = File::open(root) else { return self.records().map(|(path, _)| path.into()).collect() };
        let changed = |batch: usize| {
            let mut look = Look::new(&root);
            let differs = |(path, seen): &(&OsStr, Seen)| look.again(path, seen) != *seen;
            self.batch(batch).filter(differs).map(|(path, _)| PathBuf::from(path)).collect::<Vec<_>>()
        };
        (0..self.count.div_ceil(BATCH)).into_par_iter().flat_map_iter(changed).collect()
    }

    /// The same where some paths have been looked at anew, as [`take`](FileStates::take) does.
    #[must_use]
    pub fn renewed(&self, root: &Path, changed: &[PathBuf], since: Moment) -> Option<FileStates> {
        let root = File::open(root).ok()?;
        let changed: HashSet<&OsStr> = changed.iter().map(|path| path.as_os_str()).collect();
        let mut look = Look::new(&root);
        let mut renewed = Vec::with_capacity(self.count);
        for (path, seen) in self.records() {
            let seen =
                if changed.contains(path) { take(&mut look, &Looked::At(path.into()), since)? } else { seen };
            renewed.push((path, seen));
        }
        Some(FileStates::encode(renewed.into_iter()))
    }

    fn records(&self) -> impl Iterator<Item = (&OsStr, Seen)> {
        (0..self.count).map(|index| self.record(index))
    }

    fn batch(&self, batch: usize) -> impl Iterator<Item = (&OsStr, Seen)> {
        (batch * BATCH..self.count.min((batch + 1) * BATCH)).map(|index| self.record(index))
    }

    fn record(&self, index: usize) -> (&OsStr, Seen) {
        let at = HEAD + index * RECORD;
        let record = &self.bytes[at..at + RECORD];
        let seen = Seen { kind: number(record, State::LEN), state: State::decode(record) };
        let begin = index.checked_sub(1).map_or(0, |before| self.end(before));
        let paths = &self.bytes[HEAD + self.count * RECORD..];
        (OsStr::from_bytes(paths.get(begin..self.end(index)).unwrap_or_default()), seen)
    }

    fn end(&self, index: usize) -> usize {
        usize::try_from(number(&self.bytes, HEAD + (index + 1) * RECORD - 8)).unwrap_or(usize::MAX)
    }
}

/// What is seen now; none where that may not be what something was made of since `since`.
fn take(look: &mut Look<'_>, looked: &Looked, since: Moment) -> Option<Seen> {
    let path = path_of(looked).as_os_str();
    let (seen, dated) = match looked {
        Looked::At(_) => {
            let seen = look.at(path);
            (seen, seen)
        }
        Looked::Beside(_) => {
            let folder = split(path).0;
            let folder = if folder.is_empty() { OsStr::new(".") } else { folder };
            // First the names: one that comes after them shows in the times.
            (Seen::beside(look.root.as_fd(), path), look.at(folder))
        }
    };
    (dated == Seen::ABSENT || !dated.state.is_racy(since)).then_some(seen)
}

fn path_of(looked: &Looked) -> &Path {
    match looked {
        Looked::At(path) | Looked::Beside(path) => path,
    }
}

/// By folder, so that what is in one is looked at in a row.
fn order(looked: &Looked) -> (&OsStr, &OsStr, bool) {
    let (folder, name) = split(path_of(looked).as_os_str());
    (folder, name, matches!(looked, Looked::Beside(_)))
}
