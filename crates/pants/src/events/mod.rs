//! The one stream of events of a run, and where it goes: a file that others follow, a trace, the record of the run, a
//! collector of spans. Who runs actions and who says things tell it; it decides nothing.

mod event;
mod otlp;
mod records;
mod trace;
mod tracks;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::{Goal, Options};
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::mask::masked;

pub(crate) use event::{End, Event, Finished, How, Line, Phase, Planned, Started};
pub(crate) use records::{Record, Records, moment, rfc3339};
pub(crate) use tracks::{Placed, placed};
pub(crate) use watch::Recorded;

/// The stream.
#[derive(Debug)]
pub(crate) struct Events {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the run is; none before it is known.
    started: Option<Started>,
    /// Where every line goes as it comes.
    file: Option<(PathBuf, File)>,
    /// Why that ended before its time.
    broken: Option<io::Error>,
    /// Where the trace goes.
    trace: Option<(PathBuf, File)>,
    /// Where spans go.
    collector: Option<otlp::Collector>,
    /// Where the records of past runs are.
    records: Option<Records>,
    /// What the record, the trace and the spans are made of.
    lines: Vec<Line>,
    /// How many executions there were.
    executions: usize,
    /// How each action of each execution ended that did anything, the last time where it ended twice.
    ended: HashMap<(usize, usize), How>,
    actions_run: BTreeMap<String, u64>,
    cache_hits: BTreeMap<String, u64>,
    /// Whether the end was told, after which nothing is.
    is_over: bool,
}

impl State {
    fn counts(&mut self, how: How) -> Option<&mut BTreeMap<String, u64>> {
        match how {
            How::Ran => Some(&mut self.actions_run),
            How::Cached => Some(&mut self.cache_hits),
            How::Failed | How::Skipped => None,
        }
    }

    /// Counts an action, once where a part of what it made was lost and it ended again.
    fn count(&mut self, finished: &Finished) {
        let before = self.ended.insert((finished.execution, finished.action), finished.how);
        if let Some(count) = before.and_then(|how| self.counts(how)?.get_mut(&finished.verb)) {
            *count -= 1;
        }
        if let Some(counts) = self.counts(finished.how) {
            *counts.entry(finished.verb.clone()).or_default() += 1;
        }
    }

    /// Whether the run did something that is worth being looked at later.
    fn is_worth_keeping(&self) -> bool {
        self.ended.values().any(|how| *how != How::Cached)
    }
}

impl Events {
    /// The stream of a run that began at `start`.
    pub(crate) fn new(start: Instant) -> Events {
        Events { start, state: Mutex::default() }
    }

