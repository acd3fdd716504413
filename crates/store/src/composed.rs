//! Keeps a blob as the list of the parts that it is made of; it does not know what the parts mean.
//!
//! The digest is that of the whole content. A part is worth naming from [`WORTH`] bytes on; shorter ones, and the
//! bytes between, are copied into runs, which are in the record itself or blobs of their own. The record names only
//! blobs that are files, never composed ones, so that reading it is one step.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use prost::Message;

use crate::digest::Hasher;
use crate::error::from_stream;
use crate::layer::{CHUNK, SMALL};
use crate::{Blob, Digest, Store, StoreError};

/// The shortest part that is kept as a reference.
const WORTH: u64 = 64 * 1024;
/// The longest run that is held in memory.
const RUN: usize = 8 * 1024 * 1024;

/// A part of a blob that is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A range of another blob.
    Blob {
        /// The other blob.
        digest: Digest,
        /// Where the range begins in it.
        offset: u64,
        /// How long the range is.
        len: u64,
    },
}

/// A part as it is kept: a blob in it is one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Bytes(Vec<u8>),
    Blob { digest: Digest, offset: u64, len: u64 },
}

impl Segment {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Segment::Bytes(bytes) => bytes.len() as u64,
            Segment::Blob { len, .. } => *len,
        }
    }

    pub(crate) fn blob(&self) -> Option<&Digest> {
        match self {
            Segment::Bytes(_) => None,
            Segment::Blob { digest, .. } => Some(digest),
        }
    }

    /// The `len` bytes at `from` of this segment, which has them.
    pub(crate) fn cut(self, from: u64, len: u64) -> Segment {
        match self {
            Segment::Bytes(bytes) => {
                let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Segment::Bytes(bytes[index(from)..index(from + len)].to_vec())
            }
            Segment::Blob { digest, offset, .. } => Segment::Blob { digest, offset: offset + from, len },
        }
    }
}

impl Store {
    /// Stores the concatenation of `parts`, without a copy of the long ones.
    ///
    /// Fails with [`StoreError::Missing`] for a part that is not here, and with [`StoreError::Range`] for one that is
    /// not inside of its blob.
    pub fn put_composed(&self, parts: &[Part]) -> Result<Digest, StoreError> {
        let worth = |part: &Part| matches!(part, Part::Blob { len, .. } if *len >= WORTH);
        if !parts.iter().any(worth) {
            return self.put_plain(parts);
        }
        let mut composer = Composer {
            store: self,
            hasher: Hasher::new(self.function()),
            segments: Vec::new(),
            run: Vec::new(),
        };
        for part in parts {
            match part {
                Part::Bytes(bytes) => composer.add_bytes(bytes)?,
                Part::Blob { digest, offset, len } => {
                    composer.add_blob(&self.part(digest, *offset, *len)?, *offset, *len)?;
                }
            }
        }
        composer.end_run()?;
        let digest = composer.hasher.finish();
        if !self.has(&digest)? {
            let record = encode(&composer.segments);
            self.write(|layer| layer.rows_mut()?.put_composed(&digest, &record))?;
        }
        Ok(digest)
    }

    fn put_plain(&self, parts: &[Part]) -> Result<Digest, StoreError> {
        let mut writer = self.writer()?;
        for part in parts {
            let result = match part {
                Part::Bytes(bytes) => writer.write_all(bytes),
                Part::Blob { digest, offset, len } => {
                    let mut blob = self.part(digest, *offset, *len)?;
                    blob.seek(SeekFrom::Start(*offset))
                        .and_then(|_| io::copy(&mut blob.take(*len), &mut writer).map(drop))
                }
            };
            result.map_err(|error| from_stream(error, self.dir()))?;
        }
        writer.finish()
    }

    fn part(&self, digest: &Digest, offset: u64, len: u64) -> Result<Blob, StoreError> {
        match offset.checked_add(len) {
            Some(end) if end <= digest.size => self.open_blob(digest),
            _ => Err(StoreError::Range { digest: *digest, offset, len }),
        }
    }
}

