//! The verb `extract`: the tree of what a zip file holds.

use store::{Digest, Entry, Store};

use super::{ActionError, brought};
use crate::extract::extract;

pub(super) fn perform(inputs: &[Digest], store: &Store) -> Result<Digest, ActionError> {
    let [input] = inputs else {
        return Err(ActionError::Malformed("an extraction has exactly one input"));
    };
    let (name, archive) = sole_file(store, input)?;
    let tree = extract(store, &name, &archive)?;
    brought::note(store, &name, &[*input, tree]);
    Ok(tree)
}

/// The one file of a tree that holds nothing else, with its path.
fn sole_file(store: &Store, tree: &Digest) -> Result<(String, Digest), ActionError> {
    let tree = store.tree(tree)?;
    match tree.walk().as_slice() {
        [(path, Entry::File { digest, .. })] => Ok((path.clone(), *digest)),
        _ => Err(ActionError::Malformed("a tree that should hold exactly one file does not")),
    }
}
