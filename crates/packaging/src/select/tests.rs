//! Tests of choosing wheels, out of locks made by hand.

mod foreign;
mod open;
mod stale;

use std::fmt::Write as _;

use super::{Chosen, SelectError, Selection, check_shared, select};
use crate::lock::{Form, Lock};
use crate::requirement::Requirement;
use crate::target::Target;

const HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A package of a lock in short: keys as they are in a lock, and the tags of its wheels, where `sdist` is none.
fn package(out: &mut String, name: &str, version: &str, keys: &[&str], wheels: &[&str]) {
    let _ = writeln!(out, "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"");
    keys.iter().for_each(|key| {
        let _ = writeln!(out, "{key}");
    });
    let file = |name: String| format!("{{ name = \"{name}\", hashes = {{ sha256 = \"{HASH}\" }} }}");
    if wheels.contains(&"sdist") {
        let _ = writeln!(out, "sdist = {}", file(format!("{name}-{version}.tar.gz")));
    }
    let wheels: Vec<String> = (wheels.iter().filter(|tags| **tags != "sdist"))
        .map(|tags| file(format!("{name}-{version}-{tags}.whl")))
        .collect();
    let _ = writeln!(out, "wheels = [{}]", wheels.join(", "));
}

/// Name, version, further keys, and the tags of the wheels.
type Short<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// A lock for Python from 3.9 on, on x86-64 Linux and macOS on Arm.
fn lock(packages: &[Short<'_>]) -> Lock {
    let mut text =
        "lock-version = '1.0'\ncreated-by = 'pants'\nrequires-python = '>=3.9'\nenvironments = [\"\
        sys_platform == 'linux' and platform_machine == 'x86_64'\", \"sys_platform == 'darwin'\"]\n\
        [tool.pants]\nformat = 1\nindexes = ['default']\ninterpreters = ['3.11']\n\
        platforms = ['linux-x86_64', 'macos-arm64']\nrequirements = []\n"
            .to_owned();
    for (name, version, keys, wheels) in packages {
        package(&mut text, name, version, keys, wheels);
    }
    Lock::parse(&text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

fn target(text: &str) -> Target {
    let (python, platform) = text.split_once(' ').unwrap();
    Target::new(python.parse().unwrap(), platform.parse().unwrap())
}

fn roots(texts: &[&str]) -> Vec<Requirement> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

const LINUX: &str = "3.11 linux-x86_64";
const ANY: &[&str] = &["py3-none-any"];

/// What is chosen: `name version tags[extras]`, after `> ` how it was reached.
fn chosen(selection: &Selection<'_>) -> Vec<String> {
    let one = |one: &super::Selected<'_>| {
        let package = one.package;
        let tags = match one.file {
            Chosen::Wheel(wheel) => {
                wheel.name.as_str().splitn(3, '-').nth(2).unwrap().trim_end_matches(".whl")
            }
            Chosen::Source(..) => "sdist",
        };
        let extras: Vec<String> = one.extras.iter().map(ToString::to_string).collect();
        let extras = if extras.is_empty() { String::new() } else { format!(" [{}]", extras.join(",")) };
        format!("{} {} {tags}{extras}{}", package.name, package.version, one.needed_by)
    };
    selection.files.iter().map(one).collect()
}

fn check(packages: &[Short<'_>], asked: &[&str], on: &str, expect: &[&str]) {
    let lock = Lock { requirements: roots(asked), ..lock(packages) };
    let selection = select(&lock, &roots(asked), &target(on));
    let selection = selection.unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(chosen(&selection), expect, "{asked:?} on {on}");
}

/// Checks what is wrong: code without `packaging::`, message, and help.
fn check_errors(packages: &[Short<'_>], asked: &[&str], on: &str, expect: &[(&str, &str, &str)]) {
    let lock = lock(packages);
    let errors = select(&lock, &roots(asked), &target(on)).unwrap_err();
    let shown: Vec<_> = errors.iter().map(shown).collect();
    let shown: Vec<_> =
        shown.iter().map(|(code, text, help)| (*code, text.as_str(), help.as_str())).collect();
    assert_eq!(shown, expect, "{asked:?} on {on}");
}

fn shown(error: &SelectError) -> (&'static str, String, String) {
    let code = error.code().trim_start_matches("packaging::");
    (code, error.to_string(), error.help(Form::Pants).unwrap_or_default())
}

const LOCK: &str = "write it anew with `pants lock`";

/// Cycles, extras of extras, and what is for some targets only.
const TANGLED: &[Short<'_>] = &[
    (
        "app",
        "1",
        &[
            "dependencies = [{ name = 'lib' }, { name = 'app', extras = ['a', 'b'], marker = \"extra == 'all'\" }, \
               { name = 'left', marker = \"extra == 'a'\" }, { name = 'right', extras = ['deep'], marker = \"extra == 'b'\" }, \
               { name = 'old', marker = \"python_version < '3.10'\" }, { name = 'mac', marker = \"sys_platform == 'darwin'\" }]",
        ],
        ANY,
    ),
    ("deep", "1", &[], ANY),
    ("left", "1", &["dependencies = [{ name = 'right' }]"], ANY),
    ("lib", "1", &["dependencies = [{ name = 'app' }, { name = 'lib' }]"], ANY),
    ("mac", "1", &[], ANY),
    ("old", "1", &[], ANY),
    (
        "right",
        "1",
        &[
            "dependencies = [{ name = 'deep', marker = \"extra == 'deep'\" }, { name = 'app', extras = ['all'] }]",
        ],
        ANY,
    ),
];

#[test]
fn closures_follow_markers_and_extras() {
    let all = [
        "app 1 py3-none-any [a,all,b]",
        "deep 1 py3-none-any (needed by app → right)",
        "left 1 py3-none-any (needed by app)",
        "lib 1 py3-none-any (needed by app)",
        "right 1 py3-none-any [deep] (needed by app)",
    ];
    check(TANGLED, &["app[all]"], LINUX, &all);
    check(TANGLED, &["app"], LINUX, &["app 1 py3-none-any", "lib 1 py3-none-any (needed by app)"]);
    check(
        TANGLED,
        &["app", "app[a]; os_name == 'nt'"],
        "3.9 macos-arm64",
        &[
            "app 1 py3-none-any",
            "lib 1 py3-none-any (needed by app)",
            "mac 1 py3-none-any (needed by app)",
            "old 1 py3-none-any (needed by app)",
        ],
    );
    // An extra that is asked for late reaches what was passed already.
    check(
        TANGLED,
        &["deep", "left"],
        LINUX,
        &[
            "app 1 py3-none-any [a,all,b] (needed by left → right)",
            "deep 1 py3-none-any",
            "left 1 py3-none-any",
            "lib 1 py3-none-any (needed by left → right → app)",
            "right 1 py3-none-any [deep] (needed by left)",
        ],
    );
    check(TANGLED, &[], LINUX, &[]);
    check(TANGLED, &["absent; os_name == 'nt'"], LINUX, &[]);
    check(
        TANGLED,
        &["lib[no-such-extra]"],
        LINUX,
        &["app 1 py3-none-any (needed by lib)", "lib 1 py3-none-any [no-such-extra]"],
    );
}

#[test]
fn of_several_versions_the_one_for_the_target_is_taken() {
    let packages: &[Short<'_>] = &[
        (
            "app",
            "1",
            &["dependencies = [{ name = 'num', version = '1.0', marker = \"python_version < '3.10'\" }, \
               { name = 'num', version = '2.0rc1', marker = \"python_version >= '3.10'\" }]"],
            ANY,
        ),
        ("num", "1.0", &["marker = \"python_full_version < '3.10'\""], ANY),
        ("num", "2.0rc1", &["marker = \"python_full_version >= '3.10'\""], ANY),
    ];
    // A version that is locked was chosen, so a pre-release satisfies what would not choose one.
    for asked in [&["num"][..], &["num>=1"], &["num==2.0rc1", "num>1; python_version >= '3.10'"]] {
        check(packages, asked, LINUX, &["num 2.0rc1 py3-none-any"]);
    }
    check(packages, &["num>=1"], "3.9 linux-x86_64", &["num 1.0 py3-none-any"]);
    check(
        packages,
        &["app"],
        "3.9 linux-x86_64",
        &["app 1 py3-none-any", "num 1.0 py3-none-any (needed by app)"],
    );
    check_errors(
        packages,
        &["num==1.*"],
        LINUX,
        &[("lock_stale", "the lock is stale: it has `num` 2.0rc1, the requirement is `num==1.*`", LOCK)],
    );
}

#[test]
fn the_best_wheel_is_taken() {
    let wheels: &[&str] = &[
        "py3-none-any",
        "1-py3-none-any",
        "2-py3-none-any",
        "10b-py3-none-any",
        "cp311-cp311-macosx_10_9_universal2",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64",
        "cp311-cp311-musllinux_1_2_x86_64",
        "cp313-cp313t-manylinux_2_28_x86_64",
        "cp38-abi3-manylinux_2_17_x86_64",
    ];
    let packages: &[Short<'_>] = &[("num", "1", &[], wheels)];
    let best = |on: &str, expect: &str| check(packages, &["num"], on, &[&format!("num 1 {expect}")]);
    best(LINUX, "cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64");
    best("3.11 linux-x86_64-manylinux2014", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64");
    best("3.11 linux-x86_64-manylinux2010", "10b-py3-none-any");
    best("3.11 linux-x86_64-musl", "cp311-cp311-musllinux_1_2_x86_64");
    best("3.12 linux-x86_64", "cp38-abi3-manylinux_2_17_x86_64");
    best("3.13t linux-x86_64", "cp313-cp313t-manylinux_2_28_x86_64");
    best("3.14t linux-x86_64", "10b-py3-none-any");
    best("3.11 macos-arm64", "cp311-cp311-macosx_11_0_arm64");
    best("3.11 macos-x86_64", "cp311-cp311-macosx_10_9_universal2");
    best("3.12 macos-arm64", "10b-py3-none-any");
}

#[test]
fn what_the_lock_has_not_is_said() {
    let packages: &[Short<'_>] = &[
        ("app", "1", &["dependencies = [{ name = 'lib' }]"], ANY),
        ("lib", "1", &["marker = \"sys_platform == 'darwin'\""], ANY),
        ("lib", "2", &["marker = \"python_version < '3.10'\""], ANY),
    ];
    let not_here = (
        "lock_not_for_target",
        "the lock has `lib` (1 where sys_platform == 'darwin', 2 where python_version < '3.10'), but not for \
         `cp311-linux_x86_64`",
        LOCK,
    );
    check_errors(packages, &["lib"], LINUX, &[not_here]);
    // Everything together, the same once.
    check_errors(
        packages,
        &["app", "absent>1", "lib", "app==2", "app @ https://h.example/app.whl"],
        LINUX,
        &[
            ("lock_missing", "the lock has no package for the requirement `absent>1`", LOCK),
            not_here,
            ("lock_stale", "the lock is stale: it has `app` 1, the requirement is `app==2`", LOCK),
            (
                "lock_stale",
                "the lock is stale: it has `app` 1, the requirement is `app @ https://h.example/app.whl`",
                LOCK,
            ),
        ],
    );
    check_errors(
        packages,
        &["app"],
        "3.8 linux-x86_64",
        &[(
            "lock_target",
            "the lock does not hold for `cp38-linux_x86_64`: it is for Python >=3.9 on `linux-x86_64`, `macos-arm64`",
            "write it anew with `pants lock`, which locks for all that programs are built for",
        )],
    );
    check_errors(
        packages,
        &["app"],
        "3.11 linux-aarch64",
        &[(
            "lock_target",
            "the lock does not hold for `cp311-linux_aarch64`: it is for Python >=3.9 on `linux-x86_64`, `macos-arm64`",
            "write it anew with `pants lock`, which locks for all that programs are built for",
        )],
    );
}

#[test]
fn packages_without_a_wheel_are_told_together() {
    let packages: &[Short<'_>] = &[
        ("bare", "1", &[], &[]),
        (
            "app",
            "1",
            &["dependencies = [{ name = 'bare' }, { name = 'source' }, { name = 'num' }, { name = 'new' }]"],
            ANY,
        ),
        ("new", "1", &["requires-python = '>=3.12'"], ANY),
        ("num", "1", &[], &["cp311-cp311-manylinux_2_34_x86_64", "cp311-cp311-macosx_11_0_arm64", "sdist"]),
        ("source", "1", &[], &["sdist"]),
    ];
    check_errors(
        packages,
        &["app"],
        LINUX,
        &[
            ("no_files", "`bare` 1 has no files in the lock (needed by app)", LOCK),
            (
                "requires_python",
                "`new` 1 requires Python >=3.12, the target is `cp311-linux_x86_64` (needed by app)",
                "require another version of `new`, or leave this interpreter out of `interpreters`",
            ),
            (
                "no_wheel",
                "`num` 1 has no wheel for `cp311-linux_x86_64` (needed by app)",
                "there are wheels for the platform `linux-x86_64-manylinux_2_34`; to build its source distribution, write the lock anew with `pants lock`",
            ),
            (
                "only_source",
                "`source` 1 has only a source distribution, and the lock does not record how it is built (needed by app)",
                "write it anew with `pants lock`",
            ),
        ],
    );
}

#[test]
fn the_nearest_wheel_is_told() {
    let nearest = |wheels: &[&str], on: &str, expect: &str| {
        let packages: &[Short<'_>] = &[("num", "1", &[], wheels)];
        let lock = lock(packages);
        let errors = select(&lock, &roots(&["num"]), &target(on)).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(
            errors[0].help(Form::Pants).unwrap(),
            format!("there are wheels for {expect}"),
            "{wheels:?} on {on}"
        );
    };
    nearest(
        &["cp311-cp311-manylinux_2_34_x86_64", "cp311-cp311-manylinux_2_31_x86_64"],
        LINUX,
        "the platform `linux-x86_64-manylinux_2_31`",
    );
    nearest(&["cp311-cp311-macosx_14_0_arm64"], "3.11 macos-arm64", "the platform `macos-arm64-14.0`");
    nearest(
        &[
            "cp312-cp312-manylinux_2_17_x86_64",
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp314-cp314-macosx_11_0_arm64",
        ],
        LINUX,
        "this platform with `cp312`, `cp313`",
    );
    nearest(&["cp311-cp311-macosx_11_0_arm64"], LINUX, "this interpreter on `macosx_11_0_arm64`");
    nearest(&["cp312-cp312-win32"], LINUX, "other interpreters and platforms, `num-1-cp312-cp312-win32.whl`");
    let many: Vec<String> = (0..9).map(|minor| format!("cp31{minor}-cp31{minor}-win32")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    nearest(
        &many[2..],
        LINUX,
        "other interpreters and platforms, `num-1-cp312-cp312-win32.whl`, `num-1-cp313-cp313-win32.whl` and 5 more",
    );
}

/// Wheels for other platforms than the lock's own are left out when it is made, so that none is there tells nothing.
#[test]
fn a_lock_without_wheels_for_a_target_is_not_said_to_lack_them() {
    let packages: &[Short<'_>] = &[
        ("num", "1", &[], &["cp311-cp311-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_x86_64"]),
        ("pure", "1", &[], ANY),
    ];
    for on in ["3.11 linux-x86_64-musl", "3.13t linux-x86_64"] {
        let lock = lock(packages);
        assert!(select(&lock, &roots(&["pure"]), &target(on)).is_ok());
        let errors = select(&lock, &roots(&["num", "pure"]), &target(on)).unwrap_err();
        assert_eq!(errors.iter().map(SelectError::code).collect::<Vec<_>>(), ["packaging::lock_target"]);
    }
}

#[test]
fn two_versions_on_one_target_are_refused() {
    let packages: &[Short<'_>] = &[
        ("a", "1", &["dependencies = [{ name = 'lib', version = '1' }]"], ANY),
        ("b", "1", &["dependencies = [{ name = 'lib', version = '2' }]"], ANY),
        ("lib", "1", &[], &["sdist"]),
        ("lib", "2", &[], ANY),
    ];
    check_errors(
        packages,
        &["a", "b"],
        LINUX,
        &[
            (
                "only_source",
                "`lib` 1 has only a source distribution, and the lock does not record how it is built (needed by a)",
                "write it anew with `pants lock`",
            ),
            ("two_versions", "`cp311-linux_x86_64` needs two versions of `lib`: 1 and 2", LOCK),
        ],
    );
}

/// Checks which project a file for several targets would serve wrongly, as `project on target: taken for other`.
fn check_file(packages: &[Short<'_>], targets: &[&str], expect: &[&str]) {
    let lock = lock(packages);
    let asked: Vec<Requirement> =
        lock.packages.iter().map(|one| one.name.to_string().parse().unwrap()).collect();
    let targets: Vec<Target> = targets.iter().map(|text| target(text)).collect();
    let selections: Vec<_> = targets.iter().map(|one| select(&lock, &asked, one).unwrap()).collect();
    let both: Vec<_> = targets.iter().copied().zip(&selections).collect();
    let errors = check_shared(&both);
    let told = errors.iter().map(|error| {
        assert_eq!(
            error.help(Form::Pants).unwrap(),
            "leave out `multi_platform`, so that each target has a file of its own"
        );
        let SelectError::Shared { name, target, taken, other, .. } = error else { panic!("{error}") };
        format!("{name} on {target}: {taken} for {other}")
    });
    assert_eq!(told.collect::<Vec<_>>(), expect);
}

#[test]
fn one_file_for_several_targets_is_checked() {
    let old = "marker = \"python_version < '3.10'\"";
    let new = "marker = \"python_version >= '3.10'\"";
    let pythons: &[&str] = &["3.9 linux-x86_64", "3.11 linux-x86_64", "3.12 linux-x86_64"];
    // One version everywhere, in wheels of several platforms.
    check_file(
        &[("num", "1", &[], &["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-macosx_11_0_arm64"])],
        &["3.11 linux-x86_64", "3.11 macos-arm64"],
        &[],
    );
    // Each version in wheels that the other interpreters do not take.
    check_file(
        &[
            ("num", "1", &[old], &["cp39-cp39-manylinux_2_17_x86_64"]),
            ("num", "2", &[new], &["cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"]),
        ],
        pythons,
        &[],
    );
    // Pure wheels suit all: the newer version is taken where the older one is meant.
    let pure: &[Short<'_>] = &[("six", "1", &[old], ANY), ("six", "2", &[new], ANY)];
    check_file(pure, pythons, &["six on cp39-linux_x86_64: 2 for cp311-linux_x86_64"]);
    // The runtime honours `Requires-Python`.
    let honest: &[Short<'_>] =
        &[("six", "1", &[old], ANY), ("six", "2", &[new, "requires-python = '>=3.10'"], ANY)];
    check_file(honest, pythons, &[]);
    // A better tag wins over a higher version, on the interpreters that take it.
    let tagged: &[Short<'_>] = &[
        ("yaml", "1", &[old], &["cp39-abi3-manylinux_2_17_x86_64"]),
        ("yaml", "2", &[new, "requires-python = '>=3.10'"], ANY),
    ];
    check_file(
        tagged,
        pythons,
        &[
            "yaml on cp311-linux_x86_64: 1 for cp39-linux_x86_64",
            "yaml on cp312-linux_x86_64: 1 for cp39-linux_x86_64",
        ],
    );
    // A machine that is newer than the floor takes what is there for a newer floor.
    let floors: &[Short<'_>] = &[
        ("lib", "1", &["marker = \"python_version == '3.11'\""], &["py3-none-manylinux_2_17_x86_64"]),
        ("lib", "2", &["marker = \"python_version == '3.12'\""], &["py3-none-manylinux_2_28_x86_64"]),
    ];
    check_file(
        floors,
        &["3.11 linux-x86_64-manylinux_2_17", "3.12 linux-x86_64"],
        &["lib on cp311-linux_x86_64_manylinux_2_17: 2 for cp312-linux_x86_64"],
    );
    check_file(floors, &["3.11 linux-x86_64-manylinux_2_17"], &[]);
    check_file(&[], pythons, &[]);
    let build = "tool.pants.build = { requires = [], backend = 'own' }";
    let mac: &[Short<'_>] = &[("mac", "1", &[build], &["sdist", "cp311-cp311-macosx_11_0_arm64"])];
    check(mac, &["mac"], LINUX, &["mac 1 sdist"]);
}
