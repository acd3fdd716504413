//! Programs that run on the worker of a server: what they make is what they make here, and when the server fails they run here.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::servers::{Server, worker};
use crate::{Bench, Built, scratch};

/// A program of what two steps make, one of the other's, which are the same each time.
const BUILD: &str = "python_library(name = 'lib')\n\
     genrule(name = 'upper', sources = ['names.txt'], outputs = ['upper.txt', 'more/run'],\n        \
     command = 'SLEEP tr a-z A-Z < names.txt > upper.txt; mkdir -p more; touch more/run; chmod 755 more/run')\n\
     genrule(name = 'names', outputs = ['names.py'], tools = [':upper'],\n        \
     command = 'echo \"NAMES = \\'$(cat upper.txt) $(pwd) $(env | grep -c UNDECLARED)\\'\" > names.py')\n\
     python_binary(name = 'app', entry_point = 'main.py', dependencies = [':upper', ':names'])\n";

/// With a worker; none, and why is said, where it cannot be had. The first step takes as long as `sleep` does.
pub(crate) fn with_worker(test: &str, sleep: &str) -> Option<(Bench, Server)> {
    let folder = scratch();
    let server = worker(folder.path(), &[]);
    let server = server.map_err(|why| println!("skipped: {test}: no buildbox with a worker: {why}")).ok()?;
    let bench = Bench::new(folder, &server.address());
    bench.write("app/BUILD", &BUILD.replace("SLEEP", sleep));
    Some((bench, server))
}

pub(crate) const EXEC: (&str, &str) = ("PANTS_REMOTE_EXEC", "true");
/// What was looked up is run all the same.
pub(crate) const ANEW: (&str, &str) = ("PANTS_REMOTE_READ", "false");

pub(crate) fn there(built: &Built) -> u64 {
    let said = built.stderr.split(" programs run there").next().filter(|said| *said != built.stderr);
    said.and_then(|said| said.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn what_runs_there_makes_the_same() {
    let Some((bench, _server)) = with_worker("running elsewhere", "") else { return };
    let here = bench.build_with("here", &[("PANTS_REMOTE_CACHE", "")]);
    assert_eq!(here.programs(), 2);
    let elsewhere = bench.build_with("there", &[EXEC, ANEW, ("UNDECLARED", "1")]);
    assert_eq!((elsewhere.programs(), there(&elsewhere)), (2, 2), "{}", elsewhere.stderr);
    assert!(!elsewhere.stderr.contains("warning[remote"), "{}", elsewhere.stderr);
    assert!(elsewhere.bytes == here.bytes, "the bytes differ");
    // What ran there is in the cache for all.
    let found = bench.build("other");
    assert!(found.ran() == 0 && found.bytes == here.bytes, "{}", found.stderr);
}

#[test]
fn a_program_that_fails_there_says_why() {
    let Some((bench, _server)) = with_worker("failing elsewhere", "echo this is why >&2; exit 3;") else {
        return;
    };
    let mut command = bench.pants("there", &["binary", "//app:app"]);
    let said = command.envs([EXEC]).output().unwrap();
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("exited with status 3") && stderr.contains("this is why"), "{stderr}");
}

#[test]
fn a_server_that_is_killed_meanwhile_is_gone_on_with_or_done_without() {
    let Some((bench, mut server)) = with_worker("a worker that is killed", "sleep 2;") else { return };
    let here = bench.build_with("here", &[("PANTS_REMOTE_CACHE", "")]);
    let _ = std::fs::remove_dir_all(bench.path("repository/dist"));
    let mut command = bench.pants("there", &["--output", "json", "binary", "//app:app"]);
    command.envs([EXEC, ANEW]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    thread::sleep(Duration::from_millis(1500));
    server.restart();
    let built = bench.result(&running.wait_with_output().unwrap());
    assert!(built.bytes == here.bytes, "the bytes differ: {}", built.stderr);
}

#[test]
fn a_worker_that_is_emptied_gets_all_again() {
    let Some((bench, mut server)) = with_worker("a worker that is emptied", "") else { return };
    let first = bench.build_with("there", &[EXEC]);
    server.empty();
    bench.write("app/names.txt", "grace\n");
    let changed = bench.build_with("there", &[EXEC]);
    assert_eq!(there(&changed), 2, "{}", changed.stderr);
    assert!(changed.bytes != first.bytes);
}

#[test]
fn a_server_without_workers_is_told_and_done_without() {
    let Some((bench, _server)) = Bench::with_casd("a server without workers") else { return };
    bench.write("app/BUILD", &BUILD.replace("SLEEP", ""));
    let built = bench.build_with("one", &[EXEC]);
    assert_eq!((built.programs(), there(&built)), (2, 0), "{}", built.stderr);
    let none = bench.build_with("two", &[EXEC, ("PANTS_REMOTE_CACHE", "")]);
    assert_eq!(none.programs(), 2, "{}", none.stderr);
}
