//! Keeps the cache within a budget: what was used least lately goes first. It does not know what an outcome is of.
//!
//! Outcomes are taken in the order of their last use, each with all that its tree is made of, until the budget is
//! reached; the rest goes. What was used or stored within [`GRACE`] stays, and so does what a process that runs beside
//! has leased: the outcomes that it has read, and all that was stored since it began. Should it miss something even so, it
//! makes it again, as it does with everything that a cache loses.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::composed::Segment;
use crate::error::At;
use crate::layer::{Layer, SMALL};
use crate::outcome::Outcome;
use crate::rows::Rows;
use crate::session::Leases;
use crate::store::Content;
use crate::{Digest, Moment, Store, StoreError, snapshot};

/// So many hours after its last use nothing is removed.
const GRACE: i64 = 2;
/// So many hours after their last use memos are forgotten.
const FORGET: i64 = 30 * 24;
/// Of ten parts of the budget, how many are kept when it is exceeded, so that this does not come with each build.
const KEEP: u64 = 8;

/// How long a process that writes is waited for while all is hashed again.
const VERIFYING: Duration = Duration::from_secs(5);

/// The memo table of what was done for the cache itself, and the key of the hour of the last collection.
const TABLE: &str = "cache";
const LAST: &[u8] = b"collected";

/// What a cache takes on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Large blobs.
    pub files: u64,
    /// The bytes of large blobs.
    pub file_bytes: u64,
    /// The bytes of the database: small blobs, outcomes, memos, and the indexes and snapshots beside it.
    pub database_bytes: u64,
    /// The bytes of all else: downloads that were cut, tools, what processes have not finished.
    pub other_bytes: u64,
}

impl Usage {
    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file_bytes + self.database_bytes + self.other_bytes
    }
}

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Outcomes.
    pub outcomes: u64,
    /// Blobs, large and small.
    pub blobs: u64,
    /// The bytes that became free.
    pub bytes: u64,
}

/// What stays.
#[derive(Default)]
struct Kept {
    hashes: HashSet<[u8; 32]>,
    bytes: u64,
}

/// A large blob.
struct BlobFile {
    hash: [u8; 32],
    path: PathBuf,
    bytes: u64,
    /// When it was stored, in hours.
    stored: i64,
}

