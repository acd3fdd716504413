//! Graphs of a few targets, checked against visibility and rules.

use crate::visibility::{DeclaredRules, RuleSet, Side, Violation, check as check_edges};
use crate::{Edge, EdgeKind, Field, Label, Place, SourceFile, Target, TargetGraph, Value, schema};

fn list(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(*text)).collect())
}

fn place(file: &str, line: u32) -> Place {
    Place::new(file, line, 1)
}

/// A target of a package with files and fields of lists.
fn target(rule: &str, label: &str, files: &[&str], fields: &[(&'static str, Value)]) -> Target {
    let label: Label = label.parse().unwrap();
    let build = format!("{}/BUILD", label.package());
    let mut sources: Vec<SourceFile> =
        files.iter().map(|file| SourceFile { path: format!("{}/{file}", label.package()).into() }).collect();
    sources.sort();
    let field = |&(name, ref value): &(&'static str, Value)| {
        let value = match (name, value) {
            ("dependencies", Value::List(items)) => {
                let label = |item: &Value| {
                    Value::Label(Label::parse(item.as_str().unwrap(), label.package()).unwrap())
                };
                Value::List(items.iter().map(label).collect())
            }
            (_, value) => value.clone(),
        };
        Field { name, value, place: place(&build, 2), items: Vec::new() }
    };
    let fields = fields.iter().map(field).collect();
    Target { rule: schema(rule).unwrap(), fields, place: place(&build, 1), sources, label }
}

fn rules(side: Side, package: &str, extend: bool, sets: &[Value]) -> DeclaredRules {
    let build = format!("{package}/BUILD");
    let read = |(index, set): (usize, &Value)| {
        let at = place(&build, 10 + u32::try_from(index).unwrap());
        RuleSet::read(set, &at, &[]).unwrap()
    };
    DeclaredRules {
        side,
        package: package.to_owned(),
        extend,
        sets: sets.iter().enumerate().map(read).collect(),
    }
}

/// The graph of the targets, with an import from the first file to each of the others.
fn graph(targets: Vec<Target>, imports: &[(&str, &str)]) -> TargetGraph {
    let edges: Vec<Edge> = imports
        .iter()
        .map(|(from, to)| Edge {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            kind: EdgeKind::Inferred,
            place: Some(place(from.trim_start_matches("//"), 7)),
        })
        .collect();
    let (graph, errors) = TargetGraph::build(targets, &edges);
    assert_eq!(errors, []);
    graph
}

#[track_caller]
fn check(graph: &TargetGraph, declared: &[DeclaredRules], expected: &[&str]) {
    let (violations, errors) = check_edges(graph, declared);
    let line = |violation: &Violation| {
        format!(
            "{}: {} ({}, {})",
            violation.place(),
            violation,
            violation.cause.place(),
            violation.edges.len()
        )
    };
    let mut found: Vec<String> = violations.iter().map(line).collect();
    found.extend(errors.iter().map(ToString::to_string));
    assert_eq!(found, expected);
}

#[test]
fn visibility_of_declared_and_inferred_edges() {
    let targets = |visibility: &[&str]| {
        vec![
            target("python_library", "//lib", &["a.py"], &[("visibility", list(visibility))]),
            target("python_library", "//lib:same", &["b.py"], &[]),
            target("python_library", "//svc", &["x.py"], &[]),
            target("python_binary", "//svc:app", &[], &[("dependencies", list(&["//lib"]))]),
            target("alias", "//svc:other", &[], &[("actual", Value::Label("//svc:app".parse().unwrap()))]),
            target("files", "//other", &["f.txt"], &[("dependencies", list(&["//lib"]))]),
        ]
    };
    let imports = [("//svc/x.py", "//lib/a.py"), ("//lib/b.py:same", "//lib/a.py")];
    let [other, app, file] = [
        "other/BUILD:2:1: `//other/f.txt` depends on `//lib:lib`, which it cannot see (lib/BUILD:2:1, 1)",
        "svc/BUILD:2:1: `//svc:app` depends on `//lib:lib`, which it cannot see (lib/BUILD:2:1, 1)",
        "svc/x.py:7:1: `//svc/x.py` depends on `//lib/a.py`, which it cannot see (lib/BUILD:2:1, 1)",
    ];
    let seen =
        |visibility: &[&str], expected: &[&str]| check(&graph(targets(visibility), &imports), &[], expected);
    seen(&["//visibility:public"], &[]);
    seen(&["//visibility:private"], &[other, app, file]);
    seen(&[], &[other, app, file]);
    seen(&["//svc:__pkg__"], &[other]);
    seen(&["//svc/...", "//nowhere/**"], &[other]);
    seen(&["//svc:app"], &[other, file]);
    seen(&["//svc:other"], &[other, file]);
    seen(&["//svc:svc", "//other"], &[app]);
    seen(&["//...", "//visibility:private"], &[]);
    seen(&["//sv:app"], &[other, app, file, "there is no target `//sv:app`"]);
    seen(
        &["//svc/*/x", "//..."],
        &[
            "`visibility` takes labels and patterns: `//svc/*/x` is not a label: the character `*` is not allowed",
        ],
    );
}

#[test]
fn the_first_set_and_the_first_rule_count_on_both_sides() {
    let targets = vec![
        target("python_library", "//src/a", &["main.py", "special.py"], &[("tags", list(&["apps"]))]),
        target("python_library", "//src/b", &["lib.py", "deep/er.py"], &[("tags", list(&["libs"]))]),
        target("python_test", "//src/a:tests", &["a_test.py"], &[]),
    ];
    let imports = [
        ("//src/a/main.py", "//src/b/lib.py"),
        ("//src/a/main.py", "//src/b/deep/er.py:../b"),
        ("//src/a/special.py", "//src/b/lib.py"),
        ("//src/a/a_test.py:tests", "//src/b/lib.py"),
        ("//src/a/a_test.py:tests", "//src/a/main.py"),
    ];
    let graph = graph(targets, &imports);
    let nested = |parts: Vec<Value>| Value::List(parts);
    let dependencies = rules(
        Side::Dependencies,
        "src/a",
        false,
        &[
            nested(vec!["<python_tests>".into(), "./*".into(), "?*".into()]),
            nested(vec![
                list(&["<python_sources>(apps)", "nowhere"]),
                list(&["src/a/**", "src/b/lib.py"]),
                "!*".into(),
            ]),
        ],
    );
    check(
        &graph,
        std::slice::from_ref(&dependencies),
        &[
            "src/a/main.py:7:1: `//src/a/main.py` must not depend on `//src/b/deep/er.py:../b` (src/a/BUILD:11:1, 1)",
            "src/a/a_test.py:tests:7:1: `//src/a/a_test.py:tests` had better not depend on `//src/b/lib.py` \
             (src/a/BUILD:10:1, 1)",
        ],
    );
    let deny = Value::Dict(vec![("path".into(), "special.py".into()), ("action".into(), "deny".into())]);
    let tagged =
        Value::Dict(vec![("tags".into(), list(&["li*"])), ("type".into(), "<python_library>".into())]);
    let dependents = rules(Side::Dependents, "src", false, &[nested(vec![tagged, deny, "*_test.py".into()])]);
    check(
        &graph,
        &[dependencies, dependents],
        &[
            "src/a/main.py:7:1: `//src/a/main.py` must not depend on `//src/b/deep/er.py:../b` (src/a/BUILD:11:1, 1)",
            "src/a/special.py:7:1: `//src/a/special.py` must not depend on `//src/b/lib.py` (src/BUILD:10:1, 1)",
            "src/a/main.py:7:1: no rule says whether `//src/a/main.py` may depend on \
             `//src/b/deep/er.py:../b` (src/BUILD:10:1, 2)",
            "src/a/a_test.py:tests:7:1: no rule says whether `//src/a/a_test.py:tests` may depend on \
             `//src/a/main.py` (src/BUILD:10:1, 1)",
            "src/a/a_test.py:tests:7:1: `//src/a/a_test.py:tests` had better not depend on `//src/b/lib.py` \
             (src/a/BUILD:10:1, 1)",
        ],
    );
}

#[test]
fn folders_below_inherit_and_extend() {
    let targets = vec![
        target("python_library", "//src", &["a.py"], &[]),
        target("python_library", "//src/sub", &["b.py"], &[]),
        target("files", "//src/sub:data", &["c.txt"], &[("dependencies", list(&["//src/sub"]))]),
    ];
    let graph = graph(targets, &[("//src/sub/b.py", "//src/a.py")]);
    let above = rules(Side::Dependencies, "", false, &[list(&["*", "!*"])]);
    let both = [
        "src/sub/BUILD:2:1: `//src/sub/c.txt:data` must not depend on `//src/sub:sub` (/BUILD:10:1, 1)",
        "src/sub/b.py:7:1: `//src/sub/b.py` must not depend on `//src/a.py` (/BUILD:10:1, 1)",
    ];
    check(&graph, std::slice::from_ref(&above), &both);
    let own = |extend| rules(Side::Dependencies, "src/sub", extend, &[list(&["<files>", "*"])]);
    check(&graph, &[own(true), above.clone()], &both[1..]);
    let none = "src/sub/b.py:7:1: no rule says whether `//src/sub/b.py` may depend on `//src/a.py` (src/sub/BUILD:10:1, 1)";
    check(&graph, &[above.clone(), own(false)], &[none]);
    let nothing = rules(Side::Dependencies, "src/sub", false, &[]);
    check(&graph, &[nothing, above], &both);
}

#[test]
fn what_is_no_set() {
    #[track_caller]
    fn check(value: Value, expected: &str) {
        let (_, error) = RuleSet::read(&value, &place("BUILD", 1), &[]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    check("*".into(), "a set of rules is `(selectors, rule, …)`, not a string");
    check(list(&["*"]), "a set of rules is `(selectors, rule, …)`, not a list of less than two");
    check(list(&["", "*"]), "a selector or rule that says nothing matches nothing");
    check(list(&["*", "!"]), "a selector or rule that says nothing matches nothing");
    check(list(&["*", "<x"]), "`<x` is no selector: expected a glob, or `<type>[path:name](tag, tag)`");
    check(
        Value::List(vec!["*".into(), Value::Int(3)]),
        "a selector or rule is a string or a dictionary, not a number",
    );
    let dict =
        |key: &str, value: Value| Value::List(vec!["*".into(), Value::Dict(vec![(key.into(), value)])]);
    check(dict("pth", "x".into()), "a selector or rule has no `pth`");
    check(dict("action", "no".into()), "`action` takes `allow`, `warn` or `deny`, not `no`");
    check(dict("path", Value::Int(3)), "`path` takes a string, not a number");
}
