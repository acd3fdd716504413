//! The tables and all SQL: what is kept as rows, each sealed; it does not know how the database is opened.
//!
//! SQLite has no checksum of its pages, so that a flipped bit can come back as a valid row. Content that is no blob
//! (a blob's digest is its seal) therefore carries a hash of its table, key and value, and one that does not fit is
//! no row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::Database;
use crate::error::tolerate_refusal;
use crate::state::Moment;
use crate::warning::{Cause, Warnings};
use crate::{Digest, StoreError};

/// What tells a database of ours from any other.
const APPLICATION: i32 = 0x5041_4e54;
/// Raised with each change to the tables, together with [`FOLDER`].
const SCHEMA: i32 = 2;
/// Where databases of this schema are: those of others are beside, and stay as they are.
pub(crate) const FOLDER: &str = "db2";
const SEAL: usize = 16;

/// So many hours old a time of use may become before it is written anew: what is used every hour costs a write a day.
const REFRESH: i64 = 24;

const OUTCOME: &str = "outcome";
const COMPOSED: &str = "composed";

/// Makes the tables in a new database.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA page_size=4096;
         PRAGMA auto_vacuum=INCREMENTAL;
         PRAGMA journal_mode=WAL;
         BEGIN;
         CREATE TABLE blob (hash BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL, used INTEGER NOT NULL);
         CREATE TABLE sound (hash BLOB PRIMARY KEY NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
             mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, boot BLOB NOT NULL, durable INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE entry (space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, used INTEGER NOT NULL,
             PRIMARY KEY (space, key));
         PRAGMA application_id={APPLICATION};
         PRAGMA user_version={SCHEMA};
         COMMIT;"
    ))
}

/// Whether the database is one of ours, of this schema.
pub(crate) fn is_expected(connection: &Connection) -> rusqlite::Result<bool> {
    // In one transaction, since each takes and releases half a dozen locks.
    let transaction = connection.unchecked_transaction()?;
    let number = |query: &str| transaction.query_row(query, [], |row| row.get::<_, i32>(0));
    let tables =
        "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN ('blob', 'sound', 'entry')";
    let found = [number("PRAGMA application_id")?, number("PRAGMA user_version")?, number(tables)?];
    transaction.commit()?;
    Ok(found == [APPLICATION, SCHEMA, 3])
}

/// The state of a file that was found to have the content that its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
}

/// A [`Stamp`] with what it can be relied on for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) stamp: Stamp,
    /// Which start of which machine it was found by.
    pub(crate) boot: Vec<u8>,
    /// Whether the content was seen on the disk, and not only in the memory of the machine that wrote it.
    pub(crate) durable: bool,
}

/// The rows of one database.
#[derive(Debug)]
pub(crate) struct Rows {
    database: Database,
    warnings: std::sync::Arc<Warnings>,
    /// The entries that were read and whose time of use is old.
    used: Mutex<BTreeSet<(String, Vec<u8>)>>,
}

impl Rows {
    pub(crate) fn new(database: Database, warnings: std::sync::Arc<Warnings>) -> Rows {
        Rows { database, warnings, used: Mutex::default() }
    }

