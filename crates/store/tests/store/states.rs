//! The states of files: every kind of change shows, and what might not show is not kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::{FileStates, Looked, Moment};

const PATHS: [&str; 8] = ["a", "a/one", "a/two", "b/c", "b/c/three", "absent", "b/absent/too", "."];

/// Files and folders whose times are old enough to be trusted.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a/one", "a/two", "b/c/three"] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }
    std::thread::sleep(Duration::from_millis(60));
    dir
}

fn at(path: &str) -> Looked {
    Looked::At(PathBuf::from(path))
}

fn take(root: &Path) -> Option<FileStates> {
    FileStates::take(root, PATHS.map(at).into(), Moment::now())
}

/// Whether states hold still after `change`.
#[track_caller]
fn check(what: &str, expected: bool, change: impl FnOnce(&Path)) {
    let dir = folder();
    let states = take(dir.path()).unwrap();
    let read = FileStates::parse(states.bytes().to_vec()).unwrap();
    assert_eq!((read.digest(), &read), (states.digest(), &states));
    assert!(read.hold(dir.path()));
    change(dir.path());
    assert_eq!(read.hold(dir.path()), expected, "{what}");
}

#[test]
fn every_change_shows() {
    check("nothing", true, |_| {});
    check("a look", true, |root| drop(fs::read(root.join("a/one")).unwrap()));
    check("a change of what was not looked at", true, |root| fs::create_dir(root.join("b/more")).unwrap());
    check("a write of the same", false, |root| fs::write(root.join("a/one"), "text").unwrap());
    check("a write of the same length", false, |root| fs::write(root.join("a/two"), "else").unwrap());
    check("a new file in a folder", false, |root| fs::write(root.join("a/new"), "").unwrap());
    check("a lost file", false, |root| fs::remove_file(root.join("b/c/three")).unwrap());
    check("what was absent", false, |root| fs::write(root.join("absent"), "").unwrap());
    check("a folder on the way to what was absent", true, |root| {
        fs::create_dir(root.join("b/absent")).unwrap();
    });
    check("another file under the same name", false, |root| {
        fs::rename(root.join("a/one"), root.join("b/c/three")).unwrap();
    });
    check("a folder in the place of a file", false, |root| {
        fs::remove_file(root.join("a/one")).unwrap();
        fs::create_dir(root.join("a/one")).unwrap();
    });
    check("an older time", false, |root| {
        let file = fs::File::options().write(true).open(root.join("a/one")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    });
    check("another mode", false, |root| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(root.join("a/one"), mode).unwrap();
    });
    check("everything", false, |root| fs::remove_dir_all(root).unwrap());
}

#[test]
fn what_changed_too_late_is_not_kept() {
    let dir = folder();
    let before = Moment::now();
    assert!(FileStates::take(dir.path(), vec![at("a/one")], before).is_some());
    fs::write(dir.path().join("a/one"), "late").unwrap();
    assert!(FileStates::take(dir.path(), vec![at("a/one")], before).is_none());
    assert!(take(dir.path()).is_none(), "one more write in the same tick would leave no trace");
    std::thread::sleep(Duration::from_millis(60));
    assert!(take(dir.path()).is_some());
    assert!(FileStates::take(dir.path(), vec![at("a/one")], before).is_none(), "it changed since");
}

#[test]
fn other_bytes_are_no_states() {
    for bytes in [&b""[..], b"pantsfs2", &[0; 48], &[0xff; 200]] {
        assert!(FileStates::parse(bytes.to_vec()).is_none());
    }
}

#[test]
fn what_changed_is_named_and_looked_at_anew() {
    let dir = folder();
    let states = take(dir.path()).unwrap();
    assert!(states.changed(dir.path()).is_empty());
    fs::write(dir.path().join("a/two"), "else").unwrap();
    fs::remove_file(dir.path().join("b/c/three")).unwrap();
    let changed = states.changed(dir.path());
    assert_eq!(changed, ["a/two", "b/c", "b/c/three"].map(PathBuf::from));
    assert!(states.renewed(dir.path(), &changed, Moment::now()).is_none(), "it was written to just now");
    std::thread::sleep(Duration::from_millis(60));
    let renewed = states.renewed(dir.path(), &changed, Moment::now()).unwrap();
    assert!(renewed.hold(dir.path()));
    assert_eq!(renewed, take(dir.path()).unwrap());
    assert_ne!(renewed.digest(), states.digest());
}

#[test]
fn what_comes_and_goes_at_a_path_does_not_show_beside_it() {
    let dir = folder();
    for beside in ["dist", "b/dist"] {
        let root = dir.path();
        let at = root.join(beside);
        let take = |now| FileStates::take(root, vec![Looked::Beside(beside.into())], now);
        let states = take(Moment::now()).unwrap();
        let begun = Moment::now();
        fs::create_dir(&at).unwrap();
        fs::write(at.join("more"), "").unwrap();
        assert!(states.hold(root), "{beside}");
        assert!(take(begun).is_none(), "{beside}: what came with it may have left no trace");
        let other = at.with_file_name("other");
        fs::write(&other, "").unwrap();
        assert!(!states.hold(root), "{beside}: a new name");
        fs::remove_file(&other).unwrap();
        assert!(states.hold(root), "{beside}: as it was");
        fs::create_dir(&other).unwrap();
        fs::remove_dir(&other).unwrap();
        fs::remove_dir_all(&at).unwrap();
        assert!(states.hold(root), "{beside}");
    }
}
