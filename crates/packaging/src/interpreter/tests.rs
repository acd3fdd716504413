//! Tests of finding and probing: with the interpreters of this machine, and with what only looks like one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::find::{claims, is_named};
use super::{Finder, Interpreter, Memo, SearchPaths};
use crate::constraints::InterpreterConstraints;
use crate::python::Minor;

fn check(path: &str, named: bool, claimed: Option<(u8, u8)>) {
    let path = Path::new(path);
    assert_eq!(is_named(path), named, "{path:?}");
    assert_eq!(claims(path), claimed.map(|(major, minor)| Minor::new(major, minor)), "{path:?}");
}

#[test]
fn names_tell_versions() {
    check("/usr/bin/python3.11", true, Some((3, 11)));
    check("/usr/bin/python3.13t", true, Some((3, 13)));
    check("/usr/bin/python3", true, None);
    check("/usr/bin/pypy3.9", true, None);
    check("/usr/bin/python3-config", false, None);
    check("/opt/pyenv/versions/3.9.18/bin/python", true, Some((3, 9)));
    check("/opt/pyenv/versions/3.13.0t/bin/python", true, Some((3, 13)));
    check("/opt/pyenv/versions/3.15-dev/bin/python", true, None);
    check("/usr/bin/pip3.11", false, None);
    check("python", true, None);
}

/// A memo that counts what it knew.
#[derive(Default)]
struct Remembered {
    kept: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
    known: Cell<usize>,
}

impl Memo for Remembered {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.kept.borrow().get(key).cloned();
        self.known.set(self.known.get() + usize::from(found.is_some()));
        found
    }

    fn put(&self, key: &[u8], value: &[u8]) {
        self.kept.borrow_mut().insert(key.to_owned(), value.to_owned());
    }
}

fn fake(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn search(entries: &[&Path]) -> SearchPaths {
    let entries = entries.iter().map(|path| (*path).to_owned()).collect();
    SearchPaths { entries, ..SearchPaths::default() }
}

/// pyenv's folder, if it has interpreters.
fn pyenv() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let found = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    found.join("versions").is_dir().then_some(found)
}

#[test]
fn what_is_no_interpreter_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    fake(folder.path(), "python3.8", "exit 1");
    fake(folder.path(), "python3.9", "echo hello");
    fake(folder.path(), "python3.10", "head -c 1000000 /dev/zero");
    fake(folder.path(), "python3.11", r#"echo '{"implementation": "CPython", "version": "x.y"}'"#);
    fake(folder.path(), "python3.12", "kill -9 $$");
    fs::write(folder.path().join("python3.13"), "not even executable").unwrap();
    fs::create_dir(folder.path().join("python3.14")).unwrap();
    fs::write(folder.path().join("python3.15"), "\x7fELF").unwrap();
    fs::set_permissions(folder.path().join("python3.15"), fs::Permissions::from_mode(0o755)).unwrap();
    let memo = Remembered::default();
    let mut finder = Finder::new(&search(&[folder.path(), Path::new("/nonexistent/python3.8")]), &memo);
    finder.patience = Duration::from_millis(500);
    assert_eq!(finder.all(), []);
    assert_eq!(finder.find("3.8".parse().unwrap()), None);
    assert_eq!(finder.newest(&[]), None);
    // Only those that did what they are for are not asked again.
    assert_eq!(memo.kept.borrow().len(), 2);
}

#[test]
fn one_that_hangs_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    fake(folder.path(), "python3.8", "sleep 1000");
    fake(folder.path(), "python3.9", "sleep 1000 & echo hello");
    let memo = Remembered::default();
    let mut finder = Finder::new(&search(&[folder.path()]), &memo);
    finder.patience = Duration::from_millis(300);
    let start = Instant::now();
    assert_eq!(finder.all(), []);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(memo.kept.borrow().len(), 1);
}

#[test]
fn one_that_says_more_than_asked_is_understood() {
    let Some(pyenv) = pyenv() else {
        println!("skipped: no pyenv");
        return;
    };
    let Some(real) = real(&pyenv).into_iter().next() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = format!("echo warning >&2; {} \"$@\"; echo '[1234 refs]' >&2", real.display());
    fake(folder.path(), "python3", &script);
    let memo = Remembered::default();
    assert_eq!(Finder::new(&search(&[folder.path()]), &memo).all().len(), 1);
}

