//! Targets that are wrong, alone or together.

use crate::repository::{Repository, check};

#[test]
fn unknown_field() {
    check(
        &[("svc/a.py", ""), ("svc/BUILD", "python_library(name = \"lib\", dependancies = [])\n")],
        r#"
error[loader::unknown_field]: `python_library` has no field `dependancies`
 --> svc/BUILD:1:30
  |
1 | python_library(name = "lib", dependancies = [])
  |                              ^^^^^^^^^^^^
  |
  = help: did you mean `dependencies`?
"#,
    );
}

#[test]
fn wrong_types() {
    check(
        &[(
            "svc/BUILD",
            "python_binary(\n    name = \"app\",\n    entry_point = [\"main\"],\n    args = \"--port\",\n    \
             dependencies = [1],\n    sh_boot = \"yes\",\n    layout = \"zipaap\",\n)\n",
        )],
        r#"
error[graph::field_type]: field `entry_point`: expected a string, found a list
 --> svc/BUILD:3:19
  |
3 |     entry_point = ["main"],
  |                   ^^^^^^^^
error[graph::field_type]: field `args`: expected a list of strings, found the string "--port"
 --> svc/BUILD:4:12
  |
4 |     args = "--port",
  |            ^^^^^^^^
  |
  = help: write `args = ["--port"]`
error[graph::field_type]: field `dependencies`: expected a list of labels, found the number `1`
 --> svc/BUILD:5:21
  |
5 |     dependencies = [1],
  |                     ^
error[graph::field_type]: field `sh_boot`: expected `True` or `False`, found the string "yes"
 --> svc/BUILD:6:15
  |
6 |     sh_boot = "yes",
  |               ^^^^^
error[graph::field_choice]: field `layout`: expected one of `zipapp`, `packed`, `loose`, `venv`, `dir`, `zip`, found `zipaap`
 --> svc/BUILD:7:14
  |
7 |     layout = "zipaap",
  |              ^^^^^^^^
  |
  = help: did you mean `zipapp`?
"#,
    );
}

#[test]
fn missing_source() {
    check(
        &[
            ("svc/server.py", ""),
            ("svc/BUILD", "python_library(name = \"lib\", sources = [\"sever.py\", \"server.py\"])\n"),
        ],
        r#"
error[loader::missing_source]: there is no file `svc/sever.py`
 --> svc/BUILD:1:41
  |
1 | python_library(name = "lib", sources = ["sever.py", "server.py"])
  |                                         ^^^^^^^^^^
  |
  = help: did you mean `server.py`?
"#,
    );
}

#[test]
fn unmatched_glob() {
    check(
        &[
            ("svc/a.py", ""),
            (
                "svc/BUILD",
                "python_library(name = \"lib\", sources = [\"*.py\", \"*.pyx\"])\n\
                 files(name = \"data\", sources = glob([\"data/**\"]))\n",
            ),
        ],
        r#"
error[loader::unmatched_pattern]: the pattern `*.pyx` matches no file
 --> svc/BUILD:1:49
  |
1 | python_library(name = "lib", sources = ["*.py", "*.pyx"])
  |                                                 ^^^^^^^
  |
  = help: remove it, or correct it; `!` and `exclude` may match nothing
error[loader::unmatched_pattern]: the pattern `data/**` matches no file
 --> svc/BUILD:2:38
  |
2 | files(name = "data", sources = glob(["data/**"]))
  |                                      ^^^^^^^^^
  |
  = help: remove it, or correct it; `!` and `exclude` may match nothing
"#,
    );
}

#[test]
fn source_outside_of_the_folder() {
    check(
        &[("a.py", ""), ("svc/BUILD", "python_library(name = \"lib\", sources = [\"../a.py\"])\n")],
        r#"
error[loader::leaves_package]: `../a.py` leaves the directory of the BUILD file
 --> svc/BUILD:1:41
  |
1 | python_library(name = "lib", sources = ["../a.py"])
  |                                         ^^^^^^^^^
  |
  = help: sources lie in the directory of the BUILD file or below it; depend on a target of the other
"#,
    );
}

