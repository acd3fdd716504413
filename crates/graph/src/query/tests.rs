//! Expressions over one small graph: what they mean, and what is wrong with others.

use std::collections::BTreeSet;

use super::{LONGEST, World, query};
use crate::{Edge, EdgeKind, Field, Label, Place, SourceFile, Target, TargetGraph, Value, schema};

/// `rule label file,file -> dependency dependency`.
fn target(line: &str, number: u32) -> Target {
    let (head, dependencies) = line.split_once(" -> ").unwrap_or((line, ""));
    let mut words = head.split(' ');
    let rule = schema(words.next().unwrap_or_default()).expect("a rule");
    let label: Label = words.next().and_then(|text| text.parse().ok()).expect("a label");
    let package = label.package().to_owned();
    let place = Place::new(crate::join(&package, "BUILD"), number, 1);
    let labels = dependencies.split_whitespace().map(|text| Label::parse(text, &package).expect("a label"));
    let dependencies = Value::List(labels.map(Value::Label).collect());
    let field = |name, value| Field { name, value, place: place.clone(), items: Vec::new() };
    let mut fields = vec![field("dependencies", dependencies)];
    if label.name() == "slow" {
        fields.push(field("tags", Value::List(vec!["slow".into(), "nightly".into()])));
    }
    let files = words.next().into_iter().flat_map(|files| files.split(','));
    let sources = files.map(|file| SourceFile { path: crate::join(&package, file).into() }).collect();
    Target { label, rule, fields: fields.into(), place, sources }
}

fn graph() -> TargetGraph {
    let lines = [
        "python_binary //svc:app -> :lib",
        "python_library //svc:lib a.py,b.py -> //util",
        "python_test //svc:slow a_test.py -> :lib",
        "python_test //svc:quick b_test.py -> //util",
        "python_library //util util.py -> //3rdparty:reqs#flask",
        "python_library //alone alone.py,more.py",
        "resources //svc:data page.html",
        "python_requirements //3rdparty:reqs requirements.txt",
        "python_requirement //3rdparty:reqs#flask",
        "python_requirement //3rdparty:reqs#rich",
    ];
    let targets = lines.iter().zip(1..).map(|(line, number)| target(line, number)).collect();
    let import = Edge {
        from: "//svc/b.py:lib".parse().expect("a label"),
        to: "//alone/alone.py".parse().expect("a label"),
        kind: EdgeKind::Inferred,
        place: Some(Place::new("svc/b.py", 3, 8)),
    };
    let (graph, errors) = TargetGraph::build(targets, &[import]);
    assert_eq!(errors, []);
    graph
}

/// What an expression means, without files that are nodes, or what is wrong with it.
fn answer(expression: &str) -> String {
    let graph = graph();
    let is_file = |path: &str| !graph.owners(path).is_empty();
    let modules = |package: &str| match package {
        "svc" => vec!["tools/macros.bzl".to_owned()],
        _ => Vec::new(),
    };
    match query(expression, World { graph: &graph, is_file: &is_file, modules: &modules }) {
        Ok(set) => {
            let shown = set.shown(&graph, false).into_iter().map(|node| graph.label(node).to_string());
            shown.chain(set.files.iter().cloned()).collect::<Vec<_>>().join(" ")
        }
        Err(error) => {
            let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{}:{}+{} {}: {error}{help}", error.line, error.column, error.width, error.code())
        }
    }
}

#[track_caller]
fn check(expression: &str, expected: &str) {
    assert_eq!(answer(expression), expected, "{expression}");
}

