//! Virtualenvs with tools of the package index.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::repository::{Repository, skipped};

/// A virtualenv in a folder, with these; none, said by the test's name, where they cannot be had.
pub(crate) fn virtualenv(test: &str, folder: &Path, packages: &[&str]) -> Option<PathBuf> {
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).output();
    if !made.is_ok_and(|made| made.status.success()) {
        skipped(test, "python3 makes no virtualenvs");
        return None;
    }
    let bin = folder.join("bin");
    if packages.is_empty() {
        return Some(bin);
    }
    let installed = pip(&bin, &[&["install"], packages].concat());
    if !installed.status.success() {
        skipped(test, &format!("pip cannot install {}", packages.join(", ")));
        return None;
    }
    Some(bin)
}

/// Runs pip.
pub(crate) fn pip(bin: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(bin.join("pip"));
    command.args(["--quiet", "--disable-pip-version-check"]).args(arguments).output().unwrap()
}

/// Runs a command, which has to succeed, and gives what it prints.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let said = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{command:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// A command `pants` that knows the index of this machine, unlike those of [`Repository::command`].
pub(crate) fn online(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
    command.args(arguments).current_dir(repository.root()).env("PANTS_CACHE_DIR", repository.cache());
    command
}
