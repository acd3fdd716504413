//! The same keys, bytes and modes, whatever the folder, clock, umask, locale, time zone, job count, home, user, `PATH` and
//! cache.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::checkout::{Checkout, report};
use crate::index::Index;

/// The surroundings of a build.
#[derive(Debug)]
struct Surroundings {
    folder: &'static str,
    umask: &'static str,
    jobs: &'static str,
    /// The time that the files claim to be of.
    touched: &'static str,
    variables: &'static [(&'static str, &'static str)],
    cache: &'static str,
}

const ALL: [Surroundings; 6] = [
    Surroundings {
        folder: "a",
        umask: "022",
        jobs: "1",
        touched: "2001-02-03",
        variables: &[],
        cache: "cold1",
    },
    Surroundings {
        folder: "a folder/with a longer näme",
        umask: "077",
        jobs: "8",
        touched: "2031-02-03",
        variables: &[
            ("TZ", "Asia/Kathmandu"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("LANG", "tr_TR.UTF-8"),
            ("USER", "x"),
        ],
        cache: "cold2",
    },
    Surroundings {
        folder: "b",
        umask: "000",
        jobs: "8",
        touched: "1980-01-01",
        variables: &[("TZ", "America/Los_Angeles"), ("LC_ALL", "C"), ("SOURCE_DATE_EPOCH", "1234567890")],
        cache: "cold1",
    },
    Surroundings {
        folder: "c/d/e/f",
        umask: "027",
        jobs: "1",
        touched: "2038-01-20",
        variables: &[("LC_ALL", "POSIX"), ("PYTHONHASHSEED", "7"), ("TMPDIR", "/var/tmp"), ("COLUMNS", "10")],
        cache: "cold2",
    },
    Surroundings { folder: "g", umask: "002", jobs: "3", touched: "now", variables: &[], cache: "cold3" },
    Surroundings { folder: "h", umask: "022", jobs: "2", touched: "now", variables: &[], cache: "cold3" },
];

/// The command behind a shell that sets the umask and, where there is one, behind a clock that is wrong.
fn behind(umask: &str, fake_time: Option<&str>, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
    if let Some(time) = fake_time {
        shell.args(["faketime", time]);
    }
    shell.arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

fn has_faketime() -> bool {
    Command::new("faketime").arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_same_bytes_everywhere() {
    let test = "the_same_bytes_everywhere";
    let Some(index) = Index::start(test) else { return };
    let fake = has_faketime();
    if !fake {
        println!(
            "skipped: {test}: a clock that is wrong: there is no faketime (times of files differ all the same)"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let original = Checkout::generate(&dir.path().join("original"), dir.path(), 1, &index);
    let mut first: Option<(BTreeMap<_, _>, Value)> = None;
    let mut first_keys = BTreeSet::new();
    for (at, around) in ALL.iter().enumerate() {
        let mut checkout = original.copy(&dir.path().join(around.folder), dir.path());
        checkout.cache = dir.path().join(around.cache);
        checkout.home = dir.path().join("home of").join(around.folder);
        touch(&checkout.root, around.touched);
        let events = dir.path().join(format!("events{at}"));
        let mut command = checkout.command(&["--output", "json", "-j", around.jobs, "binary", "::"]);
        command
            .envs(around.variables.iter().copied())
            .env("PATH", path(&dir.path().join(format!("tools{at}"))));
        command.arg("--events").arg(&events);
        let time = (fake && around.touched != "now").then_some(around.touched);
        let report = report(&behind(around.umask, time, &command).output().unwrap());
        let built = (checkout.dist(), report["artifacts"].clone());
        assert!(built.0.len() > 5);
        let keys = keys(&events);
        assert!(keys.iter().any(|(verb, ..)| verb == "run"), "no program is run: {keys:?}");
        if at == 0 {
            first_keys.clone_from(&keys);
        }
        assert_eq!(keys, first_keys, "{around:?}");
        match &first {
            None => first = Some(built),
            Some(first) => {
                let differing: Vec<_> = built
                    .0
                    .iter()
                    .filter(|(path, file)| first.0.get(*path) != Some(file))
                    .map(|(path, _)| path)
                    .collect();
                let unlike = differing.iter().filter(|path| !is_parent(path)).collect::<Vec<_>>();
                assert!(unlike.is_empty(), "{around:?}: {unlike:?} differ");
                assert_eq!(built.1, first.1, "{around:?}");
            }
        }
    }
}

/// The machine's `PATH` behind another folder with a tool that no step uses.
fn path(tools: &Path) -> OsString {
    fs::create_dir_all(tools).unwrap();
    fs::write(tools.join("irrelevant"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(tools.join("irrelevant"), fs::Permissions::from_mode(0o755)).unwrap();
    let machine = std::env::var_os("PATH").unwrap();
    std::env::join_paths([tools.to_owned()].into_iter().chain(std::env::split_paths(&machine))).unwrap()
}

/// The keys of all steps, by their verbs and descriptions, which a few of them share.
fn keys(events: &Path) -> BTreeSet<(String, String, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let events = fs::read_to_string(events).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let settled = events.filter(|event| event["event"] == "action_finished");
    settled.map(|event| (text(&event, "verb"), text(&event, "description"), text(&event, "key"))).collect()
}

/// Folders of `dist/` that hold artifacts are the user's, with the user's umask; what is inside an artifact is ours.
fn is_parent(path: &str) -> bool {
    !path.contains(".pex")
}

fn touch(root: &Path, time: &str) {
    if time == "now" {
        return;
    }
    let touched = Command::new("find").arg(root).args(["-exec", "touch", "-d", time, "{}", "+"]).status();
    assert!(touched.unwrap().success());
}
