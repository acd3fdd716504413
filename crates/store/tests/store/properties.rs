//! What holds for any tree, any parts and any damage.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use store::{Digest, DigestFunction, Outcome, Part, StatIndex, Store, StoreError, Tree};

use crate::{bytes, open};

fn any_tree() -> impl Strategy<Value = Tree> {
    let path = proptest::collection::vec("[a-cé]{1,2}", 1..5).prop_map(|parts| parts.join("/"));
    let entry = (path, 0..3_u8, any::<u8>(), any::<bool>());
    proptest::collection::vec(entry, 0..40).prop_map(|entries| {
        let mut tree = Tree::new();
        for (path, kind, seed, executable) in entries {
            // What is in the way of another is left out.
            let _ = match kind {
                0 => tree.add_directory(&path),
                1 => tree.add_symlink(&path, "../x"),
                _ => tree.add_file(&path, Digest { hash: [seed; 32], size: seed.into() }, executable),
            };
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_comes_back_as_it_was(trees in proptest::collection::vec(any_tree(), 8)) {
        let (_dir, store) = open(DigestFunction::Blake3);
        for tree in trees {
            let root = store.put_tree(&tree).unwrap();
            prop_assert_eq!(&store.tree(&root).unwrap(), &tree);
            let again = store.directory(&root).unwrap().encode();
            prop_assert_eq!(store.digest(&again), root);
        }
    }

    #[test]
    fn any_bytes_are_a_directory_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(directory) = store::Directory::decode(&bytes) {
            prop_assert_eq!(store::Directory::decode(&directory.encode()).unwrap(), directory);
        }
    }

    #[test]
    fn a_composed_blob_is_the_concatenation_of_its_parts(
        parts in proptest::collection::vec((0..4_usize, 0..100_u32, 0..100_u32), 0..12),
        reads in proptest::collection::vec((0..100_u64, 0..200_000_usize), 4),
    ) {
        let (dir, store) = open(DigestFunction::Blake3);
        let blobs = [bytes(400_000, 1), bytes(90_000, 2), bytes(2_000, 3)];
        let mut known: Vec<(Digest, Vec<u8>)> = blobs.into_iter().map(|b| (store.put(&b).unwrap(), b)).collect();
        let whole = [&known[0].1[..], &known[1].1[..]].concat();
        let whole_of = |index: usize| Part::Blob { digest: known[index].0, offset: 0, len: known[index].0.size };
        known.push((store.put_composed(&[whole_of(0), whole_of(1)]).unwrap(), whole));
        let mut expected = Vec::new();
        let mut given = Vec::new();
        for (kind, from, len) in parts {
            let (digest, content) = &known[kind];
            let percent = |of: usize, percent: u32| of * percent as usize / 100;
            let from = percent(content.len(), from);
            let slice = &content[from..from + percent(content.len() - from, len)];
            expected.extend_from_slice(slice);
            given.push(match kind {
                2 => Part::Bytes(slice.to_vec()),
                _ => Part::Blob { digest: *digest, offset: from as u64, len: slice.len() as u64 },
            });
        }
        let digest = store.put_composed(&given).unwrap();
        prop_assert_eq!(digest, store.digest(&expected));
        prop_assert!(store.read(&digest).unwrap() == expected);
        let mut blob = store.open_blob(&digest).unwrap();
        for (percent, len) in reads {
            let from = digest.size * percent / 100;
            let mut found = vec![0; len.min(usize::try_from(digest.size - from).unwrap())];
            blob.seek(SeekFrom::Start(from)).unwrap();
            blob.read_exact(&mut found).unwrap();
            let from = usize::try_from(from).unwrap();
            prop_assert!(found == expected[from..from + found.len()]);
        }
        let dest = dir.path().join("dest");
        store.place(&digest, &dest, false).unwrap();
        prop_assert!(fs::read(dest).unwrap() == expected);
    }
}

/// All that a store served, by what it was asked for.
struct Filled {
    contents: Vec<Vec<u8>>,
    composed: Vec<u8>,
    outcome: Outcome,
    memos: Vec<Vec<u8>>,
}

fn fill(store: &Store, root: &Path) -> Filled {
    let contents: Vec<Vec<u8>> =
        (0..60).map(|seed| bytes(if seed % 4 == 0 { 70_000 } else { 3_000 }, seed)).collect();
    let digests = store.put_many(&contents).unwrap();
    let part = Part::Blob { digest: digests[0], offset: 0, len: 70_000 };
    let composed = [b"head", &contents[0][..]].concat();
    store.put_composed(&[Part::Bytes(b"head".to_vec()), part]).unwrap();
    let outcome = Outcome::success(digests[1], store.function(), Duration::from_millis(1234));
    store.put_outcome(&digests[2], &outcome).unwrap();
    let memos: Vec<Vec<u8>> = (0..50).map(|seed| bytes(300, 1000 + seed)).collect();
    for (key, memo) in memos.iter().enumerate() {
        store.put_memo("table", &key.to_le_bytes(), memo).unwrap();
    }
    let mut index = StatIndex::open(store, root).unwrap();
    assert!(index.digests(&["a", "b"]).iter().all(Result::is_ok));
    index.save().unwrap();
    Filled { contents, composed, outcome, memos }
}

/// Whatever is served is right, and what is put is served from then on.
fn check(store: &Store, filled: &Filled, root: &Path) {
    for content in filled.contents.iter().chain([&filled.composed]) {
        let digest = store.digest(content);
        match store.read(&digest) {
            Ok(found) => assert!(found == *content),
            Err(error) => assert!(matches!(error, StoreError::Missing(_)), "{error:?}"),
        }
        store.put(content).unwrap();
        assert!(store.read(&digest).unwrap() == *content);
    }
    let key = store.digest(&filled.contents[2]);
    assert!(store.outcome(&key).unwrap().is_none_or(|found| found == filled.outcome));
    store.put_outcome(&key, &filled.outcome).unwrap();
    assert_eq!(store.outcome(&key).unwrap(), Some(filled.outcome));
    for (key, memo) in filled.memos.iter().enumerate() {
        let key = key.to_le_bytes();
        assert!(store.memo("table", &key).unwrap().is_none_or(|found| found == *memo));
        store.put_memo("table", &key, memo).unwrap();
        assert_eq!(store.memo("table", &key).unwrap().as_ref(), Some(memo));
    }
    let index = StatIndex::open(store, root).unwrap();
    for name in ["a", "b"] {
        let entry = index.digest(Path::new(name)).unwrap();
        assert_eq!(entry.digest, store.digest(&fs::read(root.join(name)).unwrap()));
    }
}

fn files_in(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files_in(&path, found) } else { found.push(path) }
    }
}

