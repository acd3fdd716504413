//! Queries that run at once, one of which is stopped: the others wait for nothing that it holds.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::repository::Repository;

const FOLDERS: usize = 40;
const MODULES: usize = 10;
/// At how many instants of its run one of the queries is stopped.
const PHASES: u32 = 12;
const AT_ONCE: usize = 10;
/// Less than anybody would wait for a lock, more than a busy machine takes for a query.
const PATIENCE: Duration = Duration::from_secs(60);

fn repository() -> Repository {
    let repository = Repository::new(&[("pants.toml", "")]);
    for folder in 0..FOLDERS {
        repository.write(&format!("p{folder}/BUILD"), "python_library()\n");
        for module in 0..MODULES {
            let needed = folder / 2;
            let text = format!("import p{needed}.m{}\n# {folder} {module}\n", (module + 1) % MODULES);
            repository.write(&format!("p{folder}/m{module}.py"), text);
        }
    }
    repository
}

fn start(repository: &Repository) -> Child {
    let mut command: Command = repository.command(&["query", "rdeps(//..., //p1)"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a query answers, which has to come soon.
fn answer(mut query: Child) -> String {
    let begin = Instant::now();
    while query.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            query.kill().unwrap();
            panic!("a query waits for one that is stopped");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = query.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_query_that_is_stopped_keeps_nobody_waiting() {
    let repository = repository();
    let begin = Instant::now();
    let expected = answer(start(&repository));
    let cold = begin.elapsed();
    assert!(expected.lines().count() > FOLDERS / 2, "{expected}");
    let mut stopped_alive = 0;
    for phase in 0..PHASES {
        // With an empty cache now and then, and else after an edit: then there is something to do and to remember.
        if phase % 2 == 0 {
            fs::remove_dir_all(repository.cache()).unwrap();
        } else {
            repository.write("p0/m0.py", format!("import p0.m1\n# {phase}\n"));
        }
        let mut stopped = start(&repository);
        std::thread::sleep(cold * phase / PHASES);
        let pid = Pid::from_child(&stopped);
        if stopped.try_wait().unwrap().is_none() {
            stopped_alive += 1;
            kill_process(pid, Signal::STOP).unwrap();
        }
        let others: Vec<Child> = (1..AT_ONCE).map(|_| start(&repository)).collect();
        for other in others {
            assert_eq!(answer(other), expected, "phase {phase}");
        }
        if stopped.try_wait().unwrap().is_none() {
            kill_process(pid, Signal::CONT).unwrap();
        }
        assert_eq!(answer(stopped), expected, "phase {phase}: the one that was stopped");
        let left: Vec<_> = fs::read_dir(repository.cache().join("v1/blake3/tmp")).unwrap().collect();
        assert!(left.is_empty(), "phase {phase}: {left:?}");
    }
    println!("{stopped_alive} of {PHASES} were stopped before their end, in a run of {cold:?}");
    assert!(stopped_alive > 0, "none was stopped while it ran");
}

#[test]
fn one_that_holds_the_database_for_itself_keeps_nobody_waiting() {
    let repository = repository();
    let expected = answer(start(&repository));
    let database = repository.cache().join("v1/blake3/db2/1/store.db");
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM entry WHERE 0").unwrap();
    // Each of them is something to remember, and none of that is waited for again.
    for folder in 0..FOLDERS {
        repository.write(&format!("p{folder}/m0.py"), format!("import p{folder}.m1\n# another\n"));
    }
    let queries: Vec<Child> = (0..AT_ONCE).map(|_| start(&repository)).collect();
    for query in queries {
        assert_eq!(answer(query), expected);
    }
    connection.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn one_that_is_stopped_and_killed_leaves_nothing() {
    let repository = repository();
    let mut stopped = start(&repository);
    std::thread::sleep(Duration::from_millis(40));
    if stopped.try_wait().unwrap().is_none() {
        kill_process(Pid::from_child(&stopped), Signal::STOP).unwrap();
    }
    let expected = answer(start(&repository));
    stopped.kill().unwrap();
    let mut said = String::new();
    stopped.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!stopped.wait().unwrap().success() || said == expected);
    assert_eq!(answer(start(&repository)), expected);
    let left: Vec<_> = fs::read_dir(repository.cache().join("v1/blake3/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
