//! What is remembered of an earlier run is never served once something that it was made of has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checkout::{Checkout, report};
use crate::index::Index;

/// The settled state: what was written is older than any clock's grain, and the last run was the same.
fn settle(checkout: &Checkout, arguments: &[&str]) -> Vec<u8> {
    std::thread::sleep(Duration::from_millis(50));
    let output = checkout.command(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let again = checkout.command(arguments).output().unwrap();
    assert_eq!(output.stdout, again.stdout);
    output.stdout
}

fn checkout(test: &str) -> Option<(tempfile::TempDir, Checkout)> {
    let index = Index::start(test)?;
    let dir = tempfile::tempdir().unwrap();
    let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
    checkout.build(&["//one"]);
    Some((dir, checkout))
}

/// A Python 3.11 of this machine.
fn python_3_11() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    let versions = fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let of_pyenv = versions.map(|version| version.path().join("bin"));
    let folders = of_pyenv.chain(std::env::split_paths(&std::env::var_os("PATH")?)).collect::<Vec<_>>();
    let is_shim = |folder: &PathBuf| folder.ends_with("shims");
    folders
        .iter()
        .filter(|folder| !is_shim(folder))
        .map(|folder| folder.join("python3.11"))
        .find(|file| file.is_file())
}

/// The digest of the only artifact.
fn digest(report: &Value) -> String {
    report["artifacts"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_edit_that_follows_a_build_at_once_is_never_missed() {
    let Some((_dir, checkout)) = checkout("an_edit_that_follows_a_build_at_once_is_never_missed") else {
        return;
    };
    let mut digests: BTreeMap<u64, String> = BTreeMap::new();
    let end = Instant::now() + Duration::from_secs(12);
    let mut rounds = 0;
    while Instant::now() < end && rounds < 120 {
        // The same few contents of one length over and over: what is served late shows as the digest of another.
        let content = rounds * 7 % 5;
        checkout.write("one/part3.py", &format!("X = {content}\n"));
        // Now and then the memory of the last run is there before the edit, and now and then it is racy.
        if rounds % 3 == 0 {
            std::thread::sleep(Duration::from_millis(30));
        }
        let found = digest(&checkout.build(&["//one"]));
        let known = digests.entry(content).or_insert_with(|| found.clone());
        assert_eq!(*known, found, "round {rounds}");
        rounds += 1;
    }
    assert_eq!(digests.len(), 5, "{rounds} rounds");
    let different: std::collections::BTreeSet<&String> = digests.values().collect();
    assert_eq!(different.len(), 5);
}

#[test]
fn a_list_is_that_of_the_files_that_there_are() {
    let Some((_dir, checkout)) = checkout("a_list_is_that_of_the_files_that_there_are") else { return };
    let list = ["list", "--files", "::"];
    let before = String::from_utf8(settle(&checkout, &list)).unwrap();
    let listed = || String::from_utf8(settle(&checkout, &list)).unwrap();
    checkout.write("one/new.py", "");
    assert!(listed().contains("//one/new.py:lib"), "a new file");
    checkout.write(".gitignore", "new.py\n");
    assert_eq!(listed(), before, "a file that is ignored");
    fs::remove_file(checkout.root.join(".gitignore")).unwrap();
    assert!(listed().contains("//one/new.py:lib"), "a file that is no longer ignored");
    checkout.write("pants.toml", "[GLOBAL]\npants_ignore = [\"new.py\"]\n");
    assert_eq!(listed(), before, "a file that the configuration ignores");
    fs::remove_file(checkout.root.join("one/new.py")).unwrap();
    checkout.write("new/folder/BUILD", "python_library(sources = [\"*.py\"])\n");
    checkout.write("new/folder/more.py", "");
    assert!(listed().contains("//new/folder:folder\n"), "a new package");
    fs::rename(checkout.root.join("new/folder"), checkout.root.join("new/renamed")).unwrap();
    assert!(listed().contains("//new/renamed:renamed\n"), "a folder with another name");
    fs::remove_dir_all(checkout.root.join("new")).unwrap();
    assert_eq!(listed(), before, "a package that has gone");
    checkout.write("macros.bzl", "NAME = \"first\"\n");
    checkout
        .write("m/BUILD", "load(\"//macros.bzl\", \"NAME\")\nfiles(name = NAME, sources = [\"BUILD\"])\n");
    assert!(listed().contains("//m:first\n"));
    checkout.write("macros.bzl", "NAME = \"other\"\n");
    assert!(listed().contains("//m:other\n"), "a macro");
    checkout.write("m/BUILD", "python_requirements(name = \"reqs\", source = \"r.txt\")\n");
    checkout.write("m/r.txt", "flask\n");
    assert!(listed().contains("//m:reqs#flask\n"));
    checkout.write("m/r.txt", "click\n");
    assert!(listed().contains("//m:reqs#click\n"), "a file of requirements");
}

#[test]
fn an_answer_depends_on_the_lock_the_interpreters_and_the_configuration() {
    let test = "an_answer_depends_on_the_lock_the_interpreters_and_the_configuration";
    let Some((_dir, checkout)) = checkout(test) else { return };
    let Some(real) = python_3_11() else { return println!("skipped: {test}: there is no Python 3.11") };
    let build = ["--output", "json", "binary", "//one"];
    let first = digest(&checkout.build(&["//one"]));
    settle(&checkout, &["binary", "//one"]);
    let lock = String::from_utf8(checkout.read("pants.lock")).unwrap();
    fs::remove_file(checkout.root.join("pants.lock")).unwrap();
    let refused = checkout.command(&build).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stdout).contains("no lock"), "{refused:?}");
    checkout.write("pants.lock", &lock);
    assert_eq!(digest(&checkout.build(&["//one"])), first);
    settle(&checkout, &["binary", "//one"]);
    // What is built for `current` needs its interpreter: without one there is nothing to build for.
    checkout.write(
        "pants.toml",
        "[python]\ninterpreters = [\"3.11\"]\ninterpreter_search_paths = [\"pythons\"]\n",
    );
    let refused = checkout.command(&build).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    fs::create_dir(checkout.root.join("pythons")).unwrap();
    let python = checkout.root.join("pythons/python3.11");
    std::os::unix::fs::symlink(real, &python).unwrap();
    settle(&checkout, &["binary", "//one"]);
    report(&checkout.command(&build).output().unwrap());
    fs::remove_file(&python).unwrap();
    let refused = checkout.command(&build).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "an interpreter that has gone is missed: {refused:?}");
}

