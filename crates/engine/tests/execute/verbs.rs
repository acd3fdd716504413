//! Every verb runs, and the same request again runs nothing.

use std::collections::BTreeMap;
use std::io::Write as _;

use engine::{ActionGraph, ActionId, Archive, Input, Literal, Members, Packing, Process, Program, Verb};
use store::{Entry, Tree};

use crate::rig::{Rig, apply, counts, fetch, file, write};

/// A zip file with one member.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Builds an action on a cold cache and again on the warm one; gives what it yields.
fn check(rig: &Rig, verb: Verb, inputs: Vec<Input>) -> Tree {
    let name = verb.name();
    let mut graph = ActionGraph::new();
    let root = graph.add(verb, inputs, "do it");
    let (cold, execution) = rig.build(&graph, root);
    assert_eq!(execution.run, counts(&[(name, 1)]));
    assert_eq!(execution.hits, counts(&[]));
    let (warm, execution) = rig.build(&graph, root);
    assert_eq!((execution.run, execution.hits), (counts(&[]), counts(&[(name, 1)])));
    assert_eq!(cold, warm);
    cold
}

#[test]
fn writes() {
    let rig = Rig::new();
    let run = ("bin/run".to_owned(), Literal::File { content: b"#!".to_vec(), executable: true });
    let link = ("link".to_owned(), Literal::Symlink("bin/run".to_owned()));
    let tree = check(&rig, Verb::Write(vec![file("a/b.txt", b"text"), run, link]), Vec::new());
    assert_eq!(rig.read(&tree, "a/b.txt"), b"text");
    assert!(matches!(tree.get("bin/run"), Some(Entry::File { executable: true, .. })));
    assert!(matches!(tree.get("link"), Some(Entry::Symlink { target }) if target == "bin/run"));
}

#[test]
fn fetches() {
    let mut rig = Rig::new();
    rig.served.insert("a.whl".to_owned(), b"wheel".to_vec());
    let tree = check(&rig, fetch("a.whl"), Vec::new());
    assert_eq!(rig.read(&tree, "a.whl"), b"wheel");
    assert_eq!(rig.fetched.into_inner(), 1);
}

#[test]
fn extracts() {
    let rig = Rig::new();
    let input = rig.tree(&[("a.whl", &zip("pkg/__init__.py", b"import this"))]);
    let tree = check(&rig, Verb::Extract, vec![input]);
    assert_eq!(rig.read(&tree, "pkg/__init__.py"), b"import this");
}

#[test]
fn merges() {
    let rig = Rig::new();
    let inputs = vec![rig.tree(&[("a", b"1"), ("d/x", b"2")]), rig.tree(&[("y", b"3")])];
    let tree = check(&rig, Verb::Merge { prefixes: vec![String::new(), "d/e".to_owned()] }, inputs);
    assert_eq!(rig.read(&tree, "a"), b"1");
    assert_eq!(rig.read(&tree, "d/x"), b"2");
    assert_eq!(rig.read(&tree, "d/e/y"), b"3");
}

#[test]
fn archives() {
    let rig = Rig::new();
    let inputs = vec![rig.tree(&[("head", b"#!/bin/sh\n"), ("a.py", b"a")])];
    let members = Members {
        input: 0,
        origin: "test".to_owned(),
        under: "lib".to_owned(),
        packing: Packing::Deflate,
        only: vec!["a.py".to_owned()],
        directories: Vec::new(),
    };
    let prefix = Some((0, "head".to_owned()));
    let archive = Archive { name: "a.pex".to_owned(), executable: true, prefix, members: vec![members] };
    let tree = check(&rig, Verb::Archive(archive), inputs);
    let bytes = rig.read(&tree, "a.pex");
    assert!(bytes.starts_with(b"#!/bin/sh\nPK"));
    let mut read = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<_> = read.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["lib/a.py"]);
    assert_eq!(std::io::read_to_string(read.by_name("lib/a.py").unwrap()).unwrap(), "a");
}

#[test]
fn runs() {
    let rig = Rig::new();
    let process = Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec![
            "-c".to_owned(),
            "mkdir out; cat in > out/copy; ln -s copy out/l; echo $X".to_owned(),
        ],
        environment: BTreeMap::from([("X".into(), "said".into()), ("PATH".into(), "/usr/bin:/bin".into())]),
        outputs: vec!["out".to_owned()],
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let input = rig.tree(&[("in", b"text")]);
    let tree = check(&rig, Verb::Run(process), vec![input]);
    assert_eq!(rig.read(&tree, "out/copy"), b"text");
    assert!(matches!(tree.get("out/l"), Some(Entry::Symlink { target }) if target == "copy"));
    assert!(tree.get("in").is_none(), "only what is declared is kept");
}

#[test]
fn applies() {
    let rig = Rig::new();
    let input = rig.tree(&[("a", b"text")]);
    let tree = check(&rig, apply("upper", b"!"), vec![input]);
    assert_eq!(rig.read(&tree, "a"), b"TEXT!");
}

#[test]
fn the_same_action_is_one_action() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let one = graph.add(write("a", b"1"), Vec::new(), "first");
    let two = graph.add(write("a", b"1"), Vec::new(), "second");
    assert_eq!(one, two);
    assert_eq!(graph[one].description, "first");
    let same = |id| vec![Input::Action(id), Input::Action(id)];
    let prefixes = vec!["x".to_owned(), "y".to_owned()];
    let merged = graph.add(Verb::Merge { prefixes }, same(one), "merge");
    let (tree, execution) = rig.build(&graph, merged);
    assert_eq!(rig.read(&tree, "y/a"), b"1");
    assert_eq!(execution.run, counts(&[("write", 1), ("merge", 1)]));
}

#[test]
fn what_no_root_needs_is_left_out() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let wanted = graph.add(write("a", b"1"), Vec::new(), "wanted");
    let unwanted: ActionId = graph.add(apply("panic", b""), Vec::new(), "unwanted");
    let (_, execution) = rig.build(&graph, wanted);
    assert_eq!(execution.run, counts(&[("write", 1)]));
    assert!(!rig.settled.lock().unwrap().contains_key(&unwanted));
    assert!(rig.go(&graph, &[]).trees.is_empty(), "nothing is asked for, nothing is done");
}
