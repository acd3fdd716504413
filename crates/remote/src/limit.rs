//! How many requests go on at once: fewer when the server says that they are too many, more again when all goes well.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The most, and the least.
const MOST: usize = 64;
const LEAST: usize = 2;

/// The limit of one connection.
#[derive(Debug)]
pub(crate) struct Limit {
    permits: Semaphore,
    /// How many permits there are, and how many answers came since the last change.
    size: AtomicUsize,
    answers: AtomicUsize,
}

impl Limit {
    pub(crate) fn new() -> Limit {
        Limit { permits: Semaphore::new(MOST), size: AtomicUsize::new(MOST), answers: AtomicUsize::new(0) }
    }

    /// Waits until one more request may go on.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// All went well: after as many answers as requests go on at once, one more may.
    pub(crate) fn widen(&self) {
        let size = self.size.load(Ordering::Relaxed);
        if size < MOST && self.answers.fetch_add(1, Ordering::Relaxed) >= size {
            self.answers.store(0, Ordering::Relaxed);
            self.size.store(size + 1, Ordering::Relaxed);
            self.permits.add_permits(1);
        }
    }

    /// The server has too much to do: half as many.
    pub(crate) fn narrow(&self) {
        let size = self.size.load(Ordering::Relaxed);
        let fewer = (size / 2).max(LEAST);
        let forgotten = self.permits.forget_permits(size - fewer);
        self.size.store(size - forgotten, Ordering::Relaxed);
        self.answers.store(0, Ordering::Relaxed);
    }
}