struct Composer<'a> {
    store: &'a Store,
    hasher: Hasher,
    segments: Vec<Segment>,
    run: Vec<u8>,
}

impl Composer<'_> {
    fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        for chunk in bytes.chunks(RUN) {
            self.run.extend_from_slice(chunk);
            if self.run.len() >= RUN {
                self.end_run()?;
            }
        }
        Ok(())
    }

    fn add_blob(&mut self, blob: &Blob, offset: u64, len: u64) -> Result<(), StoreError> {
        let mut chunk = Vec::new();
        for segment in blob.segments(offset, len) {
            match segment {
                Segment::Bytes(bytes) => self.add_bytes(&bytes)?,
                Segment::Blob { digest, offset, len } if len >= WORTH => {
                    self.end_run()?;
                    self.hash_file(&digest, offset, len, &mut chunk)?;
                    self.segments.push(Segment::Blob { digest, offset, len });
                }
                Segment::Blob { digest, offset, len } => {
                    let file = self.store.part_file(&digest)?;
                    chunk.resize(usize::try_from(len).unwrap_or(CHUNK), 0);
                    file.read_exact_at(&mut chunk, offset).map_err(|_| StoreError::Missing(digest))?;
                    self.add_bytes(&chunk)?;
                }
            }
        }
        Ok(())
    }

    fn hash_file(
        &mut self,
        digest: &Digest,
        offset: u64,
        len: u64,
        chunk: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let file = self.store.part_file(digest)?;
        chunk.resize(CHUNK, 0);
        let mut done = 0;
        while done < len {
            let count = usize::try_from(len - done).unwrap_or(CHUNK).min(CHUNK);
            file.read_exact_at(&mut chunk[..count], offset + done)
                .map_err(|_| StoreError::Missing(*digest))?;
            self.hasher.update(&chunk[..count]);
            done += count as u64;
        }
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), StoreError> {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() {
            return Ok(());
        }
        let len = run.len() as u64;
        let segment = match len <= SMALL {
            true => Segment::Bytes(run),
            false => Segment::Blob { digest: self.store.put(&run)?, offset: 0, len },
        };
        self.segments.push(segment);
        Ok(())
    }
}

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(message, repeated, tag = "1")]
    segments: Vec<RecordSegment>,
}

/// Either `bytes`, or the range of the blob `hash`.
#[derive(Clone, PartialEq, Message)]
struct RecordSegment {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    hash: Vec<u8>,
    #[prost(uint64, tag = "3")]
    size: u64,
    #[prost(uint64, tag = "4")]
    offset: u64,
    #[prost(uint64, tag = "5")]
    len: u64,
}

fn encode(segments: &[Segment]) -> Vec<u8> {
    let encode_one = |segment: &Segment| match segment {
        Segment::Bytes(bytes) => RecordSegment { bytes: bytes.clone(), ..RecordSegment::default() },
        Segment::Blob { digest, offset, len } => RecordSegment {
            bytes: Vec::new(),
            hash: digest.hash.to_vec(),
            size: digest.size,
            offset: *offset,
            len: *len,
        },
    };
    Record { segments: segments.iter().map(encode_one).collect() }.encode_to_vec()
}

/// The parts of `whole`; none if the record is not one of it.
pub(crate) fn decode(record: &[u8], whole: &Digest) -> Option<Vec<Segment>> {
    let decode_one = |segment: RecordSegment| {
        if segment.hash.is_empty() {
            return Some(Segment::Bytes(segment.bytes));
        }
        let digest = Digest { hash: segment.hash.try_into().ok()?, size: segment.size };
        let inside = segment.offset.checked_add(segment.len)? <= digest.size && digest.size > SMALL;
        inside.then_some(Segment::Blob { digest, offset: segment.offset, len: segment.len })
    };
    let segments: Option<Vec<Segment>> =
        Record::decode(record).ok()?.segments.into_iter().map(decode_one).collect();
    let len =
        |segments: &[Segment]| segments.iter().try_fold(0_u64, |sum, segment| sum.checked_add(segment.len()));
    segments.filter(|segments| len(segments) == Some(whole.size))
}
