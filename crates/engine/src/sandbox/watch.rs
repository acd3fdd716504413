//! The helper's side where processes are not kept apart: a process to which all orphans of the program come, so that all
//! that the program has started ends with it, in whatever session it is.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};

use super::enter::{SetupError, Step};
use super::spec::Spec;

/// So long what was killed may take to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the program to its end, or until standard input ends: whoever started this holds the other end, and lets go of it
/// when the program is to stop, or when it is killed itself.
pub(super) fn run(spec: &Spec) -> Result<i32, SetupError> {
    set_child_subreaper(Some(getpid())).step("take in orphans")?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments).env_clear().envs(&spec.environment).current_dir(&spec.work);
    let child = command.stdin(Stdio::null()).spawn();
    let mut child = child.step(format!("start `{}`", spec.program.display()))?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        end_all();
    });
    let status = child.wait().step("wait for the program")?;
    end_all();
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

/// Kills all that descends from this process.
fn end_all() {
    let begin = Instant::now();
    loop {
        let found = descendants();
        // First none of them may start another one.
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in &found {
                // It may have ended, or have become another user's.
                let _ = kill_process(*pid, signal);
            }
        }
        if found.is_empty() || begin.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The living processes below this one.
fn descendants() -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<(i32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name of a program may have blanks and parentheses in it.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut words = rest.split_ascii_whitespace();
        let (Some(state), Some(parent)) = (words.next(), words.next()) else { continue };
        if let Ok(parent) = parent.parse() {
            children.entry(parent).or_default().push((pid, matches!(state, "Z" | "X")));
        }
    }
    let mut found = Vec::new();
    let mut next = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = next.pop() {
        for (pid, ended) in children.remove(&parent).unwrap_or_default() {
            next.push(pid);
            if !ended {
                found.extend(Pid::from_raw(pid));
            }
        }
    }
    found
}
