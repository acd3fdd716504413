//! The stat index of a workspace: what it finds, what it refuses, and when it reads again.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use store::{DigestFunction, StatError, StatIndex, Store};

use crate::{bytes, skipped};

struct Workspace {
    dir: tempfile::TempDir,
    store: Store,
}

impl Workspace {
    fn new() -> Workspace {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
        Workspace { dir, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("root").join(name)
    }

    /// Writes a file whose times are long past, but for that of the last change, which nobody can set.
    fn write(&self, name: &str, content: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn index(&self) -> StatIndex {
        StatIndex::open(&self.store, &self.dir.path().join("root")).unwrap()
    }

    fn index_file(&self) -> PathBuf {
        let dir = self.dir.path().join("cache/v1/blake3/db2/1/index");
        fs::read_dir(dir).unwrap().next().unwrap().unwrap().path()
    }

    /// Asks for `name` and expects `content`.
    fn check(&self, index: &StatIndex, name: &str, content: &[u8]) {
        let found = index.digest(Path::new(name)).unwrap();
        assert_eq!(found.digest, self.store.digest(content), "{name}");
        assert_eq!(self.store.read(&found.digest).unwrap(), content);
    }
}

/// Lets the times of what was written so far be past.
fn settle() {
    std::thread::sleep(Duration::from_millis(40));
}

#[test]
fn what_is_only_hashed_is_stored_when_it_is_needed() {
    let workspace = Workspace::new();
    let contents = [bytes(500, 1), bytes(100_000, 2)];
    workspace.write("small", &contents[0]);
    workspace.write("large", &contents[1]);
    settle();
    let names = ["small", "large"];
    let digests = contents.each_ref().map(|content| workspace.store.digest(content));
    let mut index = workspace.index();
    let found = |index: &StatIndex| index.hashes(&names).into_iter().map(|entry| entry.unwrap().digest);
    assert!(found(&index).eq(digests));
    assert!(digests.iter().all(|digest| !workspace.store.has(digest).unwrap()));
    index.save().unwrap();
    let mut index = workspace.index();
    workspace.check(&index, "small", &contents[0]);
    workspace.check(&index, "large", &contents[1]);
    index.save().unwrap();
    let index = workspace.index();
    assert!(found(&index).eq(digests), "what is stored is hashed too");
    workspace.check(&index, "large", &contents[1]);
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let workspace = Workspace::new();
    let (small, large) = (bytes(500, 1), bytes(100_000, 2));
    workspace.write("a/small.py", &small);
    workspace.write("b/large.bin", &large);
    fs::set_permissions(workspace.path("b/large.bin"), fs::Permissions::from_mode(0o755)).unwrap();
    settle();
    let mut index = workspace.index();
    let paths = ["a/small.py", "b/large.bin", "none"];
    let found = index.digests(&paths);
    assert!(!found[0].as_ref().unwrap().executable);
    assert!(found[1].as_ref().unwrap().executable);
    assert!(matches!(found[2], Err(StatError::NotFound { .. })));
    index.save().unwrap();
    let before = fs::metadata(workspace.index_file()).unwrap().modified().unwrap();
    let mut again = workspace.index();
    // A blob that is read is stored: what is not there any more was not read.
    let name = store_file(&workspace, &large);
    fs::remove_file(name).unwrap();
    workspace.check(&again, "a/small.py", &small);
    assert_eq!(again.digests(&paths)[1].as_ref().unwrap().digest, workspace.store.digest(&large));
    assert!(!workspace.store.has(&workspace.store.digest(&large)).unwrap());
    again.save().unwrap();
    assert_eq!(fs::metadata(workspace.index_file()).unwrap().modified().unwrap(), before, "nothing changed");
}

fn store_file(workspace: &Workspace, content: &[u8]) -> PathBuf {
    let hex = workspace.store.digest(content).hex();
    workspace.dir.path().join("cache/v1/blake3/blobs").join(&hex[..2]).join(&hex[2..])
}

#[test]
fn what_has_changed_is_read_again() {
    let workspace = Workspace::new();
    for name in ["edited", "same_size", "same_time", "replaced", "removed", "made_executable", "kept"] {
        workspace.write(name, b"first");
    }
    settle();
    let mut index = workspace.index();
    workspace.check(&index, "kept", b"first");
    let names = ["edited", "same_size", "same_time", "replaced", "removed", "made_executable"];
    assert!(index.digests(&names).iter().all(Result::is_ok));
    index.save().unwrap();
    workspace.write("edited", b"another length");
    workspace.write("same_size", b"again");
    let modified = fs::metadata(workspace.path("same_time")).unwrap().modified().unwrap();
    workspace.write("same_time", b"later");
    File::options()
        .write(true)
        .open(workspace.path("same_time"))
        .unwrap()
        .set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    workspace.write("new", b"other");
    fs::rename(workspace.path("new"), workspace.path("replaced")).unwrap();
    fs::remove_file(workspace.path("removed")).unwrap();
    fs::set_permissions(workspace.path("made_executable"), fs::Permissions::from_mode(0o755)).unwrap();
    for mut index in [index, workspace.index()] {
        workspace.check(&index, "edited", b"another length");
        workspace.check(&index, "same_size", b"again");
        workspace.check(&index, "same_time", b"later");
        workspace.check(&index, "replaced", b"other");
        workspace.check(&index, "kept", b"first");
        assert!(index.digest(Path::new("made_executable")).unwrap().executable);
        assert!(matches!(index.digest(Path::new("removed")), Err(StatError::NotFound { .. })));
        index.save().unwrap();
    }
}

#[test]
fn a_file_that_was_just_written_is_read_again() {
    let workspace = Workspace::new();
    for round in 0..300_u32 {
        // The same length each time, and as fast as can be: often within one tick of the clock.
        let content = format!("{round:08}");
        workspace.write("fast", content.as_bytes());
        let mut index = workspace.index();
        workspace.check(&index, "fast", content.as_bytes());
        index.save().unwrap();
    }
    let future = SystemTime::now() + Duration::from_secs(3600);
    File::options()
        .write(true)
        .open(workspace.path("fast"))
        .unwrap()
        .set_times(FileTimes::new().set_modified(future))
        .unwrap();
    workspace.check(&workspace.index(), "fast", b"00000299");
}

#[test]
fn what_is_no_regular_file_is_told() {
    let workspace = Workspace::new();
    let root = workspace.path("");
    workspace.write("file", b"content");
    workspace.write("dir/inside", b"");
    symlink("file", workspace.path("link")).unwrap();
    symlink("dir", workspace.path("link_to_dir")).unwrap();
    symlink("nowhere", workspace.path("dangling")).unwrap();
    symlink("loop", workspace.path("loop")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let index = workspace.index();
    let check = |name: &str, code: &str, message: &str| {
        let error = index.digest(Path::new(name)).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    };
    check("none", "store::file_not_found", "`none` does not exist");
    check("file/below", "store::file_not_found", "`file/below` does not exist");
    check("dir", "store::file_not_regular", "expected a regular file, found a directory at `dir`");
    check(
        "link_to_dir",
        "store::file_not_regular",
        "expected a regular file, found a directory at `link_to_dir`",
    );
    check("dangling", "store::file_dangling", "the symbolic link `dangling` leads to nothing");
    check("loop", "store::file_dangling", "the symbolic link `loop` leads to nothing");
    check("fifo", "store::file_not_regular", "expected a regular file, found a FIFO at `fifo`");
    check("socket", "store::file_not_regular", "expected a regular file, found a socket at `socket`");
    workspace.check(&index, "link", b"content");
}

#[test]
fn a_link_that_leads_elsewhere_is_followed_anew() {
    let workspace = Workspace::new();
    workspace.write("one", b"one");
    workspace.write("two", b"two");
    symlink("one", workspace.path("link")).unwrap();
    settle();
    let mut index = workspace.index();
    workspace.check(&index, "link", b"one");
    index.save().unwrap();
    fs::remove_file(workspace.path("link")).unwrap();
    symlink("two", workspace.path("link")).unwrap();
    workspace.check(&workspace.index(), "link", b"two");
}

#[test]
#[ignore = "a child of `an_unreadable_file_is_told`"]
fn child_of_another_user() {
    let Some(root) = std::env::var_os(crate::CHILD) else { return skipped("not started as a child") };
    let cache = tempfile::tempdir().unwrap();
    let store = Store::open(cache.path(), DigestFunction::Blake3).unwrap();
    let index = StatIndex::open(&store, Path::new(&root)).unwrap();
    let found = index.digests(&["secret", "secret_large", "public"]);
    assert!(matches!(&found[0], Err(StatError::Unreadable { .. })), "{found:?}");
    assert!(matches!(&found[1], Err(StatError::Unreadable { .. })), "{found:?}");
    assert!(found[2].is_ok());
}

#[test]
fn an_unreadable_file_is_told() {
    let workspace = Workspace::new();
    for (name, len) in [("secret", 10), ("secret_large", 100_000), ("public", 10)] {
        workspace.write(name, &bytes(len, 1));
        let mode = if name == "public" { 0o644 } else { 0o600 };
        fs::set_permissions(workspace.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    crate::run_as_another_user("index::child_of_another_user", workspace.dir.path(), &workspace.path(""));
}

#[test]
fn a_damaged_index_is_made_again() {
    let workspace = Workspace::new();
    workspace.write("file", b"content");
    settle();
    let damage = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let mut index = workspace.index();
        workspace.check(&index, "file", b"content");
        index.save().unwrap();
        assert_eq!(workspace.store.take_warnings(), []);
        let path = workspace.index_file();
        fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
        let mut index = workspace.index();
        let codes: Vec<_> = workspace.store.take_warnings().iter().map(store::Warning::code).collect();
        assert_eq!(codes, ["store::corrupt_index"]);
        workspace.check(&index, "file", b"content");
        index.save().unwrap();
    };
    let whole = {
        let mut index = workspace.index();
        workspace.check(&index, "file", b"content");
        index.save().unwrap();
        fs::metadata(workspace.index_file()).unwrap().len()
    };
    for at in 0..usize::try_from(whole).unwrap() {
        damage(&|mut bytes| {
            bytes[at] ^= 1 << (at % 8);
            bytes
        });
    }
    damage(&|bytes| bytes[..bytes.len() - 1].to_vec());
    damage(&|bytes| [&bytes[..], b"x"].concat());
    damage(&|_| Vec::new());
}

#[test]
fn an_index_of_a_database_that_is_gone_is_gone_with_it() {
    let workspace = Workspace::new();
    workspace.write("file", b"content");
    settle();
    let mut index = workspace.index();
    workspace.check(&index, "file", b"content");
    index.save().unwrap();
    drop(index);
    let Workspace { dir, store } = workspace;
    drop(store);
    crate::checkpoint(&dir.path().join("cache"));
    fs::write(dir.path().join("cache/v1/blake3/db2/1/store.db"), b"damaged").unwrap();
    let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
    let workspace = Workspace { dir, store };
    // The entry would say that the blob is in the store, where it is not.
    workspace.check(&workspace.index(), "file", b"content");
}
