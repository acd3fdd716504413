//! Damage of every kind is found, said once, and mended by making the content again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::{DigestFunction, Outcome, Part, Store, StoreError};

use crate::{bytes, open};

fn codes(store: &Store) -> Vec<(&'static str, u64)> {
    store.take_warnings().iter().map(|warning| (warning.code(), warning.count)).collect()
}

fn file_of(cache: &Path, digest: &store::Digest) -> PathBuf {
    let hex = digest.hex();
    cache.join("v1/blake3/blobs").join(&hex[..2]).join(&hex[2..])
}

fn database_of(cache: &Path, number: u32) -> PathBuf {
    cache.join(format!("v1/blake3/db2/{number}/store.db"))
}

/// Damages the file of a large blob by `damage`, and checks that the blob is missing, said once, and mended.
fn check_blob(damage: impl Fn(&Path), in_use: bool) {
    let (dir, mut store) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    let content = bytes(200_000, 1);
    let digest = store.put(&content).unwrap();
    let path = file_of(&cache, &digest);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    damage(&path);
    if !in_use {
        drop(store);
        store = Store::open(&cache, DigestFunction::Blake3).unwrap();
    }
    assert!(matches!(store.read(&digest), Err(StoreError::Missing(_))));
    assert!(!store.has(&digest).unwrap());
    assert_eq!(codes(&store), [("store::corrupt_blob", 1)]);
    assert_eq!(store.put(&content).unwrap(), digest);
    assert_eq!(store.read(&digest).unwrap(), content);
    assert_eq!(codes(&store), []);
}

#[test]
fn a_damaged_blob_is_missing_and_mended() {
    for in_use in [false, true] {
        check_blob(
            |path| OpenOptions::new().write(true).open(path).unwrap().write_all_at(b"x", 1000).unwrap(),
            in_use,
        );
        check_blob(|path| OpenOptions::new().write(true).open(path).unwrap().set_len(1000).unwrap(), in_use);
        check_blob(
            |path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap(),
            in_use,
        );
        check_blob(|path| fs::write(path, bytes(200_000, 2)).unwrap(), in_use);
        let directory = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        };
        check_blob(directory, in_use);
    }
}

#[test]
fn a_blob_that_was_only_touched_is_still_good() {
    let (dir, store) = open(DigestFunction::Blake3);
    let digest = store.put(&bytes(200_000, 1)).unwrap();
    let path = file_of(&dir.path().join("cache"), &digest);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(store.read(&digest).unwrap(), bytes(200_000, 1));
    assert_eq!(codes(&store), []);
}

/// Runs SQL on the database, as nothing of the store would.
fn sql(cache: &Path, statement: &str) {
    let connection = rusqlite::Connection::open(database_of(cache, 1)).unwrap();
    connection.execute_batch(statement).unwrap();
}

#[test]
fn a_damaged_row_is_missing_and_mended() {
    let (dir, store) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    let (small, large) = (store.put(b"small").unwrap(), store.put(&bytes(100_000, 3)).unwrap());
    let whole = store
        .put_composed(&[Part::Bytes(b"x".to_vec()), Part::Blob { digest: large, offset: 0, len: 70_000 }]);
    let whole = whole.unwrap();
    let outcome = Outcome::success(small, store.function(), std::time::Duration::from_millis(5));
    store.put_outcome(&small, &outcome).unwrap();
    store.put_memo("imports", b"key", b"value").unwrap();
    sql(
        &cache,
        "UPDATE blob SET data = CAST('smalL' AS BLOB); UPDATE entry SET value = CAST(value || 'x' AS BLOB)",
    );
    assert!(matches!(store.read(&small), Err(StoreError::Missing(_))));
    assert!(!store.has(&whole).unwrap());
    assert_eq!(store.outcome(&small).unwrap(), None);
    assert_eq!(store.memo("imports", b"key").unwrap(), None);
    assert_eq!(codes(&store), [("store::corrupt_blob", 1), ("store::corrupt_entry", 3)]);
    assert_eq!(store.put(b"small").unwrap(), small);
    store.put_outcome(&small, &outcome).unwrap();
    store.put_memo("imports", b"key", b"value").unwrap();
    assert_eq!(store.read(&small).unwrap(), b"small");
    assert_eq!(store.outcome(&small).unwrap(), Some(outcome));
    assert_eq!(store.memo("imports", b"key").unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(codes(&store), []);
    // A blob that is put where a damaged row is must be readable from then on.
    sql(&cache, "UPDATE blob SET data = CAST('smalL' AS BLOB)");
    store.put(b"small").unwrap();
    assert_eq!(store.read(&small).unwrap(), b"small");
}

/// Damages the database of a closed store by `damage`, and checks that only what was in it is lost.
fn check_database(damage: impl Fn(&Path), warnings: &[(&str, u64)]) {
    let (dir, store) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    let (small, large) = (store.put(b"small").unwrap(), store.put(&bytes(100_000, 4)).unwrap());
    drop(store);
    crate::checkpoint(&cache);
    damage(&database_of(&cache, 1));
    for expected in [warnings, &[]] {
        let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
        store.has(&small).unwrap();
        store.put(b"small").unwrap();
        assert_eq!(store.read(&small).unwrap(), b"small");
        assert_eq!(store.read(&large).unwrap(), bytes(100_000, 4), "large blobs stay usable");
        assert_eq!(codes(&store), expected);
    }
}

#[test]
fn a_damaged_database_is_begun_anew() {
    let corrupt = [("store::corrupt_database", 1)];
    check_database(|path| fs::write(path, b"this is no database").unwrap(), &corrupt);
    check_database(|path| fs::write(path, bytes(100_000, 5)).unwrap(), &corrupt);
    check_database(|path| fs::write(path, b"").unwrap(), &corrupt);
    check_database(
        |path| OpenOptions::new().write(true).open(path).unwrap().set_len(5000).unwrap(),
        &corrupt,
    );
    check_database(
        |path| OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[9, 9], 18).unwrap(),
        &corrupt,
    );
    check_database(|path| fs::remove_file(path).unwrap(), &corrupt);
    check_database(|path| fs::remove_dir_all(path.parent().unwrap()).unwrap(), &[]);
    let another_schema = |path: &Path| {
        rusqlite::Connection::open(path).unwrap().execute_batch("PRAGMA user_version=99").unwrap();
    };
    check_database(another_schema, &corrupt);
    let without_a_table = |path: &Path| {
        rusqlite::Connection::open(path).unwrap().execute_batch("DROP TABLE sound").unwrap();
    };
    check_database(without_a_table, &corrupt);
}

