//! Zip files written by parts: their bytes, their limits, their clashes, and that other readers agree.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Read;

use engine::archive::{self, ArchiveError, Group, Packing, Spec};
use engine::extract::{self, Limits, SafeZip};
use proptest::prelude::*;
use store::{Digest, DigestFunction, Part, Store, Tree};

struct Bench {
    store: Store,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        Bench { store: Store::open(dir.path(), DigestFunction::Blake3).unwrap(), _dir: dir }
    }

    fn tree(&self, files: &[(&str, &[u8], bool)]) -> Tree {
        let mut tree = Tree::new();
        for (path, content, executable) in files {
            tree.add_file(path, self.store.put(content).unwrap(), *executable).unwrap();
        }
        tree
    }

    fn build(&self, prefix: Option<Digest>, groups: Vec<Group<'_>>) -> Result<Vec<u8>, ArchiveError> {
        let digest = archive::build(&self.store, &Spec { prefix, groups })?;
        Ok(self.store.read(&digest).unwrap())
    }
}

fn group<'a>(origin: &str, tree: &'a Tree, under: &'a str, packing: Packing) -> Group<'a> {
    Group { origin: origin.to_owned(), tree, under, packing, only: &[], directories: &[] }
}

/// Name, mode and content of each entry, as the `zip` crate reads them.
fn read_back(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), file.unix_mode().unwrap(), content)
        })
        .collect()
}

