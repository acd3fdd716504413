//! The lines that a Python shebang runs first: they hand over to the installed copy, or to the runtime.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use packaging::pex::{Boot, Entry, ExecutionMode, Layout, PexOptions, PexSpec};

use crate::support::{UserFile, Workshop, command, options, python, stdout};

const ENVIRONMENT: &str = "779eb2cc0ca9e2fdd204774cbc41848e4e7c5055";
const REAL: &[UserFile] = &[("main.py", "print('the runtime')\n", false)];
const MINORS: [u8; 3] = [8, 11, 13];

fn make(workshop: &Workshop, name: &str, layout: Layout, mode: ExecutionMode) -> (PathBuf, String) {
    let boot = Boot::Python { shebang: None };
    let inject_python_args = vec!["-W".to_owned(), "ignore".to_owned()];
    let options = PexOptions { layout, mode, boot, inject_python_args, ..options(&[8, 9, 10, 11, 12, 13]) };
    let entry = Entry::Module("main".to_owned());
    let spec = PexSpec { options, entry, requirements: Vec::new(), wheels: Vec::new() };
    let pex = workshop.make(name, &spec, REAL, &[]);
    let info = workshop.info(&pex);
    (pex, info["pex_hash"].as_str().unwrap().to_owned())
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_virtual_environment_is_entered() {
    let Some(workshop) = Workshop::new() else { return };
    for layout in [Layout::Zipapp, Layout::Loose] {
        let (pex, hash) = make(&workshop, &format!("{layout:?}.pex"), layout, PexOptions::default().mode);
        let root = workshop.dir.path().join("root");
        let copy = root.join("venvs/4").join(hash).join(ENVIRONMENT);
        write(&copy.join("bin/python"), "#!/bin/sh\nprintf '%s|' \"$@\" \"PEX=$PEX\"\n", 0o755);
        let expected = |interpreter: &str| {
            format!("-W|ignore|-I|{interpreter}{}|one|two  three|PEX={}|", copy.display(), pex.display())
        };
        for minor in MINORS {
            let Some(python) = python(minor) else {
                println!("skipped: no CPython 3.{minor}");
                continue;
            };
            let start = || command(&python, &python, &root);
            assert_eq!(stdout(start().arg(&pex).args(["one", "two  three"])), expected(""));
            let flags = ["-X", "dev", "-u"];
            assert_eq!(
                stdout(start().args(flags).arg(&pex).args(["one", "two  three"])),
                expected("-X|dev|-u|")
            );
        }
    }
}

#[test]
fn the_unzipped_copy_is_started() {
    let Some(workshop) = Workshop::new() else { return };
    let (pex, hash) = make(&workshop, "app.pex", Layout::Zipapp, ExecutionMode::Zipapp);
    let root = workshop.dir.path().join("root");
    let text = "import os, sys\nprint(sys.argv[1:], os.environ['__PEX_EXE__'])\n";
    write(&root.join("unzipped_pexes/4").join(hash).join("__main__.py"), text, 0o644);
    for minor in MINORS {
        let Some(python) = python(minor) else {
            println!("skipped: no CPython 3.{minor}");
            continue;
        };
        let found = stdout(command(&python, &python, &root).arg(&pex).arg("one"));
        assert_eq!(found, format!("['one'] {}\n", pex.display()));
    }
}

#[test]
fn it_declines_where_something_else_could_be_meant() {
    let Some(workshop) = Workshop::new() else { return };
    let (pex, hash) = make(&workshop, "app", Layout::Loose, PexOptions::default().mode);
    let root = workshop.dir.path().join("root");
    let copy = root.join("venvs/4").join(&hash).join(ENVIRONMENT);
    write(&copy.join("bin/python"), "#!/bin/sh\necho entered\n", 0o755);
    // What stands in for the runtime would otherwise find the same copy.
    let main = fs::read_to_string(pex.join("__main__.py")).unwrap();
    let hook = fs::read_to_string(pex.join("__pex__/__init__.py")).unwrap();
    let preamble = main.strip_suffix(&hook).unwrap();
    write(&pex.join("__main__.py"), &format!("{preamble}\nprint('declined')\n"), 0o755);
    for minor in MINORS {
        let Some(python) = python(minor) else {
            println!("skipped: no CPython 3.{minor}");
            continue;
        };
        let start =
            |name: &str, value: &str| stdout(command(&python, &python, &root).env(name, value).arg(&pex));
        for name in
            ["PYTHONPATH", "PEX_VENV", "PEX_VERBOSE", "PEX_ANYTHING", "__PEX_EXE__", "__PEX_ENTRY_POINT__"]
        {
            assert_eq!(start(name, "1"), "declined\n", "{name}");
        }
        assert_eq!(start("PEX_TOOLS", ""), "entered\n");
        assert_eq!(start("PEX_ROOT", "/nowhere"), "declined\n");
        for name in ["other", "__main__"] {
            let code = format!("import runpy, sys; runpy.run_path(sys.argv[1], run_name='{name}')");
            let found = stdout(command(&python, &python, &root).args(["-c", &code]).arg(&pex));
            assert_eq!(found, "declined\n", "run by another program as {name}");
        }
    }
}
