//! Workers and their servers fail in the middle of things, and what they were to do is done all the same, with the same bytes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::execution::{ANEW, EXEC, there, with_worker};
use crate::faults::blobs;
use crate::guard::Guard;
use crate::servers::{MARK, Server, interpreter, worker};
use crate::{Bench, Built, scratch};

const STRICT: (&str, &str) = ("PANTS_REMOTE_EXEC_FALLBACK", "false");

/// Begins to build on the machine `there`, and gives it back when a program runs on the worker.
fn begun(bench: &Bench, env: &[(&str, &str)]) -> Child {
    let _ = fs::remove_dir_all(bench.path("repository/dist"));
    let events = bench.path("events");
    let mut command = bench.pants("there", &["--output", "json", "binary", "//app:app"]);
    command.arg("--events").arg(&events).envs([EXEC, ANEW]).envs(env.iter().copied());
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let has_begun = || fs::read_to_string(&events).is_ok_and(|lines| lines.contains("\"verb\":\"run\""));
    while !has_begun() && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(500));
    running
}

fn ended(bench: &Bench, running: Child) -> Built {
    bench.result(&running.wait_with_output().unwrap())
}

/// What is built here, by which all else is judged.
fn here(bench: &Bench) -> Built {
    bench.build_with("here", &[("PANTS_REMOTE_CACHE", "")])
}

#[test]
fn a_worker_that_is_killed_is_done_without() {
    let Some((bench, server)) = with_worker("a worker that is killed", "sleep 2;") else { return };
    let here = here(&bench);
    let running = begun(&bench, &[]);
    assert!(server.kill_workers());
    let built = ended(&bench, running);
    assert!(built.bytes == here.bytes, "the bytes differ: {}", built.stderr);
}

#[test]
fn a_server_that_stands_still_is_done_without_or_gone_on_with() {
    let Some((bench, server)) = with_worker("a worker that stands still", "sleep 2;") else { return };
    let here = here(&bench);
    let running = begun(&bench, &[]);
    server.signal(Signal::STOP);
    let built = ended(&bench, running);
    assert!(built.warns("remote::unreachable") && built.bytes == here.bytes, "{}", built.stderr);
    server.signal(Signal::CONT);
    fs::remove_dir_all(bench.path("there")).unwrap();
    let running = begun(&bench, &[("PANTS_REMOTE_TIMEOUT", "20"), STRICT]);
    server.signal(Signal::STOP);
    thread::sleep(Duration::from_secs(1));
    server.signal(Signal::CONT);
    let built = ended(&bench, running);
    assert!(there(&built) == 2 && built.bytes == here.bytes, "{}", built.stderr);
}

#[test]
fn a_server_that_is_emptied_meanwhile_is_given_all_again() {
    let Some((bench, mut server)) = with_worker("a worker that is emptied meanwhile", "sleep 2;") else {
        return;
    };
    let here = here(&bench);
    let running = begun(&bench, &[]);
    server.empty();
    let built = ended(&bench, running);
    assert!(built.bytes == here.bytes, "the bytes differ: {}", built.stderr);
}

#[test]
fn what_a_worker_made_and_a_disk_altered_is_made_here() {
    let Some((bench, server)) = with_worker("a worker with a bad disk", "echo some more;") else { return };
    let here = here(&bench);
    let first = bench.build_with("one", &[EXEC]);
    assert!(there(&first) == 2 && first.bytes == here.bytes, "{}", first.stderr);
    // All that the worker has is altered, also what it would answer with instead of running anything.
    let made = b"ADA\n";
    let all = blobs(&server.folder, 1).into_iter().map(|(_, path)| path);
    let altered: Vec<PathBuf> = all.filter(|path| fs::read(path).is_ok_and(|bytes| bytes == made)).collect();
    assert_eq!(altered.len(), 1);
    fs::remove_file(&altered[0]).unwrap();
    fs::write(&altered[0], b"EVE\n").unwrap();
    let built = bench.build_with("two", &[EXEC]);
    assert!(built.warns("remote::corrupt"), "{}", built.stderr);
    assert!(built.bytes == here.bytes, "the bytes differ: {}", built.stderr);
}