    /// Where the database is, and all that is only worth anything with it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.database.folder()
    }

    /// Where the indexes are whose entries say that a blob is among these rows.
    pub(crate) fn index_dir(&self) -> PathBuf {
        self.folder().join("index")
    }

    /// The bytes kept as those of `digest`, which may not be.
    pub(crate) fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.read(|connection| select_blob(connection, digest))
    }

    /// The bytes kept for each of `digests`, read at one instant.
    pub(crate) fn blobs(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.database.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let blobs = digests.iter().map(|digest| select_blob(&transaction, digest)).collect();
            transaction.commit()?;
            blobs
        })
    }

    /// Those of `blobs` that are not kept as they are, or that nobody has stored within this hour.
    pub(crate) fn to_put<'b>(
        &self,
        blobs: &[(Digest, &'b [u8])],
    ) -> Result<Vec<(Digest, &'b [u8])>, StoreError> {
        let now = hour();
        self.database.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut select = transaction.prepare_cached("SELECT data, used FROM blob WHERE hash=?1")?;
            let mut differing = Vec::new();
            for (digest, data) in blobs {
                let is_kept =
                    |row: &Row<'_>| Ok(row.get_ref(0)?.as_blob()? == *data && row.get::<_, i64>(1)? >= now);
                if !select.query_row([digest.hash], is_kept).optional()?.unwrap_or_default() {
                    differing.push((*digest, *data));
                }
            }
            drop(select);
            transaction.commit()?;
            Ok(differing)
        })
    }

    pub(crate) fn put_blobs(&self, blobs: &[(Digest, &[u8])]) -> Result<(), StoreError> {
        self.database.write(|connection| {
            // A row with the wrong bytes is put right, and one with the right bytes costs no write within the hour.
            let mut insert = connection.prepare_cached(
                "INSERT INTO blob (hash, data, used) VALUES (?1, ?2, ?3)
                 ON CONFLICT (hash) DO UPDATE SET data=excluded.data, used=excluded.used
                     WHERE data IS NOT excluded.data OR used < excluded.used",
            )?;
            let now = hour();
            blobs
                .iter()
                .try_for_each(|(digest, data)| insert.execute(params![digest.hash, data, now]).map(drop))
        })
    }

    pub(crate) fn remove_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        self.database.write(|connection| {
            connection.prepare_cached("DELETE FROM blob WHERE hash=?1")?.execute([digest.hash]).map(drop)
        })
    }

    /// What is known of the file of `digest`.
    pub(crate) fn sound(&self, digest: &Digest) -> Result<Option<Sound>, StoreError> {
        self.database.read(|connection| {
            connection
                .prepare_cached("SELECT inode, size, mtime, ctime, boot, durable FROM sound WHERE hash=?1")?
                .query_row([digest.hash], |row| {
                    Ok(Sound {
                        stamp: Stamp {
                            inode: row.get::<_, i64>(0)?.cast_unsigned(),
                            size: row.get::<_, i64>(1)?.cast_unsigned(),
                            mtime: row.get(2)?,
                            ctime: row.get(3)?,
                        },
                        boot: row.get(4)?,
                        durable: row.get(5)?,
                    })
                })
                .optional()
        })
    }

    pub(crate) fn put_sound(&self, digest: &Digest, sound: &Sound) -> Result<(), StoreError> {
        let Stamp { inode, size, mtime, ctime } = sound.stamp;
        let (inode, size) = (inode.cast_signed(), size.cast_signed());
        self.database.write(|connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO sound VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![digest.hash, inode, size, mtime, ctime, sound.boot, sound.durable])
                .map(drop)
        })
    }

    pub(crate) fn composed(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.entry(COMPOSED, &digest.hash)
    }

    pub(crate) fn put_composed(&self, digest: &Digest, record: &[u8]) -> Result<(), StoreError> {
        self.put_entries(COMPOSED, &[(digest.hash.as_slice(), record)])
    }

    pub(crate) fn outcome(&self, key: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.entry(OUTCOME, &key.hash)
    }

    /// The same without counting as a use.
    pub(crate) fn outcome_of(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let outcome = self.entry(OUTCOME, key);
        self.used().remove(&(OUTCOME.to_owned(), key.to_vec()));
        outcome
    }

    pub(crate) fn put_outcome(&self, key: &Digest, value: &[u8]) -> Result<(), StoreError> {
        self.put_entries(OUTCOME, &[(key.hash.as_slice(), value)])
    }

    pub(crate) fn remove_outcome(&self, key: &Digest) -> Result<(), StoreError> {
        self.remove_entry(OUTCOME, &key.hash)
    }

    pub(crate) fn memos(&self, table: &str, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.entries(&memo_space(table), keys)
    }

    pub(crate) fn put_memos(&self, table: &str, memos: &[(&[u8], &[u8])]) -> Result<(), StoreError> {
        self.put_entries(&memo_space(table), memos)
    }

    /// The same unless that takes waiting for another process.
    pub(crate) fn offer_memos(&self, table: &str, memos: &[(&[u8], &[u8])]) -> Result<(), StoreError> {
        let sealed = sealed_entries(&memo_space(table), memos);
        self.database.offer(|connection| put(connection, &memo_space(table), &sealed))
    }

    /// All of a memo table, without counting as a use; what is damaged is left out.
    pub(crate) fn all_memos(&self, table: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let space = memo_space(table);
        let found: BTreeMap<Vec<u8>, Vec<u8>> = self.database.read(|connection| {
            let mut select = connection.prepare("SELECT key, value FROM entry WHERE space=?1")?;
            let found = select.query_map([&space], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect()
        })?;
        let whole = found.into_iter().filter_map(|(key, sealed)| {
            let value = unseal(&space, &key, sealed)?;
            Some((key, value))
        });
        Ok(whole.collect())
    }

    /// Writes down that what was read is in use, for those entries of which that was last written down long ago.
    pub(crate) fn note_uses(&self) -> Result<(), StoreError> {
        let used = std::mem::take(&mut *self.used());
        if used.is_empty() {
            return Ok(());
        }
        self.database.offer(|connection| {
            let mut update =
                connection.prepare_cached("UPDATE entry SET used=?3 WHERE space=?1 AND key=?2")?;
            let now = hour();
            used.iter().try_for_each(|(space, key)| update.execute(params![space, key, now]).map(drop))
        })
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<(String, Vec<u8>)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, space: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.entries(space, &[key])?.pop().flatten())
    }

    fn entries(&self, space: &str, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let found = self.database.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut select =
                transaction.prepare_cached("SELECT value, used FROM entry WHERE space=?1 AND key=?2")?;
            let read = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?));
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                values.push(select.query_row(params![space, key], read).optional()?);
            }
            drop(select);
            transaction.commit()?;
            Ok(values)
        })?;
        let mut values = Vec::with_capacity(keys.len());
        for (key, sealed) in keys.iter().zip(found) {
            let was_there = sealed.is_some();
            let value = sealed.and_then(|(sealed, used)| {
                if hour() - used >= REFRESH {
                    self.used().insert((space.to_owned(), key.to_vec()));
                }
                unseal(space, key, sealed)
            });
            if was_there && value.is_none() {
                let table = space.strip_prefix("memo:").unwrap_or(space).to_owned();
                self.warnings.add(Cause::CorruptEntry { table });
                tolerate_refusal(self.remove_entry(space, key))?;
            }
            values.push(value);
        }
        Ok(values)
    }

    fn put_entries(&self, space: &str, entries: &[(&[u8], &[u8])]) -> Result<(), StoreError> {
        let sealed = sealed_entries(space, entries);
        self.database.write(|connection| put(connection, space, &sealed))
    }

    fn remove_entry(&self, space: &str, key: &[u8]) -> Result<(), StoreError> {
        self.database.write(|connection| {
            connection
                .prepare_cached("DELETE FROM entry WHERE space=?1 AND key=?2")?
                .execute(params![space, key])
                .map(drop)
        })
    }
}

