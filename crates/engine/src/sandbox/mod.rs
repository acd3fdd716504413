//! Keeps a process from all that it did not declare. Knows no action: it turns a command into one that runs apart.

mod bounds;
mod descendants;
mod enter;
mod keep;
mod landlock;
mod mounts;
mod spec;
mod watch;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

pub(crate) use bounds::Guard;
pub use bounds::{Bounds, Excess};
use enter::WATCH;
pub use enter::{ENTER, enter};
pub use keep::Keep;
pub(crate) use landlock::restrict;
pub(crate) use spec::Spec;

/// Where a process finds its folder in [`Level::Full`], the same on every machine.
pub const WORK: &str = "/sandbox";

/// Folders of the system that every process may read.
pub(crate) const SYSTEM: [&str; 9] =
    ["/bin", "/etc", "/lib", "/lib32", "/lib64", "/nix/store", "/opt", "/sbin", "/usr"];

/// How far a process is kept from what it did not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not at all: it runs in a folder of its own, and sees the whole machine.
    Off,
    /// It reads and writes what it may, and connects nowhere; the kernel refuses the rest (Landlock).
    Landlock,
    /// It is alone: file system, network and processes are its own (namespaces).
    Full,
}

impl Level {
    /// All levels, the strictest last.
    pub const ALL: [Level; 3] = [Level::Off, Level::Landlock, Level::Full];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Off => "off",
            Level::Landlock => "landlock",
            Level::Full => "full",
        })
    }
}

/// A text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `off`, `landlock` or `full`, found `{0}`")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        Level::ALL
            .into_iter()
            .find(|level| level.to_string() == text)
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// What keeps processes apart on this machine.
#[derive(Debug)]
pub struct Sandbox {
    wanted: Level,
    helper: PathBuf,
    found: OnceLock<Found>,
    bounds: Bounds,
    keep: (Keep, PathBuf),
    kept: Mutex<Vec<PathBuf>>,
}

/// The level that this machine reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The level at which processes run.
    pub level: Level,
    /// Why it is not the one that was wanted: one line for each level that is out of reach.
    pub lacking: Vec<(Level, String)>,
}

impl Sandbox {
    /// A sandbox of the level `wanted`, or of the next lower one that the machine has. `helper` is a program that
    /// calls [`enter()`] with the arguments after [`ENTER`]; without one, that is an empty path, [`Level::Full`] is out of
    /// reach, and what leaves its process group outlives its process.
    pub fn new(wanted: Level, helper: impl Into<PathBuf>) -> Sandbox {
        Sandbox {
            wanted,
            helper: helper.into(),
            found: OnceLock::new(),
            bounds: Bounds::default(),
            keep: (Keep::Never, PathBuf::new()),
            kept: Mutex::default(),
        }
    }

    /// The same sandbox, which keeps the folders of processes below `folder`, as `keep` says.
    #[must_use]
    pub fn keeping(self, keep: Keep, folder: impl Into<PathBuf>) -> Sandbox {
        Sandbox { keep: (keep, folder.into()), ..self }
    }

    /// The same sandbox, which ends processes that pass these bounds.
    #[must_use]
    pub fn bounded(self, bounds: Bounds) -> Sandbox {
        Sandbox { bounds, ..self }
    }

    /// A guard of a process that begins now, as `spec` says and at this level.
    pub(crate) fn guard(&self, spec: &Spec, level: Level) -> Guard {
        // The first process of the new namespaces is ours.
        Guard::new(self.bounds, [spec.work.clone(), spec.temporary()], u64::from(level == Level::Full))
    }

    /// Whether folders of processes may be kept.
    pub(crate) fn keeps(&self) -> bool {
        self.keep.0 != Keep::Never
    }

