//! Uploads outcomes behind the build: blobs before what names them, and nothing that the server has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use store::{Digest, Outcome, Store, StoreError};
use tokio::task::JoinSet;

use crate::action_result::{Stand, WholeTree, result};
use crate::api::{self, ActionCacheClient};
use crate::blobs::{batches, wire};
use crate::capabilities::value;
use crate::client::Client;
use crate::connection::with;
use crate::fault::{Fault, Kind};
use crate::plain::is_small;
use crate::presence::Presence;
use crate::statistics::add;
use crate::streams::Failed;

/// How many outcomes are uploaded together at most.
const GROUP: usize = 256;

/// How often outcomes are published in a plain cache before the end of a build.
const PUBLISHED: Duration = Duration::from_secs(30);

/// How many messages are on their way at once.
const AT_ONCE: usize = 8;

/// An outcome to upload.
pub(crate) struct Upload {
    pub(crate) stand: Stand,
    pub(crate) outcome: Outcome,
}

/// The uploads of one build.
pub(crate) struct Uploads {
    queue: Mutex<Option<Sender<Upload>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// How many were handed over and are not settled.
    waiting: AtomicU64,
    /// The server takes nothing from whoever asks, or all is to stop.
    refused: AtomicBool,
    presence: Presence,
}

impl Uploads {
    pub(crate) fn new() -> Uploads {
        Uploads { queue: Mutex::default(), thread: Mutex::default(), state: Arc::default() }
    }

    /// Hands an outcome over; the first starts the thread that uploads.
    pub(crate) fn add(&self, client: &Arc<Client>, store: &Store, upload: Upload) {
        if self.state.refused.load(Ordering::Relaxed) || client.connection.breaker.is_off() {
            return;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, receiver) = mpsc::channel();
            let (client, store, state) = (Arc::clone(client), store.clone(), Arc::clone(&self.state));
            let work = move || upload_all(&client, &store, &state, &receiver);
            // Without a thread nothing is uploaded, and nothing fails.
            let Ok(thread) = thread::Builder::new().name("uploads".to_owned()).spawn(work) else { return };
            *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
            *queue = Some(sender);
        }
        if queue.as_ref().is_some_and(|queue| queue.send(upload).is_ok()) {
            self.state.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is known of the blobs that the server has.
    pub(crate) fn presence(&self) -> &Presence {
        &self.state.presence
    }

    /// Waits until all is uploaded, no longer than `limit` and while `goes_on` says so. Gives how many are left.
    pub(crate) fn drain(&self, limit: Duration, goes_on: &dyn Fn() -> bool) -> u64 {
        // Without a sender the thread ends when the queue is empty.
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return 0 };
        let begin = Instant::now();
        while !thread.is_finished() && begin.elapsed() < limit && goes_on() {
            thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            let _ = thread.join();
            return 0;
        }
        self.state.refused.store(true, Ordering::Relaxed);
        self.state.waiting.load(Ordering::Relaxed)
    }
}

fn upload_all(client: &Arc<Client>, store: &Store, state: &State, queue: &Receiver<Upload>) {
    let is_plain = client.connection.plain().is_some();
    // What a plain cache has, and nobody finds before it is published.
    let (mut held, mut last) = (0, Instant::now());
    let settle = |count: u64, done: u64| {
        add(&client.connection.counters.uploads, done);
        add(&client.connection.counters.left, count - done);
        state.waiting.fetch_sub(count, Ordering::Relaxed);
    };
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        // What came meanwhile goes in the same messages.
        group.extend(queue.try_iter().take(GROUP - 1));
        let count = group.len() as u64;
        let done = if state.refused.load(Ordering::Relaxed) {
            0
        } else {
            client.runtime().map_or(0, |runtime| runtime.block_on(upload(client, store, state, group)))
        };
        if !is_plain {
            settle(count, done);
            continue;
        }
        settle(count - done, 0);
        held += done;
        if last.elapsed() > PUBLISHED {
            if let Some(published) = publish(client, store, state) {
                settle(held, published);
                held = 0;
            }
            last = Instant::now();
        }
    }
    if held > 0 {
        settle(held, publish(client, store, state).unwrap_or_default());
    }
}