/// A hash, and the bytes that are kept under it.
pub(crate) type Blob = (Vec<u8>, Vec<u8>);

/// What is looked at and removed when the cache is cut down to its budget.
impl Rows {
    /// The keys of all outcomes with the hour of their last use, the latest first.
    pub(crate) fn outcomes_by_use(&self) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        self.pairs("SELECT key, used FROM entry WHERE space='outcome' ORDER BY used DESC, key")
    }

    /// The hash of each small blob with the hour in which it was stored.
    pub(crate) fn blobs_by_hash(&self) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        self.pairs("SELECT hash, used FROM blob")
    }

    /// The hash of each composed blob with the hour in which it was stored or last used.
    pub(crate) fn composed_by_hash(&self) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        self.pairs("SELECT key, used FROM entry WHERE space='composed'")
    }

    /// So many small blobs in the order of their hashes, from a hash on that begins with `start`.
    pub(crate) fn blobs_from(&self, start: &[u8], count: u32) -> Result<Vec<Blob>, StoreError> {
        self.database.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT hash, data FROM blob WHERE hash >= ?1 ORDER BY hash LIMIT ?2")?;
            let found = select.query_map(params![start, count], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect()
        })
    }

    /// Those of some small blobs whose bytes have another hash.
    pub(crate) fn wrong_blobs(
        &self,
        hashes: &[Vec<u8>],
        hash_of: impl Fn(&[u8]) -> [u8; 32],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.database.read(|connection| {
            let mut select = connection.prepare_cached("SELECT data FROM blob WHERE hash=?1")?;
            let mut wrong = Vec::new();
            for hash in hashes {
                let data: Option<Vec<u8>> = select.query_row([hash], |row| row.get(0)).optional()?;
                if data.is_some_and(|data| hash_of(&data).as_slice() != hash.as_slice()) {
                    wrong.push(hash.clone());
                }
            }
            Ok(wrong)
        })
    }

    fn pairs(&self, query: &str) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        self.database.read(|connection| {
            let mut select = connection.prepare(query)?;
            let found = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect()
        })
    }

    pub(crate) fn remove_outcomes(&self, keys: &[Vec<u8>], patience: Duration) -> Result<(), StoreError> {
        self.remove_all("DELETE FROM entry WHERE space='outcome' AND key=?1", keys, patience)
    }

    pub(crate) fn remove_composed(&self, hashes: &[Vec<u8>], patience: Duration) -> Result<(), StoreError> {
        self.remove_all("DELETE FROM entry WHERE space='composed' AND key=?1", hashes, patience)
    }

    pub(crate) fn remove_blobs(&self, hashes: &[Vec<u8>], patience: Duration) -> Result<(), StoreError> {
        self.remove_all("DELETE FROM blob WHERE hash=?1", hashes, patience)
    }

    /// Removes those of some blobs that nobody has stored since `hour`.
    pub(crate) fn remove_blobs_before(
        &self,
        hour: i64,
        hashes: &[Vec<u8>],
        patience: Duration,
    ) -> Result<(), StoreError> {
        self.remove_all(&format!("DELETE FROM blob WHERE hash=?1 AND used < {hour}"), hashes, patience)
    }

    pub(crate) fn remove_sound(&self, hashes: &[Vec<u8>], patience: Duration) -> Result<(), StoreError> {
        self.remove_all("DELETE FROM sound WHERE hash=?1", hashes, patience)
    }

    /// Forgets all memos that nobody has used since `hour`.
    pub(crate) fn remove_memos_before(&self, hour: i64, patience: Duration) -> Result<(), StoreError> {
        self.database.write_within(patience, |connection| {
            let old = "DELETE FROM entry WHERE space LIKE 'memo:%' AND used < ?1";
            connection.execute(old, [hour]).map(drop)
        })
    }

    /// Gives the pages that nothing is on back to the file system.
    pub(crate) fn shrink(&self, patience: Duration) -> Result<(), StoreError> {
        // In parts, so that no other writer waits for long.
        while self.database.write_within(patience, |connection| {
            let mut vacuum = connection.prepare("PRAGMA incremental_vacuum(1000)")?;
            let mut pages = vacuum.query([])?;
            // Each step frees one page.
            while pages.next()?.is_some() {}
            connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))
        })? > 0
        {}
        self.database.checkpoint(patience)
    }

    fn remove_all(&self, statement: &str, keys: &[Vec<u8>], patience: Duration) -> Result<(), StoreError> {
        // In parts, so that no other writer waits for long.
        for part in keys.chunks(1000) {
            self.database.write_within(patience, |connection| {
                let mut remove = connection.prepare_cached(statement)?;
                part.iter().try_for_each(|key| remove.execute([key]).map(drop))
            })?;
        }
        Ok(())
    }
}

