//! Where nothing can be written: a read-only cache is read, a full disk is said, and a path that is none is an error.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use store::{Digest, DigestFunction, Outcome, Part, Store, StoreError};

use crate::{Mount, bytes, skipped};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Reads what is in a cache that cannot be written to, and writes to it all the same.
fn check_read_only(cache: &Path, scratch: &Path, expected: &[Vec<u8>]) {
    let store = Store::open_with(cache, DigestFunction::Blake3, scratch).unwrap();
    let codes: Vec<_> = store.take_warnings().iter().map(store::Warning::code).collect();
    assert_eq!(codes, ["store::read_only"]);
    for content in expected {
        assert_eq!(store.read(&store.digest(content)).unwrap(), *content);
    }
    for content in [bytes(10, 90), bytes(90_000, 91)] {
        let digest = store.put(&content).unwrap();
        assert_eq!(store.read(&digest).unwrap(), content);
    }
    let part = store.digest(&expected[1]);
    let parts = [Part::Bytes(b"x".to_vec()), Part::Blob { digest: part, offset: 0, len: part.size }];
    let whole = store.put_composed(&parts).unwrap();
    assert_eq!(store.read(&whole).unwrap(), [b"x", &expected[1][..]].concat());
    store.put_memo("table", b"key", b"other").unwrap();
    assert_eq!(store.memo("table", b"key").unwrap().unwrap(), b"other");
    let key = store.digest(b"key");
    let other = store.digest(b"other");
    assert_eq!(store.outcome(&key).unwrap().unwrap().tree, key);
    store.put_outcome(&key, &success(other)).unwrap();
    assert_eq!(store.outcome(&key).unwrap().unwrap().tree, other);
    assert_eq!(store.take_warnings(), []);
    assert!(fs::read_dir(scratch).unwrap().count() > 0);
    drop(store);
    let left: usize =
        fs::read_dir(scratch).unwrap().map(|dir| fs::read_dir(dir.unwrap().path()).unwrap().count()).sum();
    assert_eq!(left, 0, "nothing of the scratch is left");
}

fn fill(store: &Store, contents: &[Vec<u8>]) {
    store.put_many(contents).unwrap();
    store.put_memo("table", b"key", b"value").unwrap();
    let key = store.digest(b"key");
    store.put_outcome(&key, &success(key)).unwrap();
}

fn success(tree: Digest) -> Outcome {
    Outcome::success(tree, DigestFunction::Blake3, Duration::ZERO)
}

#[test]
fn a_cache_on_a_read_only_mount_is_read() {
    let contents = [bytes(10, 1), bytes(100_000, 2)];
    for pending in [false, true] {
        let Some(mount) = Mount::new("size=64m") else { return skipped("nothing can be mounted here") };
        let origin = tempfile::tempdir().unwrap();
        let store = Store::open(&origin.path().join("cache"), DigestFunction::Blake3).unwrap();
        fill(&store, &contents);
        let cache = mount.path().join("cache");
        if pending {
            copy(&origin.path().join("cache"), &cache);
            drop(store);
            let log = cache.join("v1/blake3/db2/1/store.db-wal");
            assert!(fs::metadata(log).unwrap().len() > 0);
        } else {
            drop(store);
            crate::checkpoint(&origin.path().join("cache"));
            copy(&origin.path().join("cache"), &cache);
        }
        mount.read_only();
        let scratch = origin.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        check_read_only(&cache, &scratch, &contents);
    }
}

#[test]
#[ignore = "a child of `a_cache_of_another_user_is_read`"]
fn child_of_another_user() {
    let Some(dir) = std::env::var_os(crate::CHILD) else { return skipped("not started as a child") };
    let dir = Path::new(&dir);
    check_read_only(&dir.join("cache"), &dir.join("scratch"), &[bytes(10, 1), bytes(100_000, 2)]);
}

#[test]
fn a_cache_of_another_user_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
    fill(&store, &[bytes(10, 1), bytes(100_000, 2)]);
    drop(store);
    let scratch = dir.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    fs::set_permissions(&scratch, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    crate::run_as_another_user("refusals::child_of_another_user", dir.path(), dir.path());
}

