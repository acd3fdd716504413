//! What the genuine runtime and the `pex` tool make of the PEX files: one file for six Pythons, the tools, the
//! variables, and the same file by the tool.

use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::pex::RUNTIME;
use serde_json::Value;

use crate::checkout::Checkout;
use crate::index::Index;
use crate::repository::skipped;

const MINORS: [&str; 6] = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];

/// A program for six Pythons in one file, and another that shares nothing with it.
struct Built {
    dir: tempfile::TempDir,
    checkout: Checkout,
    /// Interpreters of this machine, with what they are.
    pythons: Vec<(&'static str, PathBuf)>,
}

impl Built {
    fn new(test: &str) -> Option<Built> {
        let index = Index::start(test)?;
        let dir = tempfile::tempdir().unwrap();
        let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
        let interpreters = format!("{MINORS:?}");
        checkout
            .write("many/main.py", "import sys, alpha\nprint('%d.%d' % sys.version_info[:2], alpha.NAME)\n");
        checkout.write("many/data.txt", "data\n");
        checkout.write(
            "many/BUILD",
            &format!(
                "python_library(name = 'lib', dependencies = ['//3rdparty:alpha', ':data'])\n\
                 resources(name = 'data', sources = ['*.txt'])\n\
                 python_binary(name = 'many', entry_point = 'many.main', dependencies = [':lib'],\n\
                 interpreters = {interpreters}, multi_platform = True)\n\
                 python_binary(name = 'single', entry_point = 'many.main', start_plan = False, dependencies = [':lib'])\n"
            ),
        );
        let report = checkout.build(&["//many", "//many:single", "//one"]);
        assert_eq!(report["artifacts"][0]["path"], "dist/many/many.pex");
        assert_eq!(report["artifacts"][0]["interpreter"].as_array().unwrap().len(), MINORS.len());
        let pythons = MINORS.iter().filter_map(|minor| match python(minor) {
            Some(path) => Some((*minor, path)),
            None => {
                skipped(test, &format!("there is no Python {minor}"));
                None
            }
        });
        let pythons: Vec<_> = pythons.collect();
        if pythons.is_empty() { None } else { Some(Built { dir, checkout, pythons }) }
    }

    fn pex(&self, path: &str) -> PathBuf {
        self.checkout.root.join("dist").join(path)
    }

    /// A command with an empty home of the runtime.
    fn command(&self, program: &Path) -> Command {
        let root = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let mut command = Command::new(program);
        command.env_clear().env("PEX_ROOT", root).env("HOME", self.dir.path()).current_dir(self.dir.path());
        // Names of interpreters alone, so that none is found that a test did not choose.
        let folders: Vec<_> = self.pythons.iter().map(|(_, python)| python.parent().unwrap()).collect();
        let system = [Path::new("/usr/bin"), Path::new("/bin")];
        command.env("PATH", std::env::join_paths(folders.into_iter().chain(system)).unwrap());
        command
    }

    /// Runs the PEX with variables and arguments; gives what it prints.
    #[track_caller]
    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let mut command = self.command(&self.pex("many/many.pex"));
        stdout(command.envs(variables.iter().copied()).args(arguments))
    }

    /// The `pex` tool, unpacked from the wheel that the runtime is of, and a Python to run it.
    fn tool(&self) -> Command {
        let wheel = Path::new(env!("CARGO_TARGET_TMPDIR")).join(RUNTIME.wheel);
        let folder = self.dir.path().join("pex-tool");
        let python = &self.pythons.iter().find(|(minor, _)| *minor == "3.11").unwrap_or(&self.pythons[0]).1;
        if !folder.exists() {
            let mut unpack = Command::new(python);
            stdout(unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder));
        }
        let mut command = self.command(python);
        command.env("PYTHONPATH", folder).args(["-m", "pex", "--no-index", "--no-compile"]);
        command
    }
}

/// An interpreter of this machine by its version.
pub(crate) fn python(minor: &str) -> Option<PathBuf> {
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".pyenv")))?;
    let installed = std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = installed
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&format!("{minor}."))))
        .map(|entry| entry.path().join("bin/python"))
        .collect();
    found.extend(
        std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(format!("python{minor}"))),
    );
    let is_it = |path: &PathBuf| {
        let code = "import sys; print('%d.%d' % sys.version_info[:2])";
        let asked = Command::new(path).args(["-c", code]).output();
        asked.is_ok_and(|output| output.stdout == format!("{minor}\n").as_bytes())
    };
    found.into_iter().filter(|path| path.is_file()).find(is_it)
}

#[track_caller]
pub(crate) fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_file_runs_under_every_python() {
    let Some(built) = Built::new("one_file_runs_under_every_python") else { return };
    for (minor, python) in &built.pythons {
        let pex = built.pex("many/many.pex");
        assert_eq!(stdout(built.command(python).arg(&pex)), format!("{minor} alpha\n"));
    }
    let (minor, python) = built.pythons.first().unwrap();
    let named = built.run(&[("PEX_PYTHON", python.to_str().unwrap())], &[]);
    assert_eq!(named, format!("{minor} alpha\n"), "chosen by PEX_PYTHON");
}

