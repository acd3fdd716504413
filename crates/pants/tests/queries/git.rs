//! A repository under git, and what a change of it affects.

use std::path::Path;
use std::process::Command;

use crate::repository::Repository;

/// A small service with everything that a change may concern.
pub(crate) const SERVICE: &[(&str, &str)] = &[
    ("pants.toml", ""),
    (
        "svc/BUILD",
        "load(\"//tools/macros.bzl\", \"worker\")\n\
         python_library(name = \"lib\", sources = [\"*.py\"], dependencies = [\"//util\", \"//3rdparty:reqs#flask\"])\n\
         python_binary(name = \"app\", entry_point = \"main.py\")\n\
         worker(name = \"worker\")\n",
    ),
    ("svc/main.py", ""),
    ("svc/more.py", ""),
    ("util/BUILD", "python_library(sources = [\"*.py\"], tags = [\"core\"])\n"),
    ("util/util.py", ""),
    (
        "alone/BUILD",
        "python_library(sources = [\"*.py\"])\nresources(name = \"data\", sources = [\"**/*.txt\"])\n",
    ),
    ("alone/alone.py", ""),
    ("alone/deep/a.txt", ""),
    ("3rdparty/BUILD", "python_requirements(name = \"reqs\", source = \"requirements.txt\")\n"),
    ("3rdparty/requirements.txt", "flask==3.0.3\nrich==13.0.0\n"),
    (
        "tools/macros.bzl",
        "def worker(name):\n    python_binary(name = name, entry_point = \"svc.work\", args = [\"1\"])\n",
    ),
];

/// A repository whose first commit has these files.
pub(crate) fn repository(files: &[(&str, &str)]) -> Repository {
    let repository = Repository::new(files);
    git(&repository.root(), &["init", "--quiet", "--initial-branch=main"]);
    commit(&repository);
    repository
}

/// Runs git in a folder, the same for everybody.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits all that there is.
pub(crate) fn commit(repository: &Repository) {
    git(&repository.root(), &["add", "--all"]);
    git(&repository.root(), &["commit", "--quiet", "--allow-empty", "--message", "change"]);
}

/// What `pants affected` prints with some options, on one line.
pub(crate) fn affected(repository: &Repository, options: &[&str]) -> String {
    let said = repository.run(&[&["affected"], options].concat());
    assert_eq!(said.code, 0, "{options:?}: {}", said.stderr);
    said.stdout.lines().collect::<Vec<_>>().join(" ")
}

/// Checks what differs by itself, and what is affected with dependents, and takes the edits back.
#[track_caller]
pub(crate) fn check(edit: &dyn Fn(&Repository), changed: &str, transitive: &str) {
    let repository = repository(SERVICE);
    edit(&repository);
    let none = affected(&repository, &["--changed-dependents", "none"]);
    assert_eq!(none, changed, "without dependents");
    assert_eq!(affected(&repository, &[]), transitive, "with dependents");
    commit(&repository);
    assert_eq!(affected(&repository, &[]), "", "since the last commit");
    assert_eq!(affected(&repository, &["--changed-since", "HEAD~1"]), transitive, "since the commit before");
}
