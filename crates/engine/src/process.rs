//! Processes of this machine: the local [`Runner`], and the plain spawning beneath it. Knows no language.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use store::{Digest, Entry, Outcome, Store, Tree};

use crate::action::{Process, Program};
use crate::kept;
use crate::output::Output;
use crate::sandbox::{self, Excess, Level, Sandbox, Spec, WORK};
use crate::seams::{Cancel, RunError, Runner, Tool};
use crate::shared::{self, Trees};

/// So much of each stream is kept of what was stopped.
const MOST_SAID: usize = 256 << 10;

/// How long a helper may take to end what it has started.
const LEASH: Duration = Duration::from_secs(5);

/// How a process ended that was waited for.
#[derive(Debug)]
pub enum Ended {
    /// By itself; what it had started and left behind was stopped.
    Exited(ExitStatus),
    /// It took longer than it may, and was stopped with all that it had started.
    TimedOut,
    /// Somebody asked to stop, and it was stopped with all that it had started.
    Cancelled,
    /// It took more of the machine than it may, and was stopped with all that it had started.
    Exceeded(Excess),
}

/// Starts `command` in a process group of its own and waits for it, no longer than `limit`. Nothing of the group
/// outlives it.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn run_to_end(command: &mut Command, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Ended> {
    run_and_look(command, limit, cancel, &mut |_| None)
}

