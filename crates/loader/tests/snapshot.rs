//! A snapshot saves what did not change, and nothing else.

mod common;

use std::fs;
use std::path::Path;

use common::{options, repository, write};
use loader::{Loaded, load};
use proptest::prelude::{any, prop_assert, proptest};
use proptest::test_runner::Config;
use tempfile::TempDir;

fn example() -> TempDir {
    repository(&[
        ("a/BUILD", "load(\"//m/outer.bzl\", \"library\")\nlibrary(\"a\")\nprint(\"hello\")\n"),
        ("a/x.py", ""),
        (
            "b/BUILD",
            "python_binary(name = \"b\", entry_point = \"b.x\", env = {\"A\": \"1\"}, dependencies = [\"//a\", \"//a/x.py\"])\n",
        ),
        ("c/BUILD", "resources(name = \"c\", sources = [\"**/*.html\"])\n"),
        ("c/d/e.html", ""),
        (
            "m/outer.bzl",
            "load(\":inner.bzl\", \"TAG\")\ndef library(name):\n    python_library(name = name, tags = [TAG])\n",
        ),
        ("m/inner.bzl", "TAG = \"one\"\n"),
    ])
}

/// Loads twice, the second time with the snapshot of the first; gives how many files were evaluated again.
fn again(root: &Path, change: impl FnOnce()) -> (usize, Loaded) {
    let first = load(&options(root), None);
    assert_eq!(first.errors, []);
    change();
    let snapshot = first.snapshot.expect("the first run makes one");
    let second = load(&options(root), Some(&snapshot));
    let fresh = load(&options(root), None);
    assert_eq!(second.targets, fresh.targets);
    assert_eq!(second.errors, fresh.errors);
    (second.evaluated, second)
}

/// Loads twice, the second time with other options too; gives the directories of the targets that changed.
fn with_options(files: &[(&str, &str)], change: (&str, &str), variables: [&str; 2]) -> Vec<String> {
    let root = repository(files);
    let options = |value: &str| {
        let variables = [("V".to_owned(), value.to_owned())].into_iter().collect();
        let prelude = vec!["pre/*.py".to_owned()];
        loader::Options { prelude, variables: std::sync::Arc::new(variables), ..options(root.path()) }
    };
    let first = load(&options(variables[0]), None);
    assert_eq!(first.errors, []);
    write(root.path(), change.0, change.1);
    let second = load(&options(variables[1]), first.snapshot.as_deref());
    let fresh = load(&options(variables[1]), None);
    assert_eq!((&second.targets, &second.errors), (&fresh.targets, &fresh.errors));
    let before: Vec<_> = first.targets.iter().map(|target| (&target.label, &target.fields)).collect();
    let changed = second.targets.iter().filter(|target| !before.contains(&(&target.label, &target.fields)));
    changed.map(|target| target.label.package().to_owned()).collect()
}

#[test]
fn what_is_elsewhere_is_seen_at_once() {
    let files = [
        ("BUILD", "__defaults__({files: {\"tags\": [\"one\"]}})\n"),
        ("a/BUILD", "files(sources = [])\n"),
        ("a/b/BUILD", "files(sources = [])\n"),
        ("c/BUILD", "files(sources = [], tags = [env(\"V\", \"\")])\n"),
        ("d/BUILD", "files(sources = [], tags = [TAG])\n"),
        ("pre/x.py", "TAG = \"one\"\n"),
    ];
    let nothing = ("e/x", "");
    assert_eq!(with_options(&files, nothing, ["1", "1"]), [""; 0]);
    assert_eq!(with_options(&files, nothing, ["1", "2"]), ["c"]);
    assert_eq!(with_options(&files, ("pre/x.py", "TAG = \"two\"\n"), ["1", "1"]), ["d"]);
    assert_eq!(with_options(&files, ("pre/y.py", "TAG = \"two\"\n"), ["1", "1"]), ["d"]);
    let defaults = ("BUILD", "__defaults__({files: {\"tags\": [\"two\"]}})\n");
    assert_eq!(with_options(&files, defaults, ["1", "1"]), ["a", "a/b"]);
    let below = ("a/BUILD", "__defaults__({files: {\"tags\": [\"two\"]}})\nfiles(sources = [])\n");
    assert_eq!(with_options(&files, below, ["1", "1"]), ["a", "a/b"]);
}

#[test]
fn nothing_changed() {
    let root = example();
    let (evaluated, second) = again(root.path(), || {});
    assert_eq!(evaluated, 0);
    assert_eq!(second.snapshot, None);
    assert_eq!(second.messages.len(), 1);
    assert_eq!(second.modules, ["m/inner.bzl", "m/outer.bzl"]);
    assert_eq!(second.build_files, ["a/BUILD", "b/BUILD", "c/BUILD"]);
}

#[test]
fn only_what_a_change_reaches_is_evaluated() {
    let change = |path: &'static str, text: &'static str| {
        let root = example();
        again(root.path(), || write(root.path(), path, text)).0
    };
    assert_eq!(change("a/x.py", "changed"), 0);
    assert_eq!(change("a/y.py", ""), 1);
    assert_eq!(change("b/y.py", ""), 0);
    assert_eq!(change("c/d/f.html", ""), 1);
    assert_eq!(change("a/d/f.html", ""), 0);
    assert_eq!(change("m/inner.bzl", "TAG = \"two\"\n"), 1);
    assert_eq!(change("b/BUILD", "python_binary(name = \"x\")\n"), 1);
    assert_eq!(change("e/BUILD", ""), 1);
    assert_eq!(change("c/BUILD", "resources(name = \"c\", sources = [\"x\"])\n"), 1);
}

#[test]
fn a_file_that_goes_away_takes_its_targets_with_it() {
    let root = example();
    let (evaluated, second) =
        again(root.path(), || fs::remove_file(root.path().join("b/BUILD")).expect("it was there"));
    assert_eq!((evaluated, second.targets.len()), (0, 2));
    assert!(second.snapshot.is_some());
}

#[test]
fn threads_do_not_matter() {
    let root = example();
    let one = load(&loader::Options { jobs: 1, ..options(root.path()) }, None);
    let many = load(&loader::Options { jobs: 7, ..options(root.path()) }, None);
    assert_eq!(one.targets, many.targets);
    assert_eq!(one.snapshot, many.snapshot);
}

proptest! {
    #![proptest_config(Config { cases: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_damaged_snapshot_does_no_harm(at in any::<usize>(), byte in any::<u8>(), cut in any::<bool>()) {
        let root = example();
        let first = load(&options(root.path()), None);
        let mut snapshot = first.snapshot.expect("the first run makes one");
        let at = at % snapshot.len();
        if cut { snapshot.truncate(at) } else { snapshot[at] = byte }
        // Whether it is the one that was kept is for the cache to tell.
        prop_assert!(load(&options(root.path()), Some(&snapshot)).errors.is_empty());
    }
}
