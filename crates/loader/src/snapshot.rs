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
use std::sync::Arc;

use graph::{Field, Label, Place, SourceFile, Target, Value, join, manual, schema};
use serde::{Deserialize, Serialize};

use crate::listing::Listing;
use crate::read::Digest;

/// Changed whenever the same text would be read as something else.
const FORMAT: &str = "pants loader snapshot 1";

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
    /// The files that places are in.
    files: Vec<String>,
    targets: Vec<StoredTarget>,
    messages: Vec<(StoredPlace, String)>,
}

/// File, line, column and width.
type StoredPlace = (u32, u32, u32, u32);

#[derive(Serialize, Deserialize)]
struct StoredTarget {
    name: String,
    rule: String,
    place: StoredPlace,
    /// The field's number in the schema.
    fields: Vec<(u32, Value, StoredPlace, Vec<StoredPlace>)>,
    /// Relative to the package.
    sources: Vec<String>,
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

    /// Reads a snapshot; what is damaged or of another form counts as none.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let empty = Self::empty();
        let Some((digest, body)) = bytes.split_first_chunk::<32>() else { return empty };
        if blake3::hash(body).as_bytes() != digest {
            return empty;
        }
        match postcard::from_bytes::<Self>(body) {
            Ok(snapshot) if snapshot.form == empty.form => snapshot,
            _ => empty,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).expect("plain data can be encoded");
        let mut bytes = blake3::hash(&body).as_bytes().to_vec();
        bytes.extend(body);
        bytes
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
            content: store(directory, outcome),
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
    pub(crate) fn outcome(&self, directory: &Arc<str>) -> Option<Outcome> {
        let content: Content = postcard::from_bytes(&self.content).ok()?;
        let files: Vec<Arc<str>> = content.files.into_iter().map(Arc::from).collect();
        let place = |(file, line, column, width): StoredPlace| -> Option<Place> {
            Some(Place::new(files.get(file as usize)?.clone(), line, column).wide(width))
        };
        let mut targets = Vec::with_capacity(content.targets.len());
        for stored in content.targets {
            let rule = schema(&stored.rule)?;
            let mut fields = Vec::with_capacity(stored.fields.len());
            for (number, value, at, items) in stored.fields {
                let name = rule.fields.get(number as usize)?.name;
                let items: Option<Vec<Place>> = items.into_iter().map(place).collect();
                fields.push(Field { name, value, place: place(at)?, items: items? });
            }
            let sources = stored.sources.iter().map(|file| SourceFile { path: join(directory, file).into() });
            targets.push(Target {
                label: Label::new(directory.clone(), stored.name),
                rule,
                fields,
                place: place(stored.place)?,
                sources: sources.collect(),
            });
        }
        let messages: Option<Vec<_>> =
            content.messages.into_iter().map(|(at, text)| Some((place(at)?, text))).collect();
        Some(Outcome { targets, messages: messages? })
    }
}

fn store(directory: &str, outcome: &Outcome) -> Vec<u8> {
    let mut files: Vec<String> = Vec::new();
    let mut place = |place: &Place| -> StoredPlace {
        let known = files.iter().position(|file| **file == *place.file);
        let file = known.unwrap_or_else(|| {
            files.push(place.file.to_string());
            files.len() - 1
        });
        (u32::try_from(file).unwrap_or(u32::MAX), place.line, place.column, place.width)
    };
    let targets = outcome.targets.iter().map(|target| StoredTarget {
        name: target.label.name().to_owned(),
        rule: target.rule.name.to_owned(),
        place: place(&target.place),
        fields: target
            .fields
            .iter()
            .map(|field| {
                let number = target.rule.fields.iter().position(|schema| schema.name == field.name);
                let number = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
                let items = field.items.iter().map(&mut place).collect();
                (number, field.value.clone(), place(&field.place), items)
            })
            .collect(),
        sources: target.sources.iter().map(|source| below(directory, &source.path)).collect(),
    });
    let targets = targets.collect();
    let messages = outcome.messages.iter().map(|(at, text)| (place(at), text.clone())).collect();
    postcard::to_stdvec(&Content { files, targets, messages }).expect("plain data can be encoded")
}

fn below(directory: &str, path: &str) -> String {
    if directory.is_empty() {
        path.to_owned()
    } else {
        path.get(directory.len() + 1..).unwrap_or(path).to_owned()
    }
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
