//! Runs an action graph: the one loop that owns the schedule, and the workers that it hands actions to.
//!
//! An action whose outcome is in the cache is not run. What fails stops only what depends on it. An input that the
//! store has lost is made again by the action that yielded it, or restored from the workspace.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::{Digest, Outcome, ProcessUsage, Store, StoreError};

use crate::action::{ActionGraph, ActionId, Input};
use crate::functions::Functions;
use crate::schedule::{Lane, Schedule};
use crate::seams::{Cache, Cancel, Event, Fetch, Finish, RunError, Runner, Sources, Tools, Watch};
use crate::settle::{Answer, Found, Job, Step, Worker};
use crate::verbs::ActionError;

/// How many downloads go on at once unless there is a limit: they wait for answers, not for a processor. More make
/// some resolvers of names drop requests.
const DOWNLOADS: usize = 8;

/// The lane of those who only look actions up, beside the lanes of the schedule.
const LOOKUPS: usize = 2;

/// All that an execution needs besides its graph.
#[derive(Clone, Copy)]
pub struct Executor<'a> {
    /// Where trees are.
    pub store: &'a Store,
    /// Where outcomes are.
    pub cache: &'a dyn Cache,
    /// Who brings files.
    pub fetch: &'a dyn Fetch,
    /// Who runs processes.
    pub runner: &'a dyn Runner,
    /// Who knows the tools.
    pub tools: &'a dyn Tools,
    /// The registered functions.
    pub functions: &'a Functions,
    /// Who has the sources.
    pub sources: &'a dyn Sources,
    /// Who watches.
    pub watch: &'a dyn Watch,
    /// How many actions use a processor at once.
    pub jobs: usize,
    /// How many bytes of memory those processes share that say how much they need; none for as many as they like.
    pub memory: Option<u64>,
    /// How many downloads go on at once at most; none for as many as are usual.
    pub downloads: Option<usize>,
    /// Whether the roots run, whatever is in the cache.
    pub force: bool,
    /// Who may ask to stop.
    pub cancel: &'a Cancel,
}

/// What became of an execution.
#[derive(Debug, Default)]
pub struct Execution {
    /// The tree of each root that succeeded.
    pub trees: BTreeMap<ActionId, Digest>,
    /// The outcome of each root that succeeded, and whether it ran.
    pub outcomes: BTreeMap<ActionId, (Outcome, Finish)>,
    /// The key of each root whose outcome is in the cache.
    pub keys: BTreeMap<ActionId, Digest>,
    /// All failures, in the order of the graph.
    pub failures: Vec<ActionFailure>,
    /// Actions that ran, by verb.
    pub run: BTreeMap<&'static str, u64>,
    /// Actions whose outcome was in the cache, by verb.
    pub hits: BTreeMap<&'static str, u64>,
    /// Actions that could not run since something that they need failed.
    pub skipped: Vec<ActionId>,
    /// Whether somebody asked to stop before all was done.
    pub cancelled: bool,
}

/// An action that failed, and why.
#[derive(Clone, Debug)]
pub struct ActionFailure {
    /// Which.
    pub id: ActionId,
    /// What it was doing, for people.
    pub description: String,
    /// Why it failed.
    pub error: Arc<ActionError>,
    /// Its key, where it came to that.
    pub key: Option<Digest>,
}

