//! Folders that programs remember things in from run to run, to be faster. What comes of a process may not depend on what
//! is in one, so that it is in no key: a program that keeps one checks what it finds there by content.

use std::path::Path;

use store::{Digest, Store, Tree};

use crate::action::{Keeps, Process};
use crate::process::{create_folder, keep, lay_out};
use crate::seams::{RunError, Tool};

/// The memo table: what keeps a folder, to the tree of it.
const TABLE: &str = "kept folders";

/// What a folder is found by: its name, and all that the process has but for its arguments and its own input.
fn key(keeps: &Keeps, tool: Option<&Tool>, inputs: &[Digest]) -> Vec<u8> {
    let shared = inputs.get(1).map(ToString::to_string).unwrap_or_default();
    let tool = tool.map_or("", |tool| &tool.identity);
    [&keeps.name, &keeps.folder, tool, &shared].join("\0").into_bytes()
}

/// Lays out the folder of a process as the last one left it; an empty one where nothing is known of it.
pub(crate) fn put_back(
    process: &Process,
    tool: Option<&Tool>,
    inputs: &[Digest],
    store: &Store,
    root: &Path,
) -> Result<(), RunError> {
    let Some(keeps) = &process.keeps else { return Ok(()) };
    let folder = root.join(&keeps.folder);
    create_folder(&folder)?;
    let memo = store.memo(TABLE, &key(keeps, tool, inputs)).ok().flatten();
    let digest = memo.and_then(|memo| std::str::from_utf8(&memo).ok()?.parse().ok());
    let tree = digest.and_then(|digest: Digest| store.tree(&digest).ok());
    if let Some(tree) = tree
        && lay_out(store, &tree, &folder).is_err()
    {
        // Half of it would be worse than nothing.
        let failed = |source| RunError::Folder { path: folder.clone(), source };
        std::fs::remove_dir_all(&folder).map_err(failed)?;
        create_folder(&folder)?;
    }
    Ok(())
}

/// Keeps what a process that succeeded left in its folder. What cannot be kept is no loss.
pub(crate) fn take(process: &Process, tool: Option<&Tool>, inputs: &[Digest], store: &Store, root: &Path) {
    let Some(keeps) = &process.keeps else { return };
    let mut tree = Tree::new();
    let folder = root.join(&keeps.folder);
    let Ok(entries) = std::fs::read_dir(&folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { return };
        if keep(&mut tree, process.program.name(), &folder, &name, store).is_err() {
            return;
        }
    }
    if let Ok(digest) = store.put_tree(&tree) {
        store.offer_memos(TABLE, &[(&key(keeps, tool, inputs), digest.to_string().as_bytes())]);
    }
}