/// The same with a `look` at the process again and again, which may find that it is to end.
fn run_and_look(
    command: &mut Command,
    limit: Option<Duration>,
    cancel: &Cancel,
    look: &mut dyn FnMut(Pid) -> Option<Excess>,
) -> io::Result<Ended> {
    let start = Instant::now();
    let mut child = command.process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let mut pause = Duration::from_micros(200);
    loop {
        if has_ended(group)? {
            return Ok(Ended::Exited(stop(&mut child, group)?));
        }
        let timed_out = limit.is_some_and(|limit| start.elapsed() >= limit);
        if timed_out || cancel.is_cancelled() {
            stop(&mut child, group)?;
            return Ok(if timed_out { Ended::TimedOut } else { Ended::Cancelled });
        }
        if let Some(excess) = look(group) {
            stop(&mut child, group)?;
            return Ok(Ended::Exceeded(excess));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// What a process wrote, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output; of very much, the beginning and the end.
    pub stdout: Vec<u8>,
    /// Its standard error, the same.
    pub stderr: Vec<u8>,
}

impl Said {
    /// Whether it ended by itself, with status 0.
    pub fn success(&self) -> bool {
        matches!(self.ended, Ended::Exited(status) if status.success())
    }
}

/// Runs `command` as [`run_to_end`] does, without input, and keeps what it says.
///
/// # Errors
/// When it cannot be started or waited for, or what it says not be kept.
pub fn run_and_listen(command: &mut Command, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Said> {
    listen(command.stdin(Stdio::null()), limit, cancel)
}

/// The same with `input` as its standard input.
///
/// # Errors
/// Those of [`run_and_listen`].
pub fn run_and_answer(
    command: &mut Command,
    input: &[u8],
    limit: Option<Duration>,
    cancel: &Cancel,
) -> io::Result<Said> {
    let mut file = tempfile::tempfile()?;
    file.write_all(input)?;
    file.rewind()?;
    listen(command.stdin(file), limit, cancel)
}

/// Runs `command` and keeps what it says.
fn listen(command: &mut Command, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Said> {
    // Files, since pipes would fill up while nobody reads.
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut outputs = [stdout, stderr].map(Output::new);
    let ended = run_and_look(command, limit, cancel, &mut |_| {
        outputs.iter_mut().for_each(Output::thin);
        None
    })?;
    let [stdout, stderr] = &mut outputs;
    Ok(Said { ended, stdout: stdout.read()?, stderr: stderr.read()? })
}

/// Whether a child has ended. It stays to be waited for, so that its number stays its own.
fn has_ended(child: Pid) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(child), options) {
        Ok(status) => Ok(status.is_some()),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Kills all of a group whose leader was not waited for yet, and waits for the leader. A leader on a leash is let go of
/// first, and ends all that has left the group.
fn stop(leader: &mut Child, group: Pid) -> io::Result<ExitStatus> {
    if let Some(leash) = leader.stdin.take() {
        drop(leash);
        let begin = Instant::now();
        while !has_ended(group)? && begin.elapsed() < LEASH {
            thread::sleep(Duration::from_millis(1));
        }
    }
    match kill_process_group(group, Signal::KILL) {
        // Some systems refuse to signal a group of which only the ended leader is left.
        Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    leader.wait()
}

/// Runs processes on this machine, each in a fresh folder of the store, which vanishes however this process ends.
#[derive(Debug)]
pub struct LocalRunner<'a> {
    /// How they are kept from what they did not declare.
    sandbox: &'a Sandbox,
    /// The trees that processes share, where they were put.
    shared: Trees,
}

impl<'a> LocalRunner<'a> {
    /// A runner that keeps processes from what they did not declare, by this sandbox.
    pub fn new(sandbox: &'a Sandbox) -> LocalRunner<'a> {
        LocalRunner { sandbox, shared: Trees::default() }
    }
}

impl Runner for LocalRunner<'_> {
    fn run(
        &self,
        process: &Process,
        tool: Option<&Tool>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        let start = Instant::now();
        let scratch = store.scratch()?;
        let folder = self.sandbox.folder(&scratch);
        let folder = folder.map_err(|source| RunError::Folder { path: scratch.clone(), source })?;
        let root = folder.path().join("work");
        create_folder(&root)?;
        if let Some(input) = inputs.first() {
            lay_out(store, &store.tree(input)?, &root)?;
        }
        kept::put_back(process, tool, inputs, store, &root)?;
        let shared = match (&process.shared, inputs.get(1)) {
            // A folder that is kept has to have all that runs the process again.
            (Some(place), Some(tree)) if self.sandbox.keeps() => {
                let own = folder.path().join("shared");
                create_folder(&own)?;
                shared::put_at(store, tree, shared::link(process, tool), &own)?;
                Some((own, place.as_str()))
            }
            (Some(place), Some(tree)) => {
                let link = shared::link(process, tool);
                Some((self.shared.put(store, tree, link)?, place.as_str()))
            }
            _ => None,
        };
        let level = self.sandbox.level(&scratch).level;
        let spec = spec(process, tool, (folder.path(), &root), shared, level);
        create_folder(&spec.temporary())?;
        let streams = Streams::below(folder.path());
        let ended = self.start(process, &spec, level, &streams, cancel);
        // What was cancelled did not fail.
        let succeeded = match &ended {
            Ok(status) => status.success(),
            Err(error) => matches!(error, RunError::Cancelled),
        };
        let outcome = ended.and_then(|status| {
            let outcome = outcome(process, status, &root, &streams, store, start)?;
            if succeeded {
                kept::take(process, tool, inputs, store, &root);
            }
            Ok(Outcome { usage: spec.usage(), ..outcome })
        });
        let (path, script) = (folder.path().to_owned(), self.sandbox.script(&spec, level));
        self.sandbox
            .end(folder, succeeded && outcome.is_ok(), &script)
            .map_err(|source| RunError::Folder { path, source })?;
        outcome
    }
}

/// What a process that ended has made.
fn outcome(
    process: &Process,
    status: ExitStatus,
    root: &Path,
    streams: &Streams,
    store: &Store,
    start: Instant,
) -> Result<Outcome, RunError> {
    let exit_code = exit_code(status);
    let name = process.program.name();
    let tree = if exit_code == 0 || process.keeps_failed {
        collect(process, name, root, store, exit_code != 0)?
    } else {
        Tree::new()
    };
    Ok(Outcome {
        tree: store.put_tree(&tree)?,
        exit_code,
        stdout: streams.keep(&streams.stdout, store)?,
        stderr: streams.keep(&streams.stderr, store)?,
        duration: start.elapsed(),
        usage: None,
    })
}

/// What runs where, as the process sees it at this level. `shared` is where its shared tree is, and where it is seen.
fn spec(
    process: &Process,
    tool: Option<&Tool>,
    (folder, root): (&Path, &Path),
    shared: Option<(PathBuf, &str)>,
    level: Level,
) -> Spec {
    let is_full = level == Level::Full;
    let seen = if is_full { Path::new(WORK) } else { root };
    let seen_shared = shared.as_ref().map(|(path, place)| if is_full { Path::new(place) } else { path });
    let program = match (&process.program, tool, seen_shared) {
        (Program::Tool(_), Some(tool), _) => tool.path.clone(),
        (Program::Linked { link, .. }, _, Some(shared)) => shared.join(link),
        (Program::Tool(path) | Program::Input(path) | Program::Linked { link: path, .. }, ..) => {
            seen.join(path)
        }
    };
    let mut spec = Spec::new(folder, root, &program, tool.map_or(&[][..], |tool| &tool.needs));
    spec.arguments.clone_from(&process.arguments);
    spec.environment.clone_from(&process.environment);
    if let Some((path, place)) = shared {
        spec.shared = Some((path, PathBuf::from(place)));
    }
    if !is_full {
        spec.translate();
    }
    spec
}

/// Where the output of a process goes.
struct Streams {
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Streams {
    fn below(folder: &Path) -> Streams {
        Streams { stdout: folder.join("stdout"), stderr: folder.join("stderr") }
    }

    /// The last of what was said, as far as it can be read.
    fn said(&self) -> String {
        let end = |path: &Path| {
            let bytes = File::open(path).and_then(|file| Output::new(file).read()).unwrap_or_default();
            String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MOST_SAID)..]).into_owned()
        };
        end(&self.stdout) + &end(&self.stderr)
    }

    /// Makes a command write there.
    fn of(&self, command: &mut Command) -> Result<[Output; 2], RunError> {
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|path| create_file(path));
        let (stdout, stderr) = (stdout?, stderr?);
        let copy = |file: &File, path: &Path| {
            file.try_clone().map_err(|source| RunError::Folder { path: path.to_owned(), source })
        };
        command.stdout(copy(&stdout, &self.stdout)?).stderr(copy(&stderr, &self.stderr)?);
        Ok([stdout, stderr].map(Output::new))
    }

    /// Stores what was written to one of them; of very much, the beginning and the end.
    fn keep(&self, path: &Path, store: &Store) -> Result<Digest, RunError> {
        let folder = |source| RunError::Folder { path: path.to_owned(), source };
        let mut output = Output::new(File::open(path).map_err(folder)?);
        match output.is_cut().map_err(folder)? {
            true => Ok(store.put(&output.read().map_err(folder)?)?),
            false => Ok(store.put_file(path)?),
        }
    }
}

impl LocalRunner<'_> {
    /// Runs the program to its end at the level that this machine has.
    fn start(
        &self,
        process: &Process,
        spec: &Spec,
        level: Level,
        streams: &Streams,
        cancel: &Cancel,
    ) -> Result<ExitStatus, RunError> {
        let name = process.program.name();
        let spawn = |source| RunError::Spawn { program: name.to_owned(), source };
        let mut command = if level == Level::Full {
            let mut command = self.sandbox.separate(spec).map_err(spawn)?;
            command.stdin(Stdio::null());
            command
        } else {
            self.sandbox.beside(spec).map_err(spawn)?
        };
        let mut outputs = streams.of(&mut command)?;
        let mut guard = self.sandbox.guard(spec, level);
        let mut look = |leader| {
            outputs.iter_mut().for_each(Output::thin);
            guard.look(leader)
        };
        let mut run = || run_and_look(&mut command, process.timeout, cancel, &mut look);
        let ended = if level == Level::Landlock {
            let readable = [&spec.readable[..], &[self.sandbox.helper().to_owned()]].concat();
            restricted(&readable, &spec.folder, run)
        } else {
            run()
        };
        if let Some(reason) = spec.failure() {
            return Err(match level {
                Level::Full => RunError::Sandbox { program: name.to_owned(), reason },
                _ => spawn(io::Error::other(reason)),
            });
        }
        match (ended.map_err(spawn)?, process.timeout) {
            (Ended::Exited(status), _) => Ok(status),
            (Ended::TimedOut, Some(limit)) => {
                Err(RunError::Timeout { program: name.to_owned(), limit, said: streams.said() })
            }
            (Ended::Exceeded(excess), _) => {
                Err(RunError::Excess { program: name.to_owned(), excess, said: streams.said() })
            }
            (Ended::TimedOut, None) | (Ended::Cancelled, _) => Err(RunError::Cancelled),
        }
    }
}

