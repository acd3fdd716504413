//! `pants lint` and its kin by the finished program, with real tools: what they find, what is remembered, what is written.
//!
//! A test that needs what a machine may lack (the index) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod check;
mod fmt;
mod lint;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;

use std::process::Command;

use serde_json::Value;

use crate::repository::{Repository, skipped};

/// A library and a service, which tools of a resolve of their own look at; more of `pants.toml` follows the resolves.
fn shop(test: &str, tools: &[&str], configuration: &str) -> Option<Repository> {
    let repository = Repository::new(&[
        ("lib/BUILD", "python_library()\n"),
        ("lib/__init__.py", ""),
        ("lib/sums.py", "def add(a: int, b: int) -> int:\n    return a + b\n"),
        ("svc/BUILD", "python_library()\n"),
        ("svc/app.py", "import os\n\nfrom lib.sums import add\n\n\ndef three():\n    return add(1, 2)\n"),
    ]);
    let requirements = tools.iter().map(|tool| {
        format!("python_requirement(name = \"{tool}\", requirements = [\"{tool}\"], resolve = \"tools\")\n")
    });
    repository.write("BUILD", requirements.collect::<String>());
    let resolves = "[python]\ndefault_resolve = \"default\"\n\n[python.resolves]\ndefault = \"pants.lock\"\ntools = \"tools.lock\"\n";
    repository.write("pants.toml", format!("{resolves}\n{configuration}"));
    let (code, said) = run(&repository, &["-q", "lock"]);
    if code == 3 {
        skipped(test, &said);
        return None;
    }
    assert_eq!(code, 0, "{said}");
    Some(repository)
}

/// A command that knows the index of this machine.
fn online(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
    command.args(arguments).current_dir(repository.root()).env("PANTS_CACHE_DIR", repository.cache());
    command.env_remove("GITHUB_ACTIONS");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exit code, and all that was said.
fn run(repository: &Repository, arguments: &[&str]) -> (i32, String) {
    let said = online(repository, arguments).output().unwrap();
    (said.status.code().unwrap(), text(&said.stdout) + &text(&said.stderr))
}

/// The exit code, and the answer.
fn answer(repository: &Repository, arguments: &[&str]) -> (i32, String) {
    let said = online(repository, arguments).output().unwrap();
    (said.status.code().unwrap(), text(&said.stdout))
}

/// The report of a goal.
fn report(repository: &Repository, arguments: &[&str]) -> Value {
    let said = online(repository, &[&["--output", "json"], arguments].concat()).output().unwrap();
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&said.stderr)))
}
