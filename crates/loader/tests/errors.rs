//! Every way in which a BUILD file can be wrong, and what is said.

mod common;

use common::check;

#[test]
fn syntax_error() {
    check(
        &[("a/BUILD", "python_library(name = \"x\"\n"), ("b/BUILD", "x = = 1\n")],
        &[
            "a/BUILD:2:1+1: loader::syntax: unexpected new line, expected symbol `)`\n\
             \x20 help: is a comma or a closing bracket missing before it?",
            "b/BUILD:1:5+1: loader::syntax: unexpected symbol `=`, expected expression",
        ],
    );
}

#[test]
fn unknown_rule_and_all_that_follows() {
    check(
        &[("a/BUILD", "pyton_library(name = \"x\")\npython_library(nam = \"y\")\nfoo_bar()\n")],
        &[
            "a/BUILD:1:1+13: loader::unknown_name: there is no rule or function `pyton_library`\n\
             \x20 help: did you mean `python_library`?",
            "a/BUILD:2:16+3: loader::unknown_field: `python_library` has no field `nam`\n\
             \x20 help: did you mean `name`?",
        ],
    );
}

#[test]
fn fields() {
    check(
        &[(
            "a/BUILD",
            "python_binary(name = \"x\", entrypoint = \"m\", layout = \"zipap\", args = [\"a\", 3], sh_boot = \"yes\")\n\
             python_binary(\"y\", env = {\"A\": 1}, dependencies = [\":x\", \"/b\", \"//c:d e\"])\n\
             python_requirement(name = \"r\")\n\
             python_library(name = \"a:b\", sources = [])\n\
             python_library(name = \"x\", sources = 3, compatibility = [], interpreter_constraints = [])\n\
             python_library(name = \"x2\", sources = glob([\"*.nope\"], allow_empty = True), resolve = print)\n",
        )],
        &[
            "a/BUILD:1:27+10: loader::unknown_field: `python_binary` has no field `entrypoint`\n\
             \x20 help: did you mean `entry_point`?",
            "a/BUILD:1:54+7: graph::field_choice: field `layout`: expected one of `zipapp`, `packed`, `loose`, `venv`, `dir`, `zip`, found `zipap`\n\
             \x20 help: did you mean `zipapp`?",
            "a/BUILD:1:76+1: graph::field_type: field `args`: expected a list of strings, found the number `3`",
            "a/BUILD:1:90+5: graph::field_type: field `sh_boot`: expected `True` or `False`, found the string \"yes\"",
            "a/BUILD:2:15+3: loader::positional: `python_binary` takes named arguments alone\n\
             \x20 help: write `name = \"…\"`",
            "a/BUILD:2:32+1: graph::field_type: field `env`: expected a dictionary of strings, found the number `1`",
            "a/BUILD:2:58+4: graph::label: field `dependencies`: `/b` is not a label: expected `//` or a path relative to the root, found one `/`\n\
             \x20 help: write `//b`",
            "a/BUILD:2:64+9: graph::label: field `dependencies`: `//c:d e` is not a label: the character ` ` is not allowed\n\
             \x20 help: a label is `//directory:name`, `:name` in the same file, or `//directory` for `//directory:directory`",
            "a/BUILD:3:1+30: loader::missing_field: `python_requirement` needs the field `requirements`\n\
             \x20 help: for example `requirements = [\"flask[async]==3.0.*\"]`",
            "a/BUILD:4:23+5: loader::name: `a:b` cannot be the name of a target: the character `:` is not allowed",
            "a/BUILD:5:38+1: graph::field_type: field `sources`: expected a list of file patterns, found the number `3`",
            "a/BUILD:5:87+2: loader::field_twice: `python_library` gives the field `interpreter_constraints` twice, under two names",
            "a/BUILD:6:87+5: graph::field_type: field `resolve`: expected a string, found a function",
        ],
    );
}

