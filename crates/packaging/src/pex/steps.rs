//! The steps of making a PEX that are no verbs of the engine, as functions from trees of the store to a tree.
//! They are pure: a rule registers each under a name with [`VERSION`].

use std::io::{self, BufReader, Read as _};

use engine::extract::UnpackError;
use sha2::{Digest as _, Sha256};
use store::{Digest, Entry as TreeEntry, Store, StoreError, Tree, TreeError};
use thiserror::Error;

use super::boot::{self, BootFiles, Made};
use super::entry::{self, EntryError};
use super::hash::CodeHasher;
use super::options::Layout;
use super::runtime::RUNTIME;
use super::sources::{self, ReservedName};
use super::spec::{Entry, PexSpec, SpecError, WheelRef};
pub use super::start::{names, start};
use super::{bootstrap as files, wheel_modules, wheel_scripts};
use crate::wheel::{self, WheelError, WheelFilename};

/// The version of these steps, raised whenever one yields something else for the same input.
pub const VERSION: u32 = 5;
/// The path in the tree of [`boot()`] of what a zipapp starts with.
pub const PREFIX: &str = ".prefix";

const PEX_BOOT: &str = "pex/pex_boot.py";
/// The memo table of the SHA-256 of blobs.
const SHA256: &str = "sha256";
/// From this size on it is remembered.
const LARGE: u64 = 64 << 10;
/// So much of a blob is read at once.
const PIECE: usize = 256 << 10;

/// Why a step has no result.
#[derive(Debug, Error)]
pub enum StepError {
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wheel could not be read.
    #[error(transparent)]
    Wheel(#[from] UnpackError),
    /// A wheel that may not go into a PEX; all that is wrong with it.
    #[error("{}", lines(.0))]
    Unsound(Vec<WheelError>),
    /// The tree of a step cannot be.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Choices that contradict each other; all there are.
    #[error("{}", lines(.0))]
    Spec(Vec<SpecError>),
    /// User files under names of the runtime; all there are.
    #[error("{}", lines(.0))]
    Reserved(Vec<ReservedName>),
    /// A user file that is a symbolic link.
    #[error("`{0}` is a symbolic link, which a PEX cannot hold")]
    Symlink(String),
    /// The script to start does not name exactly one thing.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The runtime's wheel is not the pinned one.
    #[error("expected the runtime of pex {}, whose bootstrap hash is {expected}, found {found}", RUNTIME.version)]
    Runtime {
        /// The hash of the pinned release.
        expected: &'static str,
        /// The hash of what was given.
        found: String,
    },
    /// An input is not what the step expects.
    #[error("{0}")]
    Input(&'static str),
}

impl StepError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            StepError::Store(error) => error.code(),
            StepError::Wheel(error) => error.code(),
            StepError::Unsound(errors) => {
                errors.first().map_or("packaging::wheel_unreadable", WheelError::code)
            }
            StepError::Tree(error) => error.code(),
            StepError::Spec(errors) => errors.first().map_or("pex::spec", SpecError::code),
            StepError::Reserved(_) => "pex::reserved_name",
            StepError::Symlink(_) => "pex::symlink",
            StepError::Entry(error) => error.code(),
            StepError::Runtime { .. } => "pex::runtime",
            StepError::Input(_) => "pex::input",
        }
    }

    /// What to do about it, where that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            StepError::Store(error) => error.help(),
            StepError::Wheel(error) => error.help(),
            StepError::Unsound(errors) => errors.first().and_then(WheelError::help),
            StepError::Spec(errors) => errors.first().and_then(SpecError::help),
            StepError::Reserved(errors) => errors.first().and_then(ReservedName::help),
            StepError::Entry(error) => error.help(),
            StepError::Symlink(_) => Some("put the file itself in the place of the link".to_owned()),
            StepError::Tree(_) | StepError::Runtime { .. } | StepError::Input(_) => None,
        }
    }
}

