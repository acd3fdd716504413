//! Deflated forms of blobs. Where there are enough of them they are kept in the store, so that a change of one file
//! deflates one file: looking up a thousand takes a tenth of the time of deflating them. Knows no archives.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rayon::prelude::*;
use store::{Digest, Store, StoreError};

use super::checksum::{crc32, key, of_store, read_pieces};
use super::content::Data;
use crate::extract::Method;

/// A blob in the form that takes less room.
pub(super) struct Packed {
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) data: Data,
}

/// The level is part of the name: another one gives other bytes.
const TABLE: &str = "deflate-6";
const LEVEL: u32 = 6;
/// From this size on a blob is deflated piece by piece, into a blob of its own.
const LARGE: u64 = 4 << 20;
/// From this many bytes on, keeping the results and waking other threads pays.
const WORTH: u64 = 256 << 10;

/// The blobs in their order, each deflated, or as it is where that is not shorter.
pub(super) fn deflate(store: &Store, blobs: &[Digest]) -> Result<Vec<Packed>, StoreError> {
    if blobs.iter().map(|blob| blob.size).sum::<u64>() < WORTH {
        return blobs.iter().map(|blob| anew(store, blob)).collect();
    }
    let keys: Vec<_> = blobs.iter().map(key).collect();
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let noted = store.memos(TABLE, &keys)?;
    let found: Vec<(Packed, bool)> = blobs
        .par_iter()
        .zip(noted)
        .map(|(blob, note)| match note.as_deref().and_then(parse).map(|note| load(store, blob, note)) {
            Some(Ok(packed)) => Ok((packed, false)),
            Some(Err(error)) if !matches!(error, StoreError::Missing(_)) => Err(error),
            _ => Ok((anew(store, blob)?, true)),
        })
        .collect::<Result<_, StoreError>>()?;
    keep(store, &keys, &found)?;
    Ok(found.into_iter().map(|(packed, _)| packed).collect())
}

/// Keeps what was made anew, all of it at once.
fn keep(store: &Store, keys: &[&[u8]], found: &[(Packed, bool)]) -> Result<(), StoreError> {
    let new = || keys.iter().zip(found).filter(|(_, (_, new))| *new).map(|(key, (packed, _))| (*key, packed));
    let small: Vec<&[u8]> = new().filter_map(|(_, packed)| packed.deflated_bytes()).collect();
    let mut put = store.put_many(&small)?.into_iter();
    let notes: Vec<(&[u8], Vec<u8>)> = new()
        .map(|(key, packed)| {
            let blob = match &packed.data {
                Data::Range { blob, .. } => Some(*blob),
                Data::Bytes(_) => packed.deflated_bytes().and_then(|_| put.next()),
            };
            (key, note(packed, blob))
        })
        .collect();
    let notes: Vec<(&[u8], &[u8])> = notes.iter().map(|(key, note)| (*key, note.as_slice())).collect();
    if notes.is_empty() { Ok(()) } else { store.put_memos(TABLE, &notes) }
}

impl Packed {
    /// The bytes of a deflated form that is held in memory.
    fn deflated_bytes(&self) -> Option<&[u8]> {
        match (&self.data, self.method) {
            (Data::Bytes(bytes), Method::Deflated) => Some(bytes),
            _ => None,
        }
    }
}

/// `<checksum> <digest of the deflated form>`, or `<checksum> stored`.
fn note(packed: &Packed, blob: Option<Digest>) -> Vec<u8> {
    let form = match (packed.method, blob) {
        (Method::Deflated, Some(blob)) => blob.to_string(),
        _ => "stored".to_owned(),
    };
    format!("{:08x} {form}", packed.crc32).into_bytes()
}

/// The checksum, and the deflated form where there is one; nothing where the note is damaged.
fn parse(note: &[u8]) -> Option<(u32, Option<Digest>)> {
    let (crc32, form) = std::str::from_utf8(note).ok()?.split_once(' ')?;
    let form = if form == "stored" { None } else { Some(form.parse().ok()?) };
    Some((u32::from_str_radix(crc32, 16).ok()?, form))
}

fn load(store: &Store, blob: &Digest, (crc32, form): (u32, Option<Digest>)) -> Result<Packed, StoreError> {
    let method = if form.is_some() { Method::Deflated } else { Method::Stored };
    let data = Data::of_blob(store, &form.unwrap_or(*blob))?;
    Ok(Packed { method, crc32, data })
}

fn anew(store: &Store, blob: &Digest) -> Result<Packed, StoreError> {
    if blob.size >= LARGE {
        return anew_large(store, blob);
    }
    let bytes = store.read(blob)?;
    let crc32 = crc32fast::hash(&bytes);
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(LEVEL));
    encoder.write_all(&bytes).expect("memory takes every write");
    let packed = encoder.finish().expect("memory takes every write");
    let (method, bytes) =
        if packed.len() < bytes.len() { (Method::Deflated, packed) } else { (Method::Stored, bytes) };
    Ok(Packed { method, crc32, data: Data::Bytes(bytes) })
}

fn anew_large(store: &Store, blob: &Digest) -> Result<Packed, StoreError> {
    let mut encoder = DeflateEncoder::new(store.writer()?, Compression::new(LEVEL));
    read_pieces(store, blob, |piece| encoder.write_all(piece))?;
    let packed = encoder.finish().map_err(|error| of_store(blob, error))?.finish()?;
    let (method, form) =
        if packed.size < blob.size { (Method::Deflated, packed) } else { (Method::Stored, *blob) };
    let data = Data::Range { blob: form, offset: 0, len: form.size, header: None };
    Ok(Packed { method, crc32: crc32(store, blob)?, data })
}
