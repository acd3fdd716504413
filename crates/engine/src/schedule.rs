//! The schedule: which action is next, which wait, which can no longer succeed. Knows neither verbs nor threads.
//!
//! All mutable state of an execution is here and has one owner, the loop in [`execute`](crate::execute()).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use store::Digest;

use crate::action::{ActionGraph, ActionId, Input, Needs, Process, Verb};
use crate::room::Room;

/// What an action needs most; each kind has its own number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A processor.
    Processor,
    /// An answer from elsewhere.
    Network,
}

impl Lane {
    pub(crate) fn of(verb: &Verb) -> Lane {
        if matches!(verb, Verb::Fetch(_)) { Lane::Network } else { Lane::Processor }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Inputs are missing: this many of its distinct ones are not done.
    Waiting(usize),
    Ready,
    Running,
    Done(Digest),
    Failed,
    Skipped,
}

struct Node {
    state: State,
    /// The planned actions that consume this one.
    consumers: Vec<ActionId>,
    /// The length of the longest chain of actions that ends in a root, this one included.
    urgency: u32,
    /// The outcome in the cache proved unusable: the action must run.
    force: bool,
    /// Whether it runs elsewhere.
    away: bool,
    /// How often it was taken up again because an input had gone.
    retries: u8,
}

/// An action that is to be looked up or run.
pub(crate) struct Taken {
    pub(crate) id: ActionId,
    /// The digests of its inputs.
    pub(crate) inputs: Vec<Digest>,
    /// Whether it must run, whatever is in the cache.
    pub(crate) force: bool,
    /// Whether it runs elsewhere.
    pub(crate) away: bool,
}

/// How often an action is taken up again before its input is called lost.
const RETRIES: u8 = 3;

/// The states of all actions of one execution.
pub(crate) struct Schedule<'a> {
    graph: &'a ActionGraph,
    nodes: Vec<Node>,
    /// What is ready, by lane. An entry counts only while its action is ready: an input may have been lost since.
    ready: [BinaryHeap<(u32, Reverse<ActionId>)>; 2],
    running: usize,
    /// What those have that run.
    room: Room,
}

impl<'a> Schedule<'a> {
    /// Plans all that `roots` need, on a machine with so much `memory`. Actions that no root needs are left out.
    pub(crate) fn new(graph: &'a ActionGraph, roots: &[ActionId], memory: Option<u64>) -> Schedule<'a> {
        let mut nodes: Vec<Node> = (graph.actions().iter())
            .map(|_| Node {
                state: State::Skipped,
                consumers: Vec::new(),
                urgency: 0,
                force: false,
                away: false,
                retries: 0,
            })
            .collect();
        for root in roots {
            nodes[root.index()].urgency = 1;
        }
        let mut ready = Vec::new();
        // Inputs have smaller numbers: backwards, who consumes an action is settled before it.
        let ids: Vec<ActionId> = graph.iter().map(|(id, _)| id).collect();
        for &id in ids.iter().rev() {
            let urgency = nodes[id.index()].urgency;
            if urgency == 0 {
                continue;
            }
            let mut waiting = 0;
            for input in distinct_inputs(graph, id) {
                waiting += 1;
                let node = &mut nodes[input.index()];
                node.consumers.push(id);
                node.urgency = node.urgency.max(urgency + 1);
            }
            nodes[id.index()].state = if waiting == 0 { State::Ready } else { State::Waiting(waiting) };
            if waiting == 0 {
                ready.push(id);
            }
        }
        let room = Room::new(memory);
        let mut schedule = Schedule { graph, nodes, ready: Default::default(), running: 0, room };
        for id in ready {
            schedule.enqueue(id);
        }
        schedule
    }

    /// Has some actions run whatever is in the cache.
    pub(crate) fn force(&mut self, actions: &[ActionId]) {
        for id in actions {
            self.nodes[id.index()].force = true;
        }
    }

    /// Has those processes run elsewhere of which `takes` says so.
    pub(crate) fn send_away(&mut self, takes: impl Fn(&Process) -> bool) {
        for (id, action) in self.graph.iter() {
            if let Verb::Run(process) = &action.verb {
                self.nodes[id.index()].away = takes(process);
            }
        }
    }

    /// How many run elsewhere.
    pub(crate) fn away(&self) -> usize {
        self.nodes.iter().filter(|node| node.away && node.urgency > 0).count()
    }

    /// What an action has to have of this machine. What runs elsewhere takes no memory here; of what one at a time may have
    /// nobody knows where it is.
    fn needs(&self, id: ActionId) -> Option<Cow<'a, Needs>> {
        let needs = self.graph[id].verb.needs()?;
        Some(match self.nodes[id.index()].away {
            true => Cow::Owned(Needs { memory: 0, ..needs.clone() }),
            false => Cow::Borrowed(needs),
        })
    }

    /// How many actions the roots need.
    pub(crate) fn planned(&self) -> usize {
        self.nodes.iter().filter(|node| node.urgency > 0).count()
    }

    /// Takes the most urgent action of a lane that is ready and has what it needs.
    pub(crate) fn take(&mut self, lane: Lane) -> Option<Taken> {
        let id = self.next(lane)?;
        self.nodes[id.index()].state = State::Running;
        self.running += 1;
        if let Some(needs) = self.needs(id) {
            self.room.take(&needs);
        }
        let inputs = (self.graph[id].inputs.iter())
            .map(|input| match input {
                Input::Tree(digest) => *digest,
                Input::Action(id) => self.result(*id).expect("what is ready has all its inputs"),
            })
            .collect();
        let Node { force, away, .. } = self.nodes[id.index()];
        Some(Taken { id, inputs, force, away })
    }