#[test]
fn unknown_targets() {
    check(
        &[
            ("svc/server.py", ""),
            (
                "svc/BUILD",
                "python_library(name = \"lib\")\n\n\
                 python_binary(\n    name = \"app\",\n    \
                 dependencies = [\":libs\", \"//scv:lib\", \"//nowhere/at/all:x\", \"//svc/sever.py:lib\"],\n)\n",
            ),
        ],
        r#"
error[graph::unknown_target]: there is no target `//svc:libs`
 --> svc/BUILD:5:21
  |
5 |     dependencies = [":libs", "//scv:lib", "//nowhere/at/all:x", "//svc/sever.py:lib"],
  |                     ^^^^^^^
  |
  = help: did you mean `//svc:lib`?
error[graph::unknown_target]: there is no target `//scv:lib`
 --> svc/BUILD:5:30
  |
5 |     dependencies = [":libs", "//scv:lib", "//nowhere/at/all:x", "//svc/sever.py:lib"],
  |                              ^^^^^^^^^^^
  |
  = help: did you mean `//svc:lib`?
error[graph::unknown_target]: there is no target `//nowhere/at/all:x`
 --> svc/BUILD:5:43
  |
5 |     dependencies = [":libs", "//scv:lib", "//nowhere/at/all:x", "//svc/sever.py:lib"],
  |                                           ^^^^^^^^^^^^^^^^^^^^
  |
  = help: `pants list ::` names all targets
error[graph::not_a_source]: `svc/sever.py` is not a source of `//svc:lib`
 --> svc/BUILD:5:65
  |
5 |     dependencies = [":libs", "//scv:lib", "//nowhere/at/all:x", "//svc/sever.py:lib"],
  |                                                                 ^^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `svc/server.py`?
"#,
    );
}

#[test]
fn unknown_target_on_the_command_line() {
    let repository =
        Repository::new(&[("svc/server.py", ""), ("svc/BUILD", "python_library(name = \"lib\")\n")]);
    repository.fails(
        &["list", "//svc:lob", "//scv/...", "svc/sever.py", "//svc:"],
        2,
        r#"
error[graph::unknown_target]: there is no target `//svc:lob`
 |
 = help: did you mean `//svc:lib`?
error[graph::no_match]: `//scv/...` matches no target
 |
 = help: did you mean `//svc/...`?
error[graph::unknown_target]: there is no target `//svc/sever.py`
 |
 = help: did you mean `//svc:lib`?
"#,
    );
}

#[test]
fn two_targets_of_one_name() {
    check(
        &[
            ("svc/a.py", ""),
            ("svc/BUILD", "python_library(name = \"lib\")\n\npython_library(name = \"lib\")\n"),
        ],
        r#"
error[graph::duplicate_target]: two targets are named `//svc:lib`
 --> svc/BUILD:3:1
  |
3 | python_library(name = "lib")
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
 ::: svc/BUILD:1:1
  |
1 | python_library(name = "lib")
  | ---------------------------- the first is here
  |
  = help: give one of them another `name`
"#,
    );
}

#[test]
fn dependency_cycle() {
    check(
        &[
            ("a/a.py", ""),
            ("b/b.py", ""),
            ("c/c.py", ""),
            ("a/BUILD", "python_library(dependencies = [\"//b\"])\n"),
            ("b/BUILD", "python_library(\n    dependencies = [\n        \"//c\",\n    ],\n)\n"),
            ("c/BUILD", "python_library(dependencies = [\"//a\"])\n"),
        ],
        r#"
error[graph::cycle]: targets depend on each other in a circle: //a:a (a/BUILD:1) -> //b:b (b/BUILD:3) -> //c:c (c/BUILD:1) -> //a:a
 --> a/BUILD:1:32
  |
1 | python_library(dependencies = ["//b"])
  |                                ^^^^^
  |
 ::: b/BUILD:3:9
  |
3 |         "//c",
  |         ----- `//b:b` depends on `//c:c`
  |
 ::: c/BUILD:1:32
  |
1 | python_library(dependencies = ["//a"])
  |                                ----- `//c:c` depends on `//a:a`
  |
  = help: move what both need into a target of its own
"#,
    );
}