#[test]
fn a_token_that_expires_while_a_program_runs_is_renewed() {
    let Some((mut bench, server)) = with_worker("a token that expires meanwhile", "sleep 3;") else { return };
    let guard = match Guard::of(server.port, &bench.path("")) {
        Ok(guard) => guard,
        Err(why) => return println!("skipped: a token that expires meanwhile: {why}"),
    };
    let here = here(&bench);
    bench.address = guard.address();
    let token = bench.path("token");
    let file = token.display().to_string();
    let shown = [("PANTS_REMOTE_TOKEN_FILE", file.as_str()), STRICT];
    fs::write(&token, "first").unwrap();
    guard.accept("first");
    let running = begun(&bench, &shown);
    fs::write(&token, "second").unwrap();
    guard.accept("second");
    let built = ended(&bench, running);
    assert!(there(&built) == 2 && built.bytes == here.bytes, "{}", built.stderr);
    assert!(!built.stderr.contains("warning[remote"), "{}", built.stderr);
    // One that is not renewed is told once, and the programs run here.
    fs::remove_dir_all(bench.path("there")).unwrap();
    let running = begun(&bench, &shown[..1]);
    guard.accept("third");
    let built = ended(&bench, running);
    assert!(built.warns("remote::unauthenticated") && built.bytes == here.bytes, "{}", built.stderr);
    assert_eq!(built.stderr.matches("warning[remote").count(), 1, "{}", built.stderr);
}

