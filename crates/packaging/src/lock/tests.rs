//! Tests of reading and writing locks.

use std::fmt::Write as _;
use std::time::Instant;

use proptest::prelude::*;

use super::{Dependency, Form, Graph, Lock, Origin, Package, SourceFile, WheelFile};
use crate::constraints::InterpreterConstraints;
use crate::marker::Marker;

/// A small lock with one of everything.
const SMALL: &str = r#"# Written by `pants lock`. Do not edit.
lock-version = "1.0"
created-by = "pants"
requires-python = ">=3.9, <3.14"
environments = [
    "sys_platform == 'linux' and platform_machine == 'x86_64'",
]

[tool.pants]
format = 1
indexes = ["default", "own"]
interpreters = ["3.11"]
interpreter-constraints = ["CPython>=3.9,<3.14"]
platforms = ["linux-x86_64", "linux-x86_64-manylinux_2_17"]
requirements = [
    "flask[async]==3.0.*",
    "six; python_version < \"3.10\"",
]

[tool.pants.options]
"uv" = "1"

[[packages]]
name = "flask"
version = "3.0.3"
marker = "python_full_version < '3.12'"
requires-python = ">=3.8"
dependencies = [
    { name = "flask", extras = ["async"], marker = "extra == 'all'" },
    { name = "six", version = "1.16.0", marker = "extra == 'async'" },
]
sdist = { name = "flask-3.0.3.tar.gz", size = 5, hashes = { sha256 = "00000000000000000000000000000000000000000000000000000000000000ab" } }
wheels = [
    { name = "flask-3.0.3-py3-none-any.whl", size = 7, index = "own", hashes = { sha256 = "00000000000000000000000000000000000000000000000000000000000000cd" } },
]
tool.pants.modules = ["flask"]

[[packages]]
name = "six"
version = "1.16.0"
"#;

/// How the last package of [`SMALL`] is built, and with what.
const BUILDS: &str = r#"tool.pants.build = { requires = ["setuptools<58", "wheel"], backend = "own:make", backend-path = ["."] }

[[tool.pants.builds]]
requires = ["setuptools<58", "wheel"]

[[tool.pants.builds.packages]]
name = "setuptools"
version = "57.5.0"

[[tool.pants.builds.packages]]
name = "wheel"
version = "0.37.1"
dependencies = [
    { name = "setuptools" },
]
"#;

#[test]
fn files_on_no_index_are_read_and_written_alike() {
    let place = "size = 5";
    for address in ["url = \"https://h.example/a%20b.tar.gz\"", "path = \"libs/a b.tar.gz\""] {
        let text = SMALL.replace(place, address);
        assert_eq!(Lock::parse(&text).unwrap().to_toml(), text);
    }
}

#[test]
fn what_builds_is_read_and_written_alike() {
    let text = format!("{SMALL}{BUILDS}");
    let lock = Lock::parse(&text).unwrap();
    assert_eq!(lock.to_toml(), text);
    let system = lock.packages[1].build.as_ref().unwrap();
    assert_eq!(lock.build(&system.requires).unwrap().packages.len(), 2);
    assert_eq!(lock.build(&[]), None);
    let dangling = text.replace("{ name = \"setuptools\" }", "{ name = \"flask\" }");
    assert_eq!(Lock::parse(&dangling).unwrap_err()[0].code(), "packaging::lock_dangling");
    let climbing = text.replace("backend-path = [\".\"]", "backend-path = [\"../..\"]");
    assert_eq!(Lock::parse(&climbing).unwrap_err()[0].code(), "packaging::lock_value");
}

#[test]
fn a_lock_is_read_and_written_alike() {
    let lock = Lock::parse(SMALL).unwrap();
    assert_eq!(lock.to_toml(), SMALL);
    assert_eq!(lock.packages[0].wheels[0].index.as_deref(), Some("own"));
    assert_eq!(lock.packages[0].wheels[0].sha256[31], 0xcd);
    let windows = Lock::parse(&SMALL.replace('\n', "\r\n")).unwrap();
    assert_eq!(windows, lock);
    assert_eq!(lock.named(&"six".parse().unwrap()).len(), 1);
    assert_eq!(lock.named(&"absent".parse().unwrap()), []);
}