fn select_blob(connection: &Connection, digest: &Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT data FROM blob WHERE hash=?1")?
        .query_row([digest.hash], |row| row.get(0))
        .optional()
}

/// Entries as they are written: each with its seal in front of the value.
fn sealed_entries<'e>(space: &str, entries: &[(&'e [u8], &[u8])]) -> Vec<(&'e [u8], Vec<u8>)> {
    entries.iter().map(|(key, value)| (*key, sealed(space, key, value))).collect()
}

fn put(connection: &Connection, space: &str, sealed: &[(&[u8], Vec<u8>)]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entry (space, key, value, used) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (space, key) DO UPDATE SET value=excluded.value, used=excluded.used
             WHERE value IS NOT excluded.value",
    )?;
    let now = hour();
    sealed.iter().try_for_each(|(key, value)| insert.execute(params![space, key, value, now]).map(drop))
}

/// The time in hours, which is as exact as times of use are.
pub(crate) fn hour() -> i64 {
    Moment::now().hours()
}

/// Tables of others cannot be mistaken for ours.
fn memo_space(table: &str) -> String {
    format!("memo:{table}")
}

fn seal(space: &str, key: &[u8], value: &[u8]) -> [u8; SEAL] {
    let mut hasher = blake3::Hasher::new();
    for part in [space.as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.update(value);
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&hasher.finalize().as_bytes()[..SEAL]);
    seal
}

fn sealed(space: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    [&seal(space, key, value), value].concat()
}

fn unseal(space: &str, key: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (found, value) = sealed.split_first_chunk::<SEAL>()?;
    if *found != seal(space, key, value) {
        return None;
    }
    sealed.drain(..SEAL);
    Some(sealed)
}
