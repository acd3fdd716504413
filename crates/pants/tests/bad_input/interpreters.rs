//! Interpreter constraints over the closure of a program, and platforms that bring their interpreters.

use crate::repository::Repository;

/// A program over two libraries, of which the farther one imposes something.
#[track_caller]
fn check(configuration: &str, program: &str, library: &str, code: i32, expected: &str) {
    let repository = Repository::new(&[
        ("pants.toml", configuration),
        (
            "svc/BUILD",
            &format!(
                "python_binary(\n    name = \"app\",\n    entry_point = \"main.py\",\n    dependencies = [\":lib\"],\n    \
                 {program}\n)\npython_library(name = \"lib\", dependencies = [\"//shared\"])\n"
            ),
        ),
        ("svc/main.py", "import shared.page\n"),
        ("shared/BUILD", &format!("python_library(\n    {library}\n)\n")),
        ("shared/page.py", ""),
        ("shared/__init__.py", ""),
    ]);
    repository.fails(&["binary", "//svc:app"], code, expected);
}

const CONFIGURATION: &str = "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n";

#[test]
fn a_library_excludes_what_the_program_is_built_for() {
    check(
        CONFIGURATION,
        "interpreters = [\"3.9\", \"3.11\", \"3.12\"],",
        "compatibility = [\"CPython<3.10\"],",
        2,
        r#"
error[python::excluded_interpreter]: `//svc:app` is to be built for Python 3.11 and 3.12, which `CPython<3.10` of `//shared:shared` excludes
 --> svc/BUILD:5:28
  |
5 |     interpreters = ["3.9", "3.11", "3.12"],
  |                            ^^^^^^
  |
 ::: shared/BUILD:2:22
  |
2 |     compatibility = ["CPython<3.10"],
  |                      -------------- imposed by way of `//svc:app` → `//svc:lib` → `//shared:shared`
  |
  = help: take them out of `interpreters`, or widen the `interpreter_constraints` of `//shared:shared` (shared/BUILD:2:22)
"#,
    );
}

#[test]
fn a_library_excludes_what_is_configured() {
    check(
        CONFIGURATION,
        "",
        "compatibility = [\"CPython==2.7.*\"],",
        2,
        r#"
error[python::excluded_interpreter]: `//svc:app` is to be built for Python 3.11, which `CPython==2.7.*` of `//shared:shared` excludes
 --> pants.toml:2:16
  |
2 | interpreters = ["3.11"]
  |                ^^^^^^^^
  |
 ::: shared/BUILD:2:22
  |
2 |     compatibility = ["CPython==2.7.*"],
  |                      ---------------- imposed by way of `//svc:app` → `//svc:lib` → `//shared:shared`
  |
  = help: write `interpreters = ["2.7"]` for `//svc:app`, or widen the `interpreter_constraints` of `//shared:shared` (shared/BUILD:2:22)
"#,
    );
}

