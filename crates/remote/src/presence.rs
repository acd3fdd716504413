//! Which blobs a server has, as far as one build has found out, and which of them are on their way to it. Sends nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::Digest;
use tokio::sync::Notify;

/// For so long a blob that a server has is taken to be there.
const PRESENT: Duration = Duration::from_secs(300);

/// What is known of the blobs of one server.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What the server was found to have, and when. What it lacks is never remembered.
    seen: HashMap<Digest, Instant>,
    /// What somebody sends.
    sending: HashSet<Digest>,
}

/// Blobs that nobody else sends as long as this lives.
pub(crate) struct Claim<'p> {
    presence: &'p Presence,
    blobs: Vec<Digest>,
}

impl Claim<'_> {
    /// The blobs, in their order.
    pub(crate) fn blobs(&self) -> &[Digest] {
        &self.blobs
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut state = self.presence.state();
        for digest in &self.blobs {
            state.sending.remove(digest);
        }
        drop(state);
        self.presence.ended.notify_waiters();
    }
}

impl Presence {
    /// Claims what the server is not known to have; with what of it others send.
    pub(crate) fn claim(&self, wanted: &BTreeSet<Digest>) -> (Claim<'_>, BTreeSet<Digest>) {
        let (mut blobs, mut others) = (Vec::new(), BTreeSet::new());
        let mut state = self.state();
        for digest in wanted {
            let is_there = state.seen.get(digest).is_some_and(|seen| seen.elapsed() < PRESENT);
            if is_there {
                continue;
            }
            match state.sending.insert(*digest) {
                true => blobs.push(*digest),
                false => {
                    others.insert(*digest);
                }
            }
        }
        drop(state);
        (Claim { presence: self, blobs }, others)
    }

    /// Waits until nobody sends any of these.
    pub(crate) async fn wait(&self, others: &BTreeSet<Digest>) {
        loop {
            let mut ended = pin!(self.ended.notified());
            ended.as_mut().enable();
            if !others.iter().any(|digest| self.state().sending.contains(digest)) {
                return;
            }
            ended.await;
        }
    }

    /// The server has these.
    pub(crate) fn add(&self, digests: impl IntoIterator<Item = Digest>) {
        let now = Instant::now();
        self.state().seen.extend(digests.into_iter().map(|digest| (digest, now)));
    }

    /// The server may not have these.
    pub(crate) fn forget<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) {
        let mut state = self.state();
        for digest in digests {
            state.seen.remove(digest);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_sends_the_others_do_not() {
        let blob = |size| Digest { hash: [0; 32], size };
        let presence = Presence::default();
        presence.add([blob(1)]);
        let (mine, others) = presence.claim(&BTreeSet::from([blob(1), blob(2)]));
        assert_eq!((mine.blobs(), &others), (&[blob(2)][..], &BTreeSet::new()));
        let (second, others) = presence.claim(&BTreeSet::from([blob(2), blob(3)]));
        assert_eq!((second.blobs(), &others), (&[blob(3)][..], &BTreeSet::from([blob(2)])));
        drop(mine);
        // Nobody sent it: whoever waited for it has to.
        let (third, others) = presence.claim(&others);
        assert_eq!((third.blobs(), &others), (&[blob(2)][..], &BTreeSet::new()));
        presence.forget(&[blob(1)]);
        assert_eq!(presence.claim(&BTreeSet::from([blob(1)])).0.blobs(), [blob(1)]);
    }
}
