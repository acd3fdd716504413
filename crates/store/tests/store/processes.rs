//! Several processes at once, and processes that are killed at any instant.
//!
//! A child is this very test binary, told to run one of the tests that do nothing otherwise.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use store::{Digest, DigestFunction, Outcome, Part, Store, StoreError, Tree};

use crate::{CHILD, bytes};

const ROUND: u64 = 60;

fn spawn(test: &str, cache: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("processes::{test}"), "--ignored", "--nocapture"])
        .env(CHILD, cache)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A blob of any kind: rows, files, and one that is larger than a chunk.
fn content(seed: u64) -> Vec<u8> {
    let len = [100, 5_000, 32_768, 40_000, 700_000][usize::try_from(seed % 5).unwrap()];
    bytes(len + usize::try_from(seed).unwrap(), seed)
}

/// What a build would do to a store, for one seed.
fn work(store: &Store, seed: u64) -> Digest {
    let content = content(seed);
    let digest = match seed % 2 {
        0 => store.put(&content).unwrap(),
        _ => {
            let mut writer = store.writer().unwrap();
            content.chunks(9_999).for_each(|chunk| writer.write_all(chunk).unwrap());
            writer.finish().unwrap()
        }
    };
    assert_eq!(store.read(&digest).unwrap(), content);
    let whole =
        store.put_composed(&[Part::Bytes(b"x".to_vec()), Part::Blob { digest, offset: 0, len: digest.size }]);
    let mut tree = Tree::new();
    tree.add_file("file", digest, false).unwrap();
    tree.add_file("whole", whole.unwrap(), true).unwrap();
    let root = store.put_tree(&tree).unwrap();
    assert!(store.is_complete(&root).unwrap());
    store.put_outcome(&digest, &Outcome::success(root, store.function(), Duration::ZERO)).unwrap();
    store.put_memo("table", &seed.to_le_bytes(), &content[..50]).unwrap();
    digest
}

/// All that is served for `seed` is right; whether all is there.
fn check(store: &Store, seed: u64) -> bool {
    let expected = content(seed);
    let digest = store.digest(&expected);
    let read = |digest: &Digest| match store.read(digest) {
        Ok(found) => Some(found),
        Err(StoreError::Missing(_)) => None,
        Err(error) => panic!("{error:?}"),
    };
    let whole = [b"x", &expected[..]].concat();
    let blob = read(&digest).inspect(|found| assert!(*found == expected));
    let composed = read(&store.digest(&whole)).inspect(|found| assert!(*found == whole));
    let memo =
        store.memo("table", &seed.to_le_bytes()).unwrap().inspect(|memo| assert_eq!(memo, &expected[..50]));
    let outcome = store.outcome(&digest).unwrap();
    if let Some(outcome) = outcome {
        assert!(store.is_complete(&outcome.tree).unwrap(), "an outcome is written after what it names");
    }
    blob.is_some() && composed.is_some() && memo.is_some() && outcome.is_some()
}

#[test]
#[ignore = "a child of `eight_processes_share_a_cache`"]
fn child_that_works() {
    let Some(cache) = std::env::var_os(CHILD) else { return crate::skipped("not started as a child") };
    let store = Store::open(Path::new(&cache), DigestFunction::Blake3).unwrap();
    for seed in 0..ROUND {
        work(&store, seed);
    }
    assert!((0..ROUND).all(|seed| check(&store, seed)));
    assert_eq!(store.take_warnings(), []);
}

#[test]
#[ignore = "a child of `killed_processes_leave_a_cache_that_is_right`"]
fn child_that_is_killed() {
    let Some(cache) = std::env::var_os(CHILD) else { return crate::skipped("not started as a child") };
    println!("begun");
    for seed in 0.. {
        // Opening is as likely to be interrupted as all else.
        let store = Store::open(Path::new(&cache), DigestFunction::Blake3).unwrap();
        work(&store, seed % 1000);
    }
}

#[test]
fn eight_processes_share_a_cache() {
    let dir = tempfile::tempdir().unwrap();
    let mut children: Vec<Child> = (0..8).map(|_| spawn("child_that_works", dir.path())).collect();
    for child in &mut children {
        let status = child.wait().unwrap();
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert!(status.success() && output.contains("1 passed"), "{output}");
    }
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    assert!((0..ROUND).all(|seed| check(&store, seed)));
    assert_eq!(store.take_warnings(), []);
    drop(store);
    assert_eq!(fs::read_dir(dir.path().join("v1/blake3/tmp")).unwrap().count(), 0);
}

#[test]
fn killed_processes_leave_a_cache_that_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let mut done = 0;
    for round in 0..50_u64 {
        let mut child = spawn("child_that_is_killed", dir.path());
        // What the harness says comes before; then the store is opened.
        let mut output = child.stdout.take().unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"begun\n") {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        let delay = Duration::from_micros(u64::from(bytes(1, round)[0]) * 400);
        let begin = Instant::now();
        while begin.elapsed() < delay {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
        assert_eq!(
            fs::read_dir(dir.path().join("v1/blake3/tmp")).unwrap().count(),
            0,
            "no temporary file is left"
        );
        done = (0..100).filter(|seed| check(&store, *seed)).count();
        assert_eq!(store.take_warnings(), [], "being killed is no damage");
    }
    assert!(done > 0, "the children did something before they were killed");
}

#[test]
fn a_busy_database_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let other = rusqlite::Connection::open(dir.path().join("v1/blake3/db2/1/store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = Duration::from_millis(300);
    std::thread::scope(|scope| {
        let begin = Instant::now();
        let writer = scope.spawn(|| store.put(b"waited for").unwrap());
        assert!(!store.has(&store.digest(b"waited for")).unwrap(), "readers do not wait");
        std::thread::sleep(held);
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(store.read(&writer.join().unwrap()).unwrap(), b"waited for");
        assert!(begin.elapsed() >= held);
    });
    assert_eq!(store.take_warnings(), []);
}
