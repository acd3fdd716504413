//! Dependencies that must not be, and rules that say nothing.

use crate::repository::{CONFIGURATION, Repository};

const FILES: &[(&str, &str)] = &[
    ("lib/private.py", ""),
    ("lib/BUILD", "python_library(\n    visibility = [\"//other:__pkg__\"],\n)\n"),
    ("svc/main.py", "import json\nfrom lib import private\n"),
    (
        "svc/BUILD",
        "python_library(name = \"lib\")\n\npython_binary(name = \"app\", entry_point = \"main.py\")\n",
    ),
];

const INVISIBLE: &str = r#"[graph::visibility]: `//svc/main.py:lib` depends on `//lib/private.py`, which it cannot see
 --> svc/main.py:2:6
  |
2 | from lib import private
  |      ^^^
  |
 ::: lib/BUILD:2:18
  |
2 |     visibility = ["//other:__pkg__"],
  |                  ------------------- who may see it: `//other:__pkg__`
  |
  = help: add `"//svc:__pkg__"` to the `visibility` of `//lib:lib`
"#;

#[test]
fn what_is_built_sees_all_that_it_needs() {
    let mut repository = Repository::new(FILES);
    let invisible = format!("error{INVISIBLE}");
    repository.fails(&["binary", "//svc:app"], 2, &invisible);
    repository.fails(&["dependencies", "--check", "svc::"], 2, &invisible);
    let warned = repository.run(&["dependencies", "svc/main.py"]);
    assert_eq!(warned.stdout, "//lib:lib\n");
    repository.compare(&warned, 0, &format!("warning{INVISIBLE}"));
    let other = repository.run(&["dependencies", "lib::"]);
    repository.compare(&other, 0, "");
    repository.env.insert("PANTS_VISIBILITY_SEVERITY".to_owned(), "warning".to_owned());
    let warned = repository.run(&["dependencies", "--check", "svc::"]);
    repository.compare(&warned, 0, &format!("warning{INVISIBLE}"));
    repository.env.insert("PANTS_VISIBILITY_ENFORCE".to_owned(), "false".to_owned());
    repository.compare(&repository.run(&["dependencies", "--check", "svc::"]), 0, "");
    repository.env.clear();
    repository.write("lib/BUILD", "python_library(visibility = [\"//svc:app\", \"//svc:__pkg__\"])\n");
    repository.compare(&repository.run(&["dependencies", "--check", "::"]), 0, "");
}

#[test]
fn rules_of_build_files() {
    let repository = Repository::new(&[
        ("pants.toml", CONFIGURATION),
        (
            "BUILD",
            "__dependencies_rules__(\n    (python_tests, \"*\"),\n    (\"*\", \"!lib/**\", \"*\"),\n)\n",
        ),
        ("lib/a.py", ""),
        ("lib/BUILD", "python_library()\n"),
        ("svc/main.py", "import lib.a\n"),
        ("svc/BUILD", "python_library()\n"),
    ]);
    repository.fails(
        &["dependencies", "--check", "svc::"],
        2,
        r#"
error[graph::dependency_rule]: `//svc/main.py` must not depend on `//lib/a.py`
 --> svc/main.py:1:8
  |
1 | import lib.a
  |        ^^^^^
  |
 ::: BUILD:3:11
  |
3 |     ("*", "!lib/**", "*"),
  |           --------- the rule `!lib/**` of `__dependencies_rules__`
  |
  = help: write `"//lib/a.py"` in front of the rule in BUILD:3 to allow it
"#,
    );
    repository.write("svc/BUILD", "python_library()\n\n__dependencies_rules__((\"*\", \"src/**\"))\n");
    repository.fails(
        &["dependencies", "--check", "svc::"],
        2,
        r#"
error[graph::no_dependency_rule]: no rule says whether `//svc/main.py` may depend on `//lib/a.py`
 --> svc/main.py:1:8
  |
1 | import lib.a
  |        ^^^^^
  |
 ::: svc/BUILD:3:25
  |
3 | __dependencies_rules__(("*", "src/**"))
  |                         ------------- `__dependencies_rules__` are declared here
  |
  = help: rules have to say something of every dependency: add `"//lib/a.py"` to the set that is for `//svc/main.py`, or the set `("*", "*")` behind the others
"#,
    );
    repository.write("svc/BUILD", "__dependencies_rules__((\"*\", \"?lib/*\"))\n\npython_library()\n");
    let warned = repository.run(&["dependencies", "--check", "svc::"]);
    assert!(
        warned.code == 0 && warned.stderr.contains("had better not depend on `//lib/a.py`"),
        "{warned:?}"
    );
}

#[test]
fn rules_that_cannot_be() {
    let repository = Repository::new(&[(
        "BUILD",
        "__dependencies_rules__(\n    \"*\",\n    (\"*\", {\"pth\": \"x\"}),\n    (\"<x\", \"*\"),\n)\n\
         __dependents_rules__((\"*\", \"*\"))\n__dependents_rules__((\"*\", \"*\"))\n",
    )]);
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[graph::dependency_rule_form]: a set of rules is `(selectors, rule, …)`, not a string
 --> BUILD:2:5
  |
2 |     "*",
  |     ^^^
  |
  = help: for example `("*", "src/lib/**", "!*")`
error[graph::dependency_rule_form]: a selector or rule has no `pth`
 --> BUILD:3:11
  |
3 |     ("*", {"pth": "x"}),
  |           ^^^^^^^^^^^^
  |
  = help: did you mean `path`?
error[graph::dependency_rule_form]: `<x` is no selector: expected a glob, or `<type>[path:name](tag, tag)`
 --> BUILD:4:6
  |
4 |     ("<x", "*"),
  |      ^^^^
error[graph::dependency_rule_form]: `__dependents_rules__` is called twice in one BUILD file
 --> BUILD:7:1
  |
7 | __dependents_rules__(("*", "*"))
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: give all sets to one call
"#,
    );
    let repository = Repository::new(&[(
        "BUILD",
        "files(name = \"a\", sources = [\"BUILD\"], visibility = [\"//a/*/b\"])\n",
    )]);
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[graph::visibility_form]: `visibility` takes labels and patterns: `//a/*/b` is not a label: the character `*` is not allowed
 --> BUILD:1:54
  |
1 | files(name = "a", sources = ["BUILD"], visibility = ["//a/*/b"])
  |                                                      ^^^^^^^^^
  |
  = help: for example `//visibility:private`, `//svc:__pkg__`, `//svc/...` or `//svc:app`
"#,
    );
}