impl Store {
    /// What the cache takes, found by looking at each of its files.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        let base = self.base();
        for file in blob_files(base.dir())? {
            usage.files += 1;
            usage.file_bytes += file.bytes;
        }
        let database = base.rows().map(Rows::folder);
        usage.database_bytes = database.as_deref().map_or(0, bytes_below);
        usage.other_bytes = bytes_below(self.dir()).saturating_sub(usage.file_bytes + usage.database_bytes);
        Ok(usage)
    }

    /// Writes down when what was read is in use, where that was last written down long ago.
    pub fn note_uses(&self) -> Result<(), StoreError> {
        match self.base().rows() {
            Some(rows) => crate::error::tolerate_refusal(rows.note_uses()),
            None => Ok(()),
        }
    }

    /// Whether nobody has asked this within the hour; whoever is told so collects.
    pub fn is_due(&self, now: Moment) -> Result<bool, StoreError> {
        let now = now.hours().to_le_bytes();
        let due = self.memo(TABLE, LAST)?.is_none_or(|last| last != now);
        // Who cannot write it down could not collect either, and would not be the only one to try.
        Ok(due && self.offered(TABLE, &[(LAST, &now)]))
    }

    /// Hashes every blob again, and removes those that are not what their names say. Gives how many there are, and how
    /// many of them were removed.
    pub fn verify(&self) -> Result<(u64, u64), StoreError> {
        let base = self.base();
        let (mut count, mut corrupt) = (0, 0);
        for file in blob_files(base.dir())? {
            count += 1;
            corrupt += u64::from(!base.verify(&Digest { hash: file.hash, size: file.bytes })?);
        }
        if let Some(rows) = base.rows() {
            let hashes = rows.blobs_by_hash()?;
            count += hashes.len() as u64;
            for part in hashes.chunks(1000) {
                let part: Vec<Vec<u8>> = part.iter().map(|(hash, _)| hash.clone()).collect();
                let wrong = rows.wrong_blobs(&part, |bytes| self.digest(bytes).hash)?;
                corrupt += wrong.len() as u64;
                rows.remove_blobs(&wrong, VERIFYING)?;
            }
        }
        Ok((count, corrupt))
    }

    /// Removes what was used least lately, if blobs and database take more than `budget` bytes. Another process that
    /// writes is waited for as long as `patience`.
    ///
    /// Fails where the cache cannot be written to, and with [`StoreError::Held`] where it was waited for in vain.
    pub fn collect(&self, budget: u64, now: Moment, patience: Duration) -> Result<Collected, StoreError> {
        let now = now.hours();
        let before = self.usage()?;
        let (base, rows) = (self.base(), self.base().rows_mut()?);
        // That takes some space for a moment; where there is none, what follows makes some.
        unless_full(rows.remove_memos_before(now - FORGET, patience))?;
        snapshot::remove_before(rows, now - FORGET);
        if before.file_bytes + before.database_bytes <= budget {
            return Ok(Collected::default());
        }
        let leases = base.leases()?;
        // What was used or stored in this hour or later stays.
        let since = leases.since.min(now - GRACE + 1);
        let mut collected = self.cut(budget / 10 * KEEP, since, &leases, patience)?;
        collected.bytes = before.bytes().saturating_sub(self.usage()?.bytes());
        Ok(collected)
    }

    /// Removes all but the outcomes that were used last and take `goal` bytes, those that were used since an hour or are
    /// leased, and what was stored since that hour. The bytes that became free are for the caller to find out.
    pub(crate) fn cut(
        &self,
        goal: u64,
        since: i64,
        leases: &Leases,
        patience: Duration,
    ) -> Result<Collected, StoreError> {
        let (base, rows) = (self.base(), self.base().rows_mut()?);
        let mut collected = Collected::default();
        let mut kept = Kept::default();
        let (mut gone, mut cut) = (Vec::new(), Vec::new());
        let mut full = goal == 0;
        for (key, used) in rows.outcomes_by_use()? {
            let outcome = rows.outcome_of(&key)?.and_then(|bytes| Outcome::decode(&bytes));
            let new = outcome.map_or(Ok(None), |outcome| self.parts_beyond(&kept, &outcome))?;
            let Some(new) = new else {
                gone.push(key);
                continue;
            };
            let bytes: u64 = new.values().sum();
            full |= kept.bytes + bytes > goal;
            if full && used < since && !leases.keys.contains(key.as_slice()) {
                cut.push((key.clone(), new));
                gone.push(key);
            } else {
                kept.bytes += bytes;
                kept.hashes.extend(new.into_keys());
            }
        }
        collected.outcomes = gone.len() as u64;
        // First what leads to a blob, then the blob: whoever is stopped in between leaves no trace that leads nowhere.
        match rows.remove_outcomes(&gone, patience) {
            // A row takes space also to go, and a blob that is missed is made again.
            Err(StoreError::Full { .. }) => {
                collected.blobs += remove_files(base, rows, &kept, since, patience)?;
                rows.remove_outcomes(&gone, patience)?;
            }
            removed => removed?,
        }
        // Whoever has read one of them before it went relies on what it is of.
        let late = base.leases()?;
        for (_, parts) in cut.into_iter().filter(|(key, _)| late.keys.contains(key.as_slice())) {
            kept.hashes.extend(parts.into_keys());
        }
        let since = since.min(late.since);
        rows.remove_composed(&unkept(&kept, since, rows.composed_by_hash()?), patience)?;
        collected.blobs += remove_files(base, rows, &kept, since, patience)?;
        let small = unkept(&kept, since, rows.blobs_by_hash()?);
        collected.blobs += small.len() as u64;
        rows.remove_blobs_before(since, &small, patience)?;
        rows.shrink(patience)?;
        Ok(collected)
    }

    /// All that an outcome is made of and that is not kept yet, with its sizes; none where that is not here any more.
    fn parts_beyond(
        &self,
        kept: &Kept,
        outcome: &Outcome,
    ) -> Result<Option<BTreeMap<[u8; 32], u64>>, StoreError> {
        let Some(mut blobs) = self.blobs_of(&outcome.tree)? else { return Ok(None) };
        blobs.extend([outcome.stdout, outcome.stderr]);
        self.taken_by(blobs, |hash| !kept.hashes.contains(hash)).map(Some)
    }

    /// What some blobs take on the disk, by the hashes of what is there as one piece, for those that are `wanted`.
    pub(crate) fn taken_by(
        &self,
        blobs: Vec<Digest>,
        wanted: impl Fn(&[u8; 32]) -> bool,
    ) -> Result<BTreeMap<[u8; 32], u64>, StoreError> {
        let mut new = BTreeMap::new();
        for blob in blobs.into_iter().filter(|blob| wanted(&blob.hash)) {
            new.insert(blob.hash, blob.size);
            if blob.size > SMALL
                && let Some(Content::Composed(segments)) = self.content(&blob)?
            {
                // It is its parts that take the space.
                new.insert(blob.hash, 0);
                let parts = segments.iter().filter_map(Segment::blob);
                new.extend(parts.map(|part| (part.hash, part.size)));
            }
        }
        new.retain(|hash, _| wanted(hash));
        Ok(new)
    }
}

