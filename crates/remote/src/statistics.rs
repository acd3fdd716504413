//! Counts what goes over the wire, for whoever reports it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What was exchanged with a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Actions that were looked up.
    pub lookups: u64,
    /// Those of them that the server had an outcome of.
    pub hits: u64,
    /// Outcomes that were uploaded.
    pub uploads: u64,
    /// Processes that ran there, or whose outcome was known there.
    pub executed: u64,
    /// Processes that were to run there, and ran here.
    pub returned: u64,
    /// Outcomes that could not be uploaded, or not in time.
    pub left: u64,
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Requests that were repeated.
    pub repeated: u64,
    /// Bytes of blobs that came.
    pub bytes_down: u64,
    /// Bytes of blobs that went.
    pub bytes_up: u64,
    /// Blobs that came with the wrong content.
    pub corrupt: u64,
    /// The time in which half of the lookups were answered, and 99 of 100.
    pub lookup_times: Option<(Duration, Duration)>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) lookups: AtomicU64,
    pub(crate) hits: AtomicU64,
    pub(crate) uploads: AtomicU64,
    pub(crate) executed: AtomicU64,
    pub(crate) returned: AtomicU64,
    pub(crate) left: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) bytes_down: AtomicU64,
    pub(crate) bytes_up: AtomicU64,
    pub(crate) corrupt: AtomicU64,
    /// How long each lookup took, in microseconds.
    times: Mutex<Vec<u32>>,
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn looked_up(&self, took: Duration) {
        add(&self.lookups, 1);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
    }

    pub(crate) fn read(&self) -> Statistics {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        let at = |hundredths: usize| {
            let index = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
            times.get(index).map(|micros| Duration::from_micros((*micros).into()))
        };
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            lookups: get(&self.lookups),
            hits: get(&self.hits),
            uploads: get(&self.uploads),
            executed: get(&self.executed),
            returned: get(&self.returned),
            left: get(&self.left),
            requests: get(&self.requests),
            repeated: get(&self.repeated),
            bytes_down: get(&self.bytes_down),
            bytes_up: get(&self.bytes_up),
            corrupt: get(&self.corrupt),
            lookup_times: at(50).zip(at(99)),
        }
    }
}
