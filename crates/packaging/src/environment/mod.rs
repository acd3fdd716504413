//! The exact tree of the virtualenv that wheels and first-party files make, computed as data. Knows neither where it
//! will be nor which file of which form brings its bytes there.
//!
//! An [`Environment`] holds for each path what is there; where the bytes of a file are known beforehand, they are in an
//! archive or at hand, and where they depend on the place and the interpreter, they are a recipe that [`Here`] completes.

mod collision;
mod entry_scripts;
mod error;
mod record;
mod render;
mod scheme;
mod shebang;
mod spread;
mod wheel;

use std::collections::{BTreeMap, BTreeSet};

use engine::extract::Entry;
use store::Digest;

pub use collision::{Collision, CollisionKind};
pub use entry_scripts::EntryScripts;
pub use error::EnvironmentError;
pub(crate) use record::field as csv_field;
pub use record::{Record, Row, Sum};
pub use render::{Here, Python};
pub use scheme::Scheme;
pub(crate) use spread::SOURCES;
pub use wheel::Wheel;

/// The tree of a virtualenv.
#[derive(Debug, Default)]
pub struct Environment {
    nodes: BTreeMap<String, Node>,
    /// Paths that two things want, where they are not the same; the first has it.
    pub collisions: Vec<Collision>,
    /// Who brought a path.
    owners: BTreeMap<String, String>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder; those above other nodes are there without being told.
    Directory,
    /// A symbolic link to this target.
    Link(String),
    /// A symbolic link to the interpreter that the environment is made with.
    Interpreter,
    /// A file.
    File(File),
}

/// A file of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub content: Content,
    /// Whether it can be run.
    pub executable: bool,
}

/// Where the bytes of a file are, or how they come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An entry of an archive.
    Member {
        /// The number of the archive: the wheels in their order, then what else was added.
        archive: usize,
        /// The entry, with its place, sizes and method.
        entry: Entry,
    },
    /// A first-party file of the store.
    Own(Digest),
    /// These.
    Literal(Vec<u8>),
    /// A first line that starts the environment's interpreter with these arguments, and then these bytes.
    Script {
        /// Arguments of the interpreter.
        arguments: Option<String>,
        /// All after the first line.
        rest: Vec<u8>,
    },
    /// What a distribution has installed.
    Record(Record),
    /// `pyvenv.cfg`.
    Config {
        /// Whether it names the interpreter itself.
        executable: bool,
    },
}

/// How an installer does what is left to installers.
#[derive(Debug, Clone)]
pub struct Style {
    /// What `INSTALLER` says, without the end of the line.
    pub installer: String,
    /// The distributions that were asked for by name, normalised; none: all of them.
    pub requested: Option<BTreeSet<String>>,
    /// Whether only files that the wheel's `RECORD` names are installed, and no compiled ones.
    pub only_recorded: bool,
    /// Whether every script that any Python is to run is run by the environment's; else only those that say `#!python`.
    pub any_python: bool,
    /// Arguments of the interpreter in first lines.
    pub arguments: Option<String>,
    /// The text of scripts that start entry points.
    pub entry_scripts: EntryScripts,
}

impl Environment {
    /// What is at each path, sorted; a folder that is only above others is not listed.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// What is at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// All folders, each after the one that it is in.
    #[must_use]
    pub fn directories(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (path, node) in &self.nodes {
            if *node == Node::Directory {
                found.insert(path.as_str());
            }
            found.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
        }
        found
    }

    /// Puts a node where nothing is yet. `owner` is what messages call the one who brings it.
    pub fn put(&mut self, path: impl Into<String>, node: Node, owner: &str) {
        let path = path.into();
        self.owners.insert(path.clone(), owner.to_owned());
        self.nodes.insert(path, node);
    }

    /// Puts a text that is no recipe.
    pub fn put_text(&mut self, path: impl Into<String>, text: &str, executable: bool, owner: &str) {
        let content = Content::Literal(text.as_bytes().to_vec());
        self.put(path, Node::File(File { content, executable }), owner);
    }
}
