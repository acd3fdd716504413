//! The verb `merge`: trees laid over each other. A folder that only one of them has is taken over by its digest.

use std::collections::BTreeMap;

use store::{Digest, Directory, DirectoryEntry, FileEntry, Store, SymlinkEntry};

use super::ActionError;

/// A folder of an input: the number of the input, and the folder's digest or, above its prefix, what leads there.
#[derive(Clone, Copy)]
struct Layer<'a> {
    input: usize,
    digest: Digest,
    /// The part of the prefix that is still to go.
    prefix: &'a str,
}

pub(super) fn perform(prefixes: &[String], inputs: &[Digest], store: &Store) -> Result<Digest, ActionError> {
    if prefixes.len() != inputs.len() {
        return Err(ActionError::Malformed("a merge needs one prefix for each input"));
    }
    let layers: Vec<Layer<'_>> = (prefixes.iter().zip(inputs).enumerate())
        .map(|(input, (prefix, &digest))| Layer { input, digest, prefix })
        .collect();
    merge(&layers, "", store)
}

/// What one name of a folder stands for in the layers seen so far.
enum Named<'a> {
    File(FileEntry, usize),
    Symlink(SymlinkEntry, usize),
    Folder(Vec<Layer<'a>>),
}

fn merge(layers: &[Layer<'_>], path: &str, store: &Store) -> Result<Digest, ActionError> {
    if let [Layer { digest, prefix: "", .. }] = layers {
        return Ok(*digest);
    }
    let mut names: BTreeMap<String, Named<'_>> = BTreeMap::new();
    for layer in layers {
        if !layer.prefix.is_empty() {
            let (first, rest) = layer.prefix.split_once('/').unwrap_or((layer.prefix, ""));
            add(&mut names, path, first, Named::Folder(vec![Layer { prefix: rest, ..*layer }]))?;
            continue;
        }
        let directory = store.directory(&layer.digest)?;
        for file in directory.files {
            let name = file.name.clone();
            add(&mut names, path, &name, Named::File(file, layer.input))?;
        }
        for symlink in directory.symlinks {
            let name = symlink.name.clone();
            add(&mut names, path, &name, Named::Symlink(symlink, layer.input))?;
        }
        for folder in directory.directories {
            let below = Layer { input: layer.input, digest: folder.digest, prefix: "" };
            add(&mut names, path, &folder.name, Named::Folder(vec![below]))?;
        }
    }
    let mut merged = Directory::default();
    for (name, named) in names {
        match named {
            Named::File(file, _) => merged.files.push(file),
            Named::Symlink(symlink, _) => merged.symlinks.push(symlink),
            Named::Folder(layers) => {
                let digest = merge(&layers, &format!("{path}{name}/"), store)?;
                merged.directories.push(DirectoryEntry { name, digest });
            }
        }
    }
    Ok(store.put(&merged.encode())?)
}

/// Adds what a layer has under `name`: folders come together, equal leaves are one, anything else is a conflict.
fn add<'a>(
    names: &mut BTreeMap<String, Named<'a>>,
    path: &str,
    name: &str,
    new: Named<'a>,
) -> Result<(), ActionError> {
    let Some(old) = names.get_mut(name) else {
        names.insert(name.to_owned(), new);
        return Ok(());
    };
    let inputs = match (old, new) {
        (Named::Folder(old), Named::Folder(mut new)) => {
            old.append(&mut new);
            return Ok(());
        }
        (Named::File(old, _), Named::File(new, _)) if *old == new => return Ok(()),
        (Named::Symlink(old, _), Named::Symlink(new, _)) if *old == new => return Ok(()),
        (old, new) => (old.input(), new.input()),
    };
    Err(ActionError::Conflict { path: format!("{path}{name}"), inputs })
}

impl Named<'_> {
    fn input(&self) -> usize {
        match self {
            Named::File(_, input) | Named::Symlink(_, input) => *input,
            Named::Folder(layers) => layers[0].input,
        }
    }
}
