//! The verb `archive`: a tree of one zip file.

use store::{Digest, Entry, Store, Tree};

use super::ActionError;
use crate::action::Archive;
use crate::archive::{Group, Spec, build};

pub(super) fn perform(archive: &Archive, inputs: &[Digest], store: &Store) -> Result<Digest, ActionError> {
    let trees: Vec<Tree> = inputs.iter().map(|input| store.tree(input)).collect::<Result<_, _>>()?;
    let tree = |input: usize| {
        trees.get(input).ok_or(ActionError::Malformed("an archive names an input that it does not have"))
    };
    let prefix = match &archive.prefix {
        None => None,
        Some((input, path)) => match tree(*input)?.get(path) {
            Some(Entry::File { digest, .. }) => Some(*digest),
            _ => return Err(ActionError::Malformed("the prefix of an archive is no file of its input")),
        },
    };
    let groups = (archive.members.iter())
        .map(|members| {
            Ok(Group {
                origin: members.origin.clone(),
                tree: tree(members.input)?,
                under: &members.under,
                packing: members.packing,
                only: &members.only,
                directories: &members.directories,
            })
        })
        .collect::<Result<_, ActionError>>()?;
    let digest = build(store, &Spec { prefix, groups })?;
    let mut result = Tree::new();
    result.add_file(&archive.name, digest, archive.executable)?;
    Ok(store.put_tree(&result)?)
}
