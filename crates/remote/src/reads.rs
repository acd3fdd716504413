//! Small blobs that many want at once, read in few messages: what comes while messages are on their way waits for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::Digest;
use tokio::sync::oneshot;

use crate::blobs::{Each, batches};
use crate::connection::Connection;
use crate::fault::{Fault, Kind};

/// How many messages are on their way at once. Whoever comes while there are fewer does not wait.
const AT_ONCE: usize = 4;

/// A blob is read in messages of at most so many bytes.
const BATCH: usize = 2 << 20;

type Answer = oneshot::Sender<Result<Vec<u8>, Fault>>;

/// The blobs that somebody waits for.
#[derive(Default)]
pub(crate) struct Reads(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: BTreeMap<Digest, Vec<Answer>>,
    running: usize,
}

impl Reads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many of those that wait as fit into one message of `batch` bytes; none where nobody waits, and one reader less.
    fn next(&self, batch: usize) -> Option<BTreeMap<Digest, Vec<Answer>>> {
        let mut state = self.state();
        let (groups, large) = batches(state.waiting.keys().copied(), batch);
        let Some(group) = groups.into_iter().next().or_else(|| (!large.is_empty()).then_some(large)) else {
            state.running -= 1;
            return None;
        };
        let group: BTreeSet<Digest> = group.into_iter().collect();
        let (now, later) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(digest, _)| group.contains(digest));
        state.waiting = later;
        Some(now)
    }
}

impl Connection {
    /// Reads blobs, each of which fits into a message of `batch` bytes, together with those that others want at the same time.
    pub(crate) async fn read_together(self: &Arc<Self>, digests: &[Digest], batch: usize) -> Each<Vec<u8>> {
        let mut asked = Vec::with_capacity(digests.len());
        let starts = {
            let mut state = self.reads.state();
            for digest in digests {
                let (sender, receiver) = oneshot::channel();
                state.waiting.entry(*digest).or_default().push(sender);
                asked.push((*digest, receiver));
            }
            let starts = state.running < AT_ONCE && !digests.is_empty();
            state.running += usize::from(starts);
            starts
        };
        if starts {
            tokio::spawn(Arc::clone(self).read_waiting(batch.min(BATCH)));
        }
        let mut each = Vec::with_capacity(asked.len());
        for (digest, receiver) in asked {
            each.push((digest, receiver.await.unwrap_or_else(|_| Err(Fault::off()))));
        }
        each
    }

    /// Reads what somebody waits for until nobody does.
    async fn read_waiting(self: Arc<Self>, batch: usize) {
        while let Some(mut group) = self.reads.next(batch) {
            let digests: Vec<Digest> = group.keys().copied().collect();
            let fault = match self.read(&digests).await {
                Ok(read) => {
                    for (digest, result) in read {
                        answer(group.remove(&digest).unwrap_or_default(), &result);
                    }
                    Fault::new(Kind::Missing, "not in the answer")
                }
                Err(fault) => fault,
            };
            for waiting in group.into_values() {
                answer(waiting, &Err(fault.clone()));
            }
        }
    }
}

fn answer(waiting: Vec<Answer>, result: &Result<Vec<u8>, Fault>) {
    for sender in waiting {
        // Who does not wait any more needs no answer.
        let _ = sender.send(result.clone());
    }
}
