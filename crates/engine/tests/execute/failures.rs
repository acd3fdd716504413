//! What fails stops only what depends on it, and all failures are told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::{ActionGraph, ActionId, Archive, Fault, Finish, Input, Process, Program, Verb};

use crate::rig::{Rig, apply, counts, fetch, write};

#[test]
fn failures_stop_their_dependents_alone_and_all_are_told() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let good = graph.add(write("a", b"1"), Vec::new(), "good");
    let bad = graph.add(apply("fail", b"1"), Vec::new(), "bad");
    let worse = graph.add(fetch("nowhere.whl"), Vec::new(), "worse");
    let after = |graph: &mut ActionGraph, inputs: &[ActionId]| {
        let prefixes = (0..inputs.len()).map(|at| format!("p{at}")).collect();
        graph.add(Verb::Merge { prefixes }, inputs.iter().copied().map(Input::Action).collect(), "after")
    };
    let stopped = after(&mut graph, &[good, bad]);
    let stopped_by_both = after(&mut graph, &[bad, worse]);
    let stopped_later = after(&mut graph, &[stopped, good]);
    let fine = after(&mut graph, &[good, good]);
    let roots = [stopped_by_both, stopped_later, fine, bad];
    let execution = rig.go(&graph, &roots);
    let failed: Vec<_> = (execution.failures.iter())
        .map(|failure| {
            (failure.id, failure.description.as_str(), failure.error.code(), failure.error.fault())
        })
        .collect();
    let expected =
        [(bad, "bad", "test::refused", Fault::Request), (worse, "worse", "test::refused", Fault::Request)];
    assert_eq!(failed, expected);
    assert_eq!(execution.skipped, [stopped, stopped_by_both, stopped_later]);
    assert_eq!(execution.trees.keys().copied().collect::<Vec<_>>(), [fine]);
    assert_eq!(execution.run, counts(&[("write", 1), ("merge", 1)]));
    assert!(!execution.cancelled);
    let settled = rig.settled.lock().unwrap();
    assert_eq!(settled.len(), 7, "every action is told to be settled");
    assert_eq!(settled[&stopped_later], Finish::Skipped);
}

#[test]
fn a_panic_is_a_failure_like_any_other() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let bad = graph.add(apply("panic", b""), Vec::new(), "bad");
    let good = graph.add(write("a", b"1"), Vec::new(), "good");
    let execution = rig.go(&graph, &[bad, good]);
    let [failure] = &execution.failures[..] else { panic!("{execution:?}") };
    assert_eq!((failure.error.code(), failure.error.fault()), ("action::panicked", Fault::Bug));
    assert!(execution.trees.contains_key(&good));
}

/// Runs one malformed or impossible action and checks what is said of it.
fn check(verb: Verb, inputs: Vec<Input>, code: &str, message: &str) {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let inputs = if inputs.is_empty() { vec![rig.tree(&[])] } else { inputs };
    let root = graph.add(verb, inputs, "do it");
    let execution = rig.go(&graph, &[root]);
    let [failure] = &execution.failures[..] else { panic!("{execution:?}") };
    assert_eq!((failure.error.code(), failure.error.to_string().as_str()), (code, message));
}

#[test]
fn what_cannot_be_done_is_said() {
    let process = |program| Process {
        program,
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        outputs: vec!["out".to_owned()],
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let archive =
        Archive { name: "a".to_owned(), executable: false, prefix: Some((3, "x".into())), members: vec![] };
    let m = "action::malformed";
    check(apply("unheard", b""), Vec::new(), m, "an action applies a function that is not registered");
    check(Verb::Extract, Vec::new(), m, "a tree that should hold exactly one file does not");
    check(Verb::Merge { prefixes: Vec::new() }, Vec::new(), m, "a merge needs one prefix for each input");
    check(Verb::Archive(archive), Vec::new(), m, "an archive names an input that it does not have");
    check(Verb::Run(process(Program::Tool("python:cp27".into()))), Vec::new(), "test::refused", "refused");
    let started = "cannot start `gone`";
    check(Verb::Run(process(Program::Input("gone".into()))), Vec::new(), "run::process", started);
    let mut idle = process(Program::Tool("sh".into()));
    idle.arguments = vec!["-c".to_owned(), "true".to_owned()];
    let lacking = "`sh` succeeded but did not make `out`";
    check(Verb::Run(idle), Vec::new(), "run::process", lacking);
}

#[test]
fn files_that_differ_are_not_merged() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let inputs = vec![rig.tree(&[("d/a", b"1")]), rig.tree(&[("a", b"2")])];
    let prefixes = vec![String::new(), "d".to_owned()];
    let root = graph.add(Verb::Merge { prefixes }, inputs, "merge");
    let execution = rig.go(&graph, &[root]);
    assert_eq!(execution.failures[0].error.to_string(), "two different files want to be `d/a`");
    assert_eq!(execution.failures[0].error.code(), "merge::conflict");
}

#[test]
fn cancelling_lets_what_runs_end_and_starts_nothing() {
    let mut rig = Rig::new();
    rig.jobs = 1;
    rig.on_start = Some(|rig, _| rig.cancel.cancel());
    let mut graph = ActionGraph::new();
    let roots: Vec<_> = (0..20).map(|at| graph.add(write("a", &[at]), Vec::new(), "write")).collect();
    let execution = rig.go(&graph, &roots);
    assert!(execution.cancelled);
    assert_eq!(execution.run, counts(&[("write", 1)]));
    assert!(execution.failures.is_empty(), "to be stopped is not to fail");
    (rig.cancel, rig.on_start) = (engine::Cancel::new(), None);
    let execution = rig.go(&graph, &roots);
    assert_eq!((execution.trees.len(), execution.hits["write"]), (20, 1));
}

#[test]
fn cancelling_stops_a_process() {
    let mut rig = Rig::new();
    rig.on_start = Some(|rig, _| rig.cancel.cancel());
    let mut graph = ActionGraph::new();
    let process = Process {
        program: Program::Tool("sh".into()),
        arguments: vec!["-c".into(), "sleep 60".into()],
        environment: BTreeMap::new(),
        outputs: Vec::new(),
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let root = graph.add(Verb::Run(process), vec![rig.tree(&[])], "run");
    let begin = Instant::now();
    let execution = rig.go(&graph, &[root]);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(execution.cancelled && execution.failures.is_empty());
    assert_eq!(execution.skipped, [root]);
}
