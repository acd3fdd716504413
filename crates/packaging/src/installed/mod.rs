//! Programs as trees of installed files: a virtualenv, or a plain folder of packages. Where the bytes of a wheel's files
//! are is told by the tree that the wheel unpacks to, so that nothing is copied.
//!
//! Compiled modules are valid whatever times their sources have: a tree is copied, archived and put into images by tools
//! that keep no times.

mod error;
mod main_text;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use store::{Digest, Entry as TreeEntry, Store, Tree};

use crate::environment::{
    CollisionKind, Content, EntryScripts, Environment, File, Here, Node, Python, SOURCES, Scheme, Style,
    Wheel,
};
use crate::pex::Entry;
use crate::pex::entry::{self, EntryPoint, WheelScripts};
use crate::python::Minor;
use crate::target::Target;
pub use error::InstallError;

/// Raised whenever a tree changes for the same input.
pub const VERSION: u32 = 2;

/// The part of a tree with what every virtualenv has, and with the wheels for any platform that have no part of their own.
pub const SHARED: &str = "shared";
/// The part of a tree with the wheels for one platform that have no part of their own.
pub const NATIVE: &str = "native";
/// The part of a tree with first-party files, and what starts them.
pub const OWN: &str = "own";
/// The folder of the parts of wheels that have one of their own, by the names of their files.
pub const APART: &str = "apart";

/// The folder that compiled modules are in where they are made.
const COMPILED: &str = "out/";
/// What messages call the one who brings these files.
const OWNER: &str = "the start of the program";
/// The flag of a compiled module that is used without a look at its source (PEP 552), where its header has it.
const UNCHECKED: [u8; 4] = 1_u32.to_le_bytes();
/// The length of that header.
const HEADER: usize = 16;

/// A program as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledSpec {
    /// What it is for.
    pub target: Target,
    /// What the tree is.
    pub shape: Shape,
    /// The name of the program, by which it can be started; empty where there is none, and wheels alone.
    pub name: String,
    /// What it starts.
    pub entry: Entry,
    /// Arguments in front of the user's.
    pub args: Vec<String>,
    /// Variables that are set unless they are.
    pub env: BTreeMap<String, String>,
    /// The projects that were asked for by name.
    pub requested: BTreeSet<String>,
    /// The wheels that get a part of their own; none: the tree is whole, in no parts.
    pub apart: Option<Vec<String>>,
}

/// What a tree of installed files is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A virtualenv.
    Venv {
        /// Where it will be; not given: it can be moved.
        prefix: Option<String>,
        /// The interpreter that it is made for, by its absolute path where the program runs; empty where it is linked by
        /// whoever puts the tree there.
        python: String,
    },
    /// A folder of packages.
    Flat,
}

impl InstalledSpec {
    /// An interpreter with nothing.
    #[must_use]
    pub fn new(target: Target, shape: Shape) -> InstalledSpec {
        InstalledSpec {
            target,
            shape,
            name: String::new(),
            entry: Entry::Repl,
            args: Vec::new(),
            env: BTreeMap::new(),
            requested: BTreeSet::new(),
            apart: None,
        }
    }
}

/// What a program is made of, as trees of the store.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// First-party files, by their import paths.
    pub sources: &'a Digest,
    /// The wheels, each a tree with one file.
    pub wheels: &'a [Digest],
    /// What each unpacks to.
    pub unpacked: &'a [Digest],
    /// The compiled modules of each, and of the sources after them; or nothing.
    pub compiled: &'a [Digest],
}

/// Whether compiled modules of a Python can say that their source is not to be looked at.
#[must_use]
pub fn compiles(target: &Target) -> bool {
    target.minor() >= Minor::new(3, 7)
}

/// The tree of a program, in parts where the specification asks for them.
///
/// # Errors
/// Where wheels cannot be understood, exclude each other, or lack what is to be started.
pub fn tree(store: &Store, spec: &InstalledSpec, inputs: &Inputs<'_>) -> Result<Digest, InstallError> {
    let scheme = match spec.shape {
        Shape::Venv { .. } => Scheme::of(&spec.target),
        Shape::Flat => Scheme::flat(&spec.target),
    };
    let wheels = open(store, inputs.wheels)?;
    let style = style(spec);
    let mut environment = Environment::of(store, &scheme, &wheels, inputs.sources, &style)?;
    settle(&mut environment, store, inputs.sources, &scheme)?;
    let entry = entry::resolve(&spec.entry, &scripts(&wheels))?;
    add_start(&mut environment, spec, &style, &entry);
    let here = here(spec, &scheme);
    let mut made =
        Made { store, environment: &environment, spec, here: &here, wheels: &wheels, tree: Tree::new() };
    made.nodes(inputs.unpacked)?;
    made.compiled(inputs.compiled, &scheme)?;
    Ok(store.put_tree(&made.tree)?)
}

