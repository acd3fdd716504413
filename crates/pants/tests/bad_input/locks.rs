//! Locks that are not there, not whole, or not for what is built.

use std::process::Command;

use crate::index::{Index, no_network};
use crate::repository::{Repository, skipped};
use crate::wheels::{WHEEL, sound};
use crate::zip::sha256;

/// A package of a lock, with one wheel.
pub(crate) struct Locked {
    name: String,
    wheel: String,
    size: usize,
    sha256: String,
}

impl Locked {
    /// The project's version 1.0 with a wheel of these tags and bytes.
    pub(crate) fn wheel(name: &str, tags: &str, content: &[u8]) -> Locked {
        let wheel = format!("{name}-1.0-{tags}.whl");
        Locked { name: name.to_owned(), wheel, size: content.len(), sha256: sha256(content) }
    }
}

/// The text of a lock for Python 3.11 on one platform.
pub(crate) fn lock(requirements: &[&str], packages: &[Locked]) -> String {
    let mut text = format!(
        "# Written by `pants lock`. Do not edit.\n\
         lock-version = \"1.0\"\n\
         created-by = \"pants\"\n\
         requires-python = \">=3.11\"\n\
         environments = []\n\n\
         [tool.pants]\n\
         format = 1\n\
         indexes = [\"default\"]\n\
         interpreters = [\"3.11\"]\n\
         interpreter-constraints = []\n\
         platforms = [\"linux-x86_64\"]\n\
         requirements = {requirements:?}\n"
    );
    for Locked { name, wheel, size, sha256 } in packages {
        text += &format!(
            "\n[[packages]]\nname = \"{name}\"\nversion = \"1.0\"\nwheels = [\n    \
             {{ name = \"{wheel}\", size = {size}, index = \"default\", hashes = {{ sha256 = \"{sha256}\" }} }},\n]\n"
        );
    }
    text
}

/// A program with one requirement, and this lock.
fn program(lock: Option<&str>) -> Repository {
    let repository = Repository::new(&[
        ("3rdparty/BUILD", "python_requirement(name = \"greet\", requirements = [\"greet==1.0\"])\n"),
        (
            "svc/BUILD",
            "python_binary(\n    name = \"app\",\n    script = \"greet\",\n    dependencies = [\"//3rdparty:greet\"],\n)\n",
        ),
    ]);
    if let Some(lock) = lock {
        repository.write("pants.lock", lock);
    }
    repository
}

/// Checks what is said when the program is built with this lock.
#[track_caller]
fn check(lock: Option<&str>, expected: &str) {
    program(lock).fails(&["binary", "--offline", "//svc:app"], 2, expected);
}

/// The lock as it should be.
fn good() -> String {
    lock(&["greet==1.0"], &[Locked::wheel("greet", "py3-none-any", &sound())])
}

/// A program that needs nothing of the lock does not care for what the lock is for; one that does is told where it
/// says that it is built for something else.
#[test]
fn lock_for_other_pythons() {
    let mut repository = Repository::new(&[
        ("pants.toml", "[python]\ninterpreters = [\"3.8\"]\nplatforms = [\"linux-x86_64\"]\n"),
        ("pants.lock", &good()),
        ("svc/main.py", ""),
        (
            "svc/BUILD",
            "python_library(name = \"lib\")\n\npython_requirement(name = \"req\", requirements = [\"greet==1.0\"])\n\n\
             python_binary(name = \"app\", entry_point = \"main.py\")\n\n\
             python_binary(name = \"more\", entry_point = \"main.py\", dependencies = [\":req\"])\n",
        ),
    ]);
    repository.fails(
        &["binary", "--offline", "//svc:more"],
        2,
        r#"
error[packaging::lock_target]: the lock does not hold for `cp38-linux_x86_64`: it is for Python >=3.11 on `linux-x86_64`
 --> pants.toml:2:16
  |
2 | interpreters = ["3.8"]
  |                ^^^^^^^
  |
  = note: needed by `//svc:more`, whose lock is `pants.lock`
  = help: write it anew with `pants lock`, which locks for all that programs are built for
"#,
    );
    let Some(index) = Index::start("lock_for_other_pythons") else { return };
    index.of(&mut repository);
    assert_eq!(repository.run(&["binary", "//svc:app"]).code, 0);
}

