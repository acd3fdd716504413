//! Processes end with all that they started, in time, and see nothing but what is declared.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::{ActionGraph, Execution, Level, Needs, Process, Program, Sandbox, Verb};

use crate::rig::{Rig, counts};

/// Runs a script in an otherwise empty folder.
fn check(script: &str, limit: Option<Duration>, expect: impl Fn(&Rig, &Execution)) {
    check_at(Level::Off, script, limit, expect);
}

fn check_at(level: Level, script: &str, limit: Option<Duration>, expect: impl Fn(&Rig, &Execution)) {
    let mut rig = Rig::new();
    rig.level = level;
    let mut graph = ActionGraph::new();
    let process = Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        outputs: Vec::new(),
        keeps_failed: false,
        shared: None,
        timeout: limit,
        needs: Needs::default(),
        keeps: None,
    };
    let root = graph.add(Verb::Run(process), vec![rig.tree(&[])], "run");
    let execution = rig.go(&graph, &[root]);
    expect(&rig, &execution);
}

/// Whether a process is there and not merely waited for.
fn lives(pid: &str) -> bool {
    let state = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    state.is_ok_and(|state| !state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

/// Waits for the end of the processes whose numbers were written to a file.
fn all_end(pids: &Path) {
    let pids = std::fs::read_to_string(pids).unwrap();
    assert!(pids.lines().count() >= 2, "{pids:?}");
    let begin = Instant::now();
    while pids.lines().any(lives) {
        assert!(begin.elapsed() < Duration::from_secs(5), "something outlives its process");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A script that starts a shell that starts two sleepers, and notes all their numbers.
fn tree_of_processes(pids: &Path, then: &str) -> String {
    let pids = pids.display();
    format!(
        "(sleep 300 & echo $! >> {pids}; sleep 300 & echo $! >> {pids}; wait) & echo $! >> {pids}; sleep 0.3; {then}"
    )
}

#[test]
fn a_timeout_stops_the_whole_tree() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let begin = Instant::now();
    check(&tree_of_processes(&pids, "wait"), Some(Duration::from_millis(700)), |_, execution| {
        let [failure] = &execution.failures[..] else { panic!("{execution:?}") };
        assert_eq!(failure.error.code(), "run::process");
        assert_eq!(failure.error.to_string(), "`sh` was stopped after 0.7 seconds");
    });
    assert!(begin.elapsed() < Duration::from_secs(20));
    all_end(&pids);
}

#[test]
fn what_a_process_leaves_behind_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    check(&tree_of_processes(&pids, "exit 0"), None, |_, execution| {
        assert_eq!(execution.run, counts(&[("run", 1)]));
    });
    all_end(&pids);
}

#[test]
fn a_process_sees_what_is_declared_alone() {
    // A shell adds variables of its own; nothing of the test's comes through.
    check("test -z \"$HOME$USER$CARGO\" && test -z \"$(ls -A)\" && ! read line", None, |_, execution| {
        assert!(execution.failures.is_empty(), "{:?}", execution.failures);
    });
}

#[test]
fn nothing_of_a_process_stays_in_the_folder_for_temporary_files() {
    check("mkdir -p a/b; echo x > a/b/c; chmod 500 a/b", None, |rig, execution| {
        assert!(execution.failures.is_empty(), "{:?}", execution.failures);
        // The folder of this process and its lock, both gone with it.
        assert_eq!(rig.temporary(), 2);
    });
}

#[test]
fn landlock_refuses_what_was_not_declared() {
    let found = Sandbox::new(Level::Landlock, "").level(&std::env::temp_dir()).clone();
    if found.level != Level::Landlock {
        eprintln!("skipped landlock_refuses_what_was_not_declared: {:?}", found.lacking);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let secret = secret.display();
    let script = format!(
        "! cat {secret} && ! echo y > {secret} && ! echo y > /usr/made && echo x > a && cat a && ls /usr > /dev/null"
    );
    check_at(Level::Landlock, &script, None, |_, execution| {
        assert!(execution.failures.is_empty(), "{:?}", execution.failures);
    });
    assert_eq!(std::fs::read_to_string(dir.path().join("secret")).unwrap(), "x");
}

/// Runs processes at once that fail where another one is at it, and gives how many did.
fn clashes(memory: Option<u64>, needs: &dyn Fn(usize) -> Needs) -> usize {
    let mut rig = Rig::new();
    (rig.jobs, rig.memory) = (6, memory);
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock").display().to_string();
    let mut graph = ActionGraph::new();
    let script = format!("mkdir '{lock}' || exit 1; sleep 0.1; rmdir '{lock}'");
    let roots: Vec<_> = (0..6)
        .map(|at| {
            let process = Process {
                program: Program::Tool("sh".to_owned()),
                arguments: vec!["-c".to_owned(), script.clone(), at.to_string()],
                environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
                outputs: Vec::new(),
                keeps_failed: false,
                shared: None,
                timeout: None,
                needs: needs(at),
                keeps: None,
            };
            graph.add(Verb::Run(process), vec![rig.tree(&[])], "run")
        })
        .collect();
    rig.go(&graph, &roots).failures.len()
}

#[test]
fn processes_have_what_they_need() {
    let database = || Needs { exclusive: vec!["database".to_owned()], ..Needs::default() };
    assert_eq!(clashes(None, &|_| database()), 0);
    // No two of them fit, and one is too large for the machine.
    assert_eq!(
        clashes(Some(10), &|at| Needs { memory: if at == 3 { 20 } else { 6 }, ..Needs::default() }),
        0
    );
    assert!(clashes(Some(10), &|_| Needs::default()) > 0, "without needs they are not kept apart");
}

#[test]
fn what_is_run_again_has_the_same_key() {
    let rig = Rig::new();
    let mut graph = ActionGraph::new();
    let first = graph.add(crate::rig::write("a", b"1"), Vec::new(), "write");
    let again = graph.again(first);
    assert_ne!(first, again);
    let execution = rig.go(&graph, &[first, again]);
    assert_eq!(execution.keys[&first], execution.keys[&again]);
}
