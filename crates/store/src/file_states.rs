//! What paths were like when something was made of them, so that it shows without reading a file whether it would be
//! made the same again; it does not know what that was.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Stat, statat};

use crate::state::{Moment, State, number};

const MAGIC: &[u8; 8] = b"pantsfs1";
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

/// What is at a path, and how it shows that it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    kind: u64,
    state: State,
}

impl Seen {
    const ABSENT: Seen = Seen {
        kind: 0,
        state: State { device: 0, inode: 0, size: 0, mtime: 0, ctime: 0, executable: false },
    };

    /// What is at `path`, which is relative to `root` or absolute; a symbolic link is what it leads to.
    fn at(root: &File, path: &Path) -> Seen {
        statat(root, path, AtFlags::empty()).map_or(Seen::ABSENT, |stat: Stat| {
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => 1,
                FileType::Directory => 2,
                _ => 3,
            };
            // A file that may be run has another mode, hence another time of its last change.
            Seen { kind, state: State { executable: false, ..State::of(&stat) } }
        })
    }
}

impl FileStates {
    /// Looks at `paths`, relative to `root` or absolute, of which something was made since `since`.
    ///
    /// None where one of them changed so late that what was made may be of the content before, or that one more change
    /// may leave no trace.
    #[must_use]
    pub fn take(root: &Path, mut paths: Vec<PathBuf>, since: Moment) -> Option<FileStates> {
        let root = File::open(root).ok()?;
        paths.sort_unstable();
        paths.dedup();
        let look = |path: &PathBuf| {
            let seen = Seen::at(&root, path);
            (seen == Seen::ABSENT || !seen.state.is_racy(since)).then_some(seen)
        };
        let seen: Option<Vec<Seen>> = paths.par_iter().with_min_len(BATCH).map(look).collect();
        let (mut records, mut ends) = (Vec::with_capacity(paths.len() * RECORD), Vec::new());
        for (path, seen) in paths.iter().zip(seen?) {
            ends.extend_from_slice(path.as_os_str().as_bytes());
            seen.state.encode(&mut records);
            records.extend_from_slice(&seen.kind.to_le_bytes());
            records.extend_from_slice(&(ends.len() as u64).to_le_bytes());
        }
        records.append(&mut ends);
        let mut bytes = Vec::with_capacity(HEAD + records.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(paths.len() as u64).to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&records).as_bytes());
        bytes.append(&mut records);
        Some(FileStates { bytes, count: paths.len() })
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
        let same = |index: usize| {
            let (path, seen) = self.record(index);
            Seen::at(&root, path) == seen
        };
        (0..self.count).into_par_iter().with_min_len(BATCH).all(same)
    }

    fn record(&self, index: usize) -> (&Path, Seen) {
        let at = HEAD + index * RECORD;
        let record = &self.bytes[at..at + RECORD];
        let seen = Seen { kind: number(record, State::LEN), state: State::decode(record) };
        let begin = index.checked_sub(1).map_or(0, |before| self.end(before));
        let paths = &self.bytes[HEAD + self.count * RECORD..];
        (Path::new(std::ffi::OsStr::from_bytes(paths.get(begin..self.end(index)).unwrap_or_default())), seen)
    }

    fn end(&self, index: usize) -> usize {
        usize::try_from(number(&self.bytes, HEAD + (index + 1) * RECORD - 8)).unwrap_or(usize::MAX)
    }
}
