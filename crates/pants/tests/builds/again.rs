//! `--loop`: what is done again when a file changes, and what is not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::repository::Repository;

/// Nothing that is waited for takes longer, or it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// For so long nothing has to happen where nothing should.
const SILENCE: Duration = Duration::from_millis(1500);

/// A `pants --loop`, and what it and what it started say.
struct Loop {
    process: Child,
    lines: Receiver<String>,
}

impl Loop {
    fn start(repository: &Repository, arguments: &[&str]) -> Loop {
        let mut command = repository.command(arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let (stdout, stderr) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
            });
        }
        Loop { process, lines }
    }

    /// Waits for a line with these words.
    #[track_caller]
    fn expect(&self, words: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("no line with {words:?} after {before:#?}"),
            }
        }
    }

    /// Nothing is said for a while.
    #[track_caller]
    fn expect_nothing(&self) {
        if let Ok(line) = self.lines.recv_timeout(SILENCE) {
            panic!("nothing should happen: {line}");
        }
    }

    /// Interrupts it; what it started ends as well.
    #[track_caller]
    fn interrupt(&mut self, signal: Signal, code: i32) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(code));
        // The pipes end with the last process that holds them.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
    }
}

impl Drop for Loop {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
            drop(self.process.wait());
        }
    }
}

fn repository() -> Repository {
    Repository::new(&[
        ("pants.toml", "[python]\ninterpreter_constraints = [\"CPython>=3.8\"]\n"),
        ("BUILD", "python_library(name = 'lib')\npython_binary(name = 'app', entry_point = 'main.py')\n"),
        ("main.py", "import time, other\nprint('serves', other.NUMBER, flush=True)\ntime.sleep(600)\n"),
        ("other.py", "NUMBER = 1\n"),
        ("unrelated.py", ""),
        (".gitignore", "ignored/\n"),
        ("ignored/x.py", ""),
    ])
}

#[test]
fn what_is_asked_for_is_done_again_when_it_changes() {
    let repository = repository();
    let mut running = Loop::start(&repository, &["--loop", "filedeps", "//:app"]);
    running.expect("waiting for a change of one of 4 files");
    // Neither what nobody depends on, nor the same content anew.
    repository.write("unrelated.py", "x = 1\n");
    repository.write("ignored/x.py", "x = 1\n");
    repository.write("other.py", "NUMBER = 1\n");
    running.expect_nothing();
    repository.write("other.py", "import later\nNUMBER = 2\n");
    running.expect("other.py has changed");
    running.expect("waiting for a change of one of 4 files");
    // What an import came to mean.
    repository.write("later.py", "");
    running.expect("later.py");
    running.expect("waiting for a change of one of 5 files");
    // A mistake is told, and what mends it is waited for.
    repository.write("BUILD", "python_binary(name = \n");
    running.expect("error");
    running.expect("waiting for a change (Ctrl-C ends)");
    repository.write("new/BUILD", "python_library()\n");
    repository.write(
        "BUILD",
        "python_library(name = 'lib')\npython_binary(name = 'app', dependencies = ['//new'])\n",
    );
    running.expect("waiting");
    // In a folder that was not there at the start.
    repository.write("new/a.py", "");
    running.expect("new/a.py");
    running.expect("waiting");
    running.interrupt(Signal::INT, 130);
}

#[test]
fn a_program_is_started_anew() {
    let repository = repository();
    let mut running = Loop::start(&repository, &["run", "//:app", "--loop", "--", "--loop"]);
    running.expect("serves 1");
    repository.write("unrelated.py", "x = 1\n");
    running.expect_nothing();
    repository.write("other.py", "NUMBER = 2\n");
    running.expect("serves 2");
    // One that does not start is started again when its sources change.
    repository.write("other.py", "NUMBER = \n");
    running.expect("SyntaxError");
    running.expect("waiting");
    // As editors save: another file under the same name.
    repository.write("other.new", "NUMBER = 3\n");
    fs::rename(repository.root().join("other.new"), repository.root().join("other.py")).unwrap();
    running.expect("serves 3");
    running.interrupt(Signal::TERM, 143);
}

#[test]
fn what_no_file_decides_is_not_repeated() {
    let repository = repository();
    let said = repository.run(&["cache", "stats", "--loop"]);
    let expected = "error[loop::goal]: `cache` cannot be repeated: it does not depend on files alone\n |\n = help: \
                    `--loop` is for goals that build, run, test, check or answer questions about targets";
    repository.compare(&said, 2, expected);
}
