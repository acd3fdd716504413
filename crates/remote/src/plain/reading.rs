//! Reads a plain cache: its indexes once, then parts of packs, neighbours together.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use store::{BlobWriter, Digest, Store, StoreError};
use tokio::task::JoinSet;

use super::Plain;
use super::index::Index;
use super::known::Known;
use super::objects::{Name, Objects};
use crate::api;
use crate::blobs::Each;
use crate::connection::Connection;
use crate::fault::{Fault, Kind};
use crate::statistics::add;
use crate::streams::Failed;

/// In so many parts comes a list of indexes at most, a thousand names in each.
const LISTS: usize = 100;

/// How many requests are on their way at once.
const AT_ONCE: usize = 8;

/// Blobs of a pack that are no farther from each other come together.
const GAP: u64 = 256 << 10;

/// So much of a pack comes at least: what was made together is needed together.
const AHEAD: u64 = 128 << 10;

/// A pack that is no larger comes whole.
const SMALL_PACK: u64 = 256 << 10;

/// A large object is read in parts of so many bytes.
const STEP: u64 = 64 << 20;

/// Blobs that come with one request, and where each begins in their object.
struct Span {
    object: Digest,
    start: u64,
    end: u64,
    blobs: Vec<(Digest, u64)>,
    /// What comes besides.
    beside: Vec<(Digest, u64)>,
}

impl Connection {
    /// Reads the indexes, unless they were read before. What is wrong with them is said once.
    pub(crate) async fn load(self: &Arc<Self>, plain: &Plain, store: &Store) -> Result<(), Fault> {
        let load = || async {
            let mut known = self.load_all(plain, store).await;
            // Somebody may have put some together meanwhile.
            if matches!(&known, Ok(known) if !known.useless.is_empty()) {
                known = self.load_all(plain, store).await;
            }
            known.map(Mutex::new).inspect_err(|fault| {
                if matches!(fault.kind, Kind::Refused | Kind::Missing | Kind::Denied) {
                    self.breaker.turn_off();
                    let address = &self.settings.address;
                    let message = format!("the remote cache `{address}` cannot be used: {}", fault.message);
                    let help = "`pants doctor --remote` says what to change";
                    self.notices.add("remote::refused", message, Some(help));
                }
            })
        };
        plain.known.get_or_try_init(load).await.map(drop)
    }

