//! Runs the transcripts: every `testdata/<repository>/*.md` is a page of commands with the output that they print.
//!
//! Each transcript runs from top to bottom in a fresh copy of its repository. All transcripts of one run share one
//! cache, empty at first, so that the package index is asked once; numbers that depend on who came first are written
//! `[N]`. With `BLESS=1` the output that differs is written into the page.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod compare;
mod page;
mod redact;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use page::{Example, Page};
use redact::Redactions;

/// Set to write what was printed into the pages.
const BLESS: &str = "BLESS";

/// A page whose head says this is skipped where there is no network.
const NEEDS_NETWORK: &str = "<!-- needs: network";

/// The same with this, where there is no Python 2.7.
const NEEDS_PYTHON_2: &str = ", python2.7 -->";

#[test]
fn transcripts() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bless = std::env::var_os(BLESS).is_some();
    let mut online = None;
    let mut differences = Vec::new();
    for path in pages() {
        let start = Instant::now();
        let name = name(&path);
        let text = fs::read_to_string(&path).unwrap();
        let page = Page::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        if text.contains(NEEDS_NETWORK) && !*online.get_or_insert_with(network) {
            println!("skipped: {name}: no network");
            continue;
        }
        if text.contains(NEEDS_PYTHON_2) && !has_python_2() {
            println!("skipped: {name}: no Python 2.7");
            continue;
        }
        let root = scratch.path().join(&name).with_extension("");
        copy(path.parent().unwrap(), &root);
        let runner = Runner::new(scratch.path(), &root);
        let outcomes: Vec<String> = page.examples.iter().map(|example| runner.run(example)).collect();
        let wrong = compare::differences(&name, &page.examples, &outcomes);
        if bless && !wrong.is_empty() {
            fs::write(&path, page.with(&text, &outcomes)).unwrap();
            println!("written: {name}");
        } else {
            differences.extend(wrong);
        }
        println!("{name}: {} commands, {:.1} s", outcomes.len(), start.elapsed().as_secs_f64());
    }
    let count = differences.len();
    let advice = format!("run with {BLESS}=1 to write what was printed into the pages");
    assert!(
        differences.is_empty(),
        "\n{}\n{count} commands print something else; {advice}",
        differences.join("\n")
    );
}

/// Whether this machine has Python 2.7, on `PATH` or by pyenv.
fn has_python_2() -> bool {
    let pyenv = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let versions = pyenv.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let folders = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = folders.chain(std::env::split_paths(&path).collect::<Vec<_>>());
    folders.any(|folder| {
        let version = Command::new(folder.join("python2.7")).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    })
}

/// The pages of all repositories, in order.
fn pages() -> Vec<PathBuf> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let folders = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = (folders(&testdata).filter(|path| path.is_dir()))
        .flat_map(|repository| folders(&repository).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    assert!(!pages.is_empty(), "there are no transcripts in `{}`", testdata.display());
    pages
}

/// The repository and the file, such as `hello/tour.md`.
fn name(path: &Path) -> String {
    let parts: Vec<_> =
        path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect();
    format!("{}/{}", parts[1], parts[0])
}

/// Copies a repository without what was built in it.
fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from)
        .into_iter()
        .filter_entry(|entry| !["dist", "__pycache__"].iter().any(|left_out| entry.file_name() == *left_out))
    {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether pip, which knows how this machine reaches its index, gets an answer from it.
fn network() -> bool {
    let asked = Command::new("python3")
        .args(["-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"])
        .args(["index", "versions", "pex"])
        .stdin(Stdio::null())
        .output();
    asked.is_ok_and(|output| output.status.success())
}

/// Runs the commands of one page.
struct Runner {
    root: PathBuf,
    cache: PathBuf,
    pex_root: PathBuf,
    home_of_tool: PathBuf,
    output: PathBuf,
    redactions: Redactions,
}

impl Runner {
    fn new(scratch: &Path, root: &Path) -> Runner {
        let root = root.canonicalize().unwrap();
        let cache = scratch.canonicalize().unwrap().join("cache");
        let tool = Path::new(env!("CARGO_BIN_EXE_pants"));
        let redactions = Redactions::new(&[(&root, "[ROOT]"), (&cache, "[CACHE]")]);
        Runner {
            output: root.with_extension("output"),
            pex_root: scratch.join("pex_root"),
            home_of_tool: tool.parent().unwrap().to_owned(),
            root,
            cache,
            redactions,
        }
    }

    /// What a command prints on both streams, in order, and its exit code where that is not 0.
    fn run(&self, example: &Example) -> String {
        let file = fs::File::create(&self.output).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("/bin/sh");
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PANTS_") || name.starts_with("PEX_"))
        {
            command.env_remove(name);
        }
        let status = command
            .args(["-c", &example.command])
            .current_dir(&self.root)
            .env("PATH", format!("{}:{path}", self.home_of_tool.display()))
            .env("PANTS_CACHE_DIR", &self.cache)
            .env("PEX_ROOT", &self.pex_root)
            .env("COLUMNS", "80")
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        let printed = fs::read(&self.output).unwrap();
        let mut printed = self.redactions.apply(&String::from_utf8_lossy(&printed));
        if !status.success() {
            let exit = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
            printed.push_str(if printed.is_empty() || printed.ends_with('\n') { "" } else { "\n" });
            printed.push_str(&format!("[exit {exit}]\n"));
        }
        printed
    }
}
