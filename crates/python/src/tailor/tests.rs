//! What a repository lacks, for small repositories that are not on a disk.

use std::collections::BTreeMap;
use std::io;

use graph::{Field, Label, Place, SourceFile, Target, Value, schema};

use super::{Plan, Repository, plan};
use crate::source_roots::SourceRoots;

/// A target that is there: its rule, its label, a field, and its files.
type There<'a> = (&'a str, &'a str, Option<(&'static str, &'a str)>, &'a [&'a str]);

fn target((rule, label, field, files): &There<'_>) -> Target {
    let place = Place::new("BUILD", 1, 1);
    let given = |&(name, value): &(&'static str, &str)| Field {
        name,
        value: value.into(),
        place: place.clone(),
        items: Vec::new(),
    };
    Target {
        label: Label::parse(label, "").unwrap(),
        rule: schema(rule).unwrap(),
        fields: field.iter().map(given).collect(),
        place: place.clone(),
        sources: files.iter().map(|path| SourceFile { path: (*path).into() }).collect(),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn planned(files: &[(&str, &str)], there: &[There<'_>], ignore: &[&str]) -> Plan {
    let contents: BTreeMap<&str, &str> = files.iter().copied().collect();
    let names: Vec<String> = contents.keys().map(ToString::to_string).collect();
    let targets: Vec<Target> = there.iter().map(target).collect();
    let roots = SourceRoots::new(&["/".to_owned(), "src".to_owned()]).unwrap();
    let read = |path: &str| match contents.get(path) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    let ignore: Vec<String> = ignore.iter().map(ToString::to_string).collect();
    let not_added = [Label::new("none", "of_these")];
    plan(&Repository {
        files: &names,
        targets: &targets,
        roots: &roots,
        read: &read,
        ignore_paths: &ignore,
        not_added: &not_added,
    })
    .unwrap()
}

fn check(files: &[(&str, &str)], there: &[There<'_>], expect: &[&str]) {
    let plan = planned(files, there, &["ignored/**"]);
    let shown: Vec<String> = (plan.targets.iter())
        .map(|one| {
            let fields = one.fields.iter().map(|(name, value)| format!(" {name}={}", show(value)));
            format!("{} {}{}", one.rule, one.label, fields.collect::<String>())
        })
        .collect();
    assert_eq!(shown, expect);
}

#[test]
fn each_folder_gets_what_its_files_are() {
    let utils = match schema("python_test_utils") {
        Some(_) => "python_test_utils //svc:test_utils",
        None => "python_library //svc:test_utils sources=[conftest.py]",
    };
    check(
        &[
            ("svc/app.py", ""),
            ("svc/app.pyi", ""),
            ("svc/test_app.py", ""),
            ("svc/app_test.py", ""),
            ("svc/conftest.py", ""),
            ("svc/notes.txt", ""),
            ("svc/.hidden.py", ""),
            ("top.py", ""),
            ("ignored/deep/a.py", ""),
            ("venv/pyvenv.cfg", ""),
            ("venv/lib/a.py", ""),
        ],
        &[],
        &["python_library //:root", "python_library //svc:svc", "python_test //svc:tests", utils],
    );
}

#[test]
fn what_has_a_target_gets_none() {
    let files = &[("svc/a.py", ""), ("svc/sub/b.py", "")];
    check(files, &[("python_library", "//svc:svc", None, &["svc/a.py", "svc/sub/b.py"])], &[]);
    check(files, &[("python_library", "//svc:sub", None, &["svc/a.py"])], &["python_library //svc/sub:sub"]);
    check(
        &[("svc/a.py", ""), ("svc/b.py", "")],
        &[("python_library", "//svc:svc", None, &["svc/a.py"])],
        &["python_library //svc:svc0 sources=[b.py]"],
    );
    check(
        &[("tests/a.py", ""), ("tests/test_a.py", "")],
        &[],
        &["python_library //tests:lib", "python_test //tests:tests"],
    );
}

#[test]
fn requirements_come_from_the_project_or_from_files() {
    let project = "[project]\nname = 'x'\ndependencies = ['flask']\n[project.optional-dependencies]\nWeb = ['a']\n\
                   [dependency-groups]\ndev = ['pytest']\n";
    check(
        &[
            ("pyproject.toml", project),
            ("requirements.txt", "flask\n"),
            ("docs/requirements.txt", "sphinx\n"),
        ],
        &[],
        &[
            "python_requirements //:reqs source=pyproject.toml extras=[web] groups=[dev]",
            "python_requirements //docs:reqs",
        ],
    );
    let of_poetry = "[tool.poetry.group.dev.dependencies]\npytest = '^8'\n";
    check(&[("svc/pyproject.toml", of_poetry)], &[], &["poetry_requirements //svc:poetry"]);
    check(
        &[("svc/pyproject.toml", of_poetry)],
        &[("poetry_requirements", "//svc:third", None, &["svc/pyproject.toml"])],
        &[],
    );
    let files = &[
        ("requirements.txt", "flask\n"),
        ("requirements-dev.txt", "-r requirements.txt\npytest\n"),
        ("requirements-empty.txt", "# nothing\n"),
        ("requirements-odd.txt", "-e .\n"),
        ("pyproject.toml", "[tool.black]\n"),
    ];
    check(files, &[], &["python_requirements //:requirements-dev source=requirements-dev.txt"]);
    let plan = planned(files, &[], &[]);
    let passed: Vec<&str> = plan.passed.iter().map(|passed| passed.path.as_str()).collect();
    assert_eq!(passed, ["requirements-odd.txt"]);
    check(
        &[("requirements.txt", "flask\n")],
        &[("python_requirements", "//:third", None, &["requirements.txt"])],
        &[],
    );
}

#[test]
fn modules_of_packages_and_files_of_tests_are_no_programs() {
    let script = "if __name__ == '__main__':\n    pass\n";
    check(
        &[("a/__init__.py", ""), ("a/b.py", script), ("a/__main__.py", ""), ("tests/c.py", script)],
        &[],
        &[
            "python_library //a:a",
            "python_binary //a:main entry_point=__main__.py",
            "python_library //tests:tests",
        ],
    );
}

#[test]
fn programs_are_scripts_and_commands() {
    let project = "[project]\nname = 'x'\n[project.scripts]\napp = 'svc.app:main'\nother = 'gone:main'\n";
    let script = "import a\nif __name__ == '__main__':  # Start.\n    a.main()\n";
    let files = &[
        ("pyproject.toml", project),
        ("src/svc/app.py", ""),
        ("src/svc/tool.py", script),
        ("src/svc/svc.py", "def f():\n    if __name__ == '__main__': pass\n"),
        ("src/svc/test_it.py", script),
        ("src/svc/__main__.py", ""),
    ];
    check(
        files,
        &[],
        &[
            "python_binary //:app entry_point=svc.app:main",
            "python_library //src/svc:svc",
            "python_test //src/svc:tests",
            "python_binary //src/svc:main entry_point=__main__.py",
            "python_binary //src/svc:tool entry_point=tool.py",
        ],
    );
    let plan = planned(files, &[], &[]);
    assert_eq!(plan.passed[0].reason, "`other` starts `gone`, which is no file below a source root");
    let all =
        &["src/svc/app.py", "src/svc/tool.py", "src/svc/svc.py", "src/svc/test_it.py", "src/svc/__main__.py"];
    check(
        files,
        &[
            ("python_library", "//src/svc:svc", None, all),
            ("python_binary", "//src/svc:a", Some(("entry_point", "svc.app:main")), &[]),
            ("python_binary", "//src/svc:b", Some(("entry_point", "svc.tool")), &[]),
            ("python_binary", "//src/svc:c", Some(("entry_point", "__main__.py")), &[]),
        ],
        &[],
    );
}

#[test]
fn a_wrong_pattern_is_an_error() {
    let roots = SourceRoots::new(&[]).unwrap();
    let read = |_: &str| Err(io::ErrorKind::NotFound.into());
    let ignore_paths = ["a[".to_owned()];
    let repository = Repository {
        files: &[],
        targets: &[],
        roots: &roots,
        read: &read,
        ignore_paths: &ignore_paths,
        not_added: &[],
    };
    assert!(plan(&repository).is_err());
}
