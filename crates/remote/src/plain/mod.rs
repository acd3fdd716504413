//! A cache without a server of its own: objects in a folder, behind HTTP or in a bucket.
//!
//! `content/` has blobs: each large one as an object, and small ones one after the other in packs. `index/` has messages that
//! say which outcomes there are and where each blob is. Objects are named by their digests and never change, so that a writer
//! that is killed leaves at most what nobody names. A build reads the indexes that it has not read before, and then knows all.

mod bucket;
mod folder;
mod index;
mod keys;
mod known;
mod objects;
mod reading;
mod sign;
mod web;
mod writing;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use store::{Digest, DigestFunction};
use tokio::sync::OnceCell;
use tonic::metadata::MetadataMap;

use self::known::Known;
pub(crate) use self::objects::Objects;
use self::writing::Pending;
pub(crate) use self::writing::is_small;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::settings::Settings;

/// Blobs that are larger are objects of their own.
pub(crate) const PACKED: usize = 1 << 20;

/// A plain cache, as one build knows it.
pub(crate) struct Plain {
    pub(crate) objects: Arc<Objects>,
    known: OnceCell<Mutex<Known>>,
    pending: Mutex<Pending>,
    /// Held by who reads small blobs: what comes beside them others need not ask for.
    pub(crate) reading: tokio::sync::Mutex<()>,
    /// It gives whole objects, whatever part of them is asked for.
    is_whole: AtomicBool,
}

impl Plain {
    /// The cache of an address; none where it is that of a server.
    ///
    /// # Errors
    /// What cannot be used of the settings.
    pub(crate) fn new(settings: &Settings, function: DigestFunction) -> Result<Option<Plain>, Fault> {
        let objects = Objects::new(settings, function)?;
        Ok(objects.map(|objects| Plain {
            objects: Arc::new(objects),
            known: OnceCell::new(),
            pending: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            is_whole: AtomicBool::new(false),
        }))
    }

    /// The functions that may name content there, the best first.
    pub(crate) fn functions(&self) -> Vec<DigestFunction> {
        match *self.objects {
            // Such caches check what they take by this one.
            Objects::Http(_) => vec![DigestFunction::Sha256],
            Objects::Folder(_) | Objects::Bucket(_) => vec![DigestFunction::Blake3, DigestFunction::Sha256],
        }
    }

    /// What is known, once the indexes were read.
    fn known(&self) -> Result<MutexGuard<'_, Known>, Fault> {
        let known = self.known.get().ok_or_else(Fault::off)?;
        Ok(known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message with the directories of a tree, where an index has it.
    pub(crate) fn tree(&self, blob: &Digest) -> Option<Vec<u8>> {
        self.known().ok()?.tree(blob).cloned()
    }

    /// A blob is not where it was said to be.
    pub(crate) fn forget(&self, blob: &Digest) {
        if let Ok(mut known) = self.known() {
            known.forget(blob);
        }
    }
}

impl Connection {
    /// Has a thread that may wait make a request for objects: again where that may help.
    async fn with_objects<T: Send + 'static>(
        self: &Arc<Self>,
        objects: &Arc<Objects>,
        work: impl Fn(&Objects, &MetadataMap) -> Result<T, Fault> + Send + Sync + 'static,
    ) -> Result<T, Fault> {
        let work = Arc::new(work);
        self.repeat("", |shown| {
            let (objects, work) = (Arc::clone(objects), Arc::clone(&work));
            async move {
                let done = tokio::task::spawn_blocking(move || work(&objects, &shown)).await;
                done.unwrap_or_else(|_| Err(Fault::off()))
            }
        })
        .await
    }

    /// The seconds since the epoch.
    fn seconds(&self) -> u64 {
        (self.settings.now)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}
