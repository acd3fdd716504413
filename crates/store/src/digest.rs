//! Names content by hash and size; knows nothing of where the content is kept.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

/// From this many bytes on BLAKE3 is computed on several threads.
const PARALLEL: usize = 256 * 1024;

/// What a blob is named by: the hash of its content and its size in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// The hash by the store's [`DigestFunction`].
    pub hash: [u8; 32],
    /// The size of the content in bytes.
    pub size: u64,
}

impl Digest {
    /// The hash in lower-case hexadecimal, as the Remote Execution API writes it.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.hash
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
            .collect()
    }

    /// The digest whose hash is written as `hex`. Fails unless it is 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str, size: u64) -> Result<Digest, DigestError> {
        let bad = || DigestError { found: hex.to_owned() };
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = nibble(*high).ok_or_else(bad)? << 4 | nibble(*low).ok_or_else(bad)?;
        }
        Ok(Digest { hash, size })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hex(), self.size)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Reads `<64 hexadecimal digits>/<size>`, which is what `Display` writes.
    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let bad = || DigestError { found: text.to_owned() };
        let (hex, size) = text.split_once('/').ok_or_else(bad)?;
        let canonical =
            size.bytes().all(|byte| byte.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        if !canonical {
            return Err(bad());
        }
        Digest::from_hex(hex, size.parse().map_err(|_| bad())?).map_err(|_| bad())
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a digest `<64 hexadecimal digits>/<size>`, found `{found}`")]
pub struct DigestError {
    /// The text as it was given.
    pub found: String,
}

impl DigestError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        "store::digest"
    }
}

/// How content is hashed: one for a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DigestFunction {
    /// BLAKE3, the default: several gigabytes a second on each processor.
    #[default]
    Blake3,
    /// SHA-256, where the remote server that the store is used with knows no other.
    Sha256,
}

impl DigestFunction {
    /// The name of the function, which is also that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            DigestFunction::Blake3 => "blake3",
            DigestFunction::Sha256 => "sha256",
        }
    }

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of no bytes, which is also that of the empty directory.
    pub fn empty(self) -> Digest {
        self.digest(&[])
    }
}

/// Hashes a stream and counts its bytes.
#[derive(Clone)]
pub(crate) struct Hasher {
    state: State,
    size: u64,
}

#[derive(Clone)]
enum State {
    Blake3(Box<blake3::Hasher>),
    Sha256(Box<sha2::Sha256>),
}

impl Hasher {
    pub(crate) fn new(function: DigestFunction) -> Hasher {
        let state = match function {
            DigestFunction::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
            DigestFunction::Sha256 => State::Sha256(Box::new(sha2::Sha256::new())),
        };
        Hasher { state, size: 0 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        match &mut self.state {
            State::Blake3(state) if bytes.len() >= PARALLEL => {
                state.update_rayon(bytes);
            }
            State::Blake3(state) => {
                state.update(bytes);
            }
            State::Sha256(state) => state.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let hash = match self.state {
            State::Blake3(state) => *state.finalize().as_bytes(),
            State::Sha256(state) => state.finalize().into(),
        };
        Digest { hash, size: self.size }
    }
}
