//! Habits from Python and slips of the pen: each is told what to write instead.

use packaging::pex::RUNTIME;
use serde_json::Value;

use crate::index::{Index, no_network};
use crate::locks::{Locked, lock};
use crate::repository::Repository;

/// Checks all that is said about a repository with these files, a line each: `code: message => help`.
#[track_caller]
fn check(files: &[(&str, &str)], arguments: &[&str], expected: &[&str]) {
    let repository = Repository::new(files);
    let said = repository.run(&[&["--output", "json"], arguments].concat());
    assert_eq!(said.code, 2, "{}", said.stderr);
    let report: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr));
    let text = |diagnostic: &Value, name: &str| diagnostic[name].as_str().unwrap_or_default().to_owned();
    let found: Vec<String> = (report["diagnostics"].as_array().expect("a list").iter())
        .map(|one| format!("{}: {} => {}", text(one, "code"), text(one, "message"), text(one, "help")))
        .collect();
    assert_eq!(found, expected);
}

/// Checks what is said about the text of a BUILD file.
#[track_caller]
fn build(text: &str, expected: &str) {
    check(&[("svc/BUILD", text)], &["list", "::"], &[expected]);
}

#[test]
fn python_that_is_no_starlark() {
    build(
        "if 1:\n\tx = 1\n  y = 2\n",
        "loader::tabs: tabs and spaces are mixed, so that it cannot be told how far the line is indented => indent with spaces",
    );
    build(
        "x = {\"a\": 1, \"b\"}\n",
        "loader::syntax: unexpected symbol `}`, expected symbol `:` => in a dictionary each key has a value, and in a set none has",
    );
    build("\u{feff}x = 1\n", "loader::syntax: it starts with a byte order mark => save it without one");
    build(
        "files(name = \"a\", sources = glob(\"*.py\"))\n",
        "loader::evaluation: `glob` takes a list of patterns, not the string \"*.py\" => write `glob([\"*.py\"])`",
    );
    build(
        "x = os.environ[\"A\"]\n",
        "loader::unknown_name: there is no rule or function `os` => a BUILD file has no disk, so that it gives the same targets everywhere; `env` reads a variable",
    );
    build(
        "x = open(\"a\")\n",
        "loader::unknown_name: there is no rule or function `open` => a BUILD file opens nothing; `glob` lists files, and `load` takes names from other files",
    );
    for (text, keyword, help) in [
        (
            "with open(\"a\") as f:\n    pass\n",
            "with",
            "a BUILD file opens nothing; `glob` lists files, and `load` takes names from other files",
        ),
        ("assert 1\n", "assert", "write `if …: fail(\"…\")`"),
        ("x = 1\ndel x\n", "del", "there is no `del`; names are for good"),
        ("x = 1 is 2\n", "is", "write `==`"),
        ("import os\n", "import", "`load(\"//folder:file.bzl\", \"name\")` takes names from other files"),
    ] {
        build(text, &format!("loader::syntax: cannot use reserved keyword `{keyword}` => {help}"));
    }
}

#[test]
fn values_of_another_form() {
    build(
        "python_binary(name = \"a\", interpreters = [3.11])\n",
        "graph::field_type: field `interpreters`: expected a list of strings, found a number with a point => write it in quotes, such as `\"3.11\"`",
    );
    build(
        "load(\"macros.bzl\", \"a\")\n",
        "loader::module_path: `macros.bzl` cannot be loaded: expected `//directory/file.bzl`, `//directory:file.bzl` or `:file.bzl` => did you mean `:macros.bzl`?",
    );
    build(
        "load(\"build/macros.bzl\", \"a\")\n",
        "loader::module_path: `build/macros.bzl` cannot be loaded: expected `//directory/file.bzl`, `//directory:file.bzl` or `:file.bzl` => did you mean `//build/macros.bzl`?",
    );
    let program = |interpreter: &str| {
        let text = format!("python_binary(name = \"a\", interpreters = [\"{interpreter}\"])\n");
        let message = format!(
            "packaging::python_version: `{interpreter}` is not a Python version: expected a minor or full version \
             such as `3.11`, `3.11.7` or `3.13t` => did you mean `3.11`?"
        );
        check(&[("svc/BUILD", &text)], &["binary", "//svc:a"], &[&message]);
    };
    program("py311");
    program("CPython3.11");
    check(
        &[("3rdparty/BUILD", "python_requirement(name = \"a\", requirements = [\"requests=>2\"])\n")],
        &["lock"],
        &[
            "packaging::requirement: `requests=>2` is not a requirement: no such comparison operator \"=>\", must be one of ~= == != <= >= < > === => did you mean `requests>=2`?",
        ],
    );
}

