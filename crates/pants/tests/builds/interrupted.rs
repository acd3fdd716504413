//! Builds that are killed at any instant, and builds that run at once: the cache and `dist/` are right after each.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checkout::{Checkout, report};
use crate::index::Index;

/// The targets of the build that is killed: one file, and a folder.
const BOTH: [&str; 2] = ["//one", "//two"];

/// The steps of such a build as its progress names them, with their verbs. `write` and `run` are used by no program;
/// the engine's own test kills them.
const STEPS: [(&str, &str); 8] = [
    ("fetch ", "fetch"),
    ("unpack ", "extract"),
    ("choose ", "apply"),
    ("write the boot files", "apply"),
    ("check ", "apply"),
    ("gather ", "merge"),
    ("pack ", "archive"),
    ("assemble dist/one", "archive"),
];
const VERBS: [&str; 5] = ["fetch", "extract", "merge", "archive", "apply"];
const ROUNDS: u32 = 50;
/// How many sources differ from round to round, so that builds are cold without a cache for each.
const SALTS: u64 = 5;

/// A repository with, besides, two libraries that share many folders: laying them over each other takes its time.
fn checkout(dir: &Path, beside: &Path, salt: u64, index: &Index) -> Checkout {
    let checkout = Checkout::generate(dir, beside, salt, index);
    let wide = "python_library(name = 'a', sources = ['**/a.py'])\npython_library(name = 'b', sources = ['**/b.py'])\n";
    checkout.write("wide/BUILD", wide);
    for at in 0..150 {
        checkout.write(&format!("wide/d{at}/a.py"), &format!("A = {salt}\n"));
        checkout.write(&format!("wide/d{at}/b.py"), &format!("B = {salt}\n"));
    }
    for program in ["one", "two"] {
        let path = format!("{program}/BUILD");
        let text = String::from_utf8(checkout.read(&path)).unwrap();
        checkout.write(&path, &text.replace("'//shared'", "'//shared', '//wide:a', '//wide:b'"));
    }
    checkout
}

/// Forgets what actions came to, as if nothing had run: the blobs stay, as they do when a build is killed.
fn forget_outcomes(cache: &Path) {
    let database = cache.join("v1/blake3/db2/1/store.db");
    if database.exists() {
        let database = rusqlite::Connection::open(database).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database.execute("DELETE FROM entry WHERE space = 'outcome'", []).unwrap();
    }
}

