//! What the walk of the repository takes and leaves, and files that cannot be read.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use common::{check, options, repository, text, write};
use loader::{Limits, Options, load};

fn sources(options: &Options) -> Vec<String> {
    let loaded = load(options, None);
    assert_eq!(loaded.errors, []);
    loaded.targets.iter().flat_map(|target| &target.sources).map(|source| source.path.to_string()).collect()
}

const ALL: &str = "files(name = \"all\", sources = [\"**\"])\n";

#[test]
fn ignored_files_do_not_exist() {
    let root = repository(&[
        ("BUILD", ALL),
        (".gitignore", "*.log\n/out/\n"),
        ("a.txt", ""),
        ("b.log", ""),
        ("out/c.txt", ""),
        ("sub/out/d.txt", ""),
        ("sub/BUILD", ""),
        ("vendor/e.txt", ""),
        ("dist/f.txt", ""),
        ("sub/dist/g.txt", ""),
        (".hidden/h.txt", ""),
        (".dot", ""),
    ]);
    let options = Options { ignore: vec!["/vendor/".to_owned()], ..options(root.path()) };
    assert_eq!(sources(&options), ["a.txt", "sub/dist/g.txt", "sub/out/d.txt"]);
}

#[test]
fn a_symlink_loop_is_harmless() {
    let root = repository(&[("BUILD", ALL), ("a/x.py", "")]);
    symlink("..", root.path().join("a/up")).expect("a link");
    symlink(".", root.path().join("self")).expect("a link");
    symlink("loop", root.path().join("loop")).expect("a link");
    symlink("x.py", root.path().join("a/y.py")).expect("a link");
    assert_eq!(sources(&options(root.path())), ["a/x.py", "a/y.py"]);
}

#[test]
fn a_name_that_is_not_utf8_is_left_out_with_a_warning() {
    let root = repository(&[("BUILD", ALL), ("a/x.py", "")]);
    let name = OsStr::from_bytes(b"caf\xe9.py");
    fs::write(root.path().join("a").join(name), "").expect("a file");
    let directory = root.path().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&directory).expect("a directory");
    fs::write(directory.join("inside.py"), "").expect("a file");
    let loaded = load(&options(root.path()), None);
    assert_eq!(loaded.errors, []);
    assert_eq!(
        loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "a file in `.` is left out, since its name `\\xff` is not UTF-8",
            "a file in `a` is left out, since its name `caf\\xe9.py` is not UTF-8",
        ]
    );
    assert_eq!(loaded.targets[0].sources.len(), 1);
}

#[test]
fn a_directory_called_build_is_no_build_file() {
    let root = repository(&[("BUILD/BUILD", "files(sources = [\"x\"])"), ("BUILD/x", "")]);
    assert_eq!(sources(&options(root.path())), ["BUILD/x"]);
}

#[test]
fn files_that_are_not_text_or_too_large() {
    let root = repository(&[("large/BUILD", "x = 1\n# ........\n"), ("fits/BUILD", "")]);
    write(root.path(), "latin/BUILD", b"x = '\xe9'\n");
    let limits = Limits { file_size: 10, ..Limits::default() };
    let loaded = load(&Options { limits, ..options(root.path()) }, None);
    let errors: Vec<String> = loaded.errors.iter().map(text).collect();
    assert_eq!(
        errors,
        [
            "loader::file_size: `large/BUILD` has 17 bytes, more than the 10 that are read",
            "latin/BUILD:1:6+1: loader::not_utf8: `latin/BUILD` is not UTF-8\n  help: save it as UTF-8",
        ]
    );
}

#[test]
fn a_wrong_ignore_pattern_is_told() {
    let root = repository(&[("BUILD", "")]);
    let loaded = load(&Options { ignore: vec!["a{".to_owned()], ..options(root.path()) }, None);
    assert_eq!(loaded.errors.len(), 1, "{:?}", loaded.errors);
    assert_eq!(loaded.errors[0].code(), "loader::ignore_pattern");
}

#[test]
fn an_empty_repository_is_no_error() {
    check(&[], &[]);
}

/// The variable that tells a child process of these tests what to load.
const CHILD: &str = "LOADER_TEST_ROOT";

/// What a child process does; without the variable there is nothing to do.
#[test]
fn child() {
    if let Some(root) = std::env::var_os(CHILD) {
        for error in load(&options(root.as_ref()), None).errors {
            println!("> {}", text(&error));
        }
    }
}

#[test]
fn a_file_of_somebody_else_is_told() {
    let root = repository(&[("a/BUILD", ""), ("b/BUILD", ""), ("c/d/BUILD", "")]);
    let mode =
        |path: &str, mode| fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(mode));
    mode("", 0o755).expect("the mode is set");
    mode("a/BUILD", 0o600).expect("the mode is set");
    mode("c/d", 0o700).expect("the mode is set");
    let bin = std::env::current_exe().expect("this test");
    let copy = root.path().join("child.bin");
    fs::copy(&bin, &copy).expect("a copy that everyone can run");
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, root.path())
        .output();
    let output = match run {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("setpriv:") => output,
        other => return println!("skipped: another user cannot be taken on here: {other:?}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("> loader::unreadable: `a/BUILD` cannot be read: permission denied"), "{said}");
    assert!(said.contains("> loader::walk:") && said.contains("c/d"), "{said}");
}
