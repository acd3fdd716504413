//! Programs without the runtime of a PEX: virtualenvs that can be moved, folders and zip files of packages.

use std::fs;
use std::process::Command;

use crate::acceptance::{python, stdout};
use crate::checkout::Checkout;
use crate::index::Index;
use crate::repository::skipped;

const BUILD: &str = "\
python_library(name = 'lib', dependencies = ['//3rdparty:alpha'])
python_binary(name = 'venv', entry_point = 'start.main', layout = 'venv', env = {'GREETING': 'hello'})
python_binary(name = 'dir', entry_point = 'start.main', layout = 'dir')
python_binary(name = 'zip', entry_point = 'start.main', layout = 'zip', platforms = ['linux-aarch64'])
python_binary(name = 'foreign', entry_point = 'start.main', layout = 'venv', platforms = ['linux-aarch64'])
";

#[test]
fn programs_are_installed_moved_and_restored() {
    let test = "programs_are_installed_moved_and_restored";
    let Some(python) = python("3.11") else { return skipped(test, "there is no Python 3.11") };
    let Some(index) = Index::start(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    checkout.write("start/main.py", "import os, alpha\nprint(alpha.NAME, os.environ.get('GREETING'))\n");
    checkout.write("start/BUILD", BUILD);
    let paths = format!("[{:?}]", python.parent().unwrap());
    checkout.write(
        "pants.toml",
        &format!("[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\ninterpreter_search_paths = {paths}\n"),
    );
    checkout.build(&["//start:venv", "//start:dir", "//start:zip"]);
    let dist = checkout.root.join("dist/start");

    // It works where it is, and where it was moved to, also under a name that no first line can hold.
    let moved = dir.path().join("a b").join("x".repeat(150));
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    stdout(Command::new("cp").arg("-a").arg(dist.join("venv.venv")).arg(&moved));
    for folder in [&dist.join("venv.venv"), &moved] {
        for start in ["__main__.py", "bin/venv"] {
            assert_eq!(stdout(&mut Command::new(folder.join(start))), "alpha hello\n");
        }
    }
    // A folder is started by any interpreter of the version, and a start writes nothing.
    let folder = dist.join("dir.dir");
    assert_eq!(stdout(Command::new(&python).arg(&folder)), "alpha None\n");
    let before = fs::read(folder.join("start/main.py")).unwrap();
    fs::write(folder.join("start/main.py"), "raise SystemExit('edited')\n").unwrap();
    fs::write(folder.join("extra.py"), "").unwrap();
    checkout.build(&["//start:dir"]);
    assert_eq!(fs::read(folder.join("start/main.py")).unwrap(), before);
    assert!(!folder.join("extra.py").exists(), "what was not built is gone");
    assert!(fs::read(dist.join("zip.zip")).unwrap().starts_with(b"PK"));

    // A virtualenv for another machine has to be told which interpreter it is for.
    let output = checkout.command(&["binary", "//start:foreign"]).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("python::no_venv_python") && said.contains("venv_python = "), "{said}");
}
