//! Takes a blob into the store while its digest is checked. Knows not where it comes from.

use std::io::{Read, Write as _};

use sha2::{Digest as _, Sha256 as Hasher};
use store::{Digest, Store, StoreError};

use super::{ImageError, Sha256, digest_of};

/// Takes what `from` gives into the store, as the blob of `sha256` with `size` bytes; `progress` is told the bytes so far.
///
/// # Errors
/// Where it cannot be read, is something else, or the store fails; nothing is kept then.
pub fn keep(
    store: &Store,
    (sha256, size): (&Sha256, u64),
    mut from: impl Read,
    progress: &dyn Fn(u64),
) -> Result<Digest, ImageError> {
    let what = || format!("the blob `{}`", digest_of(sha256));
    let (mut writer, mut hasher, mut count) = (store.writer()?, Hasher::new(), 0);
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ImageError::Broken { what: what(), reason: error.to_string() }),
        };
        count += read as u64;
        if count > size {
            break;
        }
        hasher.update(&buffer[..read]);
        writer
            .write_all(&buffer[..read])
            .map_err(|error| StoreError::from_io(error).map_or_else(ImageError::Pack, ImageError::Store))?;
        progress(count);
    }
    if count < size {
        let reason = format!("it ends after {count} of {size} bytes");
        return Err(ImageError::Broken { what: what(), reason });
    }
    let found: Sha256 = hasher.finalize().into();
    if count > size || found != *sha256 {
        let found = if count > size { format!("more than {size} bytes") } else { digest_of(&found) };
        return Err(ImageError::Digest { what: what(), expected: digest_of(sha256), found });
    }
    Ok(writer.finish()?)
}
