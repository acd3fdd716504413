//! Virtualenvs on the disk: put together once in the folder of the cache, or brought up to date where somebody wants one.
//! Their interpreter is a link to that of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::IntoRawFd as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use engine::{ActionGraph, Execution};
use graph::NodeId;
use packaging::python::Wanted;
use python::configuration::Interpreters as _;
use python::{Analysis, Environment, RuleError};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use store::{Digest, Entry, Store, StoreError, Tree};

use crate::analysis::{observe, placed};
use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::{Session, failed};
use crate::tools::MachineTools;

/// For so long a virtualenv stays that nobody uses.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The file of an exported virtualenv that says which tree it is.
const MARK: &str = ".pants-tree";

/// A virtualenv whose tree is in the store.
pub(crate) struct Made {
    pub(crate) environment: Environment,
    tree: Digest,
    /// The interpreter of this machine that it is for.
    interpreter: PathBuf,
    /// The version of that, in full.
    pub(crate) version: String,
}

/// Which virtualenvs a rule makes of a node.
pub(crate) type RuleOf =
    fn(NodeId, &Analysis<'_>, &mut ActionGraph) -> Result<Vec<Environment>, Vec<RuleError>>;

/// Makes the virtualenvs of some nodes, in their order, each with its node.
pub(crate) fn make(
    session: &Session<'_>,
    repository: &Repository,
    nodes: &[NodeId],
    rule: RuleOf,
) -> Result<Vec<(NodeId, Made)>, Vec<Diagnostic>> {
    let paths =
        |ownership: &python::Ownership<'_>| python::metadata_paths(&repository.graph, nodes, ownership);
    let (files, (all, actions, tools, found)) = observe(session, repository, nodes, &paths, |seen| {
        let made = seen.analyse(nodes, &|analysis, actions| {
            let (mut all, mut errors) = (Vec::new(), Vec::new());
            for &node in nodes {
                match rule(node, analysis, actions) {
                    Ok(made) => all.extend(made.into_iter().map(|one| (node, one))),
                    Err(wrong) => errors.extend(wrong),
                }
            }
            if errors.is_empty() { Ok(all) } else { Err(errors) }
        })?;
        let wrong = |errors: Vec<RuleError>| -> Vec<Diagnostic> {
            errors.iter().map(|error| placed(session, error)).collect()
        };
        let (all, actions) = made.map_err(wrong)?;
        session.console.diagnostics(seen.interpreters.take_notes());
        let tools = MachineTools::of(&actions, seen.interpreters);
        let interpreter = |(_, one): &(NodeId, Environment)| {
            let target = &one.configuration;
            let free_threaded = target.abi.free_threaded;
            seen.interpreters.find(Wanted { free_threaded, ..Wanted::minor(target.minor()) })
        };
        let found: Vec<_> = all.iter().map(interpreter).collect();
        Ok((all, actions, tools, found))
    })?;
    let builds = all.iter().flat_map(|(_, one)| one.builds.iter().cloned()).collect();
    let places = all.iter().map(|(_, one)| (one.action, one.place.clone())).collect();
    let plan = Plan::of_actions(session, (builds, places), (files, actions), tools)?;
    let roots: Vec<_> = all.iter().map(|(_, one)| one.action).collect();
    let Execution { trees, failures, cancelled, .. } = plan.execute(&roots, false)?;
    let mut diagnostics = plan.told(failures);
    if cancelled {
        diagnostics.push(Diagnostic::error(Exit::Failed, "build::cancelled", "cancelled"));
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let made = all.into_iter().zip(found).filter_map(|((node, environment), found)| {
        let (tree, found) = (*trees.get(&environment.action)?, found?);
        let version = found.version.to_string();
        Some((node, Made { environment, tree, interpreter: found.path, version }))
    });
    Ok(made.collect())
}

impl Made {
    /// The folder of the virtualenv in that of the cache, put together unless it is there.
    pub(crate) fn ready(&self, session: &Session<'_>) -> Result<PathBuf, Vec<Diagnostic>> {
        ready(session, &self.tree, &self.environment.python, &self.interpreter)
    }

    /// Brings a folder up to date, and says whether anything of it has changed; `pth` is a file of further folders that
    /// imports are looked for in.
    pub(crate) fn export(
        &self,
        session: &Session<'_>,
        folder: &Path,
        pth: (&str, &str),
    ) -> Result<bool, Vec<Diagnostic>> {
        let store = session.store()?;
        let tree = store.tree(&self.tree).map_err(failed)?;
        let mark = folder.join(MARK);
        let known = fs::read_to_string(&mark).ok();
        let state = format!("{}\n{}\n{}", self.tree, self.interpreter.display(), pth.1);
        if known.as_deref() == Some(&state) && folder.join(&self.environment.python).exists() {
            return Ok(false);
        }
        let digest = known.as_deref().and_then(|known| known.lines().next()?.parse::<Digest>().ok());
        let before = digest.and_then(|digest| store.tree(&digest).ok());
        let written = (|| -> Result<(), Failed> {
            fs::create_dir_all(folder)?;
            // Until it is whole it is of no known tree.
            remove(&mark)?;
            match &before {
                Some(before) => update(store, before, &tree, folder)?,
                None => {
                    fs::remove_dir_all(folder)?;
                    crate::dist::write_tree(store, &tree, folder)?;
                }
            }
            link(&self.interpreter, &folder.join(&self.environment.python))?;
            fs::write(folder.join(&self.environment.packages).join(pth.0), pth.1)?;
            Ok(fs::write(&mark, state)?)
        })();
        written.map(|()| true).map_err(|error| error.told(folder))
    }
}

/// Has a command import first-party code from some source roots of the repository, before what its own `PYTHONPATH` or else
/// that of the user names.
pub(crate) fn let_import(
    command: &mut Command,
    session: &Session<'_>,
    roots: &[String],
) -> Result<(), Vec<Diagnostic>> {
    const VARIABLE: &str = "PYTHONPATH";
    let own = command.get_envs().find(|(name, _)| *name == VARIABLE).and_then(|(_, value)| value);
    let given = own.map(ToOwned::to_owned).or_else(|| session.environment.get(VARIABLE).map(Into::into));
    let given: Vec<PathBuf> = given.iter().flat_map(std::env::split_paths).collect();
    let given = given.into_iter().filter(|path| !path.as_os_str().is_empty());
    // That of the root itself would end in a slash.
    let own = roots.iter().map(|root| session.root.join(root).components().collect::<PathBuf>());
    let path = std::env::join_paths(own.chain(given));
    let path = path.map_err(|_| {
        let message = format!(
            "Python cannot import from `{}`: `PYTHONPATH` separates folders with `:`",
            session.root.display()
        );
        let help = Some("move the repository to a folder without `:` in its path");
        vec![Diagnostic::error(Exit::Environment, "run::python_path", message).help(help)]
    })?;
    command.env(VARIABLE, path);
    Ok(())
}

/// The folder of a virtualenv in that of the cache, put together unless it is there. It stays for as long as this process or
/// one that it starts or becomes.
pub(crate) fn ready(
    session: &Session<'_>,
    tree: &Digest,
    python: &str,
    interpreter: &Path,
) -> Result<PathBuf, Vec<Diagnostic>> {
    let store = session.store()?;
    let all = session.cache_dir.join("environments");
    sweep(&all);
    let name = blake3::hash(format!("{tree} {}", interpreter.display()).as_bytes()).to_hex();
    let folder = all.join(&name[..32]);
    if held(&folder, python) {
        return Ok(folder);
    }
    let made = (|| -> Result<(), Failed> {
        fs::create_dir_all(&all)?;
        let new = tempfile::Builder::new().prefix("new-").tempdir_in(&all)?;
        let whole = new.path().join("tree");
        crate::dist::write_tree(store, &store.tree(tree)?, &whole)?;
        link(interpreter, &whole.join(python))?;
        if folder.exists() {
            // Its interpreter has gone since.
            fs::remove_dir_all(&folder)?;
        }
        match fs::rename(&whole, &folder) {
            Err(_) if folder.join(python).exists() => Ok(()),
            renamed => Ok(renamed?),
        }
    })();
    let made = made.map(|()| held(&folder, python));
    made.map(|_| folder.clone()).map_err(|error| error.told(&folder))
}

/// Whether a virtualenv works, which then nobody removes before this process and those that inherit its descriptor are gone.
fn held(folder: &Path, python: &str) -> bool {
    let Ok(file) = fs::File::open(folder) else { return false };
    // Some file systems know no locks: what is on them is held by the time of its use alone.
    let _ = flock(&file, FlockOperation::LockShared);
    let works = folder.join(python).exists();
    if works {
        // Who may not say that it was used, uses it all the same.
        let _ = file.set_modified(SystemTime::now());
        let _ = fcntl_setfd(&file, FdFlags::empty());
        let _ = file.into_raw_fd();
    }
    works
}

/// Removes what nobody has used for long, and nobody uses.
fn sweep(all: &Path) {
    let Some(before) = SystemTime::now().checked_sub(KEPT) else { return };
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|found| found.modified()).ok();
        let is_old = modified.is_some_and(|modified| modified < before);
        if is_old && let Ok(file) = fs::File::open(entry.path()) {
            if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
                continue;
            }
            // Somebody else may be quicker.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Why a virtualenv is not on the disk.
enum Failed {
    Store(StoreError),
    Place(crate::dist::PlaceError),
    Disk(io::Error),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::Store(error)
    }
}

impl From<crate::dist::PlaceError> for Failed {
    fn from(error: crate::dist::PlaceError) -> Failed {
        Failed::Place(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Disk(error)
    }
}

impl Failed {
    fn told(self, folder: &Path) -> Vec<Diagnostic> {
        match self {
            Failed::Store(error) => failed(error),
            Failed::Place(crate::dist::PlaceError::Failed(told)) => vec![*told],
            Failed::Place(crate::dist::PlaceError::Lost) => {
                let message = "the cache has lost a part of the virtualenv while it was used";
                let help = Some("run the same command again: what is missing is made again");
                vec![Diagnostic::error(Exit::Environment, "build::lost", message).help(help)]
            }
            Failed::Disk(error) => {
                let message = format!("cannot write the virtualenv `{}`: {error}", folder.display());
                vec![Diagnostic::error(Exit::Environment, "environments::write", message)]
            }
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes `place` a link to an interpreter.
fn link(interpreter: &Path, place: &Path) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    remove(place)?;
    symlink(interpreter, place)
}

/// Makes of a folder that holds one tree one that holds another; what is the same is not touched.
fn update(store: &Store, before: &Tree, after: &Tree, folder: &Path) -> Result<(), Failed> {
    let (old, new) = (before.walk(), after.walk());
    let (old, new): (BTreeMap<String, &Entry>, BTreeMap<String, &Entry>) =
        (old.into_iter().collect(), new.into_iter().collect());
    for (path, _) in old.iter().filter(|(path, entry)| new.get(*path) != Some(entry)) {
        let path = folder.join(path);
        let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        if !is_folder {
            remove(&path)?;
        }
        // What is left empty goes; what somebody put there stays.
        for above in path.ancestors().skip(usize::from(!is_folder)).take_while(|above| *above != folder) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    for (path, entry) in &new {
        let place = folder.join(path);
        let is_there = place.symlink_metadata().is_ok();
        if is_there && old.get(path) == Some(entry) {
            continue;
        }
        if let Some(above) = place.parent() {
            fs::create_dir_all(above)?;
        }
        match entry {
            Entry::File { digest, executable } => store.place(digest, &place, *executable)?,
            Entry::Symlink { target } => {
                remove(&place)?;
                symlink(target, &place)?;
            }
            Entry::Directory(_) => fs::create_dir_all(&place)?,
        }
    }
    Ok(())
}