/// Replaces one text in the small lock, and compares what is said about it: `line:column code: message`.
fn check(from: &str, to: &str, expect: &[&str]) {
    assert!(SMALL.contains(from), "{from}");
    let found = Lock::parse(&SMALL.replace(from, to)).unwrap_err();
    let shown: Vec<String> = found
        .iter()
        .map(|error| {
            assert!(error.help(Form::Pants).is_some());
            let place = error.place.map_or_else(|| "-".to_owned(), |place| place.to_string());
            format!("{place} {}: {error}", error.code().trim_start_matches("packaging::lock_"))
        })
        .collect();
    assert_eq!(shown, expect);
}

#[test]
fn what_is_no_lock_is_refused() {
    check("[tool.pants]", "[tool.pants", &["9:12 syntax: not a readable lock: unclosed table, expected `]`"]);
    check("format = 1\n", "", &["9:1 syntax: not a readable lock: missing field `format`"]);
    check("created-by = \"pants\"\n", "", &["1:1 syntax: not a readable lock: missing field `created-by`"]);
    check(
        "size = 5",
        "size = -5",
        &["32:47 syntax: not a readable lock: invalid value: integer `-5`, expected u64"],
    );
    check(
        "size = 5",
        "uri = 'x'",
        &[
            "32:40 syntax: not a readable lock: unknown field `uri`, expected one of `name`, `size`, `hashes`, `index`, `url`, `path`",
        ],
    );
    check("size = 5", "url = 'x'", &["32:46 value: `url` is not valid: `x` is a path, expected an address"]);
    check(
        "size = 5",
        "path = '../x'",
        &["32:47 value: `path` is not valid: `../x` is not in the repository"],
    );
    check(
        "lock-version = \"1.0\"",
        "lock-version = \"2.0\"",
        &["2:16 version: the lock is of version `2.0` of `lock-version`, expected `1.0`"],
    );
    check(
        "format = 1\n",
        "format = 2\nnew = []\n",
        &["10:10 version: the lock is of version `2` of `tool.pants.format`, expected `1`"],
    );
    check(
        "format = 1\n",
        "format = 2\n",
        &["10:10 version: the lock is of version `2` of `tool.pants.format`, expected `1`"],
    );
    check(
        "tool.pants",
        "tool.uv",
        &["36:6 syntax: not a readable lock: unknown field `uv`, expected `pants`"],
    );
    let conflict = "the lock has conflict markers of an unfinished merge";
    check(
        "    { name = \"flask-3.0.3-py3",
        "<<<<<<< HEAD\n    { name = \"a\" },\n=======\n    { name = \"b\" },\n>>>>>>> x\n    { name = \"flask-3.0.3-py3",
        &[&format!("34:1 conflict: {conflict}")],
    );
    check("\n[tool.pants]", "\n>>>>>>> other\n[tool.pants]", &[&format!("9:1 conflict: {conflict}")]);
}

