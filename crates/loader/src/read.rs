//! Reads one file of the language, as text with its digest; it does not know what it says.

use std::fs::File;
use std::io::Read;

use graph::Place;

use crate::error::{LoadError, Problem};
use crate::options::Options;

/// The digest of a file's bytes.
pub(crate) type Digest = [u8; 32];

/// The bytes of a file, by its path relative to the root, with their digest.
pub(crate) fn read_bytes(options: &Options, file: &str) -> Result<(Vec<u8>, Digest), LoadError> {
    if let Some(bytes) = options.earlier.as_ref().and_then(|earlier| earlier.bytes(file)) {
        return Ok((bytes.to_vec(), *blake3::hash(bytes).as_bytes()));
    }
    let unreadable = |error: std::io::Error| {
        Problem::Unreadable { file: file.to_owned(), reason: error.kind().to_string() }.nowhere()
    };
    let limit = options.limits.file_size;
    let opened = File::open(options.root.join(file)).map_err(unreadable)?;
    let size = opened.metadata().map_err(unreadable)?.len();
    // With room for the whole, two calls read a file; into an empty vector it takes six.
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit)).unwrap_or_default() + 1);
    // A file may also grow, or be a device: never read past the limit.
    (&opened).take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if read > limit {
        return Err(Problem::TooLarge { file: file.to_owned(), size: size.max(read), limit }.nowhere());
    }
    let digest = *blake3::hash(&bytes).as_bytes();
    Ok((bytes, digest))
}

/// The same as text.
pub(crate) fn read(options: &Options, file: &str) -> Result<(String, Digest), LoadError> {
    let (bytes, digest) = read_bytes(options, file)?;
    Ok((text(file, bytes)?, digest))
}

/// Bytes as text.
pub(crate) fn text(file: &str, bytes: Vec<u8>) -> Result<String, LoadError> {
    String::from_utf8(bytes).map_err(|error| {
        let good =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX - 1) + 1;
        let line = good.matches('\n').count();
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count();
        Problem::NotUtf8 { file: file.to_owned() }.at(Place::new(file, number(line), number(column)))
    })
}