    /// The most urgent action of a lane that is ready and has what it needs.
    fn next(&mut self, lane: Lane) -> Option<ActionId> {
        let mut passed_over = Vec::new();
        let mut memory_is_short = false;
        let mut found = None;
        while let Some(entry) = self.ready[lane as usize].pop() {
            let (_, Reverse(id)) = entry;
            if self.nodes[id.index()].state != State::Ready {
                continue;
            }
            let Some(needs) = self.needs(id) else {
                found = Some(id);
                break;
            };
            // Those that need little would keep one that needs much waiting without end.
            if self.room.has(&needs) && !(memory_is_short && needs.memory > 0) {
                found = Some(id);
                break;
            }
            memory_is_short |= needs.memory > 0;
            passed_over.push(entry);
        }
        self.ready[lane as usize].extend(passed_over);
        found
    }

    /// Takes back what an action had that does not run any more.
    fn stop(&mut self, id: ActionId) {
        self.running -= 1;
        if let Some(needs) = self.needs(id) {
            self.room.give_back(&needs);
        }
    }

    /// Whether something is still with a worker.
    pub(crate) fn is_running(&self) -> bool {
        self.running > 0
    }

    /// The tree that a settled action yielded.
    pub(crate) fn result(&self, id: ActionId) -> Option<Digest> {
        match self.nodes[id.index()].state {
            State::Done(digest) => Some(digest),
            _ => None,
        }
    }

    /// An action that runs has yielded `tree`; what waited for it alone becomes ready.
    pub(crate) fn done(&mut self, id: ActionId, tree: Digest) {
        self.settle(id, State::Done(tree));
        for consumer in self.nodes[id.index()].consumers.clone() {
            if let State::Waiting(count) = &mut self.nodes[consumer.index()].state {
                *count -= 1;
                if *count == 0 {
                    self.enqueue(consumer);
                }
            }
        }
    }

    /// An action that runs elsewhere cannot: it is taken up again, to run here.
    pub(crate) fn call_home(&mut self, id: ActionId) {
        self.stop(id);
        self.nodes[id.index()].away = false;
        self.enqueue(id);
    }

    /// An action that runs has failed. Gives all that can therefore not run.
    pub(crate) fn failed(&mut self, id: ActionId) -> Vec<ActionId> {
        self.settle(id, State::Failed);
        let mut skipped = Vec::new();
        let mut next = vec![id];
        while let Some(at) = next.pop() {
            for consumer in self.nodes[at.index()].consumers.clone() {
                let state = &mut self.nodes[consumer.index()].state;
                if matches!(state, State::Waiting(_)) {
                    *state = State::Skipped;
                    skipped.push(consumer);
                    next.push(consumer);
                }
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// An action that runs found a part of an input gone. `lost` are the inputs that must run again before it may be
    /// taken up again; none where the part was brought back already. False when it was tried often enough, or when
    /// something that this needs can no longer be had.
    pub(crate) fn retry(&mut self, id: ActionId, lost: &[ActionId]) -> bool {
        let hopeless = std::iter::once(id).chain(lost.iter().copied()).any(|action| {
            let has_failed =
                |input: &ActionId| matches!(self.nodes[input.index()].state, State::Failed | State::Skipped);
            distinct_inputs(self.graph, action).iter().any(has_failed)
        });
        if self.nodes[id.index()].retries == RETRIES || hopeless {
            return false;
        }
        self.nodes[id.index()].retries += 1;
        self.stop(id);
        for &input in lost {
            self.nodes[input.index()].force = true;
            if matches!(self.nodes[input.index()].state, State::Done(_)) {
                self.repeat(input);
            }
        }
        self.wait(id);
        true
    }

    /// Has an action that is done run again. Whoever was to consume it and does not yet run waits for it once more.
    fn repeat(&mut self, id: ActionId) {
        for consumer in self.nodes[id.index()].consumers.clone() {
            let state = &mut self.nodes[consumer.index()].state;
            match state {
                State::Ready => *state = State::Waiting(1),
                State::Waiting(count) => *count += 1,
                State::Running | State::Done(_) | State::Failed | State::Skipped => {}
            }
        }
        self.wait(id);
    }

    /// Makes an action wait for those of its inputs that are not done, or ready if they all are.
    fn wait(&mut self, id: ActionId) {
        let inputs = distinct_inputs(self.graph, id);
        match inputs.into_iter().filter(|input| self.result(*input).is_none()).count() {
            0 => self.enqueue(id),
            missing => self.nodes[id.index()].state = State::Waiting(missing),
        }
    }

    fn settle(&mut self, id: ActionId, state: State) {
        self.stop(id);
        self.nodes[id.index()].state = state;
    }

    fn enqueue(&mut self, id: ActionId) {
        let node = &mut self.nodes[id.index()];
        node.state = State::Ready;
        self.ready[Lane::of(&self.graph[id].verb) as usize].push((node.urgency, Reverse(id)));
    }
}

/// The actions that `id` consumes, each once.
fn distinct_inputs(graph: &ActionGraph, id: ActionId) -> Vec<ActionId> {
    let mut inputs: Vec<ActionId> = (graph[id].inputs.iter())
        .filter_map(|input| match input {
            Input::Action(id) => Some(*id),
            Input::Tree(_) => None,
        })
        .collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}
