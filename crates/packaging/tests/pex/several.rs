//! A PEX for several interpreters and platforms has a plan for each, of which the first start takes the one that fits.

use std::path::PathBuf;

use packaging::pex::{Boot, Entry, PexOptions, PexSpec};
use packaging::target::Target;

use crate::start::{FILES, Planned, check, copies, target};
use crate::support::{Workshop, command, download, finish, options, python};

/// The minors of the PEX.
const MINORS: [u8; 3] = [10, 11, 12];

/// The wheels of a program with native code for every minor, some of which are for all.
fn wheels() -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for minor in MINORS {
        let (name, version) = (format!("several-3.{minor}"), format!("3.{minor}"));
        let arguments = [
            "--python-version",
            &version,
            "--platform",
            "manylinux2014_x86_64",
            "jinja2==3.1.6",
            "markupsafe==3.0.2",
        ];
        files.extend(download(&name, &arguments)?);
    }
    files.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
    files.dedup_by_key(|file| file.file_name().map(ToOwned::to_owned));
    Some(files)
}

/// A PEX for these targets, and an interpreter that starts it.
fn planned(targets: &[Target], minor: u8, change: impl FnOnce(PexOptions) -> PexOptions) -> Option<Planned> {
    let Some(python) = python(minor) else {
        println!("skipped: no CPython 3.{minor}");
        return None;
    };
    let mut workshop = Workshop::new()?;
    let (trees, wheels) = workshop.wheels(&wheels()?);
    workshop.planned_for = targets.to_vec();
    let requirements = ["jinja2", "markupsafe"].map(ToOwned::to_owned).to_vec();
    let entry = Entry::Module("greet.native:main".to_owned());
    let spec = PexSpec { options: change(options(&MINORS)), entry, requirements, wheels };
    let native = "def main():\n    import jinja2, markupsafe._speedups, sys\n    \
                  print('native', '%d.%d' % sys.version_info[:2])\n";
    let files: Vec<_> = FILES.iter().copied().chain([("greet/native.py", native, false)]).collect();
    let pex = workshop.make("app.pex", &spec, &files, &trees);
    let folder = tempfile::Builder::new().prefix("p").tempdir().unwrap();
    let root = folder.path().join("r");
    Some(Planned { _workshop: workshop, pex, python, root, folder })
}

fn every_target() -> Vec<Target> {
    let platforms = ["linux-x86_64", "linux-aarch64", "macos-arm64"];
    let of = |minor: &u8| platforms.map(|platform| target(&format!("3.{minor}"), platform));
    MINORS.iter().flat_map(of).collect()
}

#[test]
fn each_interpreter_has_its_plan() {
    for minor in MINORS {
        let Some(planned) = planned(&every_target(), minor, copies) else { continue };
        check(&planned);
        let said = finish(&mut planned.command());
        assert_eq!(String::from_utf8_lossy(&said.stdout), format!("native 3.{minor}\n"));
    }
}

#[test]
fn a_python_that_starts_it_finds_its_plan() {
    for minor in MINORS {
        let change = |options| PexOptions { boot: Boot::Python { shebang: None }, ..options };
        let Some(planned) = planned(&every_target(), minor, change) else { continue };
        let said = finish(command(&planned.python, &planned.python, &planned.root).arg(&planned.pex));
        assert_eq!(String::from_utf8_lossy(&said.stdout), format!("native 3.{minor}\n"));
        assert!(!planned.root.join("unzipped_pexes").exists(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

/// Starts it where no plan fits: the runtime does it, and these reasons are told.
fn check_declined(targets: &[Target], reasons: &str) {
    let Some(planned) = planned(targets, 11, |options| options) else { return };
    let finished = finish(planned.command().env("PEX_VERBOSE", "1"));
    let said = String::from_utf8_lossy(&finished.stderr);
    assert_eq!(String::from_utf8_lossy(&finished.stdout), "native 3.11\n", "{said}");
    assert!(said.contains(&format!("not started by its plan: {reasons}\n")), "{said}");
}

#[test]
fn where_none_fits_each_says_why() {
    let (ten, twelve) = (target("3.10", "linux-x86_64"), target("3.12", "linux-x86_64"));
    check_declined(&[ten, twelve], "it is for CPython 3.10; it is for CPython 3.12");
    check_declined(&[ten, target("3.11", "linux-aarch64")], "it is for CPython 3.10; it is for aarch64");
    check_declined(
        &[ten, target("3.11.99", "linux-x86_64")],
        "it is for CPython 3.10; it is for CPython 3.11.99",
    );
}
