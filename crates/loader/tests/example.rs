//! `BUILD.example` loads, and has every rule and every field.

mod common;

use std::collections::BTreeSet;

use common::{options, repository};
use graph::{TargetGraph, schemas};
use loader::load;

#[test]
fn it_has_every_rule_and_field() {
    let example = include_str!("../../../BUILD.example");
    let root = repository(&[
        ("svc/BUILD", example),
        ("build/macros.bzl", "TEAM = \"orders\"\n"),
        ("svc/main.py", ""),
        ("svc/README.md", ""),
        ("svc/LICENSE", ""),
        ("svc/legacy.py", ""),
        ("svc/main_test.py", ""),
        ("svc/conftest.py", ""),
        ("svc/README.md", ""),
        ("svc/requirements.txt", ""),
        ("svc/pyproject.toml", ""),
        ("svc/orders.proto", ""),
        ("svc/templates/index.html", ""),
        ("svc/fixtures/a/b.json", ""),
    ]);
    let loaded = load(&options(root.path()), None);
    assert_eq!(loaded.errors, []);
    let found: BTreeSet<(&str, &str)> = loaded
        .targets
        .iter()
        .flat_map(|target| target.fields.iter().map(|field| (target.rule.name, field.name)))
        .collect();
    let every = schemas().iter().flat_map(|rule| rule.fields.iter().map(|field| (rule.name, field.name)));
    let missing: Vec<_> = every.filter(|field| !found.contains(field)).collect();
    assert_eq!(missing, []);
    let lib = loaded.targets.iter().find(|target| target.label.name() == "lib").expect("it is there");
    assert_eq!(lib.list("tags"), ["team:orders"]);
    assert_eq!(lib.sources.iter().map(|source| &*source.path).collect::<Vec<_>>(), ["svc/main.py"]);
    let (_, errors) = TargetGraph::build(loaded.targets, &[]);
    let unknown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    // What `:reqs` of `//3rdparty` generates is not made here.
    assert!(unknown.iter().all(|error| error.contains("//3rdparty:reqs#")), "{unknown:?}");
}
