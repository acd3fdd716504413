//! Caches and workers of other machines: by the Remote Execution API, or as plain files on a server, in a bucket or in a
//! folder. The only crate that is asynchronous and speaks gRPC.
//!
//! It does not know what an action does, nor where the configuration comes from. All that is asynchronous runs on threads
//! of its own; whoever uses it waits as for a disk. Nothing that a server does or leaves undone is an error of a build:
//! what cannot be had is a miss, and a [`Notice`] says once why.

mod action_result;
mod address;
mod blobs;
mod breaker;
mod cache;
mod capabilities;
mod client;
mod compression;
mod connection;
mod download;
mod examine;
mod execution;
mod fault;
mod limit;
mod notice;
mod outputs;
mod plain;
mod prepared;
mod presence;
mod reads;
mod runner;
mod settings;
mod statistics;
mod streams;
mod upload;

pub use address::{Address, AddressError};
pub use cache::RemoteCache;
pub use capabilities::Abilities;
pub use client::Client;
pub use examine::Examined;
pub use fault::{Fault, Kind};
pub use notice::Notice;
pub use runner::{RemoteRunner, Workers};
pub use settings::{BucketSettings, Credentials, Identity, KeySource, Keys, KeysFrom, Settings};
pub use statistics::Statistics;

/// The messages and services, by short names.
pub(crate) mod api {
    pub(crate) use bazel_remote_apis::build::bazel::remote::execution::v2::action_cache_client::ActionCacheClient;
    pub(crate) use bazel_remote_apis::build::bazel::remote::execution::v2::capabilities_client::CapabilitiesClient;
    pub(crate) use bazel_remote_apis::build::bazel::remote::execution::v2::content_addressable_storage_client::ContentAddressableStorageClient;
    pub(crate) use bazel_remote_apis::build::bazel::remote::execution::v2::*;
    pub(crate) use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient;
    pub(crate) use bazel_remote_apis::google::bytestream::{ReadRequest, WriteRequest};
    pub(crate) use bazel_remote_apis::google::protobuf::Duration;
}
