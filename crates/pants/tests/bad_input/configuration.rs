//! A `pants.toml` that is wrong, or says what nothing can be built for.

use crate::repository::Repository;

/// Checks what is said about a configuration.
#[track_caller]
fn check(text: &str, expected: &str) {
    let repository = Repository::new(&[
        ("pants.toml", text),
        ("a.txt", ""),
        ("BUILD", "files(name = \"a\", sources = [\"a.txt\"])\n"),
    ]);
    repository.fails(&["list", "::"], 2, expected);
}

/// Checks what is said when a program is built by a configuration and fields.
#[track_caller]
fn check_binary(configuration: &str, fields: &str, code: i32, expected: &str) {
    let repository = Repository::new(&[
        ("pants.toml", configuration),
        ("svc/main.py", ""),
        (
            "svc/BUILD",
            &format!(
                "python_library(name = \"lib\")\n\npython_binary(\n    name = \"app\",\n    entry_point = \"main.py\",\n    {fields}\n)\n"
            ),
        ),
    ]);
    repository.fails(&["binary", "--offline", "//svc:app"], code, expected);
}

#[test]
fn no_pants_toml() {
    let repository = Repository::new(&[]);
    std::fs::remove_file(repository.root().join("pants.toml")).expect("it is there");
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[session::no_root]: no `pants.toml` in `TMP/repository` or a folder above it
 |
 = help: `touch pants.toml` at the root of the repository marks it; it may stay empty
"#,
    );
    repository.fails(
        &["--root", "elsewhere", "list", "::"],
        2,
        r#"
error[session::no_root]: `TMP/repository/elsewhere` has no `pants.toml`
 |
 = help: `touch pants.toml` there marks it as the root; it may stay empty
"#,
    );
}

#[test]
fn a_key_of_another_section() {
    check(
        "[python]\nindexes = [\"https://h.example/simple\"]\n",
        r#"
error[config::unknown]: section `[python]` has no key `indexes`
 --> pants.toml:2:1
  |
2 | indexes = ["https://h.example/simple"]
  | ^^^^^^^
  |
  = help: `indexes` is a key of `[python-repos]`
"#,
    );
}

#[test]
fn unknown_keys() {
    check(
        "[pyton]\n\n[python]\ninterpreter_constrains = []\n\n[GLOBAL]\nzzz = 1\n\n[python.resolve]\na = \"a.lock\"\n",
        r#"
error[config::unknown]: `pants.toml` has no section `[pyton]`
 --> pants.toml:1:2
  |
1 | [pyton]
  |  ^^^^^
  |
  = help: did you mean `python`?
error[config::unknown]: section `[python]` has no key `interpreter_constrains`
 --> pants.toml:4:1
  |
4 | interpreter_constrains = []
  | ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `interpreter_constraints`?
error[config::unknown]: section `[GLOBAL]` has no key `zzz`
 --> pants.toml:7:1
  |
7 | zzz = 1
  | ^^^
  |
  = help: `pants help pants.toml` lists all keys
error[config::unknown]: section `[python]` has no key `resolve`
 --> pants.toml:9:9
  |
9 | [python.resolve]
  |         ^^^^^^^
  |
  = help: did you mean `resolves`?
"#,
    );
}

#[test]
fn wrong_types() {
    check(
        "cache = 3\n\n[GLOBAL]\njobs = 0\noffline = \"no\"\ncolor = \"sometimes\"\n[source]\nroot_patterns = \"src\"\n\n[python.resolves]\ndefault = 1\n",
        r#"
error[config::type]: `cache` takes a section, not `3`
 --> pants.toml:1:9
  |
1 | cache = 3
  |         ^
error[config::type]: `jobs` takes a number from 1 on, not `0`
 --> pants.toml:4:8
  |
4 | jobs = 0
  |        ^
error[config::type]: `offline` takes true or false, not a string
 --> pants.toml:5:11
  |
5 | offline = "no"
  |           ^^^^
error[config::type]: `color` takes `auto`, `always` or `never`, not `sometimes`
 --> pants.toml:6:9
  |
6 | color = "sometimes"
  |         ^^^^^^^^^^^
error[config::type]: `root_patterns` takes a list of strings, not a string
 --> pants.toml:8:17
  |
8 | root_patterns = "src"
  |                 ^^^^^
error[config::type]: `default` takes a string, not `1`
  --> pants.toml:11:11
   |
11 | default = 1
   |           ^
"#,
    );
}

#[test]
fn key_in_no_section() {
    check(
        "jobs = 3\nverbose = true\n",
        r#"
error[config::no_section]: the key `jobs` is in no section
 --> pants.toml:1:1
  |
1 | jobs = 3
  | ^^^^
  |
  = help: keys belong in a section: write `[GLOBAL]` above
error[config::type]: `verbose` takes a section, not a boolean
 --> pants.toml:2:11
  |
2 | verbose = true
  |           ^^^^
"#,
    );
}

