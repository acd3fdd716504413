//! Programs that a build runs and that do not want to end: whatever they started ends with them, and Ctrl-C leaves nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::repository::{Repository, files};
use crate::source_distributions::served;

/// At how many instants a build is interrupted, unless the variable says another number.
const ROUNDS: u32 = 20;
const VARIABLE: &str = "PANTS_TEST_INTERRUPTS";

/// A backend that starts a process of a session of its own and nobody's child, some that fork further, and many more,
/// writes without end, and then does what follows. All of them have `MARK` among their arguments.
const BACKEND: &str = r#"
import os, subprocess, sys, time
def build_wheel(directory, settings=None, metadata=None):
    sleep = [sys.executable, "-c", "import time; time.sleep(1000)", "MARK"]
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen(sleep, start_new_session=True)
        os._exit(0)
    os.wait()
    subprocess.Popen(sleep, start_new_session=True)
    for at in range(30):
        if os.fork() == 0:
            os.setsid()
            os.execv("/bin/sh", ["/bin/sh", "-c", "sleep 1000; true", "MARK"])
    END
"#;

fn backend(mark: &str, end: &str) -> String {
    BACKEND.replace("MARK", mark).replace("END", end)
}

/// The processes that have this argument.
fn living(mark: &str) -> Vec<String> {
    let has = |process: &Path| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    processes.filter(|process| has(process)).map(|process| process.display().to_string()).collect()
}

/// Checks that no process with this argument is left. Those that were killed take a moment to go.
#[track_caller]
fn nobody_is_left(mark: &str, what: &str) {
    let begin = Instant::now();
    while !living(mark).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}: {:?} outlive it", living(mark));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks that no folder of a program or process is left.
#[track_caller]
fn no_folder_is_left(repository: &Repository, what: &str) {
    let folder = repository.cache().join("v1/blake3/tmp");
    let left: Vec<_> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{what}: {left:?} are left, with {:?}", files(&folder));
}

/// A word that no other process of this machine has.
fn mark(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

#[test]
fn a_build_that_floods_forks_and_leaves_daemons_ends() {
    let test = "a_build_that_floods_forks_and_leaves_daemons_ends";
    let mark = mark(test);
    let flood = "for at in range(100): os.write(1, b'flood ' * 200000)\n    raise SystemExit('all is said')";
    for level in ["off", "landlock", "full"] {
        let Some((repository, _index)) = served(test, &backend(&mark, flood), "") else { return };
        let said = repository.run(&[&format!("--sandbox-level={level}"), "binary", "//svc:one"]);
        assert_eq!(said.code, 1, "{level}: {}", said.stderr);
        assert!(said.stderr.contains("all is said"), "{level}: {}", &said.stderr[said.stderr.len() - 2000..]);
        assert!(said.stderr.len() < 1 << 20, "{level}: {} bytes are told", said.stderr.len());
        nobody_is_left(&mark, level);
        no_folder_is_left(&repository, level);
        let taken: u64 = files(&repository.cache())
            .iter()
            .map(|file| fs::metadata(repository.cache().join(file)).map_or(0, |found| found.len()))
            .sum();
        assert!(taken < 80 << 20, "{level}: what was written takes {taken} bytes");
    }
}

#[test]
fn an_interrupt_at_any_instant_leaves_nothing() {
    let test = "an_interrupt_at_any_instant_leaves_nothing";
    let rounds = std::env::var(VARIABLE).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mark = mark(test);
    let Some((repository, _index)) = served(test, &backend(&mark, "time.sleep(1000)"), "") else { return };
    // How long it takes until all of them are there.
    let begin = Instant::now();
    let mut child = start(&repository, "off");
    while living(&mark).len() < 30 {
        assert!(child.try_wait().unwrap().is_none(), "it ends before its programs run");
        std::thread::sleep(Duration::from_millis(5));
    }
    let whole = begin.elapsed();
    let mut interrupted = 0;
    for round in 0..=rounds {
        let level = ["off", "full", "landlock"][round as usize % 3];
        if round > 0 {
            child = start(&repository, level);
            // Evenly over the time, in an order without a pattern.
            std::thread::sleep(whole * (round * 61 % 100) / 80);
        }
        let alive = child.try_wait().unwrap().is_none();
        interrupted += u32::from(alive);
        // One that is killed cannot clear anything, and what it ran ends even so.
        let signal = if round % 4 == 3 { Signal::KILL } else { Signal::INT };
        kill_process(Pid::from_child(&child), signal).unwrap();
        let what = format!("round {round} at `{level}`, {signal:?}");
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{what}: it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        // Before it watches for signals, the signal itself ends it.
        assert!(matches!(status.code(), Some(130) | None), "{what}: {status}");
        nobody_is_left(&mark, &what);
        if status.code().is_some() {
            no_folder_is_left(&repository, &what);
        }
    }
    println!("{interrupted} of {} were interrupted in a run of {whole:?}", rounds + 1);
    assert!(interrupted > rounds / 2, "{interrupted} of {rounds} were interrupted");
}

fn start(repository: &Repository, level: &str) -> std::process::Child {
    let mut command: Command =
        repository.command(&[&format!("--sandbox-level={level}"), "binary", "//svc:one"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