/// Has others find what a plain cache has. Gives how many outcomes they find; none where it may be tried again.
fn publish(client: &Client, store: &Store, state: &State) -> Option<u64> {
    let connection = &client.connection;
    let (plain, runtime) = connection.plain().zip(client.runtime())?;
    let published = runtime.block_on(connection.publish(plain, store)).inspect_err(|fault| {
        if fault.kind == Kind::Denied {
            refused(client, state, &fault.message);
        }
    });
    published.ok()
}

/// Uploads a group of outcomes. Gives how many of them the server has now, or a plain cache once they are published.
async fn upload(client: &Client, store: &Store, state: &State, group: Vec<Upload>) -> u64 {
    let Ok(abilities) = client.usable().await else { return 0 };
    if !abilities.updates {
        refused(client, state, "it takes no outcomes");
        return 0;
    }
    let plain = client.connection.plain();
    if let Some(plain) = plain
        && client.connection.load(plain, store).await.is_err()
    {
        return 0;
    }
    let plan = |upload| Planned::new(upload, store, plain.is_some()).ok();
    let planned = group.into_iter().filter_map(plan).collect::<Vec<_>>();
    let made: HashMap<Digest, &Vec<u8>> = planned
        .iter()
        .flat_map(|planned| planned.made.iter().map(|(digest, bytes)| (*digest, bytes)))
        .collect();
    let wanted: BTreeSet<Digest> = planned.iter().flat_map(|planned| planned.blobs.iter().copied()).collect();
    let failed = match send(client, store, &state.presence, wanted, (&made, abilities.batch)).await {
        Ok(failed) => failed,
        Err(fault) => {
            if fault.kind == Kind::Denied {
                refused(client, state, &fault.message);
            }
            return 0;
        }
    };
    let whole = planned.into_iter().filter(|planned| planned.blobs.iter().all(|blob| !failed.contains(blob)));
    let whole = whole.collect::<Vec<_>>();
    if let Some(plain) = plain {
        let count = whole.len() as u64;
        for Planned { digest, result, tree, blobs, .. } in whole {
            client.connection.record(plain, &digest, &result, (tree, blobs));
        }
        return count;
    }
    let mut whole = whole.into_iter();
    let (mut running, mut done) = (JoinSet::new(), 0);
    loop {
        while running.len() < AT_ONCE
            && let Some(planned) = whole.next()
        {
            running.spawn(put(Arc::clone(&client.connection), planned.digest, planned.result));
        }
        match running.join_next().await {
            None => return done,
            Some(Ok(Ok(()))) => done += 1,
            Some(Ok(Err(fault))) if fault.kind == Kind::Denied => refused(client, state, &fault.message),
            Some(_) => {}
        }
    }
}

/// An outcome with all that the server has to have before it.
struct Planned {
    digest: Digest,
    result: api::ActionResult,
    /// All blobs that it needs.
    blobs: Vec<Digest>,
    /// Those of them that are not in the store.
    made: Vec<(Digest, Vec<u8>)>,
    /// The message of the tree, where it is not among them.
    tree: Vec<u8>,
}

impl Planned {
    fn new(upload: Upload, store: &Store, is_plain: bool) -> Result<Planned, StoreError> {
        let Upload { stand, outcome } = upload;
        let (directories, mut blobs) = store.tree_blobs(&outcome.tree)?;
        // The message of the tree has the directories, and only workers want each of them.
        if !is_plain {
            blobs.extend(&directories);
        }
        let tree = WholeTree::of(&directories, store)?;
        let tree_digest = store.digest(&tree);
        let result = result(&outcome, &tree_digest);
        // A plain cache needs no messages that stand for actions, and has small trees elsewhere.
        let mut made = if is_plain { Vec::new() } else { stand.messages.to_vec() };
        let tree = if is_plain && is_small(&tree) {
            tree
        } else {
            made.push((tree_digest, tree));
            Vec::new()
        };
        blobs.extend([outcome.stdout, outcome.stderr]);
        blobs.retain(|digest| digest.size > 0);
        blobs.extend(made.iter().map(|(digest, _)| *digest));
        Ok(Planned { digest: stand.digest, result, blobs, made, tree })
    }
}

