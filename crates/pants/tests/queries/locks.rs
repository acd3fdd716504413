//! What an edit of a lock affects: only who gets something else.

use crate::git::{affected, repository};
use crate::repository::Repository;

const FILES: &[(&str, &str)] = &[
    (
        "pants.toml",
        "[python.resolves]\nours = \"ours.lock\"\ntheirs = \"theirs.lock\"\n[python]\ndefault_resolve = \"ours\"\n",
    ),
    (
        "BUILD",
        "python_requirement(name = \"web\", requirements = [\"web[fast]\"])\n\
         python_requirement(name = \"shell\", requirements = [\"shell\"])\n\
         python_requirement(name = \"other\", requirements = [\"web\"], resolve = \"theirs\")\n\
         python_library(name = \"a\", sources = [\"a.py\"], dependencies = [\":web\"])\n\
         python_library(name = \"b\", sources = [\"b.py\"], dependencies = [\":shell\"])\n\
         python_binary(name = \"c\", dependencies = [\":a\", \":b\"])\n\
         python_binary(name = \"d\", interpreters = [\"3.12\"])\n",
    ),
    ("a.py", ""),
    ("b.py", ""),
];

/// A package: its name, its version, and what it needs, each with a marker.
type Package = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A lock of `name version needs`, where a need is a name and perhaps a marker.
fn lock(interpreter: &str, packages: &[Package]) -> String {
    let mut text = format!(
        "lock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.9\"\n\n[tool.pants]\nformat = 1\n\
         indexes = [\"default\"]\ninterpreters = [\"{interpreter}\"]\ninterpreter-constraints = []\n\
         platforms = [\"linux-x86_64\"]\nrequirements = []\n"
    );
    for (name, version, needs) in packages {
        let needs =
            needs.iter().map(|(name, marker)| format!("{{ name = \"{name}\", marker = \"{marker}\" }}, "));
        let needs: String = needs.collect();
        text.push_str(&format!(
            "\n[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [{needs}]\n"
        ));
    }
    text
}

#[track_caller]
fn check(edit: &dyn Fn(&Repository), changed: &str, transitive: &str) {
    let packages = lock(
        "3.11",
        &[
            ("base", "1", &[]),
            ("extra", "1", &[]),
            ("shell", "1", &[]),
            ("slow", "1", &[]),
            ("web", "1", WEB),
        ],
    );
    let repository = repository(FILES);
    repository.write("ours.lock", &packages);
    repository.write("theirs.lock", &packages);
    crate::git::commit(&repository);
    edit(&repository);
    assert_eq!(affected(&repository, &["--changed-dependents", "none"]), changed);
    assert_eq!(affected(&repository, &[]), transitive);
}

const WEB: &[(&str, &str)] = &[("base", ""), ("extra", "extra == 'fast'"), ("slow", "extra == 'slow'")];

#[test]
fn only_who_reaches_what_moved_is_affected() {
    let bump = |name: &str, at: &Repository, file: &str| {
        let text = String::from_utf8(at.read(file)).unwrap();
        let old = format!("name = \"{name}\"\nversion = \"1\"");
        assert!(text.contains(&old));
        at.write(file, text.replace(&old, &format!("name = \"{name}\"\nversion = \"2\"")));
    };
    check(&|at| bump("shell", at, "ours.lock"), "//:shell", "//:b //:c //:shell");
    check(&|at| bump("base", at, "ours.lock"), "//:web", "//:a //:c //:web");
    check(&|at| bump("extra", at, "ours.lock"), "//:web", "//:a //:c //:web");
    check(&|at| bump("slow", at, "ours.lock"), "", "");
    check(&|at| bump("base", at, "theirs.lock"), "//:other", "//:other");
    check(&|at| bump("extra", at, "theirs.lock"), "", "");
}

#[test]
fn what_is_only_written_otherwise_moves_nothing() {
    let comment = |at: &Repository| {
        let text = String::from_utf8(at.read("ours.lock")).unwrap();
        at.write("ours.lock", format!("# Made anew.\n{text}"));
    };
    check(&comment, "", "");
}

#[test]
fn interpreters_and_unknown_locks_count_for_all_of_the_resolve() {
    let newer = |at: &Repository| {
        let text = String::from_utf8(at.read("ours.lock")).unwrap();
        at.write("ours.lock", text.replace("interpreters = [\"3.11\"]", "interpreters = [\"3.12\"]"));
    };
    check(&newer, "//:c", "//:c");
    let repository = repository(FILES);
    repository.write("ours.lock", lock("3.11", &[("shell", "1", &[])]));
    assert_eq!(
        affected(&repository, &["--changed-dependents=none", "--type=python_requirement"]),
        "//:shell //:web"
    );
}

#[test]
fn a_lock_that_another_one_stood_before_is_compared_to_that() {
    let repository = repository(&[
        ("pants.toml", ""),
        (
            "BUILD",
            "python_requirement(name = \"web\", requirements = [\"web\"])\n\
             python_requirement(name = \"shell\", requirements = [\"shell\"])\n",
        ),
        (
            "uv.lock",
            "version = 1\nrequires-python = \">=3.9\"\n\n\
             [[package]]\nname = \"shell\"\nversion = \"1\"\nsource = { registry = \"https://index.example/simple\" }\n\n\
             [[package]]\nname = \"web\"\nversion = \"2\"\nsource = { registry = \"https://index.example/simple\" }\n",
        ),
    ]);
    repository.write("pants.lock", lock("3.11", &[("shell", "1", &[]), ("web", "1", &[])]));
    crate::git::commit(&repository);
    let none = ["--changed-dependents=none", "--type=python_requirement"];
    assert_eq!(affected(&repository, &none), "");
    std::fs::remove_file(repository.root().join("pants.lock")).unwrap();
    let affected = affected(&repository, &none);
    assert!(affected.contains("//:web"), "{affected}");
}
