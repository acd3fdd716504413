//! Graphs of small sets of targets, and one of many.

use std::time::Instant;

use crate::{
    Edge, EdgeKind, Field, GraphError, Label, NodeId, Pattern, Place, SourceFile, StoredGraph, Target,
    TargetGraph, Value, schema, select,
};

/// `rule label file,file -> dependency dependency`, on one line of the file of its directory.
fn target(line: &str, number: u32) -> Target {
    let (head, dependencies) = line.split_once(" -> ").unwrap_or((line, ""));
    let mut words = head.split(' ');
    let rule = schema(words.next().unwrap_or_default()).expect("a rule");
    let label = Label::parse(words.next().expect("a label"), "").expect("a label");
    let package = label.package().to_owned();
    let place = Place::new(crate::join(&package, "BUILD"), number, 1);
    let labels = dependencies.split_whitespace().map(|text| {
        let bare = text.trim_start_matches('!');
        let label = Label::parse(bare, &package).expect("a label");
        match text.len() - bare.len() {
            0 => Value::Label(label),
            marks => Value::Except { label, transitive: marks == 2 },
        }
    });
    let labels: Vec<Value> = labels.collect();
    let (name, value) = match rule.name {
        "alias" => ("actual", labels.into_iter().next().unwrap_or_default()),
        _ => ("dependencies", Value::List(labels)),
    };
    let files = words.next().into_iter().flat_map(|files| files.split(','));
    let sources = files.map(|file| SourceFile { path: crate::join(&package, file).into() }).collect();
    let field = Field { name, value, place: place.clone(), items: Vec::new() };
    let fields: Vec<_> = rule.field(name).map(|_| field).into_iter().collect();
    Target { label, rule, fields: fields.into(), place, sources }
}

fn targets(lines: &[&str]) -> Vec<Target> {
    lines.iter().zip(1..).map(|(line, number)| target(line, number)).collect()
}

fn build(lines: &[&str], extra: &[Edge]) -> (TargetGraph, Vec<String>) {
    let (graph, errors) = TargetGraph::build(targets(lines), extra);
    let stored = StoredGraph::new(&graph);
    let kept = postcard::to_stdvec(&stored).expect("it can be kept");
    let read: StoredGraph = postcard::from_bytes(&kept).expect("it can be read");
    let graph = read.graph().expect("the schemas are the same");
    assert_eq!(StoredGraph::new(&graph), stored);
    let text = |error: &GraphError| match error.help() {
        Some(help) => format!("{}: {error}; {help}", error.code()),
        None => format!("{}: {error}", error.code()),
    };
    (graph, errors.iter().map(text).collect())
}