#[test]
fn an_archive_is_these_bytes() {
    let bench = Bench::new();
    let tree = bench.tree(&[("b", b"hello", true), ("ä", b"", false)]);
    let prefix = bench.store.put(b"#!x\n").unwrap();
    let folders = ["d".to_owned()];
    let group = Group { directories: &folders, ..group("a", &tree, "", Packing::Store) };
    let bytes = bench.build(Some(prefix), vec![group]).unwrap();
    let shared = |flags: &[u8], crc: &[u8], size: u8, name: u8| {
        [&[20, 0], flags, &[0, 0, 0, 0, 0x21, 0], crc, &[size, 0, 0, 0, size, 0, 0, 0, name, 0, 0, 0]]
            .concat()
    };
    let hello = shared(&[0, 0], &[0x86, 0xa6, 0x10, 0x36], 5, 1);
    let folder = shared(&[0, 0], &[0; 4], 0, 2);
    let umlaut = shared(&[0, 8], &[0; 4], 0, 2);
    let central = |shared: &[u8], attributes: [u8; 4], offset: u8, name: &str| {
        [b"PK\x01\x02", &[20, 3][..], shared, &[0; 6], &attributes, &[offset, 0, 0, 0], name.as_bytes()]
            .concat()
    };
    let expected = [
        b"#!x\n".to_vec(),
        [b"PK\x03\x04", &hello[..], b"bhello"].concat(),
        [b"PK\x03\x04", &folder[..], b"d/"].concat(),
        [b"PK\x03\x04", &umlaut[..], "ä".as_bytes()].concat(),
        central(&hello, [0, 0, 0xed, 0x81], 4, "b"),
        central(&folder, [0x10, 0, 0xed, 0x41], 40, "d/"),
        central(&umlaut, [0, 0, 0xa4, 0x81], 72, "ä"),
        [b"PK\x05\x06", &[0, 0, 0, 0, 3, 0, 3, 0, 143, 0, 0, 0, 104, 0, 0, 0, 0, 0][..]].concat(),
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn large_members_are_named_and_not_read() {
    let bench = Bench::new();
    let large = vec![7; 100_000];
    let tree = bench.tree(&[("large", &large, false), ("small", b"x", false)]);
    let spec = Spec { prefix: None, groups: vec![group("a", &tree, "deps", Packing::Store)] };
    let parts = archive::parts(&bench.store, &spec).unwrap();
    let digest = bench.store.digest(&large);
    assert!(
        matches!(&parts[..], [Part::Bytes(_), Part::Blob { digest: found, offset: 0, len: 100_000 }, Part::Bytes(_)]
        if *found == digest)
    );
    let bytes = bench.build(None, spec.groups).unwrap();
    assert_eq!(read_back(&bytes)[0], ("deps/large".to_owned(), 0o100_644, large));
}

#[test]
fn a_checksum_that_was_noted_is_used() {
    let bench = Bench::new();
    let digest = bench.store.put(&vec![1; 70_000]).unwrap();
    assert_eq!(archive::crc32(&bench.store, &digest).unwrap(), crc32fast::hash(&vec![1; 70_000]));
    archive::note_crc32(&bench.store, &digest, 5).unwrap();
    assert_eq!(archive::crc32(&bench.store, &digest).unwrap(), 5);
}

#[test]
fn members_of_an_archive_are_taken_over_in_one_piece() {
    let bench = Bench::new();
    let noise: Vec<u8> = (0..200_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let files = bench.tree(&[("x/a", &noise, true), ("x/b", b"text text text text", false)]);
    let inner = archive::build(
        &bench.store,
        &Spec { prefix: None, groups: vec![group("files", &files, "", Packing::Deflate)] },
    );
    let mut holder = Tree::new();
    holder.add_file("inner.zip", inner.unwrap(), false).unwrap();
    let user = bench.tree(&[("z", b"last", false)]);
    let groups =
        vec![group("inner", &holder, "", Packing::Transfer), group("user", &user, "", Packing::Store)];
    let parts = archive::parts(&bench.store, &Spec { prefix: None, groups: groups.clone() }).unwrap();
    let ranges = parts.iter().filter(|part| matches!(part, Part::Blob { .. })).count();
    assert_eq!(ranges, 1, "both members with their headers are one range");
    let bytes = bench.build(None, groups).unwrap();
    let expected = [("x/a", 0o100_755, noise), ("x/b", 0o100_644, b"text text text text".to_vec())];
    let last = [("z", 0o100_644, b"last".to_vec())];
    let expected: Vec<_> = expected
        .into_iter()
        .chain(last)
        .map(|(name, mode, content)| (name.to_owned(), mode, content))
        .collect();
    assert_eq!(read_back(&bytes), expected);

    let moved = bench.build(None, vec![group("inner", &holder, "under", Packing::Transfer)]).unwrap();
    let names: Vec<_> = read_back(&moved).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["under/x/a", "under/x/b"]);
}

#[test]
fn large_files_are_deflated_once() {
    let bench = Bench::new();
    let text = "some text that can be deflated well ".repeat(200_000);
    let tree = bench.tree(&[("text", text.as_bytes(), false)]);
    for _ in 0..2 {
        let bytes = bench.build(None, vec![group("a", &tree, "", Packing::Deflate)]).unwrap();
        assert!(bytes.len() < text.len() / 50);
        assert_eq!(read_back(&bytes)[0].2, text.as_bytes());
    }
}

#[test]
fn many_files_are_deflated_once() {
    let bench = Bench::new();
    let files: Vec<(String, Vec<u8>)> = (0..50_u8)
        .map(|index| {
            let repeat = if index == 49 { 400_000 } else { 1000 };
            (format!("{index}"), [index, index + 1, 3, 4, 5, 6, 7, 8].repeat(repeat))
        })
        .chain([(
            "noise".to_owned(),
            (0..999_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect(),
        )])
        .collect();
    let borrowed: Vec<_> =
        files.iter().map(|(name, content)| (name.as_str(), content.as_slice(), false)).collect();
    let tree = bench.tree(&borrowed);
    let first = bench.build(None, vec![group("a", &tree, "", Packing::Deflate)]).unwrap();
    let again = bench.build(None, vec![group("a", &tree, "", Packing::Deflate)]).unwrap();
    assert!(first == again);
    let mut expected: Vec<_> =
        files.iter().map(|(name, content)| (name.clone(), 0o100_644, content.clone())).collect();
    expected.sort();
    assert!(read_back(&first) == expected);
    // Notes that are damaged, or name what is gone, are made anew.
    for note in ["", "zz stored", "00000000 stored more"] {
        let digest = bench.store.digest(borrowed[0].1);
        let key = [&digest.hash[..], &digest.size.to_le_bytes()].concat();
        bench.store.put_memo("deflate-6", &key, note.as_bytes()).unwrap();
        assert!(bench.build(None, vec![group("a", &tree, "", Packing::Deflate)]).unwrap() == first);
    }
    let other = Bench::new();
    let only = other.tree(&borrowed[..1]);
    let alone = other.build(None, vec![group("a", &only, "", Packing::Deflate)]).unwrap();
    assert_eq!(read_back(&alone)[0].2, borrowed[0].1);
}

#[test]
fn clashes_name_both_sides_all_at_once() {
    let bench = Bench::new();
    let first = bench.tree(&[("a", b"1", false), ("b/c", b"1", false), ("d", b"1", false)]);
    let second = bench.tree(&[("a", b"1", false), ("b", b"2", false), ("d/e/f", b"1", false)]);
    let groups =
        vec![group("`//one`", &first, "", Packing::Store), group("`//two`", &second, "", Packing::Deflate)];
    let error = bench.build(None, groups).unwrap_err();
    assert_eq!(error.code(), "archive::clash");
    assert_eq!(
        error.to_string(),
        "`a` is in `//one` and in `//two`\n\
         `b` is a file in `//two` and a folder in `//one`\n\
         `d` is a file in `//one` and a folder in `//two`"
    );
}

#[test]
fn links_missing_files_and_odd_sources_are_refused() {
    let bench = Bench::new();
    let mut linked = Tree::new();
    linked.add_symlink("a", "b").unwrap();
    let check = |group: Group<'_>, code: &str| {
        let error = bench.build(None, vec![group]).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    };
    check(group("x", &linked, "", Packing::Store), "archive::symlink");
    let plain = bench.tree(&[("a", b"no zip", false)]);
    let only = ["b".to_owned()];
    check(Group { only: &only, ..group("x", &plain, "", Packing::Store) }, "archive::absent");
    check(group("x", &plain, "", Packing::Transfer), "extract::not_zip");
    let two = bench.tree(&[("a", b"", false), ("b", b"", false)]);
    check(group("x", &two, "", Packing::Transfer), "archive::not_one_file");
}

#[test]
fn past_the_limits_the_numbers_are_said() {
    let bench = Bench::new();
    let digest = bench.store.put(b"").unwrap();
    let mut tree = Tree::new();
    for index in 0..65_535 {
        tree.add_file(&format!("{index}"), digest, false).unwrap();
    }
    let error = bench.build(None, vec![group("a", &tree, "", Packing::Store)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the zip file would have 65535 entries, more than the 65534 that a zip file can have"
    );
    assert!(error.help().unwrap().contains("layout = \"packed\""));
    let digest = Digest { size: 3 << 30, ..digest };
    archive::note_crc32(&bench.store, &digest, 0).unwrap();
    let mut tree = Tree::new();
    tree.add_file("a", digest, false).unwrap();
    tree.add_file("b", digest, false).unwrap();
    let error = bench.build(None, vec![group("a", &tree, "", Packing::Store)]).unwrap_err();
    assert_eq!(error.code(), "archive::too_large");
    assert!(error.to_string().contains("6442451"), "{error}");
    let digest = Digest { size: 5 << 30, ..digest };
    archive::note_crc32(&bench.store, &digest, 0).unwrap();
    let mut tree = Tree::new();
    tree.add_file("a", digest, false).unwrap();
    let error = bench.build(None, vec![group("a", &tree, "", Packing::Store)]).unwrap_err();
    assert_eq!(error.code(), "archive::member_too_large");
}

#[test]
fn exactly_the_greatest_count_is_readable() {
    let bench = Bench::new();
    let digest = bench.store.put(b"").unwrap();
    let mut tree = Tree::new();
    for index in 0..65_534 {
        tree.add_file(&format!("{index}"), digest, false).unwrap();
    }
    let bytes = bench.build(None, vec![group("a", &tree, "", Packing::Store)]).unwrap();
    assert_eq!(read_back(&bytes).len(), 65_534);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// What goes in comes out, through the `zip` crate and through our own reader and unpacking.
    #[test]
    fn what_goes_in_comes_out(
        files in prop::collection::btree_map("[a-cäß ]{1,3}(/[xyz.]{1,2}e)?", (prop::collection::vec(any::<u8>(), 0..200), any::<bool>(), 0..3_usize), 0..12)
    ) {
        let bench = Bench::new();
        let mut tree = Tree::new();
        let mut expected = Vec::new();
        for (path, (content, executable, repeat)) in &files {
            let content = content.repeat(1 + repeat * 300);
            let digest = bench.store.put(&content).unwrap();
            // Some names are file and folder at once, or not allowed.
            if tree.add_file(path, digest, *executable).is_ok() {
                expected.push((path.clone(), if *executable { 0o100_755 } else { 0o100_644 }, content));
            }
        }
        for packing in [Packing::Store, Packing::Deflate] {
            let bytes = bench.build(None, vec![group("a", &tree, "", packing)]).unwrap();
            prop_assert_eq!(&read_back(&bytes), &expected);
            let zip = SafeZip::open("a.zip", bytes.clone(), Limits::default()).unwrap();
            for ((path, _, content), entry) in expected.iter().zip(zip.entries()) {
                prop_assert_eq!((path, content), (&entry.path, &zip.read(entry).unwrap()));
            }
            let blob = bench.store.put(&bytes).unwrap();
            let unpacked = extract::extract(&bench.store, "a.zip", &blob).unwrap();
            prop_assert_eq!(bench.store.tree(&unpacked).unwrap(), tree.clone());
        }
    }
}
