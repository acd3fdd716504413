//! Makes the lock of a resolve: requirements go to a pinned `uv lock` in a scratch project, and what it finds is
//! written as a [`Lock`] of ours. Knows no target, and of the repository the files that requirements name.
//!
//! Two runs on one state of the indexes give the same lock: nothing in it tells the time, the machine, a path outside of the
//! repository or the address of an index.

mod changes;
mod convert;
mod error;
mod explain;
mod legacy;
pub(crate) mod modules;
mod pins;
mod project;
mod pythons;
mod sources;
mod span;
mod uv;
mod uv_lock;

use std::collections::BTreeMap;
use std::path::Path;

use engine::Cancel;
use rayon::ThreadPoolBuilder;
use store::Store;

pub use changes::Change;
pub use error::{LockError, LockWarning};
pub use modules::is_called_plugin;
pub use uv::{UV_VERSION, find_uv};

use crate::constraints::InterpreterConstraints;
use crate::index::{Client, Indexes};
use crate::lock::{Address, AddressError, Lock};
use crate::name::PackageName;
use crate::platform::Platform;
use crate::python::Wanted;
use crate::requirement::Requirement;

/// How many questions indexes are asked at once: as many as the client keeps connections to one.
const QUESTIONS: usize = 16;

/// A requirement of a resolve, and who asks for it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The requirement.
    pub requirement: Requirement,
    /// Who asks, for messages: `` `//3rdparty:flask` at 3rdparty/BUILD:3:5 ``.
    pub by: String,
}

/// Which versions of the previous lock may move although nothing makes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Upgrade {
    /// None: what can stay stays.
    #[default]
    Nothing,
    /// Those of these projects, to versions that these requirements accept.
    Only(Vec<Requirement>),
    /// All.
    Everything,
}

/// What is to be locked.
#[derive(Debug, Clone, Copy)]
pub struct LockRequest<'a> {
    /// The name of the resolve.
    pub resolve: &'a str,
    /// The indexes that it may come from, as the resolve sees them; all are known to the client.
    pub indexes: &'a Indexes,
    /// The root of the repository, which paths of requirements are relative to; none where there is none.
    pub root: Option<&'a Path>,
    /// Its requirements.
    pub requirements: &'a [Asked],
    /// What holds for all that is locked, whoever needs it.
    pub constraints: &'a [Requirement],
    /// The interpreters that it must hold for.
    pub interpreter_constraints: &'a InterpreterConstraints,
    /// The interpreters that the lock records as those to build for.
    pub interpreters: &'a [Wanted],
    /// All that something is built for, of which the lock says how source distributions are built.
    pub built_for: &'a [Wanted],
    /// The platforms that it must hold for.
    pub platforms: &'a [Platform],
    /// The lock that there is, whose versions are kept where they can be.
    pub previous: Option<&'a Lock>,
    /// What of it may move.
    pub upgrade: &'a Upgrade,
    /// What source distributions need beside what they say, by project.
    pub build_requirements: &'a BTreeMap<PackageName, Vec<Requirement>>,
    /// What holds for all that they are built with.
    pub build_constraints: &'a [Requirement],
    /// Leaves out files that were uploaded later: an RFC 3339 time or a date.
    pub exclude_newer: Option<&'a str>,
}

/// What locking uses of the machine.
#[derive(Clone, Copy)]
pub struct LockTools<'a> {
    /// The indexes.
    pub client: &'a Client,
    /// Where what wheels provide is memoised.
    pub store: &'a Store,
    /// The executable of uv, from [`find_uv`].
    pub uv: &'a Path,
    /// Any interpreter from 3.8 on, which uv builds the metadata of source distributions with. It need not be one of the resolve.
    pub python: &'a Path,
    /// The folder for uv's own cache.
    pub uv_cache: &'a Path,
    /// Who may ask to stop.
    pub cancel: &'a Cancel,
    /// The environment variables, of which proxies and `PATH` are passed on.
    pub env: &'a BTreeMap<String, String>,
}

impl Upgrade {
    /// Whether the versions of a project may move.
    fn moves(&self, name: &PackageName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(requirements) => requirements.iter().any(|requirement| requirement.name == *name),
            Self::Everything => true,
        }
    }
}

/// A lock that was made.
#[derive(Debug, Clone)]
pub struct LockOutcome {
    /// The lock.
    pub lock: Lock,
    /// What is otherwise than in the previous lock, by name.
    pub changes: Vec<Change>,
    /// What could not be told of some packages; the lock is good without.
    pub warnings: Vec<LockWarning>,
}

/// Resolves the requirements and makes a lock of what was found.
///
/// # Errors
/// See [`LockError`].
pub fn lock(request: &LockRequest<'_>, tools: &LockTools<'_>) -> Result<LockOutcome, LockError> {
    let (mut lock, mut warnings) = resolve(request, tools)?;
    waiting(|| modules::tell(&mut lock, request.previous, tools, &mut warnings));
    let changes = changes::between(request.previous, &lock, request.upgrade);
    Ok(LockOutcome { lock, changes, warnings })
}

/// Resolves the requirements, for who builds at once and keeps no lock: what only inference asks of
/// a lock, the modules of distributions, is not in it.
///
/// # Errors
/// See [`LockError`].
pub fn resolve(
    request: &LockRequest<'_>,
    tools: &LockTools<'_>,
) -> Result<(Lock, Vec<LockWarning>), LockError> {
    let addresses = addresses(request)?;
    let span = span::Span::new(request.interpreter_constraints, request.interpreters, request.platforms);
    let found = pins::resolve(request, &addresses, request.constraints, tools, &span)?;
    let mut warnings = Vec::new();
    let mut lock = convert::convert(request, &span, &found, &mut warnings)?;
    waiting(|| {
        legacy::complete(&mut lock, request.resolve, tools, &span)?;
        lock.sort();
        sources::tell(&mut lock, request, tools, &span, &mut warnings)
    })?;
    lock.sort();
    let bare = lock.packages.iter().filter(|package| package.wheels.is_empty() && package.sdist.is_none());
    warnings.extend(
        bare.map(|package| LockWarning::NoFiles { package: format!("{} {}", package.name, package.version) }),
    );
    waiting(|| pythons::tell(&mut lock, tools, &mut warnings));
    Ok((lock, warnings))
}

/// Does what mostly waits for answers with more threads than there are processors.
fn waiting<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match ThreadPoolBuilder::new().num_threads(QUESTIONS).build() {
        Ok(pool) => pool.install(work),
        // Where no more threads can be had, it takes longer.
        Err(_) => work(),
    }
}

/// Where each requirement is that names its place, by its text.
type Addresses = BTreeMap<String, Address>;

fn addresses(request: &LockRequest<'_>) -> Result<Addresses, LockError> {
    let mut addresses = Addresses::new();
    for Asked { requirement, by } in request.requirements {
        let Some(location) = requirement.location() else { continue };
        let is_folder = |address: &Address| matches!((address, request.root), (Address::Path(path), Some(root)) if root.join(path).is_dir());
        let address = match Address::of_requirement(location, request.root) {
            Ok(address) if is_folder(&address) => Err(AddressError::Folder { text: location.to_owned() }),
            found => found,
        };
        let address = address.map_err(|reason| LockError::Address {
            resolve: request.resolve.to_owned(),
            project: requirement.name.clone(),
            by: by.clone(),
            reason,
        })?;
        addresses.insert(requirement.text().to_owned(), address);
    }
    Ok(addresses)
}