#[test]
fn sources() {
    check(
        &[
            ("a/main.py", ""),
            ("a/sub/other.py", ""),
            (
                "a/BUILD",
                "python_library(name = \"a\", sources = [\"mian.py\", \"*.txt\", \"main.py\", \"!*.nothing\", \"../b.py\", \"/c.py\", \"sub\", \"[\"])\n\
                 python_library(name = \"b\", sources = glob([\"*.py\", \"*.rs\"], exclude = [\"*.c\"]))\n\
                 python_requirements(name = \"c\")\n\
                 python_requirements(name = \"d\", source = \"main.pyy\")\n",
            ),
        ],
        &[
            "a/BUILD:1:39+9: loader::missing_source: there is no file `a/mian.py`\n\
             \x20 help: did you mean `main.py`?",
            "a/BUILD:1:50+7: loader::unmatched_pattern: the pattern `*.txt` matches no file\n\
             \x20 help: remove it, or correct it; `!` and `exclude` may match nothing",
            "a/BUILD:1:84+9: loader::leaves_package: `../b.py` leaves the directory of the BUILD file\n\
             \x20 help: sources lie in the directory of the BUILD file or below it; depend on a target of the other",
            "a/BUILD:1:95+7: loader::leaves_package: `/c.py` leaves the directory of the BUILD file\n\
             \x20 help: sources lie in the directory of the BUILD file or below it; depend on a target of the other",
            "a/BUILD:1:104+5: loader::missing_source: `a/sub` is a directory\n\
             \x20 help: name the files in it, as by `sub/**`",
            "a/BUILD:1:111+3: loader::pattern: the pattern `[` is wrong: unclosed character class; missing ']'",
            "a/BUILD:2:52+6: loader::unmatched_pattern: the pattern `*.rs` matches no file\n\
             \x20 help: remove it, or correct it; `!` and `exclude` may match nothing",
            "a/BUILD:3:1+31: loader::missing_source: there is no file `a/requirements.txt`",
            "a/BUILD:4:42+10: loader::missing_source: there is no file `a/main.pyy`\n\
             \x20 help: did you mean `main.py`?",
        ],
    );
}

#[test]
fn two_targets_of_one_name() {
    check(
        &[
            ("a/BUILD", "files(name = \"a\", sources = [\"BUILD\"])\n\npython_library()\n"),
            ("BUILD", "python_library()"),
        ],
        &[
            "BUILD:1:1+16: loader::name: a target in the root directory needs a `name`",
            "a/BUILD:3:1+16: graph::duplicate_target: two targets are named `//a:a`\n\
             \x20 a/BUILD:1:1: the first is here\n\
             \x20 help: give one of them another `name`",
        ],
    );
}

#[test]
fn load_cycle() {
    check(
        &[
            ("BUILD", "load(\"//m/a.bzl\", \"a\")\na()\n"),
            ("m/a.bzl", "load(\":b.bzl\", \"b\")\ndef a():\n    pass\n"),
            ("m/b.bzl", "load(\"//m:c.bzl\", \"c\")\ndef b():\n    pass\n"),
            ("m/c.bzl", "\nload(\"//m/a.bzl\", \"a\")\ndef c():\n    pass\n"),
        ],
        &[
            "m/a.bzl:1:6+8: loader::load_cycle: files load each other in a circle: m/a.bzl -> m/b.bzl -> m/c.bzl -> m/a.bzl\n\
             \x20 m/b.bzl:1:6: which loads\n\
             \x20 m/c.bzl:2:6: which loads\n\
             \x20 help: move what both need into a file of its own",
        ],
    );
}

