//! Stores whole trees and reads them again, level by level; it does not know how a blob is kept.

use std::collections::{HashMap, HashSet};

use crate::tree::{MAX_DEPTH, TOO_DEEP};
use crate::{
    Digest, Directory, DirectoryEntry, Entry, FileEntry, Store, StoreError, SymlinkEntry, Tree, TreeError,
};

/// How many blobs are asked for in one transaction.
const BATCH: usize = 512;
/// How many entries a tree can have. Directories that share their content make it easy to name more.
const MAX_ENTRIES: usize = 10_000_000;

impl Store {
    /// Stores the directories of `tree`, and tells the digest of its root. What its files hold is stored apart.
    pub fn put_tree(&self, tree: &Tree) -> Result<Digest, StoreError> {
        let mut messages = Vec::new();
        let root = self.encode(tree, &mut messages);
        let blobs: Vec<_> = messages.iter().map(|(digest, bytes)| (*digest, bytes.as_slice())).collect();
        self.put_hashed(&blobs)?;
        Ok(root)
    }

    /// One level of a tree.
    pub fn directory(&self, digest: &Digest) -> Result<Directory, StoreError> {
        Directory::decode(&self.read(digest)?).map_err(|source| StoreError::Tree { digest: *digest, source })
    }

    /// A whole tree. Fails with [`StoreError::Missing`] for the first directory that is not here.
    pub fn tree(&self, digest: &Digest) -> Result<Tree, StoreError> {
        let directories = self.directories(digest)?;
        measure(&directories, digest, 0, &mut HashMap::new())
            .map(|_| assemble(&directories, digest))
            .map_err(|source| StoreError::Tree { digest: *digest, source })
    }

