//! What people see while actions run: one live line on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::{ActionId, Event, Finish, Watch};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;

/// How long it may be silent where there is no live line.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Follows an execution for people.
pub(crate) struct Progress<'c> {
    console: &'c Console,
    bar: ProgressBar,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: BTreeMap<ActionId, Running>,
    planned: usize,
    settled: usize,
    done: bool,
}

struct Running {
    description: String,
    since: Instant,
    bytes: Option<(u64, Option<u64>)>,
}

impl<'c> Progress<'c> {
    pub(crate) fn new(console: &'c Console) -> Progress<'c> {
        let live = console.terminal && !console.quiet;
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is sound");
        bar.set_style(style);
        Progress { console, bar, state: Mutex::default(), ended: Condvar::new() }
    }

    /// Runs `work` while somebody may be watching.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            scope.spawn(|| self.tick());
            let _end = End(self);
            work()
        })
    }

    /// Keeps the live line moving, or gives a sign of life now and then.
    fn tick(&self) {
        let pause = if self.bar.is_hidden() { SIGN_OF_LIFE } else { Duration::from_millis(100) };
        let mut state = self.lock();
        while !state.done {
            let waited = self.ended.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if state.done || !waited.1.timed_out() {
                continue;
            }
            if self.bar.is_hidden() {
                if !self.console.quiet && !state.running.is_empty() {
                    self.console.message(&format!("still at it: {}", summary(&state)));
                }
            } else {
                self.bar.set_message(summary(&state));
                self.bar.tick();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| self.console.message(text));
    }
}

/// Ends the watching when it is dropped, also by a panic, which would otherwise be waited out for ever.
struct End<'p, 'c>(&'p Progress<'c>);

impl Drop for End<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().done = true;
        self.0.ended.notify_all();
        self.0.bar.finish_and_clear();
    }
}

/// How far it is, and what runs for how long.
fn summary(state: &State) -> String {
    let mut text = format!("[{}/{}]", state.settled, state.planned);
    let oldest = state.running.values().min_by_key(|running| running.since);
    if let Some(oldest) = oldest {
        text.push_str(&format!(" {} ({} s", oldest.description, oldest.since.elapsed().as_secs()));
        match oldest.bytes {
            Some((done, Some(total))) => {
                text.push_str(&format!(", {} of {}", HumanBytes(done), HumanBytes(total)));
            }
            Some((done, None)) => text.push_str(&format!(", {}", HumanBytes(done))),
            None => {}
        }
        text.push(')');
        if state.running.len() > 1 {
            text.push_str(&format!(" and {} more", state.running.len() - 1));
        }
        let downloads: Vec<(u64, Option<u64>)> = state.running.values().filter_map(|one| one.bytes).collect();
        if downloads.len() > 1 {
            let done = HumanBytes(downloads.iter().map(|(done, _)| done).sum());
            text.push_str(&format!("; {} downloads, {done}", downloads.len()));
            if let Some(total) = downloads.iter().map(|(_, total)| *total).sum::<Option<u64>>() {
                text.push_str(&format!(" of {}", HumanBytes(total)));
            }
        }
    }
    text
}

impl Watch for Progress<'_> {
    fn event(&self, event: Event<'_>) {
        let mut state = self.lock();
        match event {
            Event::Planned { actions } => state.planned = actions,
            Event::Started { id, verb, description } => {
                let running =
                    Running { description: description.to_owned(), since: Instant::now(), bytes: None };
                state.running.insert(id, running);
                let worth_a_line = matches!(verb, "fetch" | "run") || description.starts_with("assemble ");
                let speak = self.console.verbose || (worth_a_line && self.bar.is_hidden());
                drop(state);
                if speak && !self.console.quiet {
                    self.line(description);
                }
            }
            Event::Progress { id, done, total } => {
                if let Some(running) = state.running.get_mut(&id) {
                    running.bytes = Some((done, total));
                }
            }
            Event::Finished { id, how, duration, .. } => {
                state.settled += 1;
                let running = state.running.remove(&id);
                drop(state);
                if let (true, Finish::Ran, Some(running)) = (self.console.verbose, how, running) {
                    self.line(&format!("done in {:.2} s: {}", duration.as_secs_f64(), running.description));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_all_downloads_are_shown() {
        let mut graph = engine::ActionGraph::new();
        let mut add = |text: &str| {
            let verb = engine::Verb::Apply { function: "fetch", arguments: text.into() };
            graph.add(verb, Vec::new(), text)
        };
        let ids = [add("fetch a"), add("fetch b")];
        let running = |bytes| Running { description: "fetch a".into(), since: Instant::now(), bytes };
        let mut state = State { planned: 3, ..State::default() };
        let check = |state: &State, expect: &str| assert_eq!(summary(state), expect);
        check(&state, "[0/3]");
        state.running.insert(ids[0], running(Some((1024, Some(2048)))));
        check(&state, "[0/3] fetch a (0 s, 1.00 KiB of 2.00 KiB)");
        state.running.insert(ids[1], running(Some((1024, Some(4096)))));
        let one = "[0/3] fetch a (0 s, 1.00 KiB of 2.00 KiB) and 1 more";
        check(&state, &format!("{one}; 2 downloads, 2.00 KiB of 6.00 KiB"));
        state.running.insert(ids[1], running(Some((1024, None))));
        check(&state, &format!("{one}; 2 downloads, 2.00 KiB"));
    }
}