#[test]
fn loads_that_go_wrong() {
    check(
        &[
            (
                "BUILD",
                "load(\"//m/macro.bzl\", \"service\")\nload(\"m/macros.bzl\", \"service\")\nload(\"//m/macros.bzl\", \"servce\", other = \"_hidden\")\n",
            ),
            ("m/macros.bzl", "def service(name):\n    python_library(name = name)\n\n_hidden = 1\n"),
            ("n/BUILD", "load(\"//m/bad.bzl\", \"x\")\nload(\"//m/bad.bzl\", \"y\")\nx()\n"),
            ("m/bad.bzl", "python_library(name = \"x\")\nx = unknown_thing\ny = glob([\"*\"])\n"),
        ],
        &[
            "BUILD:1:6+15: loader::missing_module: there is no file `m/macro.bzl` to load\n\
             \x20 help: did you mean `//m/macros.bzl`?",
            "BUILD:2:6+14: loader::module_path: `m/macros.bzl` cannot be loaded: expected `//directory/file.bzl`, `//directory:file.bzl` or `:file.bzl`\n\
             \x20 help: did you mean `//m/macros.bzl`?",
            "BUILD:3:24+8: loader::missing_symbol: `m/macros.bzl` has no `servce` to load\n\
             \x20 help: did you mean `service`?",
            "BUILD:3:42+9: loader::missing_symbol: `m/macros.bzl` has no `_hidden` to load",
            "m/bad.bzl:1:1+26: loader::target_in_module: `python_library` is called while `m/bad.bzl` is loaded; only a BUILD file can have targets\n\
             \x20 help: put the call into a function that a BUILD file calls",
            "m/bad.bzl:2:5+13: loader::unknown_name: there is no rule or function `unknown_thing`",
            "m/bad.bzl:3:5+11: loader::glob_in_module: `glob` is called while `m/bad.bzl` is loaded; only a BUILD file can look for files\n\
             \x20 help: put the call into a function that a BUILD file calls",
        ],
    );
}

#[test]
fn errors_in_macros_point_to_both_places() {
    check(
        &[
            ("BUILD", "load(\"//m:macros.bzl\", \"service\")\n\nservice(name = \"x\")\n"),
            (
                "m/macros.bzl",
                "def service(name):\n    python_library(name = name, sorces = [])\n    fail(\"no\", name)\n",
            ),
        ],
        &[
            "BUILD:3:1+19: loader::unknown_field: `python_library` has no field `sorces`\n\
             \x20 m/macros.bzl:2:5: called here\n\
             \x20 help: did you mean `sources` or `srcs` or `source`?",
            "m/macros.bzl:3:5+16: loader::evaluation: no x\n\
             \x20 BUILD:3:1: called here",
        ],
    );
}

#[test]
fn endless() {
    check(
        &[
            ("a/BUILD", "def f(n):\n    return f(n + 1)\n\nf(1)\n"),
            ("b/BUILD", "load(\":m.bzl\", \"loop\")\nloop()\n"),
            ("b/m.bzl", "def loop():\n    for i in range(1000000000):\n        pass\n"),
        ],
        &[
            "a/BUILD:2:12+8: loader::calls: functions call each other more than 100 deep\n\
             \x20 a/BUILD:4:1: called here\n\
             \x20 help: is there a loop or a recursion that does not end?",
            "b/m.bzl:2:5+27: loader::steps: evaluating `b/BUILD` takes more than 1000000 steps\n\
             \x20 b/BUILD:2:1: called here\n\
             \x20 help: is there a loop or a recursion that does not end?",
        ],
    );
}

#[test]
fn nested_brackets() {
    let deep = format!("x = 1\ny = {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    check(
        &[("a/BUILD", &deep)],
        &["a/BUILD:2:154+1: loader::nesting: brackets, operators and blocks are nested more than 300 deep\n\
           \x20 help: is a bracket never closed? else spread it over several assignments"],
    );
}

#[test]
fn both_build_files() {
    check(
        &[("a/BUILD", ""), ("a/BUILD.pants", "")],
        &["a/BUILD:1:1+1: loader::two_build_files: `a` has both a `BUILD` and a `BUILD.pants`\n\
             \x20 help: move the targets of one into the other"],
    );
}
