//! One turn: the process that does what was asked for once.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Sender;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::Event;

/// A process that runs.
pub(super) struct Turn {
    pub(super) number: u64,
    process: OwnedFd,
}

impl Turn {
    /// Starts a turn, whose end is told through a channel.
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        number: u64,
        sender: Sender<Event>,
    ) -> io::Result<Turn> {
        let mut command = Command::new(program);
        // Python takes what it compiled for current when a file has the same size and is of the same second.
        command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.spawn()?;
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        std::thread::spawn(move || {
            // How it ended it has said itself.
            drop(child.wait());
            drop(sender.send(Event::Ended(number)));
        });
        Ok(Turn { number, process })
    }

    /// Sends a signal, unless it has ended.
    pub(super) fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            // That it has ended meanwhile is what is wanted.
            let _ = pidfd_send_signal(&self.process, signal);
        }
    }

    /// Ends it.
    pub(super) fn kill(&self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// The arguments of a turn: those of this process, to be followed once.
pub(super) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = given.collect();
    let end = arguments.iter().position(|argument| argument == OsStr::new("--"));
    // An alias may have said `--loop`.
    arguments.insert(end.unwrap_or(arguments.len()), "--no-loop".into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_to_a_program_stays_as_it_is() {
        let check = |given: &[&str], expect: &[&str]| {
            assert_eq!(arguments(given.iter().map(OsString::from)), expect);
        };
        check(&["--loop", "test", "::"], &["--loop", "test", "::", "--no-loop"]);
        check(
            &["run", "//a", "--loop", "--", "--loop"],
            &["run", "//a", "--loop", "--no-loop", "--", "--loop"],
        );
    }
}
