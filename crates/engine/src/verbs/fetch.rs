//! The verb `fetch`: a tree of one file that somebody else serves.

use store::{Digest, Tree};

use super::{ActionError, brought};
use crate::action::{ActionId, Download};
use crate::execute::Executor;
use crate::seams::Event;

pub(super) fn perform(
    id: ActionId,
    download: &Download,
    executor: &Executor<'_>,
) -> Result<Digest, ActionError> {
    let progress = |done, total| executor.watch.event(Event::Progress { id, done, total });
    let fetched = executor.fetch.fetch(download, executor.store, executor.cancel, &progress);
    let digest = match fetched {
        Ok(digest) => digest,
        Err(_) if executor.cancel.is_cancelled() => return Err(ActionError::Cancelled),
        Err(failure) => return Err(ActionError::Fetch(failure)),
    };
    let mut tree = Tree::new();
    tree.add_file(&download.name, digest, false)?;
    let tree = executor.store.put_tree(&tree)?;
    brought::note(executor.store, &download.name, &[tree]);
    Ok(tree)
}
