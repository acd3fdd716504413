//! What is read from a `pyproject.toml`, and what is refused.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Dependencies, Group, PyprojectError, dependencies};

/// A way to read a file.
type Read = fn(&str, &str) -> (Dependencies, Vec<PyprojectError>);

fn check(input: &str, expect: &str) {
    check_as(dependencies, input, expect);
}

/// Compares what is required, each with its group, and what is wrong, a line each.
pub(super) fn check_as(read: Read, input: &str, expect: &str) {
    let (found, errors) = read("svc/pyproject.toml", input);
    let mut text = String::new();
    for one in &found.requirements {
        let kind = match one.group {
            Group::Project => "",
            Group::Extra(_) => "extra ",
            Group::Dependency(_) => "group ",
        };
        writeln!(text, "{} {kind}{}: {}", one.listed.place, one.group, one.listed.requirement).unwrap();
    }
    for error in &errors {
        writeln!(text, "{} {}: {error}", error.place, error.code().trim_start_matches("packaging::"))
            .unwrap();
    }
    let lines = |text: &str| text.trim().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(expect), "{input}");
}

#[test]
fn what_uv_takes_from_the_repository_is_no_requirement() {
    check(
        "[project]
dependencies = ['flask', 'My.Lib>=1', 'other', 'vendored', 'forked']
[dependency-groups]
dev = ['pytest']
[tool.uv]
dev-dependencies = ['ruff', 'my-lib']
[tool.uv.sources]
my-lib = { workspace = true }
other = [{ path = '../other', editable = true, marker = 'x' }, { workspace = true }]
vendored = { path = 'vendored-1-py3-none-any.whl' }
forked = { git = 'https://h.example/forked' }
",
        "2:17 dependencies: flask
         2:48 dependencies: vendored
         2:60 dependencies: forked
         4:8 group dev: pytest
         6:21 group dev: ruff",
    );
}

