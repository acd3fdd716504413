//! Which revision a change is counted from, and what git cannot answer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::git::{SERVICE, affected, commit, git, repository};
use crate::repository::Repository;

#[track_caller]
fn check_refused(repository: &Repository, revision: &str, expected: &str) {
    let said = repository.run(&["list", &format!("--changed-since={revision}")]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (2, "", expected), "{revision}");
}

#[test]
fn a_change_is_counted_from_where_branches_part() {
    let repository = repository(SERVICE);
    let root = repository.root();
    git(&root, &["checkout", "--quiet", "-b", "topic"]);
    repository.write("alone/alone.py", "x = 1\n");
    commit(&repository);
    git(&root, &["checkout", "--quiet", "main"]);
    repository.write("util/util.py", "x = 1\n");
    commit(&repository);
    git(&root, &["checkout", "--quiet", "topic"]);
    assert_eq!(affected(&repository, &["--changed-since", "main"]), "//alone:alone");
    assert_eq!(affected(&repository, &["--changed-since", "HEAD"]), "");
    git(&root, &["tag", "v1", "HEAD~1"]);
    assert_eq!(affected(&repository, &["--changed-since", "v1"]), "//alone:alone");
    // A staged edit that is taken back in the folder is none.
    repository.write("util/util.py", "y = 1\n");
    git(&root, &["add", "util/util.py"]);
    assert_eq!(affected(&repository, &["--changed-dependents", "none"]), "//util:util");
    repository.write("util/util.py", "");
    assert_eq!(affected(&repository, &[]), "");
    // What git has forgotten is there all the same.
    git(&root, &["rm", "--quiet", "--cached", "--force", "util/util.py"]);
    repository.write("util/util.py", "z = 1\n");
    assert_eq!(affected(&repository, &["--changed-dependents", "none"]), "//util:util");
}

#[test]
fn revisions_that_are_not_there() {
    let repository = repository(SERVICE);
    git(&repository.root(), &["branch", "release-2.0"]);
    check_refused(
        &repository,
        "release-20",
        "error[changed::unknown_revision]: git knows no revision `release-20`\n |\n = help: did you mean `release-2.0`?\n",
    );
    check_refused(
        &repository,
        "--all",
        "error[changed::unknown_revision]: git knows no revision `--all`\n |\n \
         = help: `git branch --all` and `git tag` list the names that it knows\n",
    );
    check_refused(
        &repository,
        "HEAD:util",
        "error[changed::unknown_revision]: git knows no revision `HEAD:util`\n |\n \
         = help: `git branch --all` and `git tag` list the names that it knows\n",
    );
    git(&repository.root(), &["checkout", "--quiet", "--orphan", "other"]);
    repository.write("alone/alone.py", "x = 1\n");
    commit(&repository);
    check_refused(
        &repository,
        "main",
        "error[changed::no_merge_base]: `main` and `HEAD` have no commit in common\n",
    );
}

#[test]
fn folders_without_git_and_without_commits() {
    let bare = Repository::new(SERVICE);
    check_refused(
        &bare,
        "main",
        "error[changed::no_repository]: `.` is in no git repository, and what changed is asked of git\n |\n \
         = help: name targets instead of `--changed-since`\n",
    );
    git(&bare.root(), &["init", "--quiet", "--initial-branch=main"]);
    check_refused(
        &bare,
        "HEAD",
        "error[changed::no_commit]: the repository has no commit yet, so nothing can have changed since one\n",
    );
    let mut without = repository(SERVICE);
    without.env.insert("PATH".to_owned(), "/nowhere".to_owned());
    let said = without.run(&["list", "--changed-since", "HEAD"]);
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("error[changed::git]: cannot run `git`"), "{}", said.stderr);
}