#[test]
fn functions_that_follow_dependencies() {
    let all = "//3rdparty:reqs#flask //alone:alone //svc:app //svc:lib //util:util";
    check("deps(//svc:app)", all);
    check("deps(//svc:app, 0)", "//svc:app");
    check("deps(//svc:app, 1)", "//svc:app //svc:lib");
    check("deps(//svc:app, 2)", "//alone:alone //svc:app //svc:lib //util:util");
    check("rdeps(//..., //util)", "//svc:app //svc:lib //svc:quick //svc:slow //util:util");
    check(
        "rdeps(//..., //util, 1)",
        "//svc:lib //svc:quick //svc:slow //util:util".replace(" //svc:slow", "").as_str(),
    );
    check("rdeps(//svc:app, //util)", "//svc:app //svc:lib //util:util");
    check("rdeps(//..., alone/alone.py)", "//alone:alone //svc:app //svc:lib //svc:slow");
    check("rdeps(//..., //alone/more.py)", "//alone:alone");
    check(
        "allpaths(//svc:app, //3rdparty:reqs#flask)",
        "//3rdparty:reqs#flask //svc:app //svc:lib //util:util",
    );
    check("allpaths(//svc:quick, //alone)", "");
    check("somepath(svc::, //alone)", "//alone:alone //svc:lib");
    check("same_pkg_direct_rdeps(//svc:lib)", "//svc:app //svc:slow");
    check("same_pkg_direct_rdeps(//util)", "");
}

#[test]
fn functions_that_choose() {
    check("kind(python_test, //svc:all)", "//svc:quick //svc:slow");
    check("kind('^python_(binary|library) rule$', svc:)", "//svc:app //svc:lib");
    check("kind(\"source file\", buildfiles(//util))", "util/BUILD");
    check("attr(tags, '[\\[ ]nightly[,\\]]', //...)", "//svc:slow");
    check("attr(multi_platform, False, //...)", "//svc:app");
    check("attr(multi_platform, 0, //...)", "//svc:app");
    check("attr(deps, '//util:util', //...)", "//svc:lib //svc:quick");
    check("attr(name, '^reqs$', //3rdparty:)", "//3rdparty:reqs //3rdparty:reqs#flask //3rdparty:reqs#rich");
    check("filter('^//svc:[al]', //...)", "//svc:app //svc:lib");
    check("tests(rdeps(//..., //svc:lib))", "//svc:slow");
    check("siblings(//svc:lib)", "//svc:app //svc:data //svc:lib //svc:quick //svc:slow");
    check("buildfiles(//svc:lib + //util)", "svc/BUILD tools/macros.bzl util/BUILD");
    check("labels(dependencies, //svc:lib)", "//util:util");
    check("labels(srcs, //svc:lib)", "//svc/a.py:lib //svc/b.py:lib");
    check("labels(source, //3rdparty:reqs)", "3rdparty/requirements.txt");
    check("kind('source file', deps(//svc:app)) - //util", "//alone/alone.py //svc/a.py:lib //svc/b.py:lib");
    check("some(//svc:all)", "//svc:app");
    check("some(//svc:all, 2)", "//svc:app //svc:data");
}

#[test]
fn operators_and_names() {
    check("//svc:app + //util union //alone", "//alone:alone //svc:app //util:util");
    check("//svc:all - //svc:app except svc:slow", "//svc:data //svc:lib //svc:quick");
    check("//svc:all ^ deps(//svc:app) intersect //svc:lib", "//svc:lib");
    check("//svc:app - //svc:app + //util", "//util:util");
    check("//svc:app - (//svc:app + //util)", "");
    check("set(//svc:app //util)", "//svc:app //util:util");
    check("set()", "");
    check("let x = deps(//svc:app) in $x - kind(library, $x)", "//3rdparty:reqs#flask //svc:app");
    check("let x = //util in let x = //svc:lib + $x in $x ^ //svc:lib", "//svc:lib");
    check("deps(//svc:app) - //alone - //util - //3rdparty:", "//svc:app //svc:lib");
    check("deps(//svc:app) ^ //alone", "//alone:alone");
    check("deps(//alone) - deps(//svc:app)", "//alone/more.py");
    check("deps(deps(//svc:app)) ^ //alone/more.py", "");
    check("deps(kind(library, deps(//svc:app))) ^ //alone/more.py", "//alone/more.py");
    check("//alone/alone.py ^ //alone", "//alone/alone.py");
    check("//alone ^ //alone/alone.py", "//alone/alone.py");
    check("'//svc:app'+\"//util\"", "//svc:app //util:util");
    check("svc/a.py", "//svc/a.py:lib");
    check(
        "deps",
        "1:1+4 graph::unknown_target: there is no target `//deps:deps`; `pants list ::` names all targets",
    );
}

