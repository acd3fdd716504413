//! Gets the contents of members ready: checksums, deflated bytes, ranges of blobs. Knows no order and no headers.

use store::{Digest, Store, StoreError};

use super::checksum;
use super::deflate::{self, Packed};
use super::error::ArchiveError;
use super::members::{From, Member, Source};
use crate::extract::{Method, UnpackError};

/// The content of a member as it will stand in the archive.
pub(super) struct Content {
    pub(super) method: Method,
    pub(super) crc32: u32,
    /// The length before compression.
    pub(super) size: u64,
    pub(super) data: Data,
}

/// The bytes that will stand in the archive.
pub(super) enum Data {
    Bytes(Vec<u8>),
    Range {
        blob: Digest,
        offset: u64,
        len: u64,
        /// What stands before them in their own archive: should it be what will stand before them here, it is
        /// taken along, so that neighbours make one range.
        header: Option<Vec<u8>>,
    },
}

/// From this size on a stored member is a range of its blob; below, reading it costs less than naming it.
const RANGE: u64 = 64 << 10;

impl Data {
    /// The whole of a blob. Fails where it is not here.
    pub(super) fn of_blob(store: &Store, digest: &Digest) -> Result<Data, StoreError> {
        if digest.size < RANGE {
            return Ok(Data::Bytes(store.read(digest)?));
        }
        if !store.has(digest)? {
            return Err(StoreError::Missing(*digest));
        }
        Ok(Data::Range { blob: *digest, offset: 0, len: digest.size, header: None })
    }
}

impl Content {
    pub(super) fn packed_size(&self) -> u64 {
        match &self.data {
            Data::Bytes(bytes) => bytes.len() as u64,
            Data::Range { len, .. } => *len,
        }
    }

    fn empty() -> Content {
        Content { method: Method::Stored, crc32: 0, size: 0, data: Data::Bytes(Vec::new()) }
    }
}

/// The content of each member, in their order.
pub(super) fn load(
    store: &Store,
    members: &[Member],
    sources: &[Source],
) -> Result<Vec<Content>, ArchiveError> {
    let blobs: Vec<Digest> = members.iter().filter_map(to_deflate).collect();
    let mut deflated = deflate::deflate(store, &blobs)?.into_iter();
    members
        .iter()
        .map(|member| match member.from {
            From::Blob { digest, .. } if to_deflate(member).is_some() => {
                let Packed { method, crc32, data } = deflated.next().expect("one for each blob to deflate");
                Ok(Content { method, crc32, size: digest.size, data })
            }
            From::Blob { digest, .. } if digest.size > 0 => stored(store, digest),
            From::Nothing | From::Blob { .. } => Ok(Content::empty()),
            From::Zip { source, entry } => transferred(&sources[source], entry),
        })
        .collect()
}

/// The blob of a member that is deflated; an empty one never is.
fn to_deflate(member: &Member) -> Option<Digest> {
    match member.from {
        From::Blob { digest, deflate: true } if digest.size > 0 => Some(digest),
        _ => None,
    }
}

fn stored(store: &Store, digest: Digest) -> Result<Content, ArchiveError> {
    let data = Data::of_blob(store, &digest)?;
    let crc32 = match &data {
        Data::Bytes(bytes) => crc32fast::hash(bytes),
        Data::Range { .. } => checksum::crc32(store, &digest)?,
    };
    Ok(Content { method: Method::Stored, crc32, size: digest.size, data })
}

fn transferred(source: &Source, index: usize) -> Result<Content, ArchiveError> {
    let entry = &source.zip.entries()[index];
    let data = Data::Range {
        blob: source.blob,
        offset: entry.offset,
        len: entry.compressed_size,
        header: Some(source.zip.header(entry).map_err(UnpackError::from)?),
    };
    Ok(Content { method: entry.method, crc32: entry.crc32, size: entry.size, data })
}