/// Starts a build that says on standard error what begins and ends.
fn start(checkout: &Checkout) -> Child {
    let mut command = checkout.command(&[&["-v", "binary"], &BOTH[..]].concat());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// When a build is killed.
enum Kill {
    /// This long after it was started.
    After(Duration),
    /// As soon as it says that a step of this verb begins.
    In(&'static str),
}

/// Starts a build and kills it; gives what it said, and whether it was still alive.
fn kill(checkout: &Checkout, kill: &Kill) -> (String, bool) {
    let mut child = start(checkout);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    match kill {
        Kill::After(after) => std::thread::sleep(*after),
        Kill::In(verb) => while !running(&said).contains(verb) && stderr.read_line(&mut said).unwrap() > 0 {},
    }
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let mut rest = Vec::new();
    stderr.read_to_end(&mut rest).unwrap();
    child.wait().unwrap();
    (said + &String::from_utf8_lossy(&rest), alive)
}

/// The verbs of the steps that had begun and not ended.
fn running(said: &str) -> Vec<&'static str> {
    let mut steps: Vec<&str> = Vec::new();
    for line in said.lines() {
        match line.strip_prefix("done in ").and_then(|line| line.split_once(": ")) {
            Some((_, step)) => steps.retain(|one| *one != step),
            None => steps.push(line),
        }
    }
    let verb = |step: &str| {
        let merge = step.starts_with("assemble dist/two").then_some("merge");
        merge.or_else(|| STEPS.iter().find(|(start, _)| step.starts_with(start)).map(|(_, verb)| *verb))
    };
    steps.into_iter().filter_map(verb).collect()
}

#[track_caller]
fn nothing_is_left(checkout: &Checkout) {
    for folder in ["v1/blake3/tmp", "partial"] {
        let left: Vec<_> = fs::read_dir(checkout.cache.join(folder)).into_iter().flatten().collect();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
}

#[test]
fn kills_at_any_instant_leave_a_cache_that_is_right() {
    let Some(index) = Index::start("kills_at_any_instant_leave_a_cache_that_is_right") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (root, reference) = (dir.path().join("repository"), dir.path().join("reference"));
    let mut expected = Vec::new();
    let mut colds = Vec::new();
    for salt in 0..SALTS {
        let unharmed = checkout(&root, &reference, salt, &index);
        forget_outcomes(&unharmed.cache);
        let begin = Instant::now();
        assert_eq!(unharmed.build(&BOTH)["diagnostics"], Value::Array(Vec::new()));
        colds.push(begin.elapsed());
        expected.push(unharmed.dist());
        fs::remove_dir_all(root.join("dist")).unwrap();
    }
    colds.sort();
    let cold = colds[colds.len() / 2];
    let mut killed: BTreeMap<&str, u32> = BTreeMap::new();
    let mut alive = 0;
    let evenly = (0..ROUNDS).map(|round| Kill::After(cold * (2 * round + 1) / (2 * ROUNDS)));
    // On a machine that stalls, evenly spread instants may miss a verb: each is met once more on purpose.
    for (round, when) in (0..).zip(evenly.chain(VERBS.map(Kill::In))) {
        let salt = round % SALTS;
        let repository = checkout(&root, dir.path(), salt, &index);
        forget_outcomes(&repository.cache);
        let (said, was_alive) = kill(&repository, &when);
        alive += u32::from(was_alive);
        let verbs = running(&said);
        for verb in if verbs.is_empty() { &["between actions"][..] } else { &verbs } {
            *killed.entry(*verb).or_default() += 1;
        }
        let next = repository.build(&BOTH);
        assert_eq!(next["diagnostics"], Value::Array(Vec::new()), "being killed is no damage");
        let (dist, expected) = (repository.dist(), &expected[usize::try_from(salt).unwrap()]);
        let paths = || dist.keys().chain(expected.keys());
        let differing: Vec<_> = paths().filter(|path| dist.get(*path) != expected.get(*path)).collect();
        assert!(differing.is_empty(), "round {round}, killed while {verbs:?}: {differing:?} differ\n{said}");
        nothing_is_left(&repository);
    }
    println!("a cold build took {cold:?}; {alive} were killed before their end, while: {killed:?}");
    for verb in VERBS {
        assert!(killed.contains_key(verb), "no kill while `{verb}`: {killed:?}");
    }
}

/// Builds these targets at once, each in a process of its own, and wants all to succeed.
fn at_once(test: &str, targets: &[&[&str]]) {
    let Some(index) = Index::start(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let alone = checkout(&dir.path().join("alone"), &dir.path().join("reference"), 0, &index);
    alone.build(&BOTH);
    for salt in 0..2 {
        let repository = checkout(&dir.path().join("repository"), dir.path(), salt, &index);
        let builds: Vec<Child> = (targets.iter())
            .map(|targets| {
                let mut command = repository.command(&[&["--output", "json", "binary"], *targets].concat());
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for build in builds {
            let report = report(&build.wait_with_output().unwrap());
            assert_eq!(report["diagnostics"], Value::Array(Vec::new()));
        }
        if salt == 0 {
            assert!(repository.dist() == alone.dist(), "the same bytes as of a build alone");
        }
        assert_eq!(repository.build(&BOTH)["actions_run"], 0, "both have left what they did in the cache");
        nothing_is_left(&repository);
    }
}

#[test]
fn two_builds_of_different_targets_at_once() {
    at_once("two_builds_of_different_targets_at_once", &[&["//one"], &["//two"]]);
}

#[test]
fn two_builds_of_the_same_targets_at_once() {
    at_once("two_builds_of_the_same_targets_at_once", &[&BOTH, &BOTH]);
}

#[test]
fn four_builds_at_once() {
    at_once("four_builds_at_once", &[&["//one"], &BOTH, &["//two"], &["//two", "//one"]]);
}
