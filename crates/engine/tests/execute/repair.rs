//! What the cache has lost or what is damaged in it is made again, through as many levels as it takes.

use std::fs;
use std::path::Path;

use engine::{ActionGraph, ActionId, Execution, Input, Packing, Verb};

use crate::rig::{Rig, apply, counts, fetch, large, write};

fn lose(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn damage(path: &Path) {
    let mut content = fs::read(path).unwrap();
    content[1000] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

/// Builds `root`, breaks blobs behind its back, asks for `end` as well, and wants both as they would have been.
fn check(
    rig: &mut Rig,
    graph: &ActionGraph,
    (first, end): (ActionId, ActionId),
    blobs: &[&[u8]],
    expect: impl Fn(&Execution),
) {
    for breaking in [lose, damage] {
        for reopened in [false, true] {
            rig.build(graph, first);
            blobs.iter().for_each(|blob| breaking(&rig.blob(blob)));
            if reopened {
                rig.reopen();
            }
            let execution = rig.go(graph, &[end]);
            assert!(execution.failures.is_empty(), "{:?}", execution.failures);
            assert!(rig.store.is_complete(&execution.trees[&end]).unwrap());
            expect(&execution);
            // The next round begins with a cache that has the first part alone.
            let resolved = resolved(rig, graph, end);
            rig.store.forget_outcome(&engine::key(&rig.store, &graph[end], &resolved)).unwrap();
        }
    }
}

/// What the key of an action is made of, all its inputs being built.
fn resolved(rig: &Rig, graph: &ActionGraph, id: ActionId) -> engine::Resolved {
    let digest = |input: &Input| match input {
        Input::Tree(digest) => *digest,
        Input::Action(id) => rig.go(graph, &[*id]).trees[id],
    };
    let inputs = graph[id].inputs.iter().map(digest).collect();
    let function_version = matches!(graph[id].verb, Verb::Apply { .. }).then_some(1);
    engine::Resolved { inputs, tool: None, function_version }
}

#[test]
fn a_lost_root_is_made_again() {
    let mut rig = Rig::new();
    let mut graph = ActionGraph::new();
    let root = graph.add(write("a", &large(1)), Vec::new(), "write");
    check(&mut rig, &graph, (root, root), &[&large(1)], |execution| {
        assert_eq!(execution.run, counts(&[("write", 1)]));
    });
}

#[test]
fn a_lost_input_is_made_again_by_its_producer() {
    let mut rig = Rig::new();
    let mut graph = ActionGraph::new();
    let source = graph.add(write("a", &large(1)), Vec::new(), "write");
    let root = graph.add(apply("upper", b""), vec![Input::Action(source)], "upper");
    check(&mut rig, &graph, (source, root), &[&large(1)], |execution| {
        assert_eq!(execution.run["apply"], 1);
        assert_eq!(execution.run["write"], 1);
    });
    let warnings = rig.store.take_warnings();
    assert!(!warnings.is_empty(), "damage is told");
}

#[test]
fn a_lost_download_is_fetched_again() {
    let mut rig = Rig::new();
    rig.served.insert("a.whl".to_owned(), large(3));
    let mut graph = ActionGraph::new();
    let wheel = graph.add(fetch("a.whl"), Vec::new(), "fetch");
    let root = graph.add(apply("length", b""), vec![Input::Action(wheel)], "length");
    check(&mut rig, &graph, (wheel, root), &[&large(3)], |execution| {
        assert_eq!(execution.run, counts(&[("fetch", 1), ("apply", 1)]));
    });
    assert_eq!(rig.fetched.into_inner(), 5);
}

#[test]
fn losses_are_mended_through_two_levels() {
    let mut rig = Rig::new();
    let mut graph = ActionGraph::new();
    let source = graph.add(write("a", &large(1)), Vec::new(), "write");
    let middle = graph.add(apply("upper", b""), vec![Input::Action(source)], "upper");
    let end = graph.add(apply("length", b""), vec![Input::Action(middle)], "length");
    let upper = large(1).to_ascii_uppercase();
    check(&mut rig, &graph, (middle, end), &[&large(1), &upper], |execution| {
        assert_eq!(execution.run, counts(&[("write", 1), ("apply", 2)]));
    });
}

#[test]
fn a_lost_source_is_restored_from_the_workspace() {
    let mut rig = Rig::new();
    let input = rig.tree(&[("a", &large(5))]);
    rig.sources.get_mut().unwrap().insert(rig.store.digest(&large(5)), large(5));
    let mut graph = ActionGraph::new();
    let other = graph.add(write("b", b"1"), Vec::new(), "write");
    let end = graph.add(apply("upper", b""), vec![input], "upper");
    check(&mut rig, &graph, (other, end), &[&large(5)], |execution| {
        assert_eq!(execution.run, counts(&[("apply", 1)]));
    });
}

#[test]
fn a_lost_source_that_is_nowhere_is_a_failure() {
    let rig = Rig::new();
    let input = rig.tree(&[("a", &large(5))]);
    lose(&rig.blob(&large(5)));
    let mut graph = ActionGraph::new();
    let end = graph.add(apply("upper", b""), vec![input], "upper");
    let execution = rig.go(&graph, &[end]);
    assert_eq!(execution.failures[0].error.code(), "store::missing");
}

#[test]
fn a_lost_source_that_was_edited_is_named() {
    let mut rig = Rig::new();
    let input = rig.tree(&[("a", &large(5))]);
    rig.sources.get_mut().unwrap().insert(rig.store.digest(&large(5)), large(6));
    lose(&rig.blob(&large(5)));
    let mut graph = ActionGraph::new();
    let end = graph.add(apply("upper", b""), vec![input], "upper");
    let execution = rig.go(&graph, &[end]);
    assert_eq!(execution.failures[0].error.code(), "source::changed");
    assert_eq!(execution.failures[0].error.to_string(), "`source` was changed while it was built");
}

#[test]
fn many_consumers_of_one_loss_are_all_served() {
    for jobs in [1, 8] {
        let mut rig = Rig::new();
        rig.jobs = jobs;
        let mut graph = ActionGraph::new();
        let source = graph.add(write("a", &large(1)), Vec::new(), "write");
        let ends: Vec<_> = (0..30u8)
            .map(|at| graph.add(apply("upper", &[at]), vec![Input::Action(source)], "upper"))
            .collect();
        rig.build(&graph, source);
        lose(&rig.blob(&large(1)));
        let execution = rig.go(&graph, &ends);
        assert!(execution.failures.is_empty(), "{:?}", execution.failures);
        assert_eq!(execution.run, counts(&[("write", 1), ("apply", 30)]));
    }
}

#[test]
fn a_lost_wheel_inside_of_an_archive_is_noticed_and_mended() {
    let mut rig = Rig::new();
    // So large that the archive is kept as the list of its parts.
    let wheel = [large(3), large(4)].concat();
    rig.served.insert("a.whl".to_owned(), wheel.clone());
    let mut graph = ActionGraph::new();
    let fetched = graph.add(fetch("a.whl"), Vec::new(), "fetch");
    let members = engine::Members {
        input: 0,
        origin: "a wheel".to_owned(),
        under: ".deps".to_owned(),
        packing: Packing::Store,
        only: Vec::new(),
        directories: Vec::new(),
    };
    let archive =
        engine::Archive { name: "a.pex".into(), executable: true, prefix: None, members: vec![members] };
    let root = graph.add(Verb::Archive(archive), vec![Input::Action(fetched)], "archive");
    let (tree, _) = rig.build(&graph, root);
    let before = rig.read(&tree, "a.pex");
    for breaking in [lose, damage] {
        breaking(&rig.blob(&wheel));
        rig.reopen();
        let (tree, execution) = rig.build(&graph, root);
        assert_eq!(execution.run, counts(&[("fetch", 1)]), "the archive is whole again with its part");
        assert_eq!(rig.read(&tree, "a.pex"), before);
    }
}
