//! What is in a plain cache, as messages: which outcomes there are, in which object each blob is, and which indexes there are.

use prost::Message;
use store::Digest;

use crate::api;

/// Some outcomes, and the objects that hold their blobs.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Index {
    #[prost(message, repeated, tag = "1")]
    pub(crate) records: Vec<Record>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) packs: Vec<Pack>,
}

/// The outcome of an action.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Record {
    /// The hash of what stands for the action.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) action: Vec<u8>,
    /// The result of the Remote Execution API.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) result: Vec<u8>,
    /// The message of its tree, where that is small.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) tree: Vec<u8>,
    /// When it was made, in seconds since the epoch.
    #[prost(uint64, tag = "4")]
    pub(crate) time: u64,
}

/// An object that holds blobs, one after the other.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pack {
    #[prost(message, optional, tag = "1")]
    pub(crate) object: Option<Named>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) blobs: Vec<Named>,
    /// When it was written, in seconds since the epoch.
    #[prost(uint64, tag = "3")]
    pub(crate) time: u64,
}

/// A digest.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Named {
    #[prost(bytes = "vec", tag = "1")]
    hash: Vec<u8>,
    #[prost(uint64, tag = "2")]
    size: u64,
}

impl From<Digest> for Named {
    fn from(digest: Digest) -> Named {
        Named { hash: digest.hash.to_vec(), size: digest.size }
    }
}

impl Named {
    /// The digest, if it is one.
    pub(crate) fn digest(&self) -> Option<Digest> {
        Some(Digest { hash: self.hash.as_slice().try_into().ok()?, size: self.size })
    }
}

/// The names of indexes as an outcome, which is what an HTTP cache takes.
pub(crate) fn as_catalog(names: &[String]) -> Vec<u8> {
    api::ActionResult { stdout_raw: names.join("\n").into_bytes(), ..api::ActionResult::default() }
        .encode_to_vec()
}

/// The names in such an outcome; none where it is another message, or a part of one.
pub(crate) fn catalog(message: &[u8]) -> Option<Vec<String>> {
    let said = api::ActionResult::decode(message).ok()?.stdout_raw;
    // Nobody writes a list of nothing.
    (!said.is_empty()).then(|| String::from_utf8_lossy(&said).lines().map(str::to_owned).collect())
}