#[test]
fn every_wrong_value_has_its_place() {
    check(
        ">=3.9, <3.14",
        "3.9",
        &["4:19 value: `requires-python` is not valid: expected versions such as `>=3.9,<3.14`, found `3.9`"],
    );
    check(
        "\"flask[async]==3.0.*\"",
        "\"flask[\"",
        &[
            "16:5 value: `tool.pants.requirements` is not valid: `flask[` is not a requirement: missing closing bracket (expected ']', found end of dependency specification)",
        ],
    );
    check(
        "interpreters = [\"3.11\"]",
        "interpreters = [\"3.5\", \"x\"]",
        &[
            "12:17 value: `tool.pants.interpreters` is not valid: Python 3.5 is not supported: expected 2.7, or 3.6 or later",
            "12:24 value: `tool.pants.interpreters` is not valid: `x` is not a Python version: expected a minor or full version such as `3.11`, `3.11.7` or `3.13t`",
        ],
    );
    check(
        "sha256 = \"00",
        "sha256 = \"0G",
        &[
            "32:70 value: `hashes.sha256` is not valid: expected 64 lower-case hexadecimal digits, found `0G000000000000000000000000000000000000000000000000000000000000ab`",
            "34:91 value: `hashes.sha256` is not valid: expected 64 lower-case hexadecimal digits, found `0G000000000000000000000000000000000000000000000000000000000000cd`",
        ],
    );
    check(
        "flask-3.0.3.tar.gz",
        "../flask-3.0.3.tar.gz",
        &[
            "32:18 value: `packages.sdist.name` is not valid: expected the name of a file, found `../flask-3.0.3.tar.gz`",
        ],
    );
    check(
        "flask-3.0.3-py3-none-any.whl",
        "flask-3.0.4-py3-none-any.whl",
        &["34:14 wheel: `flask-3.0.4-py3-none-any.whl` is not a wheel of `flask 3.0.3`"],
    );
    check(
        "index = \"own\"",
        "index = \"other\"",
        &["34:64 index: unknown index `other`: expected one of `tool.pants.indexes`"],
    );
    check(
        "version = \"1.16.0\", ",
        "version = \"1.17.0\", ",
        &["30:14 dangling: package `flask 3.0.3` depends on `six 1.17.0`, which the lock has not"],
    );
    check(
        "name = \"six\"\nversion",
        "name = \"seven\"\nversion",
        &["30:14 dangling: package `flask 3.0.3` depends on `six 1.16.0`, which the lock has not"],
    );
    check(
        "[[packages]]\nname = \"six\"",
        "[[packages]]\nname = \"Six\"\nversion = \"1.16\"\n[[packages]]\nname = \"six\"",
        &["42:8 duplicate: package `six 1.16.0` is there twice"],
    );
}

#[test]
fn all_that_is_wrong_is_told_and_nothing_that_follows_from_it() {
    // Of what cannot be read it is not said that it is missing.
    check(
        "name = \"six\"\nversion = \"1.16.0\"",
        "name = \"six\"\nversion = \"x\"\nmarker = \"y\"",
        &[
            "40:11 value: `packages.version` is not valid: expected version to start with a number, but no leading ASCII digits were found",
            "41:10 value: `packages.marker` is not valid: `y` is not an environment marker: expected a quoted string or a valid marker name, found `y`",
        ],
    );
    check(
        "name = \"six\"\nversion = \"1.16.0\"",
        "name = \"six\"\nversion = \"1.16.0\"\nmarker = \"y\"",
        &[
            "41:10 value: `packages.marker` is not valid: `y` is not an environment marker: expected a quoted string or a valid marker name, found `y`",
        ],
    );
}

#[test]
fn many_errors_and_deep_text_are_no_danger() {
    let start = Instant::now();
    let package = "\n[[packages]]\nname = \"-\"\nversion = \"-\"\n";
    let errors = Lock::parse(&format!("{SMALL}{}", package.repeat(20_000))).unwrap_err();
    assert_eq!(errors.len(), 40_000);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    for (open, garbage) in [("x = ", "["), ("x", ".x"), ("x = ", "{a="), ("[", "["), ("", "\u{feff}")] {
        assert!(Lock::parse(&format!("{open}{}", garbage.repeat(50_000))).is_err(), "{garbage}");
    }
}

