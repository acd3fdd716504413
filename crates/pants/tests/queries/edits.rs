//! A run after an edit answers as one that has never seen the repository, and does no more than the edit asks for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use crate::random::Random;
use crate::repository::{Repository, Said};

/// Longer than any clock's grain, so that what was written before can be relied upon.
const SETTLED: Duration = Duration::from_millis(50);
const ROUNDS: usize = 24;

fn repository() -> Repository {
    Repository::new(&[
        ("pants.toml", ""),
        ("BUILD", "python_requirement(name = \"web\", requirements = [\"web\"])\n"),
        (
            "a/BUILD",
            "python_library()\npython_test(name = \"tests\")\npython_binary(name = \"app\", entry_point = \"m0.py\")\n",
        ),
        ("a/__init__.py", ""),
        ("a/m0.py", "import a.m1\n"),
        ("a/m1.py", "import b.m0\n"),
        ("a/m_test.py", "import a.m0\n"),
        ("b/BUILD", "python_library()\n"),
        ("b/m0.py", "import web\n"),
        ("b/m1.py", "import a.m0\n"),
    ])
}

/// What the snapshots of a table are: another one after each write.
fn written(repository: &Repository, table: &str) -> Vec<(u64, i64)> {
    let folder = fs::read_dir(repository.cache().join("v1/blake3/db2/1/snapshot")).unwrap().flatten();
    let of_table = folder.filter(|entry| entry.file_name().to_string_lossy().starts_with(table));
    of_table.map(|entry| entry.metadata().unwrap()).map(|found| (found.ino(), found.ctime_nsec())).collect()
}

fn answers(repository: &Repository, cache: &str) -> Vec<(i32, String, String)> {
    let said = |arguments: &[&str]| {
        let Said { code, stdout, stderr } = repository.run(&[&["--cache-dir", cache], arguments].concat());
        (code, stdout, stderr)
    };
    vec![
        said(&["peek", "::"]),
        said(&["dependencies", "--transitive", "//a:app", "//b"]),
        said(&["list", "--files", "::"]),
    ]
}

/// A text with some imports, of modules that are there, of third parties and, now and then, of nothing.
fn module(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(4) {
        let rare = random.once_in(6);
        let name = if rare {
            "nowhere"
        } else {
            *random.pick(&["a.m0", "a.m1", "a.m2", "b.m0", "b.m1", "web", "a", "json"])
        };
        text.push_str(&format!("import {name}\n"));
    }
    text
}

#[test]
fn every_edit_shows_as_if_nothing_were_remembered() {
    let repository = repository();
    let mut random = Random::new(7);
    let cache = repository.cache().display().to_string();
    let paths = [
        "a/__init__.py",
        "a/m0.py",
        "a/m1.py",
        "a/m2.py",
        "a/m_test.py",
        "a/conftest.py",
        "b/m0.py",
        "b/m1.py",
    ];
    for round in 0..ROUNDS {
        for _ in 0..=random.below(2) {
            let path = *random.pick(&paths);
            if random.once_in(8) && path != "a/m0.py" {
                drop(fs::remove_file(repository.root().join(path)));
            } else if random.once_in(10) {
                repository.write("b/BUILD", format!("python_library(tags = [\"{round}\"])\n"));
            } else {
                repository.write(path, module(&mut random));
            }
        }
        if random.once_in(2) {
            std::thread::sleep(SETTLED);
        }
        let fresh = repository.beside(&format!("fresh-{round}"));
        let expected = answers(&repository, &fresh.display().to_string());
        assert_eq!(answers(&repository, &cache), expected, "round {round}");
        assert_eq!(answers(&repository, &cache), expected, "round {round}, once more");
        fs::remove_dir_all(fresh).unwrap();
    }
}

#[test]
fn an_edit_of_a_source_loads_nothing_anew() {
    let repository = repository();
    let run = |arguments: &[&str]| {
        std::thread::sleep(SETTLED);
        let said = repository.run(arguments);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        said.stdout
    };
    assert_eq!(run(&["dependencies", "//b"]), "//:web\n//a:a\n");
    let (workspace, sources) = (written(&repository, "workspace"), written(&repository, "sources"));
    assert_eq!((workspace.len(), sources.len()), (1, 1));
    repository.write("b/m0.py", "import json\n");
    assert_eq!(run(&["dependencies", "//b"]), "//a:a\n");
    assert_eq!(written(&repository, "workspace"), workspace, "no BUILD file was looked for");
    let now = written(&repository, "sources");
    assert_ne!(now, sources, "what the edit came to is remembered");
    assert_eq!(run(&["dependencies", "//b"]), "//a:a\n");
    assert_eq!(written(&repository, "sources"), now, "nothing was inferred");
    // Whoever asks for targets alone does not look at sources.
    repository.write("b/m0.py", "import web\n");
    assert_eq!(run(&["list", "//b"]), "//b:b\n");
    assert_eq!(written(&repository, "sources"), now);
    assert_eq!(run(&["dependencies", "//b"]), "//:web\n//a:a\n");
}

#[test]
fn what_is_put_into_dist_is_no_change_of_the_workspace() {
    let repository = repository();
    let list = || {
        std::thread::sleep(SETTLED);
        let said = repository.run(&["list", "::"]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
        written(&repository, "workspace")
    };
    let before = list();
    repository.write("dist/app.pex", "");
    assert_eq!(list(), before, "`dist` has come");
    fs::remove_dir_all(repository.root().join("dist")).unwrap();
    assert_eq!(list(), before, "`dist` has gone");
    repository.write("other/a.py", "");
    assert_ne!(list(), before, "another folder has come");
}
