//! The start plan of what is built: with compiled modules where the machine has the interpreter, and switched off.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::acceptance::{python, stdout};
use crate::checkout::Checkout;
use crate::index::Index;
use crate::repository::skipped;

/// Says of each compiled module below a folder whether it is good for its source.
const CHECK: &str = "\
import os, sys
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        if name.endswith('.pyc') and folder.endswith('__pycache__'):
            source = os.path.join(os.path.dirname(folder), name.split('.')[0] + '.py')
            data, stat = open(os.path.join(folder, name), 'rb').read(), os.stat(source)
            numbers = [int.from_bytes(data[at:at + 4], 'little') for at in (4, 8, 12)]
            print(os.path.basename(source), numbers == [0, int(stat.st_mtime), stat.st_size])
";

/// The repository, in which three programs differ by how they start the first time.
struct Started {
    dir: tempfile::TempDir,
    checkout: Checkout,
    python: PathBuf,
}

impl Started {
    fn new(test: &str) -> Option<Started> {
        let Some(python) = python("3.11") else {
            skipped(test, "there is no Python 3.11");
            return None;
        };
        let index = Index::start(test)?;
        let dir = tempfile::tempdir().unwrap();
        let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
        checkout.write("start/main.py", "import alpha\nprint(alpha.NAME)\n");
        checkout.write(
            "start/BUILD",
            "python_library(name = 'lib', dependencies = ['//3rdparty:alpha'])\n\
             python_binary(name = 'start', entry_point = 'start.main', dependencies = [':lib'])\n\
             python_binary(name = 'sources', entry_point = 'start.main', pyc = False, dependencies = [':lib'])\n\
             python_binary(name = 'runtime', entry_point = 'start.main', start_plan = False, dependencies = [':lib'])\n",
        );
        let paths = format!("[{:?}]", python.parent().unwrap());
        checkout.write("pants.toml", &configuration(&paths));
        Some(Started { dir, checkout, python })
    }

    /// Starts a program for the first time, and gives the root of the runtime.
    fn start(&self, name: &str) -> PathBuf {
        let root = self.dir.path().join(name);
        let mut command = Command::new(self.checkout.root.join("dist/start").join(format!("{name}.pex")));
        command.env_clear().env("HOME", self.dir.path()).env("PEX_ROOT", &root);
        command.env("PATH", self.python.parent().unwrap());
        assert_eq!(stdout(&mut command), "alpha\n");
        root
    }

    /// The compiled modules of a program, each with whether it is good for its source.
    fn compiled(&self, root: &Path) -> String {
        let short = std::fs::read_dir(root.join("venvs/4/s")).unwrap().flatten();
        let short = short.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
        stdout(Command::new(&self.python).args(["-c", CHECK]).arg(short.join("venv/lib")))
    }
}

fn configuration(paths: &str) -> String {
    format!(
        "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\ninterpreter_search_paths = {paths}\n"
    )
}

#[test]
fn a_first_start_finds_its_modules_compiled() {
    let Some(started) = Started::new("a_first_start_finds_its_modules_compiled") else { return };
    let report = started.checkout.build(&["//start", "//start:sources", "//start:runtime"]);
    assert!(report["diagnostics"].as_array().unwrap().is_empty(), "{report:#}");
    let root = started.start("start");
    assert!(!root.join("unzipped_pexes").exists(), "it is started by its plan");
    let found = started.compiled(&root);
    assert!(found.contains("__init__.py True") && !found.contains("False"), "{found}");

    let root = started.start("sources");
    assert!(!root.join("unzipped_pexes").exists());
    assert!(started.start("runtime").join("unzipped_pexes").exists(), "without a plan the runtime does it");
    let size = |name: &str| started.checkout.read(&format!("dist/start/{name}.pex")).len();
    assert!(size("start") > size("sources") && size("sources") > size("runtime"));
}

#[test]
fn an_environment_is_made_ahead() {
    let Some(started) = Started::new("an_environment_is_made_ahead") else { return };
    started.checkout.build(&["//start", "//start:runtime"]);
    let seed = |name: &str| {
        let pex = format!("repository/dist/start/{name}.pex");
        let mut command = started.checkout.command(&["seed", &pex, "--pex-root", name]);
        // It needs no repository.
        command.current_dir(started.dir.path()).env("PATH", started.python.parent().unwrap());
        command.output().unwrap()
    };
    let output = seed("start");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    assert!(Path::new(made.trim_end()).join("bin/python").exists(), "{made}");
    let before = std::fs::metadata(made.trim_end()).unwrap();
    assert!(!started.start("start").join("unzipped_pexes").exists());
    let after = std::fs::metadata(made.trim_end()).unwrap();
    assert_eq!(before.created().ok(), after.created().ok(), "it is the one that is started");

    let output = seed("runtime");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("`repository/dist/start/runtime.pex` cannot be seeded: it has no start plan"),
        "{said}"
    );
}

#[test]
fn a_machine_without_the_interpreter_says_so() {
    let Some(started) = Started::new("a_machine_without_the_interpreter_says_so") else { return };
    started.checkout.build(&["//start", "//start:sources"]);
    let with = started.checkout.dist();
    started.checkout.write("pants.toml", &configuration("[\"/nowhere\"]"));
    let mut command = started.checkout.command(&["binary", "//start", "//start:sources"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("built without compiled modules for Python 3.11"), "{said}");
    let without = started.checkout.dist();
    assert!(with["start/start.pex"] != without["start/start.pex"]);
    assert!(with["start/sources.pex"] == without["start/sources.pex"], "the same bytes everywhere");
    started.start("start");
}