#[test]
fn a_small_change_is_a_small_difference() {
    let lock = Lock::parse(SMALL).unwrap();
    let differing = |change: &dyn Fn(&mut Lock)| {
        let mut other = lock.clone();
        change(&mut other);
        let new = other.to_toml();
        let gone = SMALL.lines().filter(|line| !new.lines().any(|other| other == *line)).count();
        let come = new.lines().filter(|line| !SMALL.lines().any(|other| other == *line)).count();
        (gone, come, new.lines().count() - SMALL.lines().count())
    };
    assert_eq!(differing(&|lock| lock.packages[0].wheels[0].sha256[3] = 7), (1, 1, 0));
    assert_eq!(differing(&|lock| lock.packages[0].modules.push("a".to_owned())), (1, 1, 0));
    assert_eq!(differing(&|lock| lock.requirements.push("aa".parse().unwrap())), (0, 1, 1));
    let name = "flask-3.0.3-cp39-abi3-win32.whl".parse().unwrap();
    let wheel = WheelFile { name, size: None, sha256: [1; 32], index: None };
    assert_eq!(differing(&|lock| lock.packages[0].wheels.push(wheel.clone())), (0, 1, 1));
    // The order in memory does not matter.
    assert_eq!(differing(&|lock| lock.packages.reverse()), (0, 0, 0));
    assert_eq!(differing(&|lock| lock.packages[0].dependencies.reverse()), (0, 0, 0));
}

/// How long a lock of a usual size takes to read. Said, not judged.
#[test]
fn speed_is_told() {
    let mut text =
        SMALL.replace("name = \"six\"\nversion = \"1.16.0\"\n", "name = \"six\"\nversion = \"1.16.0\"");
    for package in 0..40 {
        let _ =
            write!(text, "\n[[packages]]\nname = \"p{package}\"\nversion = \"1.{package}\"\nwheels = [\n");
        for minor in 6..14 {
            let _ = writeln!(
                text,
                "    {{ name = \"p{package}-1.{package}-cp3{minor}-cp3{minor}-manylinux_2_17_x86_64.manylinux2014_x86_64.whl\", \
                 size = 15874123, hashes = {{ sha256 = \"{}\" }} }},",
                "0123456789abcdef".repeat(4)
            );
        }
        text.push_str("]\ndependencies = [{ name = \"six\", marker = \"python_full_version < '3.10'\" }]\n");
    }
    let lock = Lock::parse(&text).unwrap();
    let start = Instant::now();
    (0..10).for_each(|_| assert_eq!(Lock::parse(&text).unwrap().packages.len(), 42));
    let (reading, start) = (start.elapsed() / 10, Instant::now());
    let written = lock.to_toml();
    let wheels: usize = lock.packages.iter().map(|package| package.wheels.len()).sum();
    println!(
        "42 packages, {wheels} wheels, {} bytes: read in {reading:?}, written in {:?}",
        written.len(),
        start.elapsed()
    );
}

fn marker() -> impl Strategy<Value = Marker> {
    prop::sample::select(vec![
        "",
        "extra == 'a'",
        "python_version >= '3.8' and (os_name == \"posix\" or extra == 'b')",
        "python_version >= '0'",
        "sys_platform == 'lin\"ux'",
        "'linux2' in sys_platform",
    ])
    .prop_map(|text| text.parse().unwrap())
}

prop_compose! {
    fn dependency()(name in "[a-c]", version in prop::option::of(0_u8..3), extras in prop::collection::vec("[a-d]", 0..3), marker in marker()) -> Dependency {
        Dependency {
            name: name.parse().unwrap(),
            version: version.map(|version| format!("{version}.0").parse().unwrap()),
            extras: extras.iter().map(|extra| extra.parse().unwrap()).collect(),
            marker,
        }
    }
}

prop_compose! {
    fn file()(size in prop::option::of(0_u64..1 << 62), hash in any::<[u8; 32]>(), index in prop::option::of(prop::sample::select(vec!["default", "o\"wn\n"]))) -> (Option<u64>, [u8; 32], Option<String>) {
        (size, hash, index.map(str::to_owned))
    }
}

#[test]
fn it_says_what_pytest_loads() {
    let mut lock = Lock::parse(SMALL).unwrap();
    assert!(lock.packages.iter().all(|package| package.pytest_plugin.is_none()));
    for package in &mut lock.packages {
        package.pytest_plugin = Some(package.name.as_ref() == "flask");
    }
    let text = lock.to_toml();
    assert!(text.contains("\npytest-plugins = [\"flask\"]\n"), "{text}");
    assert_eq!(Lock::parse(&text).unwrap(), lock);
}

