//! Objects by name, wherever they are: in a folder, behind HTTP, in a bucket. Waits, repeats nothing, and counts nothing.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use store::{Digest, DigestFunction, Store};
use tonic::metadata::MetadataMap;

use super::bucket::Bucket;
use super::folder::Folder;
use super::sign::sha256;
use super::web::{Ask, Payload, Web, bytes, clock, good};
use crate::address::Address;
use crate::fault::{Fault, Kind};
use crate::settings::Settings;

/// The form of what is kept; another one begins anew beside it.
pub(super) const FORM: &str = "v1";

/// An index that is larger would not fit into memory, and nobody wrote it.
const LARGEST_INDEX: u64 = 1 << 30;

/// More than any list of names has.
const LIST: u64 = 16 << 20;

/// The text whose digest is the name of the list of indexes in an HTTP cache, which has no lists of its own.
const CATALOG: &[u8] = b"pants: the indexes of a plain cache, version 1";

/// Where objects are.
pub(crate) enum Objects {
    Folder(Folder),
    /// `cas/` has all objects, by their SHA-256, and `ac/` the list of the indexes.
    Http(Web),
    Bucket(Bucket),
}

/// What an object is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// Says which outcomes there are, and where blobs are.
    Index(Digest),
    /// Holds blobs.
    Content(Digest),
}

/// The content of an object to be.
#[derive(Clone)]
pub(crate) enum Content {
    Bytes(Arc<Vec<u8>>),
    /// A blob of a store.
    Blob(Store, Digest),
}

/// A part of an object, with the place where it begins: 0 where all of it came instead.
pub(crate) struct Part {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Objects {
    /// The objects of an address, named by this function; none where it is that of a server. Connects to nothing.
    ///
    /// # Errors
    /// What cannot be used of the settings.
    pub(crate) fn new(settings: &Settings, function: DigestFunction) -> Result<Option<Objects>, Fault> {
        Ok(Some(match &settings.address {
            Address::Server { .. } => return Ok(None),
            Address::Folder(path) => {
                Objects::Folder(Folder(path.join(&settings.instance).join(FORM).join(function.name())))
            }
            Address::Http(url) => {
                let slash = if settings.instance.is_empty() { "" } else { "/" };
                Objects::Http(Web::new(&format!("{url}{slash}{}", settings.instance), settings, None)?)
            }
            Address::Bucket { bucket, prefix } => {
                Objects::Bucket(Bucket::new((bucket, prefix), settings, function)?)
            }
        }))
    }

    /// Asks for what proves who asks.
    pub(crate) fn prove(&self, renew: bool) -> Result<(), String> {
        match self {
            Objects::Bucket(bucket) => bucket.web.prove(renew),
            Objects::Folder(_) | Objects::Http(_) => Ok(()),
        }
    }

    fn path(&self, name: &Name) -> String {
        match (self, name) {
            (Objects::Http(_), Name::Index(digest) | Name::Content(digest)) => {
                format!("cas/{}", digest.hex())
            }
            (Objects::Bucket(bucket), Name::Index(digest)) => {
                format!("{}index/{}", bucket.prefix, file_name(digest))
            }
            (Objects::Bucket(bucket), Name::Content(digest)) => {
                format!("{}content/{}", bucket.prefix, digest.hex())
            }
            (Objects::Folder(_), Name::Index(digest)) => format!("index/{}", file_name(digest)),
            (Objects::Folder(_), Name::Content(digest)) => format!("content/{}", digest.hex()),
        }
    }

    /// Opens an object, from a place on.
    pub(crate) fn open(
        &self,
        name: &Name,
        (from, end): (u64, u64),
        shown: &MetadataMap,
    ) -> Result<(u64, Box<dyn Read + Send>), Fault> {
        let path = self.path(name);
        let web = match self {
            Objects::Folder(folder) => {
                return Ok((from, Box::new(folder.open(&path, from)?.take(end - from))));
            }
            Objects::Http(web) => web,
            Objects::Bucket(bucket) => &bucket.web,
        };
        let (Name::Index(digest) | Name::Content(digest)) = name;
        let range = (from > 0 || end < digest.size).then_some((from, end));
        let answer =
            web.send(&Ask { method: "GET", path: &path, query: &[], range, shown }, Payload::Nothing)?;
        let start = if range.is_some() && answer.status().as_u16() == 206 { from } else { 0 };
        Ok((start, Box::new(answer.into_body().into_reader())))
    }

    /// A part of an object, or all of it where only that can be had.
    pub(crate) fn get(&self, name: &Name, part: (u64, u64), shown: &MetadataMap) -> Result<Part, Fault> {
        let (start, content) = self.open(name, part, shown)?;
        let (Name::Index(digest) | Name::Content(digest)) = name;
        let mut bytes = Vec::new();
        // Whatever comes besides is nobody's.
        let read = content.take(digest.size.saturating_sub(start)).read_to_end(&mut bytes);
        read.map_err(|error| Fault::new(Kind::Unreachable, error.to_string()))?;
        Ok(Part { start, bytes })
    }

