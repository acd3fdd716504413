//! What an earlier run evaluated, so that a run in which nothing changed evaluates nothing; it does not know the
//! cache that keeps it.
//!
//! A package of the snapshot holds as long as its key does:
//!
//! | enters the key | does not |
//! |---|---|
//! | the schemas of all rules and the form of the snapshot | the version of the binary |
//! | the path and bytes of the BUILD file | times, owners, modes |
//! | the path and bytes of every `.bzl` file behind it | where the root lies |
//! | the names of the files in its directory, if patterns looked at them | the contents of those files |
//! | the names of all files below, if a pattern has `**` or `/` | limits, jobs |

use std::collections::BTreeMap;

use graph::{Place, StoredTargets, Target, manual};
use serde::{Deserialize, Serialize};

use crate::listing::Listing;
use crate::read::Digest;

/// Changed whenever the same text would be read as something else.
const FORMAT: &str = "pants loader snapshot 3";

/// All packages of an earlier run, by directory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    form: Digest,
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One BUILD file's outcome and its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    file: String,
    digest: Digest,
    loads: Vec<(String, Digest)>,
    names: Option<Names>,
    /// The targets and messages, encoded.
    content: Vec<u8>,
}

/// The names of files that had a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Names {
    Here(Digest),
    Below(Digest),
}

#[derive(Serialize, Deserialize)]
struct Content {
    targets: StoredTargets,
    messages: Vec<(Place, String)>,
}

/// What a package gave.
pub(crate) struct Outcome {
    pub(crate) targets: Vec<Target>,
    pub(crate) messages: Vec<(Place, String)>,
}

/// What a package was made of.
pub(crate) struct Key<'a> {
    pub(crate) file: &'a str,
    pub(crate) digest: Digest,
    pub(crate) loads: BTreeMap<String, Digest>,
    pub(crate) shallow: bool,
    pub(crate) deep: bool,
}

impl Snapshot {
    pub(crate) fn empty() -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(FORMAT.as_bytes()).update(manual().as_bytes());
        Self { form: *hasher.finalize().as_bytes(), packages: BTreeMap::new() }
    }

    /// Reads a snapshot; what is of another form counts as none.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let empty = Self::empty();
        match postcard::from_bytes::<Self>(bytes) {
            Ok(snapshot) if snapshot.form == empty.form => snapshot,
            _ => empty,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data can be encoded")
    }

    /// All `.bzl` files that a package depends on.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.packages.values().flat_map(Package::modules)
    }
}

impl Package {
    pub(crate) fn new(directory: &str, key: &Key<'_>, outcome: &Outcome, listing: &Listing) -> Self {
        let names = match (key.deep, key.shallow) {
            (true, _) => Some(Names::Below(names_below(listing, directory))),
            (false, true) => Some(Names::Here(names_here(listing, directory))),
            (false, false) => None,
        };
        Self {
            file: key.file.to_owned(),
            digest: key.digest,
            loads: key.loads.iter().map(|(path, digest)| (path.clone(), *digest)).collect(),
            names,
            content: store(outcome),
        }
    }

    /// The `.bzl` files behind it, sorted.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.loads.iter().map(|(path, _)| path.as_str())
    }

    /// Whether names of files had a say, those of its own directory or also of those below.
    pub(crate) fn looks_at(&self, own: bool) -> bool {
        match self.names {
            None => false,
            Some(Names::Here(_)) => own,
            Some(Names::Below(_)) => true,
        }
    }

    /// Whether evaluation would give the same again.
    pub(crate) fn holds(
        &self,
        directory: &str,
        file: &str,
        digest: Digest,
        modules: &BTreeMap<String, Digest>,
        listing: &Listing,
    ) -> bool {
        self.file == file
            && self.digest == digest
            && self.loads.iter().all(|(path, digest)| modules.get(path) == Some(digest))
            && match self.names {
                None => true,
                Some(Names::Here(names)) => names == names_here(listing, directory),
                Some(Names::Below(names)) => names == names_below(listing, directory),
            }
    }

    /// The targets and messages; none if they cannot be read.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let content: Content = postcard::from_bytes(&self.content).ok()?;
        Some(Outcome { targets: content.targets.targets()?, messages: content.messages })
    }
}

fn store(outcome: &Outcome) -> Vec<u8> {
    let content =
        Content { targets: StoredTargets::new(&outcome.targets), messages: outcome.messages.clone() };
    postcard::to_stdvec(&content).expect("plain data can be encoded")
}

fn names_here(listing: &Listing, directory: &str) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for name in listing.directory(directory).iter().flat_map(|directory| &directory.files) {
        hasher.update(name.as_bytes()).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

fn names_below(listing: &Listing, directory: &str) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for directory in listing.below(directory) {
        hasher.update(directory.path.as_bytes()).update(&[1]);
        for name in &directory.files {
            hasher.update(name.as_bytes()).update(&[0]);
        }
    }
    *hasher.finalize().as_bytes()
}
