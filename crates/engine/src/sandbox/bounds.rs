//! What a process may take of the machine beside time: looked at while it runs, from outside. Knows nothing of how it is
//! kept apart, nor of who ends it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::descendants::descendants;
use crate::size;

/// How long a process runs before it is looked at: most have ended by then.
const FIRST: Duration = Duration::from_millis(50);
/// It is looked at no more often than that.
const LEAST: Duration = Duration::from_millis(20);
/// So many times as long as a look took, nobody looks: looking costs a fiftieth of a processor.
const REST: u32 = 50;
/// But no longer than that: what takes too much makes looking slow.
const MOST: Duration = Duration::from_millis(250);

/// What a process may have, with all that it starts. What is not said has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// So many processes at once.
    pub processes: Option<u64>,
    /// So many bytes on the disk, in its folder and the one for temporary files, its input among them.
    pub disk: Option<u64>,
}

/// A bound that a process has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Of processes.
    Processes {
        /// So many there were.
        found: u64,
        /// So many may be.
        most: u64,
    },
    /// Of bytes on the disk.
    Disk {
        /// So many there were.
        found: u64,
        /// So many may be.
        most: u64,
    },
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::Processes { found, most } => {
                write!(f, "it had {found} processes at once, and may have {most} (`[sandbox] processes`)")
            }
            Excess::Disk { found, most } => {
                let (found, most) = (size::show(*found), size::show(*most));
                write!(f, "its files took {found}, and may take {most} (`[sandbox] disk`)")
            }
        }
    }
}

/// Looks at one process from time to time.
pub(crate) struct Guard {
    bounds: Bounds,
    /// Its own folders.
    folders: [PathBuf; 2],
    /// Processes below the one that is watched that are not the program's.
    helpers: u64,
    next: Instant,
}

impl Guard {
    /// For a process that begins now and writes into `folders`.
    pub(crate) fn new(bounds: Bounds, folders: [PathBuf; 2], helpers: u64) -> Guard {
        Guard { bounds, folders, helpers, next: Instant::now() + FIRST }
    }

    /// The bound that what `leader` has started has passed; none where that is so, or nobody looked.
    pub(crate) fn look(&mut self, leader: Pid) -> Option<Excess> {
        let begin = Instant::now();
        if begin < self.next || self.bounds == Bounds::default() {
            return None;
        }
        let excess = self.processes(leader).or_else(|| self.disk());
        self.next = Instant::now() + (begin.elapsed() * REST).clamp(LEAST, MOST);
        excess
    }

    fn processes(&self, leader: Pid) -> Option<Excess> {
        let most = self.bounds.processes?;
        let found = (descendants(leader).len() as u64).saturating_sub(self.helpers);
        (found > most).then_some(Excess::Processes { found, most })
    }

    fn disk(&self) -> Option<Excess> {
        let most = self.bounds.disk?;
        let found = self.folders.iter().map(|folder| taken(folder)).sum();
        (found > most).then_some(Excess::Disk { found, most })
    }
}

/// The bytes on the disk that a folder takes. What goes meanwhile, or cannot be read, takes none.
fn taken(folder: &Path) -> u64 {
    let (mut total, mut folders) = (0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn what_a_folder_takes_is_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let before = taken(dir.path());
        std::fs::write(dir.path().join("a/b/file"), vec![b'x'; 1 << 20]).unwrap();
        std::fs::File::open(dir.path().join("a/b/file")).unwrap().sync_all().unwrap();
        // A file of holes takes nothing.
        std::fs::File::create(dir.path().join("holes")).unwrap().set_len(1 << 30).unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
        let taken = taken(dir.path()) - before;
        assert!((1 << 20..1 << 21).contains(&taken), "{taken}");
    }
}