#[test]
fn a_database_that_is_damaged_while_two_have_it_open_is_begun_anew_once() {
    let (dir, first) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    let second = Store::open(&cache, DigestFunction::Blake3).unwrap();
    for seed in 0..200 {
        first.put(&bytes(20_000, seed)).unwrap();
    }
    second.put(b"of the second").unwrap();
    rusqlite::Connection::open(database_of(&cache, 1))
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let file = OpenOptions::new().write(true).open(database_of(&cache, 1)).unwrap();
    file.write_all_at(&vec![0xff; usize::try_from(file.metadata().unwrap().len()).unwrap()], 0).unwrap();
    for store in [&first, &second, &first] {
        for seed in 0..200 {
            let digest = store.digest(&bytes(20_000, seed));
            match store.read(&digest) {
                Ok(found) => assert_eq!(found, bytes(20_000, seed)),
                Err(error) => assert!(matches!(error, StoreError::Missing(_)), "{error:?}"),
            }
            store.put(&bytes(20_000, seed)).unwrap();
            assert_eq!(store.read(&digest).unwrap(), bytes(20_000, seed));
        }
    }
    let warnings = [codes(&first), codes(&second)].concat();
    assert_eq!(warnings, [("store::corrupt_database", 1)]);
    assert!(!database_of(&cache, 3).exists());
    drop((first, second));
    let third = Store::open(&cache, DigestFunction::Blake3).unwrap();
    assert_eq!(third.read(&third.digest(&bytes(20_000, 7))).unwrap(), bytes(20_000, 7));
    assert!(!database_of(&cache, 1).exists(), "the old one is removed when nobody has it open");
}

#[test]
fn warnings_are_said_once_with_their_count() {
    let (dir, store) = open(DigestFunction::Blake3);
    let digests = store.put_many(&[b"one", b"two"]).unwrap();
    sql(&dir.path().join("cache"), "UPDATE blob SET data = CAST('x' AS BLOB)");
    for digest in &digests {
        assert!(!store.has(digest).unwrap());
    }
    let warnings: Vec<String> = store.take_warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [format!("the blob `{}` was corrupt in the cache and was removed (and 1 more)", digests[0])]
    );
}

/// A few blobs are hashed again now and then, whatever is known of them, so that damage comes to light unread.
#[test]
fn samples_find_damage() {
    let (dir, store) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    for seed in 0..40 {
        store.put(&bytes(1_000, seed)).unwrap();
        store.put(&bytes(100_000, seed)).unwrap();
    }
    assert!(store.sample(Duration::from_millis(20)).unwrap() >= 40);
    assert_eq!(codes(&store), [], "what is sound is nothing to say");
    // Damage that no time tells: this process has found the file to be right, and looks no more.
    let (small, large) = (store.put(&bytes(1_000, 1)).unwrap(), store.put(&bytes(100_000, 2)).unwrap());
    let path = file_of(&cache, &large);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"x", 1000).unwrap();
    let database = rusqlite::Connection::open(database_of(&cache, 1)).unwrap();
    database.execute("UPDATE blob SET data = x'00' WHERE hash = ?1", [small.hash]).unwrap();
    let mut found = 0;
    for _ in 0..2_000 {
        store.sample(Duration::from_millis(5)).unwrap();
        found += codes(&store).iter().map(|(_, count)| count).sum::<u64>();
        if found == 2 {
            break;
        }
    }
    assert_eq!((found, path.exists(), store.has(&small).unwrap()), (2, false, false));
    assert_eq!(codes(&store), []);
    // What was removed is made again.
    assert_eq!(store.put(&bytes(100_000, 2)).unwrap(), large);
    assert_eq!(store.read(&large).unwrap(), bytes(100_000, 2));
}
