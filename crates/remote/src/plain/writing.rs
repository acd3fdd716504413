//! Writes to a plain cache: small blobs into packs as they come, and at the end one index that names all that was written.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use store::{Digest, Store};

use super::Plain;
use super::index::{Index, Pack, Record};
use super::known::{LONGEST, merged};
use super::objects::{Content, Name, Objects};
use crate::api;
use crate::connection::{Connection, random};
use crate::fault::{Fault, Kind};
use crate::statistics::add;

/// A pack is written when it is so large.
const PACK: usize = 16 << 20;

/// The message of a tree that is no larger is in the index, so that looking an outcome up takes no request of its own.
const SMALL_TREE: usize = 16 << 10;

/// Indexes are put together when there are so many that are no larger than this.
const MANY: usize = 16;
const SMALL_INDEX: u64 = 4 << 20;

/// How often a list of indexes is written that somebody else writes as well.
const TRIES: u32 = 4;

/// What is to be written.
#[derive(Default)]
pub(super) struct Pending {
    pack: Vec<u8>,
    /// What is in the pack, in this order.
    packed: Vec<Digest>,
    /// What is in the pack, and in those that were written.
    here: HashSet<Digest>,
    packs: Vec<Pack>,
    /// Outcomes, with the blobs that each needs.
    records: Vec<(Record, Vec<Digest>)>,
}

impl Connection {
    /// Those of some blobs that are neither there nor about to be.
    pub(crate) fn not_there(&self, plain: &Plain, digests: &[Digest]) -> Result<Vec<Digest>, Fault> {
        let (known, pending, now) = (plain.known()?, plain.pending(), self.seconds());
        let is_missing = |digest: &&Digest| !pending.here.contains(*digest) && !known.has(digest, now);
        Ok(digests.iter().filter(is_missing).copied().collect())
    }

    /// Puts blobs into the pack, which is written when it is large.
    pub(crate) async fn pack(
        self: &Arc<Self>,
        plain: &Plain,
        blobs: Vec<(Digest, Vec<u8>)>,
    ) -> Result<(), Fault> {
        for (digest, bytes) in blobs {
            let is_full = {
                let mut pending = plain.pending();
                if pending.here.insert(digest) {
                    pending.pack.extend(bytes);
                    pending.packed.push(digest);
                }
                pending.pack.len() >= PACK
            };
            if is_full {
                self.write_pack(plain).await?;
            }
        }
        Ok(())
    }

    async fn write_pack(self: &Arc<Self>, plain: &Plain) -> Result<(), Fault> {
        let (bytes, blobs) = {
            let mut pending = plain.pending();
            (std::mem::take(&mut pending.pack), std::mem::take(&mut pending.packed))
        };
        if blobs.is_empty() {
            return Ok(());
        }
        let object = self.function.digest(&bytes);
        let written = self.write(plain, Name::Content(object), Content::Bytes(Arc::new(bytes))).await;
        let mut pending = plain.pending();
        match written {
            Ok(()) => {
                let blobs = blobs.into_iter().map(Into::into).collect();
                let pack = Pack { object: Some(object.into()), blobs, time: self.seconds() };
                pending.packs.push(pack);
                Ok(())
            }
            Err(fault) => {
                for blob in &blobs {
                    pending.here.remove(blob);
                }
                Err(fault)
            }
        }
    }

    /// Writes a blob of the store as an object of its own.
    pub(crate) async fn write_object(
        self: &Arc<Self>,
        plain: &Plain,
        digest: &Digest,
        store: &Store,
    ) -> Result<(), Fault> {
        self.write(plain, Name::Content(*digest), Content::Blob(store.clone(), *digest)).await?;
        let mut pending = plain.pending();
        let (object, blobs) = (Some((*digest).into()), vec![(*digest).into()]);
        pending.packs.push(Pack { object, blobs, time: self.seconds() });
        pending.here.insert(*digest);
        Ok(())
    }

    /// Writes an object that no index names.
    pub(crate) async fn put_object(
        self: &Arc<Self>,
        plain: &Plain,
        digest: Digest,
        bytes: Vec<u8>,
    ) -> Result<(), Fault> {
        self.write(plain, Name::Content(digest), Content::Bytes(Arc::new(bytes))).await
    }

    /// Reads such an object, and removes it where that can be done.
    pub(crate) async fn take_object(
        self: &Arc<Self>,
        plain: &Plain,
        digest: Digest,
    ) -> Result<Vec<u8>, Fault> {
        let (name, part) = (Name::Content(digest), (0, digest.size));
        let get = move |objects: &Objects, shown: &_| objects.get(&name, part, shown);
        let came = self.with_objects(&plain.objects, get).await?.bytes;
        // What cannot be removed is in nobody's way.
        let _ = self.with_objects(&plain.objects, move |objects, shown| objects.remove(&name, shown)).await;
        Ok(came)
    }

