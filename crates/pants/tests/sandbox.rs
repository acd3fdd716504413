//! The strictest level of the sandbox: a program sees and reaches what is declared, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use engine::{
    Bounds, Cancel, Excess, Keep, Level, LocalRunner, Process, Program, RunError, Runner, Sandbox, Tool,
};
use store::{DigestFunction, Outcome, Store, Tree};

/// A sandbox of this product's own; none, said by name, where the machine has no such thing.
fn sandbox(test: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(Level::Full, env!("CARGO_BIN_EXE_pants"));
    let found = sandbox.level(&std::env::temp_dir());
    if found.level == Level::Full {
        return Some(sandbox);
    }
    eprintln!("skipped {test}: {:?}", found.lacking);
    None
}

/// Runs a script beside a file `input`, and gives what comes of it.
fn run(
    sandbox: &Sandbox,
    store: &Store,
    script: &str,
    outputs: &[&str],
    timeout: Option<Duration>,
) -> Result<Outcome, RunError> {
    let mut input = Tree::new();
    input.add_file("input", store.put(b"given\n").unwrap(), false).unwrap();
    let input = store.put_tree(&input).unwrap();
    let process = Process {
        program: Program::Tool("sh".to_owned()),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        outputs: outputs.iter().map(ToString::to_string).collect(),
        keeps_failed: false,
        shared: None,
        timeout,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let tool = Tool { path: "/bin/sh".into(), identity: "sh".to_owned(), needs: Vec::new() };
    LocalRunner::new(sandbox).run(&process, Some(&tool), &[input], store, &Cancel::new())
}

/// Checks that each of these commands gives what it should, in one sandbox, and says which does not.
fn check(test: &str, script: &str, expect: &str) {
    let Some(sandbox) = sandbox(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let outcome = run(&sandbox, &store, script, &[], None).unwrap();
    let read = |digest| String::from_utf8_lossy(&store.read(digest).unwrap()).into_owned();
    assert_eq!(read(&outcome.stdout), expect, "{}", read(&outcome.stderr));
    assert_eq!(outcome.exit_code, 0);
}

#[test]
fn only_what_is_declared_is_seen() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "x").unwrap();
    let script = format!(
        "pwd; ls; cat input; test -e {} || echo hidden; ls -A /tmp | wc -l; ls /home /root 2> /dev/null | wc -l",
        secret.display()
    );
    check("only_what_is_declared_is_seen", &script, "/sandbox\ninput\ngiven\nhidden\n0\n0\n");
}

#[test]
fn only_the_own_folder_is_written() {
    check(
        "only_the_own_folder_is_written",
        "for place in / /usr /etc /sandbox /tmp /dev/shm; do
           if (echo x > $place/made) 2> /dev/null; then echo yes $place; else echo no $place; fi
         done
         echo x > /dev/null && echo yes /dev/null
         mount -o remount,bind,rw /usr 2> /dev/null || echo stays so",
        "no /\nno /usr\nno /etc\nyes /sandbox\nyes /tmp\nyes /dev/shm\nyes /dev/null\nstays so\n",
    );
}

#[test]
fn nobody_else_is_there() {
    let script =
        "echo $(ls /proc | grep -c '^[0-9]'); hostname; cat /proc/net/dev | grep -c ':'; id -u | wc -l";
    // This shell, `ls`, `grep` and the first process.
    let script = format!("{script}; test $(ls /proc | grep -c '^[0-9]') -lt 8 && echo few");
    let Some(sandbox) = sandbox("nobody_else_is_there") else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let outcome = run(&sandbox, &store, &script, &[], None).unwrap();
    let said = String::from_utf8(store.read(&outcome.stdout).unwrap()).unwrap();
    let lines: Vec<&str> = said.lines().skip(1).collect();
    assert_eq!(lines, ["sandbox", "1", "1", "few"]);
}

