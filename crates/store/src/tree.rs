//! A whole tree in memory, built path by path; it does not know how it is kept.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::Digest;
use crate::directory::{check_name, check_target};

/// How many folders deep a tree can be, so that walking it needs no more than a small stack.
pub(crate) const MAX_DEPTH: usize = 256;

/// A tree of files, symbolic links and directories, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
}

/// What a name in a [`Tree`] stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Its content.
        digest: Digest,
        /// Whether it can be run.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to, as written.
        target: String,
    },
    /// A directory, which may be empty.
    Directory(Tree),
}

impl Entry {
    fn kind(&self) -> &'static str {
        match self {
            Entry::File { .. } => "a file",
            Entry::Symlink { .. } => "a symbolic link",
            Entry::Directory(_) => "a directory",
        }
    }
}

/// Why something cannot be a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Two different things would have the same path.
    #[error("`{path}` would be {second}, and is already {first}")]
    Conflict {
        /// The path.
        path: String,
        /// What is there.
        first: &'static str,
        /// What was to be added.
        second: &'static str,
    },
    /// A directory has two entries of one name.
    #[error("`{path}` is there twice")]
    Twice {
        /// The name.
        path: String,
    },
    /// A path is absolute, climbs out, or has an empty part.
    #[error("expected a relative path without `.` and `..`, found `{path}`")]
    Name {
        /// The path.
        path: String,
    },
    /// A symbolic link points to what cannot be a path.
    #[error("the symbolic link `{path}` cannot point to `{target}`")]
    Target {
        /// The path of the link.
        path: String,
        /// What it would point to.
        target: String,
    },
    /// An entry has no digest, or none that is one.
    #[error("`{path}` has no digest")]
    Digest {
        /// The name of the entry.
        path: String,
    },
    /// The tree has more entries, or is deeper, than any that can be made into files.
    #[error("the tree has more than {limit} {what}")]
    TooLarge {
        /// How many there can be.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// The bytes are not a `Directory` message.
    #[error("expected a `Directory` message")]
    Encoding(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TreeError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            TreeError::Conflict { .. } => "store::tree_conflict",
            TreeError::Twice { .. } => "store::tree_twice",
            TreeError::Name { .. } => "store::tree_name",
            TreeError::Target { .. } => "store::tree_target",
            TreeError::Digest { .. } => "store::tree_digest",
            TreeError::TooLarge { .. } => "store::tree_too_large",
            TreeError::Encoding(_) => "store::tree_encoding",
        }
    }
}

pub(crate) const TOO_DEEP: TreeError =
    TreeError::TooLarge { limit: MAX_DEPTH, what: "folders in each other" };

impl Tree {
    /// An empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// Adds a file, and the directories above it. The same file again is no conflict.
    pub fn add_file(&mut self, path: &str, digest: Digest, executable: bool) -> Result<(), TreeError> {
        self.add(path, Entry::File { digest, executable })
    }

    /// Adds a symbolic link, and the directories above it. The same link again is no conflict.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), TreeError> {
        check_target(path, target)?;
        self.add(path, Entry::Symlink { target: target.to_owned() })
    }

    /// Adds a directory, and those above it. One that is there already stays as it is.
    pub fn add_directory(&mut self, path: &str) -> Result<(), TreeError> {
        self.add(path, Entry::Directory(Tree::new()))
    }

    /// Adds all of `other` below `prefix` (`""` is the root). Fails at the first path where the two differ.
    pub fn merge(&mut self, prefix: &str, other: Tree) -> Result<(), TreeError> {
        if prefix.split('/').count() + other.depth() > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        if prefix.is_empty() {
            return self.absorb("", other);
        }
        self.add(prefix, Entry::Directory(other))
    }

    /// What is at `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        let (folders, name) =
            path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        let mut tree = self;
        for part in folders.into_iter().flat_map(|folders| folders.split('/')) {
            match tree.entries.get(part)? {
                Entry::Directory(inner) => tree = inner,
                Entry::File { .. } | Entry::Symlink { .. } => return None,
            }
        }
        tree.entries.get(name)
    }

    /// The entries of the root, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// All entries with their paths: a directory comes before what is in it.
    pub fn walk(&self) -> Vec<(String, &Entry)> {
        let mut found = Vec::new();
        let mut stack = vec![(String::new(), self.entries.iter())];
        while let Some((prefix, entries)) = stack.last_mut() {
            let Some((name, entry)) = entries.next() else {
                stack.pop();
                continue;
            };
            let path = format!("{prefix}{name}");
            let inside = match entry {
                Entry::Directory(inner) => Some((format!("{path}/"), inner.entries.iter())),
                Entry::File { .. } | Entry::Symlink { .. } => None,
            };
            found.push((path, entry));
            stack.extend(inside);
        }
        found
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn depth(&self) -> usize {
        let below = self.entries.values().map(|entry| match entry {
            Entry::Directory(inner) => inner.depth(),
            Entry::File { .. } | Entry::Symlink { .. } => 0,
        });
        below.max().map_or(0, |below| below + 1)
    }

    pub(crate) fn insert(&mut self, name: String, entry: Entry) {
        self.entries.insert(name, entry);
    }

    fn add(&mut self, path: &str, entry: Entry) -> Result<(), TreeError> {
        let bad = || TreeError::Name { path: path.to_owned() };
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        parts.iter().try_for_each(|part| check_name(part)).map_err(|_| bad())?;
        let (name, folders) = parts.split_last().ok_or_else(bad)?;
        let mut tree = self;
        let mut end = 0;
        for folder in folders {
            end += folder.len() + 1;
            let slot = tree.entries.entry((*folder).to_owned());
            tree = match slot.or_insert_with(|| Entry::Directory(Tree::new())) {
                Entry::Directory(inner) => inner,
                other => {
                    let (path, first) = (path[..end - 1].to_owned(), other.kind());
                    return Err(TreeError::Conflict { path, first, second: "a directory" });
                }
            };
        }
        tree.set(path, (*name).to_owned(), entry)
    }

    fn set(&mut self, path: &str, name: String, entry: Entry) -> Result<(), TreeError> {
        match self.entries.entry(name) {
            Slot::Vacant(slot) => {
                slot.insert(entry);
                Ok(())
            }
            Slot::Occupied(mut slot) => match (slot.get_mut(), entry) {
                (Entry::Directory(tree), Entry::Directory(other)) => tree.absorb(path, other),
                (first, second) if *first == second => Ok(()),
                (first, second) => {
                    let second = if first.kind() == second.kind() { "another one" } else { second.kind() };
                    Err(TreeError::Conflict { path: path.to_owned(), first: first.kind(), second })
                }
            },
        }
    }

    fn absorb(&mut self, prefix: &str, other: Tree) -> Result<(), TreeError> {
        for (name, entry) in other.entries {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            self.set(&path, name, entry)?;
        }
        Ok(())
    }
}