    /// The folders that were kept so far.
    pub fn kept(&self) -> Vec<PathBuf> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.sort_unstable();
        kept
    }

    /// The level that is reached here. The machine is asked once, when a process is to run, by one that has a folder in
    /// `scratch`.
    pub fn level(&self, scratch: &Path) -> &Found {
        self.found.get_or_init(|| self.probe(scratch))
    }

    /// The same where it was asked already.
    pub fn probed(&self) -> Option<&Found> {
        self.found.get()
    }

    fn probe(&self, scratch: &Path) -> Found {
        let mut lacking = Vec::new();
        for level in Level::ALL.into_iter().rev().filter(|level| *level <= self.wanted) {
            let reached = match level {
                Level::Off => Ok(()),
                Level::Landlock => landlock::probe(),
                Level::Full => self.probe_full(scratch),
            };
            match reached {
                Ok(()) => return Found { level, lacking },
                Err(reason) => lacking.push((level, reason)),
            }
        }
        Found { level: Level::Off, lacking }
    }

    /// Runs nothing in a sandbox, as everything else would be run.
    fn probe_full(&self, scratch: &Path) -> Result<(), String> {
        let folder = tempfile::tempdir_in(scratch).map_err(|error| error.to_string())?;
        let spec = Spec::new(folder.path(), Path::new("/"), Path::new("true"), &[]);
        let mut command = self.separate(&spec).map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().map_err(|error| error.to_string())?;
        match spec.failure() {
            Some(reason) => Err(reason),
            // `true` itself may be missing, which is nothing against the sandbox.
            None if status.code() == Some(spec::NOT_SET_UP) => Err("it ended without a reason".to_owned()),
            None => Ok(()),
        }
    }

    /// The command that runs what `spec` says apart.
    pub(crate) fn separate(&self, spec: &Spec) -> std::io::Result<Command> {
        let file = spec.write()?;
        let mut command = Command::new(&self.helper);
        command.arg(OsStr::new(ENTER)).arg(file).env_clear();
        Ok(command)
    }

    /// The command that runs what `spec` says in a folder of the machine. With a helper, its standard input is a leash:
    /// when that is let go, all that was started ends.
    pub(crate) fn beside(&self, spec: &Spec) -> std::io::Result<Command> {
        if self.helper.as_os_str().is_empty() {
            let mut command = Command::new(&spec.program);
            command.args(&spec.arguments).env_clear().envs(&spec.environment).current_dir(&spec.work);
            command.stdin(Stdio::null());
            return Ok(command);
        }
        let file = spec.write()?;
        let mut command = Command::new(&self.helper);
        command.args([ENTER, WATCH]).arg(file).env_clear().stdin(Stdio::piped());
        Ok(command)
    }

    /// What a helper has to read to run at all.
    pub(crate) fn helper(&self) -> &Path {
        &self.helper
    }
}

/// What folders every process has that are not those of the machine.
const OWN: [&str; 3] = [WORK, "/dev", "/proc"];
/// Those of which it has others than the machine: what is in the machine's is hidden.
const OTHER: [&str; 2] = ["/tmp", "/var/tmp"];

/// The paths that a program named in what it `said`, and that are on the machine but not in its sandbox: what it wanted
/// to read and did not declare. `readable` is what it may read besides the system's folders.
pub fn undeclared(said: &str, readable: &[PathBuf]) -> Vec<PathBuf> {
    let seen = |path: &Path| {
        path.parent().is_none()
            || SYSTEM.iter().chain(&OWN).any(|folder| path.starts_with(folder))
            || OTHER.iter().any(|folder| path == Path::new(folder))
            || readable.iter().any(|folder| path.starts_with(folder))
    };
    let ends = |c: char| c.is_whitespace() || "'\"`,;:()[]<>=".contains(c);
    let mut found: Vec<PathBuf> = (said.split(ends).filter(|word| word.starts_with('/')).map(PathBuf::from))
        .filter(|path| !seen(path) && path.exists())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::undeclared;

    #[test]
    fn paths_that_are_there_and_were_not_seen_are_undeclared() {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let check = |said: &str, readable: &[PathBuf], expect: &[PathBuf]| {
            assert_eq!(undeclared(said, readable), expect, "{said}");
        };
        let path = dir.path().to_owned();
        let said = format!("OSError: no such file: '{}', nor '/no/such/file' (/usr/bin/x)", path.display());
        check(&said, &[], std::slice::from_ref(&path));
        check(&format!("{said}: {}: {0}", path.display()), &[], std::slice::from_ref(&path));
        check(&said, std::slice::from_ref(&path), &[]);
        check("/ /usr /proc/1 /tmp /sandbox/x //", &[], &[]);
    }
}
