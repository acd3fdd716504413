//! Locks from the index of this machine.

use std::collections::BTreeSet;
use std::process::Command;

use packaging::index::{FetchRequest, fetch_file};
use packaging::locking::{LockOutcome, UV_VERSION, Upgrade};
use packaging::select::select;
use packaging::target::Target;
use store::{DigestFunction, Store};

use crate::{Machine, Wish, make, versions};

const REQUIREMENTS: [&str; 2] = ["flask==3.0.*", "requests"];

fn first(machine: &Machine) -> (tempfile::TempDir, LockOutcome) {
    let folder = tempfile::tempdir().unwrap();
    let wish = Wish { requirements: &REQUIREMENTS, ..Wish::default() };
    let outcome = make(machine, &machine.client(folder.path()), folder.path(), &wish).unwrap();
    (folder, outcome)
}

#[test]
fn the_pinned_uv_runs() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(machine) = Machine::find() else { return };
    let output = Command::new(&machine.uv).arg("--version").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&format!("uv {UV_VERSION}")));
    assert_eq!(machine.uv.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn flask_and_requests_are_locked() {
    let Some(machine) = Machine::find() else { return };
    let (_folder, outcome) = first(&machine);
    let lock = &outcome.lock;
    assert_eq!(outcome.warnings, []);
    assert_eq!(lock.requires_python.to_string(), ">=3.9, <3.14");
    assert_eq!(lock.indexes, ["default"]);
    let named = |name: &str| lock.named(&name.parse().unwrap());
    assert_eq!(named("flask")[0].modules, ["flask"]);
    assert_eq!(named("markupsafe")[0].modules, ["markupsafe"]);
    let flask: Vec<_> = named("flask")[0].dependencies.iter().map(|d| d.name.to_string()).collect();
    for name in ["werkzeug", "jinja2", "click", "blinker"] {
        assert!(flask.iter().any(|found| found == name), "{name} in {flask:?}");
    }
    // Each package has a wheel wherever it is needed, and none that fits nowhere.
    for package in &lock.packages {
        for python in ["3.9", "3.10", "3.11", "3.12", "3.13"] {
            for platform in ["linux-x86_64", "linux-aarch64", "macos-arm64"] {
                let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
                let tags = target.tags();
                let taken = package.marker.holds(&target.environment(), &[]);
                let wheel = package.wheels.iter().any(|wheel| tags.rank(&wheel.name).is_some());
                assert!(wheel || !taken, "{} {} on {target}", package.name, package.version);
            }
        }
        let alien = |wheel: &str| wheel.contains("win") || wheel.contains("musl") || wheel.contains("pp3");
        let names: Vec<_> = package.wheels.iter().map(|wheel| wheel.name.as_str()).collect();
        assert!(!names.iter().any(|name| alien(name)), "{names:?}");
    }
}

/// The same versions for each Python as `uv pip compile` finds for it.
#[test]
fn versions_are_those_that_uv_finds_for_each_python() {
    let Some(machine) = Machine::find() else { return };
    let (folder, outcome) = first(&machine);
    std::fs::write(folder.path().join("in.txt"), REQUIREMENTS.join("\n")).unwrap();
    let lock = outcome.lock;
    for (python, tag) in [("3.9", "3.9.25"), ("3.11", "3.11.9"), ("3.13", "3.13.5")] {
        let mut command = Command::new(&machine.uv);
        command.args(["pip", "compile", "--no-config", "--no-header", "--no-annotate", "in.txt"]);
        command.args(["--python-platform", "x86_64-manylinux_2_28", "--python-version", tag, "--python"]);
        command.arg(&machine.python).env("UV_CACHE_DIR", machine.shared.join("uv"));
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let expected: BTreeSet<String> = text.lines().map(|line| line.replace("==", " ")).collect();
        let target = Target::new(python.parse().unwrap(), "linux-x86_64".parse().unwrap());
        let chosen = select(&lock, &lock.requirements, &target).unwrap();
        let found: BTreeSet<String> =
            chosen.files.iter().map(|one| format!("{} {}", one.package.name, one.package.version)).collect();
        assert_eq!(found, expected, "on Python {python}");
    }
}

#[test]
fn locks_are_stable_and_move_little() {
    let Some(machine) = Machine::find() else { return };
    let (_one, first_lock) = first(&machine);
    let (folder, second) = first(&machine);
    assert_eq!(first_lock.lock, second.lock);
    let again = Wish { requirements: &REQUIREMENTS, previous: Some(&second.lock), ..Wish::default() };
    let again = make(&machine, &machine.client(folder.path()), folder.path(), &again).unwrap();
    assert_eq!((again.lock, again.changes), (second.lock.clone(), vec![]));
    assert_eq!(
        second.changes.len(),
        second.lock.packages.iter().map(|p| &p.name).collect::<BTreeSet<_>>().len()
    );
    let client = machine.client(folder.path());
    let old = Wish {
        requirements: &["flask==3.0.*", "requests", "click==8.1.3", "werkzeug==3.0.1"],
        ..Wish::default()
    };
    let old = make(&machine, &client, folder.path(), &old).unwrap().lock;
    // Without the pins, and with one more, nothing that was there moves.
    let wish =
        Wish { requirements: &["flask==3.0.*", "requests", "six"], previous: Some(&old), ..Wish::default() };
    let new = make(&machine, &client, folder.path(), &wish).unwrap();
    let changes: Vec<_> = new.changes.iter().map(|change| change.name.to_string()).collect();
    assert_eq!(changes, ["six"], "{:?}", new.changes);
    // An upgrade of one moves that one.
    let only = Upgrade::Only(vec!["click".parse().unwrap()]);
    let wish = Wish { upgrade: only, previous: Some(&new.lock), ..wish };
    let upgraded = make(&machine, &client, folder.path(), &wish).unwrap();
    let changes: Vec<_> = upgraded.changes.iter().map(|change| change.name.to_string()).collect();
    assert_eq!(changes, ["click"], "{:?}", upgraded.changes);
    assert!(upgraded.changes[0].to_string().starts_with("~ click 8.1.3 -> 8."), "{}", upgraded.changes[0]);
    let wish = Wish { upgrade: Upgrade::Everything, ..wish };
    let all = make(&machine, &client, folder.path(), &wish).unwrap();
    assert!(all.changes.iter().any(|change| change.name.to_string() == "werkzeug"));
}

#[test]
fn python_2_and_3_lock_together() {
    let Some(machine) = Machine::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = machine.client(folder.path());
    let both = Wish {
        requirements: &["requests", "pyyaml"],
        constraints: &["CPython==2.7.*", "CPython>=3.11,<3.13"],
        platforms: &["linux-x86_64"],
        ..Wish::default()
    };
    let lock = make(&machine, &client, folder.path(), &both).unwrap().lock;
    let on = |python: &str| {
        let target = Target::new(python.parse().unwrap(), "linux-x86_64".parse().unwrap());
        let found = lock.packages.iter().filter(|package| package.marker.holds(&target.environment(), &[]));
        found.filter(|p| p.name.as_ref() == "requests").map(|p| p.version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(on("2.7"), ["2.27.1"]);
    assert_eq!(on("3.11").len(), 1);
    assert_ne!(on("3.11"), on("2.7"));
    let wheels = |name: &str| {
        lock.named(&name.parse().unwrap())
            .iter()
            .flat_map(|p| &p.wheels)
            .map(|w| w.name.to_string())
            .collect::<Vec<_>>()
    };
    assert!(wheels("pyyaml").iter().any(|name| name.contains("cp27mu")), "{:?}", wheels("pyyaml"));
}

#[test]
fn what_contradicts_itself_is_explained() {
    let Some(machine) = Machine::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = machine.client(folder.path());
    let wish = Wish { requirements: &["six", "flask==3.0.*", "werkzeug<2"], ..Wish::default() };
    let error = make(&machine, &client, folder.path(), &wish).unwrap_err();
    assert_eq!(error.code(), "packaging::lock_no_solution");
    let (text, help) = (error.to_string(), error.help().unwrap());
    assert!(
        text.starts_with("no versions satisfy the requirements of the resolve `default`: because "),
        "{text}"
    );
    assert!(text.contains("depends on werkzeug>=3.0.0"), "{text}");
    assert!(help.contains("`werkzeug<2` of `//3rdparty:reqs` at 3rdparty/BUILD:3"), "{help}");
    assert!(!help.contains("six") && !text.contains("hint:") && !text.contains("split"), "{text} {help}");
    let wish = Wish { requirements: &["no-such-project-of-anyone-77"], ..Wish::default() };
    let error = make(&machine, &client, folder.path(), &wish).unwrap_err();
    assert_eq!(error.code(), "packaging::lock_no_solution", "{error}");
    assert!(error.to_string().contains("no-such-project-of-anyone-77 was not found"), "{error}");
}

#[test]
fn a_real_wheel_is_fetched() {
    let Some(machine) = Machine::find() else { return };
    let (folder, outcome) = first(&machine);
    let store = Store::open(&folder.path().join("cache"), DigestFunction::Blake3).unwrap();
    let package = &outcome.lock.named(&"flask".parse().unwrap())[0];
    let wheel = &package.wheels[0];
    let request = FetchRequest {
        index: "default",
        project: "flask",
        file: wheel.name.as_str(),
        sha256: wheel.sha256,
        size: wheel.size,
    };
    let fetched = fetch_file(&machine.client(folder.path()), &request, &store, &|_, _| {}).unwrap();
    assert_eq!(Some(fetched.digest.size), wheel.size);
    assert_eq!(fetched.crc32, crc32fast::hash(&store.read(&fetched.digest).unwrap()));
    println!("{}", versions(&outcome.lock).join(", "));
}

#[test]
fn what_source_distributions_are_built_with_is_locked() {
    let Some(machine) = Machine::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = machine.client(folder.path());
    let wish = Wish {
        requirements: &["tornado==1.2.1", "six"],
        constraints: &["CPython==2.7.*"],
        platforms: &["linux-x86_64"],
        build_constraints: &["wheel<0.37"],
        ..Wish::default()
    };
    let outcome = make(&machine, &client, folder.path(), &wish).unwrap();
    assert_eq!(outcome.warnings, []);
    let named = |name: &str| &outcome.lock.named(&name.parse().unwrap())[0];
    assert_eq!(named("six").build, None, "there is a wheel");
    let system = named("tornado").build.clone().unwrap();
    assert_eq!(system.backend.to_string(), "setuptools.build_meta:__legacy__");
    // The newest that the constraint and Python 2.7 allow.
    let built_with = outcome.lock.build(&system.requires).unwrap();
    assert_eq!(versions(built_with), ["setuptools 44.1.1", "wheel 0.36.2"]);
    let again = Wish { previous: Some(&outcome.lock), ..wish };
    let again = make(&machine, &client, folder.path(), &again).unwrap();
    assert_eq!(again.lock.to_toml(), outcome.lock.to_toml());
}

#[test]
fn a_date_leaves_out_what_is_newer_and_moves_nothing_later() {
    let Some(machine) = Machine::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let client = machine.client(folder.path());
    let wish = Wish {
        requirements: &["flask"],
        constraints: &["CPython==3.12.*"],
        exclude_newer: Some("2025-01-31T00:00:00Z"),
        ..Wish::default()
    };
    let first = make(&machine, &client, folder.path(), &wish).unwrap().lock;
    assert_eq!(first.named(&"flask".parse().unwrap())[0].version.to_string(), "3.1.0");
    let again = Wish { previous: Some(&first), ..wish };
    assert_eq!(make(&machine, &client, folder.path(), &again).unwrap().changes, []);
}
