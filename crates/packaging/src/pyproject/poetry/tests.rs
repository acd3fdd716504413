//! What is read from the tables of Poetry, and what is refused.

use crate::pyproject::poetry_dependencies;
use crate::pyproject::tests::check_as;

/// Compares what is required and what is wrong, a line each.
fn check(input: &str, expect: &str) {
    check_as(poetry_dependencies, input, expect);
}

#[test]
fn tables_are_read_with_their_groups() {
    check(
        "[tool.poetry.group.docs.dependencies]
sphinx = '*'
[tool.poetry.dependencies]
python = '^3.9'
Flask = '^2.1'
requests = { version = '>=2.20,<3', extras = ['socks', 'security'], optional = true, source = 'corp' }
tomli = { version = '~2', python = '<3.11' }
uvloop = { version = '0.17', platform = '!=win32', markers = \"implementation_name == 'cpython' or extra == 'x'\" }
numpy = [
    { version = '<2', python = '<3.9 || >=3.13' },
    '^2',
]
[tool.poetry.dev-dependencies]
pytest = '7.*'
",
        "5:1 dependencies: Flask>=2.1,<3.0
         6:1 dependencies: requests[socks,security]>=2.20,<3
         7:1 dependencies: tomli>=2,<3 ; python_version < \"3.11\"
         8:1 dependencies: uvloop==0.17 ; (sys_platform != \"win32\") and (implementation_name == 'cpython' or extra == 'x')
         10:5 dependencies: numpy<2 ; python_version < \"3.9\" or python_version >= \"3.13\"
         11:5 dependencies: numpy>=2,<3
         14:1 group dev: pytest==7.*
         2:1 group docs: sphinx",
    );
}

#[test]
fn places_are_those_of_pep_508() {
    check(
        "[tool.poetry.dependencies]
a = { git = 'https://h.example/a.git', tag = 'v1', subdirectory = 'py', extras = ['x'] }
b = { git = 'git@h.example:own/b.git', rev = 'abc' }
c = { url = 'https://h.example/c-1-py3-none-any.whl' }
d = { path = '../wheels/d-1-py3-none-any.whl' }
e = { path = '../lib', develop = true }
f = { path = '../../f-1.tar.gz' }
",
        "2:1 dependencies: a[x] @ git+https://h.example/a.git@v1#subdirectory=py
         3:1 dependencies: b @ git+ssh://git@h.example/own/b.git@abc
         4:1 dependencies: c @ https://h.example/c-1-py3-none-any.whl
         5:1 dependencies: d @ ./wheels/d-1-py3-none-any.whl
         7:14 requirement_file_outside_root: `../../f-1.tar.gz` is not below the root of the repository",
    );
}

#[test]
fn the_list_of_the_project_is_what_poetry_2_takes() {
    check(
        "[project]
dependencies = ['flask>=2', 'own', 'forked']
[tool.poetry.dependencies]
flask = { source = 'corp' }
own = { path = '../own' }
forked = { git = 'https://h.example/forked' }
other = '^1'
[tool.poetry.group.dev]
dependencies = { ruff = '*' }
",
        "2:17 dependencies: flask>=2
         6:1 dependencies: forked @ git+https://h.example/forked
         9:18 group dev: ruff",
    );
    check(
        "[project]\ndynamic = ['dependencies']\n[tool.poetry.dependencies]\nflask = '2'",
        "4:1 dependencies: flask==2",
    );
}

#[test]
fn what_no_requirement_can_say_is_refused() {
    check(
        "[tool.poetry.dependencies]
a = '^1 || ^3'
b = 'latest'
c = 3
d = { versoin = '1' }
e = { version = 1, extras = 'x' }
f = [{ version = '1', markers = 'os' }]
g = { version = '1', python = '=>3' }
[tool.poetry.group.'-'.dependencies]
",
        "2:5 poetry_version: `^1 || ^3` is one range of versions or another, which no requirement can say
         3:5 poetry_version: `latest` is not a version constraint of Poetry: `latest` is no version
         4:5 pyproject_type: `tool.poetry.dependencies.c` is an integer, expected a version, a table, or an array of them
         5:7 poetry_key: `tool.poetry.dependencies.d` has no key `versoin`
         6:17 pyproject_type: `tool.poetry.dependencies.e.version` is an integer, expected a string
         6:29 pyproject_type: `tool.poetry.dependencies.e.extras` is a string, expected an array of strings
         7:6 requirement: `f==1 ; os` is not a requirement: expected a quoted string or a valid marker name, found `os`
         8:31 poetry_version: `=>3` is not a version constraint of Poetry: there is no comparison `=>`
         9:20 name: `-` in `tool.poetry.group` is not a valid name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit",
    );
    check("[tool.black]", "1:1 pyproject_poetry: there is no `[tool.poetry]`, and no `[project]` either");
}
