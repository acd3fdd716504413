//! Wheels of other people: with other bytes than the lock says, unsound, out of reach, or without what is started.

use std::fs;
use std::process::Command;

use crate::index::{Index, no_network};
use crate::locks::{Locked, lock};
use crate::repository::{Repository, files, skipped};
use crate::zip::{Entry, archive, dist_info, wheel};

/// A program that starts a script of the project `greet` 1.0, whose wheel the lock has with these bytes.
pub(crate) fn program(wheel: &[u8]) -> Repository {
    Repository::new(&[
        ("pants.lock", &lock(&["greet==1.0"], &[Locked::wheel("greet", "py3-none-any", wheel)])),
        ("3rdparty/BUILD", "python_requirement(name = \"greet\", requirements = [\"greet==1.0\"])\n"),
        (
            "svc/BUILD",
            "python_binary(\n    name = \"app\",\n    script = \"greet\",\n    dependencies = [\"//3rdparty:greet\"],\n    start_plan = False,\n)\n",
        ),
    ])
}

pub(crate) const WHEEL: &str = "greet-1.0-py3-none-any.whl";
const BUILD: [&str; 2] = ["binary", "//svc:app"];

/// A sound wheel with a module and a script.
pub(crate) fn sound() -> Vec<u8> {
    wheel(
        "greet",
        &[
            Entry::file("greet.py", "def run():\n    print(\"hello\")\n"),
            Entry::file("greet-1.0.dist-info/entry_points.txt", "[console_scripts]\ngreet = greet:run\n"),
        ],
    )
}

/// Checks that a wheel is refused which the index and the lock agree on.
#[track_caller]
fn refused(test: &str, wheel: &[u8], expected: &str) {
    let Some(index) = Index::start(test) else { return };
    let mut repository = program(wheel);
    index.of(&mut repository);
    index.add(WHEEL, wheel.to_vec());
    let said = repository.run(&BUILD);
    repository.compare(&said, 2, expected);
    assert_eq!(said.stdout, "");
    assert_eq!(repository.dist(), [""; 0]);
    let again = repository.run(&["--offline", "--output", "json", BUILD[0], BUILD[1]]);
    assert_eq!(again.code, 2, "what was refused is refused again: {}", again.stderr);
    let report: serde_json::Value = serde_json::from_str(&again.stdout).expect("a report");
    assert_eq!(report["diagnostics"][0]["severity"], "error");
    repository.no_leftovers();
}

#[test]
fn sound_wheel() {
    let test = "sound_wheel";
    let python = Command::new("python3.11").arg("--version").output();
    if !python.is_ok_and(|python| python.status.success()) || std::env::consts::ARCH != "x86_64" {
        return skipped(test, "what is built here starts by `python3.11` on x86-64 alone");
    }
    let Some(index) = Index::start(test) else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    index.add(WHEEL, sound());
    let said = repository.run(&["run", "//svc:app"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "hello\n"), "{}", said.stderr);
}