fn lines<T: ToString>(errors: &[T]) -> String {
    errors.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

/// Selects the bootstrap from `runtime`, the unpacked wheel [`RUNTIME`]: a tree with `pex/...`, to be put below
/// `.bootstrap/`. Fails where its hash is not the pinned one, since the hash names what all PEX files share.
pub fn bootstrap(store: &Store, tools: bool, runtime: &Digest) -> Result<Digest, StepError> {
    let wheel = store.tree(runtime)?;
    let all = wheel.walk();
    let paths: Vec<&str> = all
        .iter()
        .filter(|(_, entry)| matches!(entry, TreeEntry::File { .. }))
        .map(|(path, _)| path.as_str())
        .collect();
    let mut tree = Tree::new();
    let mut hashed = Vec::new();
    for file in files::select(paths, tools) {
        let Some(TreeEntry::File { digest, .. }) = wheel.get(&file.path) else {
            return Err(StepError::Input(
                "the runtime's wheel lacks a package that its vendored projects are in",
            ));
        };
        tree.add_file(&file.path, *digest, false)?;
        if file.hashed {
            hashed.push((file.path, store.read(digest)?));
        }
    }
    let expected = RUNTIME.bootstrap_hash(tools);
    let found = files::hash(hashed.iter().map(|(path, content)| (path.as_str(), content.as_slice())));
    if found != expected {
        return Err(StepError::Runtime { expected, found });
    }
    Ok(store.put_tree(&tree)?)
}

/// Reads `wheel`, a tree that holds one wheel, from its first byte to its last, and gives the same tree where nothing
/// is wrong with it: a PEX holds wheels as they are, and whoever starts it unpacks them.
pub fn wheel(store: &Store, wheel: &Digest) -> Result<Digest, StepError> {
    let (name, digest) = wheel_file(store, wheel)?;
    let name: WheelFilename =
        name.parse().map_err(|_| StepError::Input("expected the file name of a wheel"))?;
    let content = BufReader::new(store.open_blob(&digest)?);
    wheel::inspect(&name, content, &wheel::Limits::default()).map_err(StepError::Unsound)?;
    Ok(*wheel)
}

/// The files of `user`, without compiled Python; empty folders go as well. Fails with every file that has a
/// name of the runtime, and for a symbolic link.
pub fn sources(store: &Store, user: &Digest) -> Result<Digest, StepError> {
    let mut tree = Tree::new();
    let mut reserved = Vec::new();
    for (path, entry) in store.tree(user)?.walk() {
        match *entry {
            TreeEntry::Directory(_) => {}
            _ if sources::is_bytecode(&path) => {}
            TreeEntry::Symlink { .. } => return Err(StepError::Symlink(path)),
            TreeEntry::File { digest, executable } => match sources::check(&path) {
                Ok(()) => tree.add_file(&path, digest, executable)?,
                Err(error) => reserved.push(error),
            },
        }
    }
    if reserved.is_empty() { Ok(store.put_tree(&tree)?) } else { Err(StepError::Reserved(reserved)) }
}

/// Adds to a specification wheels whose names and hashes are only known from the trees that hold them.
pub fn with_wheels(store: &Store, mut spec: PexSpec, wheels: &[Digest]) -> Result<PexSpec, StepError> {
    for wheel in wheels {
        let (name, digest) = wheel_file(store, wheel)?;
        let sha256 = Sha256::digest(store.read(&digest)?);
        let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        spec.wheels.push(WheelRef { name, sha256 });
    }
    Ok(spec)
}

/// Writes the files by which the PEX `spec` starts: `PEX-INFO`, `__main__.py`, `__pex__/__init__.py`, for a zipapp
/// what it starts with as [`PREFIX`], else the link `pex`.
///
/// `bootstrap`, `user` and `start` are the trees of the other steps, the last one those of all plans. `wheels` are trees that each hold one wheel; they are
/// looked into to find what `spec` starts, and need not be given where that is a module that is known to be elsewhere.
pub fn boot(
    store: &Store,
    spec: &PexSpec,
    bootstrap: &Digest,
    user: &Digest,
    start: &Digest,
    wheels: &[Digest],
) -> Result<Digest, StepError> {
    let problems = spec.problems();
    if !problems.is_empty() {
        return Err(StepError::Spec(problems));
    }
    let scripts = if matches!(spec.entry, Entry::Script(_)) {
        wheels.iter().map(|wheel| scripts_of(store, wheel)).collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    if let (Entry::Module(module), false) = (&spec.entry, wheels.is_empty()) {
        let module = module.split(':').next().unwrap_or(module);
        let path = module.replace('.', "/");
        let sources = store.tree(user)?;
        let own = ["/__main__.py", "/__init__.py", ".py"].map(|end| format!("{path}{end}"));
        if own.iter().all(|path| sources.get(path).is_none()) {
            let files = wheels.iter().map(|wheel| wheel_file(store, wheel)).collect::<Result<Vec<_>, _>>()?;
            wheel_modules::check(store, module, &files)?;
        }
    }
    let entry = entry::resolve(&spec.entry, &scripts)?;
    let pex_boot = match store.tree(bootstrap)?.get(PEX_BOOT) {
        Some(TreeEntry::File { digest, .. }) => String::from_utf8(store.read(digest)?).ok(),
        _ => None,
    };
    let pex_boot = pex_boot.ok_or(StepError::Input("the bootstrap has no text `pex/pex_boot.py`"))?;
    let mut plans = Vec::new();
    for (name, entry) in store.tree(start)?.entries() {
        if let (true, TreeEntry::File { digest, .. }) = (name.starts_with(super::start::PLAN), entry) {
            plans.push((name.to_owned(), store.read(digest)?));
        }
    }
    let texts = Made { code_hash: &code_hash(store, user)?, pex_boot: &pex_boot, plans: &plans };
    let files = boot::files(spec, &entry, &texts);
    put(store, spec.options.layout, &files)
}

fn put(store: &Store, layout: Layout, files: &BootFiles) -> Result<Digest, StepError> {
    let mut tree = Tree::new();
    tree.add_file("PEX-INFO", store.put(files.info.as_bytes())?, false)?;
    tree.add_file("__main__.py", store.put(files.main.as_bytes())?, true)?;
    tree.add_file("__pex__/__init__.py", store.put(files.hook.as_bytes())?, false)?;
    if let Some(prefix) = &files.prefix {
        tree.add_file(PREFIX, store.put(prefix.as_bytes())?, false)?;
    }
    if layout != Layout::Zipapp {
        tree.add_symlink("pex", "__main__.py")?;
    }
    Ok(store.put_tree(&tree)?)
}

fn scripts_of(store: &Store, wheel: &Digest) -> Result<entry::WheelScripts, StepError> {
    let (name, digest) = wheel_file(store, wheel)?;
    wheel_scripts::read(store, &name, &digest)
}

/// The one wheel that a tree holds.
pub(super) fn wheel_file(store: &Store, wheel: &Digest) -> Result<(String, Digest), StepError> {
    match store.tree(wheel)?.walk().as_slice() {
        [(name, TreeEntry::File { digest, .. })] => Ok((name.clone(), *digest)),
        _ => Err(StepError::Input("expected a tree that holds one wheel")),
    }
}

fn code_hash(store: &Store, user: &Digest) -> Result<String, StepError> {
    let tree = store.tree(user)?;
    let mut found = tree.walk();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut hasher = CodeHasher::new();
    for (path, entry) in found {
        if let TreeEntry::File { digest, executable } = entry {
            hasher.file(&path, *executable, &sha256(store, digest)?);
        }
    }
    Ok(hasher.finish())
}

/// The SHA-256 of a blob, whatever the store's own function is. That of a large one is remembered, so that it is not read
/// again for the small ones beside it.
fn sha256(store: &Store, digest: &Digest) -> Result<[u8; 32], StoreError> {
    if digest.size < LARGE {
        return Ok(Sha256::digest(store.read(digest)?).into());
    }
    let key = digest.to_string();
    let known = store.memo(SHA256, key.as_bytes())?;
    if let Some(known) = known.and_then(|bytes| bytes.try_into().ok()) {
        return Ok(known);
    }
    let (mut hasher, mut blob, mut buffer) = (Sha256::new(), store.open_blob(digest)?, vec![0; PIECE]);
    loop {
        match blob.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::from_io(error).unwrap_or(StoreError::Missing(*digest))),
        }
    }
    let found: [u8; 32] = hasher.finalize().into();
    store.put_memo(SHA256, key.as_bytes(), &found)?;
    Ok(found)
}
