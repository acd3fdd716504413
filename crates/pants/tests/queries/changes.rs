//! What edits of files affect, each in a repository of its own: no less, and no more.

use std::fs;

use crate::git::{SERVICE, affected, check, commit, git, repository};
use crate::repository::Repository;

fn replace(repository: &Repository, path: &str, old: &str, new: &str) {
    let text = String::from_utf8(repository.read(path)).unwrap();
    assert!(text.contains(old), "{path} has no {old:?}");
    repository.write(path, text.replace(old, new));
}

fn remove(repository: &Repository, path: &str) {
    fs::remove_file(repository.root().join(path)).unwrap();
}

#[test]
fn contents_of_files() {
    let users = "//svc:app //svc:lib //util:util";
    check(&|at| at.write("util/util.py", "x = 1\n"), "//util:util", users);
    check(&|at| at.write("svc/more.py", "x = 1\n"), "//svc:lib", "//svc:app //svc:lib");
    check(&|at| at.write("alone/deep/a.txt", "x"), "//alone:data", "//alone:data");
    check(&|at| at.write("notes.txt", "nobody has it"), "", "");
    // What is only touched is the same.
    check(&|at| at.write("util/util.py", ""), "", "");
}

#[test]
fn descriptions_of_platforms() {
    let repository = repository(SERVICE);
    repository.write("svc/machine.json", "{}");
    replace(&repository, "svc/BUILD", "\"main.py\"", "\"main.py\", platforms = [\"machine.json\"]");
    commit(&repository);
    assert_eq!(affected(&repository, &[]), "");
    repository.write("svc/machine.json", "{ }");
    assert_eq!(affected(&repository, &[]), "//svc:app");
}

#[test]
fn new_files_and_gone_ones() {
    check(&|at| at.write("alone/new.py", ""), "//alone:alone", "//alone:alone");
    check(&|at| at.write("alone/deep/er/b.txt", ""), "//alone:data", "//alone:data");
    check(&|at| remove(at, "svc/more.py"), "//svc:lib", "//svc:app //svc:lib");
    let renamed = |at: &Repository| {
        git(&at.root(), &["mv", "svc/more.py", "alone/more.py"]);
    };
    check(&renamed, "//alone:alone //svc:lib", "//alone:alone //svc:app //svc:lib");
    let folder = |at: &Repository| {
        at.write("extra/BUILD", "python_library(sources = [\"*.py\"], dependencies = [\"//util\"])\n");
        at.write("extra/a.py", "");
    };
    check(&folder, "//extra:extra", "//extra:extra");
    let gone = |at: &Repository| fs::remove_dir_all(at.root().join("alone")).unwrap();
    check(&gone, "", "");
}

#[test]
fn names_that_are_hard_to_quote() {
    let strange = |at: &Repository| {
        for name in ["alone/a b\"'.py", "alone/\u{e9}\n.py", "alone/-n.py", "alone/:(top).py"] {
            at.write(name, "");
        }
    };
    check(&strange, "//alone:alone", "//alone:alone");
    let repository = repository(SERVICE);
    strange(&repository);
    commit(&repository);
    repository.write("alone/\u{e9}\n.py", "x = 1");
    assert_eq!(affected(&repository, &[]), "//alone:alone");
}

#[test]
fn build_files_count_by_what_they_mean() {
    check(&|at| replace(at, "util/BUILD", "python_library(", "# Ours.\npython_library(\n    "), "", "");
    let reordered = |at: &Repository| {
        replace(
            at,
            "svc/BUILD",
            "\"//util\", \"//3rdparty:reqs#flask\"",
            "\"//3rdparty:reqs#flask\", \"//util\"",
        );
    };
    check(&reordered, "", "");
    let by_default =
        |at: &Repository| replace(at, "svc/BUILD", "\"main.py\"", "\"main.py\", layout = \"zipapp\"");
    check(&by_default, "", "");
    let only_one =
        |at: &Repository| replace(at, "svc/BUILD", "\"main.py\"", "\"main.py\", layout = \"packed\"");
    check(&only_one, "//svc:app", "//svc:app");
    let users = "//svc:app //svc:lib //util:util";
    check(&|at| replace(at, "util/BUILD", "[\"core\"]", "[]"), "//util:util", users);
    check(&|at| replace(at, "util/BUILD", "\"*.py\"", "\"util.py\""), "", "");
    let renamed = |at: &Repository| replace(at, "alone/BUILD", "\"data\"", "\"texts\"");
    check(&renamed, "//alone:texts", "//alone:texts");
    let moved = |at: &Repository| {
        git(&at.root(), &["mv", "util/BUILD", "util/BUILD.pants"]);
    };
    check(&moved, "", "");
}

