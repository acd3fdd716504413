//! Outcomes as the protocol has them, and what stands for an action there. Sends nothing.
//!
//! The tree of an outcome is one `Tree` message: all its directories in one blob, byte for byte those of the store, so that
//! nothing is translated and whoever looks an action up reads all of them at once.

use std::time::Duration;

use engine::Action;
use prost::Message;
use store::{Digest, Outcome, Store, StoreError};

use crate::api;
use crate::blobs::{read, wire};
use crate::fault::{Fault, Kind};

/// A `Tree` message whose directories stay the bytes that they are.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WholeTree {
    #[prost(bytes = "vec", tag = "1")]
    root: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    children: Vec<Vec<u8>>,
}

impl WholeTree {
    /// The directories of a tree of the store, the root first.
    pub(crate) fn of(directories: &[Digest], store: &Store) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(directories.len());
        for (digest, found) in directories.iter().zip(store.read_many(directories)?) {
            bytes.push(found.ok_or(StoreError::Missing(*digest))?);
        }
        let mut bytes = bytes.into_iter();
        let root = bytes.next().unwrap_or_default();
        Ok(WholeTree { root, children: bytes.collect() }.encode_to_vec())
    }

    /// Puts the directories of a message into the store. Fails unless they are those of the tree `root`.
    pub(crate) fn keep(
        message: &[u8],
        root: &Digest,
        store: &Store,
    ) -> Result<Result<(), Fault>, StoreError> {
        let Ok(tree) = WholeTree::decode(message) else { return Ok(Err(Fault::corrupt())) };
        if store.digest(&tree.root) != *root {
            return Ok(Err(Fault::corrupt()));
        }
        let mut directories = tree.children;
        directories.push(tree.root);
        store.put_many(&directories)?;
        // What is not a directory, or not whole, is found now and not by whoever uses it.
        match store.tree_blobs(root) {
            Ok(_) => Ok(Ok(())),
            Err(StoreError::Missing(_) | StoreError::Tree { .. }) => Ok(Err(Fault::corrupt())),
            Err(error) => Err(error),
        }
    }
}

/// What stands for an action: a message that nobody runs, made of its key.
pub(crate) struct Stand {
    /// Under which its outcome is kept.
    pub(crate) digest: Digest,
    /// The messages, with their digests.
    pub(crate) messages: [(Digest, Vec<u8>); 2],
}

impl Stand {
    pub(crate) fn of(key: &Digest, action: &Action, store: &Store) -> Stand {
        let arguments = vec!["pants".to_owned(), action.verb.name().to_owned()];
        let command = api::Command { arguments, ..api::Command::default() }.encode_to_vec();
        let command_digest = store.digest(&command);
        let message = api::Action {
            command_digest: Some(wire(&command_digest)),
            input_root_digest: Some(wire(&store.function().empty())),
            salt: key.hash.to_vec(),
            ..api::Action::default()
        };
        let message = message.encode_to_vec();
        let digest = store.digest(&message);
        Stand { digest, messages: [(command_digest, command), (digest, message)] }
    }
}

/// An outcome as the protocol has it, its tree in the message `tree`.
pub(crate) fn result(outcome: &Outcome, tree: &Digest) -> api::ActionResult {
    let directory = api::OutputDirectory {
        path: String::new(),
        tree_digest: Some(wire(tree)),
        is_topologically_sorted: false,
        root_directory_digest: Some(wire(&outcome.tree)),
    };
    let said = |digest: &Digest| (digest.size > 0).then(|| wire(digest));
    api::ActionResult {
        output_directories: vec![directory],
        exit_code: outcome.exit_code,
        stdout_digest: said(&outcome.stdout),
        stderr_digest: said(&outcome.stderr),
        execution_metadata: Some(api::ExecutedActionMetadata {
            virtual_execution_duration: Some(api::Duration {
                seconds: outcome.duration.as_secs().cast_signed(),
                nanos: outcome.duration.subsec_nanos().cast_signed(),
            }),
            ..api::ExecutedActionMetadata::default()
        }),
        ..api::ActionResult::default()
    }
}

/// The outcome that a result stands for, with the blob that its tree is in. Fails where it was not made by [`result`].
pub(crate) fn outcome(result: &api::ActionResult, empty: Digest) -> Result<(Outcome, Digest), Fault> {
    let foreign = || Fault::new(Kind::Corrupt, "the outcome is not one of `pants`");
    let [directory] = result.output_directories.as_slice() else { return Err(foreign()) };
    if !directory.path.is_empty() || result.exit_code != 0 {
        return Err(foreign());
    }
    let said = |digest: Option<&api::Digest>| digest.map_or(Ok(empty), |digest| read(Some(digest)));
    let took = result.execution_metadata.as_ref().and_then(|found| found.virtual_execution_duration);
    let took = took.and_then(|took| {
        Duration::from_secs(u64::try_from(took.seconds).ok()?)
            .checked_add(Duration::from_nanos(u64::try_from(took.nanos).ok()?))
    });
    let outcome = Outcome {
        usage: None,
        tree: read(directory.root_directory_digest.as_ref())?,
        exit_code: 0,
        stdout: said(result.stdout_digest.as_ref())?,
        stderr: said(result.stderr_digest.as_ref())?,
        duration: took.unwrap_or_default(),
    };
    Ok((outcome, read(directory.tree_digest.as_ref())?))
}
