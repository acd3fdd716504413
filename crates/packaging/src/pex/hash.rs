//! The two hashes of a PEX that name its installed copies on a machine. Any text serves the runtime, so these
//! cover everything that can change what runs, which the runtime's own do not.

use sha2::{Digest as _, Sha256};

/// Enters each hash, so that a change of the format changes them all.
const FORMAT: &[u8] = b"pants pex 1";
/// The length of the runtime's own hashes, in hexadecimal digits.
const LENGTH: usize = 40;

/// Sums parts of any content without ambiguity: each goes in behind its length.
pub(super) struct Hasher(Sha256);

impl Hasher {
    /// Starts a hash of its own kind.
    pub(super) fn new(kind: &str) -> Hasher {
        let mut hasher = Hasher(Sha256::new());
        hasher.part(FORMAT);
        hasher.part(kind.as_bytes());
        hasher
    }

    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        let mut text = hex(&self.0.finalize());
        text.truncate(LENGTH);
        text
    }
}

/// The `code_hash`: over every user file with its path, executable bit and content, sorted by path.
/// The runtime's own leaves out files whose name starts with a dot, and then runs stale ones.
pub(super) struct CodeHasher(Hasher);

impl CodeHasher {
    pub(super) fn new() -> CodeHasher {
        CodeHasher(Hasher::new("code"))
    }

    /// Adds a file by the SHA-256 of its content; paths come sorted.
    pub(super) fn file(&mut self, path: &str, executable: bool, sha256: &[u8; 32]) {
        self.0.part(path.as_bytes());
        self.0.part(&[u8::from(executable)]);
        self.0.part(sha256);
    }

    pub(super) fn finish(self) -> String {
        self.0.finish()
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}
