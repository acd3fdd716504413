//! Finds out which process holds a database in a write, for those who wait for it in vain; it opens nothing of it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::StoreError;

/// The byte of the shared memory that SQLite locks while it writes: `WAL_WRITE_LOCK` of its file format.
const WRITE_LOCK: u64 = 120;

/// So many characters of a command line tell which one it is.
const SHOWN: usize = 200;

/// A process that holds a database in a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// What it was started as, as far as the system tells.
    pub command: String,
    /// Whether it is stopped, so that it does not end by itself.
    pub stopped: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (`{}`)", self.pid, self.command)?;
        if self.stopped { f.write_str(", which is stopped") } else { Ok(()) }
    }
}

/// The error of who has waited so long for the database at `path`.
pub(crate) fn held(path: &Path, waited: Duration) -> StoreError {
    StoreError::Held { path: path.to_owned(), waited, holder: find(path) }
}

/// Opening a file that has locks and closing it again would let go of those of this process, so that the system's list
/// of locks is read instead. There is none where there is no `/proc`, and a process of another namespace has no number.
fn find(database: &Path) -> Option<Holder> {
    let mut memory = database.as_os_str().to_owned();
    memory.push("-shm");
    let inode = fs::metadata(Path::new(&memory)).ok()?.ino();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| writer(line, inode))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let state = status.lines().find_map(|line| line.strip_prefix("State:"))?.trim_start();
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let shown = line.trim_end_matches('\0').chars().take(SHOWN);
    let command = shown.map(|char| if char.is_control() { ' ' } else { char }).collect();
    Some(Holder { pid, command, stopped: state.starts_with(['T', 't']) })
}

/// The process of one line of `/proc/locks`, such as `1: POSIX  ADVISORY  WRITE 4711 08:02:1234 120 120`, if it is that of
/// a write to the file with this inode.
fn writer(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "WRITE").skip(1);
    let (pid, file) = (words.next()?, words.next()?);
    let [first, last] = [words.next()?, words.next()?].map(str::parse::<u64>);
    let same = file.rsplit(':').next()?.parse() == Ok(inode);
    let writes = first.is_ok_and(|first| first <= WRITE_LOCK) && last.is_ok_and(|last| last >= WRITE_LOCK);
    if same && writes { pid.parse().ok() } else { None }
}