#[test]
fn groups_are_read_in_order() {
    check(
        "[dependency-groups]
Test = ['pytest>=8', { include-group = 'typing_stubs' }, \"\"\"coverage\"\"\"]
typing-stubs = ['mypy']
all = [{include-group = 'TEST'}, {include-group = 'typing-stubs'}]
[project]
dependencies = [
    'flask[async]==3.0.*; python_version >= \"3.8\"', # why
    'requests',
]
[project.optional-dependencies]
Web_UI = ['gunicorn']
empty = []
",
        "7:5 dependencies: flask[async]==3.0.*; python_version >= \"3.8\"
         8:5 dependencies: requests
         11:11 extra web-ui: gunicorn
         2:9 group test: pytest>=8
         3:17 group test: mypy
         2:58 group test: coverage
         3:17 group typing-stubs: mypy
         2:9 group all: pytest>=8
         3:17 group all: mypy
         2:58 group all: coverage",
    );
    check("", "");
    check("[tool.black]\n[build-system]\nrequires = ['x']", "");
}

#[test]
fn the_project_may_require_itself() {
    check(
        "[project]
name = 'My.Svc'
dependencies = ['base']
[project.optional-dependencies]
a = ['x', 'my-svc[b]']
b = ['y', 'my_svc[a]']
all = ['my-svc[a,b]']
[dependency-groups]
dev = ['my-svc[a]', 'pytest']
bad = ['my-svc[a]>1', 'my-svc; os_name == \"nt\"', 'my-svc[none]']
",
        "3:17 dependencies: base
         5:6 extra a: x
         6:6 extra a: y
         6:6 extra b: y
         5:6 extra b: x
         5:6 extra all: x
         6:6 extra all: y
         3:17 group dev: base
         5:6 group dev: x
         6:6 group dev: y
         9:21 group dev: pytest
         3:17 group bad: base
         10:8 pyproject_self: the project requires itself with versions or a marker, expected only `my-svc` and extras
         10:23 pyproject_self: the project requires itself with versions or a marker, expected only `my-svc` and extras
         10:50 pyproject_unknown_group: there is no `none` in `project.optional-dependencies`",
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    check(
        "[project]
dependencies = ['flask=3', 'x @ https://u:secret@h', 7, {include-group = 'a'}, './x', '''
 ok''', \"\\u0061 b\"]
optional-dependencies = 'no'
[dependency-groups]
a = ['é']
'b c' = []
d = {}
e = [[], {include-group = 1}, {include-group = 'a', x = 1}, {other = 'a'}, {include-group = '-'}]
",
        "2:28 dependencies: x @ https://u:secret@h
         2:87 dependencies: ok
         2:23 requirement: `flask=3` is not a requirement: no such comparison operator \"=\", must be one of ~= == != <= >= < > ===
         2:54 pyproject_type: `project.dependencies[2]` is an integer, expected a string with a requirement
         2:57 pyproject_type: `project.dependencies[3]` is a table, expected a string with a requirement
         2:81 requirement_unnamed: this names a place and no project, expected `name @ PLACE`, or a project's name and versions
         3:9 requirement: `a b` is not a requirement: expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `b`
         4:25 pyproject_type: `project.optional-dependencies` is a string, expected a table
         6:7 requirement: `é` is not a requirement: expected ASCII, found `é`
         7:1 name: `b c` in `dependency-groups` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit
         8:5 pyproject_type: `dependency-groups.d` is a table, expected an array of requirements
         9:6 pyproject_type: `dependency-groups.e[0]` is an array, expected a string with a requirement or a table `{ include-group = \"name\" }`
         9:27 pyproject_type: `dependency-groups.e[1].include-group` is an integer, expected a string with the name of a group
         9:31 pyproject_type: `dependency-groups.e[2]` is a table with other keys, expected a string with a requirement or a table `{ include-group = \"name\" }`
         9:61 pyproject_type: `dependency-groups.e[3]` is a table with other keys, expected a string with a requirement or a table `{ include-group = \"name\" }`
         9:93 name: `-` in `dependency-groups` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit",
    );
    check(
        "project = 1\ndependency-groups = []",
        "1:11 pyproject_type: `project` is an integer, expected a table
         2:21 pyproject_type: `dependency-groups` is an array, expected a table",
    );
    check(
        "[project]\ndynamic = ['version', 'dependencies']",
        "2:23 pyproject_dynamic: `project.dependencies` is dynamic: only the build backend knows it, and none is run",
    );
    check(
        "[project]\ndynamic = 'version'",
        "2:11 pyproject_type: `project.dynamic` is a string, expected an array of strings",
    );
    check(
        "a = \nb = ]",
        "1:5 pyproject_toml: not readable as TOML: string values must be quoted, expected literal string
        2:5 pyproject_toml: not readable as TOML: missing array opening, expected `[`",
    );
}

#[test]
fn groups_that_do_not_fit_together_are_errors() {
    check(
        "[dependency-groups]
a = ['x', {include-group = 'B'}]
b = [{include-group = 'c'}]
c = [{include-group = 'a'}, {include-group = 'c'}]
test = []
tests = [{include-group = 'tset'}]
Te_st = []
te-st = []
",
        "2:6 group a: x
         2:6 group b: x
         2:6 group c: x
         4:23 pyproject_cycle: the groups include each other: `a` -> `b` -> `c` -> `a`
         4:46 pyproject_cycle: the groups include each other: `c` -> `c`
         6:27 pyproject_unknown_group: there is no `tset` in `dependency-groups`
         8:1 pyproject_same_name: `te-st` and `Te_st` in `dependency-groups` are the same name",
    );
}

#[test]
fn poetry_alone_is_refused() {
    check(
        "[tool.poetry]\nname = 'x'\n[tool.poetry.dependencies]\nflask = '^3'",
        "1:7 pyproject_poetry: `[tool.poetry]` is not read: expected `[project]` with `dependencies`, `[project.optional-dependencies]` or `[dependency-groups]`",
    );
    check("[project]\ndependencies = ['a']\n[tool.poetry]", "2:17 dependencies: a");
}

#[test]
fn depth_and_length_are_no_danger() {
    let chain = |count: usize| {
        let group = |i: usize| format!("g{i} = ['x', {{include-group = 'g{}'}}]\n", i + 1);
        format!("[dependency-groups]\n{}g{count} = []", (0..count).map(group).collect::<String>())
    };
    let (found, errors) = dependencies("p", &chain(200));
    assert_eq!((found.requirements.len(), errors.len()), (200 * 201 / 2, 0));
    let (_, errors) = dependencies("p", &chain(1500));
    assert_eq!(errors[0].code(), "packaging::pyproject_too_many");
    let doubled = |i: usize| format!("g{i} = [{}]\n", format!("{{include-group = 'g{}'}},", i + 1).repeat(2));
    let text: String = (0..60).map(doubled).collect();
    let (found, errors) = dependencies("p", &format!("[dependency-groups]\n{text}g60 = ['x']"));
    assert_eq!((found.requirements.len(), errors.len()), (61, 0));
    for (open, garbage) in [("x = ", "["), ("project.dependencies = [", "'=',"), ("x", ".x"), ("", "[")] {
        let (_, errors) = dependencies("p", &format!("{open}{}", garbage.repeat(50_000)));
        assert!(!errors.is_empty(), "{garbage}");
    }
}

proptest! {
    #[test]
    fn random_text_never_panics(text in any::<String>(), tokens in proptest::collection::vec(
        prop::sample::select(vec![
            "[project]\n", "[dependency-groups]\n", "[project.optional-dependencies]\n", "a = [", "]\n", "'a'", "'é'",
            "{include-group = 'a'}", "dependencies = [", ",", "b = [", "1", "\"\\u00e9\"", "name = 'a'\n", "A = [",
            "[tool.poetry.dependencies]\n", "a = {version = '", "^1", "~", ".*", "||", "', python = '", "'}\n",
        ]), 0..20)) {
        for input in [text, tokens.concat()] {
            let _ = dependencies("p", &input);
            let _ = super::poetry_dependencies("p", &input);
        }
    }
}
