//! The start plan declines wherever something is not as it expects, and the runtime does the same the long way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use packaging::pex::{Entry, PexSpec};

use crate::start::{Planned, target};
use crate::support::{Workshop, command, download, finish, options, python, python_named, stdout};

const INSTALLER: &str = include_str!("../../src/pex/start/install.py");

/// How a start is changed.
type Change<'a> = dyn Fn(&mut Command) -> &mut Command + 'a;

/// What each variable does, started for the first time with a plan and without.
fn check_variable(planned: &Planned, plain: &Path, name: &str, set: &Change<'_>) {
    let said: Vec<String> = [planned.pex.as_path(), plain]
        .iter()
        .enumerate()
        .map(|(number, pex)| {
            let root = planned.folder.path().join(format!("{name}-{number}"));
            let mut start = command(pex, &planned.python, &root);
            set(&mut start);
            stdout(&mut start).replace(pex.to_str().unwrap(), "PEX").replace(root.to_str().unwrap(), "ROOT")
        })
        .collect();
    assert_eq!(said[0], said[1], "{name}");
    assert!(!said[0].is_empty(), "{name}");
}

#[test]
fn variables_work_with_and_without_a_plan() {
    let Some(planned) = Planned::new(|options| options) else { return };
    let Some(plain) = Planned::unplanned(|options| options) else { return };
    let check = |name: &str, set: &Change<'_>| check_variable(&planned, &plain.pex, name, set);
    check("interpreter", &|start| {
        start.env("PEX_INTERPRETER", "1").args(["-c", "import jinja2; print(jinja2.__name__)"])
    });
    check("module", &|start| start.env("PEX_MODULE", "flask").arg("--version"));
    check("script", &|start| start.env("PEX_SCRIPT", "flask").arg("--version"));
    check("no-venv", &|start| start.env("PEX_VENV", "0").arg("a"));
    check("python", &|start| start.env("PEX_PYTHON", &planned.python).arg("a"));
    check("python-path", &|start| start.env("PEX_PYTHON_PATH", planned.python.parent().unwrap()));
    check("extra", &|start| {
        let code = "import sys; print('/extra' in sys.path)";
        start.env("PEX_EXTRA_SYS_PATH", "/extra").env("PEX_INTERPRETER", "1").args(["-c", code])
    });
    let venv = planned.folder.path().join("tool");
    stdout(planned.command().env("PEX_TOOLS", "1").arg("venv").arg(&venv));
    assert_eq!(
        stdout(&mut command(&venv.join("pex"), &planned.python, &planned.root)),
        "hello from flask []\n"
    );
    let info = |pex: &Path| {
        let root = planned.folder.path().join("info");
        let info = stdout(command(pex, &planned.python, &root).env("PEX_TOOLS", "1").arg("info"));
        let mut info: serde_json::Value = serde_json::from_str(&info).unwrap();
        info.as_object_mut().unwrap().remove("pex_hash").unwrap();
        info
    };
    assert_eq!(info(&planned.pex), info(&plain.pex));
    let code = "import sys; sys.path.insert(0, sys.argv[1]); import __pex__, flask; print(flask.__name__)";
    let mut hook = command(&planned.python, &planned.python, &planned.root);
    assert_eq!(stdout(hook.args(["-c", code]).arg(&planned.pex)), "flask\n");
}

#[test]
fn variables_and_files_of_settings_leave_it_to_the_runtime() {
    let Some(planned) = Planned::new(|options| options) else { return };
    assert!(!planned.started_by_plan(planned.command().env("PEX_INHERIT_PATH", "false")));
    fs::remove_dir_all(&planned.root).unwrap();
    fs::write(planned.root.with_extension("home").join(".pexrc"), "").unwrap();
    assert!(!planned.started_by_plan(&mut planned.command()));
}