#[test]
fn two_targets_exclude_each_other() {
    check(
        CONFIGURATION,
        "interpreter_constraints = [\">=3.11.4\"],",
        "interpreter_constraints = [\"<3.11.4\", \"==2.7.*\"],",
        2,
        r#"
error[python::interpreter_conflict]: there is no Python that `//svc:app` could be built for: nothing satisfies `>=3.11.4` and `<3.11.4 OR ==2.7.*` of `//shared:shared`
 --> svc/BUILD:1:1
  |
1 | python_binary(
  | ^^^^^^^^^^^^^^
  |
 ::: svc/BUILD:5:32
  |
5 |     interpreter_constraints = [">=3.11.4"],
  |                                ---------- imposed by the program itself
  |
 ::: shared/BUILD:2:32
  |
2 |     interpreter_constraints = ["<3.11.4", "==2.7.*"],
  |                                --------- imposed by way of `//svc:app` → `//svc:lib` → `//shared:shared`
  |
  = help: widen the `interpreter_constraints` of `//shared:shared` (shared/BUILD:2:32), or do not depend on both
"#,
    );
}

#[test]
fn a_platform_brings_an_interpreter_that_is_excluded() {
    check(
        CONFIGURATION,
        "platforms = [\"linux-x86_64-cp-311-cp311\", \"manylinux2014_x86_64-cp-38-cp38\"],",
        "interpreter_constraints = [\">=3.9\"],",
        2,
        r#"
error[python::excluded_interpreter]: `//svc:app` is to be built for Python 3.8, which `>=3.9` of `//shared:shared` excludes
 --> svc/BUILD:5:47
  |
5 |     platforms = ["linux-x86_64-cp-311-cp311", "manylinux2014_x86_64-cp-38-cp38"],
  |                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: shared/BUILD:2:32
  |
2 |     interpreter_constraints = [">=3.9"],
  |                                ------- imposed by way of `//svc:app` → `//svc:lib` → `//shared:shared`
  |
  = help: take it out of `platforms`, or widen the `interpreter_constraints` of `//shared:shared` (shared/BUILD:2:32)
"#,
    );
}

#[test]
fn platforms_that_are_none() {
    check(
        CONFIGURATION,
        "platforms = [\"linux-x86_64-pp-39-pypy39_pp73\", \"lambda.json\", \"linux-x86_64-cp-311-cp312\"],",
        "",
        2,
        r#"
error[packaging::platform_spelling]: `linux-x86_64-pp-39-pypy39_pp73` is no platform with an interpreter: expected the implementation `cp`, found `pp`
 --> svc/BUILD:5:18
  |
5 |     platforms = ["linux-x86_64-pp-39-pypy39_pp73", "lambda.json", "linux-x86_64-cp-311-cp312"],
  |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write it as `linux-x86_64-cp-311-cp311`, or name the platform alone and the version in `interpreters`
error[packaging::complete_platform]: `svc/lambda.json` is no complete platform that can be built for: cannot read it: No such file or directory (os error 2)
 --> svc/BUILD:5:52
  |
5 |     platforms = ["linux-x86_64-pp-39-pypy39_pp73", "lambda.json", "linux-x86_64-cp-311-cp312"],
  |                                                    ^^^^^^^^^^^^^
  |
  = help: `pex3 interpreter inspect --markers --tags` writes such a file on the machine that it is for
error[packaging::platform_spelling]: `linux-x86_64-cp-311-cp312` is no platform with an interpreter: expected an ABI of Python 3.11, such as `cp311`, found `cp312`
 --> svc/BUILD:5:67
  |
5 |     platforms = ["linux-x86_64-pp-39-pypy39_pp73", "lambda.json", "linux-x86_64-cp-311-cp312"],
  |                                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write it as `linux-x86_64-cp-311-cp311`, or name the platform alone and the version in `interpreters`
"#,
    );
}

#[test]
fn complete_platforms_that_are_none() {
    check(
        CONFIGURATION,
        "complete_platforms = [\"//shared\", \"//shared:lambda\"],",
        "",
        2,
        r#"
error[packaging::complete_platform]: `//shared:lambda` is no complete platform that can be built for: cannot read it: there is no target `//shared:lambda`
 --> svc/BUILD:5:39
  |
5 |     complete_platforms = ["//shared", "//shared:lambda"],
  |                                       ^^^^^^^^^^^^^^^^^
  |
  = help: `pex3 interpreter inspect --markers --tags` writes such a file on the machine that it is for
error[packaging::complete_platform]: `shared/__init__.py` is no complete platform that can be built for: expected an object with `marker_environment` and `compatible_tags`: EOF while parsing a value at line 1 column 0
 --> svc/BUILD:5:27
  |
5 |     complete_platforms = ["//shared", "//shared:lambda"],
  |                           ^^^^^^^^^^
  |
  = help: `pex3 interpreter inspect --markers --tags` writes such a file on the machine that it is for
error[packaging::complete_platform]: `shared/page.py` is no complete platform that can be built for: expected an object with `marker_environment` and `compatible_tags`: EOF while parsing a value at line 1 column 0
 --> svc/BUILD:5:27
  |
5 |     complete_platforms = ["//shared", "//shared:lambda"],
  |                           ^^^^^^^^^^
  |
  = help: `pex3 interpreter inspect --markers --tags` writes such a file on the machine that it is for
"#,
    );
}
