//! BUILD files that cannot be read or evaluated.

use crate::repository::check;

#[test]
fn syntax_error() {
    check(
        &[
            ("svc/BUILD", "python_library(\n    name = \"lib\"\n    tags = [],\n)\n"),
            ("web/BUILD", "python_library(name = \"web\"\n"),
        ],
        r#"
error[loader::syntax]: unexpected identifier `tags`, expected symbol `)`
 --> svc/BUILD:3:5
  |
3 |     tags = [],
  |     ^^^^
  |
  = help: is a comma or a closing bracket missing before it?
error[loader::syntax]: unexpected new line, expected symbol `)`
 --> web/BUILD:2:1
  |
2 |
  | ^
  |
  = help: is a comma or a closing bracket missing before it?
"#,
    );
}

#[test]
fn python_that_is_no_starlark() {
    check(
        &[("BUILD", "import os\n")],
        r#"
error[loader::syntax]: cannot use reserved keyword `import`
 --> BUILD:1:1
  |
1 | import os
  | ^^^^^^
  |
  = help: `load("//folder:file.bzl", "name")` takes names from other files
"#,
    );
}

#[test]
fn build_file_that_is_not_text() {
    let repository = crate::repository::Repository::new(&[]);
    repository.write("svc/BUILD", b"python_library(name = \"\xff\")\n");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[loader::not_utf8]: `svc/BUILD` is not UTF-8
 --> svc/BUILD:1:24
  |
1 | python_library(name = "�")
  |                        ^
  |
  = help: save it as UTF-8
"#,
    );
}

#[test]
fn unknown_rule() {
    check(
        &[("svc/BUILD", "python_libary(name = \"lib\")\n")],
        r#"
error[loader::unknown_name]: there is no rule or function `python_libary`
 --> svc/BUILD:1:1
  |
1 | python_libary(name = "lib")
  | ^^^^^^^^^^^^^
  |
  = help: did you mean `python_library` or `python_binary`?
"#,
    );
}

#[test]
fn load_cycle() {
    check(
        &[
            ("BUILD", "load(\"//:one.bzl\", \"one\")\n"),
            ("one.bzl", "load(\"//:two.bzl\", \"two\")\none = 1\n"),
            ("two.bzl", "load(\"//:one.bzl\", \"one\")\ntwo = 2\n"),
        ],
        r#"
error[loader::load_cycle]: files load each other in a circle: one.bzl -> two.bzl -> one.bzl
 --> one.bzl:1:6
  |
1 | load("//:two.bzl", "two")
  |      ^^^^^^^^^^^^
  |
 ::: two.bzl:1:6
  |
1 | load("//:one.bzl", "one")
  |      ------------ which loads
  |
  = help: move what both need into a file of its own
"#,
    );
}

#[test]
fn load_of_what_is_not_there() {
    check(
        &[
            ("svc/BUILD", "load(\"//build:macro.bzl\", \"service\")\n"),
            ("web/BUILD", "load(\"//build:macros.bzl\", \"servise\")\n"),
            ("build/macros.bzl", "def service(name):\n    pass\n"),
        ],
        r#"
error[loader::missing_module]: there is no file `build/macro.bzl` to load
 --> svc/BUILD:1:6
  |
1 | load("//build:macro.bzl", "service")
  |      ^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `//build/macros.bzl`?
error[loader::missing_symbol]: `build/macros.bzl` has no `servise` to load
 --> web/BUILD:1:28
  |
1 | load("//build:macros.bzl", "servise")
  |                            ^^^^^^^^^
  |
  = help: did you mean `service`?
"#,
    );
}

#[test]
fn endless_recursion() {
    check(
        &[
            ("svc/BUILD", "load(\"//:macros.bzl\", \"service\")\n\nservice()\n"),
            ("macros.bzl", "def service():\n    return service()\n"),
        ],
        r#"
error[loader::calls]: functions call each other more than 100 deep
 --> macros.bzl:2:12
  |
2 |     return service()
  |            ^^^^^^^^^
  |
 ::: svc/BUILD:3:1
  |
3 | service()
  | --------- called here
  |
  = help: is there a loop or a recursion that does not end?
"#,
    );
}