/// A mount that ends with the test.
pub(crate) struct Mounted<'a>(pub(crate) &'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn what_cannot_be_written_leaves_it_to_the_runtime() {
    let Some(planned) = Planned::new(|options| options) else { return };
    let check = |root: &Path| {
        let finished = finish(planned.command().env("PEX_ROOT", root).env("PEX_VERBOSE", "1"));
        let said = String::from_utf8_lossy(&finished.stderr);
        assert!(finished.status.success() && said.contains("not started by its plan"), "{root:?}: {said}");
        assert_eq!(String::from_utf8_lossy(&finished.stdout), "hello from flask []\n");
    };
    fs::write(&planned.root, "a file").unwrap();
    check(&planned.root.join("below"));
    let shut = planned.folder.path().join("shut");
    fs::create_dir(&shut).unwrap();
    // Modes do not stop root, mounts do.
    let mount = |arguments: &[&str]| {
        Command::new("mount").args(arguments).arg(&shut).output().is_ok_and(|output| output.status.success())
    };
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o555)).unwrap();
    let mounted = rustix::process::geteuid().is_root() && mount(&["-t", "tmpfs", "-o", "ro", "tmpfs"]);
    if rustix::process::geteuid().is_root() && !mounted {
        return println!("skipped: a file system that is read-only, which root may not mount here");
    }
    let mounted = mounted.then(|| Mounted(&shut));
    check(&shut);
    drop(mounted);
}

/// A start upon a disk that fills says so, and one after it, with room, is by the plan: nothing of the first is in its way.
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let Some(planned) = Planned::new(|options| options) else { return };
    let disk = planned.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |size: &str| {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&disk);
        command.output().is_ok_and(|output| output.status.success())
    };
    for size in ["64k", "400k", "1m"] {
        if !mount(size) {
            return println!("skipped: a small file system, which only root may mount");
        }
        let _mounted = Mounted(&disk);
        let start = || {
            let mut command = planned.command();
            command.env("PEX_ROOT", disk.join("r")).env("PEX_VERBOSE", "1");
            command
        };
        let finished = finish(&mut start());
        let said = String::from_utf8_lossy(&finished.stderr);
        assert!(said.contains("not started by its plan") && said.contains("No space left"), "{size}: {said}");
        assert!(!finished.status.success(), "{size}: the runtime has no more room than the plan");
        let remounted = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&disk).status();
        assert!(remounted.unwrap().success());
        let finished = finish(&mut start());
        let said = String::from_utf8_lossy(&finished.stderr);
        assert!(!said.contains("not started by its plan"), "{size}: {said}");
        assert_eq!(String::from_utf8_lossy(&finished.stdout), "hello from flask []\n", "{size}");
    }
}

#[test]
fn a_large_pex_is_left_to_the_runtime() {
    let Some(mut workshop) = Workshop::new() else { return };
    let Some(files) = download("pure", &["click==8.1.*"]) else { return };
    let (trees, wheels) = workshop.wheels(&files);
    workshop.planned_for = vec![target("3.11", "linux-x86_64")];
    let entry = Entry::Module("click".to_owned());
    let spec = PexSpec { options: options(&[11]), entry, requirements: Vec::new(), wheels };
    for (max_unpacked, planned) in [(10_000, false), (10_000_000, true)] {
        workshop.max_unpacked = max_unpacked;
        let pex = fs::read(workshop.make(&planned.to_string(), &spec, &[], &trees)).unwrap();
        let name = b"__pex__/.start/plan-";
        let members = pex.windows(name.len() + 2).filter(|window| window.starts_with(name)).count();
        assert_eq!(members > 0, planned);
    }
}

#[test]
fn a_damaged_plan_leaves_it_to_the_runtime() {
    let Some(planned) = Planned::new(|options| options) else { return };
    let mut bytes = fs::read(&planned.pex).unwrap();
    let name = b"__pex__/.start/plan-";
    // The header names it, then the member itself, then the directory.
    let found = bytes.windows(name.len()).enumerate().filter(|(_, window)| *window == name);
    let at: Vec<usize> = found.map(|(at, _)| at + name.len()).collect();
    bytes[at[at.len() - 2] + 100] ^= 0xFF;
    fs::write(&planned.pex, bytes).unwrap();
    assert!(!planned.started_by_plan(&mut planned.command()));
    assert!(planned.root.join("venvs").exists());
}

#[test]
fn a_path_too_long_for_scripts_leaves_it_to_the_runtime() {
    let Some(mut planned) = Planned::new(|options| options) else { return };
    planned.root = planned.folder.path().join("long".repeat(20)).join("root");
    fs::create_dir_all(planned.root.parent().unwrap()).unwrap();
    assert!(!planned.started_by_plan(&mut planned.command()));
}

#[test]
fn another_minor_leaves_it_to_the_runtime() {
    let Some(other) = python(12) else { return println!("skipped: no CPython 3.12") };
    let constraints = vec!["CPython>=3.8".to_owned()];
    let change = |options| packaging::pex::PexOptions { interpreter_constraints: constraints, ..options };
    let Some(planned) = Planned::of("pure", &["click==8.1.*"], "3.11", "greet.plain:main", change) else {
        return;
    };
    let root = planned.folder.path().join("other");
    let finished = finish(command(&planned.pex, &other, &root).env("PEX_VERBOSE", "1"));
    let said = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success() && said.contains("it is for CPython 3.11"), "{said}");
}