    /// Opens what the options name, and tells that the run has begun.
    ///
    /// Fails where a file cannot be written.
    pub(crate) fn open(
        &self,
        goal: &Goal,
        options: &Options,
        environment: &Environment,
        root: Option<&Path>,
    ) -> Result<(), Diagnostic> {
        let path = |path: &PathBuf| environment.folder.join(path);
        let began = SystemTime::now().checked_sub(self.start.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut state = self.lock();
        if let Some(path) = options.events.as_ref().map(path) {
            let file = File::create(&path).map_err(|error| unwritable("--events", &path, &error))?;
            state.file = Some((path, file));
        }
        if let Some(path) = options.trace.as_ref().map(path) {
            // It is written at the end: that it cannot be is told before anything runs.
            let file = File::create(&path).map_err(|error| unwritable("--trace", &path, &error))?;
            state.trace = Some((path, file));
        }
        state.collector = otlp::Collector::of(environment);
        let started = Started {
            schema: event::SCHEMA,
            run: records::name(began),
            time: rfc3339(began),
            goal: goal.name().to_owned(),
            arguments: arguments(goal),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            root: root.map(|root| root.display().to_string()),
        };
        state.started = Some(started.clone());
        drop(state);
        self.add_at(Duration::ZERO, Event::RunStarted(started));
        Ok(())
    }

    /// Says where records of runs are kept; without it there is none of this one.
    pub(crate) fn keep_in(&self, records: Records) {
        self.lock().records = Some(records);
    }

    /// Tells what happened just now.
    pub(crate) fn add(&self, event: Event) {
        self.add_at(self.start.elapsed(), event);
    }

    /// Does a part of the run, and tells how long it took.
    pub(crate) fn phase<T>(&self, phase: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.add(Event::Phase(Phase { phase: phase.to_owned(), seconds: seconds(start.elapsed()) }));
        done
    }

    /// The number of the execution that begins.
    fn execution(&self, actions: usize) -> usize {
        let mut state = self.lock();
        state.executions += 1;
        let execution = state.executions;
        drop(state);
        self.add(Event::Planned(Planned { execution, actions }));
        execution
    }

    fn add_at(&self, at: Duration, event: Event) {
        let mut state = self.lock();
        if state.is_over {
            return;
        }
        if let Event::ActionFinished(finished) = &event {
            state.count(finished);
        }
        let line = Line { at: seconds(at), event };
        if let Some((_, file)) = &mut state.file
            && let Err(error) = file.write_all(line.text().as_bytes())
        {
            (state.file, state.broken) = (None, Some(error));
        }
        let is_kept = match &line.event {
            Event::ActionStarted { .. } | Event::Download { .. } => false,
            // There are many, and nothing took time.
            Event::ActionFinished(Finished { how: How::Cached, .. }) => {
                state.trace.is_some() || state.collector.is_some()
            }
            _ => true,
        };
        if is_kept {
            state.lines.push(line);
        }
    }

    /// Tells how the run ended, once, and writes what is written at its end. `signal` is the one that ended it, where one did.
    /// Gives what of that failed.
    pub(crate) fn finish(&self, exit: Exit, signal: Option<i32>) -> Vec<Diagnostic> {
        let exit_code = signal.and_then(|signal| u8::try_from(128 + signal).ok()).unwrap_or(exit as u8);
        let (actions_run, cache_hits) = {
            let mut state = self.lock();
            // What is counted is not put back: an action of none ran.
            state.actions_run.retain(|_, count| *count > 0);
            state.cache_hits.retain(|_, count| *count > 0);
            (state.actions_run.clone(), state.cache_hits.clone())
        };
        let seconds = seconds(self.start.elapsed());
        self.add(Event::RunFinished(End { exit_code, seconds, actions_run, cache_hits }));
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_over, true) {
            return Vec::new();
        }
        let state = &mut *state;
        let mut failed = Vec::new();
        if let Some(error) = &state.broken {
            failed.push(incomplete("events::incomplete", "the events were not all written", error));
        }
        if let Some((path, file)) = &state.trace
            && let Err(error) = trace::write(file, &state.lines)
        {
            let message = format!("the trace `{}` could not be written", path.display());
            failed.push(incomplete("events::trace", &message, &error));
        }
        if let (Some(records), true) = (&state.records, state.is_worth_keeping()) {
            // The next run is recorded again.
            let _: io::Result<()> = records.add(&state.lines);
        }
        // Nobody who interrupts waits for the network, and who only asks has nothing to tell.
        if let (Some(collector), None, true, Some(started)) =
            (&state.collector, signal, state.executions > 0, &state.started)
            && let Err(error) = collector.send(started, &state.lines)
        {
            let message = format!("the spans of this run did not reach `{}`", masked(collector.address()));
            let told = Diagnostic::warning("events::collector", message).note(error);
            failed.push(told.help(Some("`OTEL_EXPORTER_OTLP_ENDPOINT` names the collector")));
        }
        failed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The seconds of a time, to the microsecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

/// The arguments of this process, without passwords and without what programs are given that are run: these come last,
/// whether they are written or an alias stands for them.
fn arguments(goal: &Goal) -> Vec<String> {
    let all = std::env::args_os().skip(1);
    let mut all: Vec<String> = all.map(|argument| masked(&argument.to_string_lossy()).into_owned()).collect();
    let given = match goal {
        Goal::Run(run) => run.arguments.len(),
        Goal::Pex(pex) => pex.arguments.len(),
        Goal::Repl(repl) => repl.arguments.len(),
        _ => 0,
    };
    if given > 0 {
        all.truncate(all.len().saturating_sub(given));
        all.push("...".to_owned());
    }
    all
}

fn unwritable(option: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("cannot write `{}`: {error}", path.display());
    Diagnostic::error(Exit::Environment, "events::unwritable", message)
        .note(format!("`{option}` names it"))
        .help(Some("name a file in a folder that exists"))
}

fn incomplete(code: &str, message: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::warning(code, format!("{message}: {error}"))
}
