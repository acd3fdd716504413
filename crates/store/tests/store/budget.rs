//! The cache within its budget: what was used least lately goes, whole, and nothing else.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::{Digest, DigestFunction, Moment, Outcome, Part, Store, Tree};

use crate::{CHILD, PATIENCE, bytes, open, skipped};

const HOUR: Duration = Duration::from_secs(3600);

/// Keeps the outcome of an action that made a tree of these files; gives its key.
fn outcome(store: &Store, name: &str, files: &[Digest]) -> (Digest, Digest) {
    let mut tree = Tree::new();
    for (at, file) in files.iter().enumerate() {
        tree.add_file(&format!("{name}/{at}"), *file, false).unwrap();
    }
    let tree = store.put_tree(&tree).unwrap();
    let key = store.digest(name.as_bytes());
    store.put_outcome(&key, &Outcome::success(tree, store.function(), Duration::ZERO)).unwrap();
    (key, tree)
}

/// Says that all was used so many hours earlier than it was.
fn age(cache: &Path, key: &Digest, hours: i64) {
    let database = rusqlite::Connection::open(cache.join("v1/blake3/db2/1/store.db")).unwrap();
    let changed =
        database.execute("UPDATE entry SET used = used - ?1 WHERE key = ?2", (hours, key.hash)).unwrap();
    assert_eq!(changed, 1);
}

/// Three outcomes of a megabyte each, the second of which was used last and the first a day before.
fn filled() -> (tempfile::TempDir, Store, [(Digest, Digest); 3]) {
    let (dir, store) = open(DigestFunction::Blake3);
    let made = [1, 2, 3].map(|seed| {
        let files = [store.put(&bytes(1_000_000, seed)).unwrap(), store.put(&bytes(100, seed)).unwrap()];
        outcome(&store, &format!("action {seed}"), &files)
    });
    age(&dir.path().join("cache"), &made[0].0, 24);
    age(&dir.path().join("cache"), &made[2].0, 1);
    (dir, store, made)
}

fn later(hours: u32) -> Moment {
    Moment::now().after(HOUR * hours)
}

/// Which of the outcomes are there, each with all that it is made of.
fn there(store: &Store, made: &[(Digest, Digest)]) -> Vec<bool> {
    made.iter()
        .map(|(key, tree)| {
            let kept = store.outcome(key).unwrap().is_some();
            assert!(!kept || store.is_complete(tree).unwrap(), "what is kept is whole");
            kept
        })
        .collect()
}

#[test]
fn the_least_lately_used_goes_first() {
    let (_dir, store, made) = filled();
    assert_eq!(store.collect(1 << 30, later(100), PATIENCE).unwrap().blobs, 0);
    assert_eq!(there(&store, &made), [true, true, true]);
    let collected = store.collect(2_600_000, later(100), PATIENCE).unwrap();
    assert_eq!((collected.outcomes, there(&store, &made)), (1, vec![false, true, true]));
    assert!(collected.bytes > 900_000, "{collected:?}");
    store.collect(1_300_000, later(100), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [false, true, false]);
    store.collect(0, later(100), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [false, false, false]);
    assert_eq!(store.usage().unwrap().file_bytes, 0);
    // What is gone can be made again.
    let again = store.put(&bytes(1_000_000, 1)).unwrap();
    assert_eq!(store.read(&again).unwrap(), bytes(1_000_000, 1));
}

#[test]
fn what_was_just_used_or_stored_stays() {
    let (_dir, store, made) = filled();
    let new = store.put(&bytes(500_000, 9)).unwrap();
    store.collect(0, later(0), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [false, true, true], "the first was used a day ago");
    assert!(store.has(&new).unwrap(), "no outcome has it yet, but somebody may be about to");
}