/// Neither the plan nor the runtime starts wheels of another machine or C library, and the runtime says which do not fit.
#[test]
fn wheels_of_another_system_are_told() {
    let Some(python) = python(11) else { return println!("skipped: no CPython 3.11") };
    if !Path::new("/lib64/ld-linux-x86-64.so.2").exists() {
        return println!("skipped: this is no Linux with glibc on x86-64");
    }
    for (wheels, built_for) in
        [("manylinux2014_aarch64", "linux-aarch64"), ("musllinux_1_2_x86_64", "linux-x86_64-musl")]
    {
        let Some(mut workshop) = Workshop::new() else { return };
        let arguments = ["--python-version", "3.11", "--platform", wheels, "markupsafe==3.0.2"];
        let Some(files) = download(&format!("told-{built_for}"), &arguments) else { return };
        let (trees, wheels) = workshop.wheels(&files);
        let entry = Entry::Module("markupsafe".to_owned());
        let spec =
            PexSpec { options: options(&[11]), entry, requirements: vec!["markupsafe".to_owned()], wheels };
        for planned_for in [vec![target("3.11", built_for)], Vec::new()] {
            let name = format!("{}.pex", planned_for.len());
            workshop.planned_for = planned_for;
            let pex = workshop.make(&name, &spec, &[], &trees);
            let finished = finish(&mut command(&pex, &python, &workshop.dir.path().join("root")));
            let said = String::from_utf8_lossy(&finished.stderr);
            assert!(
                said.contains("A distribution for markupsafe could not be resolved"),
                "{built_for}: {said}"
            );
            assert!(said.contains("do not match the supported tags"), "{built_for}: {said}");
            assert_eq!(finished.status.code(), Some(1), "{built_for}: {said}");
        }
    }
}

/// Asks the installer under `python` what it thinks of a plan with these facts.
fn check_facts(python: &Path, facts: &[(&str, &str)], declined: bool) {
    let known = ["python", "release", "flags", "machine", "libc", "glibc"].map(|name| (name, ""));
    let known = known.into_iter().chain([("python", "3.11")]);
    let all: std::collections::BTreeMap<&str, &str> = known.chain(facts.iter().copied()).collect();
    let code = format!(
        "{INSTALLER}\nplan = object.__new__(Plan)\nplan.facts = {}\n\
         try:\n    plan.check_interpreter()\n    print('fits')\nexcept Declined:\n    print('declined')\n",
        serde_json::to_string(&all).unwrap()
    );
    let said = stdout(Command::new(python).args(["-c", &code]));
    assert_eq!(said.trim_end(), if declined { "declined" } else { "fits" }, "{facts:?}");
}

#[test]
fn it_is_for_one_interpreter_and_system() {
    let Some(python) = python(11) else { return println!("skipped: no CPython 3.11") };
    check_facts(&python, &[], false);
    check_facts(&python, &[("machine", std::env::consts::ARCH)], false);
    check_facts(&python, &[("machine", "sparc")], true);
    check_facts(&python, &[("python", "3.12")], true);
    check_facts(&python, &[("flags", "t")], true);
    check_facts(&python, &[("release", "3.11.99")], true);
    check_facts(&python, &[("libc", "glibc"), ("glibc", "99.0")], true);
    if Path::new("/lib64/ld-linux-x86-64.so.2").exists() {
        check_facts(&python, &[("libc", "glibc"), ("glibc", "2.5")], false);
        check_facts(&python, &[("libc", "glibc")], false);
        check_facts(&python, &[("libc", "musl")], true);
    }
}

#[test]
fn pythons_of_long_ago_read_it_and_decline() {
    let Some(workshop) = Workshop::new() else { return };
    let file = workshop.dir.path().join("file");
    fs::write(&file, "no PEX, and longer than the end of a zip file").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let code =
        format!("{INSTALLER}\nstart({:?}, '/nowhere', 'venvs/4/a/b', (), [])\nprint('declined')\n", file);
    for name in ["python2.7", "python3.6", "python3.7", "python3.13"] {
        match python_named(name) {
            None => println!("skipped: no {name}"),
            Some(python) => {
                assert_eq!(stdout(Command::new(python).args(["-sSE", "-c", &code])), "declined\n", "{name}");
            }
        }
    }
}
