//! Blobs that travel compressed, to and from a server in this process: no server that can be installed everywhere has it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod server;

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use engine::{Action, Cache as _, Verb};
use remote::{Client, RemoteCache, Settings};
use server::Server;
use store::{Digest, DigestFunction, Outcome, Store, Tree};
use tempfile::TempDir;

const KEY: &[u8] = b"the key of the action";

/// A machine with a cache of its own.
struct Machine {
    cache: RemoteCache,
    store: Store,
    _folder: TempDir,
}

impl Machine {
    fn new(server: &Server) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let function = DigestFunction::Sha256;
        let store = Store::open_with(folder.path(), function, folder.path()).unwrap();
        let settings = Settings {
            address: format!("grpc://{}", server.address).parse().unwrap(),
            instance: "main".to_owned(),
            headers: Vec::new(),
            roots: None,
            identity: None,
            bucket: None,
            budget: None,
            proxy: None,
            now: SystemTime::now,
            credentials: None,
            read: true,
            write: true,
            write_processes: true,
            patience: Duration::from_secs(60),
            upload_patience: Duration::from_secs(60),
            version: "1",
            invocation: "test".to_owned(),
        };
        let cache = RemoteCache::new(Client::new(settings, function).unwrap(), store.clone());
        Machine { cache, store, _folder: folder }
    }

    fn key(&self) -> Digest {
        self.store.digest(KEY)
    }

    /// Keeps an outcome with these files, here and there.
    fn put(&self, files: &[(&str, &[u8])]) {
        let mut tree = Tree::new();
        for (path, content) in files {
            tree.add_file(path, self.store.put(content).unwrap(), false).unwrap();
        }
        let outcome =
            Outcome::success(self.store.put_tree(&tree).unwrap(), self.store.function(), Duration::ZERO);
        self.cache.put(&self.key(), &action(), &outcome).unwrap();
        self.cache.finish(&|| true);
        assert_eq!(self.cache.client().take_notices(), []);
    }

    /// The files of the outcome, as far as they can be had.
    fn get(&self, files: &[(&str, &[u8])]) -> Vec<Option<Vec<u8>>> {
        let outcome = self.cache.get(&self.key(), &action()).unwrap().unwrap();
        self.cache.bring(&[outcome.tree], &[]).unwrap();
        let digests = files.iter().map(|(_, content)| self.store.digest(content));
        digests.map(|digest| self.store.read(&digest).ok()).collect()
    }
}

fn action() -> Action {
    Action { verb: Verb::Write(Vec::new()), inputs: Vec::new(), description: String::new() }
}

/// Bytes without a pattern.
fn noise(len: u64) -> Vec<u8> {
    (0..len / 32).flat_map(|at| DigestFunction::Blake3.digest(&at.to_le_bytes()).hash).collect()
}

fn check(has_zstd: bool, breaks: bool) {
    let server = Server::start();
    server.state.has_zstd.store(has_zstd, Ordering::Relaxed);
    let words: String = (0..1_500_000).map(|at| format!("{} ", at % 1000)).collect();
    let lines = "def function(argument):\n    return argument\n".repeat(500);
    let noise = noise(6 << 20);
    let files =
        [("words", words.as_bytes()), ("lines", lines.as_bytes()), ("noise", &noise), ("small", b"1")];
    Machine::new(&server).put(&files);
    server.state.breaks.store(breaks, Ordering::Relaxed);
    let reader = Machine::new(&server);
    let found = reader.get(&files);
    for ((name, content), found) in files.iter().zip(&found) {
        assert!(found.as_deref() == Some(*content), "`{name}` is another");
    }
    let (up, down) = *server.state.bytes.lock().unwrap();
    let all: usize = files.iter().map(|(_, content)| content.len()).sum();
    let least = noise.len();
    if has_zstd {
        assert!(up < least + least / 10, "{up} of {all} bytes went");
        assert!(down < least * 2 && reader.cache.client().statistics().bytes_down < 2 * least as u64);
    } else {
        assert!(up >= all && down >= all, "{up} and {down} of {all} bytes");
    }
    let streams = server.state.streams.lock().unwrap();
    let uploads = |kind: &str| {
        streams.iter().filter(|(name, _)| name.contains("uploads/") && name.contains(kind)).count()
    };
    // What becomes no smaller goes as it is.
    assert_eq!(uploads("/compressed-blobs/zstd/"), usize::from(has_zstd));
    assert_eq!(uploads("/blobs/"), if has_zstd { 1 } else { 2 });
    let resumed = streams.iter().filter(|(_, offset)| *offset > 0).count();
    assert_eq!(resumed, usize::from(breaks), "{streams:?}");
}

#[test]
fn what_becomes_smaller_travels_compressed() {
    check(true, false);
}

#[test]
fn a_compressed_stream_that_breaks_off_is_gone_on_with() {
    check(true, true);
}

#[test]
fn without_compression_all_travels_as_it_is() {
    check(false, false);
}

#[test]
fn what_swells_is_not_taken_in() {
    let server = Server::start();
    server.state.has_zstd.store(true, Ordering::Relaxed);
    let (large, small) = (noise(6 << 20), noise(2 << 10));
    let files = [("large", large.as_slice()), ("small", &small)];
    Machine::new(&server).put(&files);
    let reader = Machine::new(&server);
    let outcome = reader.cache.get(&reader.key(), &action()).unwrap().unwrap();
    server.state.swells.store(true, Ordering::Relaxed);
    reader.cache.bring(&[outcome.tree], &[]).unwrap();
    assert!(files.iter().all(|(_, content)| !reader.store.has(&reader.store.digest(content)).unwrap()));
    let notices = reader.cache.client().take_notices();
    assert_eq!(notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), ["remote::corrupt"]);
}