/// What can be done once there is space is left undone where there is none; gives whether it was done.
pub(crate) fn unless_full(result: Result<(), StoreError>) -> Result<bool, StoreError> {
    match result {
        Err(StoreError::Full { .. }) => Ok(false),
        result => result.map(|()| true),
    }
}

/// Removes the files of large blobs that nothing needs and that nobody has just stored; gives how many.
fn remove_files(
    base: &Layer,
    rows: &Rows,
    kept: &Kept,
    since: i64,
    patience: Duration,
) -> Result<u64, StoreError> {
    let mut removed = Vec::new();
    for file in blob_files(base.dir())? {
        if kept.hashes.contains(&file.hash) || file.stored >= since {
            continue;
        }
        match fs::remove_file(&file.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).at("remove", &file.path);
            }
            _ => removed.push(file.hash.to_vec()),
        }
    }
    rows.remove_sound(&removed, patience)?;
    Ok(removed.len() as u64)
}

/// The hashes that nothing needs and that nobody has just stored.
fn unkept(kept: &Kept, since: i64, found: Vec<(Vec<u8>, i64)>) -> Vec<Vec<u8>> {
    let goes = |(hash, stored): &(Vec<u8>, i64)| {
        let needed = <[u8; 32]>::try_from(hash.as_slice()).is_ok_and(|hash| kept.hashes.contains(&hash));
        !needed && *stored < since
    };
    found.into_iter().filter(goes).map(|(hash, _)| hash).collect()
}

/// The files of the large blobs of a layer.
fn blob_files(dir: &Path) -> Result<Vec<BlobFile>, StoreError> {
    let folder = dir.join("blobs");
    let mut files = Vec::new();
    let shards = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        shards => shards.at("read", &folder)?,
    };
    for shard in shards.flatten() {
        for entry in fs::read_dir(shard.path()).into_iter().flatten().flatten() {
            let name = [shard.file_name(), entry.file_name()].map(|name| name.to_string_lossy().into_owned());
            // What is none of ours, or has just gone, is nobody's to count.
            let (Ok(digest), Ok(found)) = (Digest::from_hex(&name.concat(), 0), entry.metadata()) else {
                continue;
            };
            let stored = found.ctime() / 3600;
            files.push(BlobFile { hash: digest.hash, path: entry.path(), bytes: found.len(), stored });
        }
    }
    Ok(files)
}

/// The bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
