//! What is known of a plain cache: outcomes by their actions, and where blobs are. Reads and writes nothing.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use prost::Message as _;
use store::Digest;

use super::index::{Index, Pack, Record};
use crate::api;
use crate::blobs;

const DAY: u64 = 86_400;

/// So long an outcome is found.
const OUTCOMES: Duration = Duration::from_secs(30 * DAY);

/// What was made later than this after now is not believed: it would count more than all that others make until then.
const AHEAD: Duration = Duration::from_secs(DAY);

/// More than any pack of several blobs has.
const LARGEST_PACK: u64 = 64 << 20;

/// So long new outcomes may rely on a blob that is there.
const FRESH: Duration = Duration::from_secs(15 * DAY);

/// After so long nothing needs an object any more: the blobs of the last outcome that relied on it.
pub(crate) const LONGEST: Duration = Duration::from_secs(46 * DAY);

/// Where a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The object that holds it.
    pub(crate) object: Digest,
    /// Where it begins there.
    pub(crate) offset: u64,
    /// When it was written, in seconds since the epoch.
    time: u64,
}

/// What the indexes say, the newest of what they say twice.
#[derive(Debug, Default)]
pub(crate) struct Known {
    outcomes: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    places: HashMap<Digest, Place>,
    trees: HashMap<Digest, Vec<u8>>,
    /// The blobs of each object, by where they begin.
    objects: HashMap<Digest, Vec<(Digest, u64)>>,
    /// All indexes that are there.
    pub(crate) indexes: Vec<Digest>,
    /// Those of them that are of no use any more.
    pub(crate) useless: Vec<Digest>,
}

/// The hash of each object with where its blobs are.
fn blobs_of(pack: &Pack) -> Option<(Digest, Vec<(Digest, u64)>)> {
    let (mut offset, mut found) = (0_u64, Vec::with_capacity(pack.blobs.len()));
    for blob in &pack.blobs {
        let blob = blob.digest()?;
        found.push((blob, offset));
        offset = offset.checked_add(blob.size)?;
    }
    let object = pack.object.as_ref()?.digest()?;
    // Several blobs may be read all at once, into memory.
    let fits = offset == object.size && (found.len() == 1 || object.size <= LARGEST_PACK);
    fits.then_some((object, found))
}

/// The blob that the tree of an outcome is in.
fn tree_of(record: &Record) -> Option<Digest> {
    let result = api::ActionResult::decode(record.result.as_slice()).ok()?;
    blobs::read(result.output_directories.first()?.tree_digest.as_ref()).ok()
}

impl Known {
    /// That there are these indexes, and nothing of what they say.
    pub(crate) fn of(indexes: Vec<Digest>) -> Known {
        Known { indexes, ..Known::default() }
    }

    /// Takes in what an index says that is not too old `now`. False where all of it is, and whoever's clock is right needs
    /// it no more.
    pub(crate) fn add(&mut self, index: &Index, now: u64) -> bool {
        let mut useful = false;
        for record in index.records.iter().filter(|record| !is_over(record.time, OUTCOMES, now)) {
            useful = true;
            if is_ahead(record.time, now) {
                continue;
            }
            let kept = self.outcomes.entry(record.action.clone()).or_default();
            if kept.0 > record.time {
                continue;
            }
            *kept = (record.time, record.result.clone());
            if let Some(tree) = tree_of(record).filter(|_| !record.tree.is_empty()) {
                self.trees.insert(tree, record.tree.clone());
            }
        }
        for pack in index.packs.iter().filter(|pack| !is_over(pack.time, LONGEST, now)) {
            let Some((object, blobs)) = blobs_of(pack) else { continue };
            useful = true;
            if is_ahead(pack.time, now) {
                continue;
            }
            for (blob, offset) in &blobs {
                let place = Place { object, offset: *offset, time: pack.time };
                let kept = self.places.entry(*blob).or_insert(place);
                if kept.time <= place.time {
                    *kept = place;
                }
            }
            self.objects.insert(object, blobs);
        }
        useful
    }

    /// The outcome of an action.
    pub(crate) fn outcome(&self, action: &Digest) -> Option<api::ActionResult> {
        let (_, result) = self.outcomes.get(action.hash.as_slice())?;
        api::ActionResult::decode(result.as_slice()).ok()
    }

