//! The imports of files by the digests of these, remembered across runs and checkouts. Knows neither paths nor targets.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};
use store::Digest;

use super::Workspace;
use super::imports::{Detail, Imports, LARGEST};

/// Changed whenever the same file would give other imports, or their encoding differs.
const FORMAT: u8 = 2;

/// A file that could not be read, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its path, relative to the root.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// What the files at `paths` mention, in their order; none for those that cannot be read.
pub(super) fn imports(
    workspace: &dyn Workspace,
    paths: &[&str],
    detail: Detail,
) -> (Vec<Option<Digest>>, BTreeMap<Digest, Imports>, Vec<Unread>) {
    let mut unread = Vec::new();
    let mut digests = Vec::with_capacity(paths.len());
    let mut one_of: BTreeMap<Digest, &str> = BTreeMap::new();
    for (path, digest) in paths.iter().zip(workspace.digests(paths)) {
        match digest {
            Ok(digest) => {
                one_of.entry(digest).or_insert(path);
                digests.push(Some(digest));
            }
            Err(reason) => {
                unread.push(Unread { path: (*path).to_owned(), reason });
                digests.push(None);
            }
        }
    }
    let keys: Vec<Vec<u8>> = one_of.keys().map(|digest| key(digest, detail)).collect();
    let known = workspace.recall(&keys);
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for ((digest, path), known) in one_of.into_iter().zip(known) {
        match known.and_then(|bytes| postcard::from_bytes(&bytes).ok()) {
            Some(imports) => drop(found.insert(digest, imports)),
            None => missing.push((digest, path)),
        }
    }
    let extracted: Vec<Result<(Digest, Imports), String>> =
        missing.par_iter().map(|(digest, path)| read(workspace, path, digest, detail)).collect();
    let mut new = BTreeMap::new();
    let mut add = |digest: Digest, imports: Imports, found: &mut BTreeMap<Digest, Imports>| {
        let bytes = postcard::to_stdvec(&imports).expect("plain data can be encoded");
        new.insert(key(&digest, detail), bytes);
        found.insert(digest, imports);
    };
    for ((digest, _), imports) in missing.into_iter().zip(extracted) {
        if let Ok((now, imports)) = imports
            && now == digest
        {
            add(digest, imports, &mut found);
        }
    }
    // What is left was edited meanwhile, and is what it is now, or cannot be read.
    for (path, digest) in paths.iter().zip(&mut digests) {
        let Some(was) = digest.filter(|digest| !found.contains_key(digest)) else { continue };
        match read(workspace, path, &was, detail) {
            Ok((now, imports)) => {
                add(now, imports, &mut found);
                *digest = Some(now);
            }
            Err(reason) => unread.push(Unread { path: (*path).to_owned(), reason }),
        }
    }
    let new: Vec<(Vec<u8>, Vec<u8>)> = new.into_iter().collect();
    if !new.is_empty() {
        workspace.remember(&new);
    }
    unread.sort_by(|a, b| a.path.cmp(&b.path));
    (digests, found, unread)
}

/// What a file mentions, by the digest of what was read of it.
fn read(
    workspace: &dyn Workspace,
    path: &str,
    digest: &Digest,
    detail: Detail,
) -> Result<(Digest, Imports), String> {
    if digest.size > LARGEST as u64 {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    let (digest, bytes) = workspace.read(path)?;
    Ok((digest, Imports::of(&bytes, detail)))
}

fn key(digest: &Digest, detail: Detail) -> Vec<u8> {
    let mut key = vec![FORMAT, u8::from(detail.strings)];
    key.extend(digest.hash);
    key
}
