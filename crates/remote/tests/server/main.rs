//! What no server does that can be installed everywhere: compressed blobs, BLAKE3, streams that end too early, and when to
//! ask again; with a server in this process.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod server;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use engine::{Action, Cache as _, Verb};
use remote::{Client, RemoteCache, Settings};
use server::{Break, Server};
use store::DigestFunction::{self, Blake3, Sha256};
use store::{Digest, Outcome, Store, Tree};
use tempfile::TempDir;

const KEY: &[u8] = b"the key of the action";

/// A machine with a cache of its own.
struct Machine {
    cache: RemoteCache,
    store: Store,
    _folder: TempDir,
}

impl Machine {
    fn new(server: &Server, function: DigestFunction) -> Machine {
        let folder = tempfile::tempdir().unwrap();
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
    (0..len / 32).flat_map(|at| Blake3.digest(&at.to_le_bytes()).hash).collect()
}

fn check(function: DigestFunction, has_zstd: bool, breaks: Option<Break>) {
    let server = Server::start(function);
    server.state.has_zstd.store(has_zstd, Ordering::Relaxed);
    let words: String = (0..1_500_000).map(|at| format!("{} ", at % 1000)).collect();
    let lines = "def function(argument):\n    return argument\n".repeat(500);
    let noise = noise(6 << 20);
    let files =
        [("words", words.as_bytes()), ("lines", lines.as_bytes()), ("noise", &noise), ("small", b"1")];
    Machine::new(&server, function).put(&files);
    *server.state.breaks.lock().unwrap() = breaks;
    let reader = Machine::new(&server, function);
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
    assert_eq!(resumed, usize::from(breaks.is_some()), "{streams:?}");
}

#[test]
fn what_becomes_smaller_travels_compressed() {
    for function in [Sha256, Blake3] {
        check(function, true, None);
    }
}

#[test]
fn a_stream_that_breaks_off_is_gone_on_with() {
    for has_zstd in [true, false] {
        for how in [Break::Fails, Break::Ends] {
            check(Blake3, has_zstd, Some(how));
        }
    }
}

#[test]
fn without_compression_all_travels_as_it_is() {
    for function in [Sha256, Blake3] {
        check(function, false, None);
    }
}

#[test]
fn a_server_is_asked_again_when_it_says() {
    let server = Server::start(Blake3);
    Machine::new(&server, Blake3).put(&[("one", b"1")]);
    let wait = Duration::from_millis(700);
    *server.state.busy.lock().unwrap() = Some(wait);
    let reader = Machine::new(&server, Blake3);
    let begin = Instant::now();
    assert_eq!(reader.get(&[("one", b"1")]), [Some(b"1".to_vec())]);
    assert!(begin.elapsed() >= wait, "{:?}", begin.elapsed());
    assert_eq!(reader.cache.client().statistics().repeated, 1);

    *server.state.busy.lock().unwrap() = Some(Duration::from_secs(3600));
    let other = Machine::new(&server, Blake3);
    assert_eq!(other.cache.get(&other.key(), &action()).unwrap(), None);
    assert_eq!(other.cache.client().statistics().repeated, 0);
}

#[test]
fn what_swells_is_not_taken_in() {
    let server = Server::start(Sha256);
    server.state.has_zstd.store(true, Ordering::Relaxed);
    let (large, small) = (noise(6 << 20), noise(2 << 10));
    let files = [("large", large.as_slice()), ("small", &small)];
    Machine::new(&server, Sha256).put(&files);
    let reader = Machine::new(&server, Sha256);
    let outcome = reader.cache.get(&reader.key(), &action()).unwrap().unwrap();
    server.state.swells.store(true, Ordering::Relaxed);
    reader.cache.bring(&[outcome.tree], &[]).unwrap();
    assert!(files.iter().all(|(_, content)| !reader.store.has(&reader.store.digest(content)).unwrap()));
    let notices = reader.cache.client().take_notices();
    assert_eq!(notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), ["remote::corrupt"]);
}
