//! Remembers which tree each target came to in which checkout, so that it can be told what it takes of the cache.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use store::{Digest, Store, StoreError};

use crate::recall::Made;

/// The memo table: root, target and path below `dist/`, with zeros between them; the tree as hash and size.
const TABLE: &str = "placed";

/// What a target came to.
pub(crate) struct Placed {
    /// The checkout.
    pub(crate) root: PathBuf,
    pub(crate) target: String,
    pub(crate) tree: Digest,
}

/// Notes what was built in the checkout at `root`. What cannot be noted is told nowhere.
pub(crate) fn note(store: &Store, root: &Path, all: &[Made]) {
    let noted = all.iter().filter_map(|made| {
        let tree = made.tree().ok()?;
        let key = [root.as_os_str().as_bytes(), made.target.as_bytes(), made.path.as_bytes()].join(&0);
        Some((key, [tree.hash.as_slice(), &tree.size.to_le_bytes()].concat()))
    });
    let noted: BTreeMap<Vec<u8>, Vec<u8>> = noted.collect();
    let memos: Vec<(&[u8], &[u8])> =
        noted.iter().map(|(key, tree)| (key.as_slice(), tree.as_slice())).collect();
    store.offer_memos(TABLE, &memos);
}

/// What the targets of all checkouts came to when they were last built.
pub(crate) fn all(store: &Store) -> Result<Vec<Placed>, StoreError> {
    let read = |(key, tree): (Vec<u8>, Vec<u8>)| {
        let mut parts = key.split(|byte| *byte == 0);
        let root = PathBuf::from(OsStr::from_bytes(parts.next()?));
        let target = String::from_utf8(parts.next()?.to_vec()).ok()?;
        let (hash, size) = tree.split_first_chunk::<32>()?;
        let tree = Digest { hash: *hash, size: u64::from_le_bytes(size.try_into().ok()?) };
        Some(Placed { root, target, tree })
    };
    Ok(store.all_memos(TABLE)?.into_iter().filter_map(read).collect())
}
