//! The start plan makes the environment that the runtime makes, and starts the program from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::pex::{Boot, Entry, PexOptions, PexSpec, VenvOptions};
use packaging::target::Target;

use crate::support::{UserFile, Workshop, command, download, finish, options, python, stdout};
use crate::trees::{self, Files, Found, compare};

pub(crate) const FILES: &[UserFile] = &[
    ("greet/__init__.py", "", false),
    (
        "greet/main.py",
        "def main():\n    import flask, sys\n    print('hello from', flask.__name__, sys.argv[1:])\n",
        false,
    ),
    ("greet/plain.py", "def main():\n    print('plain')\n", false),
    ("greet/tool.sh", "#!/bin/sh\n", true),
    ("greet/data/grüße.txt", "ä\n", false),
];

/// A PEX with a plan, and what is needed to start it.
pub(crate) struct Planned {
    /// Holds the PEX.
    pub(crate) _workshop: Workshop,
    pub(crate) pex: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) root: PathBuf,
    /// Holds the root. Its path is short, since the runtime writes other scripts where it is long.
    pub(crate) folder: tempfile::TempDir,
}

impl Planned {
    pub(crate) fn new(change: impl FnOnce(PexOptions) -> PexOptions) -> Option<Planned> {
        Planned::of("flask", &["flask==3.0.*"], "3.11", "greet.main:main", change)
    }

    /// The same without a plan.
    pub(crate) fn unplanned(change: impl FnOnce(PexOptions) -> PexOptions) -> Option<Planned> {
        Planned::of("flask", &["flask==3.0.*"], "", "greet.main:main", change)
    }

    pub(crate) fn of(
        name: &str,
        requirements: &[&str],
        built_for: &str,
        entry: &str,
        change: impl FnOnce(PexOptions) -> PexOptions,
    ) -> Option<Planned> {
        let minor = built_for.strip_prefix("3.").map_or(11, |minor| minor.parse().unwrap());
        let python = python(minor).or_else(|| {
            println!("skipped: no CPython 3.{minor}");
            None
        })?;
        let mut workshop = Workshop::new()?;
        let files = download(name, requirements)?;
        let (trees, wheels) = workshop.wheels(&files);
        workshop.planned_for =
            if built_for.is_empty() { Vec::new() } else { vec![target(built_for, "linux-x86_64")] };
        let options = change(options(&[minor]));
        let requirements = requirements.iter().filter(|text| !text.starts_with("--"));
        let requirements = requirements.map(|text| (*text).to_owned()).collect();
        let spec = PexSpec { options, entry: Entry::Module(entry.to_owned()), requirements, wheels };
        let pex = workshop.make("app.pex", &spec, FILES, &trees);
        let folder = tempfile::Builder::new().prefix("p").tempdir().unwrap();
        let root = folder.path().join("r");
        Some(Planned { _workshop: workshop, pex, python, root, folder })
    }

    pub(crate) fn command(&self) -> Command {
        command(&self.pex, &self.python, &self.root)
    }

    /// Starts the PEX and says whether its plan was carried out; the runtime unpacks itself otherwise.
    pub(crate) fn started_by_plan(&self, command: &mut Command) -> bool {
        let said = stdout(command);
        assert!(said.starts_with("hello from flask"), "{said}");
        !self.root.join("unzipped_pexes").exists()
    }
}

pub(crate) fn target(python: &str, platform: &str) -> Target {
    Target::new(python.parse().unwrap(), platform.parse().unwrap())
}

/// The one environment below a root.
pub(crate) fn environment(root: &Path) -> PathBuf {
    let below = |folder: &Path| {
        let mut found: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.is_dir() && !path.ends_with("s"));
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    below(&below(&root.join("venvs/4")))
}