fn names(graph: &TargetGraph, nodes: impl IntoIterator<Item = NodeId>) -> String {
    nodes.into_iter().map(|node| graph.label(node).to_string()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_errors(lines: &[&str], expected: &[&str]) {
    assert_eq!(build(lines, &[]).1, expected);
}

/// What a label depends on, and its whole closure.
#[track_caller]
fn check_deps(lines: &[&str], extra: &[Edge], label: &str, deps: &str, closure: &str) {
    let (graph, errors) = build(lines, extra);
    assert_eq!(errors, [""; 0]);
    let node = graph.node(&label.parse().expect("a label")).expect("it is there");
    assert_eq!(names(&graph, graph.deps(node).into_iter().map(|dep| dep.node)), deps);
    assert_eq!(names(&graph, graph.closure([node])), closure);
}

const EXAMPLE: &[&str] = &[
    "python_binary //svc:app -> :lib",
    "python_library //svc:lib a.py,sub/b.py -> //util //3rdparty:reqs#flask",
    "python_library //util util.py",
    "python_requirement //3rdparty:reqs#flask",
    "python_library //empty -> //util",
    "alias //svc:other -> :app",
    "alias //again -> //svc:other",
];

#[test]
fn libraries_are_nodes_of_files() {
    let all =
        "//3rdparty:reqs#flask //svc:lib //util:util //svc/a.py:lib //svc/sub/b.py:../lib //util/util.py";
    check_deps(EXAMPLE, &[], "//svc:lib", "//svc/a.py:lib //svc/sub/b.py:../lib", all);
    check_deps(EXAMPLE, &[], "//empty", "//util:util", "//empty:empty //util:util //util/util.py");
    let file = "//3rdparty:reqs#flask //util:util //svc/a.py:lib //util/util.py";
    check_deps(EXAMPLE, &[], "//svc/a.py:lib", "//3rdparty:reqs#flask //util:util", file);
    let (graph, _) = build(EXAMPLE, &[]);
    assert_eq!(names(&graph, graph.owners("svc/sub/b.py")), "//svc:lib");
    assert_eq!(names(&graph, graph.file_nodes("svc/sub/b.py")), "//svc/sub/b.py:../lib");
    let util = graph.file_nodes("util/util.py");
    let dependents = names(&graph, graph.dependents_closure(util));
    assert_eq!(
        dependents,
        "//again:again //empty:empty //svc:app //svc:lib //svc:other //util:util //svc/a.py:lib //svc/sub/b.py:../lib \
         //util/util.py"
    );
    let again = graph.node(&"//again".parse().expect("a label")).expect("it is there");
    assert_eq!(names(&graph, [graph.actual(again)]), "//svc:app");
    assert!(graph.targets().map(|(_, target)| &target.label).is_sorted());
}

#[test]
fn extra_edges() {
    let edge = |from: &str, to: &str, kind| Edge {
        from: from.parse().expect("a label"),
        to: to.parse().expect("a label"),
        kind,
        place: None,
    };
    let entry = edge("//svc:app", "//util/util.py", EdgeKind::EntryPoint);
    let all = "//3rdparty:reqs#flask //svc:app //svc:lib //util:util //svc/a.py:lib //svc/sub/b.py:../lib //util/util.py";
    let deps = "//svc:lib //util/util.py";
    check_deps(&EXAMPLE[..4], std::slice::from_ref(&entry), "//svc:app", deps, all);
    let (graph, _) = TargetGraph::build_whole(targets(&EXAMPLE[..4]), &[entry]);
    let app = graph.node(&"//svc:app".parse().expect("a label")).expect("it is there");
    assert_eq!(names(&graph, graph.deps(app).into_iter().map(|dep| dep.node)), "//svc:lib //util:util");
    let circle =
        [edge("//a/x.py", "//a/y.py", EdgeKind::Inferred), edge("//a/y.py", "//a/x.py", EdgeKind::Inferred)];
    let all = "//a/x.py //a/y.py";
    check_deps(&["python_library //a x.py,y.py"], &circle, "//a/x.py", "//a/y.py", all);
    let helper = edge("//a/x_test.py", "//a/y_test.py", EdgeKind::Inferred);
    let all = "//a/x_test.py //a/y_test.py";
    check_deps(&["python_test //a x_test.py,y_test.py"], &[helper], "//a/x_test.py", "//a/y_test.py", all);
    let owns = edge("//r:reqs", "//r:reqs#a", EdgeKind::Owns);
    let lines = ["python_requirements //r:reqs", "python_requirement //r:reqs#a"];
    check_deps(&lines, &[owns], "//r:reqs", "//r:reqs#a", "//r:reqs //r:reqs#a");
}

#[test]
fn exceptions_take_away() {
    let lines = [
        "python_library //a a.py -> //c !//b",
        "python_library //b b.py",
        "python_library //c c.py -> //b",
        "python_binary //d -> //a !!//c",
    ];
    let import = Edge {
        from: "//a/a.py".parse().expect("a label"),
        to: "//b/b.py".parse().expect("a label"),
        kind: EdgeKind::Inferred,
        place: None,
    };
    let import = std::slice::from_ref(&import);
    check_deps(&lines, import, "//a/a.py", "//c:c", "//b:b //c:c //a/a.py //b/b.py //c/c.py");
    check_deps(&lines, import, "//d", "//a:a", "//a:a //b:b //d:d //a/a.py //b/b.py");
}

#[test]
fn a_file_has_dependencies_of_its_own() {
    let mut targets = targets(&["python_library //a a.py,b.py -> //b", "files //b", "files //c"]);
    let own = ["//c", "//a/b.py"].map(|label| Value::Label(label.parse().expect("a label")));
    let own = Value::List(own.to_vec());
    let fields = Value::Dict(vec![(Value::from("dependencies"), own)]);
    let place = targets[0].place.clone();
    let value = Value::Dict(vec![(Value::from("a.py"), fields)]);
    targets[0].fields.push(Field { name: "overrides", value, place, items: Vec::new() });
    let (graph, errors) = TargetGraph::build(targets, &[]);
    assert_eq!(errors, []);
    let deps = |label: &str| {
        let node = graph.node(&label.parse().expect("a label")).expect("it is there");
        names(&graph, graph.deps(node).into_iter().map(|dep| dep.node))
    };
    assert_eq!((deps("//a/a.py"), deps("//a/b.py")), ("//c:c //a/b.py".to_owned(), "//b:b".to_owned()));
}

#[test]
fn parametrized_targets_and_groups() {
    check_errors(
        &[
            "python_library //p:l@resolve=x",
            "python_library //p:l@resolve=y",
            "python_library //p:one@resolve=x",
            "python_library //u -> //p:l //p:one",
            "python_test //t -> //u",
            "target //g -> //t //u",
            "unknown //k -> //g //nowhere",
            "python_library //v -> //k",
        ],
        &["graph::ambiguous: `//p:l` is several targets, and nothing tells which is meant; \
           write `//p:l@resolve=x` or `//p:l@resolve=y`"],
    );
    let (graph, _) = build(&["files //p:l@a=1", "files //p:l@a=2", "python_requirement //r:r#Six"], &[]);
    let found = select(&graph, &[Pattern::Label("//p:l".parse().expect("a label"))], &[]);
    assert_eq!(names(&graph, found.expect("both")), "//p:l@a=1 //p:l@a=2");
    let six = graph.node(&"//r:six".parse().expect("a label")).expect("as Pants 1 named it");
    assert_eq!(names(&graph, [six]), "//r:r#Six");
}

#[test]
fn what_a_file_imports_can_be_replaced() {
    let edge = |(from, to, line): (&str, &str, u32)| Edge {
        from: from.parse().expect("a label"),
        to: to.parse().expect("a label"),
        kind: EdgeKind::Inferred,
        place: Some(Place::new("svc/a.py", line, 1)),
    };
    let edges = |all: &[(&'static str, &'static str, u32)]| all.iter().copied().map(edge).collect::<Vec<_>>();
    let lines = &EXAMPLE[..4];
    let (a, b, util) = ("//svc/a.py:lib", "//svc/sub/b.py:../lib", "//util/util.py");
    let before = edges(&[(a, b, 1), (a, util, 2), (b, util, 3)]);
    let graph_of = |edges: &[Edge]| TargetGraph::build(targets(lines), edges).0;
    let graph = graph_of(&before);
    let files = graph.file_nodes("svc/a.py");
    let now = edges(&[(a, util, 7)]);
    let replaced = graph.with_imports(&files, &now).expect("the edge leads somewhere");
    let built = graph_of(&edges(&[(b, util, 3), (a, util, 7)]));
    let told = |graph: &TargetGraph| -> Vec<String> {
        let edge = |(from, to, kind, _): (u32, u32, EdgeKind, u32)| {
            let (from, to) = (NodeId(from), NodeId(to));
            format!("{} {kind:?} {} {:?}", graph.label(from), graph.label(to), graph.place(from, to, kind))
        };
        graph.edges().into_iter().map(edge).collect()
    };
    assert_eq!(told(&replaced), told(&built));
    assert_ne!(told(&replaced), told(&graph_of(&before)));
    assert_eq!(StoredGraph::new(&replaced).graph().map(|graph| told(&graph)), Some(told(&built)));
    for to in ["//nowhere:x", "//svc:app"] {
        assert!(graph_of(&before).with_imports(&files, &edges(&[(a, to, 1)])).is_none(), "{to}");
    }
}

#[test]
fn unknown_targets() {
    check_errors(
        &[
            "python_library //a -> :lip //utils //nowhere:x //3rdparty:reqs#flsk //a/y.py:lib",
            "python_library //a:lib x.py",
            "python_library //util",
            "python_requirement //3rdparty:reqs#flask",
        ],
        &[
            "graph::unknown_target: there is no target `//a:lip`; did you mean `//a:lib`?",
            "graph::unknown_target: there is no target `//utils:utils`; did you mean `//util:util`?",
            "graph::unknown_target: there is no target `//nowhere:x`; `pants list ::` names all targets",
            "graph::unknown_target: there is no target `//3rdparty:reqs#flsk`; did you mean `//3rdparty:reqs#flask`?",
            "graph::not_a_source: `a/y.py` is not a source of `//a:lib`; did you mean `a/x.py`?",
        ],
    );
}

#[test]
fn cycles() {
    check_errors(
        &[
            "python_library //a a.py -> //b",
            "python_library //b -> //c",
            "python_library //c -> //a //d",
            "python_library //d -> //c",
            "alias //x -> //y",
            "alias //y -> //x",
            "python_library //z z.py -> //a //z/z.py",
        ],
        &[
            "graph::cycle: targets depend on each other in a circle: \
             //a:a (a/BUILD:1) -> //b:b (b/BUILD:2) -> //c:c (c/BUILD:3) -> //a:a; \
             move what both need into a target of its own",
            "graph::cycle: targets depend on each other in a circle: \
             //c:c (c/BUILD:3) -> //d:d (d/BUILD:4) -> //c:c; move what both need into a target of its own",
            "graph::cycle: targets depend on each other in a circle: \
             //x:x (x/BUILD:5) -> //y:y (y/BUILD:6) -> //x:x; move what both need into a target of its own",
            "graph::self_dependency: `//z:z` depends on itself; remove the dependency",
        ],
    );
}

#[test]
fn other_errors() {
    check_errors(
        &[
            "python_library //a",
            "python_test //a:test t.py -> :app",
            "python_library //a:wrong -> :test :app :name",
            "python_binary //a:app",
            "alias //a:name -> :app",
            "files //a",
        ],
        &[
            "graph::not_dependable: `//a:wrong` is a `python_library` and cannot depend on the `python_test` `//a:test`; \
             depend on the libraries that it is made of",
            "graph::not_dependable: `//a:wrong` is a `python_library` and cannot depend on the `python_binary` `//a:app`; \
             depend on the libraries that it is made of",
            "graph::not_dependable: `//a:wrong` is a `python_library` and cannot depend on the `python_binary` `//a:name`; \
             depend on the libraries that it is made of",
            "graph::duplicate_target: two targets are named `//a:a`; give one of them another `name`",
        ],
    );
}

#[test]
fn patterns_select() {
    let (graph, _) = build(EXAMPLE, &[]);
    let check = |patterns: &[&str], exclude: &[&str], expected: &str| {
        let read = |texts: &[&str]| -> Vec<Pattern> {
            texts
                .iter()
                .map(|text| Pattern::parse(text, |path| path.contains(".py")).expect("a pattern"))
                .collect()
        };
        let found = match select(&graph, &read(patterns), &read(exclude)) {
            Ok(nodes) => names(&graph, nodes),
            Err(errors) => {
                let text = |error: &GraphError| format!("{error}; {}", error.help().unwrap_or_default());
                errors.iter().map(text).collect::<Vec<_>>().join("\n")
            }
        };
        assert_eq!(found, expected);
    };
    check(&["svc:"], &[], "//svc:app //svc:lib //svc:other");
    check(&["::"], &["svc::", "//again"], "//3rdparty:reqs#flask //empty:empty //util:util");
    check(&["svc/a.py", "svc:lib"], &[], "//svc:lib");
    check(&["//svc/a.py:lib"], &[], "//svc/a.py:lib");
    check(&["//svc/a.py:lib"], &["//svc:lib"], "");
    check(
        &["//svx:all", "svv/...", "svc/c.py", "//svc:ap"],
        &[],
        "`//svx:all` matches no target; did you mean `//svc:all`?\n\
         `//svv/...` matches no target; did you mean `//svc/...`?\n\
         no target owns the file `svc/c.py`; targets of its directory: `//svc:app` or `//svc:lib` or `//svc:other`\n\
         there is no target `//svc:ap`; did you mean `//svc:app`?",
    );
}

#[test]
fn many_targets_are_built_in_time() {
    let targets = |count: u32| -> Vec<Target> {
        let library = schema("python_library").expect("a rule");
        (0..count)
            .map(|index| {
                let package = format!("dir{}/pkg{index}", index / 100);
                let place = Place::new(format!("{package}/BUILD"), 1, 1);
                let file = SourceFile { path: format!("{package}/mod.py").into() };
                let dep =
                    |index: u32| Label::new(format!("dir{}/pkg{index}", index / 100), format!("pkg{index}"));
                let deps = (1..=5)
                    .filter_map(|step| index.checked_sub(step * 7))
                    .map(dep)
                    .map(Value::Label)
                    .collect();
                Target {
                    label: dep(index),
                    rule: library,
                    fields: vec![Field {
                        name: "dependencies",
                        value: Value::List(deps),
                        place: place.clone(),
                        items: Vec::new(),
                    }]
                    .into(),
                    place,
                    sources: vec![file],
                }
            })
            .collect()
    };
    let targets = targets(100_000);
    let start = Instant::now();
    let (graph, errors) = TargetGraph::build(targets, &[]);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!((errors.len(), graph.node_count()), (0, 200_000));
    println!("100,000 targets of one file and five dependencies: {seconds:.2} s");
    assert!(seconds < 20.0, "even an unoptimised build takes less than {seconds} s");
}