fn open(store: &Store, wheels: &[Digest]) -> Result<Vec<Wheel>, InstallError> {
    let one = |tree: &Digest| match store.tree(tree)?.walk().as_slice() {
        [(name, TreeEntry::File { digest, .. })] => Ok(Wheel::open(store, name, digest)?),
        _ => Err(InstallError::Input("expected a tree that holds one wheel")),
    };
    wheels.iter().map(one).collect()
}

fn scripts(wheels: &[Wheel]) -> Vec<WheelScripts> {
    let scripts = |wheel: &Wheel| WheelScripts {
        project: wheel.name.split('-').next().unwrap_or(&wheel.name).to_owned(),
        entry_points: wheel.entry_points.clone(),
        scripts: wheel.scripts(),
    };
    wheels.iter().map(scripts).collect()
}

fn style(spec: &InstalledSpec) -> Style {
    let arguments = match &spec.shape {
        // First-party files are beside it, on `PYTHONPATH`, and scripts have to find them too.
        Shape::Venv { python, .. } if python.is_empty() => None,
        // Python 2 knows no `-I`.
        _ if spec.target.minor() < Minor::new(3, 4) => Some("-sE".to_owned()),
        _ => Some("-I".to_owned()),
    };
    Style {
        installer: "pants".to_owned(),
        requested: Some(spec.requested.clone()),
        only_recorded: false,
        any_python: true,
        arguments,
        entry_scripts: EntryScripts {
            function: "import sys\nfrom @MODULE@ import @IMPORT@\n\nif __name__ == \"__main__\":\n    sys.exit(@CALL@())\n"
                .to_owned(),
            module: "from runpy import run_module\n\nif __name__ == \"__main__\":\n    \
                     run_module(\"@MODULE@\", run_name=\"__main__\", alter_sys=True)\n"
                .to_owned(),
        },
    }
}

/// Of two files of one path the first wheel's stays, as the first on `sys.path` would be found; first-party files are
/// before all wheels. A file where another thing has a folder is an error.
fn settle(
    environment: &mut Environment,
    store: &Store,
    sources: &Digest,
    scheme: &Scheme,
) -> Result<(), InstallError> {
    let collisions = std::mem::take(&mut environment.collisions);
    let sources = store.tree(sources)?;
    for collision in collisions {
        match collision.kind {
            CollisionKind::Case => {}
            CollisionKind::Folder => {
                let (path, first, second) = (collision.path, collision.first, collision.second);
                return Err(InstallError::Folder { path, first, second });
            }
            CollisionKind::Content if collision.second == SOURCES => {
                let site = scheme.package_path("");
                let path = collision.path.strip_prefix(&site).unwrap_or(&collision.path);
                if let Some(TreeEntry::File { digest, executable }) = sources.get(path) {
                    let file = File { content: Content::Own(*digest), executable: *executable };
                    environment.put(collision.path.clone(), Node::File(file), SOURCES);
                }
            }
            CollisionKind::Content => {}
        }
    }
    Ok(())
}

/// Adds what starts the program, where nothing is in its place; a tree without a name is none.
fn add_start(environment: &mut Environment, spec: &InstalledSpec, style: &Style, entry: &EntryPoint) {
    const MAIN: &str = "__main__.py";
    let Some(text) = main_text::text(spec, entry) else { return };
    if spec.name.is_empty() || environment.get(MAIN).is_some() {
        return;
    }
    let rest = text.into_bytes();
    if matches!(spec.shape, Shape::Flat) {
        let file = File { content: Content::Literal(rest), executable: false };
        return environment.put(MAIN, Node::File(file), OWNER);
    }
    let content = Content::Script { arguments: style.arguments.clone(), rest };
    environment.put(MAIN, Node::File(File { content, executable: true }), OWNER);
    let command = format!("bin/{}", spec.name);
    if environment.get(&command).is_none() {
        environment.put(command, Node::Link(format!("../{MAIN}")), OWNER);
    }
}

fn here(spec: &InstalledSpec, scheme: &Scheme) -> Here {
    let inside = format!("bin/{}", scheme.python());
    let version = spec.target.minor().to_string();
    match &spec.shape {
        Shape::Venv { prefix: Some(prefix), python } => {
            Here { python: Python::At(format!("{prefix}/{inside}")), base: python.clone(), version }
        }
        Shape::Venv { prefix: None, python } => {
            Here { python: Python::Within(inside), base: python.clone(), version }
        }
        // No script that a Python runs is in it.
        Shape::Flat => Here { python: Python::Within(inside), base: String::new(), version },
    }
}