#[test]
fn file_without_its_owner_as_a_dependency() {
    check(
        &[
            ("svc/main.py", ""),
            ("svc/sub/more.py", ""),
            (
                "svc/BUILD",
                "python_library(name = \"lib\", sources = [\"**/*.py\"])\n\
                 python_binary(name = \"app\", dependencies = [\"svc/main.py\", \"//svc/sub/more.py\"])\n",
            ),
        ],
        &["list", "::"],
        &[
            "graph::unknown_target: there is no target `//svc/main.py` => did you mean `//svc/main.py:lib`?",
            "graph::unknown_target: there is no target `//svc/sub/more.py` => did you mean `//svc/sub/more.py:../lib`?",
        ],
    );
}

#[test]
fn files_that_are_left_out() {
    check(
        &[
            (".gitignore", "*_pb2.py\n"),
            ("svc/gen/.gitignore", "/made*\n"),
            ("svc/api_pb2.py", ""),
            ("svc/gen/made.json", ""),
            (
                "svc/BUILD",
                "files(name = \"a\", sources = [\"*_pb2.py\"])\nfiles(name = \"b\", sources = [\"gen/made.json\"])\n",
            ),
        ],
        &["list", "::"],
        &[
            "loader::ignored_source: `svc/api_pb2.py` is left out by `*_pb2.py` in `.gitignore` => what is left out does not exist for BUILD files: take it out there, or leave it out here",
            "loader::ignored_source: `svc/gen/made.json` is left out by `/made*` in `svc/gen/.gitignore` => what is left out does not exist for BUILD files: take it out there, or leave it out here",
        ],
    );
}

/// No `.gitignore` is to blame for what the configuration leaves out.
#[test]
fn file_that_the_configuration_leaves_out() {
    check(
        &[
            ("pants.toml", "[GLOBAL]\npants_ignore = [\"old.py\"]\n"),
            ("svc/old.py", ""),
            ("svc/BUILD", "python_library(name = \"lib\", sources = [\"old.py\"])\n"),
        ],
        &["list", "::"],
        &[
            "loader::ignored_source: `svc/old.py` is left out by `pants_ignore`, or by where it lies => what is left out does not exist for BUILD files: take it out there, or leave it out here",
        ],
    );
}

const PYPROJECT: &str = "[project]\nname = \"svc\"\ndependencies = [\"flask\"]\n\n\
     [project.optional-dependencies]\nweb = [\"gunicorn\"]\n\n\
     [dependency-groups]\ndev = [\"pytest\"]\nlint = [\"ruff\"]\n";

