//! Trees: their encoding against that of others, their conflicts, and whether all of them is there.

use std::process::Command;

use store::{
    Digest, DigestFunction, Directory, DirectoryEntry, Entry, FileEntry, StoreError, SymlinkEntry, Tree,
};

use crate::{bytes, open, skipped};

fn digest(seed: u8, size: u64) -> Digest {
    Digest { hash: [seed; 32], size }
}

/// A directory with one entry of each kind and one of each flag, out of order.
fn sample() -> Directory {
    Directory {
        files: vec![
            FileEntry { name: "run".to_owned(), digest: digest(0xab, 300), executable: true },
            FileEntry { name: "empty".to_owned(), digest: digest(0x01, 0), executable: false },
        ],
        directories: vec![DirectoryEntry { name: "lib".to_owned(), digest: digest(0x7f, 1 << 33) }],
        symlinks: vec![SymlinkEntry { name: "latest".to_owned(), target: "../lib/é".to_owned() }],
    }
}

#[test]
fn well_known_digests() {
    let empty = Directory::default().encode();
    assert_eq!(empty, b"");
    let check =
        |function: DigestFunction, expected: &str| assert_eq!(function.digest(&empty).to_string(), expected);
    check(DigestFunction::Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0");
    check(DigestFunction::Blake3, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262/0");
}

#[test]
fn the_message_is_that_of_the_protocol() {
    // By hand, from the field numbers and wire types of the Remote Execution API v2.
    let hash = |byte: &str| byte.repeat(32).into_bytes();
    let expected = [
        // files { name: "empty" digest { hash } }: a size of 0 is the default, and not written.
        &[0x0a, 5 + 2 + 2 + 66, 0x0a, 5][..],
        b"empty",
        &[0x12, 66, 0x0a, 64],
        &hash("01"),
        // files { name: "run" digest { hash size_bytes: 300 } is_executable: true }
        &[0x0a, 3 + 2 + 2 + 69 + 2, 0x0a, 3],
        b"run",
        &[0x12, 69, 0x0a, 64],
        &hash("ab"),
        &[0x10, 0xac, 0x02, 0x20, 0x01],
        // directories { name: "lib" digest { hash size_bytes: 1 << 33 } }
        &[0x12, 3 + 2 + 2 + 72, 0x0a, 3],
        b"lib",
        &[0x12, 72, 0x0a, 64],
        &hash("7f"),
        &[0x10, 0x80, 0x80, 0x80, 0x80, 0x20],
        // symlinks { name: "latest" target: "../lib/é" }
        &[0x1a, 6 + 2 + 9 + 2, 0x0a, 6],
        b"latest",
        &[0x12, 9],
        "../lib/é".as_bytes(),
    ]
    .concat();
    assert_eq!(sample().encode(), expected);
    let decoded = Directory::decode(&expected).unwrap();
    assert_eq!(decoded.files[0].name, "empty", "sorted");
    assert_eq!(decoded.encode(), expected);
}

/// What the `protobuf` package of Python makes of the same directory.
const ORACLE: &str = r#"
import sys
from google.protobuf import descriptor_pb2 as d, descriptor_pool, message_factory
F = d.FieldDescriptorProto
file = d.FileDescriptorProto(name="re.proto", package="re", syntax="proto3")
def message(name, *fields):
    m = file.message_type.add(name=name)
    for label, kind, name, number in fields:
        f = m.field.add(name=name, number=number, label=label)
        if isinstance(kind, str): f.type, f.type_name = F.TYPE_MESSAGE, ".re." + kind
        else: f.type = kind
one, many = F.LABEL_OPTIONAL, F.LABEL_REPEATED
message("Digest", (one, F.TYPE_STRING, "hash", 1), (one, F.TYPE_INT64, "size_bytes", 2))
message("FileNode", (one, F.TYPE_STRING, "name", 1), (one, "Digest", "digest", 2), (one, F.TYPE_BOOL, "is_executable", 4))
message("DirectoryNode", (one, F.TYPE_STRING, "name", 1), (one, "Digest", "digest", 2))
message("SymlinkNode", (one, F.TYPE_STRING, "name", 1), (one, F.TYPE_STRING, "target", 2))
message("Directory", (many, "FileNode", "files", 1), (many, "DirectoryNode", "directories", 2), (many, "SymlinkNode", "symlinks", 3))
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Directory = message_factory.GetMessageClass(pool.FindMessageTypeByName("re.Directory"))
x = Directory()
x.files.add(name="empty").digest.hash = "01" * 32
run = x.files.add(name="run", is_executable=True)
run.digest.hash, run.digest.size_bytes = "ab" * 32, 300
lib = x.directories.add(name="lib")
lib.digest.hash, lib.digest.size_bytes = "7f" * 32, 1 << 33
x.symlinks.add(name="latest", target="../lib/\u00e9")
sys.stdout.write(x.SerializeToString(deterministic=True).hex())
"#;

#[test]
fn the_message_is_that_of_another_implementation() {
    let Ok(output) = Command::new("python3").args(["-c", ORACLE]).output() else {
        return skipped("no python3");
    };
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        assert!(reason.contains("google"), "{reason}");
        return skipped("python3 has no package `protobuf`");
    }
    let ours: String = sample().encode().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(ours, String::from_utf8(output.stdout).unwrap());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["", ".", "..", "a/b", "/", "a\0b"] {
        let entry = FileEntry { name: name.to_owned(), digest: digest(1, 1), executable: false };
        let message = Directory { files: vec![entry], ..Directory::default() }.encode();
        assert_eq!(Directory::decode(&message).unwrap_err().code(), "store::tree_name", "{name:?}");
        assert_eq!(
            Tree::new().add_file(&format!("x/{name}"), digest(1, 1), false).is_ok(),
            name == "a/b",
            "{name:?}"
        );
    }
    let mut twice = sample();
    twice.symlinks[0].name = "lib".to_owned();
    assert_eq!(Directory::decode(&twice.encode()).unwrap_err().code(), "store::tree_twice");
    assert_eq!(Directory::decode(b"\x0a\xff").unwrap_err().code(), "store::tree_encoding");
    assert_eq!(Directory::decode(b"\x0a\x03\x0a\x01a").unwrap_err().code(), "store::tree_digest");
}

#[test]
fn conflicts_name_the_path() {
    let check = |add: &dyn Fn(&mut Tree) -> Result<(), store::TreeError>, expected: &str| {
        let mut tree = Tree::new();
        tree.add_file("a/b/c", digest(1, 1), false).unwrap();
        tree.add_symlink("a/l", "b").unwrap();
        match add(&mut tree) {
            Ok(()) => assert_eq!(expected, ""),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    };
    check(&|tree| tree.add_file("a/b/c", digest(1, 1), false), "");
    check(&|tree| tree.add_directory("a/b"), "");
    check(
        &|tree| tree.add_file("a/b/c", digest(2, 1), false),
        "`a/b/c` would be another one, and is already a file",
    );
    check(
        &|tree| tree.add_file("a/b/c", digest(1, 1), true),
        "`a/b/c` would be another one, and is already a file",
    );
    check(
        &|tree| tree.add_file("a/b", digest(1, 1), false),
        "`a/b` would be a file, and is already a directory",
    );
    check(
        &|tree| tree.add_file("a/b/c/d", digest(1, 1), false),
        "`a/b/c` would be a directory, and is already a file",
    );
    check(
        &|tree| tree.add_file("a/l/d", digest(1, 1), false),
        "`a/l` would be a directory, and is already a symbolic link",
    );
    check(&|tree| tree.add_symlink("a/l", ""), "the symbolic link `a/l` cannot point to ``");
    check(&|tree| tree.add_directory(&"x/".repeat(300)), "the tree has more than 256 folders in each other");
    let mut other = Tree::new();
    other.add_symlink("b/c", "d").unwrap();
    check(&|tree| tree.merge("a", other.clone()), "`a/b/c` would be a symbolic link, and is already a file");
    check(&|tree| tree.merge("other/place", other.clone()), "");
}

#[test]
fn a_tree_is_stored_and_read_whole() {
    let (_dir, store) = open(DigestFunction::Blake3);
    let (small, large) = (bytes(10, 1), bytes(100_000, 2));
    let mut tree = Tree::new();
    tree.add_file("bin/run", store.digest(&small), true).unwrap();
    tree.add_symlink("bin/latest", "run").unwrap();
    tree.add_directory("empty/inside").unwrap();
    for index in 0..500 {
        tree.add_file(&format!("many/file-{index}"), store.digest(&large), false).unwrap();
    }
    let root = store.put_tree(&tree).unwrap();
    assert_eq!(store.tree(&root).unwrap(), tree);
    let names: Vec<String> =
        store.directory(&root).unwrap().directories.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["bin", "empty", "many"]);
    assert!(matches!(tree.get("bin/run"), Some(Entry::File { executable: true, .. })));
    assert_eq!(tree.walk().len(), 4 + 1 + 1 + 500);
    assert!(!store.is_complete(&root).unwrap());
    store.put(&small).unwrap();
    assert!(!store.is_complete(&root).unwrap());
    store.put(&large).unwrap();
    assert!(store.is_complete(&root).unwrap());
    let empty = store.put_tree(&Tree::new()).unwrap();
    assert_eq!(empty, store.function().empty());
    assert!(store.is_complete(&empty).unwrap());
}

#[test]
fn a_composed_file_without_a_part_is_not_complete() {
    let (dir, store) = open(DigestFunction::Blake3);
    let part = store.put(&bytes(100_000, 3)).unwrap();
    let whole = store
        .put_composed(&[
            store::Part::Bytes(b"x".to_vec()),
            store::Part::Blob { digest: part, offset: 0, len: part.size },
        ])
        .unwrap();
    let mut tree = Tree::new();
    tree.add_file("app.pex", whole, true).unwrap();
    let root = store.put_tree(&tree).unwrap();
    assert!(store.is_complete(&root).unwrap());
    let hex = part.hex();
    std::fs::remove_file(dir.path().join("cache/v1/blake3/blobs").join(&hex[..2]).join(&hex[2..])).unwrap();
    assert!(!store.is_complete(&root).unwrap());
    assert!(matches!(store.read(&whole), Err(StoreError::Missing(missing)) if missing == whole));
    store.put(&bytes(100_000, 3)).unwrap();
    assert!(store.is_complete(&root).unwrap());
}

#[test]
fn directories_that_share_their_content_do_not_grow_without_bound() {
    let (_dir, store) = open(DigestFunction::Blake3);
    let mut below = store.put(&Directory::default().encode()).unwrap();
    for _ in 0..60 {
        let entry = |name: &str| DirectoryEntry { name: name.to_owned(), digest: below };
        let level =
            Directory { directories: vec![entry("a"), entry("b"), entry("c")], ..Directory::default() };
        below = store.put(&level.encode()).unwrap();
    }
    assert!(store.is_complete(&below).unwrap());
    assert_eq!(store.tree(&below).unwrap_err().code(), "store::tree");
}