#[test]
fn syntax_errors_have_carets() {
    check("", "1:1+1 query::syntax: expected a target, a function or `(`, found the end");
    check("deps(//svc:app", "1:15+1 query::syntax: expected `,` or `)`, found the end");
    check("(//svc:app", "1:11+1 query::syntax: expected an operator or `)`, found the end");
    check("//svc:app //util", "1:11+6 query::syntax: expected an operator or the end, found `//util`");
    check("//svc:app +\n  + //util", "2:3+1 query::syntax: expected a target, a function or `(`, found `+`");
    check("deps(//svc:app, many)", "1:17+4 query::syntax: expected a whole number, found `many`");
    check("kind((a), //...)", "1:6+1 query::syntax: expected a regular expression, found `(`");
    check("let 1x = //a in $x", "1:5+2 query::syntax: expected the name of a variable, found `1x`");
    check("let x //a in $x", "1:7+3 query::syntax: expected `=`, found `//a`");
    check("set(//svc:app, //util)", "1:14+1 query::syntax: expected a target or `)`, found `,`");
    check("a & b", "1:3+1 query::syntax: the character `&` has to be in quotes; write the word as `\"...\"`");
    check(
        "é + 'a",
        "1:5+2 query::syntax: the quote is never closed; a quote ends with the mark that it begins with",
    );
}

#[test]
fn errors_of_meaning_have_carets_and_near_names() {
    check(
        "dep(//svc:app)",
        "1:1+3 query::unknown_function: there is no function `dep`; did you mean `deps` or `rdeps`?",
    );
    check(
        "rdeps(//svc:app)",
        "1:1+16 query::arguments: `rdeps` takes 2 or 3 arguments, found 1; \
         write `rdeps(UNIVERSE, SET)` or `rdeps(UNIVERSE, SET, DEPTH)`",
    );
    check(
        "tests(//a, //b)",
        "1:12+3 query::arguments: `tests` takes 1 argument, found 2; write `tests(SET)`",
    );
    check(
        "deps(//svc:ap)",
        "1:6+8 graph::unknown_target: there is no target `//svc:ap`; did you mean `//svc:app`?",
    );
    check(
        "let ab = //util in $abc",
        "1:20+4 query::unknown_variable: the variable `$abc` is not defined; did you mean `$ab`?",
    );
    check(
        "attr(tag, x, //...)",
        "1:6+3 query::unknown_field: no rule has the field `tag`; did you mean `tags`?",
    );
    check(
        "filter('(', //...)",
        "1:8+3 query::regex: `(` is not a regular expression: unclosed group; \
         a backslash takes the meaning of the next character away",
    );
    check("some(set())", "1:1+11 query::empty: `some` is asked for a target of an empty set");
}

#[test]
fn hostile_expressions_are_errors() {
    let start = |expression: &str| answer(expression).chars().take(40).collect::<String>();
    let deep = "(".repeat(100_000);
    assert_eq!(start(&deep), "1:201+1 query::too_large: the expression");
    assert_eq!(start(&"deps(".repeat(100_000)), "1:1001+4 query::too_large: the expressio");
    assert_eq!(start(&"let x = a in ".repeat(50_000)), "1:2596+1 query::too_large: the expressio");
    assert_eq!(start(&" ".repeat(10 << 20)), "1:1+1 query::too_large: the expression h");
    assert_eq!(start(&"(".repeat(LONGEST + 1)), "1:1+1 query::too_large: the expression h");
    let chain = vec!["//util"; 50_000].join("+");
    assert_eq!(answer(&chain), "//util:util");
    let names: BTreeSet<&str> = super::FUNCTIONS.iter().map(|function| function.name).collect();
    assert_eq!(names.len(), super::FUNCTIONS.len());
}