#[test]
fn a_damaged_read_only_cache_is_as_good_as_empty() {
    let Some(mount) = Mount::new("size=64m") else { return skipped("nothing can be mounted here") };
    let cache = mount.path().join("cache");
    let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
    fill(&store, &[bytes(10, 1)]);
    drop(store);
    crate::checkpoint(&cache);
    fs::write(cache.join("v1/blake3/db2/1/store.db"), bytes(50_000, 3)).unwrap();
    mount.read_only();
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open_with(&cache, DigestFunction::Blake3, scratch.path()).unwrap();
    let codes: Vec<_> = store.take_warnings().iter().map(store::Warning::code).collect();
    assert_eq!(codes, ["store::corrupt_database", "store::read_only"]);
    assert!(!store.has(&store.digest(&bytes(10, 1))).unwrap());
    let digest = store.put(&bytes(10, 1)).unwrap();
    assert!(store.has(&digest).unwrap());
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_half_written() {
    let Some(mount) = Mount::new("size=3m") else { return skipped("nothing can be mounted here") };
    let cache = mount.path().join("cache");
    let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
    let small = store.put(b"small").unwrap();
    let large = bytes(8_000_000, 1);
    let check = |result: Result<store::Digest, StoreError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.help().unwrap().contains("--cache-dir"));
    };
    check(store.put(&large));
    let source = tempfile::NamedTempFile::new().unwrap();
    source.as_file().write_all(&large).unwrap();
    check(store.put_file(source.path()));
    let mut writer = store.writer().unwrap();
    let error = StoreError::from_io(writer.write_all(&large).unwrap_err()).unwrap();
    assert!(matches!(error, StoreError::Full { .. }));
    assert!(writer.finish().is_err());
    // The rest of the disk is filled with small ones.
    let error = (0..1000).find_map(|seed| store.put(&bytes(20_000, seed)).err());
    assert!(matches!(error, Some(StoreError::Full { .. })), "{error:?}");
    assert_eq!(store.read(&small).unwrap(), b"small");
    let tmp = cache.join("v1/blake3/tmp");
    drop(store);
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0);
    let dest = mount.path().join("dest");
    let elsewhere = tempfile::tempdir().unwrap();
    let store = Store::open(elsewhere.path(), DigestFunction::Blake3).unwrap();
    let digest = store.put(&large).unwrap();
    assert!(matches!(store.place(&digest, &dest, false), Err(StoreError::Full { path }) if path == dest));
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), 1, "only the cache is there");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let check = |path: &Path, reason: &str| {
        let error = Store::open(path, DigestFunction::Blake3).unwrap_err();
        assert_eq!(error.code(), "store::unusable");
        assert_eq!(error.to_string(), format!("the cache directory `{}` cannot be used", path.display()));
        assert!(std::error::Error::source(&error).unwrap().to_string().contains(reason), "{error:?}");
        assert!(error.help().unwrap().contains("--cache-dir"));
    };
    check(&file, "File exists");
    check(&file.join("below"), "Not a directory");
    if let Some(mount) = Mount::new("size=1m") {
        mount.read_only();
        check(&mount.path().join("cache"), "Read-only file system");
    } else {
        skipped("nothing can be mounted here");
    }
}

#[test]
fn paths_that_mean_something_in_a_uri_are_paths() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a?mode=memory", "b#c", "d%41", "é ü", "e&f=g"] {
        let cache = dir.path().join(name);
        let digest = Store::open(&cache, DigestFunction::Blake3).unwrap().put(b"x").unwrap();
        assert!(Store::open(&cache, DigestFunction::Blake3).unwrap().has(&digest).unwrap(), "{name}");
        assert!(cache.join("v1/blake3/db2/1/store.db").is_file());
    }
    let slashes = Path::new("//").join(dir.path().strip_prefix("/").unwrap());
    Store::open(&slashes.join("x"), DigestFunction::Blake3).unwrap().put(b"x").unwrap();
}
