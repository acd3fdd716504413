//! `pants ci` by the finished program: what it does, what it says, and a rehearsal of twenty commits.
//!
//! A test that needs what a machine may lack (the index) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../queries/git.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod git;
mod model;
#[path = "../queries/random.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod random;
mod rehearsal;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;
#[path = "../queries/schema.rs"]
mod schema;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::git::{commit, git};
use crate::repository::{Repository, skipped};

/// A command in a folder that knows the index of this machine.
fn pants(folder: &Path, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
    command.args(arguments).current_dir(folder).env("PANTS_CACHE_DIR", cache).env_remove("GITHUB_ACTIONS");
    command
}

/// The exit code, what was answered, and what was said.
fn run(folder: &Path, cache: &Path, arguments: &[&str]) -> (i32, String, String) {
    let said = pants(folder, cache, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (said.status.code().unwrap(), text(&said.stdout), text(&said.stderr))
}

/// The report, which is as its schema says.
fn report(folder: &Path, cache: &Path, arguments: &[&str]) -> Value {
    let (_, answer, said) = run(folder, cache, &[&["-q", "--output", "json", "ci"], arguments].concat());
    let report = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}{said}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/ci.json");
    let described = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(schema::violations(&described, &report), [""; 0], "{report:#}");
    report
}

/// Of each part how it ended.
fn parts(report: &Value) -> Vec<(&str, &str, i64)> {
    let all = report["parts"].as_array().unwrap().iter();
    all.map(|part| {
        (
            part["goal"].as_str().unwrap(),
            part["status"].as_str().unwrap(),
            part["exit_code"].as_i64().unwrap(),
        )
    })
    .collect()
}

#[test]
fn the_worst_of_all_parts_counts_and_each_is_told() {
    let repository = Repository::new(&[
        (".gitignore", "/dist/\n"),
        ("BUILD", "python_requirement(name = \"tools\", requirements = [\"pytest==8.3.*\", \"ruff\"])\n"),
        ("lib/BUILD", "python_library(name = \"lib\")\npython_tests(name = \"tests\")\n"),
        ("lib/sums.py", "def add(a, b):\n    return a + b\n"),
        ("lib/sums_test.py", "from lib.sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\npython_binary(name = \"app\", entry_point = \"main.py\")\n",
        ),
        ("svc/main.py", "from lib.sums import add\n\nprint(add(1, 2))\n"),
    ]);
    let (root, cache) = (repository.root(), repository.cache());
    let (code, _, said) = run(&root, &cache, &["-q", "lock"]);
    if code == 3 {
        return skipped("the_worst_of_all_parts_counts_and_each_is_told", &said);
    }
    git(&root, &["init", "--quiet", "--initial-branch=main"]);
    commit(&repository);
    let passed = |goal| (goal, "passed", 0);
    let check = ("check", "skipped", 0);
    let first = report(&root, &cache, &["::"]);
    assert_eq!(parts(&first), [passed("fmt"), passed("lint"), check, passed("test"), passed("package")]);
    assert_eq!((&first["exit_code"], &first["since"]), (&0.into(), &Value::Null));
    assert_eq!(first["parts"][4]["report"]["artifacts"][0]["path"], "dist/svc/app.pex");

    // A finding and a test that fails: the rest is done all the same.
    repository.write("lib/sums.py", "import os\n\n\ndef add(a, b):\n    return a - b\n");
    let second = report(&root, &cache, &["--changed-since=HEAD"]);
    let failed = |goal| (goal, "failed", 1);
    assert_eq!(parts(&second), [passed("fmt"), failed("lint"), check, failed("test"), passed("package")]);
    assert_eq!(second["exit_code"], 1);
    assert_eq!(second["parts"][3]["report"]["tests"][0]["file"], "lib/sums_test.py");
    let (code, answer, said) = run(&root, &cache, &["ci", "--changed-since=HEAD", "--skip", "fmt,package"]);
    assert!(code == 1 && answer.contains("✗ lint in ") && answer.contains("✗ test in "), "{answer}{said}");
    assert!(answer.contains("lib/sums.py:1:8: F401") && said.contains("assert -1 == 3"), "{answer}{said}");
    assert!(answer.contains("- check: `check` has no tools") && !answer.contains("package"), "{answer}");

    // What only one of several jobs does, and what is wrong with a request.
    let shard = report(&root, &cache, &["::", "--shard", "2/2"]);
    assert_eq!(parts(&shard), [passed("test")]);
    // Services may count with leading zeros.
    let shard = report(&root, &cache, &["::", "--shard", "01/2", "--skip=fmt,check,package"]);
    assert_eq!(shard["parts"][0]["goal"], "lint");
    let unknown = report(&root, &cache, &["--changed-since=nosuch", "--skip=fmt,lint,check"]);
    assert_eq!(parts(&unknown), [("test", "failed", 2), ("package", "failed", 2)]);
    let code = &unknown["parts"][0]["report"]["diagnostics"][0]["code"];
    assert_eq!((code, &unknown["exit_code"]), (&"changed::unknown_revision".into(), &2.into()));
    let (code, _, said) = run(&root, &cache, &["ci", "::", "--shard", "3/2"]);
    assert!(code == 2 && said.contains("error[ci::arguments]: invalid value '3/2'"), "{said}");
}
