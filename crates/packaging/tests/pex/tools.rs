//! What the runtime does for its users works on our files: tools, variables, the import hook, the `pex` tool.

use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::pex::{Entry, PexOptions, PexSpec};

use crate::support::{Workshop, command, download, options, pex_tool, python, stdout};

/// A PEX of Flask and a greeting, and what is needed to run it.
struct Flask {
    workshop: Workshop,
    pex: PathBuf,
    python: PathBuf,
    root: PathBuf,
}

impl Flask {
    fn new(change: impl FnOnce(PexOptions) -> PexOptions) -> Option<Flask> {
        let python = python(11).or_else(|| {
            println!("skipped: no CPython 3.11");
            None
        })?;
        let workshop = Workshop::new()?;
        let files = download("flask", &["flask==3.0.*"])?;
        let (trees, wheels) = workshop.wheels(&files);
        let options = change(options(&[11]));
        let requirements = vec!["flask==3.0.*".to_owned()];
        let spec = PexSpec { options, entry: Entry::Module("greet".to_owned()), requirements, wheels };
        let source = "import flask, markupsafe\nprint('hello from', flask.__name__)\n";
        let pex = workshop.make("flask.pex", &spec, &[("greet.py", source, false)], &trees);
        let root = workshop.dir.path().join("root");
        Some(Flask { workshop, pex, python, root })
    }

    fn command(&self, program: &Path) -> Command {
        command(program, &self.python, &self.root)
    }
}

#[test]
fn variables_change_what_runs() {
    let Some(flask) = Flask::new(|options| options) else { return };
    assert_eq!(stdout(&mut flask.command(&flask.pex)), "hello from flask\n");
    let interpreter = stdout(
        flask
            .command(&flask.pex)
            .env("PEX_INTERPRETER", "1")
            .args(["-c", "import jinja2; print(jinja2.__name__)"]),
    );
    assert_eq!(interpreter, "jinja2\n");
    let module = stdout(flask.command(&flask.pex).env("PEX_MODULE", "flask").arg("--version"));
    assert!(module.contains("Flask 3.0."), "{module}");
    let script = stdout(flask.command(&flask.pex).env("PEX_SCRIPT", "flask").arg("--version"));
    assert!(script.contains("Flask 3.0."), "{script}");
}

#[test]
fn the_tools_work() {
    let Some(flask) = Flask::new(|options| options) else { return };
    let tool = |arguments: &[&str]| stdout(flask.command(&flask.pex).env("PEX_TOOLS", "1").args(arguments));
    let info = tool(&["info"]);
    assert!(
        info.contains("\"entry_point\": \"greet\"") || info.contains("\"entry_point\":\"greet\""),
        "{info}"
    );
    let graph = tool(&["graph"]);
    assert!(graph.contains("digraph") && graph.contains("Werkzeug"), "{graph}");
    let venv = flask.workshop.dir.path().join("venv");
    tool(&["venv", venv.to_str().unwrap()]);
    assert_eq!(stdout(&mut flask.command(&venv.join("pex"))), "hello from flask\n");
}

#[test]
fn another_file_and_a_python_can_import_it() {
    let Some(flask) = Flask::new(|options| options) else { return };
    let entry = Entry::Module("other".to_owned());
    let spec = PexSpec { options: options(&[11]), entry, requirements: Vec::new(), wheels: Vec::new() };
    let source = "import click\nprint(click.__name__)\n";
    let other = flask.workshop.make("other.pex", &spec, &[("other.py", source, false)], &[]);
    assert_eq!(stdout(flask.command(&other).env("PEX_PATH", &flask.pex)), "click\n");
    let code = "import sys; sys.path.insert(0, sys.argv[1]); import __pex__, flask; print(flask.__name__)";
    assert_eq!(stdout(flask.command(&flask.python).args(["-c", code]).arg(&flask.pex)), "flask\n");
}

#[test]
fn the_pex_tool_resolves_from_it() {
    let Some(flask) = Flask::new(|options| options) else { return };
    let Some(tool) = pex_tool() else { return };
    let output = flask.workshop.dir.path().join("again.pex");
    let mut command = command(&tool, &tool, &flask.root);
    command.args(["-m", "pex", "--pex-repository"]).arg(&flask.pex).args(["jinja2", "-o"]).arg(&output);
    stdout(&mut command);
    let found = stdout(
        flask.command(&flask.python).arg(&output).args(["-c", "import jinja2; print(jinja2.__name__)"]),
    );
    assert_eq!(found, "jinja2\n");
}
