//! Runs an action graph: the one loop that owns the schedule, and the workers that it hands actions to.
//!
//! An action whose outcome is in the cache is not run. What fails stops only what depends on it. An input that the
//! store has lost is made again by the action that yielded it, or restored from the workspace.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{Digest, Outcome, ProcessUsage, Store, StoreError};

use crate::action::{ActionGraph, ActionId, Input};
use crate::functions::Functions;
use crate::key::{Resolved, key};
use crate::schedule::{Lane, Schedule};
use crate::seams::{Cache, Cancel, Event, Fetch, Finish, Runner, Sources, Tools, Watch};
use crate::verbs::{self, ActionError};

/// How many downloads go on at once unless there is a limit: they wait for answers, not for a processor. More make
/// some resolvers of names drop requests.
const DOWNLOADS: usize = 8;

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
#[derive(Debug)]
pub struct ActionFailure {
    /// Which.
    pub id: ActionId,
    /// What it was doing, for people.
    pub description: String,
    /// Why it failed.
    pub error: ActionError,
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
    let workers = [executor.jobs.max(1), downloads];
    let (answers, results) = mpsc::channel();
    let (processor, network) = (mpsc::channel(), mpsc::channel());
    let queues = [Mutex::new(processor.1), Mutex::new(network.1)];
    let handed_out: HashSet<ActionId> = roots.iter().copied().collect();
    let handed_out = &handed_out;
    let mut execution = std::thread::scope(|scope| {
        for (queue, &count) in queues.iter().zip(&workers) {
            for _ in 0..count {
                let answers = answers.clone();
                scope.spawn(move || work(graph, handed_out, executor, queue, &answers));
            }
        }
        let mut owner = Owner {
            graph,
            executor,
            schedule: &mut schedule,
            execution: Execution::default(),
            ended: BTreeMap::new(),
        };
        owner.drive([&processor.0, &network.0], workers, &results);
        let execution = owner.execution;
        // Workers end when nobody can send them anything any more.
        drop((processor.0, network.0));
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

struct Job {
    id: ActionId,
    inputs: Vec<Digest>,
    force: bool,
}

/// What is found out on the way to the result of an action.
#[derive(Default)]
struct Found {
    /// The key that its outcome is looked for under, where it came to that.
    key: Option<Digest>,
    /// Whatever it came to, where it came to something.
    outcome: Option<Outcome>,
    /// Whether it was run, and its outcome is to be recorded.
    ran: bool,
}

struct Answer {
    id: ActionId,
    result: Result<Digest, ActionError>,
    found: Found,
    duration: Duration,
}

/// Takes jobs until there can be no more.
fn work(
    graph: &ActionGraph,
    handed_out: &HashSet<ActionId>,
    executor: &Executor<'_>,
    queue: &Mutex<Receiver<Job>>,
    answers: &Sender<Answer>,
) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let start = Instant::now();
        let mut found = Found::default();
        // An action whose code panics fails as any other does; unanswered, it would be waited for without end.
        let settled =
            catch_unwind(AssertUnwindSafe(|| settle(graph, handed_out, executor, &job, &mut found)));
        let result = settled.unwrap_or(Err(ActionError::Panicked));
        let answer = Answer { id: job.id, result, found, duration: start.elapsed() };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// Looks an action up in the cache and, failing that, runs it.
fn settle(
    graph: &ActionGraph,
    handed_out: &HashSet<ActionId>,
    executor: &Executor<'_>,
    job: &Job,
    found: &mut Found,
) -> Result<Digest, ActionError> {
    let action = &graph[job.id];
    let tool = verbs::tool(action, executor.tools)?;
    let resolved = Resolved {
        inputs: job.inputs.clone(),
        tool: tool.as_ref().map(|tool| tool.identity.clone()),
        function_version: verbs::function_version(action, executor.functions),
    };
    let key = key(executor.store, action, &resolved);
    found.key = Some(key);
    if !job.force
        && let Some(outcome) = executor.cache.get(&key)?
        && outcome.exit_code == 0
        // What is handed out must be whole; the loss of anything else is noticed by whoever reads it.
        && (!handed_out.contains(&job.id) || executor.store.is_complete(&outcome.tree)?)
    {
        found.outcome = Some(outcome);
        return Ok(outcome.tree);
    }
    let verb = action.verb.name();
    executor.watch.event(Event::Started { id: job.id, verb, description: &action.description });
    let outcome = match verbs::perform(job.id, action, &job.inputs, tool.as_ref(), executor) {
        Ok(outcome) => outcome,
        Err(error) => {
            if let ActionError::Exit { outcome, .. } = &error {
                (found.outcome, found.ran) = (Some(**outcome), true);
            }
            return Err(error);
        }
    };
    // A verb that hands blobs on without reading them does not notice that they have gone.
    if (job.force || handed_out.contains(&job.id))
        && let Some(lost) = executor.store.missing(&outcome.tree)?.first()
    {
        return Err(ActionError::Store(StoreError::Missing(*lost)));
    }
    (found.outcome, found.ran) = (Some(outcome), true);
    Ok(outcome.tree)
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
}

impl Owner<'_, '_> {
    fn drive(&mut self, queues: [&Sender<Job>; 2], workers: [usize; 2], results: &Receiver<Answer>) {
        let mut free = workers;
        loop {
            for lane in [Lane::Processor, Lane::Network] {
                while free[lane as usize] > 0 && !self.executor.cancel.is_cancelled() {
                    let Some((id, inputs, force)) = self.schedule.take(lane) else { break };
                    free[lane as usize] -= 1;
                    queues[lane as usize]
                        .send(Job { id, inputs, force })
                        .expect("workers outlive their queue");
                }
            }
            if !self.schedule.is_running() {
                break;
            }
            let answer = results.recv().expect("a worker answers every job");
            free[Lane::of(&self.graph[answer.id].verb) as usize] += 1;
            self.take(answer);
        }
        self.count();
        self.execution.cancelled = self.executor.cancel.is_cancelled();
    }

    fn take(&mut self, answer: Answer) {
        let Answer { id, result, found: Found { key, outcome, ran }, duration } = answer;
        let recorded = match (&key, &outcome) {
            (Some(key), Some(outcome)) if ran => self.executor.cache.put(key, outcome),
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
        let how = if matches!(error, ActionError::Cancelled) { Finish::Skipped } else { Finish::Failed };
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
            self.execution.failures.push(ActionFailure { id, description, error, key });
        }
    }
}
