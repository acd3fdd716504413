//! What is served from the cache and what is not: keys of resolved inputs, early cut-off, failures.

use std::collections::BTreeMap;

use engine::{ActionError, ActionGraph, Fault, Finish, Input, Process, Program, Verb};

use crate::rig::{Rig, apply, counts, write};

fn shell(script: &str) -> Process {
    Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::new(),
        outputs: Vec::new(),
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    }
}

/// write → length → upper: what the middle yields depends on the number of bytes alone.
fn chain(content: &[u8]) -> (ActionGraph, engine::ActionId) {
    let mut graph = ActionGraph::new();
    let source = graph.add(write("a", content), Vec::new(), "source");
    let middle = graph.add(apply("length", b""), vec![Input::Action(source)], "middle");
    let end = graph.add(apply("upper", b""), vec![Input::Action(middle)], "end");
    (graph, end)
}

#[test]
fn an_unchanged_output_stops_the_rebuild() {
    let rig = Rig::new();
    let (graph, end) = chain(b"one");
    let (first, execution) = rig.build(&graph, end);
    assert_eq!(execution.run, counts(&[("write", 1), ("apply", 2)]));
    let (graph, end) = chain(b"two");
    let (second, execution) = rig.build(&graph, end);
    assert_eq!(execution.run, counts(&[("write", 1), ("apply", 1)]), "the source and the middle run again");
    assert_eq!(execution.hits, counts(&[("apply", 1)]), "what follows is cached");
    assert_eq!(rig.settled.lock().unwrap()[&end], Finish::Cached);
    assert_eq!(first, second);
    let (graph, end) = chain(b"three");
    assert_eq!(rig.build(&graph, end).1.run, counts(&[("write", 1), ("apply", 2)]));
    let (graph, end) = chain(b"one");
    let (_, execution) = rig.build(&graph, end);
    assert_eq!(execution.run, counts(&[]), "going back is a hit");
    assert_eq!(execution.hits, counts(&[("write", 1), ("apply", 2)]));
}

#[test]
fn the_cache_outlives_the_process() {
    let mut rig = Rig::new();
    let (graph, end) = chain(b"one");
    rig.build(&graph, end);
    rig.reopen();
    assert_eq!(rig.build(&graph, end).1.run, counts(&[]));
}

#[test]
fn another_version_of_a_function_runs_again() {
    let later = |call: &engine::Call<'_>| Ok(call.inputs[0]);
    let mut rig = Rig::new().with_function("mine", 1, later);
    let mut graph = ActionGraph::new();
    let source = graph.add(write("a", b"1"), Vec::new(), "source");
    let root = graph.add(apply("mine", b""), vec![Input::Action(source)], "apply");
    assert_eq!(rig.build(&graph, root).1.run, counts(&[("write", 1), ("apply", 1)]));
    rig.functions = engine::Functions::default();
    rig.functions.register("mine", 2, later);
    assert_eq!(rig.build(&graph, root).1.run, counts(&[("apply", 1)]));
}

#[test]
fn another_tool_behind_a_symbol_runs_again() {
    let mut rig = Rig::new();
    let mut graph = ActionGraph::new();
    let input = rig.tree(&[]);
    let root = graph.add(Verb::Run(shell("true")), vec![input], "run");
    assert_eq!(rig.build(&graph, root).1.run, counts(&[("run", 1)]));
    assert_eq!(rig.build(&graph, root).1.hits, counts(&[("run", 1)]));
    rig.shell = "sh 2";
    assert_eq!(rig.build(&graph, root).1.run, counts(&[("run", 1)]));
    rig.shell = "sh 1";
    assert_eq!(rig.build(&graph, root).1.run, counts(&[]));
}

#[test]
fn a_non_zero_exit_is_recorded_and_never_served() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let input = rig.tree(&[]);
    let process = shell("echo out; echo err >&2; exit 3");
    let root = graph.add(Verb::Run(process), vec![input], "run");
    let Input::Tree(digest) = input else { unreachable!() };
    for _ in 0..2 {
        let execution = rig.go(&graph, &[root]);
        assert_eq!((&execution.run, &execution.hits), (&counts(&[]), &counts(&[])));
        let [failure] = &execution.failures[..] else { panic!("{execution:?}") };
        assert_eq!((failure.error.code(), failure.error.fault()), ("run::exit", Fault::Build));
        assert_eq!(failure.error.to_string(), "sh exited with status 3");
        let ActionError::Exit { outcome, .. } = &*failure.error else { panic!("{failure:?}") };
        assert_eq!(rig.store.read(&outcome.stdout).unwrap(), b"out\n");
        assert_eq!(rig.store.read(&outcome.stderr).unwrap(), b"err\n");
        let resolved =
            engine::Resolved { inputs: vec![digest], tool: Some("sh 1".to_owned()), function_version: None };
        let key = engine::key(&rig.store, &graph[root], &resolved);
        let kept = rig.store.outcome(&key).unwrap().expect("the failure is recorded");
        assert_eq!((kept.exit_code, kept.stdout, kept.tree), (3, outcome.stdout, outcome.tree));
    }
    assert_eq!(rig.settled.lock().unwrap()[&root], Finish::Failed);
}

#[test]
fn a_signal_is_a_status_as_shells_count_it() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let root = graph.add(Verb::Run(shell("kill -TERM $$")), vec![rig.tree(&[])], "run");
    let execution = rig.go(&graph, &[root]);
    assert_eq!(execution.failures[0].error.to_string(), "sh exited with status 143");
}
