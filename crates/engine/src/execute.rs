//! Runs an action graph: the one loop that owns the schedule, and the workers that it hands actions to.
//!
//! An action whose outcome is in the cache is not run. What fails stops only what depends on it. An input that the
//! store has lost is made again by the action that yielded it, or restored from the workspace.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::{Digest, Outcome, ProcessUsage, Store, StoreError};

use crate::action::{ActionGraph, ActionId, Input, Verb};
use crate::functions::Functions;
use crate::races::Races;
use crate::schedule::{Lane, Schedule, Taken};
use crate::seams::{Cache, Cancel, Elsewhere, Event, Fetch, Finish, RunError, Runner, Sources, Tools, Watch};
use crate::settle::{Answer, Found, Job, Post, Step, Worker};
use crate::verbs::ActionError;

/// How many downloads go on at once unless there is a limit: they wait for answers, not for a processor. More make
/// some resolvers of names drop requests.
const DOWNLOADS: usize = 8;

/// How often it is looked whether what runs elsewhere is to run here as well.
const GLANCE: Duration = Duration::from_millis(50);

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
    let elsewhere = executor.runner.elsewhere();
    if let Some(elsewhere) = elsewhere {
        schedule.send_away(|process| elsewhere.takes(process));
    }
    executor.watch.event(Event::Planned { actions: schedule.planned() });
    let fetches = graph.actions().iter().filter(|action| Lane::of(&action.verb) == Lane::Network).count();
    let downloads = executor.downloads.map_or(DOWNLOADS, |most| most.clamp(1, DOWNLOADS)).min(fetches);
    let lookups = executor.cache.lookups().min(schedule.planned());
    let places = elsewhere.map_or(0, Elsewhere::places).min(schedule.away());
    let workers = [executor.jobs.max(1), downloads, lookups, places];
    let (answers, results) = mpsc::channel();
    let (senders, receivers): (Vec<_>, Vec<_>) = Post::ALL.iter().map(|_| mpsc::channel()).unzip();
    let queues: Vec<Mutex<Receiver<Job>>> = receivers.into_iter().map(Mutex::new).collect();
    let handed_out: HashSet<ActionId> = roots.iter().copied().collect();
    let handed_out = &handed_out;
    let mut execution = std::thread::scope(|scope| {
        for post in Post::ALL {
            let worker = Worker { graph, handed_out, executor, post };
            let queue = &queues[post as usize];
            for _ in 0..workers[post as usize] {
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
            races: Races::default(),
        };
        owner.drive(&senders, workers, &results);
        let execution = owner.execution;
        // Workers end when nobody can send them anything any more.
        drop(senders);
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
    elsewhere: bool,
}

impl Settled {
    /// Of what was never begun.
    const NEVER: Settled = Settled { key: None, duration: Duration::ZERO, usage: None, elsewhere: false };
}

/// The one owner of everything that changes while actions run.
struct Owner<'a, 'g> {
    graph: &'g ActionGraph,
    executor: &'a Executor<'a>,
    schedule: &'a mut Schedule<'g>,
    execution: Execution,
    /// How each action that is done came to be so.
    ended: BTreeMap<ActionId, Finish>,
    /// What was looked up in vain and waits to run, by who runs it.
    missed: [VecDeque<Job>; Post::ALL.len()],
    races: Races,
}

impl Owner<'_, '_> {
    fn drive(&mut self, queues: &[Sender<Job>], workers: [usize; 4], results: &Receiver<Answer>) {
        let mut free = workers;
        loop {
            if self.executor.cancel.is_cancelled() {
                self.give_up();
            } else {
                while let Some((post, job)) = self.next(&free) {
                    free[post as usize] -= 1;
                    queues[post as usize].send(job).expect("workers outlive their queue");
                }
            }
            if !self.schedule.is_running() {
                break;
            }
            let Some(answer) = self.wait(results) else { continue };
            free[answer.post as usize] += 1;
            if self.races.counts(&answer) {
                self.take(answer);
            }
        }
        self.count();
        self.execution.cancelled = self.executor.cancel.is_cancelled();
    }

    /// The next answer; none where it is time to look what else there is to do.
    fn wait(&self, results: &Receiver<Answer>) -> Option<Answer> {
        if !self.races.are_open() {
            return Some(results.recv().expect("a worker answers every job"));
        }
        match results.recv_timeout(GLANCE) {
            Err(RecvTimeoutError::Timeout) => None,
            answer => Some(answer.expect("a worker answers every job")),
        }
    }

    /// A job for which a worker is free, and the post of that worker.
    fn next(&mut self, free: &[usize; 4]) -> Option<(Post, Job)> {
        let looks_up = self.executor.cache.lookups() > 0;
        if free[Post::Elsewhere as usize] > 0
            && let Some(mut job) = self.missed[Post::Elsewhere as usize].pop_front()
        {
            let graph = self.graph;
            if let (Verb::Run(process), Some(_)) = (&graph[job.id].verb, self.head_start()) {
                self.races.begin(&mut job, process);
            }
            return Some((Post::Elsewhere, job));
        }
        for lane in [Lane::Processor, Lane::Network] {
            let runs = Post::of(lane);
            let post = if looks_up { Post::Lookup } else { runs };
            if free[runs as usize] > 0
                && let Some(job) = self.missed[runs as usize].pop_front()
            {
                return Some((runs, job));
            }
            if free[post as usize] > 0
                && let Some(Taken { id, inputs, force, away }) = self.schedule.take(lane)
            {
                return Some((post, Job { id, inputs, force, away, missed: None, race: None, cancel: None }));
            }
        }
        let is_idle = free[Post::Processor as usize] > 0;
        let head_start = self.head_start().filter(|_| is_idle && self.races.are_open())?;
        self.races.second(head_start).map(|job| (Post::Processor, job))
    }

    /// How long what runs elsewhere runs there alone; none: to its end.
    fn head_start(&self) -> Option<Duration> {
        self.executor.runner.elsewhere()?.head_start()
    }

    /// Somebody asked to stop: what was looked up does not run any more.
    fn give_up(&mut self) {
        self.races.cancel();
        for job in self.missed.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>() {
            self.fail(job.id, ActionError::Cancelled, Settled::NEVER);
        }
    }

    fn take(&mut self, answer: Answer) {
        let Answer { id, step, found: Found { key, outcome, ran }, duration, was_away, .. } = answer;
        let result = match step {
            Step::Settled(result) => result,
            Step::Missed(job) => {
                let post = if job.away { Post::Elsewhere } else { Post::of(Lane::of(&self.graph[id].verb)) };
                return self.missed[post as usize].push_back(job);
            }
            Step::Stays => return self.schedule.call_home(id),
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
        let settled = Settled { key, duration, usage, elsewhere: was_away && outcome.is_some() && ran };
        match (result, recorded) {
            (Ok(tree), Ok(())) => self.succeed(id, tree, ran, settled),
            (Err(ActionError::Store(StoreError::Missing(digest))), _) => self.recover(id, digest, settled),
            (Err(error), _) => self.fail(id, error, settled),
            (Ok(_), Err(error)) => self.fail(id, ActionError::Store(error), settled),
        }
    }

    fn succeed(&mut self, id: ActionId, tree: Digest, ran: bool, settled: Settled) {
        let how = if ran { Finish::Ran } else { Finish::Cached };
        self.ended.insert(id, how);
        self.tell(id, how, settled);
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
            Ok(_) => {
                let changed = self.executor.sources.path_of(&lost).map(|path| ActionError::Changed { path });
                self.fail(id, changed.unwrap_or(ActionError::Store(StoreError::Missing(lost))), settled);
            }
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
        let how = match error {
            ActionError::Cancelled => Finish::Skipped,
            ActionError::Run(RunError::Timeout { .. }) => Finish::TimedOut,
            _ => Finish::Failed,
        };
        self.tell(id, how, settled);
        for skipped in self.schedule.failed(id) {
            self.tell(skipped, Finish::Skipped, Settled::NEVER);
            self.execution.skipped.push(skipped);
        }
        if how == Finish::Skipped {
            self.execution.skipped.push(id);
        } else {
            let description = self.graph[id].description.clone();
            let error = Arc::new(error);
            self.execution.failures.push(ActionFailure { id, description, error, key: settled.key });
        }
    }

    fn tell(&self, id: ActionId, how: Finish, settled: Settled) {
        let Settled { key, duration, usage, elsewhere } = settled;
        self.executor.watch.event(Event::Finished { id, how, duration, key, usage, elsewhere });
    }
}