#[test]
fn unknown_names_of_packages_and_resolves() {
    let repository = program(Some(&good()));
    repository.fails(
        &["lock", "--upgrade-package", "Gret", "--upgrade-package", "nosuch"],
        2,
        r#"
error[lock::unknown_package]: there is no package `gret` in any lock
 |
 = help: did you mean `greet`?
error[lock::unknown_package]: there is no package `nosuch` in any lock
"#,
    );
    repository.fails(
        &["lock", "--resolve", "nosuch"],
        2,
        r#"
error[lock::resolve]: there is no resolve `nosuch`
 |
 = help: the resolves are `default`
"#,
    );
}

#[test]
fn no_lock() {
    check(
        None,
        r#"
error[python::no_lock]: the resolve `default` has no lock file `pants.lock`, and `//svc:app` needs 1 requirement of it
 --> svc/BUILD:1:1
  |
1 | python_binary(
  | ^^^^^^^^^^^^^^
  |
  = help: `pants lock` writes it
"#,
    );
}

#[test]
fn lock_that_lacks_a_requirement() {
    check(
        Some(&lock(&[], &[])),
        r#"
error[packaging::lock_missing]: the lock has no package for the requirement `greet==1.0`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet==1.0"])
  |                                                    ^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, whose lock is `pants.lock`
  = help: write it anew with `pants lock`
"#,
    );
    let changed =
        good().replace("==1.0", "==0.9").replace("version = \"1.0\"\nwheels", "version = \"0.9\"\nwheels");
    check(
        Some(&changed.replace(WHEEL, "greet-0.9-py3-none-any.whl")),
        r#"
error[packaging::lock_stale]: the lock is stale: it has `greet` 0.9, the requirement is `greet==1.0`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet==1.0"])
  |                                                    ^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, whose lock is `pants.lock`
  = help: write it anew with `pants lock`
"#,
    );
}

#[test]
fn lock_that_was_made_without_an_extra() {
    let repository = program(Some(&good()));
    repository.write(
        "3rdparty/BUILD",
        "python_requirement(name = \"greet\", requirements = [\"greet[loud]==1.0\"])\n",
    );
    repository.fails(
        &["binary", "--offline", "//svc:app"],
        2,
        r#"
error[packaging::lock_stale]: the lock is stale: it was made without the extra `loud` of `greet`, the requirement is `greet[loud]==1.0`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet[loud]==1.0"])
  |                                                    ^^^^^^^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, whose lock is `pants.lock`
  = help: write it anew with `pants lock`
"#,
    );
}

#[test]
fn lock_with_versions_for_several_releases_of_a_python() {
    let good = good();
    let (head, package) = good.split_at(good.find("\n[[packages]]").unwrap());
    let marked = |version: &str, marker: &str| {
        let key = format!("version = \"{version}\"\n");
        package.replace("1.0", version).replace(&key, &format!("{key}marker = \"{marker}\"\n"))
    };
    let (old, new) = ("python_full_version < '3.11.4'", "python_full_version >= '3.11.4'");
    let repository = program(Some(&format!("{head}{}{}", marked("1.0", old), marked("2.0", new))));
    repository.write(
        "3rdparty/BUILD",
        format!("python_requirement(name = 'greet', requirements = [\"greet==1.0; {old}\", \"greet==2.0; {new}\"])\n"),
    );
    // What is left out is said before anything is fetched, which cannot be here.
    let said = repository.run(&["binary", "--offline", "//svc:app"]);
    let expected = "\
warning[packaging::left_out]: `greet` 1.0 is left out for `cp311-linux_x86_64`, since 2.0 is taken: which one is needed depends \
                    on the third number of the version of Python or on the kernel
 |
 = help: name the release that it runs on in `interpreters`, such as `3.11.4`
";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
    repository.write("pants.toml", "[python]\ninterpreters = [\"3.11.3\"]\nplatforms = [\"linux-x86_64\"]\n");
    let said = repository.run(&["binary", "--offline", "//svc:app"]);
    assert!(
        said.stderr.contains("greet-1.0-py3-none-any.whl") && !said.stderr.contains("left-out"),
        "{}",
        said.stderr
    );
}

#[test]
fn corrupt_lock() {
    let good = good();
    check(
        Some(&good[..good.len() - 30]),
        r#"
error[packaging::lock_syntax]: not a readable lock: unclosed inline table, expected `}`
  --> pants.lock:19:139
   |
19 | ...hashes = { sha256 = "7deeca636111e1b679271c94d2f22a210b770dcdfa2
   |                                                                    ^
   |
   = help: write the lock anew with `pants lock`
"#,
    );
    check(
        Some(""),
        r#"
error[packaging::lock_syntax]: not a readable lock: missing field `lock-version`
 --> pants.lock:1:1
  |
1 |
  | ^
  |
  = help: write the lock anew with `pants lock`
"#,
    );
}

#[test]
fn lock_with_a_wrong_value() {
    let good = good();
    check(
        Some(&good.replace("version = \"1.0\"\nwheels", "version = \"one\"\nwheels")),
        r#"
error[packaging::lock_value]: `packages.version` is not valid: expected version to start with a number, but no leading ASCII digits were found
  --> pants.lock:17:11
   |
17 | version = "one"
   |           ^
   |
   = help: write the lock anew with `pants lock`
"#,
    );
    check(
        Some(&good.replace("size", "sise")),
        r#"
error[packaging::lock_syntax]: not a readable lock: unknown field `sise`, expected one of `name`, `size`, `hashes`, `index`, `url`, `path`
  --> pants.lock:19:44
   |
19 |     { name = "greet-1.0-py3-none-any.whl", sise = 974, index = "default", hashes = { sha256 = "7deeca636111e1b679271c94d2f22a210b770...
   |                                            ^
   |
   = help: write the lock anew with `pants lock`
"#,
    );
    let hash = sha256(&sound());
    check(
        Some(&good.replace(&hash, &hash[1..])),
        r#"
error[packaging::lock_value]: `hashes.sha256` is not valid: expected 64 lower-case hexadecimal digits, found `deeca636111e1b679271c94d2f22a210b770dcdfa2458f70847bb2399bd0860`
  --> pants.lock:19:95
   |
19 |     { name = "greet-1.0-py3-none-any.whl", size = 974, index = "default", hashes = { sha256 = "deeca636111e1b679271c94d2f22a210b770d...
   |                                                                                               ^
   |
   = help: write the lock anew with `pants lock`
"#,
    );
    check(
        Some(&good.replace(WHEEL, "greet.whl")),
        r#"
error[packaging::lock_value]: `packages.wheels.name` is not valid: `greet.whl` is not the name of a wheel: expected five or six parts between dashes
  --> pants.lock:19:14
   |
19 |     { name = "greet.whl", size = 974, index = "default", hashes = { sha256 = "7deeca636111e1b679271c94d2f22a210b770dcdfa2458f70847bb...
   |              ^
   |
   = help: write the lock anew with `pants lock`
"#,
    );
}

#[test]
fn lock_with_conflict_markers() {
    let good = good();
    let merged = good.replace("requirements =", "<<<<<<< HEAD\nrequirements =");
    check(
        Some(&merged),
        r#"
error[packaging::lock_conflict]: the lock has conflict markers of an unfinished merge
  --> pants.lock:13:1
   |
13 | <<<<<<< HEAD
   | ^
   |
   = help: take either side, then write the lock anew with `pants lock`
"#,
    );
}

#[test]
fn lock_of_another_version() {
    check(
        Some(&good().replace("format = 1", "format = 99")),
        r#"
error[packaging::lock_version]: the lock is of version `99` of `tool.pants.format`, expected `1`
 --> pants.lock:8:10
  |
8 | format = 99
  |          ^
  |
  = help: use the version of pants that wrote it, or write the lock anew with `pants lock`
"#,
    );
}

#[test]
fn locking_without_a_network() {
    let test = "locking_without_a_network";
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if has("uv") || std::env::consts::ARCH != "x86_64" {
        return skipped(test, "uv is there, or has another name on this machine");
    }
    let mut repository = program(None);
    no_network(&mut repository);
    repository.fails(&["lock"], 3, r#"
error[packaging::lock_no_uv]: locking needs uv 0.13.9, which is not on `PATH` and could not be fetched
 |
 = note: cannot get `uv` from the index `default`: the connection was refused after 4 attempts
 = help: install uv 0.13.9, or make the index serve its wheel; the address of the index comes from `PIP_INDEX_URL`; what is cached still works with `--offline`
"#);
    repository.fails(
        &["lock", "--offline"],
        3,
        r#"
error[packaging::lock_no_uv]: locking needs uv 0.13.9, which is not on `PATH` and could not be fetched
 |
 = note: `uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl` is not in the cache, and the network must not be used
 = help: install uv 0.13.9, or make the index serve its wheel; run the same command once without `--offline`: it fills the cache
"#,
    );
    assert!(!repository.root().join("pants.lock").exists());
}

#[test]
fn locking_of_an_unknown_resolve() {
    program(None).fails(
        &["lock", "--resolve", "defualt"],
        2,
        r#"
error[lock::resolve]: there is no resolve `defualt`
 |
 = help: did you mean `default`?
"#,
    );
}

#[test]
fn file_of_requirements_that_is_wrong() {
    let repository = program(None);
    repository.write("3rdparty/BUILD", "python_requirements(name = \"reqs\")\n");
    repository.write("3rdparty/requirements.txt", "flask==3.0.*\nrequests=2\n-r missing.txt\n--nonsense\n");
    repository.fails(&["list", "::"], 2, r#"
error[packaging::requirement]: `requests=2` is not a requirement: no such comparison operator "=", must be one of ~= == != <= >= < > ===
 --> 3rdparty/requirements.txt:2:9
  |
2 | requests=2
  |         ^
error[packaging::requirement_file_option]: there is no option `--nonsense`
 --> 3rdparty/requirements.txt:4:1
  |
4 | --nonsense
  | ^
  |
  = help: did you mean `--no-index`?
error[packaging::requirement_file_unreadable]: cannot read `3rdparty/missing.txt`: No such file or directory (os error 2)
 --> 3rdparty/requirements.txt:3:1
  |
3 | -r missing.txt
  | ^
  |
  = help: paths are relative to the folder of the file that names them
"#);
    repository.write("3rdparty/BUILD", "python_requirements(name = \"reqs\", source = \"pyproject.toml\")\n");
    repository.write(
        "3rdparty/pyproject.toml",
        "[project]\nname = \"x\"\ndependencies = [\n    \"flask=\",\n    3,\n]\n",
    );
    repository.fails(&["list", "::"], 2, r#"
error[packaging::requirement]: `flask=` is not a requirement: no such comparison operator "=", must be one of ~= == != <= >= < > ===
 --> 3rdparty/pyproject.toml:4:11
  |
4 |     "flask=",
  |           ^
error[packaging::pyproject_type]: `project.dependencies[1]` is an integer, expected a string with a requirement
 --> 3rdparty/pyproject.toml:5:5
  |
5 |     3,
  |     ^
"#);
}

#[test]
fn lock_that_is_not_text() {
    let repository = program(None);
    repository.write("pants.lock", b"lock-version = \"\xff\"\n");
    repository.fails(
        &["binary", "--offline", "//svc:app"],
        2,
        r#"
error[lock::unreadable]: cannot read the lock `pants.lock`: it is not UTF-8
 |
 = help: `[python.resolves]` says where the lock is; `pants lock` writes it
"#,
    );
}

#[test]
fn lock_that_is_a_folder() {
    let repository = program(None);
    repository.write("pants.lock/file", "");
    repository.fails(
        &["binary", "--offline", "//svc:app"],
        2,
        r#"
error[lock::unreadable]: cannot read the lock `pants.lock`: Is a directory (os error 21)
 |
 = help: `[python.resolves]` says where the lock is; `pants lock` writes it
"#,
    );
}

#[test]
fn no_wheel_for_the_interpreter() {
    let windows = lock(&["greet==1.0"], &[Locked::wheel("greet", "cp39-cp39-win_amd64", &sound())]);
    check(
        Some(&windows),
        r#"
error[packaging::no_wheel]: `greet` 1.0 has no wheel for `cp311-linux_x86_64`
 --> 3rdparty/BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet==1.0"])
  |                                                    ^^^^^^^^^^^^
  |
  = note: needed by `//svc:app`, whose lock is `pants.lock`
  = note: there are wheels for other interpreters and platforms, `greet-1.0-cp39-cp39-win_amd64.whl`
"#,
    );
}
