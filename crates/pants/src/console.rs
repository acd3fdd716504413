//! The two streams: the answer goes to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use annotate_snippets::Renderer;
use clap::ColorChoice;
use graph::Place;
use serde::{Deserialize, Serialize};

use crate::cli::{Form, Options, Output};
use crate::config::{Config, Verbosity};
use crate::diagnostic::{Diagnostic, Exit, Severity};
use crate::environment::Environment;
use crate::events::{Event, Events};

/// Between these widths lines are broken.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// What is said each time, as long as what it is about stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    /// What `print` says in BUILD files.
    pub(crate) messages: Vec<(Place, String)>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Where things are said, and how.
pub(crate) struct Console {
    pub(crate) output: Output,
    /// The same with what only some goals have.
    pub(crate) form: Form,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    /// Whether nothing is said at all.
    pub(crate) mute: bool,
    /// Whether messages have colours.
    pub(crate) color: bool,
    /// Whether messages go to a terminal.
    pub(crate) terminal: bool,
    /// Whether what is wrong is also said to GitHub, which shows it beside the line of the file.
    pub(crate) annotates: bool,
    /// Whether the environment asks for no colours.
    plain: bool,
    /// What excerpts of files are read relative to.
    pub(crate) root: PathBuf,
    /// All diagnostics so far, for reports.
    said: Mutex<Vec<Diagnostic>>,
    /// How many of them are of parts of the run that are over.
    over: AtomicUsize,
    /// The answers of a part of the run, where they are collected.
    collected: Mutex<Option<String>>,
    /// What happens, for programs.
    pub(crate) events: Events,
}

impl Console {
    /// The console of a run that began at `start`.
    pub(crate) fn new(options: &Options, environment: &Environment, start: Instant) -> Console {
        Console {
            output: options.output.output(),
            form: options.output,
            quiet: options.quiet,
            verbose: options.verbose,
            mute: false,
            color: false,
            terminal: io::stderr().is_terminal(),
            annotates: environment.get("GITHUB_ACTIONS") == Some("true"),
            plain: environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb"),
            root: PathBuf::new(),
            said: Mutex::default(),
            over: AtomicUsize::new(0),
            collected: Mutex::default(),
            events: Events::new(start),
        }
    }

    /// Chooses whether messages have colours; by itself only on a terminal that is not told otherwise.
    pub(crate) fn set_color(&mut self, choice: ColorChoice) {
        self.color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.terminal && !self.plain,
        };
    }

    /// Lays the options over the configuration.
    pub(crate) fn configure(&mut self, options: &Options, config: &Config) {
        if let (None, Some(color)) = (options.color, config.color) {
            self.set_color(color);
        }
        if let (false, false, Some(verbosity)) = (options.quiet, options.verbose, config.verbosity) {
            self.quiet = verbosity == Verbosity::Quiet;
            self.verbose = verbosity == Verbosity::Verbose;
        }
        self.terminal &= config.dynamic_ui;
    }

    /// Writes the answer. A reader that has gone away is no error: `pants list :: | head` ends quietly.
    pub(crate) fn answer(&self, text: &str) {
        if let Some(collected) = self.collected.lock().expect("nobody panics while adding to it").as_mut() {
            collected.push_str(text);
            return;
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let message = format!("cannot write the answer: {error}");
            self.diagnostics(vec![Diagnostic::error(Exit::Environment, "console::answer", message)]);
        }
    }

    /// Says something that is neither an answer nor wrong.
    pub(crate) fn message(&self, text: &str) {
        if !self.mute {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Says what is wrong. Warnings are kept quiet by `--quiet`.
    /// What was said before is not said again.
    pub(crate) fn diagnostics(&self, diagnostics: Vec<Diagnostic>) {
        let renderer = if self.color { Renderer::styled() } else { Renderer::plain() };
        let mut said = self.said.lock().expect("nobody panics while adding to it");
        for diagnostic in diagnostics {
            if said.contains(&diagnostic) {
                // It counts for each part of the run once.
                let of_part = said.get(self.over.load(Ordering::Relaxed)..).unwrap_or_default();
                if !of_part.contains(&diagnostic) {
                    said.push(diagnostic);
                }
                continue;
            }
            if !(self.quiet && diagnostic.severity == Severity::Warning) {
                self.message(&diagnostic.text(&self.root, &renderer));
                if self.annotates {
                    self.message(&diagnostic.annotation());
                }
            }
            self.events.add(Event::Diagnostic(diagnostic.json()));
            said.push(diagnostic);
        }
    }

    /// How many letters a line of an answer may have: what the terminal shows, within what can be read well.
    pub(crate) fn width(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        size.map_or(WIDEST, |size| usize::from(size.ws_col)).clamp(NARROWEST, WIDEST)
    }

    /// Says what the run before said of the same things.
    pub(crate) fn repeat(&self, said: &Said) {
        for (place, message) in &said.messages {
            self.message(&format!("{place}: {message}"));
        }
        self.diagnostics(said.warnings.clone());
    }

    /// Ends what is told of this run, since the process goes on as another program.
    pub(crate) fn leave(&self) {
        self.diagnostics(self.events.finish(Exit::Done, None));
    }

    /// All diagnostics so far; within a part of the run, those of the part.
    pub(crate) fn said(&self) -> Vec<Diagnostic> {
        let said = self.said.lock().expect("nobody panics while adding to it");
        said.get(self.over.load(Ordering::Relaxed)..).unwrap_or_default().to_vec()
    }

    /// Does a part of the run, which knows nothing of what others said, but what was said `before` for it; gives its answer
    /// instead of writing it where programs read it.
    pub(crate) fn part<T>(&self, before: Vec<Diagnostic>, work: impl FnOnce() -> T) -> (T, String) {
        let collect = |answers| {
            std::mem::replace(&mut *self.collected.lock().expect("nobody panics while adding to it"), answers)
        };
        let mut said = self.said.lock().expect("nobody panics while adding to it");
        self.over.store(said.len(), Ordering::Relaxed);
        said.extend(before);
        drop(said);
        collect((self.output == Output::Json).then(String::new));
        let done = work();
        let answer = collect(None).unwrap_or_default();
        self.over.store(0, Ordering::Relaxed);
        (done, answer)
    }
}