fn number(seed: u64) -> u64 {
    bytes(8, seed).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Damages the cache in `rounds` ways, with the write-ahead log still there if `pending`.
fn damage(rounds: u64, pending: bool) {
    let origin = tempfile::tempdir().unwrap();
    let root = origin.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), bytes(100, 70)).unwrap();
    fs::write(root.join("b"), bytes(50_000, 71)).unwrap();
    let store = Store::open(&origin.path().join("cache"), DigestFunction::Blake3).unwrap();
    let filled = fill(&store, &root);
    let held = pending.then_some(store);
    if held.is_none() {
        crate::checkpoint(&origin.path().join("cache"));
    }
    for round in 0..rounds {
        let copy = tempfile::tempdir().unwrap();
        let cache = copy.path().join("cache");
        let status =
            std::process::Command::new("cp").arg("-a").arg(origin.path().join("cache")).arg(&cache).status();
        assert!(status.unwrap().success());
        let mut files = Vec::new();
        files_in(&cache, &mut files);
        // The database is one file of many, and the one that matters most.
        files.retain(|path| round % 3 == 0 || path.to_string_lossy().contains("store.db"));
        files.retain(|path| {
            !path.to_string_lossy().ends_with("-shm") && fs::metadata(path).unwrap().len() > 0
        });
        let path = &files[usize::try_from(number(round) % files.len() as u64).unwrap()];
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let file = OpenOptions::new().write(true).read(true).open(path).unwrap();
        let len = file.metadata().unwrap().len();
        for flip in 0..1 + round % 20 {
            // The first page has all that the others are found by.
            let within = if round % 4 == 0 { len.min(4096) } else { len };
            let at = number(round * 1000 + flip) % within;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << (flip % 8)], at).unwrap();
        }
        for _ in 0..2 {
            let store = Store::open(&cache, DigestFunction::Blake3).unwrap();
            check(&store, &filled, &root);
        }
    }
    drop(held);
}

#[test]
fn flipped_bits_are_never_served() {
    damage(150, false);
}

#[test]
fn flipped_bits_beside_a_pending_log_are_never_served() {
    damage(75, true);
}
