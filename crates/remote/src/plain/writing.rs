//! Writes to a plain cache: small blobs into packs as they come, and at the end one index that names all that was written.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
        let put = move |objects: &Objects, shown: &_| objects.put(&name, &content, shown);
        self.with_objects(&plain.objects, put)
            .await
            .inspect_err(|fault| self.not_taken(fault, digest.size))?;
        add(&self.counters.bytes_up, digest.size);
        Ok(())
    }

    /// Says that an object is not taken as it is, and the next one like it will not be either.
    fn not_taken(&self, fault: &Fault, size: u64) {
        if fault.kind == Kind::Refused {
            let address = &self.settings.address;
            let message = format!(
                "the remote cache `{address}` does not take a file of {size} bytes: {}",
                fault.message
            );
            let help = "what needs it is not uploaded; a cache has to take files of 17 MiB, and larger ones for wheels";
            self.notices.add("remote::not_taken", message, Some(help));
        }
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
        let index = {
            let (known, mut pending, now) = (plain.known()?, plain.pending(), self.seconds());
            let Pending { here, packs, records, .. } = &mut *pending;
            records.retain(|(_, needs)| needs.iter().all(|blob| here.contains(blob) || known.has(blob, now)));
            // All of it stays until it is named, for the next time.
            Index {
                records: records.iter().map(|(record, _)| record.clone()).collect(),
                packs: packs.clone(),
            }
        };
        let count = index.records.len() as u64;
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
            let (mut known, mut pending) = (plain.known()?, plain.pending());
            pending.records.clear();
            pending.packs.clear();
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
            let begin = Instant::now();
            let mut all = self.list(plain).await?;
            if tries > 1 && all.contains(&digest) {
                return Ok(());
            }
            all.retain(|index| !dropped.contains(index) && *index != digest);
            all.push(digest);
            self.with_objects(&plain.objects, move |objects, shown| objects.announce(&all, shown)).await?;
            // Whoever read it before that has written it by then, unless that takes much longer than here.
            tokio::time::sleep(begin.elapsed() * 2 + Duration::from_millis(random() % 50)).await;
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::SystemTime;

    use store::DigestFunction;

    use super::*;
    use crate::address::Address;
    use crate::client::Client;
    use crate::settings::Settings;

    fn client(folder: &Path) -> Client {
        let settings = Settings {
            address: Address::Folder(folder.to_owned()),
            instance: String::new(),
            headers: Vec::new(),
            roots: None,
            identity: None,
            bucket: None,
            budget: None,
            proxy: None,
            now: SystemTime::now,
            credentials: None,
            read: true,
            write: true,
            write_processes: true,
            patience: Duration::from_secs(2),
            upload_patience: Duration::from_secs(2),
            version: "1",
            invocation: String::new(),
        };
        Client::new(settings, DigestFunction::Blake3).unwrap()
    }

    #[test]
    fn what_could_not_be_named_is_named_the_next_time() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("store"), DigestFunction::Blake3).unwrap();
        let folder = place.path().join("shared");
        // A file is where the folder of the indexes has to be.
        let index = folder.join("v1/blake3/index");
        let (first, second) = (store.digest(b"first"), store.digest(b"second"));
        let writer = client(&folder);
        let (connection, runtime) = (&writer.connection, writer.runtime().unwrap());
        let plain = connection.plain().unwrap();
        let outcome = |action: &Digest, needs: &[Digest]| {
            connection.record(plain, action, &api::ActionResult::default(), (Vec::new(), needs.to_vec()));
        };
        runtime.block_on(async {
            connection.load(plain, &store).await.unwrap();
            connection.pack(plain, vec![(first, b"first".to_vec())]).await.unwrap();
            outcome(&first, &[first]);
            fs::create_dir_all(index.parent().unwrap()).unwrap();
            fs::write(&index, "").unwrap();
            assert!(connection.publish(plain, &store).await.is_err());
            fs::remove_file(&index).unwrap();
            // It relies on what was packed before.
            outcome(&second, &[first]);
            assert_eq!(connection.publish(plain, &store).await.unwrap(), 2);
        });
        let reader = client(&folder);
        let (connection, runtime) = (&reader.connection, reader.runtime().unwrap());
        let plain = connection.plain().unwrap();
        runtime.block_on(async {
            for action in [first, second] {
                assert!(connection.look_in_indexes(plain, &store, &action).await.unwrap().is_some());
            }
        });
        assert!(plain.known().unwrap().place(&first).is_some());
    }
}