/// What a `pyproject.toml` gives with these fields.
#[track_caller]
fn generated(fields: &str, expected: &str) {
    let build = format!("python_requirements(name = \"reqs\", source = \"pyproject.toml\", {fields})\n");
    let repository = Repository::new(&[("3rdparty/pyproject.toml", PYPROJECT), ("3rdparty/BUILD", &build)]);
    let said = repository.run(&["list", "::"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let names: Vec<&str> = said.stdout.lines().filter_map(|line| Some(line.split_once('#')?.1)).collect();
    assert_eq!(names.join(" "), expected, "{fields}");
}

#[test]
fn groups_of_a_pyproject() {
    generated("", "flask");
    generated("extras = [\"web\"]", "flask gunicorn");
    generated("groups = [\"Dev\"]", "flask pytest");
    generated("extras = [\"web\"], groups = [\"lint\", \"dev\"]", "flask gunicorn pytest ruff");
    let wrong = |source: &str, fields: &str, expected: &[&str]| {
        let build = format!("python_requirements(name = \"reqs\", source = \"{source}\", {fields})\n");
        let files = [
            ("3rdparty/pyproject.toml", PYPROJECT),
            ("3rdparty/requirements.txt", "flask\n"),
            ("3rdparty/setup.cfg", "[metadata]\nname = svc\n"),
            ("3rdparty/BUILD", &build),
        ];
        check(&files, &["list", "::"], expected);
    };
    wrong(
        "pyproject.toml",
        "extras = [\"wep\", \"dev\"], groups = [\"devel\", \"other\"]",
        &[
            "python::unknown_group: `3rdparty/pyproject.toml` has no extra `wep` => did you mean `web`?",
            "python::unknown_group: `3rdparty/pyproject.toml` has no extra `dev` => its extras are `web`",
            "python::unknown_group: `3rdparty/pyproject.toml` has no group `devel` => did you mean `dev`?",
            "python::unknown_group: `3rdparty/pyproject.toml` has no group `other` => its groups are `dev`, `lint`",
        ],
    );
    wrong(
        "requirements.txt",
        "groups = [\"dev\"]",
        &[
            "python::unknown_group: `3rdparty/requirements.txt` has no groups; only a `pyproject.toml` has => remove `groups`",
        ],
    );
    wrong(
        "setup.cfg",
        "",
        &[
            "python::requirements_format: `3rdparty/setup.cfg` is not read: expected a requirements file or a `pyproject.toml` => write what it asks for into one of them",
        ],
    );
}

#[test]
fn library_without_files() {
    let repository = Repository::new(&[(
        "svc/BUILD",
        "python_library(name = \"lib\")\n\npython_library(name = \"none\", sources = [])\n",
    )]);
    for _ in 0..2 {
        let said = repository.run(&["list", "::"]);
        repository.compare(
            &said,
            0,
            r#"
warning[loader::no_files]: `//svc:lib` has no files: nothing in its directory matches the patterns that its rule has by default
 --> svc/BUILD:1:1
  |
1 | python_library(name = "lib")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write `sources = []` where it shall have none, or say which they are
"#,
        );
    }
}

#[test]
fn requirements_of_pipenv() {
    let repository = Repository::new(&[("BUILD", "pipenv_requirements(name = \"pipenv\")\n")]);
    repository.compare(
        &repository.run(&["list", "::"]),
        0,
        r#"
warning[loader::not_read]: `//:pipenv` generates no requirements: the file of a `pipenv_requirements` is not read
 --> BUILD:1:1
  |
1 | pipenv_requirements(name = "pipenv")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write them with `pipenv requirements > requirements.txt`, and read that by a `python_requirements`
"#,
    );
}

/// Of a program for several platforms `run` builds the one that it can start, and of one for others nothing.
#[test]
fn run_builds_what_runs_here() {
    let test = "run_builds_what_runs_here";
    let Some(index) = Index::start(test) else { return };
    let fields = |platforms: &str| {
        format!(
            "python_library(name = \"lib\")\n\npython_binary(name = \"app\", entry_point = \"main.py\", \
             interpreters = [\"3.11\"], platforms = [{platforms}])\n"
        )
    };
    let mut repository = Repository::new(&[
        ("pants.toml", ""),
        ("svc/main.py", "print('served')\n"),
        ("svc/BUILD", &fields("\"macos-arm64\", \"current\", \"macos-x86_64\"")),
    ]);
    index.of(&mut repository);
    let said = repository.run(&["run", "--as-package", "//svc:app"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "served\n"), "{}", said.stderr);
    let built = repository.dist();
    assert!(built.len() == 1 && built[0].starts_with("svc/app-cp311-linux_"), "{built:?}");
    repository.write("svc/BUILD", fields("\"macos-arm64\""));
    let said = repository.run(&["run", "--as-package", "//svc:app"]);
    let here = format!("linux-{}", std::env::consts::ARCH);
    let first = said.stderr.lines().next().unwrap_or_default();
    let expected = format!(
        "error[run::foreign]: `//svc:app` is built for `cp311-macos_arm64`; this machine is `{here}`"
    );
    assert_eq!((said.code, first), (3, expected.as_str()), "{}", said.stderr);
}

/// Without a network there is one error, however many files are missing.
#[test]
fn many_files_that_cannot_be_had() {
    let wheel = |name| Locked::wheel(name, "py3-none-any", b"");
    let mut repository = Repository::new(&[
        ("pants.lock", &lock(&["a==1.0", "b==1.0"], &[wheel("a"), wheel("b")])),
        (
            "svc/BUILD",
            "python_requirement(name = \"reqs\", requirements = [\"a==1.0\", \"b==1.0\"])\n\
             python_binary(name = \"app\", dependencies = [\":reqs\"])\n",
        ),
    ]);
    let files = format!("`a-1.0-py3-none-any.whl`, `b-1.0-py3-none-any.whl`, `{}`", RUNTIME.wheel);
    let errors = |repository: &Repository, arguments: &[&str]| -> Vec<String> {
        let said = repository.run(arguments);
        assert_eq!(said.code, 3, "{}", said.stderr);
        said.stderr.lines().filter(|line| line.starts_with("error")).map(ToOwned::to_owned).collect()
    };
    let said = errors(&repository, &["--offline", "binary", "//svc:app"]);
    let expected = "error[packaging::fetch_offline]: 3 files (4.1 MB) are not in the cache, and the network must not be used";
    assert_eq!(said, [expected]);
    let said = repository.run(&["--offline", "binary", "//svc:app"]).stderr;
    for file in [RUNTIME.wheel, "a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"] {
        assert!(said.contains(&format!("= note: `{file}`")), "{said}");
    }
    no_network(&mut repository);
    let said = errors(&repository, &["binary", "//svc:app"]);
    assert_eq!(said, [format!("error[packaging::fetch_connection]: cannot get 3 files: {files}")]);
}

/// The command line in words of this product, whatever variables are set.
#[test]
fn command_lines() {
    let mut repository = Repository::new(&[]);
    let said = repository.run(&[]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("Goals:") && said.stderr.contains("dependencies"), "{}", said.stderr);
    let said = repository.run(&["frobnicate"]);
    repository.compare(&said, 2, "error: unrecognized goal 'frobnicate'\n\n  tip: the goals are binary, package, publish, pex, run, test, fmt, fix, lint, check, ci, repl, export, lock, log, sbom, list, dependencies, dependents, paths, why, filedeps, roots, peek, query, affected, tailor, fmt-build, cache, doctor, seed, completions, help\n\nUsage: pants [OPTIONS] <GOAL>\n\nFor more information, try '--help'.");
    let said = repository.run(&["-j", "x", "list", "::"]);
    repository.compare(&said, 2, "error: invalid value 'x' for '--jobs <N>': expected a number from 1 on\n\nFor more information, try '--help'.");
    repository.env.insert("PANTS_JOBS".to_owned(), "x".to_owned());
    let said = repository.run(&["list", "::"]);
    repository.compare(&said, 2, "error: invalid value 'x' of the variable `PANTS_JOBS`: expected a number from 1 on\n\nFor more information, try '--help'.");
}

#[test]
fn manuals() {
    let repository = Repository::new(&[]);
    let say = |arguments: &[&str]| {
        let said = repository.run(arguments);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout
    };
    assert_eq!(say(&["help", "binary"]), say(&["binary", "--help"]));
    let mode = say(&["help", "execution_mode"]);
    assert!(
        mode.starts_with(
            "A field of python_binary, pex_binaries:\n  execution_mode (one of \"venv\", \"zipapp\")\n"
        ),
        "{mode}"
    );
    assert_eq!(mode.replace(", pex_binaries", ""), say(&["help", "python_binary.execution_mode"]));
    let tags = say(&["help", "tags"]);
    assert!(tags.starts_with("A field of python_library, python_test_utils,"), "{tags}");
    assert!(say(&["help", "rules"]).contains("Also called python_sources, python_source\n"));
    assert!(say(&["help", "glob"]).starts_with("`glob(["));
    assert!(say(&["help", "BUILD"]).contains("## The language"));
    for arguments in [["help", "python_binary"], ["help", "pants.toml"]] {
        let text = say(&arguments);
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 110).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
    let bash = say(&["completions", "bash"]);
    assert!(bash.contains("python_requirements") && bash.contains("pants.toml"), "{bash}");
    check(
        &[],
        &["help", "library"],
        &["help::topic: there is no manual of `library` => did you mean `python_library`?"],
    );
}
