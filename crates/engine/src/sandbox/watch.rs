//! The helper's side where processes are not kept apart: a process to which all orphans of the program come, so that all
//! that the program has started ends with it, in whatever session it is.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitId, WaitIdOptions, getpid, kill_process, set_child_subreaper, waitid};

use super::descendants::descendants;
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

/// Whether anything descends from this process: orphans become its children. Looking for them takes a look at each process
/// of the machine.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Kills all that descends from this process.
fn end_all() {
    let begin = Instant::now();
    while has_children() {
        let found = descendants(getpid());
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