    /// A blob with the directories of a tree, where an index has it.
    pub(crate) fn tree(&self, blob: &Digest) -> Option<&Vec<u8>> {
        self.trees.get(blob)
    }

    /// Where a blob is.
    pub(crate) fn place(&self, blob: &Digest) -> Option<Place> {
        self.places.get(blob).copied()
    }

    /// The blobs that lie between two places of an object, with where each begins.
    pub(crate) fn between(&self, object: &Digest, (start, end): (u64, u64)) -> &[(Digest, u64)] {
        let all = self.objects.get(object).map(Vec::as_slice).unwrap_or_default();
        let first = all.partition_point(|(_, offset)| *offset < start);
        let last = all.partition_point(|(blob, offset)| offset.saturating_add(blob.size) <= end);
        all.get(first..last).unwrap_or_default()
    }

    /// Whether what is uploaded `now` may rely on a blob.
    pub(crate) fn has(&self, blob: &Digest, now: u64) -> bool {
        self.places.get(blob).is_some_and(|place| !is_over(place.time, FRESH, now))
    }

    /// A blob is not where it was said to be.
    pub(crate) fn forget(&mut self, blob: &Digest) {
        self.places.remove(blob);
    }

    /// An object is gone, and with it all that it held.
    pub(crate) fn forget_object(&mut self, object: &Digest) {
        for (blob, _) in self.objects.remove(object).unwrap_or_default() {
            if self.place(&blob).is_some_and(|place| place.object == *object) {
                self.places.remove(&blob);
            }
        }
    }
}

fn is_over(time: u64, longest: Duration, now: u64) -> bool {
    time.saturating_add(longest.as_secs()) < now
}

fn is_ahead(time: u64, now: u64) -> bool {
    time > now.saturating_add(AHEAD.as_secs())
}