#[test]
fn a_shallow_clone_is_told_from_a_wrong_name() {
    let origin = repository(SERVICE);
    origin.write("util/util.py", "x = 1\n");
    commit(&origin);
    let clone = Repository::new(&[]);
    fs::remove_dir_all(clone.root()).unwrap();
    let from = format!("file://{}", origin.root().display());
    let to = clone.root().display().to_string();
    git(&origin.root(), &["clone", "--quiet", "--depth=1", &from, &to]);
    check_refused(
        &clone,
        "HEAD~1",
        "error[changed::unknown_revision]: git knows no revision `HEAD~1`\n |\n \
         = note: the clone is shallow: older commits, and where branches part, are not in it\n \
         = help: `git fetch --unshallow` brings them; a CI job asks for them when it clones, such as with \
         `fetch-depth: 0`\n",
    );
    clone.write("alone/alone.py", "x = 1\n");
    assert_eq!(affected(&clone, &["--changed-since", "HEAD"]), "//alone:alone");
    git(&clone.root(), &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(
        affected(&clone, &["--changed-since", "HEAD~1", "--type=python_library"]),
        "//alone:alone //svc:lib //util:util"
    );
}

#[test]
fn worktrees_and_roots_below_the_top() {
    let repository = repository(SERVICE);
    let tree = repository.beside("tree");
    git(&repository.root(), &["worktree", "add", "--quiet", "-b", "topic", &tree.display().to_string()]);
    fs::write(tree.join("alone/alone.py"), "x = 1\n").unwrap();
    let root = tree.display().to_string();
    assert_eq!(affected(&repository, &["--root", &root, "--changed-since", "main"]), "//alone:alone");
    assert_eq!(affected(&repository, &["--changed-since", "main"]), "");
    // A root of its own inside the repository, with edits in it and beside it.
    repository.write("inner/pants.toml", "");
    repository.write("inner/lib/BUILD", "python_library()\n");
    repository.write("inner/lib/a.py", "");
    commit(&repository);
    repository.write("inner/lib/a.py", "x = 1\n");
    repository.write("util/util.py", "x = 1\n");
    assert_eq!(affected(&repository, &["--root", "inner"]), "//lib:lib");
    repository.write("inner/lib/BUILD", "# Ours.\npython_library()\n");
    repository.write("inner/lib/a.py", "");
    assert_eq!(affected(&repository, &["--root", "inner"]), "");
}

#[test]
fn submodules_are_looked_into() {
    let other = repository(&[
        ("pants.toml", ""),
        ("BUILD", "python_library(name = \"theirs\")\n"),
        ("theirs.py", ""),
    ]);
    let repository = repository(SERVICE);
    let root = repository.root();
    git(&root, &["submodule", "--quiet", "add", &other.root().display().to_string(), "vendor/other"]);
    assert_eq!(affected(&repository, &[]), "//vendor/other:theirs");
    commit(&repository);
    assert_eq!(affected(&repository, &[]), "");
    repository.write("vendor/other/theirs.py", "x = 1\n");
    assert_eq!(affected(&repository, &[]), "//vendor/other:theirs");
    git(&root.join("vendor/other"), &["commit", "--quiet", "--all", "--message", "change"]);
    assert_eq!(affected(&repository, &[]), "//vendor/other:theirs");
    commit(&repository);
    assert_eq!(affected(&repository, &[]), "");
    assert_eq!(affected(&repository, &["--changed-since", "HEAD~1"]), "//vendor/other:theirs");
    repository.write("vendor/other/BUILD", "# Ours.\npython_library(name = \"theirs\")\n");
    assert_eq!(affected(&repository, &[]), "");
}

#[test]
fn the_configuration_of_git_changes_nothing() {
    let repository = repository(SERVICE);
    let root = repository.root();
    let hook = repository.beside("hook");
    fs::write(&hook, "#!/bin/sh\necho hooked >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let hook = hook.display().to_string();
    for (key, value) in [
        ("diff.external", hook.as_str()),
        ("core.fsmonitor", &hook),
        ("core.pager", &hook),
        ("core.quotePath", "true"),
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.renames", "copies"),
        ("diff.ignoreSubmodules", "all"),
        ("diff.relative", "false"),
        ("status.showUntrackedFiles", "no"),
    ] {
        git(&root, &["config", key, value]);
    }
    git(&root, &["mv", "svc/more.py", "alone/more.py"]);
    repository.write("util/\u{e9}.py", "");
    let index = fs::read(root.join(".git/index")).unwrap();
    let said = repository.run(&["affected", "--changed-dependents=none"]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("//alone:alone\n//svc:lib\n//util:util\n", ""));
    assert_eq!(fs::read(root.join(".git/index")).unwrap(), index, "the index was written");
}
