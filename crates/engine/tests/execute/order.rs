//! The number of workers changes nothing but the time, and many actions take little of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::{ActionGraph, ActionId, Input, Verb};
use store::Digest;

use crate::rig::{Rig, apply, counts, fetch, write};

/// A graph with diamonds, chains, downloads and failures, made from a seed.
fn graph(seed: u64, rig: &mut Rig) -> (ActionGraph, Vec<ActionId>) {
    let mut state = seed | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut graph = ActionGraph::new();
    let mut ids = Vec::new();
    for at in 0..120usize {
        let mut inputs = || (0..2).map(|_| Input::Action(ids[random(at)])).collect::<Vec<_>>();
        let (verb, inputs) = match at % 6 {
            0 => (write("a", &at.to_le_bytes()), Vec::new()),
            1 => {
                let name = format!("{at}.whl");
                if at % 5 != 0 {
                    rig.served.insert(name.clone(), vec![1; at]);
                }
                (fetch(&name), Vec::new())
            }
            2 => (Verb::Merge { prefixes: vec![format!("x{at}"), format!("y{at}")] }, inputs()),
            3 => (apply("length", &at.to_le_bytes()), inputs()),
            _ => (apply(if at == 65 { "fail" } else { "upper" }, &at.to_le_bytes()), inputs()[..1].to_vec()),
        };
        ids.push(graph.add(verb, inputs, format!("action {at}")));
    }
    (graph, ids)
}

type Seen = (BTreeMap<ActionId, Digest>, Vec<(ActionId, String)>, Vec<ActionId>, BTreeMap<&'static str, u64>);

#[test]
fn the_number_of_workers_changes_nothing() {
    for seed in 1..4 {
        let mut all: Vec<Seen> = Vec::new();
        for jobs in 1..=8 {
            let mut rig = Rig::new();
            rig.jobs = jobs;
            let (graph, roots) = graph(seed, &mut rig);
            let cold = rig.go(&graph, &roots);
            let failures: Vec<_> = cold.failures.iter().map(|one| (one.id, one.error.to_string())).collect();
            assert!(!failures.is_empty() && !cold.skipped.is_empty());
            let warm = rig.go(&graph, &roots);
            assert_eq!((&warm.trees, &warm.skipped, &warm.hits), (&cold.trees, &cold.skipped, &cold.run));
            assert_eq!(warm.run, counts(&[]));
            all.push((cold.trees, failures, cold.skipped, cold.run));
        }
        assert!(all.iter().all(|one| *one == all[0]));
    }
}

#[test]
fn workers_work_at_once() {
    for (jobs, fastest, slowest) in [(8, 100, 700), (1, 800, 8000)] {
        let mut rig = Rig::new();
        rig.jobs = jobs;
        let mut graph = ActionGraph::new();
        let input = |at: u8| vec![rig.tree(&[("a", &[at])])];
        let roots: Vec<_> = (0..8).map(|at| graph.add(apply("rest", b"100"), input(at), "rest")).collect();
        let begin = Instant::now();
        assert_eq!(rig.go(&graph, &roots).run, counts(&[("apply", 8)]));
        let took = begin.elapsed();
        let expected = Duration::from_millis(fastest)..Duration::from_millis(slowest);
        assert!(expected.contains(&took), "{jobs} workers took {took:?}");
    }
}

/// Many at once are more than some resolvers of names take.
#[test]
fn downloads_are_few_at_once() {
    for (limit, most) in [(None, 8), (Some(3), 3), (Some(1), 1), (Some(100), 8)] {
        let mut rig = Rig::new();
        rig.downloads = limit;
        rig.fetch_pause = Duration::from_millis(5);
        let mut graph = ActionGraph::new();
        let mut roots = Vec::new();
        for at in 0..32u8 {
            let name = format!("{at}.whl");
            rig.served.insert(name.clone(), vec![at]);
            roots.push(graph.add(fetch(&name), Vec::new(), "download"));
        }
        assert_eq!(rig.go(&graph, &roots).run, counts(&[("fetch", 32)]));
        let ever = rig.fetching.1.into_inner();
        assert!((1..=most).contains(&ever), "{ever} at once with the limit {limit:?}");
    }
}

/// 10,000 actions: 5,000 sources, each with one action on it, all merged.
#[test]
fn ten_thousand_trivial_actions_are_quick() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let mut ends = Vec::new();
    for at in 0..5000u32 {
        let source = graph.add(write(&format!("f{at}"), &at.to_le_bytes()), Vec::new(), "source");
        ends.push(Input::Action(graph.add(apply("upper", b""), vec![Input::Action(source)], "upper")));
    }
    let prefixes = vec![String::new(); ends.len()];
    let root = graph.add(Verb::Merge { prefixes }, ends, "merge");
    let begin = Instant::now();
    let (tree, execution) = rig.build(&graph, root);
    let cold = begin.elapsed();
    assert_eq!(execution.run.values().sum::<u64>(), 10_001);
    assert_eq!(tree.entries().count(), 5000);
    let begin = Instant::now();
    assert_eq!(rig.build(&graph, root).1.hits.values().sum::<u64>(), 10_001);
    let warm = begin.elapsed();
    println!("10,001 actions: {cold:?} cold, {warm:?} warm");
    assert!(cold < Duration::from_secs(60) && warm < Duration::from_secs(15), "{cold:?} {warm:?}");
}

#[test]
fn the_longest_chain_goes_first() {
    let mut rig = Rig::new();
    rig.jobs = 1;
    let mut graph = ActionGraph::new();
    let short = graph.add(write("s", b""), Vec::new(), "short");
    let mut chain = graph.add(write("a", b""), Vec::new(), "chain");
    for at in 0..3u8 {
        chain = graph.add(apply("upper", &[at]), vec![Input::Action(chain)], "chain");
    }
    let prefixes = vec![String::new(); 2];
    let root = graph.add(Verb::Merge { prefixes }, vec![Input::Action(short), Input::Action(chain)], "end");
    static ORDER: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    rig.on_start = Some(|_, what| ORDER.lock().unwrap().push(what.to_owned()));
    rig.build(&graph, root);
    let order = ORDER.lock().unwrap();
    assert_eq!(order.first().unwrap(), "chain");
    assert_eq!(order.last().unwrap(), "end");
}
