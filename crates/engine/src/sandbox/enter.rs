//! The helper's side: a process that leaves the machine's namespaces, puts its root together and runs the program.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SendFlags, SocketType, sendto, socket};
use rustix::process::{
    Pid, Signal, WaitOptions, getgid, getuid, set_parent_process_death_signal, setsid, wait,
};
use rustix::thread::{
    CapabilitySet, UnshareFlags, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::spec::{NOT_SET_UP, Spec, Used};
use super::{WORK, mounts, watch};

/// The first argument of a helper; a file with what to run follows.
pub const ENTER: &str = "__sandbox";
/// The first argument of the process that is alone already, and sets up the rest.
const INSIDE: &str = "--inside";
/// The first argument of a helper that keeps nothing apart, and ends all that the program starts.
pub(super) const WATCH: &str = "--watch";
/// What the second process needs to set up the sandbox, and the program never has.
const NEEDED: [CapabilitySet; 3] =
    [CapabilitySet::SYS_ADMIN, CapabilitySet::NET_ADMIN, CapabilitySet::SETPCAP];

/// A step of the setup that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}: {source}")]
pub(super) struct SetupError {
    step: String,
    source: io::Error,
}

/// Says which step an error is of.
pub(super) trait Step<T> {
    fn step(self, step: impl Into<String>) -> Result<T, SetupError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl Into<String>) -> Result<T, SetupError> {
        self.map_err(|source| SetupError { step: step.into(), source: source.into() })
    }
}

/// Does what a helper was started for, with its arguments after [`ENTER`]. Call it before anything else is done: the
/// process must not have threads. Gives the status of the program; why it was not run is in a file.
pub fn enter(arguments: &[std::ffi::OsString]) -> ExitCode {
    let (how, file) = match arguments {
        [file] => ("", file),
        [first, file] => (first.to_str().unwrap_or_default(), file),
        _ => return code(NOT_SET_UP),
    };
    let Ok(spec) = Spec::read(Path::new(file)) else { return code(NOT_SET_UP) };
    let Ok(mut failure) = spec.open_failure() else { return code(NOT_SET_UP) };
    let done = match how {
        INSIDE => spec.open_usage().step("make a file").and_then(|usage| told(usage, run(&spec)?)),
        WATCH => spec.open_usage().step("make a file").and_then(|usage| told(usage, watch::run(&spec)?)),
        _ => leave(Path::new(file)),
    };
    match done {
        Ok(status) => code(status),
        Err(error) => {
            // Nobody else is there to be told.
            drop(write!(failure, "{error}"));
            code(NOT_SET_UP)
        }
    }
}

fn code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
}

/// Tells what the program took that ended with this status, and all that it waited for.
fn told(mut file: File, status: i32) -> Result<i32, SetupError> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).step("ask what the program took")?;
    let of = |time: TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0) + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    let processor = of(usage.user_time()) + of(usage.system_time());
    let microseconds = u64::try_from(processor.as_micros()).unwrap_or(u64::MAX);
    // Linux counts in KiB.
    let used = Used { memory: usage.max_rss().unsigned_abs() << 10, microseconds };
    serde_json::to_writer(&mut file, &used).map_err(io::Error::from).step("tell what the program took")?;
    Ok(status)
}

/// Leaves the namespaces of the machine, and starts the first process of the new ones.
fn leave(file: &Path) -> Result<i32, SetupError> {
    // Whoever started this may be killed, and nothing is to outlive it.
    set_parent_process_death_signal(Some(Signal::KILL)).step("be ended with the process that asked")?;
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    // What is unsafe about it concerns tables of open files alone, which stay shared.
    #[expect(deprecated, reason = "the successor is unsafe for the sake of a flag that is not used")]
    rustix::thread::unshare(flags).step("make namespaces of its own (are user namespaces allowed?)")?;
    fs::write("/proc/self/setgroups", "deny").step("keep its groups")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1")).step("keep its user")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1")).step("keep its group")?;
    let mut sets = capabilities(None).step("read its capabilities")?;
    for needed in NEEDED {
        sets.inheritable |= needed;
    }
    set_capabilities(None, sets).step("pass on its capabilities")?;
    for needed in NEEDED {
        configure_capability_in_ambient_set(needed, true).step("pass on its capabilities")?;
    }
    // This very file, also when another has taken its place.
    let status =
        Command::new("/proc/self/exe").args([ENTER, INSIDE]).arg(file).status().step("start itself again")?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

/// Sets up the sandbox from inside, and runs the program to its end. With this process ends all that is left.
fn run(spec: &Spec) -> Result<i32, SetupError> {
    set_parent_process_death_signal(Some(Signal::KILL)).step("be ended with the process that asked")?;
    // Without a terminal, which it could type into.
    setsid().step("leave the terminal")?;
    rustix::system::sethostname(b"sandbox").step("set the name of the host")?;
    start_loopback().step("start the local network")?;
    mounts::enter(spec)?;
    give_up_capabilities().step("give up its capabilities")?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments).env_clear().envs(&spec.environment).current_dir(WORK);
    let child = command.spawn().step(format!("start `{}`", spec.program.display()))?;
    let child = Pid::from_child(&child);
    loop {
        // The first process of a namespace inherits the orphans, and waits for them too.
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                let signal = status.terminating_signal().unwrap_or_default();
                return Ok(status.exit_status().unwrap_or(128 + signal));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).step("wait for the program"),
        }
    }
}

/// Without capabilities nothing can be mounted over what was set up.
fn give_up_capabilities() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // Kernels do not know those that came after them.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    let mut sets = capabilities(None)?;
    sets.inheritable = CapabilitySet::empty();
    set_capabilities(None, sets)?;
    set_no_new_privs(true)
}

/// Brings up `lo`, which is down in a new namespace: programs talk to themselves through it.
fn start_loopback() -> rustix::io::Result<()> {
    // Routing is protocol 0. A `struct nlmsghdr` (RTM_NEWLINK, NLM_F_REQUEST) and a `struct ifinfomsg` (interface 1, IFF_UP); rtnetlink(7).
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(16_u16.to_ne_bytes());
    message.extend(1_u16.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(1_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    let route = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    sendto(&route, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).map(drop)
}