/// Runs whatever `roots` need of `graph` and is not in the cache.
pub fn execute(graph: &ActionGraph, roots: &[ActionId], executor: &Executor<'_>) -> Execution {
    let mut schedule = Schedule::new(graph, roots, executor.memory);
    if executor.force {
        schedule.force(roots);
    }
    executor.watch.event(Event::Planned { actions: schedule.planned() });
    let fetches = graph.actions().iter().filter(|action| Lane::of(&action.verb) == Lane::Network).count();
    let downloads = executor.downloads.map_or(DOWNLOADS, |most| most.clamp(1, DOWNLOADS)).min(fetches);
    let lookups = executor.cache.lookups().min(schedule.planned());
    let workers = [executor.jobs.max(1), downloads, lookups];
    let (answers, results) = mpsc::channel();
    let (processor, network, looking) = (mpsc::channel(), mpsc::channel(), mpsc::channel());
    let queues = [Mutex::new(processor.1), Mutex::new(network.1), Mutex::new(looking.1)];
    let handed_out: HashSet<ActionId> = roots.iter().copied().collect();
    let handed_out = &handed_out;
    let mut execution = std::thread::scope(|scope| {
        for (lane, (queue, &count)) in queues.iter().zip(&workers).enumerate() {
            let worker = Worker { graph, handed_out, executor, only_looks_up: lane == LOOKUPS };
            for _ in 0..count {
                let answers = answers.clone();
                scope.spawn(move || worker.work(queue, &answers));
            }
        }
        let mut owner = Owner {
            graph,
            executor,
            schedule: &mut schedule,
            execution: Execution::default(),
            ended: BTreeMap::new(),
            missed: Default::default(),
        };
        owner.drive([&processor.0, &network.0, &looking.0], workers, &results);
        let execution = owner.execution;
        // Workers end when nobody can send them anything any more.
        drop((processor.0, network.0, looking.0));
        execution
    });
    execution.failures.sort_by_key(|failure| failure.id);
    execution.skipped.sort_unstable();
    execution.keys.retain(|id, _| handed_out.contains(id));
    execution.outcomes.retain(|id, _| handed_out.contains(id));
    for root in roots {
        if let Some(tree) = schedule.result(*root) {
            execution.trees.insert(*root, tree);
        }
    }
    execution
}

/// What is told of an action that is settled.
#[derive(Clone, Copy)]
struct Settled {
    /// Its key, where it came to that.
    key: Option<Digest>,
    duration: Duration,
    /// What it took of the machine, where it ran and that is known.
    usage: Option<ProcessUsage>,
}

/// The one owner of everything that changes while actions run.
struct Owner<'a, 'g> {
    graph: &'g ActionGraph,
    executor: &'a Executor<'a>,
    schedule: &'a mut Schedule<'g>,
    execution: Execution,
    /// How each action that is done came to be so.
    ended: BTreeMap<ActionId, Finish>,
    /// What was looked up in vain and waits to run, by lane.
    missed: [VecDeque<Job>; 2],
}

impl Owner<'_, '_> {
    fn drive(&mut self, queues: [&Sender<Job>; 3], workers: [usize; 3], results: &Receiver<Answer>) {
        let mut free = workers;
        loop {
            if self.executor.cancel.is_cancelled() {
                self.give_up();
            } else {
                while let Some((lane, job)) = self.next(&free) {
                    free[lane] -= 1;
                    queues[lane].send(job).expect("workers outlive their queue");
                }
            }
            if !self.schedule.is_running() {
                break;
            }
            let answer = results.recv().expect("a worker answers every job");
            free[self.lane(&answer)] += 1;
            self.take(answer);
        }
        self.count();
        self.execution.cancelled = self.executor.cancel.is_cancelled();
    }

    /// A job for which a worker is free, and the lane of that worker.
    fn next(&mut self, free: &[usize; 3]) -> Option<(usize, Job)> {
        let looks_up = self.executor.cache.lookups() > 0;
        for lane in [Lane::Processor, Lane::Network] {
            let worker = if looks_up { LOOKUPS } else { lane as usize };
            if looks_up
                && free[lane as usize] > 0
                && let Some(job) = self.missed[lane as usize].pop_front()
            {
                return Some((lane as usize, job));
            }
            if free[worker] > 0
                && let Some((id, inputs, force)) = self.schedule.take(lane)
            {
                return Some((worker, Job { id, inputs, force, missed: None }));
            }
        }
        None
    }

    /// The lane of the worker that an answer is from.
    fn lane(&self, answer: &Answer) -> usize {
        if answer.from_lookup { LOOKUPS } else { Lane::of(&self.graph[answer.id].verb) as usize }
    }

    /// Somebody asked to stop: what was looked up does not run any more.
    fn give_up(&mut self) {
        for job in self.missed.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>() {
            self.fail(
                job.id,
                ActionError::Cancelled,
                Settled { key: None, duration: Duration::ZERO, usage: None },
            );
        }
    }

