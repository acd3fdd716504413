//! Blobs of all sizes go in and come out, by every way.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;

use store::{Digest, DigestFunction, Part, Store, StoreError};

use crate::{bytes, open};

fn blob_of(store: &Store, digest: &Digest) -> Vec<u8> {
    let mut found = Vec::new();
    store.open_blob(digest).unwrap().read_to_end(&mut found).unwrap();
    found
}

/// Whatever way `content` goes in by, it comes out by all.
fn check(store: &Store, dir: &std::path::Path, content: &[u8]) {
    let expected = store.digest(content);
    let file = dir.join("source");
    fs::write(&file, content).unwrap();
    let mut writer = store.writer().unwrap();
    for chunk in content.chunks(7001) {
        writer.write_all(chunk).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), expected);
    assert_eq!(store.put(content).unwrap(), expected);
    assert_eq!(store.put_file(&file).unwrap(), expected);
    assert_eq!(store.put_many(&[content, content]).unwrap(), [expected, expected]);
    assert_eq!(store.put_composed(&[Part::Bytes(content.to_vec())]).unwrap(), expected);
    assert!(store.has(&expected).unwrap());
    assert_eq!(store.read(&expected).unwrap(), content);
    assert_eq!(blob_of(store, &expected), content);
    let dest = dir.join("placed");
    for (executable, mode) in [(true, 0o755), (false, 0o644)] {
        store.place(&expected, &dest, executable).unwrap();
        assert_eq!(fs::read(&dest).unwrap(), content);
        assert_eq!(fs::metadata(&dest).unwrap().permissions().mode() & 0o7777, mode);
    }
    assert_eq!(store.take_warnings(), []);
}

#[test]
fn every_size_goes_in_and_comes_out() {
    for function in [DigestFunction::Blake3, DigestFunction::Sha256] {
        let (dir, store) = open(function);
        for len in [0, 1, 1000, 32_767, 32_768, 32_769, 524_287, 524_288, 524_289, 3_000_001] {
            check(&store, dir.path(), &bytes(len, len as u64 + 1));
        }
    }
}

#[test]
fn what_is_not_there_is_missing() {
    let (dir, store) = open(DigestFunction::Blake3);
    for content in [bytes(10, 1), bytes(100_000, 2)] {
        let digest = store.digest(&content);
        assert!(!store.has(&digest).unwrap());
        assert!(matches!(store.read(&digest), Err(StoreError::Missing(missing)) if missing == digest));
        assert!(matches!(store.open_blob(&digest), Err(StoreError::Missing(_))));
        assert!(matches!(store.place(&digest, &dir.path().join("x"), false), Err(StoreError::Missing(_))));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing but the cache is left");
}

#[test]
fn the_empty_blob_is_always_there() {
    let (_dir, store) = open(DigestFunction::Sha256);
    let empty = store.function().empty();
    assert_eq!(empty.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0");
    assert!(store.has(&empty).unwrap());
    assert_eq!(store.read(&empty).unwrap(), b"");
}

#[test]
fn composed_blobs_read_seek_and_place_as_one() {
    let (dir, store) = open(DigestFunction::Blake3);
    let (a, b) = (bytes(700_000, 3), bytes(200_000, 4));
    let (a_digest, b_digest) = (store.put(&a).unwrap(), store.put(&b).unwrap());
    let whole = |offset, len, digest| Part::Blob { digest, offset, len };
    let parts = [
        Part::Bytes(b"head".to_vec()),
        whole(0, 700_000, a_digest),
        Part::Bytes(bytes(50_000, 5)),
        whole(1_000, 100, b_digest),
        whole(50_000, 150_000, b_digest),
        Part::Bytes(Vec::new()),
        Part::Bytes(b"tail".to_vec()),
    ];
    let expected = [b"head", &a[..], &bytes(50_000, 5), &b[1_000..1_100], &b[50_000..], b"tail"].concat();
    let digest = store.put_composed(&parts).unwrap();
    assert_eq!(digest, store.digest(&expected));
    assert_eq!(store.read(&digest).unwrap(), expected);
    let mut blob = store.open_blob(&digest).unwrap();
    for offset in [0, 3, 4, 699_999, 700_004, 750_004, 750_104, 900_107] {
        blob.seek(SeekFrom::Start(offset)).unwrap();
        let mut rest = Vec::new();
        blob.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, expected[usize::try_from(offset).unwrap()..]);
    }
    let dest = dir.path().join("placed");
    store.place(&digest, &dest, true).unwrap();
    assert_eq!(fs::read(&dest).unwrap(), expected);
    let nested = store
        .put_composed(&[
            Part::Bytes(b"again".to_vec()),
            Part::Blob { digest, offset: 2, len: digest.size - 2 },
        ])
        .unwrap();
    assert_eq!(store.read(&nested).unwrap(), [b"again", &expected[2..]].concat());
}

#[test]
fn a_part_outside_of_its_blob_is_an_error() {
    let (_dir, store) = open(DigestFunction::Blake3);
    let digest = store.put(&bytes(100_000, 6)).unwrap();
    for (offset, len) in [(0, 100_001), (100_000, 1), (u64::MAX, 2)] {
        let result = store.put_composed(&[Part::Blob { digest, offset, len }]);
        assert!(matches!(result, Err(StoreError::Range { .. })), "{result:?}");
    }
}

#[test]
fn only_regular_files_are_stored() {
    let (dir, store) = open(DigestFunction::Blake3);
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(matches!(store.put_file(&fifo), Err(StoreError::NotAFile { found: "a FIFO", .. })));
    assert!(matches!(store.put_file(dir.path()), Err(StoreError::NotAFile { found: "a directory", .. })));
    assert!(matches!(store.put_file(&dir.path().join("none")), Err(StoreError::Io { .. })));
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let (dir, store) = open(DigestFunction::Blake3);
    let mut writer = store.writer().unwrap();
    writer.write_all(&bytes(2_000_000, 7)).unwrap();
    drop(writer);
    assert!(!store.has(&store.digest(&bytes(2_000_000, 7))).unwrap());
    drop(store);
    let tmp = dir.path().join("cache/v1/blake3/tmp");
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0);
}
