//! Versions that come from tags of git, also in answers that are remembered.

use std::process::Command;

use crate::repository::{Repository, skipped};

const BUILD: &str = "python_library(name = \"lib\", sources = [\"one.py\"])\n\
    python_distribution(name = \"dist\", dependencies = [\":lib\"], sdist = False, \
    provides = python_artifact(name = \"one\"), version_from_vcs = \"one-{version}\")\n";

fn git(repository: &Repository, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false"]);
    let said = command.args(arguments).current_dir(repository.root()).output().unwrap();
    assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[test]
fn versions_follow_tags_and_commits() {
    if Command::new("git").arg("--version").output().is_err() {
        return skipped("versions_follow_tags_and_commits", "there is no git");
    }
    let repository =
        Repository::new(&[("pants.toml", ""), ("BUILD", BUILD), ("one.py", ""), (".gitignore", "dist/\n")]);
    let package = || {
        let said = repository.run(&["-q", "package", "::"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout.trim().to_owned()
    };
    git(&repository, &["init", "-q"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-q", "-m", "one"]);
    let said = repository.run(&["package", "::"]);
    let message = "error[distribution::no_version]: the version of `//:dist` cannot be told: HEAD descends from no tag \
        like `one-[0-9]*`\n";
    assert!(said.code == 2 && said.stderr.starts_with(message), "{}", said.stderr);
    git(&repository, &["tag", "one-1.0"]);
    git(&repository, &["tag", "v9.9"]);
    assert_eq!(package(), "dist/one-1.0-py3-none-any.whl");
    assert_eq!(package(), "dist/one-1.0-py3-none-any.whl");
    // No file of the graph differs, and the remembered answer does not hold.
    git(&repository, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let commit = &git(&repository, &["rev-parse", "HEAD"])[..9];
    assert_eq!(package(), format!("dist/one-1.1.dev1+g{commit}-py3-none-any.whl"));
    repository.write(".gitignore", "dist/\n# more\n");
    assert_eq!(package(), format!("dist/one-1.1.dev1+g{commit}.dirty-py3-none-any.whl"));
    git(&repository, &["checkout", "-q", "."]);
    git(&repository, &["tag", "one-1.1rc1"]);
    assert_eq!(package(), "dist/one-1.1rc1-py3-none-any.whl");
}