#[test]
fn dependency_on_itself() {
    check(
        &[("a/a.py", ""), ("a/BUILD", "python_library(dependencies = [\":a\"])\n")],
        r#"
error[graph::self_dependency]: `//a:a` depends on itself
 --> a/BUILD:1:32
  |
1 | python_library(dependencies = [":a"])
  |                                ^^^^
  |
  = help: remove the dependency
"#,
    );
}

#[test]
fn bad_labels() {
    check(
        &[(
            "svc/BUILD",
            "python_library(name = \"a:b\", dependencies = [\"//a b\", \":\", \"/x\", \"@x//a\"])\n",
        )],
        r#"
error[loader::name]: `a:b` cannot be the name of a target: the character `:` is not allowed
 --> svc/BUILD:1:23
  |
1 | python_library(name = "a:b", dependencies = ["//a b", ":", "/x", "@x//a"])
  |                       ^^^^^
error[graph::label]: field `dependencies`: `:` is not a label: the name of the target is missing
 --> svc/BUILD:1:55
  |
1 | python_library(name = "a:b", dependencies = ["//a b", ":", "/x", "@x//a"])
  |                                                       ^^^
  |
  = help: a label is `//directory:name`, `:name` in the same file, or `//directory` for `//directory:directory`
error[graph::label]: field `dependencies`: `/x` is not a label: expected `//` or a path relative to the root, found one `/`
 --> svc/BUILD:1:60
  |
1 | python_library(name = "a:b", dependencies = ["//a b", ":", "/x", "@x//a"])
  |                                                            ^^^^
  |
  = help: write `//x`
error[graph::label]: field `dependencies`: `@x//a` is not a label: a directory has an empty name
 --> svc/BUILD:1:66
  |
1 | python_library(name = "a:b", dependencies = ["//a b", ":", "/x", "@x//a"])
  |                                                                  ^^^^^^^
  |
  = help: a label is `//directory:name`, `:name` in the same file, or `//directory` for `//directory:directory`
"#,
    );
}

#[test]
fn requirement_that_does_not_parse() {
    let repository = Repository::new(&[
        (
            "3rdparty/BUILD",
            "python_requirement(name = \"flask\", requirements = [\"flask==3.0.*\", \"requests=2\"])\n",
        ),
        (
            "svc/BUILD",
            "python_binary(name = \"app\", script = \"flask\", dependencies = [\"//3rdparty:flask\"])\n",
        ),
    ]);
    repository.fails(&["binary", "//svc:app"], 2, r#"
error[packaging::requirement]: `requests=2` is not a requirement: no such comparison operator "=", must be one of ~= == != <= >= < > ===
 --> 3rdparty/BUILD:1:68
  |
1 | python_requirement(name = "flask", requirements = ["flask==3.0.*", "requests=2"])
  |                                                                    ^^^^^^^^^^^^
  |
  = help: write it as in `flask==3.0.*` or `requests>=2.31,<3`
"#);
    repository.fails(&["lock"], 2, r#"
error[packaging::requirement]: `requests=2` is not a requirement: no such comparison operator "=", must be one of ~= == != <= >= < > ===
 --> 3rdparty/BUILD:1:68
  |
1 | python_requirement(name = "flask", requirements = ["flask==3.0.*", "requests=2"])
  |                                                                    ^^^^^^^^^^^^
  |
  = help: write it as in `flask==3.0.*` or `requests>=2.31,<3`
"#);
}

#[test]
fn errors_of_several_files_together() {
    check(
        &[
            ("a/BUILD", "python_library(nam = \"a\")\n"),
            ("b/BUILD", "files(name = \"b\")\n"),
            ("c/BUILD", "x = 1 / 0\n"),
        ],
        r#"
error[loader::unknown_field]: `python_library` has no field `nam`
 --> a/BUILD:1:16
  |
1 | python_library(nam = "a")
  |                ^^^
  |
  = help: did you mean `name`?
error[loader::missing_field]: `files` needs the field `sources`
 --> b/BUILD:1:1
  |
1 | files(name = "b")
  | ^^^^^^^^^^^^^^^^^
  |
  = help: for example `sources = ["*.py", "!legacy.py"]`
error[loader::evaluation]: float division by zero: 1 / 0
 --> c/BUILD:1:5
  |
1 | x = 1 / 0
  |     ^^^^^
"#,
    );
}
