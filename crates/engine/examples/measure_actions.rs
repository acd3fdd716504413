//! What an action costs beyond what it does: `measure_actions FOLDER COUNT JOBS KIND [PANTS LEVEL]`.
//!
//! `KIND` is `new` (each writes a small file), `known` (all are in the cache), `spawn` (each runs `sh -c :` in the sandbox of
//! `LEVEL`, which the program `PANTS` sets up), or `plain` (as many processes are spawned, and nothing else). Prints one JSON
//! object: seconds, and how many bytes of memory the process came to have.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark has no one to recover for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use engine::{
    ActionGraph, ActionId, Cancel, Download, Event, Executor, Failure, Fetch, Functions, Input, Level,
    Literal, LocalRunner, Needs, Process, Program, Sandbox, Sources, Tool, Tools, Verb, Watch, execute,
};
use store::{Digest, DigestFunction, Store, StoreError, Tree};

/// All that actions of this kind never ask for.
struct Nothing;

impl Fetch for Nothing {
    fn fetch(
        &self,
        _: &Download,
        _: &Store,
        _: &Cancel,
        _: &dyn Fn(u64, Option<u64>),
    ) -> Result<Digest, Box<dyn Failure>> {
        unreachable!("nothing is fetched")
    }
}

impl Sources for Nothing {
    fn restore(&self, _: &Digest) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn path_of(&self, _: &Digest) -> Option<PathBuf> {
        None
    }
}

impl Tools for Nothing {
    fn tool(&self, _: &str) -> Result<Tool, Box<dyn Failure>> {
        Ok(Tool { path: "/bin/sh".into(), identity: "sh".to_owned(), needs: Vec::new() })
    }
}

impl Watch for Nothing {
    fn event(&self, _: Event<'_>) {}
}

fn write(number: usize) -> Verb {
    let content = number.to_string().into_bytes();
    Verb::Write(vec![("file".to_owned(), Literal::File { content, executable: false })])
}

fn spawn(number: usize) -> Verb {
    Verb::Run(Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec!["-c".to_owned(), ":".to_owned()],
        environment: [("NUMBER".to_owned(), number.to_string())].into(),
        outputs: Vec::new(),
        keeps_failed: false,
        keeps: None,
        shared: None,
        timeout: None,
        needs: Needs::default(),
    })
}

fn run(store: &Store, graph: &ActionGraph, roots: &[ActionId], jobs: usize, sandbox: &Sandbox) {
    let executor = Executor {
        store,
        cache: store,
        fetch: &Nothing,
        runner: &LocalRunner::new(sandbox),
        tools: &Nothing,
        functions: &Functions::default(),
        sources: &Nothing,
        watch: &Nothing,
        jobs,
        downloads: None,
        memory: None,
        force: false,
        cancel: &Cancel::new(),
    };
    let execution = execute(graph, roots, &executor);
    assert_eq!(execution.outcomes.len(), roots.len(), "{:?}", execution.failures.first());
}

/// The most memory that this process has had, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count, jobs, kind, rest @ ..] = arguments.as_slice() else {
        panic!("see the head of the file")
    };
    let (count, jobs): (usize, usize) = (count.parse().unwrap(), jobs.parse().unwrap());
    let (level, pants) = match rest {
        [pants, level] => (level.parse::<Level>().unwrap(), pants.as_str()),
        _ => (Level::Off, ""),
    };
    let sandbox = Sandbox::new(level, pants);
    let store = Store::open(Path::new(folder), DigestFunction::Blake3).unwrap();
    let empty = store.put_tree(&Tree::new()).unwrap();
    let mut graph = ActionGraph::new();
    let before = memory();
    let roots: Vec<ActionId> = match kind.as_str() {
        "plain" => Vec::new(),
        kind => (0..count)
            .map(|number| match kind {
                "spawn" => graph.add(spawn(number), vec![Input::Tree(empty)], "run"),
                _ => graph.add(write(number), Vec::new(), "write"),
            })
            .collect(),
    };
    let begin = Instant::now();
    if kind == "plain" {
        for _ in 0..count {
            let status = Command::new("/bin/sh").args(["-c", ":"]).env_clear().stdin(Stdio::null()).status();
            assert!(status.unwrap().success());
        }
    } else {
        run(&store, &graph, &roots, jobs, &sandbox);
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{{\"seconds\": {seconds}, \"bytes\": {}}}", memory() - before);
}
