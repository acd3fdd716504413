//! A file that takes too much memory ends the process with a message that names it.

mod common;

use std::process::{Command, Output};

use common::{options, repository};
use loader::{CountingAllocator, load};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The variable that tells a child process what to load.
const CHILD: &str = "LOADER_TEST_ROOT";

/// What a child process does, as the binary would; without the variable there is nothing to do.
#[test]
#[allow(clippy::exit, reason = "what is tested is how the process ends")]
fn child() {
    if let Some(root) = std::env::var_os(CHILD) {
        let loaded = load(&options(root.as_ref()), None);
        println!("> {} targets", loaded.targets.len());
        if !loaded.errors.is_empty() {
            loaded.errors.iter().for_each(|error| eprintln!("error[{}]: {error}", error.code()));
            std::process::exit(2);
        }
    }
}

fn run(files: &[(&str, &str)]) -> Output {
    let root = repository(files);
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, root.path())
        .output()
        .expect("this test can be started")
}

#[track_caller]
fn check(bomb: &str) {
    let output = run(&[
        ("bombs/BUILD", "load(\":bomb.bzl\", \"bomb\")\nbomb()\n"),
        ("bombs/bomb.bzl", &format!("def bomb():\n    {bomb}\n")),
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{bomb}: {said}");
    // Starlark computes constants when it compiles the macro, all else when the BUILD file calls it.
    let expected =
        |file| format!("error[loader::memory]: evaluating `{file}` takes more than 256 MiB of memory\n");
    let named = ["bombs/BUILD", "bombs/bomb.bzl"].iter().any(|file| said.contains(&expected(file)));
    assert!(named, "{bomb}: {said}");
}

#[test]
fn bombs_of_memory() {
    check("x = \"a\"\n    for i in range(60):\n        x = x + x");
    check("x = \"a\" * 400000000");
    check("x = list(range(1000000000))");
    check("x = [\"a\"] * 400000000");
    check("x = sorted(range(300000000))");
    check("x = \"%s%s\" % (\"a\" * 200000000, \"b\" * 200000000)");
    check("x = \"{0}{0}{0}{0}{0}\".format(\"a\" * 100000000)");
    check("x = (\"a\" * 20000).join([\"b\"] * 20000)");
    check("x = (\"a\" * 20000).replace(\"a\", \"b\" * 20000)");
    check("x = {str(i) * 1000: i for i in range(1000000000)}");
    check("x = [list(range(10000)) for i in range(100000)]");
    check("x = 1 << 30\n    for i in range(40):\n        x = x * x");
    check("for i in range(900000):\n        print(\"a\" * 1000)");
}

#[test]
fn a_bomb_in_a_module_names_the_module() {
    let output = run(&[("BUILD", "load(\":bomb.bzl\", \"X\")\n"), ("bomb.bzl", "X = \"a\" * 400000000\n")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("evaluating `bomb.bzl` takes more than"), "{said}");
}

#[test]
fn what_is_not_a_bomb_passes() {
    let output = run(&[
        ("a/BUILD", "x = [\"a\" * 1000 for i in range(10000)]\nfiles(name = \"x\", sources = [\"BUILD\"])\n"),
        ("b/BUILD", "def f():\n    for i in range(1000):\n        y = \"a\" * 100000\nf()\n"),
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("> 1 targets"), "{said}");
}

#[test]
fn deep_values_do_not_overflow_the_stack() {
    let output = run(&[
        (
            "BUILD",
            "load(\":deep.bzl\", \"X\", \"deep\")\nY = deep()\nprint(Y == X)\nfiles(name = \"x\", tags = Y, sources = [\"BUILD\"])\n",
        ),
        (
            "deep.bzl",
            "def deep():\n    x = []\n    for i in range(900000):\n        x = [x]\n    return x\n\nX = deep()\n",
        ),
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said} {errors}");
    assert!(errors.contains("error[") && !errors.contains("overflow its stack"), "{errors}");
}
