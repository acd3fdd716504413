//! Snapshots: what was written last is read, and what is damaged is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::{DigestFunction, Moment, Store};

use crate::{PATIENCE, bytes, open};

/// The files of all snapshots.
fn files(cache: &Path) -> Vec<PathBuf> {
    let folder = fs::read_dir(cache.join("v1/blake3/db2/1/snapshot")).into_iter().flatten().flatten();
    folder.map(|entry| entry.path()).collect()
}

#[test]
fn the_last_one_is_read() {
    let (dir, store) = open(DigestFunction::Blake3);
    assert_eq!(store.snapshot("graph", b"key").unwrap(), None);
    let large = bytes(300_000, 1);
    store.put_snapshot("graph", b"key", &[b"first"]).unwrap();
    store.put_snapshot("graph", b"key", &[b"head", &large]).unwrap();
    store.put_snapshot("graph", b"other", &[]).unwrap();
    drop(store);
    let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
    assert_eq!(store.snapshot("graph", b"key").unwrap(), Some([b"head", large.as_slice()].concat()));
    assert_eq!(store.snapshot("graph", b"other").unwrap(), Some(Vec::new()));
    assert_eq!(store.snapshot("workspace", b"key").unwrap(), None);
    assert!(store.take_warnings().is_empty());
}

/// Damages the only snapshot, and checks that it is none, said once, and can be written again.
#[track_caller]
fn check_damage(damage: impl Fn(&Path)) {
    let (dir, store) = open(DigestFunction::Blake3);
    store.put_snapshot("graph", b"key", &[b"value"]).unwrap();
    let [file] = files(&dir.path().join("cache")).try_into().unwrap();
    damage(&file);
    assert_eq!(store.snapshot("graph", b"key").unwrap(), None);
    let codes: Vec<&str> = store.take_warnings().iter().map(store::Warning::code).collect();
    assert_eq!(codes, ["store::corrupt_entry"]);
    store.put_snapshot("graph", b"key", &[b"value"]).unwrap();
    assert_eq!(store.snapshot("graph", b"key").unwrap().as_deref(), Some(&b"value"[..]));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_damaged_one_is_none() {
    check_damage(|file| fs::write(file, "").unwrap());
    check_damage(|file| fs::write(file, [0; 100]).unwrap());
    check_damage(|file| {
        let mut bytes = fs::read(file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(file, bytes).unwrap();
    });
    check_damage(|file| {
        fs::remove_file(file).unwrap();
        fs::create_dir_all(file.join("folder")).unwrap();
    });
}

#[test]
fn in_a_cache_that_cannot_be_written_to_it_lasts_as_long_as_the_store() {
    let (dir, store) = open(DigestFunction::Blake3);
    let cache = dir.path().join("cache");
    store.put_snapshot("graph", b"key", &[b"value"]).unwrap();
    drop(store);
    if rustix::process::geteuid().is_root() {
        return crate::skipped("root can write to what cannot be written to");
    }
    fs::set_permissions(cache.join("v1/blake3/tmp"), fs::Permissions::from_mode(0o555)).unwrap();
    let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
    assert_eq!(store.snapshot("graph", b"key").unwrap().as_deref(), Some(&b"value"[..]));
    store.put_snapshot("graph", b"key", &[b"other"]).unwrap();
    assert_eq!(store.snapshot("graph", b"key").unwrap().as_deref(), Some(&b"other"[..]));
}

#[test]
fn those_that_nobody_has_written_for_long_go() {
    let (dir, store) = open(DigestFunction::Blake3);
    store.put_snapshot("graph", b"key", &[b"value"]).unwrap();
    let days = |days: u64| Moment::now().after(Duration::from_secs(days * 24 * 3600));
    store.collect(u64::MAX, days(29), PATIENCE).unwrap();
    assert_eq!(files(&dir.path().join("cache")).len(), 1);
    store.collect(u64::MAX, days(31), PATIENCE).unwrap();
    assert_eq!(files(&dir.path().join("cache")).len(), 0);
}