#[test]
fn the_network_is_the_own_one() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let script = format!(
        "python3 -c '
import socket
try:
    socket.create_connection((\"127.0.0.1\", {port}), 5)
except OSError as error:
    print(\"refused\")
own = socket.create_server((\"127.0.0.1\", 0))
socket.create_connection(own.getsockname(), 5)
print(\"own\")
'"
    );
    if std::process::Command::new("/usr/bin/python3").arg("-V").output().is_err() {
        eprintln!("skipped the_network_is_the_own_one: there is no /usr/bin/python3");
        return;
    }
    check("the_network_is_the_own_one", &script, "refused\nown\n");
}

#[test]
fn daemons_end_with_it() {
    let Some(sandbox) = sandbox("daemons_end_with_it") else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    // A session of its own, and nobody's child: a process group alone would not hold it.
    let mark = format!("29{:04}", std::process::id() % 10_000);
    let script = format!("(setsid sleep {mark} > /dev/null 2>&1 &); sleep 0.2; echo made > out");
    let outcome = run(&sandbox, &store, &script, &["out"], None).unwrap();
    assert_eq!(outcome.exit_code, 0);
    assert!(store.tree(&outcome.tree).unwrap().get("out").is_some());
    assert!(!lives(&mark), "a daemon outlives its sandbox");
    let script = format!("(setsid sleep {mark} > /dev/null 2>&1 &); sleep {mark}");
    let ended = run(&sandbox, &store, &script, &[], Some(Duration::from_millis(500)));
    assert!(matches!(ended, Err(RunError::Timeout { .. })), "{ended:?}");
    assert!(!lives(&mark), "a daemon outlives a timeout");
}

#[test]
fn what_takes_too_much_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let mark = format!("28{:04}", std::process::id() % 10_000);
    for level in Level::ALL {
        let bounds = Bounds { processes: Some(20), disk: Some(8 << 20) };
        let sandbox = Sandbox::new(level, env!("CARGO_BIN_EXE_pants")).bounded(bounds);
        let found = sandbox.level(&std::env::temp_dir());
        if found.level != level {
            eprintln!("skipped what_takes_too_much_is_stopped at {level}: {:?}", found.lacking);
            continue;
        }
        let stopped = |script: &str| match run(&sandbox, &store, script, &[], Some(Duration::from_secs(60))) {
            Err(error @ RunError::Excess { excess, .. }) => (excess, error.to_string()),
            other => panic!("{level}: {script}: {other:?}"),
        };
        let (forks, said) = stopped(&format!("while :; do sleep {mark} & done"));
        assert!(matches!(forks, Excess::Processes { found: 21.., most: 20 }), "{level}: {forks:?}");
        assert!(said.starts_with("`sh` was stopped: it had ") && said.contains("may have 20 "), "{said}");
        assert!(!lives(&mark), "{level}: what was forked outlives it");
        let (files, said) = stopped("mkdir deep; cat /dev/zero > deep/file");
        assert!(matches!(files, Excess::Disk { most: 0x0080_0000, .. }), "{level}: {files:?}");
        assert!(said.ends_with("and may take 8.4 MB (`[sandbox] disk`)"), "{said}");
        let within = "for i in 1 2 3 4 5; do sleep 0.2 & done; head -c 4000000 /dev/zero > file; wait";
        assert_eq!(run(&sandbox, &store, within, &[], None).unwrap().exit_code, 0, "{level}");
    }
}

/// Whether a process has this argument. Those that were killed take a moment to go.
fn lives(argument: &str) -> bool {
    let has = |process: &Path| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
    };
    let any = || fs::read_dir("/proc").unwrap().flatten().any(|process| has(&process.path()));
    for _ in 0..200 {
        if !any() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn statuses_and_signals_come_through() {
    let Some(sandbox) = sandbox("statuses_and_signals_come_through") else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let status = |script: &str| run(&sandbox, &store, script, &[], None).unwrap().exit_code;
    assert_eq!(status("exit 3"), 3);
    assert_eq!(status("exit 125"), 125);
    assert_eq!(status("kill -TERM $$"), 143);
    assert_eq!(status("kill -KILL $$"), 137);
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let Some(sandbox) = sandbox("a_program_that_is_not_there_is_told") else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DigestFunction::Blake3).unwrap();
    let input = store.put_tree(&Tree::new()).unwrap();
    let process = Process {
        program: Program::Input("missing".to_owned()),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        outputs: Vec::new(),
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let error = LocalRunner::new(&sandbox).run(&process, None, &[input], &store, &Cancel::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot run `missing` in a sandbox: cannot start `/sandbox/missing`: No such file or directory (os error 2)"
    );
}

#[test]
fn a_kept_folder_runs_again() {
    let Some(sandbox) = sandbox("a_kept_folder_runs_again") else { return };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("cache"), DigestFunction::Blake3).unwrap();
    let folder = dir.path().join("kept");
    let sandbox = sandbox.keeping(Keep::OnFailure, &folder);
    run(&sandbox, &store, "cat input", &[], None).unwrap();
    assert!(sandbox.kept().is_empty());
    assert_eq!(
        run(&sandbox, &store, "pwd; echo \"it's\" >> input; cat input; exit 7", &[], None).unwrap().exit_code,
        7
    );
    let [kept] = &sandbox.kept()[..] else { panic!("{:?}", sandbox.kept()) };
    let again = |arguments: &[&str]| {
        let again = std::process::Command::new(kept.join("run.sh")).args(arguments).output().unwrap();
        assert_eq!(again.status.code(), Some(7), "{again:?}");
        String::from_utf8(again.stdout).unwrap()
    };
    assert_eq!(again(&[]), "/sandbox\ngiven\nit's\nit's\n");
    let here = again(&["--here"]);
    assert_eq!(
        here,
        format!("{}\ngiven\nit's\nit's\nit's\n", kept.join("work").canonicalize().unwrap().display())
    );
}