    /// The indexes that there are now.
    pub(super) async fn list(self: &Arc<Self>, plain: &Plain) -> Result<Vec<Digest>, Fault> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        for _ in 0..LISTS {
            let (some, next) = self
                .with_objects(&plain.objects, move |objects, shown| objects.list(after.as_deref(), shown))
                .await?;
            all.extend(some);
            if next.is_none() {
                return Ok(all);
            }
            after = next;
        }
        Err(Fault::new(Kind::Refused, "the list of its indexes does not end"))
    }

    async fn load_all(self: &Arc<Self>, plain: &Plain, store: &Store) -> Result<Known, Fault> {
        let mut known = Known::of(self.list(plain).await?);
        let (mut running, mut waiting) = (JoinSet::new(), known.indexes.clone().into_iter());
        let now = self.seconds();
        loop {
            while running.len() < AT_ONCE
                && let Some(digest) = waiting.next()
            {
                let (connection, objects, store) =
                    (Arc::clone(self), Arc::clone(&plain.objects), store.clone());
                running.spawn(async move { (digest, connection.index(objects, digest, &store).await) });
            }
            let Some(ended) = running.join_next().await else { return Ok(known) };
            let Ok((digest, read)) = ended else { continue };
            match read {
                Ok(index) if known.add(&index, now) => {}
                Ok(_) => known.useless.push(digest),
                Err(fault) if matches!(fault.kind, Kind::Missing | Kind::Corrupt) => {
                    known.useless.push(digest);
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// An index, of the store if it was read before.
    async fn index(
        self: Arc<Self>,
        objects: Arc<Objects>,
        digest: Digest,
        store: &Store,
    ) -> Result<Index, Fault> {
        let decode = |bytes: &[u8]| Index::decode(bytes).map_err(|_| Fault::corrupt());
        if store.has(&digest).unwrap_or_default()
            && let Ok(bytes) = store.read(&digest)
        {
            return decode(&bytes);
        }
        let get =
            move |objects: &Objects, shown: &_| objects.get(&Name::Index(digest), (0, digest.size), shown);
        let bytes = self.with_objects(&objects, get).await?.bytes;
        add(&self.counters.bytes_down, bytes.len() as u64);
        if store.digest(&bytes) != digest {
            crate::download::corrupt(&self, &digest);
            return Err(Fault::corrupt());
        }
        // Where it cannot be kept it is read again the next time.
        let _ = store.put(&bytes);
        decode(&bytes)
    }

    /// The outcome of what stands for an action.
    pub(crate) async fn look_in_indexes(
        self: &Arc<Self>,
        plain: &Plain,
        store: &Store,
        action: &Digest,
    ) -> Result<Option<api::ActionResult>, Fault> {
        self.load(plain, store).await?;
        Ok(plain.known()?.outcome(action))
    }

    /// Blobs in the order in which they are in objects, so that neighbours are read together.
    pub(crate) async fn in_order(
        self: &Arc<Self>,
        plain: &Plain,
        store: &Store,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, Fault> {
        self.load(plain, store).await?;
        let known = plain.known()?;
        let mut ordered = digests.to_vec();
        ordered.sort_by_key(|digest| known.place(digest).map(|place| (place.object, place.offset)));
        Ok(ordered)
    }

    /// Reads blobs, and what comes with them. Nothing of it is hashed.
    pub(crate) async fn read_packed(
        self: &Arc<Self>,
        plain: &Plain,
        digests: &[Digest],
    ) -> Result<Each<Vec<u8>>, Fault> {
        let mut found: Each<Vec<u8>> = Vec::with_capacity(digests.len());
        let mut waiting = spans_of(plain, digests, &mut found)?.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(span) = waiting.next()
            {
                let (connection, objects) = (Arc::clone(self), Arc::clone(&plain.objects));
                running.spawn(async move {
                    let (name, part) = (Name::Content(span.object), (span.start, span.end));
                    let read = connection
                        .with_objects(&objects, move |objects, shown| objects.get(&name, part, shown));
                    (read.await, span)
                });
            }
            let Some(ended) = running.join_next().await else { return Ok(found) };
            let Ok((read, span)) = ended else { continue };
            match read {
                Ok(part) => {
                    add(&self.counters.bytes_down, part.bytes.len() as u64);
                    if part.start < span.start {
                        plain.is_whole.store(true, Ordering::Relaxed);
                    }
                    found.extend(
                        span.blobs
                            .iter()
                            .map(|(blob, offset)| (*blob, cut(&part.bytes, offset - part.start, blob))),
                    );
                    found.extend(span.beside.iter().filter_map(|(blob, offset)| {
                        Some((*blob, Ok(cut(&part.bytes, offset - part.start, blob).ok()?)))
                    }));
                }
                Err(fault) if fault.kind == Kind::Missing => {
                    plain.known()?.forget_object(&span.object);
                    found.extend(span.blobs.iter().map(|(blob, _)| (*blob, Err(fault.clone()))));
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Reads a large blob into the store.
    pub(crate) async fn read_object(
        self: &Arc<Self>,
        plain: &Plain,
        digest: &Digest,
        store: &Store,
    ) -> Result<(), Failed> {
        self.load(plain, store).await?;
        let place = plain.known()?.place(digest);
        let place = place.ok_or_else(|| Fault::new(Kind::Missing, "no index names it"))?;
        let given_up = Arc::new(AtomicBool::new(false));
        let taking =
            Taking { writer: store.writer()?, done: 0, failed: None, given_up: Arc::clone(&given_up) };
        let taking = Arc::new(Mutex::new(taking));
        while lock(&taking).done < digest.size {
            let (connection, taking, size) = (Arc::clone(self), Arc::clone(&taking), digest.size);
            let before = lock(&taking).done;
            let came = Arc::clone(&taking);
            let read = self.with_objects(&plain.objects, move |objects, shown| {
                let mut taking = lock(&taking);
                let from = place.offset + taking.done;
                let end = (from + STEP).min(place.offset + size);
                let (start, mut content) = objects.open(&Name::Content(place.object), (from, end), shown)?;
                let cut = |error: io::Error| Fault::new(Kind::Unreachable, error.to_string());
                io::copy(&mut (&mut content).take(from - start), &mut io::sink()).map_err(cut)?;
                taking.take(&mut content, size, &connection)
            });
            if let Err(fault) = read.await {
                given_up.store(true, Ordering::Relaxed);
                // Whoever still waits for the server holds it, and is not waited for.
                let failed = came.try_lock().ok().and_then(|mut taking| taking.failed.take());
                return Err(failed.map_or_else(|| Failed::Remote(fault), Failed::Store));
            }
            if lock(&came).done == before {
                return Err(Fault::corrupt().into());
            }
        }
        let taking = Arc::into_inner(taking).ok_or_else(Fault::off)?;
        let taking = taking.into_inner().unwrap_or_else(PoisonError::into_inner);
        if taking.writer.finish()? == *digest { Ok(()) } else { Err(Fault::corrupt().into()) }
    }
}

/// A blob that is being taken in.
struct Taking {
    writer: BlobWriter,
    done: u64,
    failed: Option<StoreError>,
    /// Nobody wants it any more.
    given_up: Arc<AtomicBool>,
}

fn lock(taking: &Mutex<Taking>) -> std::sync::MutexGuard<'_, Taking> {
    taking.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Taking {
    /// Takes in what comes, and no more than `size` bytes in all.
    fn take(&mut self, content: &mut dyn io::Read, size: u64, connection: &Connection) -> Result<(), Fault> {
        let mut buffer = vec![0; 1 << 18];
        while self.done < size && !self.given_up.load(Ordering::Relaxed) {
            let most = buffer.len().min(usize::try_from(size - self.done).unwrap_or(usize::MAX));
            let len = content.read(&mut buffer[..most]);
            let len = len.map_err(|error| Fault::new(Kind::Unreachable, error.to_string()))?;
            if len == 0 {
                return Ok(());
            }
            add(&connection.counters.bytes_down, len as u64);
            self.writer.write_all(&buffer[..len]).map_err(|error| {
                let message = error.to_string();
                self.failed = StoreError::from_io(error).ok();
                Fault::new(Kind::Refused, message)
            })?;
            self.done += len as u64;
        }
        Ok(())
    }
}

/// A blob of a part; one that the part ends within is none.
fn cut(part: &[u8], offset: u64, blob: &Digest) -> Result<Vec<u8>, Fault> {
    let start = usize::try_from(offset).map_err(|_| Fault::corrupt())?;
    let end = usize::try_from(blob.size).ok().and_then(|size| start.checked_add(size));
    end.and_then(|end| part.get(start..end)).map(<[u8]>::to_vec).ok_or_else(Fault::corrupt)
}

/// What is asked for, to have some blobs. Those that are nowhere are told as missing.
fn spans_of(plain: &Plain, digests: &[Digest], missing: &mut Each<Vec<u8>>) -> Result<Vec<Span>, Fault> {
    let known = plain.known()?;
    let mut of_objects = BTreeMap::<Digest, Vec<(Digest, u64)>>::new();
    for digest in digests {
        match known.place(digest) {
            Some(place) => of_objects.entry(place.object).or_default().push((*digest, place.offset)),
            None => missing.push((*digest, Err(Fault::new(Kind::Missing, "no index names it")))),
        }
    }
    let is_whole = plain.is_whole.load(Ordering::Relaxed);
    let mut all: Vec<Span> =
        of_objects.into_iter().flat_map(|(object, blobs)| spans(object, blobs, is_whole)).collect();
    for span in &mut all {
        let wanted: BTreeSet<Digest> = span.blobs.iter().map(|(blob, _)| *blob).collect();
        let between = known.between(&span.object, (span.start, span.end));
        span.beside = between.iter().filter(|(blob, _)| !wanted.contains(blob)).copied().collect();
    }
    Ok(all)
}

/// What is asked for of one object, to have some of its blobs.
fn spans(object: Digest, mut blobs: Vec<(Digest, u64)>, is_whole: bool) -> Vec<Span> {
    blobs.sort_unstable_by_key(|(_, offset)| *offset);
    let wanted: u64 = blobs.iter().map(|(blob, _)| blob.size).sum();
    if is_whole || object.size <= SMALL_PACK || wanted.saturating_mul(2) >= object.size {
        return vec![Span { object, start: 0, end: object.size, blobs, beside: Vec::new() }];
    }
    let mut spans: Vec<Span> = Vec::new();
    for (blob, offset) in blobs {
        let end = offset.saturating_add(blob.size.max(AHEAD)).min(object.size);
        match spans.last_mut().filter(|last| offset <= last.end.saturating_add(GAP)) {
            Some(last) => {
                last.end = last.end.max(end);
                last.blobs.push((blob, offset));
            }
            None => {
                let (blobs, beside) = (vec![(blob, offset)], Vec::new());
                spans.push(Span { object, start: offset, end, blobs, beside });
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_come_together() {
        let blob = |size| Digest { hash: [0; 32], size };
        let check = |size, blobs: &[(u64, u64)], expected: &[(u64, u64)]| {
            let blobs = blobs.iter().map(|(offset, size)| (blob(*size), *offset)).collect();
            let found: Vec<_> =
                spans(blob(size), blobs, false).iter().map(|span| (span.start, span.end)).collect();
            assert_eq!(found, expected);
        };
        let large = 16 << 20;
        check(
            large,
            &[(5_000_000, 10), (0, 100), (200, 100)],
            &[(0, AHEAD + 200), (5_000_000, 5_000_000 + AHEAD)],
        );
        check(large, &[(large - 100, 100)], &[(large - 100, large)]);
        check(1000, &[(10, 10)], &[(0, 1000)]);
        check(large, &[(0, large / 2)], &[(0, large)]);
    }
}