    /// Writes an object, whole or not at all.
    pub(crate) fn put(&self, name: &Name, content: &Content, shown: &MetadataMap) -> Result<(), Fault> {
        let mut blob;
        let mut slice;
        let (reader, len, digest): (&mut dyn Read, u64, _) = match content {
            Content::Bytes(bytes) => {
                slice = bytes.as_slice();
                let signed = matches!(self, Objects::Bucket(..)).then(|| sha256(bytes));
                (&mut slice, bytes.len() as u64, signed)
            }
            Content::Blob(store, digest) => {
                let lost = |error: store::StoreError| Fault::new(Kind::Refused, error.to_string());
                blob = store.open_blob(digest).map_err(lost)?;
                let is_signed = store.function() == DigestFunction::Sha256;
                (&mut blob, digest.size, is_signed.then(|| digest.hex()))
            }
        };
        let path = self.path(name);
        self.write(&path, Payload::Bytes(reader, len, digest), shown)
    }

    fn write(&self, path: &str, payload: Payload<'_>, shown: &MetadataMap) -> Result<(), Fault> {
        match (self, payload) {
            (Objects::Folder(folder), Payload::Bytes(reader, ..)) => folder.put(path, reader),
            (Objects::Folder(folder), Payload::Nothing) => folder.put(path, &mut io::empty()),
            (Objects::Http(web) | Objects::Bucket(Bucket { web, .. }), payload) => {
                web.send(&Ask { method: "PUT", path, query: &[], range: None, shown }, payload).map(drop)
            }
        }
    }

    /// Removes an object, where that can be done.
    pub(crate) fn remove(&self, name: &Name, shown: &MetadataMap) -> Result<(), Fault> {
        let path = self.path(name);
        match self {
            Objects::Folder(folder) => folder.remove(&path),
            // What is removed there would have to be asked for by who may.
            Objects::Http(_) => Ok(()),
            Objects::Bucket(bucket) => {
                let ask = Ask { method: "DELETE", path: &path, query: &[], range: None, shown };
                bucket.web.send(&ask, Payload::Nothing).map(drop)
            }
        }
    }

    /// The indexes that there are. `after` is where the last answer ended; the second value is where this one does.
    pub(crate) fn list(
        &self,
        after: Option<&str>,
        shown: &MetadataMap,
    ) -> Result<(Vec<Digest>, Option<String>), Fault> {
        match self {
            Objects::Folder(folder) => Ok((digests(folder.list("index")?.iter()), None)),
            Objects::Http(web) => match web.send(&catalog("GET", &catalog_path(), shown), Payload::Nothing) {
                Ok(answer) => {
                    // Whoever took it for an empty list would write one without what others have made.
                    let said = super::index::catalog(&bytes(answer, LIST)?).ok_or_else(|| {
                        let message = format!("`{}` is there, and is no list of indexes", catalog_path());
                        Fault::new(Kind::Refused, message)
                    })?;
                    Ok((digests(said.iter()), None))
                }
                Err(fault) if fault.kind == Kind::Missing => Ok((Vec::new(), None)),
                Err(fault) => Err(fault),
            },
            Objects::Bucket(bucket) => {
                let (names, next) = bucket.list("index/", after, shown)?;
                Ok((digests(names.iter()), next))
            }
        }
    }

    /// Says which indexes there are, where nobody else does.
    pub(crate) fn announce(&self, indexes: &[Digest], shown: &MetadataMap) -> Result<(), Fault> {
        let Objects::Http(web) = self else { return Ok(()) };
        let names: Vec<String> = indexes.iter().map(file_name).collect();
        let message = super::index::as_catalog(&names);
        let mut content = message.as_slice();
        let payload = Payload::Bytes(&mut content, message.len() as u64, None);
        web.send(&catalog("PUT", &catalog_path(), shown), payload).map(drop)
    }

    /// Whether indexes have to be announced.
    pub(crate) fn announces(&self) -> bool {
        matches!(self, Objects::Http(_))
    }

    /// Removes what is older than `longest`, and the oldest of what is more than `budget` bytes, where nobody else does.
    pub(crate) fn prune(&self, now: SystemTime, longest: Duration, budget: Option<u64>) -> Result<(), Fault> {
        match self {
            Objects::Folder(folder) => folder.prune(now, longest, budget),
            Objects::Http(_) | Objects::Bucket(_) => Ok(()),
        }
    }

    /// Makes a request that says whether they can be used. Gives what the clock there says.
    pub(crate) fn greet(&self, shown: &MetadataMap) -> Result<Option<SystemTime>, Fault> {
        match self {
            Objects::Folder(folder) => folder.exists().map(|()| None),
            Objects::Http(web) => {
                let answer = web.answer(&catalog("GET", &catalog_path(), shown), Payload::Nothing)?;
                let is_none_yet = answer.status().as_u16() == 404;
                let clock = clock(&answer);
                if is_none_yet { Ok(clock) } else { good(answer).map(|_| clock) }
            }
            Objects::Bucket(bucket) => bucket.greet(shown),
        }
    }
}

fn catalog<'a>(method: &'a str, path: &'a str, shown: &'a MetadataMap) -> Ask<'a> {
    Ask { method, path, query: &[], range: None, shown }
}

fn catalog_path() -> String {
    format!("ac/{}", sha256(CATALOG))
}

/// An index as it is named in lists.
fn file_name(index: &Digest) -> String {
    format!("{}-{}", index.hex(), index.size)
}

/// The digests of indexes among some names.
fn digests<'n>(names: impl Iterator<Item = &'n String>) -> Vec<Digest> {
    let mut found: Vec<Digest> = names
        .filter_map(|name| {
            let (hex, size) = name.split_once('-')?;
            Digest::from_hex(hex, size.parse().ok()?).ok()
        })
        .filter(|index| index.size <= LARGEST_INDEX)
        .collect();
    found.sort_unstable();
    found
}
