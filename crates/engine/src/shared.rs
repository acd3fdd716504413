//! Trees that many processes of one execution share: each is put on the disk once.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use store::{Digest, Store};

use crate::action::{Process, Program};
use crate::process::{create_folder, lay_out};
use crate::seams::{RunError, Tool};

/// A tree, with the tool that is linked in it.
type Key = ([u8; 32], Option<PathBuf>);

/// The trees that were put on the disk. They are in a folder of the store that vanishes with this process.
#[derive(Debug, Default)]
pub(crate) struct Trees(Mutex<BTreeMap<Key, Arc<Mutex<Option<PathBuf>>>>>);

impl Trees {
    /// Where a tree is that has this link in it, put there by whoever is the first to need it.
    pub(crate) fn put(
        &self,
        store: &Store,
        tree: &Digest,
        link: Option<Link<'_>>,
    ) -> Result<PathBuf, RunError> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry((tree.hash, link.map(|(_, tool)| tool.to_owned()))).or_default())
        };
        // Held while it is put there, so that whoever needs the same waits for it.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &*slot {
            return Ok(path.clone());
        }
        let scratch = store.scratch()?;
        let folder = tempfile::Builder::new().prefix("shared-").tempdir_in(&scratch);
        let path = folder.map_err(|source| RunError::Folder { path: scratch, source })?.keep();
        put_at(store, tree, link, &path)?;
        *slot = Some(path.clone());
        Ok(path)
    }
}

/// A path in a tree, and the tool that it links to.
pub(crate) type Link<'l> = (&'l str, &'l Path);

/// The link to its tool that a process is started by.
pub(crate) fn link<'l>(process: &'l Process, tool: Option<&'l Tool>) -> Option<Link<'l>> {
    match &process.program {
        Program::Linked { link, .. } => tool.map(|tool| (link.as_str(), tool.path.as_path())),
        _ => None,
    }
}

/// Writes a tree with a link in it into an empty folder.
pub(crate) fn put_at(
    store: &Store,
    tree: &Digest,
    link: Option<Link<'_>>,
    folder: &Path,
) -> Result<(), RunError> {
    lay_out(store, &store.tree(tree)?, folder)?;
    let Some((link, tool)) = link else { return Ok(()) };
    let link = folder.join(link);
    if let Some(above) = link.parent() {
        create_folder(above)?;
    }
    symlink(tool, &link).map_err(|source| RunError::Folder { path: link.clone(), source })
}