/// Sends what the server lacks of `wanted`, of which `made` are not in the store. Gives the blobs that it still lacks.
pub(crate) async fn send(
    client: &Client,
    store: &Store,
    presence: &Presence,
    mut wanted: BTreeSet<Digest>,
    (made, batch): (&HashMap<Digest, &Vec<u8>>, usize),
) -> Result<BTreeSet<Digest>, Fault> {
    let mut failed = BTreeSet::new();
    loop {
        let (claim, others) = presence.claim(&wanted);
        if !claim.blobs().is_empty() {
            let lacking = send_claimed(client, store, claim.blobs(), (made, batch)).await?;
            presence.add(claim.blobs().iter().copied().filter(|digest| !lacking.contains(digest)));
            failed.extend(lacking);
        }
        drop(claim);
        if others.is_empty() {
            return Ok(failed);
        }
        presence.wait(&others).await;
        wanted = others;
    }
}

/// The same for what nobody else sends.
async fn send_claimed(
    client: &Client,
    store: &Store,
    wanted: &[Digest],
    (made, batch): (&HashMap<Digest, &Vec<u8>>, usize),
) -> Result<BTreeSet<Digest>, Fault> {
    let connection = &client.connection;
    let missing: BTreeSet<Digest> = connection.find_missing(wanted).await?.into_iter().collect();
    let mut failed = BTreeSet::new();
    let (groups, large) = batches(missing, batch);
    for group in groups {
        let blobs = gather(&group, made, store);
        failed.extend(group.iter().filter(|digest| !blobs.contains_key(digest)));
        if blobs.is_empty() {
            continue;
        }
        let mut lacking: BTreeSet<Digest> = blobs.keys().copied().collect();
        for (digest, result) in connection.update(blobs.into_iter().collect()).await? {
            match result {
                Ok(()) => {
                    lacking.remove(&digest);
                }
                Err(fault) if fault.kind == Kind::Denied => return Err(fault),
                Err(_) => {}
            }
        }
        failed.extend(lacking);
    }
    for digest in large {
        // A message that is too large for the others is in memory, and a blob for the stream is in the store.
        if let Some(bytes) = made.get(&digest) {
            let _: Result<Digest, StoreError> = store.put(bytes);
        }
        match connection.write_stream(&digest, store).await {
            Ok(()) => {}
            Err(Failed::Remote(fault)) if fault.kind == Kind::Denied => return Err(fault),
            Err(_) => {
                failed.insert(digest);
            }
        }
    }
    Ok(failed)
}

/// The contents of blobs, as far as they are here.
fn gather(group: &[Digest], made: &HashMap<Digest, &Vec<u8>>, store: &Store) -> BTreeMap<Digest, Vec<u8>> {
    let (ours, stored): (Vec<Digest>, Vec<Digest>) =
        group.iter().partition(|digest| made.contains_key(digest));
    let mut blobs: BTreeMap<Digest, Vec<u8>> =
        ours.into_iter().filter_map(|digest| Some((digest, (*made.get(&digest)?).clone()))).collect();
    // What the store has lost is not uploaded, and whoever needs it makes it again.
    let read = store.read_many(&stored).unwrap_or_default();
    blobs.extend(stored.into_iter().zip(read).filter_map(|(digest, bytes)| Some((digest, bytes?))));
    blobs
}

/// Tells the server an outcome, all of which it has.
async fn put(
    connection: Arc<crate::connection::Connection>,
    digest: Digest,
    result: api::ActionResult,
) -> Result<(), Fault> {
    let message = api::UpdateActionResultRequest {
        instance_name: connection.settings.instance.clone(),
        action_digest: Some(wire(&digest)),
        action_result: Some(result),
        results_cache_policy: None,
        digest_function: value(connection.function) as i32,
    };
    let name = digest.hex();
    let answer = connection.ask_about(&name, |metadata| {
        let (channel, message) = (connection.channel(), message.clone());
        async move {
            ActionCacheClient::new(channel?).update_action_result(with(metadata, message)).await.map(drop)
        }
    });
    answer.await
}

/// From now on nothing is uploaded.
fn refused(client: &Client, state: &State, why: &str) {
    state.refused.store(true, Ordering::Relaxed);
    let address = &client.connection.settings.address;
    let message = format!("the remote cache `{address}` refuses uploads: {why}");
    let help = "it is only read from; `write = false` in `[remote]` says that this is meant";
    client.connection.notices.add("remote::read_only", message, Some(help));
}