    async fn write(self: &Arc<Self>, plain: &Plain, name: Name, content: Content) -> Result<(), Fault> {
        let (Name::Content(digest) | Name::Index(digest)) = name;
        self.with_objects(&plain.objects, move |objects, shown| objects.put(&name, &content, shown)).await?;
        add(&self.counters.bytes_up, digest.size);
        Ok(())
    }

    /// Takes an outcome, to be named by the next index, with the blobs that it needs.
    pub(crate) fn record(
        &self,
        plain: &Plain,
        action: &Digest,
        result: &api::ActionResult,
        (tree, needs): (Vec<u8>, Vec<Digest>),
    ) {
        let (action, result) = (action.hash.to_vec(), result.encode_to_vec());
        let record = Record { action, result, tree, time: self.seconds() };
        plain.pending().records.push((record, needs));
    }

    /// Writes what is left, and the index that names it. Gives how many outcomes others find from now on.
    pub(crate) async fn publish(self: &Arc<Self>, plain: &Plain, store: &Store) -> Result<u64, Fault> {
        let packed = self.write_pack(plain).await;
        let (index, count) = {
            let (known, mut pending, now) = (plain.known()?, plain.pending(), self.seconds());
            let records = std::mem::take(&mut pending.records);
            let whole = records.into_iter().filter(|(_, needs)| {
                needs.iter().all(|blob| pending.here.contains(blob) || known.has(blob, now))
            });
            let records: Vec<Record> = whole.map(|(record, _)| record).collect();
            let count = records.len() as u64;
            (Index { records, packs: std::mem::take(&mut pending.packs) }, count)
        };
        if count == 0 {
            return packed.map(|()| 0);
        }
        let (index, dropped) = self.put_together(plain, index, store)?;
        let bytes = index.encode_to_vec();
        let digest = self.function.digest(&bytes);
        // This machine need not read it.
        let _ = store.put(&bytes);
        self.write(plain, Name::Index(digest), Content::Bytes(Arc::new(bytes))).await?;
        self.announce(plain, digest, &dropped).await?;
        {
            let mut known = plain.known()?;
            known.add(&index, self.seconds());
            known.indexes.retain(|index| !dropped.contains(index));
            known.indexes.push(digest);
        }
        let (now, budget) = ((self.settings.now)(), self.settings.budget);
        self.with_objects(&plain.objects, move |objects, _| objects.prune(now, LONGEST, budget)).await?;
        Ok(count)
    }

    /// The index with what many small ones say, and those that it takes the place of.
    fn put_together(
        &self,
        plain: &Plain,
        index: Index,
        store: &Store,
    ) -> Result<(Index, BTreeSet<Digest>), Fault> {
        let known = plain.known()?;
        let mut dropped: BTreeSet<Digest> = known.useless.iter().copied().collect();
        let small = known.indexes.iter().filter(|one| one.size <= SMALL_INDEX && !dropped.contains(one));
        let small: Vec<Digest> = small.copied().collect();
        if small.len() < MANY {
            return Ok((index, dropped));
        }
        // What the store has lost stays as it is.
        let read = store.read_many(&small).unwrap_or_default();
        let mut all = Vec::new();
        for (digest, bytes) in small.iter().zip(read) {
            if let Some(Ok(found)) = bytes.map(|bytes| Index::decode(bytes.as_slice())) {
                dropped.insert(*digest);
                all.push(found);
            }
        }
        all.push(index);
        Ok((merged(all, self.seconds()), dropped))
    }

    /// Makes an index known, and those unknown that it takes the place of.
    async fn announce(
        self: &Arc<Self>,
        plain: &Plain,
        digest: Digest,
        dropped: &BTreeSet<Digest>,
    ) -> Result<(), Fault> {
        if !plain.objects.announces() {
            for index in dropped.iter().copied() {
                let name = Name::Index(index);
                self.with_objects(&plain.objects, move |objects, shown| objects.remove(&name, shown)).await?;
            }
            return Ok(());
        }
        // Others write the same list: whoever's index is not in it afterwards writes it again.
        for tries in 1..=TRIES {
            let mut all = self.list(plain).await?;
            if tries > 1 && all.contains(&digest) {
                return Ok(());
            }
            all.retain(|index| !dropped.contains(index) && *index != digest);
            all.push(digest);
            self.with_objects(&plain.objects, move |objects, shown| objects.announce(&all, shown)).await?;
            tokio::time::sleep(Duration::from_millis(random() % 50)).await;
        }
        match self.list(plain).await?.contains(&digest) {
            true => Ok(()),
            false => Err(Fault::new(Kind::Busy, "too many write to it at once")),
        }
    }
}

/// Whether the message of a tree is in the index.
pub(crate) fn is_small(tree: &[u8]) -> bool {
    tree.len() <= SMALL_TREE
}