#[test]
fn places_that_cannot_be() {
    check(
        "[python.resolves]\na = \"../a.lock\"\nb = \"/b.lock\"\nc = \"\"\n\n[python]\ndefault_resolve = \"b\"\n\
         interpreter_search_paths = [\"<PYENVX>\", \"<PATH>\", \"<NIX>\"]\n",
        r#"
error[config::lock_path]: the lock of the resolve `a` cannot be `../a.lock`
 --> pants.toml:2:5
  |
2 | a = "../a.lock"
  |     ^^^^^^^^^^^
  |
  = help: a lock is a file of the repository: write its path relative to the root, without `..`, such as `3rdparty/default.lock`
error[config::lock_path]: the lock of the resolve `b` cannot be `/b.lock`
 --> pants.toml:3:5
  |
3 | b = "/b.lock"
  |     ^^^^^^^^^
  |
  = help: a lock is a file of the repository: write its path relative to the root, without `..`, such as `3rdparty/default.lock`
error[config::lock_path]: the lock of the resolve `c` cannot be ``
 --> pants.toml:4:5
  |
4 | c = ""
  |     ^^
  |
  = help: a lock is a file of the repository: write its path relative to the root, without `..`, such as `3rdparty/default.lock`
error[config::search_path]: `interpreter_search_paths` takes `<PATH>` and `<PYENV>`, not `<PYENVX>`
 --> pants.toml:8:28
  |
8 | interpreter_search_paths = ["<PYENVX>", "<PATH>", "<NIX>"]
  |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `<PYENV>`?
error[config::search_path]: `interpreter_search_paths` takes `<PATH>` and `<PYENV>`, not `<NIX>`
 --> pants.toml:8:28
  |
8 | interpreter_search_paths = ["<PYENVX>", "<PATH>", "<NIX>"]
  |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn not_toml() {
    check(
        "[python\ninterpreters = []\n",
        r#"
error[config::syntax]: `pants.toml` is not valid TOML: unclosed table, expected `]`
 --> pants.toml:1:8
  |
1 | [python
  |        ^
"#,
    );
}

#[test]
fn unknown_default_resolve() {
    check(
        "[python]\ndefault_resolve = \"defualt\"\n\n[python.resolves]\ndefault = \"a.lock\"\nother = \"b.lock\"\n",
        r#"
error[config::resolve]: there is no resolve `defualt`
 --> pants.toml:2:19
  |
2 | default_resolve = "defualt"
  |                   ^^^^^^^^^
  |
  = help: did you mean `default`?
"#,
    );
}

#[test]
fn unknown_resolve_that_is_near_to_none() {
    check(
        "[python]\ndefault_resolve = \"main\"\n\n[python.resolves]\ndefault = \"a.lock\"\nother = \"b.lock\"\n",
        r#"
error[config::resolve]: there is no resolve `main`
 --> pants.toml:2:19
  |
2 | default_resolve = "main"
  |                   ^^^^^^
  |
  = help: the resolves are `default`, `other`
"#,
    );
}

#[test]
fn unknown_platform() {
    check_binary(
        "[python]\nplatforms = [\"linux-x86\"]\n",
        "",
        2,
        r#"
error[packaging::platform_unknown]: unknown platform `linux-x86`: expected one of `current`, `linux-x86_64`, `linux-aarch64`, `linux-x86_64-musl`, `linux-aarch64-musl`, `macos-arm64`, `macos-x86_64`
 --> pants.toml:2:13
  |
2 | platforms = ["linux-x86"]
  |             ^^^^^^^^^^^^^
  |
  = help: did you mean `linux-x86_64`?
"#,
    );
    check_binary(
        "",
        "platforms = [\"macos-arm\"],",
        2,
        r#"
error[packaging::platform_unknown]: unknown platform `macos-arm`: expected one of `current`, `linux-x86_64`, `linux-aarch64`, `linux-x86_64-musl`, `linux-aarch64-musl`, `macos-arm64`, `macos-x86_64`
 --> svc/BUILD:6:18
  |
6 |     platforms = ["macos-arm"],
  |                  ^^^^^^^^^^^
  |
  = help: did you mean `macos-arm64`?
"#,
    );
}

#[test]
fn unknown_resolve() {
    check_binary(
        "[python.resolves]\nlegacy = \"legacy.lock\"\n",
        "resolve = \"legcy\",",
        2,
        r#"
error[python::unknown_resolve]: there is no resolve `legcy`
 --> svc/BUILD:6:15
  |
6 |     resolve = "legcy",
  |               ^^^^^^^
  |
  = help: did you mean `legacy`?
"#,
    );
}

#[test]
fn no_such_interpreter() {
    check_binary(
        "[python]\ninterpreter_search_paths = []\n",
        "interpreters = [\"3.11\"],",
        3,
        r#"
error[python::no_interpreter]: there is no Python 3.11 on this machine, which `//svc:app` is to be built for
 --> svc/BUILD:6:21
  |
6 |     interpreters = ["3.11"],
  |                     ^^^^^^
  |
  = note: no Python was found at all
  = help: install it (`uv python install 3.11`, `pyenv install 3.11` or the system's packages), or name the platform in `platforms` to build without it
"#,
    );
    check_binary(
        "[python]\ninterpreter_search_paths = []\n",
        "",
        3,
        r#"
error[python::no_interpreter]: there is no Python on this machine, which `//svc:app` is to be built for
 --> svc/BUILD:3:1
  |
3 | python_binary(
  | ^^^^^^^^^^^^^^
  |
  = note: no Python was found at all
  = help: install one (`uv python install`, `pyenv install` or the system's packages), or say by `interpreters` and `platforms` what to build for without one
"#,
    );
}

#[test]
fn no_such_version_of_python() {
    check_binary(
        "",
        "interpreters = [\"3.x\"],",
        2,
        r#"
error[packaging::python_version]: `3.x` is not a Python version: expected a minor or full version such as `3.11`, `3.11.7` or `3.13t`
 --> svc/BUILD:6:21
  |
6 |     interpreters = ["3.x"],
  |                     ^^^^^
"#,
    );
    check_binary(
        "[python]\ninterpreters = [\"three\"]\n",
        "",
        2,
        r#"
error[packaging::python_version]: `three` is not a Python version: expected a minor or full version such as `3.11`, `3.11.7` or `3.13t`
 --> pants.toml:2:16
  |
2 | interpreters = ["three"]
  |                ^^^^^^^^^
"#,
    );
}

#[test]
fn interpreter_that_the_constraints_exclude() {
    check_binary(
        "",
        "interpreters = [\"3.8\"],\n    interpreter_constraints = [\">=3.9\"],",
        2,
        r#"
error[python::excluded_interpreter]: `//svc:app` is to be built for Python 3.8, which `>=3.9` excludes
 --> svc/BUILD:6:21
  |
6 |     interpreters = ["3.8"],
  |                     ^^^^^
  |
 ::: svc/BUILD:7:32
  |
7 |     interpreter_constraints = [">=3.9"],
  |                                ------- imposed by the program itself
  |
  = help: take it out of `interpreters`, or widen `interpreter_constraints`
"#,
    );
}

#[test]
fn interpreters_of_one_minor_version() {
    check_binary(
        "",
        "interpreters = [\"3.11\", \"3.11.7\"],\n    platforms = [\"linux-x86_64\"],",
        2,
        r#"
error[python::same_minor]: `//svc:app` is built once for each minor version, and `3.11` and `3.11.7` are the same one
 --> svc/BUILD:6:29
  |
6 |     interpreters = ["3.11", "3.11.7"],
  |                             ^^^^^^^^
  |
  = help: remove one of them
"#,
    );
    check_binary(
        "[python]\ninterpreters = [\"3.13.1t\", \"3.13\", \"3.13t\"]\nplatforms = [\"linux-x86_64\"]\n",
        "",
        2,
        r#"
error[python::same_minor]: `//svc:app` is built once for each minor version, and `3.13.1t` and `3.13t` are the same one
 --> pants.toml:2:16
  |
2 | interpreters = ["3.13.1t", "3.13", "3.13t"]
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: remove one of them
"#,
    );
}

#[test]
fn constraints_that_do_not_parse() {
    check_binary(
        "",
        "interpreter_constraints = [\"3.9+\"],",
        2,
        r#"
error[packaging::interpreter_constraint]: `3.9+` is not an interpreter constraint: expected versions such as `>=3.9,<3.14`, found `3.9+`
 --> svc/BUILD:6:32
  |
6 |     interpreter_constraints = ["3.9+"],
  |                                ^^^^^^
  |
  = help: write it as `CPython>=3.9,<3.14`, `CPython==3.11.*` or `>=3.9`
"#,
    );
    check_binary(
        "[python]\ninterpreter_constraints = [\"CPython>=x\"]\n",
        "",
        2,
        r#"
error[packaging::interpreter_constraint]: `CPython>=x` is not an interpreter constraint: expected versions such as `>=3.9,<3.14`, found `>=x`
 --> pants.toml:2:27
  |
2 | interpreter_constraints = ["CPython>=x"]
  |                           ^^^^^^^^^^^^^^
  |
  = help: write it as `CPython>=3.9,<3.14`, `CPython==3.11.*` or `>=3.9`
"#,
    );
}
