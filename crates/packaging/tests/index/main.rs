//! Package indexes that misbehave: what is said, what is kept, and that the next run recovers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod config;
mod credentials;
mod download;
mod faults;
mod identity;
mod reach;
mod scopes;
mod server;
mod wheels;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use packaging::index::{
    Client, ClientOptions, FetchError, FetchRequest, Fetched, Indexes, RetryPolicy, fetch_file,
};
use sha2::{Digest as _, Sha256};
use store::{DigestFunction, Store};

/// Options of a client for tests: it does not wait long.
fn options(url: &str, folder: &Path) -> ClientOptions {
    let indexes = Indexes::single(url).unwrap();
    let mut options = ClientOptions::new(indexes, BTreeMap::new(), folder.join("partial"));
    options.retry = RetryPolicy {
        attempts: 3,
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(1500),
    };
    options.patience = Duration::from_millis(400);
    options
}

fn client(url: &str, folder: &Path) -> Client {
    Client::new(options(url, folder)).unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("cache"), DigestFunction::Blake3).unwrap()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks for `demo-1-py3-none-any.whl`, whose bytes must be `body`.
fn fetch(client: &Client, store: &Store, body: &[u8]) -> Result<Fetched, FetchError> {
    let request = FetchRequest {
        index: "default",
        project: "demo",
        file: FILE,
        sha256: sha256(body),
        size: Some(body.len() as u64),
    };
    fetch_file(client, &request, store, &|_, _| {})
}

const FILE: &str = "demo-1-py3-none-any.whl";
const PATH: &str = "/files/demo-1-py3-none-any.whl";
