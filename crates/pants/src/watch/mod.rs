//! `--loop`: does what was asked for again whenever a file changes that it depends on. Each turn is a process of its own, so
//! that a program may become what it runs, and nothing of one turn is left in the next.

mod depended;
mod folders;
mod turn;

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::depended::{Asked, Depended};
use self::folders::Folders;
use self::turn::{Turn, arguments};
use crate::cli::{Cli, Goal};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::root;

/// When nothing has changed for so long, a change is complete: editors and git write several files.
const QUIET: Duration = Duration::from_millis(60);

/// A change that does not end is looked at after so long.
const LONGEST: Duration = Duration::from_secs(2);

/// How long what runs may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// What happens to whoever watches.
enum Event {
    /// Something changed in a folder; whether a folder came or went, or something was missed.
    Changed { folders: bool },
    /// Somebody wants an end.
    Signal(i32),
    /// The turn with this number is over.
    Ended(u64),
}

/// Runs turns until somebody interrupts. Gives the exit code that shells expect of that.
pub(crate) fn run(
    cli: &Cli,
    console: &Console,
    environment: &Environment,
) -> Result<ExitCode, Vec<Diagnostic>> {
    let asked = Asked::by(&cli.goal).ok_or_else(|| vec![not_again(&cli.goal)])?;
    let root = root::find(cli.options.root.as_deref(), environment).map_err(|wrong| vec![wrong])?;
    let (sender, events) = channel();
    let failed = |what: &str, error: std::io::Error| {
        let message = format!("cannot watch {what}: {error}");
        vec![Diagnostic::error(Exit::Environment, "loop::watch", message)]
    };
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| failed("for signals", error))?;
    let told = sender.clone();
    std::thread::spawn(move || signals.forever().for_each(|signal| drop(told.send(Event::Signal(signal)))));
    let folders = Folders::new(sender.clone()).map_err(|error| failed("files", error))?;
    let mut watcher = Watcher {
        console,
        look: &|| Depended::now(environment, &asked),
        folders: &folders,
        events: &events,
        turn: None,
        // A program that is stopped by its terminal tidies up as when it is told to end.
        stop: if matches!(cli.goal, Goal::Run(_)) { SIGTERM } else { SIGINT },
    };
    let signal = watcher.watch(&root, &mut |number| {
        Turn::start(&environment.program, &arguments(std::env::args_os().skip(1)), number, sender.clone())
            .map_err(|error| failed("what was started", error))
    })?;
    Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)))
}

fn not_again(goal: &Goal) -> Diagnostic {
    let message = format!("`{}` cannot be repeated: it does not depend on files alone", goal.name());
    let help = "`--loop` is for goals that build, run, test, check or answer questions about targets";
    Diagnostic::error(Exit::Wrong, "loop::goal", message).help(Some(help))
}

/// Who decides when the next turn begins.
struct Watcher<'w> {
    console: &'w Console,
    look: &'w dyn Fn() -> Option<Depended>,
    folders: &'w Folders,
    events: &'w Receiver<Event>,
    turn: Option<Turn>,
    /// The signal by which a turn is asked to end.
    stop: i32,
}

/// Starts the turn with a number.
type Start<'s> = dyn FnMut(u64) -> Result<Turn, Vec<Diagnostic>> + 's;

impl Watcher<'_> {
    /// Runs turns until a signal comes, and gives it.
    fn watch(&mut self, root: &Path, start: &mut Start<'_>) -> Result<i32, Vec<Diagnostic>> {
        self.folders.watch(root).map_err(|wrong| vec![wrong])?;
        let mut known = (self.look)();
        for number in 0.. {
            self.turn = Some(start(number)?);
            loop {
                match self.events.recv() {
                    Ok(Event::Signal(signal)) => {
                        self.end_turn(signal == SIGINT);
                        return Ok(signal);
                    }
                    Ok(Event::Ended(ended)) if ended == number => {
                        self.turn = None;
                        self.say(&waiting(known.as_ref()));
                    }
                    Ok(Event::Ended(_)) => {}
                    Ok(Event::Changed { folders }) => {
                        if let Some(signal) = self.settle(root, folders)? {
                            self.end_turn(signal == SIGINT);
                            return Ok(signal);
                        }
                        let now = (self.look)();
                        // What cannot be loaded may be mended by any change.
                        if let (Some(known), Some(now)) = (&known, &now)
                            && known == now
                        {
                            continue;
                        }
                        self.say(&changed(known.as_ref(), now.as_ref()));
                        known = now;
                        break;
                    }
                    Err(_) => return Ok(SIGTERM),
                }
            }
            self.end_turn(false);
        }
        Ok(SIGTERM)
    }

    /// Waits until a change is complete. Gives the signal that came meanwhile.
    fn settle(&mut self, root: &Path, mut new_folders: bool) -> Result<Option<i32>, Vec<Diagnostic>> {
        let began = Instant::now();
        while began.elapsed() < LONGEST {
            match self.events.recv_timeout(QUIET) {
                Ok(Event::Changed { folders }) => new_folders |= folders,
                Ok(Event::Signal(signal)) => return Ok(Some(signal)),
                Ok(Event::Ended(number)) => self.turn = self.turn.take().filter(|turn| turn.number != number),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if new_folders {
            self.folders.watch(root).map_err(|wrong| vec![wrong])?;
        }
        Ok(None)
    }

    /// Asks what runs to end, and ends it after a while; `told` where the terminal has told it already.
    fn end_turn(&mut self, told: bool) {
        let Some(turn) = self.turn.take() else { return };
        if !told {
            turn.signal(self.stop);
        }
        let began = Instant::now();
        while let Some(left) = GRACE.checked_sub(began.elapsed()) {
            match self.events.recv_timeout(left) {
                Ok(Event::Ended(number)) if number == turn.number => return,
                // Who asks twice does not want to wait.
                Ok(Event::Signal(_)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        turn.kill();
    }

    fn say(&self, text: &str) {
        if !self.console.quiet {
            self.console.message(&format!("-- {text}"));
        }
    }
}

fn waiting(known: Option<&Depended>) -> String {
    match known {
        Some(known) => format!("waiting for a change of one of {} files (Ctrl-C ends)", known.count()),
        None => "waiting for a change (Ctrl-C ends)".to_owned(),
    }
}

/// What differs, by the first path that does.
fn changed(known: Option<&Depended>, now: Option<&Depended>) -> String {
    match known.zip(now).and_then(|(known, now)| known.difference(now)) {
        Some(path) => format!("{} has changed", path.display()),
        None => "something has changed".to_owned(),
    }
}
