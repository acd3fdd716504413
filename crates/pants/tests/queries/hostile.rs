//! Sources and BUILD files that are made to be hard on inference, asked about by the finished program.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::repository::{Repository, Said};

/// A library whose files all import `p.ok` in their first line.
fn repository() -> Repository {
    let repository =
        Repository::new(&[("pants.toml", ""), ("p/BUILD", "python_library()\n"), ("p/ok.py", "")]);
    let write = |name: &str, rest: &[u8]| {
        repository.write(&format!("p/{name}.py"), [b"import p.ok\n", rest].concat());
    };
    write("large", "ROW = (1, 'a', {'b': [None, 2.5]})\n".repeat(10 * 1024 * 1024 / 35).as_bytes());
    write("nul", b"x = 1\0\0\nimport p.cycle\n");
    write("surrogate", b"X = '\xed\xa0\x80'\nY = '\\ud800'\nimport p.cycle\n");
    write("deep", format!("X = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000)).as_bytes());
    let many: String = (0..100_000).map(|number| format!("from p.ok import name{number}\n")).collect();
    write("many", many.as_bytes());
    write("cycle", b"import p.circle\n");
    write("circle", b"import p.cycle\n");
    write("binary", &(0..=255).collect::<Vec<u8>>().repeat(1000));
    repository
}

fn lines(said: &Said) -> Vec<&str> {
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout.lines().collect()
}

/// The files of a set, without one of them.
fn files(repository: &Repository, expression: &str, but: &str) -> Vec<String> {
    let said = repository.run(&["query", "--files", expression]);
    assert_eq!(said.stderr, "");
    let is_other = |label: &&str| label.ends_with(".py") && **label != format!("//{but}");
    lines(&said).into_iter().filter(is_other).map(ToOwned::to_owned).collect()
}

#[test]
fn files_that_are_hard_to_read_have_their_imports() {
    let repository = repository();
    let importers = ["binary", "circle", "cycle", "deep", "large", "many", "nul", "surrogate"];
    assert_eq!(
        files(&repository, "rdeps(//..., p/ok.py, 1)", "p/ok.py"),
        importers.map(|name| format!("//p/{name}.py"))
    );
    assert_eq!(
        files(&repository, "rdeps(//..., p/cycle.py, 1)", "p/cycle.py"),
        ["//p/circle.py", "//p/nul.py", "//p/surrogate.py"]
    );
    let said = repository.run(&["why", "p/cycle.py", "p/circle.py"]);
    assert_eq!(lines(&said)[1], "  p/cycle.py imports //p/circle.py  (p/cycle.py:2:8)");
    assert_eq!(files(&repository, "deps(p/circle.py)", "p/circle.py"), ["//p/cycle.py", "//p/ok.py"]);
}

#[test]
fn modules_that_are_called_like_others() {
    let repository = Repository::new(&[
        ("pants.toml", "[source]\nroot_patterns = [\"one\", \"two\", \"three\", \"three/a\", \"three/b\"]\n"),
        ("one/BUILD", "python_library()\n"),
        // Beside the import it takes the place of the standard library's, and elsewhere it does not.
        ("one/json.py", ""),
        ("one/user.py", "import json\nimport twin\n"),
        ("two/BUILD", "python_library()\n"),
        ("two/other.py", "import json\nimport both\n"),
        // Python prefers the package.
        ("one/twin.py", ""),
        ("one/twin/BUILD", "python_library()\n"),
        ("one/twin/__init__.py", ""),
        ("one/both.py", ""),
        // Neither is nearer.
        ("three/BUILD", "python_library()\n"),
        ("three/asks.py", "import same\n"),
        ("three/a/BUILD", "python_library(name = \"lib\")\n"),
        ("three/a/same.py", ""),
        ("three/b/BUILD", "python_library(name = \"lib\")\n"),
        ("three/b/same.py", ""),
    ]);
    let needs = |file: &str| files(&repository, &format!("deps({file}, 1)"), file);
    assert_eq!(needs("one/user.py"), ["//one/json.py", "//one/twin/__init__.py"]);
    assert_eq!(needs("two/other.py"), ["//one/both.py"]);
    let said = repository.run(&["dependencies", "three/asks.py"]);
    assert_eq!(lines(&said), [""; 0]);
    assert!(said.stderr.contains("warning[python::ambiguous_import]"), "{}", said.stderr);
    assert!(said.stderr.contains("//three/a/same.py:lib") && said.stderr.contains("//three/b/same.py:lib"));
}

#[test]
fn a_build_file_that_is_edited_during_the_run_is_one_or_the_other() {
    let repository = Repository::new(&[("pants.toml", "")]);
    for folder in 0..30 {
        repository.write(&format!("q{folder}/BUILD"), "python_library()\n");
        repository.write(&format!("q{folder}/a.py"), "");
    }
    let states = ["one", "another"].map(|name| format!("files(name = \"{name}\", sources = [\"BUILD\"])\n"));
    repository.write("p/BUILD", &states[0]);
    let done = AtomicBool::new(false);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                repository.write("new", &states[round % 2]);
                fs::rename(repository.root().join("new"), repository.root().join("p/BUILD")).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        for _ in 0..30 {
            let said = repository.run(&["list", "//p:all"]);
            seen.insert(lines(&said).concat());
        }
        done.store(true, Ordering::Relaxed);
    });
    let expected = ["//p:another", "//p:one"].map(ToOwned::to_owned);
    assert!(seen.iter().all(|seen| expected.contains(seen)), "{seen:?}");
    for (state, expected) in states.iter().zip(["//p:one", "//p:another"]) {
        repository.write("p/BUILD", state);
        assert_eq!(lines(&repository.run(&["list", "//p:all"])), [expected]);
    }
}
