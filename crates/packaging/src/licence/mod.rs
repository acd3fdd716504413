//! The licence of a distribution: what its metadata says, and whether that is allowed. Judges no law.

mod metadata;
mod policy;

use engine::extract::{self, Limits, UnpackError};
use store::{Digest, Entry, Store};

pub use policy::LicencePolicy;

/// What a distribution says of its licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Licence {
    /// An SPDX expression, in its canonical form.
    Expression(String),
    /// Names that are no SPDX identifiers, as they are written.
    Names(Vec<String>),
    /// Nothing.
    Unknown,
}

/// How a licence is called that nothing is said of.
pub const UNKNOWN: &str = "unknown";

impl Licence {
    /// Reads the text of `METADATA`: `License-Expression`, else `License`, else the classifiers.
    #[must_use]
    pub fn of_metadata(text: &str) -> Self {
        metadata::read(text)
    }

    /// Reads it from a wheel, which is the one file of a tree in the store.
    ///
    /// # Errors
    /// Fails where the store or the wheel cannot be read.
    pub fn of_wheel(store: &Store, tree: &Digest) -> Result<Self, UnpackError> {
        let tree = store.tree(tree).map_err(UnpackError::Store)?;
        let files = tree.walk();
        let wheel = files.iter().find_map(|(name, entry)| match entry {
            Entry::File { digest, .. } => Some((name, digest)),
            _ => None,
        });
        let Some((name, digest)) = wheel else { return Ok(Self::Unknown) };
        let zip = extract::open(store, name, digest, Limits::default())?;
        let is_metadata = |path: &str| {
            path.split_once('/')
                .is_some_and(|(folder, file)| folder.ends_with(".dist-info") && file == "METADATA")
        };
        let Some(entry) = zip.entries().iter().find(|entry| is_metadata(&entry.path)) else {
            return Ok(Self::Unknown);
        };
        let text = zip.read(entry).map_err(UnpackError::from)?;
        Ok(Self::of_metadata(&String::from_utf8_lossy(&text)))
    }
}

impl std::fmt::Display for Licence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expression(text) => f.write_str(text),
            Self::Names(names) => f.write_str(&names.join(", ")),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}