/// A tree in the making.
struct Made<'a> {
    store: &'a Store,
    environment: &'a Environment,
    spec: &'a InstalledSpec,
    here: &'a Here,
    wheels: &'a [Wheel],
    tree: Tree,
}

impl Made<'_> {
    fn nodes(&mut self, unpacked: &[Digest]) -> Result<(), InstallError> {
        let unpacked: Vec<Tree> =
            unpacked.iter().map(|tree| self.store.tree(tree)).collect::<Result<_, _>>()?;
        for (path, node) in self.environment.nodes() {
            let place = self.place(path);
            match node {
                Node::Directory => self.tree.add_directory(&place)?,
                Node::Link(target) => self.tree.add_symlink(&place, target)?,
                // Whoever puts the tree there links it.
                Node::Interpreter if self.here.base.is_empty() => {}
                Node::Interpreter => self.tree.add_symlink(&place, &self.here.base)?,
                Node::File(File { content, executable }) => {
                    let digest = match content {
                        Content::Member { archive, entry } => {
                            match unpacked.get(*archive).and_then(|tree| tree.get(&entry.path)) {
                                Some(TreeEntry::File { digest, .. }) => *digest,
                                _ => {
                                    return Err(InstallError::Input(
                                        "a wheel does not unpack to what it holds",
                                    ));
                                }
                            }
                        }
                        Content::Own(digest) => *digest,
                        _ => {
                            let bytes = self.environment.bytes(path, self.store, self.wheels, self.here)?;
                            self.store.put(&bytes.unwrap_or_default())?
                        }
                    };
                    self.tree.add_file(&place, digest, *executable)?;
                }
            }
        }
        Ok(())
    }

    /// Adds compiled modules beside those sources that they are of.
    fn compiled(&mut self, compiled: &[Digest], scheme: &Scheme) -> Result<(), InstallError> {
        let owners = self.wheels.iter().map(|wheel| wheel.name.as_str()).chain([SOURCES]);
        for (owner, tree) in owners.zip(compiled) {
            for (path, entry) in self.store.tree(tree)?.walk() {
                let (Some(path), TreeEntry::File { digest, .. }) = (path.strip_prefix(COMPILED), entry)
                else {
                    continue;
                };
                let path = scheme.package_path(path);
                let is_of = source(&path).is_some_and(|source| self.environment.owner(&source) == owner);
                if !is_of || self.environment.get(&path).is_some() {
                    continue;
                }
                let mut bytes = self.store.read(digest)?;
                if bytes.len() < HEADER {
                    return Err(InstallError::Input("a compiled module is too short to be one"));
                }
                bytes[4..8].copy_from_slice(&UNCHECKED);
                bytes[8..HEADER].fill(0);
                let place = self.place_of(&path, owner);
                self.tree.add_file(&place, self.store.put(&bytes)?, false)?;
            }
        }
        Ok(())
    }

    /// The path of the tree that something is at.
    fn place(&self, path: &str) -> String {
        self.place_of(path, &self.environment.owner(path))
    }

    fn place_of(&self, path: &str, owner: &str) -> String {
        match &self.spec.apart {
            None => path.to_owned(),
            Some(apart) if apart.iter().any(|name| name == owner) => format!("{APART}/{owner}/{path}"),
            Some(_) if owner == SOURCES || owner == OWNER => format!("{OWN}/{path}"),
            Some(_) if is_native(owner) => format!("{NATIVE}/{path}"),
            Some(_) => format!("{SHARED}/{path}"),
        }
    }
}

/// Whether the owner of a file is a wheel for one platform.
fn is_native(owner: &str) -> bool {
    owner.strip_suffix(".whl").is_some_and(|name| !name.ends_with("-any"))
}

/// The source of a compiled module.
fn source(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once("__pycache__/")?;
    Some(format!("{folder}{}.py", name.split('.').next()?))
}

/// One part of a tree, as a tree of its own; an empty one where there is no such part.
///
/// # Errors
/// Where the store fails.
pub fn part(store: &Store, tree: &Digest, path: &str) -> Result<Digest, InstallError> {
    let tree = store.tree(tree)?;
    let part = match tree.get(path) {
        Some(TreeEntry::Directory(part)) => part.clone(),
        _ => Tree::new(),
    };
    Ok(store.put_tree(&part)?)
}