#[test]
fn the_tools_work() {
    let Some(built) = Built::new("the_tools_work") else { return };
    let tools = [("PEX_TOOLS", "1")];
    let info: Value = serde_json::from_str(&built.run(&tools, &["info"])).unwrap();
    assert_eq!(info["requirements"], serde_json::json!(["alpha==1.0"]));
    assert_eq!(info["entry_point"], "many.main");
    assert!(built.run(&tools, &["graph"]).contains("digraph"));
    let venv = built.dir.path().join("venv");
    built.run(&tools, &["venv", venv.to_str().unwrap()]);
    assert!(stdout(&mut built.command(&venv.join("pex"))).ends_with(" alpha\n"));
    assert_eq!(
        stdout(built.command(&venv.join("bin/python")).args(["-c", "print(__import__('alpha').NAME)"])),
        "alpha\n"
    );
}

#[test]
fn the_variables_work() {
    let Some(built) = Built::new("the_variables_work") else { return };
    let code = ["-c", "import alpha; print(alpha.NAME)"];
    assert_eq!(built.run(&[("PEX_INTERPRETER", "1")], &code), "alpha\n");
    assert_eq!(built.run(&[("PEX_MODULE", "many.main")], &[]).split(' ').nth(1), Some("alpha\n"));
    let other = built.pex("two/two.pex");
    built.checkout.build(&["//two"]);
    let both = ["-c", "import alpha, beta; print(alpha.NAME, beta.NAME)"];
    let path = other.to_str().unwrap();
    assert_eq!(built.run(&[("PEX_INTERPRETER", "1"), ("PEX_PATH", path)], &both), "alpha beta\n");
}

#[test]
fn the_pex_tool_takes_it_for_a_repository() {
    let Some(built) = Built::new("the_pex_tool_takes_it_for_a_repository") else { return };
    let out = built.dir.path().join("out.pex");
    let mut tool = built.tool();
    stdout(tool.arg("--pex-repository").arg(built.pex("many/many.pex")).args(["alpha", "-o"]).arg(&out));
    let code = "import alpha; print(alpha.NAME)";
    assert_eq!(stdout(built.command(&out).args(["-c", code])), "alpha\n");
}

/// Prints the one constraint of a PEX.
const CONSTRAINT: &str = "import json, sys, zipfile\n\
    [one] = json.loads(zipfile.ZipFile(sys.argv[1]).read('PEX-INFO'))['interpreter_constraints']\n\
    print(one)";

/// Reads two PEX files; prints what of the second differs but for what the builder may choose.
const COMPARE: &str = r#"
import json, sys, zipfile
def read(path):
    z = zipfile.ZipFile(path)
    found = {i.filename: (i.external_attr >> 16, z.read(i)) for i in z.infolist() if not i.is_dir()}
    info = json.loads(found.pop("PEX-INFO")[1])
    for key in ("pex_hash", "code_hash"):
        text = info.pop(key).encode()
        found = {n: (m, c.replace(text, b"HASH")) for n, (m, c) in found.items()}
    info.pop("build_properties")
    # Below its shebang and preamble, it is what the hook is.
    main = found.pop("__main__.py")
    assert main[1].endswith(found["__pex__/__init__.py"][1]), path
    return info, found
(info, ours), (their_info, theirs) = read(sys.argv[1]), read(sys.argv[2])
print(sorted(k for k in info.keys() | their_info.keys() if info.get(k) != their_info.get(k)))
print(sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)))
"#;

#[test]
fn the_pex_tool_builds_the_same() {
    let Some(built) = Built::new("the_pex_tool_builds_the_same") else { return };
    let Some((_, python)) = built.pythons.iter().find(|(minor, _)| *minor == "3.11") else {
        return skipped("the_pex_tool_builds_the_same", "there is no Python 3.11");
    };
    let (sources, wheels) = (built.dir.path().join("sources/many"), built.dir.path().join("wheels"));
    std::fs::create_dir_all(&sources).unwrap();
    std::fs::create_dir_all(&wheels).unwrap();
    for file in ["main.py", "data.txt"] {
        std::fs::copy(built.checkout.root.join("many").join(file), sources.join(file)).unwrap();
    }
    let wheel = "alpha-1.0-py3-none-any.whl";
    let ours = built.pex("many/single.pex");
    let code =
        "import sys, zipfile; open(sys.argv[2], 'wb').write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[3]))";
    stdout(
        Command::new(python)
            .args(["-c", code])
            .arg(&ours)
            .arg(wheels.join(wheel))
            .arg(format!(".deps/{wheel}")),
    );
    let theirs = built.dir.path().join("theirs.pex");
    let constraint = stdout(Command::new(python).args(["-c", CONSTRAINT]).arg(&ours));
    assert!(constraint.contains("3.11"), "{constraint}");
    let mut tool = built.tool();
    tool.args(["alpha==1.0", "--no-pre-install-wheels", "-e", "many.main", "--venv", "prepend", "--sh-boot"]);
    tool.args(["--interpreter-constraint", constraint.trim(), "-f"]).arg(&wheels).arg("-o").arg(&theirs);
    stdout(tool.arg("-D").arg(sources.parent().unwrap()));
    let differing = stdout(Command::new(python).args(["-c", COMPARE]).args([&ours, &theirs]));
    assert_eq!(differing, "[]\n[]\n");
}