/// Takes out of both what is known to differ between the plan and the runtime.
fn listed(files: &mut Files, root: &Path) {
    // Scripts that activate it and a `.gitignore`, whose text is that of the interpreter; descriptions of the wheels' zip files, for tools
    // that want to pack them again; and what starting left.
    files.retain(|path, _| {
        !path.to_ascii_lowercase().starts_with("bin/activate")
            && path != ".gitignore"
            && !path.contains(".pex-info")
            && !path.contains("__pycache__")
    });
    // The two short links have names made of the paths of their roots.
    let short = fs::read_dir(root.join("venvs/4/s")).unwrap();
    let short: Vec<String> = (short.map(|entry| entry.unwrap().file_name().into_string().unwrap()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    let own = [root.canonicalize().unwrap().to_str().unwrap().to_owned(), short[0].clone()];
    let scripts: Vec<String> = files.keys().filter(|path| path.starts_with("bin/")).cloned().collect();
    for (path, found) in files.iter_mut() {
        let Found::File { bytes, .. } = found else { continue };
        let Ok(mut text) = String::from_utf8(bytes.clone()) else { continue };
        if path.ends_with(".dist-info/RECORD") {
            // The runtime sums scripts before it writes their last first line.
            let hide = |row: &str| scripts.iter().any(|script| row.ends_with(script.as_str()));
            let rows = trees::rows(text.as_bytes(), hide);
            text = rows.into_iter().filter(|row| !row.contains(".pex-info/")).collect::<Vec<_>>().join("\n");
        } else if path == "pyvenv.cfg" {
            let kept =
                text.lines().filter(|line| !line.starts_with("command") && !line.starts_with("prompt"));
            text = kept.collect::<Vec<_>>().join("\n");
        } else if path == "pex-repl" {
            // Distributions in the order of the runtime's resolve, and the PEX by a relative path.
            text = text
                .lines()
                .filter(|line| !line.starts_with("_PEX_INFO_SUMMARY"))
                .collect::<Vec<_>>()
                .join("\n");
        }
        *bytes = own.iter().fold(text, |text, own| text.replace(own.as_str(), "OWN")).into_bytes();
    }
}

/// Compares what the plan makes with what the runtime makes of the same file.
pub(crate) fn check(planned: &Planned) {
    let finished = finish(&mut planned.command());
    assert!(!planned.root.join("unzipped_pexes").exists(), "{}", String::from_utf8_lossy(&finished.stderr));
    let genuine = planned.folder.path().join("g");
    // By the interpreter, the runtime is started and no plan.
    let theirs = finish(command(&planned.python, &planned.python, &genuine).arg(&planned.pex));
    let said = String::from_utf8_lossy(&theirs.stderr);
    assert_eq!(String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&theirs.stdout), "{said}");
    assert!(genuine.join("unzipped_pexes").exists());
    let trees: Vec<Files> = [&planned.root, &genuine]
        .map(|root| {
            let mut files = trees::read(&environment(root));
            listed(&mut files, root);
            files
        })
        .into();
    compare(&trees[0], &trees[1]);
}

pub(crate) fn copies(options: PexOptions) -> PexOptions {
    let venv = VenvOptions { site_packages_copies: true, ..VenvOptions::default() };
    PexOptions { mode: packaging::pex::ExecutionMode::Venv(venv), ..options }
}

#[test]
fn the_environment_is_the_runtimes() {
    let injected = |options| PexOptions {
        inject_args: vec!["--first".to_owned(), "it's".to_owned()],
        inject_env: BTreeMap::from([("GREETING".to_owned(), "grüß".to_owned())]),
        ..copies(options)
    };
    if let Some(planned) = Planned::new(injected) {
        check(&planned);
    }
}

#[test]
fn the_environment_is_the_runtimes_under_every_python() {
    // Under 3.7 click needs another distribution.
    for built_for in ["3.8", "3.9", "3.10", "3.12", "3.13"] {
        if let Some(planned) = Planned::of("pure", &["click==8.1.*"], built_for, "greet.plain:main", copies) {
            check(&planned);
        }
    }
}

#[test]
fn the_environment_of_many_wheels_is_the_runtimes() {
    let requirements: Vec<&str> =
        ["--no-deps"].into_iter().chain(crate::pip::CORPUS.iter().copied()).collect();
    let change = |options| PexOptions { ignore_errors: true, ..copies(options) };
    let Some(planned) = Planned::of("corpus", &requirements, "3.11", "greet.main:main", change) else {
        return;
    };
    check(&planned);
}

#[test]
fn a_python_that_starts_it_uses_the_plan_too() {
    let change = |options| PexOptions { boot: Boot::Python { shebang: None }, ..options };
    let Some(planned) = Planned::new(change) else { return };
    assert!(planned.started_by_plan(planned.command().args(["a", "b c"])));
    assert_eq!(stdout(planned.command().arg("x")), "hello from flask ['x']\n", "next");
    let mut by_python = command(&planned.python, &planned.python, &planned.root);
    assert!(planned.started_by_plan(by_python.arg(&planned.pex)));
}