    /// Whether all of a tree is here: its directories, its files, and the parts of those that are composed.
    pub fn is_complete(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.missing(digest)?.is_empty())
    }

    /// The blobs of a tree that are not here, or whose parts are not: the first directory, or else all files.
    pub fn missing(&self, digest: &Digest) -> Result<Vec<Digest>, StoreError> {
        let directories = match self.directories(digest) {
            Ok(directories) => directories,
            Err(StoreError::Missing(directory)) => return Ok(vec![directory]),
            Err(error) => return Err(error),
        };
        let mut files: Vec<Digest> =
            directories.values().flat_map(|directory| &directory.files).map(|file| file.digest).collect();
        files.sort_unstable();
        files.dedup();
        let (small, large): (Vec<Digest>, Vec<Digest>) =
            files.into_iter().partition(|digest| digest.size <= crate::layer::SMALL);
        let mut missing = Vec::new();
        for batch in small.chunks(BATCH) {
            let found = self.small(batch)?;
            missing.extend(
                batch.iter().zip(found).filter(|(_, found)| found.is_none()).map(|(digest, _)| *digest),
            );
        }
        for digest in large {
            if !self.has(&digest)? {
                missing.push(digest);
            }
        }
        Ok(missing)
    }

    /// The blobs of a tree, each once: its directories, the root first, and its files. Fails with [`StoreError::Missing`] for
    /// the first directory that is not here; whether the files are is not looked at.
    pub fn tree_blobs(&self, root: &Digest) -> Result<(Vec<Digest>, Vec<Digest>), StoreError> {
        let directories = self.directories(root)?;
        let (mut order, mut seen) = (vec![*root], HashSet::from([*root]));
        let mut at = 0;
        while let Some(directory) = order.get(at) {
            let below = directories[directory].directories.iter().map(|entry| entry.digest);
            let new: Vec<Digest> = below.filter(|digest| seen.insert(*digest)).collect();
            order.extend(new);
            at += 1;
        }
        let mut files: Vec<Digest> =
            directories.values().flat_map(|directory| &directory.files).map(|file| file.digest).collect();
        files.sort_unstable();
        files.dedup();
        Ok((order, files))
    }

    /// The blobs that a tree names, its directories included; none where one of those is not here.
    pub(crate) fn blobs_of(&self, tree: &Digest) -> Result<Option<Vec<Digest>>, StoreError> {
        let directories = match self.directories(tree) {
            Err(StoreError::Missing(_) | StoreError::Tree { .. }) => return Ok(None),
            directories => directories?,
        };
        let files = directories.values().flat_map(|directory| &directory.files).map(|file| file.digest);
        Ok(Some(files.chain(directories.keys().copied()).collect()))
    }

    /// All directories of a tree, each once.
    fn directories(&self, root: &Digest) -> Result<HashMap<Digest, Directory>, StoreError> {
        let mut found = HashMap::new();
        let mut seen = HashSet::from([*root]);
        let mut level = vec![*root];
        while !level.is_empty() {
            let mut next = Vec::new();
            for batch in level.chunks(BATCH) {
                for (digest, directory) in self.level(batch)? {
                    let below = directory.directories.iter().map(|entry| entry.digest);
                    next.extend(below.filter(|digest| seen.insert(*digest)));
                    found.insert(digest, directory);
                }
            }
            level = next;
        }
        Ok(found)
    }

    fn level(&self, digests: &[Digest]) -> Result<Vec<(Digest, Directory)>, StoreError> {
        let (small, large): (Vec<Digest>, Vec<Digest>) =
            digests.iter().partition(|digest| digest.size <= crate::layer::SMALL);
        let mut directories = Vec::with_capacity(digests.len());
        for (digest, bytes) in small.iter().zip(self.small(&small)?) {
            let bytes = bytes.ok_or(StoreError::Missing(*digest))?;
            let directory =
                Directory::decode(&bytes).map_err(|source| StoreError::Tree { digest: *digest, source })?;
            directories.push((*digest, directory));
        }
        for digest in large {
            directories.push((digest, self.directory(&digest)?));
        }
        Ok(directories)
    }

    /// Encodes what is below first, since a directory names it by its digest.
    fn encode(&self, tree: &Tree, messages: &mut Vec<(Digest, Vec<u8>)>) -> Digest {
        let mut directory = Directory::default();
        for (name, entry) in tree.entries() {
            let name = name.to_owned();
            match entry {
                Entry::File { digest, executable } => {
                    directory.files.push(FileEntry { name, digest: *digest, executable: *executable });
                }
                Entry::Symlink { target } => {
                    directory.symlinks.push(SymlinkEntry { name, target: target.clone() });
                }
                Entry::Directory(inner) => {
                    let digest = self.encode(inner, messages);
                    directory.directories.push(DirectoryEntry { name, digest });
                }
            }
        }
        let bytes = directory.encode();
        let digest = self.digest(&bytes);
        messages.push((digest, bytes));
        digest
    }
}

/// How many entries a tree has, and how many levels. Fails where there are too many of either, without making them.
fn measure(
    directories: &HashMap<Digest, Directory>,
    digest: &Digest,
    depth: usize,
    known: &mut HashMap<Digest, (usize, usize)>,
) -> Result<(usize, usize), TreeError> {
    if let Some((entries, height)) = known.get(digest)
        && depth + height <= MAX_DEPTH
    {
        return Ok((*entries, *height));
    }
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP);
    }
    let directory = &directories[digest];
    let mut entries = directory.files.len() + directory.directories.len() + directory.symlinks.len();
    let mut height = 0;
    for entry in &directory.directories {
        let below = measure(directories, &entry.digest, depth + 1, known)?;
        entries += below.0;
        height = height.max(below.1 + 1);
        if entries > MAX_ENTRIES {
            return Err(TreeError::TooLarge { limit: MAX_ENTRIES, what: "entries" });
        }
    }
    known.insert(*digest, (entries, height));
    Ok((entries, height))
}

/// The tree at `digest`, which has been measured. All directories that are named have been read.
fn assemble(directories: &HashMap<Digest, Directory>, digest: &Digest) -> Tree {
    let directory = &directories[digest];
    let mut tree = Tree::new();
    for file in &directory.files {
        tree.insert(file.name.clone(), Entry::File { digest: file.digest, executable: file.executable });
    }
    for link in &directory.symlinks {
        tree.insert(link.name.clone(), Entry::Symlink { target: link.target.clone() });
    }
    for entry in &directory.directories {
        tree.insert(entry.name.clone(), Entry::Directory(assemble(directories, &entry.digest)));
    }
    tree
}
