//! Asks git, the same whatever its configuration says; it does not know what is done with the answers.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;

/// What git would otherwise be told by whoever runs this tool, such as a hook of another repository.
const VARIABLES: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// Settings of git that would change what it answers, or run something.
const SETTINGS: &[&str] = &[
    "core.quotePath=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "diff.autoRefreshIndex=true",
    "color.ui=false",
];

/// Git in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    pub(super) folder: PathBuf,
    /// Whether git may fetch what a partial clone left out.
    offline: bool,
}

impl Git {
    pub(crate) fn new(folder: PathBuf, offline: bool) -> Git {
        Git { folder, offline }
    }

    /// The same in another folder, which may be relative to this one.
    pub(super) fn at(&self, folder: impl AsRef<Path>) -> Git {
        Git { folder: self.folder.join(folder), offline: self.offline }
    }

    /// What a command prints; fails with what git says.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Diagnostic> {
        let output = self.run(arguments, Stdio::null())?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(arguments, &output)) }
    }

    /// The same, or none if it fails.
    pub(super) fn try_ask(&self, arguments: &[&str]) -> Result<Option<Vec<u8>>, Diagnostic> {
        let output = self.run(arguments, Stdio::null())?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// What a command prints as one line.
    pub(super) fn line(&self, arguments: &[&str]) -> Result<Option<String>, Diagnostic> {
        let printed = self.try_ask(arguments)?;
        Ok(printed.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()))
    }

    /// How a command ends and what it prints.
    pub(crate) fn run(&self, arguments: &[&str], input: Stdio) -> Result<Output, Diagnostic> {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("-C").arg(&self.folder);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments).stdin(input);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        if self.offline {
            command.env("GIT_NO_LAZY_FETCH", "1");
        }
        command.output().map_err(|error| {
            Diagnostic::error(Exit::Environment, "changed::git", format!("cannot run `git`: {error}"))
                .help(Some("what changed is asked of git: install it, or name targets instead"))
        })
    }

    /// The contents of objects, in the order of their names; none for what is no blob that git has.
    pub(super) fn contents(&self, objects: &[&str]) -> Result<Vec<Option<Vec<u8>>>, Diagnostic> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let asked = || -> std::io::Result<std::fs::File> {
            let mut file = tempfile::tempfile()?;
            file.write_all(objects.join("\n").as_bytes())?;
            file.write_all(b"\n")?;
            file.rewind()?;
            Ok(file)
        };
        let input = asked().map_err(|error| {
            let message = format!("cannot write a temporary file: {error}");
            Diagnostic::error(Exit::Environment, "changed::temporary", message)
        })?;
        let arguments = ["cat-file", "--batch"];
        let output = self.run(&arguments, Stdio::from(input))?;
        if !output.status.success() {
            return Err(failed(&arguments, &output));
        }
        let mut rest = output.stdout.as_slice();
        let mut contents = Vec::with_capacity(objects.len());
        for _ in objects {
            contents.push(next_content(&mut rest));
        }
        Ok(contents)
    }
}

/// The next of what `cat-file --batch` prints: `NAME TYPE SIZE`, the content, a newline; or `NAME missing`.
fn next_content(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    let mut words = head.split(' ').skip(1);
    let kind = words.next()?;
    let size: usize = words.next()?.parse().ok()?;
    let content = rest.get(..size)?.to_vec();
    *rest = rest.get(size + 1..).unwrap_or_default();
    (kind == "blob").then_some(content)
}

fn failed(arguments: &[&str], output: &Output) -> Diagnostic {
    let message = format!("`git {}` failed", arguments.first().copied().unwrap_or_default());
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(5);
    said.fold(Diagnostic::error(Exit::Environment, "changed::git", message), Diagnostic::note)
}

/// The repository of a folder, and how it is asked.
pub(super) fn open(root: &Path, offline: bool, environment: &Environment) -> Result<Git, Diagnostic> {
    let git = Git::new(root.to_owned(), offline);
    let arguments = ["rev-parse", "--is-inside-work-tree"];
    let output = git.run(&arguments, Stdio::null())?;
    if output.status.success() && output.stdout.starts_with(b"true") {
        return Ok(git);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() && !said.contains("not a git repository") {
        return Err(failed(&arguments, &output));
    }
    let shown = crate::session::shown(root, &environment.folder);
    let shown = if shown.is_empty() { ".".to_owned() } else { shown };
    let message = format!("`{shown}` is in no git repository, and what changed is asked of git");
    Err(Diagnostic::error(Exit::Wrong, "changed::no_repository", message)
        .help(Some("name targets instead of `--changed-since`")))
}