/// The interpreters of pyenv.
fn real(pyenv: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(pyenv.join("versions")).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path().join("bin/python")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found
}

/// What an interpreter says of itself, by other words than the probe's: version, and the ABI tag that wheels have.
const ITSELF: &str = "\
import platform, sys, sysconfig
soabi = sysconfig.get_config_var('SOABI') or ''
if soabi.startswith('cpython-'):
    abi = 'cp' + soabi.split('-')[1]
else:
    abi = 'cp' + '%d%d' % sys.version_info[:2] + 'm' + ('u' if sys.maxunicode == 0x10ffff else '')
print(platform.python_version() + ' ' + abi)
";

#[test]
fn real_interpreters_are_what_they_say() {
    let Some(pyenv) = pyenv() else {
        println!("skipped: no pyenv");
        return;
    };
    let all = real(&pyenv);
    let memo = Remembered::default();
    let pyenv = SearchPaths { entries: vec!["<PYENV>".into()], path: Vec::new(), pyenv: Some(pyenv) };
    let finder = Finder::new(&pyenv, &memo);
    let found = finder.all();
    assert_eq!(found.len(), all.len(), "{all:?} {found:?}");
    assert!(found.windows(2).all(|pair| pair[0].version <= pair[1].version));
    for one in &found {
        let output = Command::new(&one.path).args(["-c", ITSELF]).output().unwrap();
        let expect = String::from_utf8(output.stdout).unwrap();
        assert_eq!(format!("{} {}", one.version, one.abi), expect.trim(), "{one}");
        let wanted = one.version.to_string().parse().unwrap();
        assert_eq!(finder.find(wanted).as_ref().map(|found| &found.version), Some(&one.version));
    }
    let newest = found.last().unwrap();
    println!("{} interpreters, the newest is {newest}", found.len());
    let that = InterpreterConstraints::parse(&[format!("=={}", newest.version)]).unwrap();
    assert_eq!(finder.newest(&[&that]).as_ref().map(Interpreter::minor), Some(newest.minor()));
    // Nothing is run twice: with no patience at all the answers are the same.
    let known = memo.known.get();
    let mut again = Finder::new(&pyenv, &memo);
    again.patience = Duration::ZERO;
    assert_eq!(again.all(), found);
    assert_eq!(memo.known.get(), known + found.len());
}

#[test]
fn a_file_that_changed_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    fake(folder.path(), "python3", "echo hello");
    let memo = Remembered::default();
    let finder = Finder::new(&search(&[folder.path()]), &memo);
    assert_eq!((finder.all(), memo.known.get()), (vec![], 0));
    assert_eq!((finder.all(), memo.known.get()), (vec![], 1));
    fake(folder.path(), "python3", "echo hello again");
    assert_eq!((finder.all(), memo.known.get()), (vec![], 1));
    assert_eq!(memo.kept.borrow().len(), 2);
}

/// What may become an interpreter without a change of the folder that it is in.
#[test]
fn what_may_become_an_interpreter_is_an_input() {
    let (folder, pyenv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = folder.path().join("python3.12");
    fs::write(&plain, "").unwrap();
    let dangling = folder.path().join("python3.13");
    std::os::unix::fs::symlink("not/there", &dangling).unwrap();
    fs::write(folder.path().join("pip3.12"), "").unwrap();
    // A version that is being installed.
    fs::create_dir_all(pyenv.path().join("versions/3.12.1")).unwrap();
    let late = pyenv.path().join("versions/3.12.1/bin/python");
    let memo = Remembered::default();
    let check = |search: SearchPaths, expect: &[&Path]| {
        let finder = Finder::new(&search, &memo);
        assert_eq!(finder.all(), []);
        let inputs = finder.inputs();
        for path in expect {
            assert!(inputs.iter().any(|input| input == path), "{path:?} is not among {inputs:?}");
        }
        assert!(!inputs.iter().any(|input| input.ends_with("pip3.12")), "{inputs:?}");
    };
    check(search(&[folder.path()]), &[folder.path(), &plain, &dangling]);
    let path = vec![folder.path().to_owned()];
    check(
        SearchPaths { entries: vec!["<PATH>".into()], path, pyenv: None },
        &[folder.path(), &plain, &dangling],
    );
    let pyenv = Some(pyenv.path().to_owned());
    check(SearchPaths { entries: vec!["<PYENV>".into()], path: Vec::new(), pyenv }, &[&late]);
}
