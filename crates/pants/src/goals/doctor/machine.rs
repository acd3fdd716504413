//! The machine: this program, kernel, processors, memory, limits and the clock of its disk.

use std::time::SystemTime;

use engine::{Level, Sandbox, size};
use rustix::process::{Resource, getrlimit};

use super::{Finding, counted};
use crate::session::Session;

/// Less memory for each thing that is done at once makes builds of large distributions fail.
const LEAST_MEMORY: u64 = 512 << 20;

/// So many files are open at once where much is done at once.
const LEAST_FILES: u64 = 1024;

/// Clocks that differ by more spoil what is decided by the times of files.
const MOST_SECONDS: u64 = 2;

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let mut findings = vec![program(session), kernel()];
    findings.push(memory(session.jobs));
    findings.extend(sandbox());
    findings.extend(open_files());
    findings.extend(clock(session));
    findings
}

fn program(session: &Session<'_>) -> Finding {
    let debug = if cfg!(debug_assertions) { ", a debug build" } else { "" };
    let path = session.environment.program.display();
    Finding::ok(format!("pants {}{debug} at {path}", env!("CARGO_PKG_VERSION")))
}

fn kernel() -> Finding {
    let name = rustix::system::uname();
    let [system, release, machine] =
        [name.sysname(), name.release(), name.machine()].map(|text| text.to_string_lossy().into_owned());
    Finding::ok(format!("{system} {release} on {machine}"))
}

fn memory(jobs: usize) -> Finding {
    let total = rustix::system::sysinfo().totalram;
    let share = total / jobs.max(1) as u64;
    let what = format!("{} of memory, and {} at once", size::show(total), counted(jobs, "thing"));
    if share >= LEAST_MEMORY {
        return Finding::ok(what);
    }
    let fitting = (total / LEAST_MEMORY).max(1);
    Finding::warning(
        what,
        format!("`[GLOBAL] jobs = {fitting}` leaves each of them {}", size::show(LEAST_MEMORY)),
    )
}

/// What keeps programs apart that builds run.
fn sandbox() -> Vec<Finding> {
    let sandbox = Sandbox::new(Level::Full, "/proc/self/exe");
    let found = sandbox.level(&std::env::temp_dir());
    let lacking = found.lacking.iter().map(|(level, reason)| {
        let advice = match level {
            Level::Full => {
                "allow user namespaces (`sysctl user.max_user_namespaces`, `kernel.unprivileged_userns_clone`, \
                 `kernel.apparmor_restrict_unprivileged_userns`); in a container \
                 `--security-opt seccomp=unconfined` does"
            }
            _ => "use Linux 6.7 or later with `landlock` in its list of security modules",
        };
        Finding::warning(format!("no sandbox of the level `{level}`: {reason}"), advice)
    });
    let mut findings: Vec<Finding> = lacking.collect();
    findings.push(Finding::ok(format!("programs run in a sandbox of the level `{}`", found.level)));
    findings
}

fn open_files() -> Option<Finding> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.current.unwrap_or(u64::MAX);
    (most < LEAST_FILES).then(|| {
        let what = format!("a process may open {most} files at once");
        Finding::warning(what, format!("raise it: `ulimit -n {LEAST_FILES}`"))
    })
}

/// Whether the disk of the cache and that of the repository tell the time that the machine tells.
fn clock(session: &Session<'_>) -> Option<Finding> {
    let store = session.store().ok()?;
    let folder = store.scratch().ok()?;
    let file = tempfile::NamedTempFile::new_in(&folder).ok()?;
    let (written, now) = (file.as_file().metadata().ok()?.modified().ok()?, SystemTime::now());
    let apart = written.duration_since(now).or_else(|_| now.duration_since(written)).ok()?;
    (apart.as_secs() > MOST_SECONDS).then(|| {
        let what = format!(
            "the clock of the disk that `{}` is on is {} s apart from that of this machine",
            folder.display(),
            apart.as_secs()
        );
        Finding::warning(what, "set both by the same time server, or put the cache on a local disk")
    })
}
