//! Finds paths that two things want: compared byte by byte, so that the same file twice is none. Decides nothing.

use std::collections::BTreeMap;

use engine::extract::{BlobSource, SafeZip};
use store::Store;

use super::{Content, Environment, EnvironmentError, File, Node};
use crate::wheel::declares_namespace;

/// Two things that want one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The path, of the one that has it.
    pub path: String,
    /// Who has it.
    pub first: String,
    /// Who wanted it too.
    pub second: String,
    /// How the two differ.
    pub kind: CollisionKind,
}

/// How two things that want one path differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollisionKind {
    /// Their bytes, or what they are.
    Content,
    /// One is a file, the other needs a folder there.
    Folder,
    /// Only in upper and lower case, which some file systems do not tell apart.
    Case,
}

/// Where the bytes of files are.
pub(super) struct Bytes<'a> {
    pub(super) store: &'a Store,
    pub(super) archives: Vec<&'a SafeZip<BlobSource>>,
}

impl Bytes<'_> {
    /// The bytes of a file, where they do not depend on where the environment will be.
    fn read(&self, content: &Content) -> Result<Option<Vec<u8>>, EnvironmentError> {
        Ok(match content {
            Content::Member { archive, entry } => Some(self.archives[*archive].read(entry)?),
            Content::Own(digest) => Some(self.store.read(digest)?),
            Content::Literal(bytes) => Some(bytes.clone()),
            Content::Script { .. } | Content::Record(_) | Content::Config { .. } => None,
        })
    }

    fn agree(&self, path: &str, one: &Node, other: &Node) -> Result<bool, EnvironmentError> {
        let (Node::File(File { content: one, .. }), Node::File(File { content: other, .. })) = (one, other)
        else {
            return Ok(one == other);
        };
        if let (Content::Member { entry: a, .. }, Content::Member { entry: b, .. }) = (one, other)
            && (a.size, a.crc32) != (b.size, b.crc32)
            && !path.ends_with("/__init__.py")
        {
            return Ok(false);
        }
        match (self.read(one)?, self.read(other)?) {
            (Some(a), Some(b)) => {
                Ok(a == b || path.ends_with("/__init__.py") && [a, b].iter().all(namespace))
            }
            _ => Ok(one == other),
        }
    }
}

/// Whether it only declares a namespace package: then one of several does for all.
#[allow(clippy::ptr_arg, reason = "an iterator over vectors yields these")]
fn namespace(bytes: &Vec<u8>) -> bool {
    declares_namespace(&String::from_utf8_lossy(bytes))
}

impl Environment {
    /// Puts a node, unless something is there; then the two are compared.
    pub(super) fn add(
        &mut self,
        path: String,
        node: Node,
        owner: &str,
        bytes: &Bytes<'_>,
    ) -> Result<(), EnvironmentError> {
        let Some(there) = self.nodes.get(&path) else {
            self.put(path, node, owner);
            return Ok(());
        };
        if !bytes.agree(&path, there, &node)? {
            let first = self.owner(&path);
            let kind = CollisionKind::Content;
            self.collisions.push(Collision { path, first, second: owner.to_owned(), kind });
        }
        Ok(())
    }

    /// Finds what excludes each other by the shape of paths alone.
    pub(super) fn compare_paths(&mut self) {
        let mut found = Vec::new();
        let mut folded: BTreeMap<String, &str> = BTreeMap::new();
        for path in self.nodes.keys() {
            let above = path.match_indices('/').map(|(at, _)| &path[..at]);
            let files =
                above.filter(|folder| self.nodes.get(*folder).is_some_and(|node| *node != Node::Directory));
            found.extend(files.map(|file| (file, path.as_str(), CollisionKind::Folder)));
            if let Some(first) = folded.insert(path.to_lowercase(), path) {
                found.push((first, path, CollisionKind::Case));
            }
        }
        let collisions: Vec<Collision> = (found.into_iter())
            .map(|(first, second, kind)| Collision {
                path: first.to_owned(),
                first: self.owner(first),
                second: self.owner(second),
                kind,
            })
            .collect();
        self.collisions.extend(collisions);
    }

    /// Who brought what is at a path; nobody where nothing is.
    pub(crate) fn owner(&self, path: &str) -> String {
        self.owners.get(path).cloned().unwrap_or_default()
    }
}
