//! Trees that many processes of one execution share: each is put on the disk once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
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
    /// Where the shared tree of a process is, put there by whoever is the first to need it.
    pub(crate) fn put(
        &self,
        store: &Store,
        tree: &Digest,
        process: &Process,
        tool: Option<&Tool>,
    ) -> Result<PathBuf, RunError> {
        let link = match &process.program {
            Program::Linked { link, .. } => tool.map(|tool| (link, &tool.path)),
            _ => None,
        };
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry((tree.hash, link.map(|(_, path)| path.clone()))).or_default())
        };
        // Held while it is put there, so that whoever needs the same waits for it.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &*slot {
            return Ok(path.clone());
        }
        let scratch = store.scratch()?;
        let folder = tempfile::Builder::new().prefix("shared-").tempdir_in(&scratch);
        let path = folder.map_err(|source| RunError::Folder { path: scratch, source })?.keep();
        lay_out(store, &store.tree(tree)?, &path)?;
        if let Some((link, target)) = link {
            let link = path.join(link);
            if let Some(folder) = link.parent() {
                create_folder(folder)?;
            }
            // A tree may have a link there already, to where the tool is on another machine.
            let linked = fs::remove_file(&link).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            });
            linked
                .and_then(|()| symlink(target, &link))
                .map_err(|source| RunError::Folder { path: link.clone(), source })?;
        }
        *slot = Some(path.clone());
        Ok(path)
    }
}
