//! Remembers which trees files from elsewhere came to, so that it can be told what they take of the cache.

use store::{Digest, Store, StoreError};

/// The memo table: the name of a file, a zero, and the hash of a tree; with the size of the tree's root.
const TABLE: &str = "brought";

/// Notes that these trees are a file of this name, or what was in it. What cannot be noted is told nowhere.
pub(super) fn note(store: &Store, name: &str, trees: &[Digest]) {
    let keys: Vec<Vec<u8>> = trees.iter().map(|tree| [name.as_bytes(), b"\0", &tree.hash].concat()).collect();
    let sizes: Vec<[u8; 8]> = trees.iter().map(|tree| tree.size.to_le_bytes()).collect();
    let memos: Vec<(&[u8], &[u8])> =
        keys.iter().zip(&sizes).map(|(key, size)| (key.as_slice(), size.as_slice())).collect();
    store.offer_memos(TABLE, &memos);
}

/// The names of files that were fetched or unpacked, each with a tree that it came to; sorted.
///
/// # Errors
/// When the cache cannot be read.
pub fn brought(store: &Store) -> Result<Vec<(String, Digest)>, StoreError> {
    let noted = store.all_memos(TABLE)?;
    let read = |(key, size): (Vec<u8>, Vec<u8>)| {
        let (name, hash) = key.split_last_chunk::<32>()?;
        let name = String::from_utf8(name.strip_suffix(b"\0")?.to_vec()).ok()?;
        Some((name, Digest { hash: *hash, size: u64::from_le_bytes(size.try_into().ok()?) }))
    };
    Ok(noted.into_iter().filter_map(read).collect())
}