#[test]
fn macros_count_by_what_they_make() {
    check(&|at| replace(at, "tools/macros.bzl", "def", "# Makes workers.\ndef"), "", "");
    check(&|at| replace(at, "tools/macros.bzl", "\"1\"", "\"2\""), "//svc:worker", "//svc:worker");
    let unused = |at: &Repository| at.write("tools/other.bzl", "X = 1\n");
    check(&unused, "", "");
}

#[test]
fn requirements_count_by_their_lines() {
    check(&|at| at.write("3rdparty/requirements.txt", "# Ours.\nrich==13.0.0\nflask==3.0.3\n"), "", "");
    let rich = |at: &Repository| replace(at, "3rdparty/requirements.txt", "13.0.0", "13.1.0");
    check(&rich, "//3rdparty:reqs#rich", "//3rdparty:reqs //3rdparty:reqs#rich");
    let flask = |at: &Repository| replace(at, "3rdparty/requirements.txt", "3.0.3", "3.1.0");
    check(&flask, "//3rdparty:reqs#flask", "//3rdparty:reqs //3rdparty:reqs#flask //svc:app //svc:lib");
}

#[test]
fn what_depended_on_something_gone_is_affected() {
    let repository = repository(SERVICE);
    repository.write("svc/work.py", "");
    commit(&repository);
    // The worker starts a module, which is its only tie to the library.
    remove(&repository, "svc/work.py");
    let direct = ["--changed-dependents", "direct"];
    assert_eq!(affected(&repository, &["--changed-dependents", "none"]), "//svc:lib");
    assert_eq!(affected(&repository, &direct), "//svc:lib //svc:worker");
    let said = repository.run(&["affected", "--output", "json"]);
    assert!(said.stdout.contains("it depended on //svc/work.py:lib, which is gone"), "{}", said.stdout);
}

#[test]
fn what_cannot_be_told_counts_for_all_and_is_said() {
    let everything = "//3rdparty:reqs //3rdparty:reqs#flask //3rdparty:reqs#rich //alone:alone //alone:data //svc:app \
                      //svc:lib //svc:worker //util:util";
    let setting = |at: &Repository| at.write("pants.toml", "[python]\ninterpreters = [\"3.11\"]\n");
    check(&setting, everything, everything);
    check(&|at| at.write("pants.toml", "# Ours.\n[GLOBAL]\njobs = 3\n"), "", "");
    check(&|at| at.write("alone/.gitignore", "*.log\n"), "", "");
    // A file of a target is hidden though git tracks it.
    let hidden = |at: &Repository| {
        at.write("alone/deep/more.txt", "");
        commit(at);
        at.write("alone/.gitignore", "deep/a.txt\n");
    };
    check(&hidden, "//alone:alone //alone:data", "//alone:alone //alone:data");
    let repository = repository(SERVICE);
    repository.write("util/BUILD", "python_library(sources = nonsense)\n");
    commit(&repository);
    repository.write("util/BUILD", "python_library(sources = [\"*.py\"])\n");
    let said = repository.run(&["affected", "--changed-dependents", "none"]);
    assert_eq!(said.stdout, "//util:util\n");
    assert_eq!(
        said.stderr,
        "all targets that this may concern count as changed: the BUILD file of `util` could not be evaluated as it was\n"
    );
}

#[test]
fn other_goals_take_what_changed() {
    let repository = repository(SERVICE);
    repository.write("util/util.py", "x = 1\n");
    repository.write("alone/alone.py", "x = 1\n");
    let check = |arguments: &[&str], expected: &str| {
        let said = repository.run(arguments);
        assert_eq!(
            (said.code, said.stdout.lines().collect::<Vec<_>>().join(" ").as_str()),
            (0, expected),
            "{said:?}"
        );
    };
    let since = "--changed-since=HEAD";
    check(&["list", since], "//alone:alone //util:util");
    check(&["list", since, "--changed-dependents=direct"], "//alone:alone //svc:lib //util:util");
    check(&["list", since, "alone::", "svc::"], "//alone:alone");
    check(&["list", since, "--tag=core,other"], "//util:util");
    check(&["list", since, "--tag=-core,other"], "//alone:alone");
    check(&["list", since, "--exclude=util::"], "//alone:alone");
    check(&["dependents", since], "//svc:lib");
    check(&["filedeps", since], "alone/alone.py util/util.py");
    check(&["affected", "--type=python_binary"], "//svc:app");
    check(&["binary", since], "");
    let matrix = repository.run(&["affected", "--output=matrix", "--groups=2"]);
    assert_eq!(
        matrix.stdout,
        "{\"include\":[{\"group\":1,\"count\":2,\"targets\":\"//alone:alone //svc:app\"},\
         {\"group\":2,\"count\":2,\"targets\":\"//svc:lib //util:util\"}]}\n"
    );
}
