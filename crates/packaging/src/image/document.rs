//! Documents of JSON, and digests as OCI writes them.

use oci_spec::image::{Descriptor, Digest as OciDigest, MediaType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256 as Hasher};

use super::ImageError;

/// The SHA-256 of a content.
pub type Sha256 = [u8; 32];

/// The SHA-256 of some bytes.
pub(crate) fn sha256_of(bytes: &[u8]) -> Sha256 {
    Hasher::digest(bytes).into()
}

/// Whether some bytes have this digest.
#[must_use]
pub fn is_of(bytes: &[u8], sha256: &Sha256) -> bool {
    sha256_of(bytes) == *sha256
}

/// A digest as OCI writes it: `sha256:` and hexadecimal digits.
#[must_use]
pub fn digest_of(sha256: &Sha256) -> String {
    format!("sha256:{}", hex(sha256))
}

pub(super) fn hex(sha256: &Sha256) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a digest as OCI writes it; none for one of another algorithm.
pub(crate) fn sha256(digest: &str) -> Option<Sha256> {
    let text = digest.strip_prefix("sha256:")?;
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 64 || !text.bytes().all(lower) {
        return None;
    }
    let mut found = [0; 32];
    for (byte, pair) in found.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(found)
}

/// The bytes of a document, with the keys of every object in order: maps of a library have none.
pub(crate) fn canonical(document: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(document).expect("a document is plain data");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("plain data can be written")
}

/// Reads a document; `what` is how messages call it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::Malformed { what: what.to_owned(), reason: error.to_string() })
}

/// The descriptor of some bytes.
pub(crate) fn descriptor(media_type: MediaType, bytes: &[u8]) -> Descriptor {
    described(media_type, &sha256_of(bytes), bytes.len() as u64)
}

/// The descriptor of what has this digest.
pub(crate) fn described(media_type: MediaType, sha256: &Sha256, size: u64) -> Descriptor {
    let digest: OciDigest = digest_of(sha256).parse().expect("a SHA-256 makes a digest");
    Descriptor::new(media_type, size, digest)
}

/// Whether an object has a key whose value is not `null`.
pub(super) fn has(value: &Value, key: &str) -> bool {
    value.get(key).is_some_and(|found| !found.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_they_are_written() {
        let sum = sha256_of(b"{}");
        assert_eq!(sha256(&digest_of(&sum)), Some(sum));
        let written = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(digest_of(&sum), written);
        for wrong in ["", "sha256:", "sha512:44", &written[..70], &written.to_uppercase()] {
            assert_eq!(sha256(wrong), None, "{wrong}");
        }
    }
}