#[test]
fn the_parts_of_what_is_kept_stay() {
    let (dir, store) = open(DigestFunction::Blake3);
    let wheel = store.put(&bytes(1_000_000, 1)).unwrap();
    let (fetched, _) = outcome(&store, "fetch", &[wheel]);
    let parts = [Part::Bytes(b"head".to_vec()), Part::Blob { digest: wheel, offset: 0, len: wheel.size }];
    let pex = store.put_composed(&parts).unwrap();
    let made = outcome(&store, "assemble", &[pex]);
    age(&dir.path().join("cache"), &fetched, 100);
    store.collect(500_000, later(1), PATIENCE).unwrap();
    assert_eq!(store.outcome(&fetched).unwrap(), None);
    assert_eq!(there(&store, &[made]), [true]);
    assert_eq!(store.read(&pex).unwrap(), [b"head".as_slice(), &bytes(1_000_000, 1)].concat());
}

#[test]
fn a_use_is_written_down_once_a_day() {
    let (dir, store, made) = filled();
    age(&dir.path().join("cache"), &made[1].0, 23);
    there(&store, &made);
    store.note_uses().unwrap();
    // The first, a day old, is now the one that was used last.
    store.collect(1_300_000, later(100), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [true, false, false]);
}

#[test]
fn verifying_finds_what_is_damaged() {
    let (_dir, store, _) = filled();
    assert_eq!(store.verify().unwrap().1, 0);
    let blob = store.put(&bytes(200_000, 20)).unwrap();
    let path = store.dir().join("v1/blake3/blobs").join(&blob.hex()[..2]).join(&blob.hex()[2..]);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&path, bytes(200_000, 21)).unwrap();
    let (count, corrupt) = store.verify().unwrap();
    assert!(count > 6 && corrupt == 1, "{count} {corrupt}");
    assert!(!store.has(&blob).unwrap());
    assert_eq!(store.verify().unwrap(), (count - 1, 0));
}

#[test]
#[ignore = "a child of `what_a_living_process_has_read_stays`"]
fn child_that_reads_and_waits() {
    let Some(cache) = std::env::var_os(CHILD) else { return skipped("not started as a child") };
    let store = Store::open(Path::new(&cache), DigestFunction::Blake3).unwrap();
    assert!(store.outcome(&store.digest(b"action 1")).unwrap().is_some());
    println!("\nread");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn what_a_living_process_has_read_stays() {
    let (dir, store, made) = filled();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "budget::child_that_reads_and_waits", "--ignored", "--nocapture"])
        .env(CHILD, dir.path().join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "read"), "the child has read an outcome");
    // As if they had all been made before the child began.
    made.iter().for_each(|(key, _)| age(&dir.path().join("cache"), key, 12));
    store.collect(0, later(0), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [true, false, false], "the day-old one is leased");
    child.kill().unwrap();
    child.wait().unwrap();
    store.collect(0, later(100), PATIENCE).unwrap();
    assert_eq!(there(&store, &made), [false, false, false], "the lease of a dead process does not count");
}

/// The database gives the space of what was removed back.
#[test]
fn the_database_shrinks() {
    let (_dir, store) = open(DigestFunction::Blake3);
    let small: Vec<Digest> = (0..300).map(|seed| store.put(&bytes(20_000, seed)).unwrap()).collect();
    let (key, _) = outcome(&store, "many", &small);
    age(store.dir(), &key, 200);
    let before = store.usage().unwrap().database_bytes;
    assert!(before > 6_000_000, "{before}");
    store.collect(0, later(100), PATIENCE).unwrap();
    let after = store.usage().unwrap().database_bytes;
    assert!(after < 1_000_000, "{before}, then {after}");
}

/// Whoever begins while others empty the cache keeps what it has stored since.
#[test]
fn what_is_stored_beside_who_clears_stays() {
    let (dir, clearing) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clears = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                clearing.clear(PATIENCE).unwrap();
                count += 1;
            }
            count
        });
        for round in 0..200 {
            let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
            store.hold();
            let blobs = [store.put(&bytes(100, round)).unwrap(), store.put(&bytes(60_000, round)).unwrap()];
            let (key, tree) = outcome(&store, &format!("action {round}"), &blobs);
            std::thread::sleep(Duration::from_millis(1));
            let found = store.outcome(&key).unwrap().map(|outcome| outcome.tree);
            if found != Some(tree) || !store.missing(&tree).unwrap().is_empty() {
                over.store(true, Ordering::Relaxed);
                panic!("round {round}: something has gone");
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(clears.join().unwrap() > 20, "it was cleared meanwhile");
    });
}
