//! Locks of other tools that are damaged, do not have what is asked for, or would be overwritten.

use crate::index::Index;
use crate::repository::Repository;
use crate::wheels::{WHEEL, sound};
use crate::zip::sha256;

/// A program that needs `greet`, whose lock is this file.
fn program(path: &str, lock: &str) -> Repository {
    Repository::new(&[
        (
            "pants.toml",
            &format!(
                "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n[python.resolves]\ndefault = \"{path}\"\n"
            ),
        ),
        (path, lock),
        (
            "BUILD",
            "python_requirement(name = \"greet\", requirements = [\"greet\"], modules = [\"greet\"])\n\
             python_binary(name = \"app\", script = \"greet\", dependencies = [\":greet\"], start_plan = False, pyc = False)\n",
        ),
    ])
}

const BUILD: [&str; 2] = ["binary", "//:app"];

#[test]
fn a_damaged_lock_of_another_tool() {
    let damaged = "version = 1\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"greet\"\nversion = \"one\"\nsource = { registry = \"x\" }\n";
    let repository = program("uv.lock", damaged);
    repository.fails(
        &BUILD,
        2,
        r#"
error[packaging::lock_value]: `package.version` is not valid: expected version to start with a number, but no leading ASCII digits were found
 --> uv.lock:6:11
  |
6 | version = "one"
  |           ^
  |
  = help: write the lock anew with `uv lock`
"#,
    );
    let said = repository.run(&["lock"]);
    repository.compare(
        &said,
        2,
        r#"
error[lock::foreign]: `pants lock` does not write the lock of the resolve `default`: `uv.lock` is a `uv.lock`
 |
 = help: write it anew with `uv lock`; or name another file in `[python.resolves]`, for a lock of ours
"#,
    );
    assert_eq!(repository.read("uv.lock"), damaged.as_bytes());
}

#[test]
fn requirements_without_versions() {
    program("reqs/base.txt", "-r more.txt\ngreet>=1\n").fails(
        &BUILD,
        2,
        r#"
error[packaging::requirement_file_unreadable]: cannot read `reqs/more.txt`: No such file or directory (os error 2)
 --> reqs/base.txt:1:1
  |
1 | -r more.txt
  | ^
  |
  = help: paths are relative to the folder of the file that names them
error[packaging::lock_unpinned]: `greet>=1` is not pinned, and a requirements file that serves as a lock has `==` and one version for each
 --> reqs/base.txt:2:1
  |
2 | greet>=1
  | ^
  |
  = help: pin it with `==`, or write the lock anew with the tool that wrote it, such as `uv pip compile --universal --generate-hashes`
"#,
    );
}

#[test]
fn hashes_that_no_file_has() {
    let Some(index) = Index::start("hashes_that_no_file_has") else { return };
    index.add(WHEEL, sound());
    let other = sha256(b"another file");
    let mut repository = program("requirements.txt", &format!("greet==1.0 --hash=sha256:{other}\n"));
    index.with_hashes(&mut repository);
    repository.fails(
        &BUILD,
        2,
        r#"
looking up what requirements.txt does not say of 1 package
error[packaging::lock_no_such_file]: the index has no file of `greet` 1.0 with a hash of the lock
 |
 = help: lock a version that the index has
"#,
    );
    let right = sha256(&sound());
    repository.write("requirements.txt", format!("greet==1.0 --hash=sha256:{other} --hash=sha256:{right}\n"));
    let said = repository.run(&BUILD);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let pylock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"a test\"\n[[packages]]\nname = \"greet\"\nversion = \"1.0\"\n\
         wheels = [{{ name = \"{WHEEL}\", hashes = {{ sha256 = \"{other}\" }} }}]\n"
    );
    let mut repository = program("pylock.toml", &pylock);
    index.of(&mut repository);
    let said = repository.run(&BUILD);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("error[packaging::fetch_hash]"), "{}", said.stderr);
}

#[test]
fn a_version_without_a_file_for_the_platform() {
    let hash = sha256(b"a wheel");
    let pylock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"a test\"\n[[packages]]\nname = \"greet\"\nversion = \"1.0\"\n\
         sdist = {{ name = \"greet-1.0.tar.gz\", hashes = {{ sha256 = \"{hash}\" }} }}\n\
         wheels = [{{ name = \"greet-1.0-cp311-cp311-macosx_11_0_arm64.whl\", hashes = {{ sha256 = \"{hash}\" }} }}]\n"
    );
    program("pylock.toml", &pylock).fails(
        &BUILD,
        2,
        r#"
error[packaging::no_wheel]: `greet` 1.0 has no wheel for `cp311-linux_x86_64`
 --> BUILD:1:52
  |
1 | python_requirement(name = "greet", requirements = ["greet"], modules = ["greet"])
  |                                                    ^^^^^^^
  |
  = note: needed by `//:app`, whose lock is `pylock.toml`
  = note: there are wheels for this interpreter on `macosx_11_0_arm64`
  = note: its source distribution is built only from a lock that `pants lock` writes, which says what with
  = help: leave out `linux-x86_64` for `//:app`
"#,
    );
}

#[test]
fn what_is_asked_for_is_compared_with_the_lock_of_another_tool() {
    let lock = |version: &str| {
        format!(
            "version = 1\n\n[[package]]\nname = \"greet\"\nversion = \"{version}\"\nsource = {{ registry = \"x\" }}\n"
        )
    };
    let repository = program("uv.lock", &lock("1"));
    let check = |code: i32, expected: &str| {
        let said = repository.run(&["lock", "--check"]);
        repository.compare(&said, code, expected);
    };
    check(0, "uv.lock has what is asked for: 1 package");
    repository.write("BUILD", "python_requirement(name = \"greet\", requirements = [\"greet>=2\"])\n");
    check(
        1,
        r#"
error[packaging::lock_stale]: the lock is stale: it has `greet` 1, the requirement is `greet>=2`
 |
 = note: asked for by `//:greet` at BUILD:1:52
 = help: write it anew with `uv lock`
"#,
    );
    assert_eq!(repository.read("uv.lock"), lock("1").as_bytes());
}