prop_compose! {
    fn package(name: &'static str, version: u8)(
        marker in marker(),
        requires in prop::option::of(prop::sample::select(vec![">=3.8", "!=3.0.*, >=2.7", ""])),
        dependencies in prop::collection::vec(dependency(), 0..4),
        sdist in prop::option::of(file()),
        wheels in prop::collection::btree_map("(cp3[0-9]|py2\\.py3)-(none|abi3)-(any|win32)", file(), 0..4),
        modules in prop::collection::vec("\\PC{1,5}|[\u{0}-\u{9f}]{1,3}", 0..3),
    ) -> Package {
        let version = format!("{version}.0");
        Package {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            marker,
            requires_python: requires.map(|text| text.parse().unwrap()),
            dependencies,
            sdist: sdist.map(|(size, sha256, index)| SourceFile { name: format!("{name}-{version}.tar.gz"), size, sha256, index }),
            wheels: wheels.into_iter().map(|(tags, (size, sha256, index))| WheelFile {
                name: format!("{name}-{version}-{tags}.whl").parse().unwrap(),
                size,
                sha256,
                index,
            }).collect(),
            build: None,
            modules,
            pytest_plugin: None,
            origin: Origin::Index,
        }
    }
}

/// Locks of three projects in three versions each, in any order.
fn locks() -> impl Strategy<Value = Lock> {
    let packages: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|name| (0..3).map(move |version| package(name, version)))
        .collect();
    let texts = |all: &'static [&'static str]| prop::sample::subsequence(all, 0..=all.len()).prop_shuffle();
    (
        packages.prop_shuffle(),
        texts(&["a", "b[x,y]>1; os_name == 'posix'", "c @ https://h.example/c.zip ; extra == 'q'"]),
        texts(&["2.7", "3.11", "3.13.1t"]),
        texts(&["CPython>=3.9,<3.14", "==2.7.*"]),
        texts(&["linux-x86_64", "macos-arm64-12.0", "linux-aarch64-musl"]),
        prop::collection::btree_map("\\PC{0,6}", "\\PC{0,6}", 0..3),
    )
        .prop_map(|(packages, requirements, interpreters, constraints, platforms, options)| Lock {
            requires_python: ">=3.9".parse().unwrap(),
            environments: vec!["os_name == 'posix'".parse().unwrap()],
            requirements: requirements.iter().map(|text| text.parse().unwrap()).collect(),
            interpreters: interpreters.iter().map(|text| text.parse().unwrap()).collect(),
            interpreter_constraints: InterpreterConstraints::parse(&constraints).unwrap(),
            platforms: platforms.iter().map(|text| text.parse().unwrap()).collect(),
            indexes: vec!["default".to_owned(), "o\"wn\n".to_owned()],
            options,
            packages,
            builds: Vec::new(),
            form: Form::Pants,
            graph: Graph::Asked,
        })
        .prop_map(|lock| {
            // What builds source distributions holds for the same, and has packages of its own.
            let bare = |package: &Package| Package { dependencies: Vec::new(), ..package.clone() };
            let packages = lock.packages[..2].iter().map(bare).collect();
            let build = Lock { requirements: vec!["b<9".parse().unwrap()], packages, ..lock.clone() };
            Lock { builds: vec![build], ..lock }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(lock in locks()) {
        let text = lock.to_toml();
        let mut sorted = lock;
        sorted.sort();
        let read = Lock::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&sorted), "{}", text);
        prop_assert_eq!(sorted.to_toml(), text);
    }

    #[test]
    fn damaged_text_never_panics(at in 0..SMALL.len(), length in 0_usize..40, into in "\\PC{0,3}") {
        let end = (at + length).min(SMALL.len());
        let _ = Lock::parse(&format!("{}{into}{}", &SMALL[..at], &SMALL[end..]));
    }
}
