//! Programs whose resolve has not what they need, or not just one of it.

use crate::repository::Repository;

const CONFIGURATION: &str = "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n\n\
                             [python.resolves]\ndefault = \"default.lock\"\nlegacy = \"legacy.lock\"\n";

/// A program of the resolve `legacy` that reaches a requirement of the default one by way of two libraries.
#[track_caller]
fn check(third_party: &str, shared: &str, expected: &str) {
    let third_party =
        format!("python_requirement(name = \"flask\", requirements = [\"flask>=3\"])\n{third_party}");
    let repository = Repository::new(&[
        ("pants.toml", CONFIGURATION),
        ("3rdparty/BUILD", &third_party),
        ("shared/BUILD", &format!("python_library(dependencies = [\"//3rdparty:flask\"]{shared})\n")),
        ("shared/page.py", ""),
        (
            "svc/BUILD",
            "python_binary(name = \"app\", entry_point = \"main.py\", resolve = \"legacy\", dependencies = [\":lib\"])\n\
             python_library(name = \"lib\", dependencies = [\"//shared\"])\n",
        ),
        ("svc/main.py", ""),
    ]);
    repository.fails(&["binary", "//svc:app"], 2, expected);
}

#[test]
fn nothing_stands_in() {
    check(
        "python_requirement(name = \"six\", requirements = [\"six\"], resolve = \"legacy\")\n",
        "",
        r#"
error[python::other_resolve]: `//svc:app` is in the resolve `legacy`, and needs `flask>=3`, which is in the resolve `default`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "flask", requirements = ["flask>=3"])
  |                                                    ^^^^^^^^^^
  |
 ::: svc/BUILD:1:64
  |
1 | python_binary(name = "app", entry_point = "main.py", resolve = "legacy", dependencies = [":lib"])
  |                                                                -------- the program is in `legacy`
  |
  = note: by way of `//svc:app` → `//svc:lib` → `//shared:shared` → `//3rdparty:flask`
  = help: give the resolve a version of its own: a `python_requirement` for `flask` with `resolve = "legacy"`
"#,
    );
}

#[test]
fn two_could_stand_in() {
    check(
        "python_requirement(name = \"old\", requirements = [\"flask<2\"], resolve = \"legacy\")\n\
         python_requirement(name = \"older\", requirements = [\"Flask<1\"], resolve = \"legacy\")\n",
        "",
        r#"
error[python::other_resolve]: `//svc:app` is in the resolve `legacy`, and needs `flask>=3`, which is in the resolve `default`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "flask", requirements = ["flask>=3"])
  |                                                    ^^^^^^^^^^
  |
 ::: svc/BUILD:1:64
  |
1 | python_binary(name = "app", entry_point = "main.py", resolve = "legacy", dependencies = [":lib"])
  |                                                                -------- the program is in `legacy`
  |
  = note: by way of `//svc:app` → `//svc:lib` → `//shared:shared` → `//3rdparty:flask`
  = help: `legacy` has `//3rdparty:old` and `//3rdparty:older`: name the one that is meant in the `dependencies` of the program
"#,
    );
}

#[test]
fn two_are_reached() {
    // The library reaches both, and a requirement of another resolve for the same project.
    check(
        "python_requirement(name = \"old\", requirements = [\"flask<2\"], resolve = \"legacy\")\n\
         python_requirement(name = \"older\", requirements = [\"Flask<1\"], resolve = \"legacy\")\n",
        " + [\"//3rdparty:old\", \"//3rdparty:older\"]",
        r#"
error[python::other_resolve]: `//svc:app` is in the resolve `legacy`, and needs `flask>=3`, which is in the resolve `default`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "flask", requirements = ["flask>=3"])
  |                                                    ^^^^^^^^^^
  |
 ::: svc/BUILD:1:64
  |
1 | python_binary(name = "app", entry_point = "main.py", resolve = "legacy", dependencies = [":lib"])
  |                                                                -------- the program is in `legacy`
  |
  = note: by way of `//svc:app` → `//svc:lib` → `//shared:shared` → `//3rdparty:flask`
  = note: and by way of `//svc:app` → `//svc:lib` → `//shared:shared` → `//3rdparty:old`
  = note: and by way of `//svc:app` → `//svc:lib` → `//shared:shared` → `//3rdparty:older`
  = help: `legacy` has `//3rdparty:old` and `//3rdparty:older`: name the one that is meant in the `dependencies` of the program
"#,
    );
}

#[test]
fn library_of_another_resolve() {
    check(
        "python_requirement(name = \"old\", requirements = [\"flask<2\"], resolve = \"legacy\")\n",
        ", resolve = \"default\"",
        r#"
error[python::library_of_other_resolve]: `//svc:app` is in the resolve `legacy`, and `//shared:shared`, which it needs, is in the resolve `default`
 --> shared/BUILD:1:63
  |
1 | python_library(dependencies = ["//3rdparty:flask"], resolve = "default")
  |                                                               ^^^^^^^^^
  |
 ::: svc/BUILD:1:64
  |
1 | python_binary(name = "app", entry_point = "main.py", resolve = "legacy", dependencies = [":lib"])
  |                                                                -------- the program is in `legacy`
  |
  = note: by way of `//svc:app` → `//svc:lib` → `//shared:shared`
  = help: leave out the `resolve` of the library, so that it serves in all, or build the program in another resolve than `legacy`
"#,
    );
}

#[test]
fn one_stands_in() {
    // What is missing then is the lock alone.
    check(
        "python_requirement(name = \"old\", requirements = [\"flask<2\"], resolve = \"legacy\")\n",
        "",
        r#"
error[python::no_lock]: the resolve `legacy` has no lock file `legacy.lock`, and `//svc:app` needs 1 requirement of it
 --> svc/BUILD:1:1
  |
1 | python_binary(name = "app", entry_point = "main.py", resolve = "legacy", dependencies = [":lib"])
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: `pants lock` writes it
"#,
    );
}

#[test]
fn only_locks_are_overwritten() {
    let repository = Repository::new(&[
        ("pants.toml", "[python]\ninterpreters = [\"3.11\"]\n\n[python.resolves]\ndefault = \"README.md\"\n"),
        ("BUILD", "python_requirement(name = \"x\", requirements = [\"x\"])\n"),
        ("README.md", "# A project\n"),
    ]);
    let help = "  = help: `pants lock` overwrites only what it has written: name another file in `[python.resolves]`, or \
                move this one away";
    let said = repository.run(&["lock"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains("error[packaging::lock_syntax]") && said.stderr.contains(help),
        "{}",
        said.stderr
    );
    assert_eq!(repository.read("README.md"), b"# A project\n");
    // One of ours that nobody can read is not thrown away either.
    repository.write("README.md", [0xff, 0xfe]);
    let said = repository.run(&["lock"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("error[lock::unreadable]"), "{}", said.stderr);
    assert_eq!(repository.read("README.md"), [0xff, 0xfe]);
}