    fn take(&mut self, answer: Answer) {
        let Answer { id, step, found: Found { key, outcome, ran }, duration, .. } = answer;
        let result = match step {
            Step::Settled(result) => result,
            Step::Missed(job) => {
                return self.missed[Lane::of(&self.graph[id].verb) as usize].push_back(job);
            }
        };
        let recorded = match (&key, &outcome) {
            (Some(key), Some(outcome)) if ran => self.executor.cache.put(key, &self.graph[id], outcome),
            _ => Ok(()),
        };
        if let (Ok(_), Some(outcome)) = (&result, outcome) {
            let how = if ran { Finish::Ran } else { Finish::Cached };
            self.execution.outcomes.insert(id, (outcome, how));
        }
        if let (Ok(_), Some(key)) = (&result, key) {
            self.execution.keys.insert(id, key);
        }
        let usage = outcome.filter(|_| ran).and_then(|outcome| outcome.usage);
        let settled = Settled { key, duration, usage };
        match (result, recorded) {
            (Ok(tree), Ok(())) => self.succeed(id, tree, ran, settled),
            (Err(ActionError::Store(StoreError::Missing(digest))), _) => self.recover(id, digest, settled),
            (Err(error), _) => self.fail(id, error, settled),
            (Ok(_), Err(error)) => self.fail(id, ActionError::Store(error), settled),
        }
    }

    fn succeed(&mut self, id: ActionId, tree: Digest, ran: bool, settled: Settled) {
        let Settled { key, duration, usage } = settled;
        let how = if ran { Finish::Ran } else { Finish::Cached };
        self.ended.insert(id, how);
        self.executor.watch.event(Event::Finished { id, how, duration, key, usage });
        self.schedule.done(id, tree);
    }

    /// Counts what ran and what was in the cache; what had to run after all counts as run.
    fn count(&mut self) {
        for (id, how) in &self.ended {
            let ran = *how == Finish::Ran;
            let counts = if ran { &mut self.execution.run } else { &mut self.execution.hits };
            *counts.entry(self.graph[*id].verb.name()).or_default() += 1;
        }
    }

    /// A blob that an action needs has gone: has it made again, or brings it back from the workspace.
    fn recover(&mut self, id: ActionId, lost: Digest, settled: Settled) {
        match self.producers_to_repeat(id, &lost) {
            Ok(Some(producers)) if self.schedule.retry(id, &producers) => {}
            Ok(_) => self.fail(id, ActionError::Store(StoreError::Missing(lost)), settled),
            Err(error) => self.fail(id, ActionError::Store(error), settled),
        }
    }

    /// Restores all lost sources that `id` takes in, and gives those of its inputs that are not whole even so. None
    /// where that cannot bring the lost blob back.
    fn producers_to_repeat(&self, id: ActionId, lost: &Digest) -> Result<Option<Vec<ActionId>>, StoreError> {
        let (store, sources) = (self.executor.store, self.executor.sources);
        let mut producers = Vec::new();
        for input in &self.graph[id].inputs {
            let (producer, tree) = match input {
                Input::Tree(tree) => (None, Some(*tree)),
                Input::Action(action) => (Some(*action), self.schedule.result(*action)),
            };
            let mut whole = tree.is_some();
            for blob in tree.map_or_else(|| Ok(Vec::new()), |tree| store.missing(&tree))? {
                whole &= sources.restore(&blob)?;
            }
            if !whole {
                producers.extend(producer);
            }
        }
        producers.sort_unstable();
        producers.dedup();
        let helped = !producers.is_empty() || store.has(lost)? || sources.restore(lost)?;
        Ok(helped.then_some(producers))
    }

    fn fail(&mut self, id: ActionId, error: ActionError, settled: Settled) {
        let Settled { key, duration, usage } = settled;
        let how = match error {
            ActionError::Cancelled => Finish::Skipped,
            ActionError::Run(RunError::Timeout { .. }) => Finish::TimedOut,
            _ => Finish::Failed,
        };
        self.executor.watch.event(Event::Finished { id, how, duration, key, usage });
        for skipped in self.schedule.failed(id) {
            let how = Finish::Skipped;
            let duration = Duration::ZERO;
            self.executor.watch.event(Event::Finished { id: skipped, how, duration, key: None, usage: None });
            self.execution.skipped.push(skipped);
        }
        if how == Finish::Skipped {
            self.execution.skipped.push(id);
        } else {
            let description = self.graph[id].description.clone();
            let error = Arc::new(error);
            self.execution.failures.push(ActionFailure { id, description, error, key });
        }
    }
}
