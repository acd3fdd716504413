//! The verb `write`: a tree of literal entries.

use store::{Digest, Store, Tree};

use super::ActionError;
use crate::action::Literal;

pub(super) fn perform(entries: &[(String, Literal)], store: &Store) -> Result<Digest, ActionError> {
    let mut tree = Tree::new();
    for (path, literal) in entries {
        match literal {
            Literal::File { content, executable } => tree.add_file(path, store.put(content)?, *executable)?,
            Literal::Symlink(target) => tree.add_symlink(path, target)?,
        }
    }
    Ok(store.put_tree(&tree)?)
}