#[test]
fn a_failure_that_a_server_keeps_is_not_believed() {
    let Some((bench, _server)) =
        with_worker("a failure that is kept", &format!("cat {MARK}/ready || exit 3;"))
    else {
        return;
    };
    let failed = bench.pants("there", &["binary", "//app:app"]).envs([EXEC]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    fs::write(bench.path("mark/ready"), "").unwrap();
    let built = bench.build_with("there", &[EXEC, STRICT]);
    assert_eq!(there(&built), 2, "{}", built.stderr);
}

#[test]
fn a_program_that_has_to_run_on_a_worker_fails_without_one() {
    let Some((bench, mut server)) = with_worker("no worker", "") else { return };
    server.kill();
    let failed = bench.pants("there", &["binary", "//app:app"]).envs([EXEC, STRICT]).output().unwrap();
    let stderr = String::from_utf8_lossy(&failed.stderr);
    assert!(failed.status.code() == Some(3) && stderr.contains("did not run on a worker"), "{stderr}");
    // Without `exec` that is so for targets that say it, and for no other.
    bench.write(
        "app/BUILD",
        "python_library(name = 'lib')\n\
         genrule(name = 'there', outputs = ['there'], command = 'touch there', remote = True)\n\
         genrule(name = 'any', outputs = ['any'], command = 'touch any')\n\
         python_binary(name = 'app', entry_point = 'main.py', dependencies = [':there'])\n\
         python_binary(name = 'other', entry_point = 'main.py', dependencies = [':any'])\n",
    );
    for (target, code) in [("//app:app", 3), ("//app:other", 0)] {
        let ended = bench.pants("there", &["binary", target]).envs([STRICT]).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{target}: {stderr}");
        assert_eq!(stderr.contains("did not run on a worker"), code == 3, "{target}: {stderr}");
    }
}

#[test]
fn targets_say_where_they_run() {
    let Some((bench, _server)) = with_worker("targets that say where", "") else { return };
    let step = |name: &str, remote: &str, test: &str| {
        format!(
            "genrule(name = '{name}', outputs = ['{name}'], command = '{test} && touch {name}'{remote})\n"
        )
    };
    let build = [
        "python_library(name = 'lib')\n",
        &step("here", ", remote = False", &format!("test ! -e {MARK}")),
        &step("there", ", remote = True", &format!("test -e {MARK}")),
        "python_binary(name = 'app', entry_point = 'main.py', dependencies = [':here', ':there'])\n",
    ];
    bench.write("app/BUILD", &build.concat());
    bench.write("app/main.py", "");
    assert_eq!(there(&bench.build_with("one", &[EXEC, ANEW])), 1);
    assert_eq!(there(&bench.build_with("two", &[ANEW])), 1);
}

#[test]
fn what_takes_long_on_a_worker_is_raced() {
    let Some((bench, _server)) = with_worker("a race", &format!("test ! -e {MARK} || sleep 60;")) else {
        return;
    };
    let here = here(&bench);
    let raced = bench.build_with("there", &[EXEC, ANEW, ("PANTS_REMOTE_EXEC_RACE", "true")]);
    assert!(raced.bytes == here.bytes && raced.programs() == 2, "{}", raced.stderr);
    assert!(!raced.stderr.contains("warning[remote"), "{}", raced.stderr);
}

/// Whether each program that ran did so elsewhere, by what was written down of a run.
fn ran(events: &PathBuf) -> Vec<bool> {
    let lines = fs::read_to_string(events).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ran = lines
        .filter(|line| line["event"] == "action_finished" && line["verb"] == "run" && line["how"] == "ran");
    ran.map(|line| line["elsewhere"] == true).collect()
}

/// A repository whose tests pass on the worker alone, and need a distribution that is built from its source.
fn suite(test: &str) -> Option<(Bench, Server)> {
    let skip = |why: &str| println!("skipped: {test}: {why}");
    let folder = scratch();
    let Some(python) = interpreter("python3.11") else {
        skip("no Python 3.11");
        return None;
    };
    // What is on `PATH` may be a script that starts another.
    let about = "import os, sys; print(sys.base_prefix, os.path.realpath(sys.executable), sep=chr(10))";
    let about = Command::new(&python).args(["-c", about]).output().unwrap();
    let about = String::from_utf8_lossy(&about.stdout);
    let (prefix, python) = about.trim().split_once('\n').unwrap();
    let (prefix, python) = (PathBuf::from(prefix), PathBuf::from(python));
    let seen = if prefix.starts_with("/usr") { vec![] } else { vec![prefix] };
    let server = worker(folder.path(), &seen)
        .map_err(|why| skip(&format!("no buildbox with a worker: {why}")))
        .ok()?;
    let bench = Bench::new(folder, &server.address());
    bench.write(
        "pants.toml",
        &format!(
            "[python]\ninterpreters = [\"3.11\"]\ninterpreter_constraints = [\"CPython==3.11.*\"]\n\
             interpreter_search_paths = [\"{}\"]\n\n[remote.interpreters]\ncp311 = \"{}\"\n",
            python.parent().unwrap().display(),
            python.display()
        ),
    );
    bench.write(
        "app/BUILD",
        "python_library(name = 'lib')\npython_test(name = 'tests')\n\
         python_binary(name = 'app', entry_point = 'main.py')\n\
         python_requirement(name = 'docopt', requirements = ['docopt==0.6.2'])\n\
         python_requirement(name = 'pytest', requirements = ['pytest==8.3.*'])\n",
    );
    bench.write("app/main.py", "import docopt\nprint(docopt.__version__)\n");
    for number in 0..3 {
        let text = format!(
            "import os\nimport docopt\n\n\ndef test_where():\n    assert os.path.exists('{MARK}'), docopt\n# {number}\n"
        );
        bench.write(&format!("app/number{number}_test.py"), &text);
    }
    let locked = bench.pants("here", &["-q", "lock"]).env("PANTS_REMOTE_CACHE", "").output().unwrap();
    if locked.status.code() == Some(3) {
        skip(&String::from_utf8_lossy(&locked.stderr));
        return None;
    }
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    Some((bench, server))
}

#[test]
fn tests_and_source_distributions_run_on_workers_alone() {
    let Some((bench, _server)) = suite("a suite on workers") else { return };
    let events = bench.path("events");
    let mut command = bench.pants("there", &["--events", &events.display().to_string(), "test", "::"]);
    let said = command.envs([EXEC, ANEW, STRICT]).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{text}");
    let where_ran = ran(&events);
    assert!(where_ran.len() >= 4 && where_ran.iter().all(|elsewhere| *elsewhere), "{where_ran:?} {text}");
    // The same bytes there and here.
    let built = bench.build_with("another", &[EXEC, ANEW, STRICT]);
    assert!(there(&built) > 0 && there(&built) == built.programs(), "{}", built.stderr);
    assert!(built.bytes == here(&bench).bytes, "the bytes differ");
    // Another machine runs nothing, and brings no more than the results.
    let mut command = bench.pants("third", &["--events", &events.display().to_string(), "test", "::"]);
    let said = command.output().unwrap();
    assert!(said.status.success() && ran(&events).is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn a_worker_without_the_interpreter_is_told_and_done_without() {
    let Some((bench, _server)) = suite("a worker without an interpreter") else { return };
    let settings = fs::read_to_string(bench.path("repository/pants.toml")).unwrap();
    let (before, _) = settings.split_once("cp311").unwrap();
    bench.write("pants.toml", &format!("{before}cp311 = \"/no/such/python\"\n"));
    let built = bench.build_with("there", &[EXEC]);
    assert!(built.warns("remote::execution"), "{}", built.stderr);
    assert!(built.stderr.contains("a worker cannot start `/no/such/python`"), "{}", built.stderr);
    // The tests need the worker: what fails in the build of a distribution is told by a test run as well.
    let said = bench.pants("strict", &["test", "::"]).envs([EXEC, STRICT]).output().unwrap();
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.code() == Some(3) && stderr.contains("did not run on a worker"), "{stderr}");
}
