//! The index as it is on the disk: a head with a seal, records sorted by path, and the paths.
//!
//! It is read into memory rather than mapped: the seal has all of it read anyway, and a mapped file that somebody cuts
//! would end the process.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::IndexEntry;
use crate::Digest;
use crate::state::{State, number};

const MAGIC: &[u8; 8] = b"pantsidx";
const VERSION: u64 = 2;
/// Magic, version, number of records, seal.
const HEAD: usize = 8 + 8 + 8 + 32;
/// Five numbers, the hash, the flags and where the path ends.
const RECORD: usize = State::LEN + 32 + 8 + 8;
const EXECUTABLE: u64 = 1;
const RACY: u64 = 2;
const STORED: u64 = 4;

/// The state of a file when it was read, and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) state: State,
    pub(super) hash: [u8; 32],
    /// Whether it may have been written to again without a trace.
    pub(super) racy: bool,
    /// Whether the content is in the store.
    pub(super) stored: bool,
}

impl Record {
    pub(super) fn digest(&self) -> Digest {
        Digest { hash: self.hash, size: self.state.size }
    }

    pub(super) fn entry(&self) -> IndexEntry {
        IndexEntry { digest: self.digest(), executable: self.state.executable }
    }

    fn encode(&self, path_end: u64, into: &mut Vec<u8>) {
        self.state.encode(into);
        into.extend_from_slice(&self.hash);
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let flags =
            flag(self.state.executable, EXECUTABLE) | flag(self.racy, RACY) | flag(self.stored, STORED);
        into.extend_from_slice(&flags.to_le_bytes());
        into.extend_from_slice(&path_end.to_le_bytes());
    }

    fn decode(bytes: &[u8; RECORD]) -> Record {
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[40..72]);
        let flags = number(bytes, 72);
        Record {
            state: State { executable: flags & EXECUTABLE != 0, ..State::decode(bytes) },
            hash,
            racy: flags & RACY != 0,
            stored: flags & STORED != 0,
        }
    }
}

/// The records of an index, by path.
#[derive(Debug, Default)]
pub(super) struct Table {
    bytes: Vec<u8>,
    count: usize,
}

/// Reads the index at `path`; none if there is none. Fails if there is something else, or it is damaged.
pub(super) fn read(path: &Path) -> io::Result<Option<Table>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    Table::parse(bytes).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl Table {
    /// The table in `bytes`; none if they are damaged, or of another version.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Table> {
        let head = bytes.first_chunk::<HEAD>()?;
        let count = usize::try_from(number(head, 16)).ok()?;
        let paths = HEAD.checked_add(count.checked_mul(RECORD)?)?;
        let sound = head.starts_with(MAGIC)
            && number(head, 8) == VERSION
            && paths <= bytes.len()
            && head[24..] == seal(count, &bytes[HEAD..]);
        sound.then_some(Table { bytes, count })
    }

    /// The record of `path`. `hint` is where the search begins, and becomes where it ends: paths that are asked for in
    /// their order are found in a step or two each.
    pub(super) fn find(&self, path: &[u8], hint: &mut usize) -> Option<Record> {
        let (mut low, mut high) = self.bracket(path, *hint);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.path(middle).cmp(path) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => {
                    *hint = middle;
                    return Some(self.record(middle));
                }
            }
        }
        *hint = low;
        None
    }

    /// All paths with their records, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Record)> {
        (0..self.count).map(|index| (self.path(index), self.record(index)))
    }

    /// The table as it is written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The table with `changes` made: a path without a record goes.
    pub(super) fn with_changes(&self, changes: &BTreeMap<Vec<u8>, Option<Record>>) -> Table {
        let mut records = Vec::with_capacity(self.bytes.len() + changes.len() * RECORD);
        let mut paths = Vec::new();
        let mut add = |path: &[u8], record: &Record| {
            paths.extend_from_slice(path);
            record.encode(paths.len() as u64, &mut records);
        };
        let mut changes = changes.iter().peekable();
        for (path, record) in self.iter() {
            while let Some((changed, record)) = changes.next_if(|(changed, _)| changed.as_slice() < path) {
                record.iter().for_each(|record| add(changed, record));
            }
            match changes.next_if(|(changed, _)| changed.as_slice() == path) {
                Some((_, changed)) => changed.iter().for_each(|record| add(path, record)),
                None => add(path, &record),
            }
        }
        for (changed, record) in changes {
            record.iter().for_each(|record| add(changed, record));
        }
        let count = records.len() / RECORD;
        records.append(&mut paths);
        let mut bytes = Vec::with_capacity(HEAD + records.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(count as u64).to_le_bytes());
        bytes.extend_from_slice(&seal(count, &records));
        bytes.append(&mut records);
        Table { bytes, count }
    }

    /// Two bounds around where `path` is or would be, found by doubling steps from `hint`.
    fn bracket(&self, path: &[u8], hint: usize) -> (usize, usize) {
        if hint >= self.count || self.path(hint) > path {
            return (0, hint.min(self.count));
        }
        let (mut low, mut step) = (hint, 1);
        while low + step < self.count && self.path(low + step) <= path {
            low += step;
            step *= 2;
        }
        (low, (low + step).min(self.count))
    }

    fn record(&self, index: usize) -> Record {
        let at = HEAD + index * RECORD;
        let mut bytes = [0; RECORD];
        bytes.copy_from_slice(&self.bytes[at..at + RECORD]);
        Record::decode(&bytes)
    }

    fn path(&self, index: usize) -> &[u8] {
        let paths = &self.bytes[HEAD + self.count * RECORD..];
        let end_of = |index: usize| {
            let end = number(&self.bytes, HEAD + (index + 1) * RECORD - 8);
            usize::try_from(end).unwrap_or(usize::MAX)
        };
        let begin = index.checked_sub(1).map_or(0, end_of);
        // The seal says that the bounds are those that were written, but is no secret.
        paths.get(begin..end_of(index)).unwrap_or_default()
    }
}

fn seal(count: usize, rest: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(count as u64).to_le_bytes()).update_rayon(rest);
    *hasher.finalize().as_bytes()
}
