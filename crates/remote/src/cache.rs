//! The cache of this machine with that of a server behind it, as the engine asks for outcomes.

use std::sync::Arc;
use std::time::Instant;

use engine::{Action, Cache, Verb};
use store::{Digest, Outcome, Store, StoreError};

use crate::action_result::{Stand, WholeTree, outcome};
use crate::api::{self, ActionCacheClient};
use crate::blobs::wire;
use crate::capabilities::value;
use crate::client::Client;
use crate::connection::with;
use crate::download::{Downloads, corrupt};
use crate::fault::{Fault, Kind};
use crate::statistics::add;
use crate::streams::Failed;
use crate::upload::{Upload, Uploads};

/// How many actions are looked up at once: they wait for the network and not for a processor.
const LOOKUPS: usize = 32;

/// The largest tree that is read in one message.
const SMALL_TREE: u64 = 1 << 20;

/// The cache of this machine first, then that of a server. What the server has stays there until somebody needs it.
pub struct RemoteCache {
    client: Arc<Client>,
    store: Store,
    pub(crate) downloads: Downloads,
    pub(crate) uploads: Uploads,
}

impl std::fmt::Debug for RemoteCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteCache").field("client", &self.client).finish_non_exhaustive()
    }
}

impl RemoteCache {
    /// A cache in front of a server. The store has to name content as the client does.
    pub fn new(client: Client, store: Store) -> RemoteCache {
        RemoteCache {
            client: Arc::new(client),
            store,
            downloads: Downloads::default(),
            uploads: Uploads::new(),
        }
    }

    /// The server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for the uploads, no longer than the settings say and while `goes_on` says so.
    pub fn finish(&self, goes_on: &dyn Fn() -> bool) {
        let connection = &self.client.connection;
        let left = self.uploads.drain(connection.settings.upload_patience, goes_on);
        if left > 0 && goes_on() {
            let waited = connection.settings.upload_patience.as_secs();
            let message = format!("{left} outcomes were not uploaded to the remote cache within {waited} s");
            let help = "`upload_timeout` in `[remote]` says how long they are waited for";
            connection.notices.add("remote::left", message, Some(help));
        }
        add(&connection.counters.left, left);
    }

    /// The outcome that the server has of an action, all directories of its tree brought.
    fn look_up(&self, key: &Digest, action: &Action) -> Result<Option<Outcome>, StoreError> {
        let stand = Stand::of(key, action, &self.store);
        let begin = Instant::now();
        let found = self.client.wait(self.get_result(&stand.digest));
        let found = match found {
            Ok(found) => found,
            // Whoever does not ask has not looked it up.
            Err(fault) if fault.kind == Kind::Off => return Ok(None),
            Err(_) => None,
        };
        self.client.connection.counters.looked_up(begin.elapsed());
        let Some(found) = found else { return Ok(None) };
        let Ok((outcome, tree)) = outcome(&found, self.store.function().empty()) else { return Ok(None) };
        if !self.bring_directories(&outcome.tree, &tree)? {
            return Ok(None);
        }
        add(&self.client.connection.counters.hits, 1);
        Ok(Some(outcome))
    }

    async fn get_result(&self, action: &Digest) -> Result<Option<api::ActionResult>, Fault> {
        let connection = &self.client.connection;
        self.client.usable().await?;
        if let Some(plain) = connection.plain() {
            return connection.look_in_indexes(plain, &self.store, action).await;
        }
        let message = api::GetActionResultRequest {
            instance_name: connection.settings.instance.clone(),
            action_digest: Some(wire(action)),
            digest_function: value(connection.function) as i32,
            ..api::GetActionResultRequest::default()
        };
        let name = action.hex();
        let answer = connection.ask_about(&name, |metadata| {
            let (channel, message) = (connection.channel(), message.clone());
            async move {
                Ok(ActionCacheClient::new(channel?)
                    .get_action_result(with(metadata, message))
                    .await?
                    .into_inner())
            }
        });
        match answer.await {
            Ok(result) => Ok(Some(result)),
            Err(fault) if fault.kind == Kind::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Brings the directories of the tree `root`, which are in the blob `tree`; false where they cannot be had.
    fn bring_directories(&self, root: &Digest, tree: &Digest) -> Result<bool, StoreError> {
        if self.store.tree_blobs(root).is_ok() {
            return Ok(true);
        }
        let Some(message) = self.read_tree(tree)? else { return Ok(false) };
        match WholeTree::keep(&message, root, &self.store)? {
            Ok(()) => Ok(true),
            Err(_) => {
                corrupt(&self.client.connection, tree);
                Ok(false)
            }
        }
    }

    /// The message that a tree is in.
    pub(crate) fn read_tree(&self, tree: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(runtime) = self.client.runtime() else { return Ok(None) };
        let connection = &self.client.connection;
        if let Some(bytes) = connection.plain().and_then(|plain| plain.tree(tree)) {
            return Ok(Some(bytes));
        }
        if tree.size > SMALL_TREE {
            return match runtime.block_on(connection.read_stream(tree, &self.store)) {
                Ok(()) => self.store.read(tree).map(Some),
                Err(Failed::Store(error)) => Err(error),
                Err(Failed::Remote(fault)) => {
                    if fault.kind == Kind::Corrupt {
                        corrupt(&self.client.connection, tree);
                    }
                    Ok(None)
                }
            };
        }
        let read = async {
            let batch = self.client.usable().await?.batch;
            let mut read = connection.read_together(&[*tree], batch).await;
            read.pop().map_or_else(|| Err(Fault::off()), |(_, read)| read)
        };
        let Ok(bytes) = runtime.block_on(read) else { return Ok(None) };
        if self.store.digest(&bytes) != *tree {
            corrupt(&self.client.connection, tree);
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

impl Cache for RemoteCache {
    fn get(&self, key: &Digest, action: &Action) -> Result<Option<Outcome>, StoreError> {
        let here = self.store.outcome(key)?;
        let reads = self.client.connection.settings.read && self.client.connection.breaker.lets_pass();
        if here.is_some_and(|outcome| outcome.exit_code == 0) || !reads {
            return Ok(here);
        }
        let Some(found) = self.look_up(key, action)? else { return Ok(here) };
        self.store.put_outcome(key, &found)?;
        Ok(Some(found))
    }

    fn put(&self, key: &Digest, action: &Action, outcome: &Outcome) -> Result<(), StoreError> {
        self.store.put_outcome(key, outcome)?;
        let settings = &self.client.connection.settings;
        let uploads = settings.write && (settings.write_processes || !matches!(action.verb, Verb::Run(_)));
        if uploads && outcome.exit_code == 0 {
            let stand = Stand::of(key, action, &self.store);
            self.uploads.add(&self.client, &self.store, Upload { stand, outcome: *outcome });
        }
        Ok(())
    }

    fn lookups(&self) -> usize {
        LOOKUPS
    }

    fn bring(&self, trees: &[Digest], blobs: &[Digest]) -> Result<(), StoreError> {
        // What ran there is read from there in any case.
        let connection = &self.client.connection;
        if !connection.settings.read
            && connection.counters.executed.load(std::sync::atomic::Ordering::Relaxed) == 0
        {
            return Ok(());
        }
        let lost = self.downloads.bring(&self.client, &self.store, (trees, blobs))?;
        self.uploads.presence().forget(&lost);
        Ok(())
    }
}
