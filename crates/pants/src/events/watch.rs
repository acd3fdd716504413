//! Tells the stream what happens during an execution.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{ActionGraph, ActionId, Finish, Input, Watch};
use graph::Label;

use super::{Event, Events, Finished, How, seconds};

/// How long a download is silent between two events of it.
const PAUSE: Duration = Duration::from_millis(500);

/// One execution, told to the stream.
pub(crate) struct Recorded<'a> {
    events: &'a Events,
    actions: &'a ActionGraph,
    /// What some actions make all of.
    targets: HashMap<ActionId, &'a Label>,
    /// The files whose tests some actions run.
    tests: &'a BTreeMap<ActionId, Vec<String>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    execution: usize,
    /// When something was last told of a download.
    told: BTreeMap<ActionId, Instant>,
}

impl<'a> Recorded<'a> {
    /// An execution of `actions`, some of which make all of a target, or run the tests of files.
    pub(crate) fn new(
        events: &'a Events,
        actions: &'a ActionGraph,
        (targets, tests): (HashMap<ActionId, &'a Label>, &'a BTreeMap<ActionId, Vec<String>>),
    ) -> Recorded<'a> {
        Recorded { events, actions, targets, tests, state: Mutex::default() }
    }

    /// The number of the execution, and whether it is time to tell of a download.
    fn look(&self, download: Option<ActionId>) -> (usize, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(id) = download else { return (state.execution, true) };
        let now = Instant::now();
        let due = state.told.get(&id).is_none_or(|told| now.duration_since(*told) >= PAUSE);
        if due {
            state.told.insert(id, now);
        }
        (state.execution, due)
    }
}

impl Watch for Recorded<'_> {
    fn event(&self, event: engine::Event<'_>) {
        match event {
            engine::Event::Planned { actions } => {
                let execution = self.events.execution(actions);
                self.state.lock().unwrap_or_else(PoisonError::into_inner).execution = execution;
            }
            engine::Event::Started { id, verb, description } => self.events.add(Event::ActionStarted {
                execution: self.look(None).0,
                action: id.index(),
                verb: verb.to_owned(),
                description: description.to_owned(),
            }),
            engine::Event::Progress { id, done, total } => {
                if let (execution, true) = self.look(Some(id)) {
                    let action = id.index();
                    self.events.add(Event::Download { execution, action, bytes: done, total });
                }
            }
            engine::Event::Finished { id, how, duration, key, usage, elsewhere } => {
                let action = &self.actions[id];
                let needs = action.inputs.iter().filter_map(|input| match input {
                    Input::Action(needed) => Some(needed.index()),
                    Input::Tree(_) => None,
                });
                self.events.add(Event::ActionFinished(Finished {
                    execution: self.look(None).0,
                    action: id.index(),
                    verb: action.verb.name().to_owned(),
                    description: action.description.clone(),
                    target: self.targets.get(&id).map(ToString::to_string),
                    tests: self.tests.get(&id).cloned().unwrap_or_default(),
                    how: match how {
                        Finish::Cached => How::Cached,
                        Finish::Ran => How::Ran,
                        Finish::Failed | Finish::TimedOut => How::Failed,
                        Finish::Skipped => How::Skipped,
                    },
                    timed_out: how == Finish::TimedOut,
                    seconds: seconds(duration),
                    elsewhere,
                    key: key.map(|key| key.hex()),
                    needs: needs.collect(),
                    memory: usage.map(|usage| usage.memory),
                    processor_seconds: usage.map(|usage| seconds(usage.processor)),
                }));
            }
        }
    }
}
