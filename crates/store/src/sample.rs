//! Hashes a few blobs again, chosen at random, so that damage shows some time before it is read.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::rows::Blob;
use crate::warning::Cause;
use crate::{Digest, Store, StoreError};

/// So many bytes are hashed in the time that a sample has: larger blobs are left to who verifies all.
const LARGEST: u64 = 16 << 20;
/// So many small blobs in a row are looked at.
const ROW: u32 = 32;
/// How long another process that writes is waited for before damage stays for the next time.
const PATIENCE: Duration = Duration::from_millis(100);

impl Store {
    /// Hashes blobs again until `limit` is over, and removes those that are not what their names say, with a warning as
    /// when they are read. Gives how many were looked at.
    pub fn sample(&self, limit: Duration) -> Result<u64, StoreError> {
        let begin = Instant::now();
        let random = RandomState::new();
        let mut looked = 0;
        for round in 0..=u8::MAX {
            let start = random.hash_one(round).to_le_bytes();
            looked += self.sample_rows(&start)?;
            let (files, is_over) = self.sample_files(start[0], begin, limit)?;
            looked += files;
            if is_over {
                break;
            }
        }
        Ok(looked)
    }

    /// Small blobs from a random hash on.
    fn sample_rows(&self, start: &[u8]) -> Result<u64, StoreError> {
        let Some(rows) = self.base().rows() else { return Ok(0) };
        let blobs = rows.blobs_from(start, ROW)?;
        let wrong = |(hash, data): &Blob| self.digest(data).hash.as_slice() != hash.as_slice();
        let wrong: Vec<Vec<u8>> =
            blobs.iter().filter(|blob| wrong(blob)).map(|(hash, _)| hash.clone()).collect();
        if !wrong.is_empty() {
            rows.remove_blobs(&wrong, PATIENCE)?;
        }
        for hash in &wrong {
            if let Ok(hash) = <[u8; 32]>::try_from(hash.as_slice()) {
                let size = blobs.iter().find(|(one, _)| one == &hash).map_or(0, |(_, data)| data.len());
                self.warn(Cause::CorruptBlob(Digest { hash, size: size as u64 }));
            }
        }
        Ok(blobs.len() as u64)
    }

    /// Large blobs whose names begin with a random byte, and whether the time is over.
    fn sample_files(&self, shard: u8, begin: Instant, limit: Duration) -> Result<(u64, bool), StoreError> {
        let base = self.base();
        let name = format!("{shard:02x}");
        let mut looked = 0;
        for entry in fs::read_dir(base.dir().join("blobs").join(&name)).into_iter().flatten().flatten() {
            if begin.elapsed() >= limit {
                return Ok((looked, true));
            }
            let file = entry.file_name();
            let digest = Digest::from_hex(&format!("{name}{}", file.to_string_lossy()), 0);
            // What is none of ours, or has just gone, is passed over.
            let (Ok(digest), Ok(found)) = (digest, entry.metadata()) else { continue };
            if found.len() <= LARGEST {
                base.verify(&Digest { size: found.len(), ..digest })?;
                looked += 1;
            }
        }
        Ok((looked, begin.elapsed() >= limit))
    }
}
