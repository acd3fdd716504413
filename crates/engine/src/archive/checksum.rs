//! CRC-32 checksums of blobs, noted in the store so that a blob is read for it once. Knows no archives.

use std::io::{self, Read};

use store::{Digest, Store, StoreError};

const TABLE: &str = "crc32";
const PIECE: usize = 256 << 10;

/// The CRC-32 of a blob: as noted before, else by reading it.
pub fn crc32(store: &Store, digest: &Digest) -> Result<u32, StoreError> {
    if let Some(noted) = store.memo(TABLE, &key(digest))?.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()) {
        return Ok(u32::from_le_bytes(noted));
    }
    let mut hasher = crc32fast::Hasher::new();
    read_pieces(store, digest, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    let value = hasher.finalize();
    note_crc32(store, digest, value)?;
    Ok(value)
}

/// Notes the CRC-32 of a blob that was computed while it passed by, so that [`crc32`] need not read it.
pub fn note_crc32(store: &Store, digest: &Digest, value: u32) -> Result<(), StoreError> {
    store.put_memo(TABLE, &key(digest), &value.to_le_bytes())
}

/// Hands the bytes of a blob to `take`, piece by piece.
pub(super) fn read_pieces(
    store: &Store,
    digest: &Digest,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), StoreError> {
    let mut blob = store.open_blob(digest)?;
    let mut buffer = vec![0; usize::try_from(digest.size).map_or(PIECE, |size| size.clamp(1, PIECE))];
    loop {
        match blob.read(&mut buffer).and_then(|length| take(&buffer[..length]).map(|()| length)) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(of_store(digest, error)),
        }
    }
}

/// The store's own error, where there is one inside; else its file became unreadable while it was open.
pub(super) fn of_store(digest: &Digest, error: io::Error) -> StoreError {
    StoreError::from_io(error).unwrap_or(StoreError::Missing(*digest))
}

/// The key of a blob in a memo table.
pub(super) fn key(digest: &Digest) -> Vec<u8> {
    [digest.hash.as_slice(), &digest.size.to_le_bytes()].concat()
}