/// Runs something from a thread that may only do what it may, for what a thread starts has its restrictions.
fn restricted(
    readable: &[PathBuf],
    writable: &Path,
    run: impl FnOnce() -> io::Result<Ended> + Send,
) -> io::Result<Ended> {
    thread::scope(|scope| {
        let restricted = scope.spawn(|| {
            sandbox::restrict(readable, writable).map_err(io::Error::other)?;
            run()
        });
        restricted.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The exit status as shells count it: 128 and the signal where one ended the process.
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

pub(crate) fn create_folder(path: &Path) -> Result<(), RunError> {
    fs::create_dir_all(path).map_err(|source| RunError::Folder { path: path.to_owned(), source })
}

fn create_file(path: &Path) -> Result<File, RunError> {
    File::create(path).map_err(|source| RunError::Folder { path: path.to_owned(), source })
}

/// Writes a tree into a folder.
pub(crate) fn lay_out(store: &Store, tree: &Tree, folder: &Path) -> Result<(), RunError> {
    for (name, entry) in tree.entries() {
        let path = folder.join(name);
        match entry {
            Entry::File { digest, executable } => store.place(digest, &path, *executable)?,
            Entry::Symlink { target } => {
                symlink(target, &path).map_err(|source| RunError::Folder { path, source })?;
            }
            Entry::Directory(below) => {
                create_folder(&path)?;
                lay_out(store, below, &path)?;
            }
        }
    }
    Ok(())
}

/// Keeps what a process declared as its outputs; of one that failed, what is there of them.
fn collect(
    process: &Process,
    program: &str,
    root: &Path,
    store: &Store,
    failed: bool,
) -> Result<Tree, RunError> {
    let mut tree = Tree::new();
    let mut missing = Vec::new();
    for output in &process.outputs {
        // A link on the way to it could lead out of the folder.
        let above = Path::new(output).ancestors().skip(1);
        if above.map(|above| root.join(above)).any(|above| above != root && above.is_symlink()) {
            return Err(RunError::Kind { program: program.to_owned(), path: output.clone() });
        }
        match root.join(output).symlink_metadata() {
            Ok(_) => keep(&mut tree, program, root, output, store)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(output.clone()),
            Err(source) => return Err(RunError::Folder { path: root.join(output), source }),
        }
    }
    if missing.is_empty() || failed {
        return Ok(tree);
    }
    Err(RunError::Outputs { program: program.to_owned(), missing })
}

/// Adds what is at a path below a folder to a tree.
pub(crate) fn keep(
    tree: &mut Tree,
    program: &str,
    root: &Path,
    path: &str,
    store: &Store,
) -> Result<(), RunError> {
    let full = root.join(path);
    let folder = |source| RunError::Folder { path: full.clone(), source };
    let kind = || RunError::Kind { program: program.to_owned(), path: path.to_owned() };
    let metadata = full.symlink_metadata().map_err(folder)?;
    let added = if metadata.is_dir() {
        let mut names = Vec::new();
        for entry in fs::read_dir(&full).map_err(folder)? {
            names.push(entry.map_err(folder)?.file_name().into_string().map_err(|_| kind())?);
        }
        names.sort_unstable();
        for name in &names {
            keep(tree, program, root, &format!("{path}/{name}"), store)?;
        }
        if names.is_empty() { tree.add_directory(path) } else { Ok(()) }
    } else if metadata.is_symlink() {
        let target = fs::read_link(&full).map_err(folder)?;
        tree.add_symlink(path, target.to_str().ok_or_else(kind)?)
    } else if metadata.is_file() {
        use std::os::unix::fs::PermissionsExt;
        tree.add_file(path, store.put_file(&full)?, metadata.permissions().mode() & 0o100 != 0)
    } else {
        return Err(kind());
    };
    added.map_err(|_| kind())
}
