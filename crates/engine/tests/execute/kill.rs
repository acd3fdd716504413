//! Processes killed at any instant of an execution of all verbs: the next one succeeds on the same cache, with the same
//! bytes, and nothing temporary stays behind.
//!
//! A child is this very test binary, told to run the test that does nothing otherwise.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::{ActionGraph, ActionId, Archive, Input, Members, Packing, Process, Program, Verb};
use store::Digest;

use crate::rig::{Rig, apply, fetch, file, large};

const CACHE: &str = "ENGINE_TEST_CACHE";
const ROUND: &str = "ENGINE_TEST_ROUND";
/// The verb at whose start a child waits to be killed.
const HOLD: &str = "ENGINE_TEST_HOLD";
const ROUNDS: u8 = 50;
/// How long a download takes at least.
const PAUSE: Duration = Duration::from_millis(40);
const VERBS: [&str; 7] = ["write", "fetch", "extract", "merge", "archive", "run", "apply"];

/// No two rounds have a content in common, so that each is cold on the cache of those before.
fn seed(round: u8, at: u32) -> u32 {
    u32::from(round) * 40 + at + 1
}

fn zip(round: u8) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for at in 0..20 {
        zip.start_file(format!("pkg/m{at}.py"), options).unwrap();
        zip.write_all(&large(seed(round, at))).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A chain of all verbs in which each takes a good part of the time. What it yields depends on the round.
fn graph(round: u8) -> (ActionGraph, ActionId) {
    let mut graph = ActionGraph::new();
    let files = (20..40).map(|at| file(&format!("src/d{}/a.py", at - 20), &large(seed(round, at)))).collect();
    let write = graph.add(Verb::Write(files), Vec::new(), "write");
    let mut download = fetch("a.whl");
    if let Verb::Fetch(download) = &mut download {
        download.sha256 = [round; 32];
    }
    let fetch = graph.add(download, Vec::new(), "fetch");
    let extract = graph.add(Verb::Extract, vec![Input::Action(fetch)], "extract");
    let upper = graph.add(apply("upper", &[round]), vec![Input::Action(extract)], "apply");
    let process = Process {
        program: Program::Tool("sh".into()),
        arguments: vec!["-c".into(), format!("sleep 0.03; cp -r pkg out; echo {round} > out/round")],
        environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        outputs: vec!["out".into()],
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let run = graph.add(Verb::Run(process), vec![Input::Action(upper)], "run");
    let members = Members {
        input: 0,
        origin: "all".into(),
        under: String::new(),
        packing: Packing::Deflate,
        only: Vec::new(),
        directories: Vec::new(),
    };
    let archive = Archive { name: "a.pex".into(), executable: true, prefix: None, members: vec![members] };
    let archive = graph.add(Verb::Archive(archive), vec![Input::Action(run)], "archive");
    let mut inputs = vec![Input::Action(write), Input::Action(archive)];
    let mut prefixes = vec![String::new(), String::new()];
    for at in 0..80u8 {
        inputs.extend([Input::Action(write), Input::Action(run)]);
        prefixes.extend([format!("deep/x{at}"), format!("deep/x{at}/src/d{}", at % 20)]);
    }
    let merge = graph.add(Verb::Merge { prefixes }, inputs, "merge");
    (graph, merge)
}

fn rig(cache: &Path, round: u8) -> Rig {
    let mut rig = Rig::at(cache);
    rig.jobs = 1;
    rig.served.insert("a.whl".to_owned(), zip(round));
    rig
}

#[test]
#[ignore = "a child of `kills_at_any_instant_leave_a_cache_that_is_right`"]
fn child_that_is_killed() {
    let Some(cache) = std::env::var_os(CACHE) else { return println!("skipped: not started as a child") };
    let round: u8 = std::env::var(ROUND).unwrap().parse().unwrap();
    let (graph, root) = graph(round);
    let served = zip(round);
    eprintln!("begun");
    let mut rig = Rig::at(Path::new(&cache));
    (rig.jobs, rig.fetch_pause) = (1, PAUSE);
    rig.served.insert("a.whl".to_owned(), served);
    rig.on_start = Some(|_, what| {
        eprintln!("start {what}");
        if std::env::var(HOLD).is_ok_and(|held| held == what) {
            std::thread::sleep(Duration::from_secs(60));
        }
    });
    rig.build(&graph, root);
    eprintln!("finished");
}

/// When a child is killed.
enum Kill {
    Never,
    /// This long after it began.
    After(Duration),
    /// While it starts this verb, and waits there.
    In(&'static str),
}

/// Starts a child and kills it; gives what it said since it began, and how long it took.
fn child(cache: &Path, round: u8, kill: &Kill) -> (String, Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_is_killed", "--ignored", "--nocapture"])
        .env(CACHE, cache)
        .env(ROUND, round.to_string())
        .env(HOLD, if let Kill::In(verb) = kill { verb } else { "" })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.ends_with("begun\n") {
        assert!(stderr.read_line(&mut line).unwrap() > 0, "{line}");
    }
    let begin = Instant::now();
    let mut said = String::new();
    match kill {
        Kill::Never => {}
        Kill::After(after) => {
            std::thread::sleep(*after);
            child.kill().unwrap();
        }
        Kill::In(verb) => {
            let start = format!("start {verb}\n");
            while !said.ends_with(&start) && stderr.read_line(&mut said).unwrap() > 0 {}
            child.kill().unwrap();
        }
    }
    stderr.read_to_string(&mut said).unwrap();
    let took = begin.elapsed();
    child.wait().unwrap();
    (said, took)
}

/// Opens the cache until nothing temporary is in it: a process that a killed child had started may yet write.
fn swept(cache: &Path, round: u8, doing: &str) -> Rig {
    let begin = Instant::now();
    loop {
        let rig = rig(cache, round);
        if rig.temporary() == 0 {
            return rig;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "temporary files stay after a kill while `{doing}`"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What it was doing when it said its last.
fn doing(said: &str) -> &str {
    said.lines().last().map_or("nothing yet", |line| line.strip_prefix("start ").unwrap_or(line))
}

#[test]
fn kills_at_any_instant_leave_a_cache_that_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, reference) = (dir.path().join("cache"), dir.path().join("reference"));
    let mut colds: Vec<Duration> = (250..253).map(|round| child(&reference, round, &Kill::Never).1).collect();
    colds.sort();
    let mut killed: BTreeMap<String, u32> = BTreeMap::new();
    let mut expected: BTreeMap<u8, Digest> = BTreeMap::new();
    let mut kill = |round: u8, kill: &Kill| {
        let (said, _) = child(&cache, round, kill);
        *killed.entry(doing(&said).to_owned()).or_default() += 1;
        let rig = swept(&cache, round, doing(&said));
        let (graph, root) = graph(round);
        let tree = rig.go(&graph, &[root]).trees[&root];
        assert!(rig.store.is_complete(&tree).unwrap());
        assert_eq!(rig.store.take_warnings(), [], "being killed is no damage");
        expected.insert(round, tree);
    };
    for round in 0..ROUNDS {
        kill(round, &Kill::After(colds[1].mul_f64((f64::from(round) + 0.5) / f64::from(ROUNDS))));
    }
    // On a machine that stalls, evenly spread instants may miss a verb: each is met once more on purpose.
    for (round, verb) in (ROUNDS..).zip(VERBS) {
        kill(round, &Kill::In(verb));
    }
    println!("a cold execution took {:?}; killed while: {killed:?}", colds[1]);
    assert!(VERBS.iter().all(|verb| killed.contains_key(*verb)), "no kill in one of {VERBS:?}: {killed:?}");
    // The same from a cache on which nobody was killed.
    for round in [0, 17, 49] {
        let rig = rig(&reference, round);
        let (graph, root) = graph(round);
        assert_eq!(rig.go(&graph, &[root]).trees[&root], expected[&round]);
    }
}