#[test]
fn what_is_remembered_and_damaged_is_as_good_as_forgotten() {
    let test = "what_is_remembered_and_damaged_is_as_good_as_forgotten";
    let Some((_dir, checkout)) = checkout(test) else { return };
    let listed = settle(&checkout, &["list", "::"]);
    settle(&checkout, &["binary", "//one"]);
    let files = || walkdir::WalkDir::new(&checkout.cache).into_iter().map(|entry| entry.unwrap().into_path());
    let database = files().find(|path| path.ends_with("store.db")).unwrap();
    let connection = rusqlite::Connection::open(database).unwrap();
    let damage_row = |space: &str| {
        let cut = "UPDATE entry SET value = CAST(substr(value, 1, length(value) - 3) || x'ff00ff' AS BLOB) WHERE space = ?1";
        connection.execute(cut, [space]).unwrap()
    };
    let damage_file = |table: &str| {
        let of_table = |path: &PathBuf| {
            path.parent().is_some_and(|folder| folder.ends_with("snapshot"))
                && path.file_name().unwrap().to_string_lossy().starts_with(table)
        };
        let found: Vec<PathBuf> = files().filter(of_table).collect();
        for path in &found {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 0xff;
            fs::write(path, bytes).unwrap();
        }
        found.len()
    };
    for table in ["workspace", "sources", "graph", "loader", "memo:request"] {
        let damaged = if table.starts_with("memo:") { damage_row(table) } else { damage_file(table) };
        assert!(damaged > 0, "nothing is remembered as `{table}`");
        assert_eq!(checkout.command(&["list", "::"]).output().unwrap().stdout, listed, "{table}");
        let built = checkout.build(&["//one"]);
        assert_eq!(built["actions_run"], 0, "{table}");
        settle(&checkout, &["list", "::"]);
        settle(&checkout, &["binary", "//one"]);
    }
}

#[test]
fn what_a_link_leads_to_may_come_and_go() {
    let Some((dir, checkout)) = checkout("what_a_link_leads_to_may_come_and_go") else { return };
    let beyond = dir.path().join("generated.py");
    std::os::unix::fs::symlink(&beyond, checkout.root.join("one/generated.py")).unwrap();
    let list = ["list", "--files", "//one:lib"];
    let listed = || String::from_utf8(settle(&checkout, &list)).unwrap().contains("generated.py");
    assert!(!listed(), "it leads nowhere");
    fs::write(&beyond, "X = 1\n").unwrap();
    assert!(listed(), "the file is there now");
    fs::remove_file(&beyond).unwrap();
    assert!(!listed(), "the file has gone again");
}

#[test]
fn what_was_said_is_said_again() {
    let Some((_dir, checkout)) = checkout("what_was_said_is_said_again") else { return };
    checkout.write("macros.bzl", "print(\"loaded\")\nNAME = \"x\"\n");
    checkout.write(
        "m/BUILD",
        "load(\"//macros.bzl\", \"NAME\")\nprint(\"read\")\nfiles(name = NAME, sources = [\"BUILD\"])\n",
    );
    settle(&checkout, &["list", "::"]);
    settle(&checkout, &["binary", "//one"]);
    for arguments in [["list", "::"], ["binary", "//one"]] {
        for run in 0..3 {
            let said = checkout.command(&arguments).output().unwrap().stderr;
            let said = String::from_utf8(said).unwrap();
            for message in ["m/BUILD:2:1: read\n", "macros.bzl:1:1: loaded\n"] {
                assert_eq!(said.matches(message).count(), 1, "{arguments:?}, run {run}: {said}");
            }
        }
    }
}

#[test]
fn another_program_reads_for_itself() {
    let Some((dir, checkout)) = checkout("another_program_reads_for_itself") else { return };
    settle(&checkout, &["binary", "//one"]);
    let other = dir.path().join("other-pants");
    fs::copy(env!("CARGO_BIN_EXE_pants"), &other).unwrap();
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-e", "trace=openat", "-o"]).arg(dir.path().join("trace")).arg(&other);
    command.args(["list", "::"]).current_dir(&checkout.root);
    command.env("PANTS_CACHE_DIR", &checkout.cache);
    match command.output() {
        Err(_) => return println!("skipped: another_program_reads_for_itself: there is no strace"),
        Ok(output) => assert!(output.status.success(), "{output:?}"),
    }
    let trace = fs::read_to_string(dir.path().join("trace")).unwrap();
    assert!(trace.contains("one/BUILD"), "it trusted what the first had read");
}