#[test]
fn endless_loop_in_a_macro() {
    let looping = "def service():\n    for a in range(1000000000):\n        for b in range(1000000000):\n            pass\n";
    check(
        &[("svc/BUILD", "load(\"//:macros.bzl\", \"service\")\n\nservice()\n"), ("macros.bzl", looping)],
        r#"
error[loader::steps]: evaluating `svc/BUILD` takes more than 1000000 steps
 --> macros.bzl:3:9
  |
3 |         for b in range(1000000000):
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: svc/BUILD:3:1
  |
3 | service()
  | --------- called here
  |
  = help: is there a loop or a recursion that does not end?
"#,
    );
}

/// An allocator can neither fail nor unwind: the process ends at once, and with it the report for programs.
#[test]
fn memory_bomb_in_a_macro() {
    let repository = crate::repository::Repository::new(&[
        ("svc/BUILD", "load(\"//:macros.bzl\", \"service\")\n\nservice()\n"),
        ("macros.bzl", "def service():\n    s = \"x\"\n    for i in range(100):\n        s = s + s\n"),
    ]);
    let said = repository.run(&["list", "::"]);
    repository.compare(
        &said,
        2,
        r#"
error[loader::memory]: evaluating `svc/BUILD` takes more than 256 MiB of memory
help: a list, string or number in it, or in a file that it loads, grows without bound
"#,
    );
    assert_eq!(said.stdout, "");
}

#[test]
fn memory_bomb_of_a_file_that_is_loaded() {
    let repository = crate::repository::Repository::new(&[
        ("svc/BUILD", "load(\"//:macros.bzl\", \"names\")\n"),
        ("macros.bzl", "names = [\"x\" * 100000 for i in range(100000)]\n"),
    ]);
    let said = repository.run(&["list", "::"]);
    repository.compare(
        &said,
        2,
        r#"
error[loader::memory]: evaluating `macros.bzl` takes more than 256 MiB of memory
help: a list, string or number in it, or in a file that it loads, grows without bound
"#,
    );
    assert_eq!(said.stdout, "");
}

#[test]
fn twenty_thousand_nested_brackets() {
    let brackets = format!("x = {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    check(
        &[("svc/BUILD", &brackets)],
        r#"
error[loader::nesting]: brackets, operators and blocks are nested more than 300 deep
 --> svc/BUILD:1:154
  |
1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
  |                                                                    ^
  |
  = help: is a bracket never closed? else spread it over several assignments
"#,
    );
}

#[test]
fn twenty_thousand_nested_calls_and_operators() {
    let calls = format!("x = {}1{}\n", "f(".repeat(20_000), ")".repeat(20_000));
    let minus = format!("x = {}1\n", "-".repeat(20_000));
    check(
        &[("a/BUILD", &calls), ("b/BUILD", &minus)],
        r#"
error[loader::nesting]: brackets, operators and blocks are nested more than 300 deep
 --> a/BUILD:1:304
  |
1 | ...(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f...
  |                                                                    ^
  |
  = help: is a bracket never closed? else spread it over several assignments
error[loader::nesting]: brackets, operators and blocks are nested more than 300 deep
 --> b/BUILD:1:303
  |
1 | ...----------------------------------------------------------------------------------------------------------------------------------...
  |                                                                    ^
  |
  = help: is a bracket never closed? else spread it over several assignments
"#,
    );
}

#[test]
fn failing_macro() {
    check(
        &[
            ("svc/BUILD", "load(\"//:macros.bzl\", \"service\")\n\nservice(\"app\")\n"),
            ("macros.bzl", "def service(name):\n    if name == \"app\":\n        fail(\"no app here\")\n"),
        ],
        r#"
error[loader::evaluation]: no app here
 --> macros.bzl:3:9
  |
3 |         fail("no app here")
  |         ^^^^^^^^^^^^^^^^^^^
  |
 ::: svc/BUILD:3:1
  |
3 | service("app")
  | -------------- called here
"#,
    );
}