#[test]
fn path_that_climbs_out() {
    let climbing =
        wheel("greet", &[Entry::file("../../evil.py", "evil = True\n"), Entry::file("greet.py", "")]);
    refused(
        "path_that_climbs_out",
        &climbing,
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_path]: wheel `greet-1.0-py3-none-any.whl`: entry `../../evil.py` has an unsafe path: it climbs out of its folder
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn absolute_path() {
    refused(
        "absolute_path",
        &wheel("greet", &[Entry::file("/tmp/evil.py", "")]),
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_path]: wheel `greet-1.0-py3-none-any.whl`: entry `/tmp/evil.py` has an unsafe path: it is absolute
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn symbolic_link() {
    refused(
        "symbolic_link",
        &wheel("greet", &[Entry::link("greet.py", "/etc/passwd")]),
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_special]: wheel `greet-1.0-py3-none-any.whl`: entry `greet.py` is a symbolic link, expected a file or a folder
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn two_entries_of_one_name() {
    let twice = wheel("greet", &[Entry::file("greet.py", "one"), Entry::file("greet.py", "two")]);
    refused(
        "two_entries_of_one_name",
        &twice,
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_duplicate]: wheel `greet-1.0-py3-none-any.whl`: entry `greet.py` is there twice
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn size_that_lies() {
    let small = wheel("greet", &[Entry::file("greet.py", "x = 12345678\n").claiming(3)]);
    refused(
        "size_that_lies",
        &small,
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_size]: wheel `greet-1.0-py3-none-any.whl`: entry `greet.py` lies about its size: declared 3 bytes, found 13 bytes
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
    let large = wheel("greet", &[Entry::file("greet.py", "x = 12345678\n").claiming(1000)]);
    refused(
        "size_that_lies",
        &large,
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_size]: wheel `greet-1.0-py3-none-any.whl`: entry `greet.py` lies about its size: declared 1000 bytes, found 13 bytes
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn all_that_is_wrong_with_a_wheel() {
    let entries = [Entry::file("../a.py", ""), Entry::file("/b.py", ""), Entry::link("c.py", "a.py")];
    refused(
        "all_that_is_wrong_with_a_wheel",
        &wheel("greet", &entries),
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_path]: wheel `greet-1.0-py3-none-any.whl`: entry `../a.py` has an unsafe path: it climbs out of its folder
                              wheel `greet-1.0-py3-none-any.whl`: entry `/b.py` has an unsafe path: it is absolute
                              wheel `greet-1.0-py3-none-any.whl`: entry `c.py` is a symbolic link, expected a file or a folder
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn wheel_without_metadata() {
    refused(
        "wheel_without_metadata",
        &archive(&[Entry::file("greet.py", "")]),
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_metadata]: wheel `greet-1.0-py3-none-any.whl`: has no usable `*.dist-info`: expected one such folder, found none
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn wheel_of_another_project() {
    refused(
        "wheel_of_another_project",
        &archive(&dist_info("other", &[])),
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_metadata]: wheel `greet-1.0-py3-none-any.whl`: has no usable `*.dist-info`: expected that of `greet`, found `other-1.0.dist-info`
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn wheel_that_is_no_zip() {
    refused(
        "wheel_that_is_no_zip",
        b"<html>please log in</html>\n",
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::wheel_unreadable]: wheel `greet-1.0-py3-none-any.whl`: not a readable zip file: could not find EOCD
 |
 = note: while trying to check greet-1.0-py3-none-any.whl
 = help: its bytes are those that the lock names, so the published file is at fault: take another version of `greet`
7 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn hash_that_differs() {
    let Some(index) = Index::start("hash_that_differs") else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    let mut other = sound();
    let at = other.windows(5).position(|bytes| bytes == b"hello").expect("it is stored");
    other[at..at + 5].copy_from_slice(b"HELLO");
    index.add(WHEEL, other);
    repository.fails(&BUILD, 3, r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::fetch_hash]: `greet-1.0-py3-none-any.whl` from the index `default` has SHA-256 `a75493c8955a944fdd6eed523713ea803971e271259270a3db867233e8a6c193`, expected `7deeca636111e1b679271c94d2f22a210b770dcdfa2458f70847bb2399bd0860`
 |
 = note: while trying to fetch greet-1.0-py3-none-any.whl
 = help: nothing was kept; if the index serves another file under this name now, find out why before `pants lock`
6 steps run, 0 from the cache, in N s
"#);
    for file in files(&repository.cache()) {
        let content = fs::read(repository.cache().join(&file)).expect("a file");
        assert!(!content.windows(5).any(|bytes| bytes == b"HELLO"), "kept in {file}");
    }
    index.add(WHEEL, sound());
    let said = repository.run(&BUILD);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn size_that_differs() {
    let Some(index) = Index::start("size_that_differs") else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    index.add(WHEEL, [sound(), b"more".to_vec()].concat());
    repository.fails(&BUILD, 3, r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::fetch_size]: `greet-1.0-py3-none-any.whl` from the index `default` has 978 bytes, expected 974
 |
 = note: while trying to fetch greet-1.0-py3-none-any.whl
 = help: nothing was kept; if the index serves another file under this name now, find out why before `pants lock`
6 steps run, 0 from the cache, in N s
"#);
    repository.no_leftovers();
}

#[test]
fn file_that_the_index_has_not() {
    let Some(index) = Index::start("file_that_the_index_has_not") else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    repository.fails(
        &BUILD,
        2,
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[packaging::fetch_no_project]: the index `default` has no project `greet`
 |
 = note: while trying to fetch greet-1.0-py3-none-any.whl
 = help: check the spelling, and which index serves it
6 steps run, 0 from the cache, in N s
"#,
    );
    index.add("greet-2.0-py3-none-any.whl", sound());
    repository.fails(
        &BUILD,
        3,
        r#"
fetch greet-1.0-py3-none-any.whl
error[packaging::fetch_no_file]: the index `default` has no file `greet-1.0-py3-none-any.whl` of `greet`
 |
 = note: while trying to fetch greet-1.0-py3-none-any.whl
 = help: the file may have been deleted, or a mirror may lack it; `pants lock` chooses again
0 steps run, 6 from the cache, in N s
"#,
    );
}

/// What is cached works without a network; what is not says what is missing.
#[test]
fn no_network_at_all() {
    let Some(index) = Index::start("no_network_at_all") else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    index.add(WHEEL, sound());
    assert_eq!(repository.run(&BUILD).code, 0);
    let (before, asked) = (repository.read("dist/svc/app.pex"), index.asked());
    no_network(&mut repository);
    fs::remove_dir_all(repository.root().join("dist")).expect("it is there");
    for offline in [&["--offline"][..], &[]] {
        let said = repository.run(&[offline, &BUILD].concat());
        assert_eq!((said.code, said.stdout.as_str()), (0, "dist/svc/app.pex\n"), "{}", said.stderr);
        assert!(repository.read("dist/svc/app.pex") == before, "the same bytes");
    }
    assert_eq!(index.asked(), asked);
    let other = wheel("other", &[Entry::file("other.py", "")]);
    let locked =
        [Locked::wheel("greet", "py3-none-any", &sound()), Locked::wheel("other", "py3-none-any", &other)];
    repository.write("pants.lock", lock(&["greet==1.0", "other==1.0"], &locked));
    repository.write(
        "3rdparty/BUILD",
        "python_requirement(name = \"greet\", requirements = [\"greet==1.0\", \"other==1.0\"])\n",
    );
    fs::remove_dir_all(repository.root().join("dist")).expect("it is there");
    repository.fails(&BUILD, 3, r#"
fetch other-1.0-py3-none-any.whl
error[packaging::fetch_connection]: cannot get `other` from the index `default`: the connection was refused after 4 attempts
 |
 = note: while trying to fetch other-1.0-py3-none-any.whl
 = help: the address of the index comes from `PIP_INDEX_URL`; what is cached still works with `--offline`
0 steps run, 8 from the cache, in N s
"#);
    repository.fails(
        &["--offline", BUILD[0], BUILD[1]],
        3,
        r#"
fetch other-1.0-py3-none-any.whl
error[packaging::fetch_offline]: 1 file (721 B) is not in the cache, and the network must not be used
 |
 = note: `other-1.0-py3-none-any.whl`, 721 B
 = help: run the same command once without `--offline`: it fills the cache
0 steps run, 8 from the cache, in N s
"#,
    );
    assert_eq!(repository.dist(), [""; 0]);
}

/// A program whose requirement is there, with these fields.
#[track_caller]
fn starts(test: &str, fields: &str, expected: &str) {
    let Some(index) = Index::start(test) else { return };
    let mut repository = program(&sound());
    index.of(&mut repository);
    index.add(WHEEL, sound());
    let build = format!(
        "python_binary(\n    name = \"app\",\n    {fields}\n    dependencies = [\"//3rdparty:greet\"],\n    start_plan = False,\n)\n"
    );
    repository.write("svc/BUILD", build);
    let said = repository.run(&BUILD);
    repository.compare(&said, 2, expected);
    assert_eq!(said.stdout, "");
    assert_eq!(repository.dist(), [""; 0]);
}

#[test]
fn unknown_script() {
    starts(
        "unknown_script",
        "script = \"great\",",
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[pex::no_such_script]: no distribution has a script `great`
 --> svc/BUILD:3:14
  |
3 |     script = "great",
  |              ^^^^^^^
  |
  = note: while trying to write the boot files of //svc:app
  = help: did you mean `greet`?
8 steps run, 0 from the cache, in N s
"#,
    );
    starts(
        "unknown_script",
        "script = \"gunicorn\",",
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[pex::no_such_script]: no distribution has a script `gunicorn`
 --> svc/BUILD:3:14
  |
3 |     script = "gunicorn",
  |              ^^^^^^^^^^
  |
  = note: while trying to write the boot files of //svc:app
  = help: the scripts there are: `greet`
8 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn unknown_module() {
    starts(
        "unknown_module",
        "entry_point = \"gret:run\",",
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[python::no_module]: there is no module `gret` among the sources and in the distributions
 --> svc/BUILD:3:19
  |
3 |     entry_point = "gret:run",
  |                   ^^^^^^^^^^
  |
  = note: while trying to write the boot files of //svc:app
  = help: did you mean `greet`?
8 steps run, 0 from the cache, in N s
"#,
    );
    starts(
        "unknown_module",
        "entry_point = \"some.thing.else\",",
        r#"
fetch greet-1.0-py3-none-any.whl
fetch pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl
error[python::no_module]: there is no module `some.thing.else` among the sources and in the distributions
 --> svc/BUILD:3:19
  |
3 |     entry_point = "some.thing.else",
  |                   ^^^^^^^^^^^^^^^^^
  |
  = note: while trying to write the boot files of //svc:app
  = help: name the target or the requirement that has it in `dependencies`
8 steps run, 0 from the cache, in N s
"#,
    );
}

#[test]
fn script_without_any_requirement() {
    let repository =
        Repository::new(&[("svc/BUILD", "python_binary(name = \"app\", script = \"gunicorn\")\n")]);
    repository.fails(
        &["--offline", BUILD[0], BUILD[1]],
        2,
        r#"
error[pex::no_such_script]: there is no script `gunicorn`: the program has no requirements
 --> svc/BUILD:1:38
  |
1 | python_binary(name = "app", script = "gunicorn")
  |                                      ^^^^^^^^^^
  |
  = help: name the requirement that has it in `dependencies`
"#,
    );
}
