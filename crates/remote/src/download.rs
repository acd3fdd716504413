//! Brings blobs of a server into the store: many at once, each of them once, and none that is not what its digest says.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};

use store::{Digest, Store, StoreError};
use tokio::task::JoinSet;

use crate::blobs::{Each, batches};
use crate::client::Client;
use crate::connection::Connection;
use crate::fault::{Fault, Kind};
use crate::statistics::add;
use crate::streams::Failed;

/// How many messages with many blobs are waited for at once.
const AT_ONCE: usize = 4;

/// Blobs are read in messages of at most so many bytes.
const BATCH: usize = 2 << 20;

/// The same for parts of objects, which have no largest size.
const PLAIN_BATCH: usize = 8 << 20;

/// What is known of the downloads of one build.
#[derive(Debug, Default)]
pub(crate) struct Downloads {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What somebody is bringing.
    running: HashSet<Digest>,
    /// What the server does not have, or has with other bytes.
    lost: HashMap<Digest, Kind>,
}

impl Downloads {
    /// Brings what is not here of some trees and single blobs, as far as it can be had. Gives what the server has lost.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) fn bring(
        &self,
        client: &Client,
        store: &Store,
        (trees, blobs): (&[Digest], &[Digest]),
    ) -> Result<Vec<Digest>, StoreError> {
        let mut tried = BTreeSet::new();
        loop {
            let mut wanted = BTreeSet::new();
            for tree in trees {
                wanted.extend(store.missing(tree)?);
            }
            for blob in blobs {
                if !store.has(blob)? {
                    wanted.insert(*blob);
                }
            }
            // A directory that was brought may name more.
            let new: Vec<Digest> = wanted.into_iter().filter(|digest| tried.insert(*digest)).collect();
            if new.is_empty() || !client.connection.breaker.lets_pass() {
                let state = self.state();
                return Ok(tried.into_iter().filter(|digest| state.lost.contains_key(digest)).collect());
            }
            let mine = self.claim(new);
            let brought = self.fetch(client, store, &mine);
            let mut state = self.state();
            for digest in &mine {
                state.running.remove(digest);
            }
            drop(state);
            self.ended.notify_all();
            brought?;
        }
    }

    /// Those that nobody else brings and that can be had, after the others have brought theirs.
    fn claim(&self, wanted: Vec<Digest>) -> Vec<Digest> {
        let mut state = self.state();
        let (others, mut mine): (Vec<Digest>, Vec<Digest>) =
            wanted.into_iter().partition(|digest| state.running.contains(digest));
        mine.retain(|digest| !state.lost.contains_key(digest));
        if mine.is_empty() {
            while others.iter().any(|digest| state.running.contains(digest)) {
                state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.running.extend(&mine);
        mine
    }

    fn fetch(&self, client: &Client, store: &Store, digests: &[Digest]) -> Result<(), StoreError> {
        let Some(runtime) = client.runtime().filter(|_| !digests.is_empty()) else { return Ok(()) };
        match runtime.block_on(self.fetch_all(client, store, digests)) {
            Err(Failed::Store(error)) => Err(error),
            // Whoever needs what did not come finds it missing.
            Ok(()) | Err(Failed::Remote(_)) => Ok(()),
        }
    }

    async fn fetch_all(&self, client: &Client, store: &Store, digests: &[Digest]) -> Result<(), Failed> {
        let batch = client.usable().await?.batch.min(BATCH);
        let plain = client.connection.plain();
        let turn = match plain {
            Some(plain) => Some(plain.reading.lock().await),
            None => None,
        };
        let (ordered, batch) = match plain {
            Some(plain) => {
                let mut ordered = client.connection.in_order(plain, store, digests).await?;
                // Some may have come beside what others read meanwhile.
                let here = ordered.iter().map(|digest| store.has(digest)).collect::<Result<Vec<_>, _>>()?;
                let mut here = here.into_iter();
                ordered.retain(|_| !here.next().unwrap_or_default());
                (ordered, PLAIN_BATCH)
            }
            None => (digests.to_vec(), batch),
        };
        let (groups, large) = batches(ordered, batch);
        let mut groups = groups.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(group) = groups.next()
            {
                let connection = client.connection.clone();
                running.spawn(async move { connection.read_together(&group, batch).await });
            }
            let Some(ended) = running.join_next().await else { break };
            let Ok(read) = ended else { continue };
            self.keep(client, store, read)?;
        }
        drop(turn);
        for digest in large {
            match client.connection.read_stream(&digest, store).await {
                Ok(()) => {}
                Err(Failed::Remote(fault)) => self.failed(client, digest, &fault),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps what came, if it is what was asked for.
    fn keep(&self, client: &Client, store: &Store, read: Each<Vec<u8>>) -> Result<(), StoreError> {
        let mut came = Vec::new();
        for (digest, result) in read {
            match result {
                Ok(bytes) => came.push((digest, bytes)),
                Err(fault) => self.failed(client, digest, &fault),
            }
        }
        let bytes: Vec<&[u8]> = came.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        // What is wrong is kept under its own name, where nobody asks for it.
        let found = store.put_many(&bytes)?;
        for ((digest, _), found) in came.iter().zip(found) {
            if *digest != found {
                self.failed(client, *digest, &Fault::corrupt());
            }
        }
        Ok(())
    }

    fn failed(&self, client: &Client, digest: Digest, fault: &Fault) {
        if matches!(fault.kind, Kind::Missing | Kind::Corrupt) {
            if let Some(plain) = client.connection.plain() {
                plain.forget(&digest);
            }
            self.state().lost.insert(digest, fault.kind);
        }
        if fault.kind == Kind::Corrupt {
            corrupt(&client.connection, &digest);
        }
    }

    /// Whether the server has one of these with other bytes. That does not change when they are sent to it again.
    pub(crate) fn has_corrupt<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) -> bool {
        let state = self.state();
        digests.into_iter().any(|digest| state.lost.get(digest) == Some(&Kind::Corrupt))
    }

    /// What the server did not have has been made there again.
    pub(crate) fn made_again<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) {
        let mut state = self.state();
        for digest in digests {
            if state.lost.get(digest) == Some(&Kind::Missing) {
                state.lost.remove(digest);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a blob came with the wrong content.
pub(crate) fn corrupt(connection: &Connection, digest: &Digest) {
    add(&connection.counters.corrupt, 1);
    let address = &connection.settings.address;
    let message = format!("the remote cache `{address}` gave the blob `{digest}` with another content");
    let help = "it was made anew here; remove the blob from the server, which may keep it as it is";
    connection.notices.add("remote::corrupt", message, Some(help));
}