/// Several indexes as one, without what is too old `now`, or not believed.
pub(crate) fn merged(indexes: Vec<Index>, now: u64) -> Index {
    let (mut records, mut packs) = (BTreeMap::<Vec<u8>, Record>::new(), BTreeMap::<Digest, Pack>::new());
    for index in indexes {
        let counts = |time, longest| !is_over(time, longest, now) && !is_ahead(time, now);
        for record in index.records.into_iter().filter(|record| counts(record.time, OUTCOMES)) {
            match records.get(&record.action) {
                Some(kept) if kept.time > record.time => {}
                _ => {
                    records.insert(record.action.clone(), record);
                }
            }
        }
        for pack in index.packs.into_iter().filter(|pack| counts(pack.time, LONGEST)) {
            let Some(object) = pack.object.as_ref().and_then(super::index::Named::digest) else { continue };
            // A large blob may have been written more than once.
            match packs.get(&object) {
                Some(kept) if kept.time > pack.time => {}
                _ => {
                    packs.insert(object, pack);
                }
            }
        }
    }
    Index { records: records.into_values().collect(), packs: packs.into_values().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::wire;

    fn blob(byte: u8, size: u64) -> Digest {
        Digest { hash: [byte; 32], size }
    }

    fn pack(object: Digest, blobs: &[Digest], time: u64) -> Pack {
        let blobs = blobs.iter().map(|blob| (*blob).into()).collect();
        Pack { object: Some(object.into()), blobs, time }
    }

    fn record(action: u8, said: &str, time: u64) -> Record {
        let directory =
            api::OutputDirectory { tree_digest: Some(wire(&blob(9, 4))), ..api::OutputDirectory::default() };
        let result = api::ActionResult {
            stdout_raw: said.into(),
            output_directories: vec![directory],
            ..api::ActionResult::default()
        };
        Record { action: vec![action; 32], result: result.encode_to_vec(), tree: b"tree".to_vec(), time }
    }

    #[test]
    fn the_newest_counts_and_what_is_old_does_not() {
        let now = 100 * DAY;
        let old = Index {
            records: vec![record(1, "old", now - 2), record(2, "older", now - 31 * DAY)],
            packs: vec![pack(blob(5, 30), &[blob(6, 10), blob(7, 20)], now - 16 * DAY)],
        };
        let new = Index {
            records: vec![record(1, "new", now - 1)],
            packs: vec![pack(blob(8, 10), &[blob(6, 10)], now)],
        };
        // An index that says more than its object can hold.
        let wrong = Index { packs: vec![pack(blob(4, 1), &[blob(3, 2)], now)], records: Vec::new() };
        for indexes in [[&old, &new], [&new, &old]] {
            let one = merged(indexes.into_iter().cloned().collect(), now);
            for all in [vec![&old, &wrong, &new], vec![&new, &old], vec![&one]] {
                let mut known = Known::default();
                all.iter().for_each(|index| {
                    known.add(index, now);
                });
                let said = |action| known.outcome(&blob(action, 0)).map(|result| result.stdout_raw);
                assert_eq!((said(1), said(2)), (Some(b"new".to_vec()), None));
                assert_eq!(known.tree(&blob(9, 4)), Some(&b"tree".to_vec()));
                assert_eq!(known.place(&blob(6, 10)).unwrap().object, blob(8, 10));
                assert_eq!(known.place(&blob(7, 20)).unwrap().offset, 10);
                assert_eq!(known.between(&blob(5, 30), (0, 29)), [(blob(6, 10), 0)]);
                assert_eq!(known.between(&blob(5, 30), (1, 30)), [(blob(7, 20), 10)]);
                assert_eq!(known.between(&blob(5, 30), (1, 9)), []);
                assert_eq!(known.place(&blob(3, 2)), None);
                // What is there need not be there for much longer.
                assert!(known.has(&blob(6, 10), now) && !known.has(&blob(7, 20), now));
            }
        }
        assert!(!Known::default().add(&old, now + 60 * DAY));

        let mut known = Known::default();
        assert!(known.add(&old, now) && known.add(&new, now));
        known.forget_object(&blob(5, 30));
        assert_eq!((known.place(&blob(7, 20)), known.between(&blob(5, 30), (0, 30))), (None, [].as_slice()));
        assert!(known.has(&blob(6, 10), now), "another object has it as well");
    }

    #[test]
    fn what_was_written_twice_is_as_old_as_the_last_time() {
        let now = 100 * DAY;
        let at = |days| Index {
            packs: vec![pack(blob(1, 5), &[blob(1, 5)], now - days * DAY)],
            records: Vec::new(),
        };
        for both in [[at(40), at(1)], [at(1), at(40)]] {
            let mut known = Known::default();
            known.add(&merged(both.to_vec(), now), now);
            assert!(known.has(&blob(1, 5), now));
        }
    }

    #[test]
    fn what_says_that_it_is_of_a_later_time_does_not_count_more() {
        let now = 100 * DAY;
        let wrong = Index {
            records: vec![record(1, "wrong", u64::MAX)],
            packs: vec![pack(blob(2, 10), &[blob(6, 10)], u64::MAX)],
        };
        let right = Index {
            records: vec![record(1, "right", now)],
            packs: vec![pack(blob(3, 10), &[blob(6, 10)], now)],
        };
        let one = merged(vec![right.clone(), wrong.clone()], now);
        for all in [vec![&wrong, &right], vec![&right, &wrong], vec![&one]] {
            let mut known = Known::default();
            assert!(all.iter().all(|index| known.add(index, now)));
            assert_eq!(known.outcome(&blob(1, 0)).unwrap().stdout_raw, b"right");
            assert_eq!(known.place(&blob(6, 10)).unwrap().object, blob(3, 10));
        }
    }

    #[test]
    fn packs_are_no_larger_than_what_is_read_at_once() {
        let large = 1 << 40;
        let all = [
            pack(blob(1, large), &[blob(1, large)], 1),
            pack(blob(2, large), &[blob(3, 5), blob(4, large - 5)], 1),
            pack(blob(5, large), &[blob(6, 5)], 1),
        ];
        let mut known = Known::default();
        known.add(&Index { packs: all.to_vec(), records: Vec::new() }, 1);
        let found = [blob(1, large), blob(3, 5), blob(6, 5)].map(|blob| known.place(&blob).is_some());
        assert_eq!(found, [true, false, false]);
    }
}
