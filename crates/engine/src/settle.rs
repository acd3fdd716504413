//! What workers do: looks an action up in the cache and, failing that, runs it. Knows nothing of the schedule.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{Digest, Outcome, StoreError};

use crate::action::{Action, ActionGraph, ActionId, Verb};
use crate::execute::Executor;
use crate::key::{Resolved, key};
use crate::seams::{Event, Tool};
use crate::verbs::{self, ActionError};

/// An action that is ready.
pub(crate) struct Job {
    pub(crate) id: ActionId,
    pub(crate) inputs: Vec<Digest>,
    /// Whether it runs, whatever is in the cache.
    pub(crate) force: bool,
    /// What was found out when it was looked up before, in vain.
    pub(crate) missed: Option<Missed>,
}

/// An action that was looked up and is not in the cache.
pub(crate) struct Missed {
    key: Digest,
    tool: Option<Tool>,
    /// How long that took.
    duration: Duration,
}

/// What is found out on the way to the result of an action.
#[derive(Default)]
pub(crate) struct Found {
    /// The key that its outcome is looked for under, where it came to that.
    pub(crate) key: Option<Digest>,
    /// Whatever it came to, where it came to something.
    pub(crate) outcome: Option<Outcome>,
    /// Whether it was run, and its outcome is to be recorded.
    pub(crate) ran: bool,
}

/// What became of a job.
pub(crate) enum Step {
    /// The action is settled.
    Settled(Result<Digest, ActionError>),
    /// It is to be run.
    Missed(Job),
}

pub(crate) struct Answer {
    pub(crate) id: ActionId,
    pub(crate) step: Step,
    pub(crate) found: Found,
    pub(crate) duration: Duration,
    /// Whether it is from somebody who only looks actions up.
    pub(crate) from_lookup: bool,
}

/// What a worker knows besides its jobs.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'w> {
    pub(crate) graph: &'w ActionGraph,
    /// The actions whose trees are handed out, and so have to be whole.
    pub(crate) handed_out: &'w HashSet<ActionId>,
    pub(crate) executor: &'w Executor<'w>,
    /// Whether it only looks actions up.
    pub(crate) only_looks_up: bool,
}

impl Worker<'_> {
    /// Takes jobs until there can be no more.
    pub(crate) fn work(self, queue: &Mutex<Receiver<Job>>, answers: &Sender<Answer>) {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let (id, start) = (job.id, Instant::now());
            let before = job.missed.as_ref().map_or(Duration::ZERO, |missed| missed.duration);
            let mut found = Found::default();
            // An action whose code panics fails as any other does; unanswered, it would be waited for without end.
            let settled = catch_unwind(AssertUnwindSafe(|| self.settle(job, &mut found)));
            let step = settled
                .unwrap_or(Err(ActionError::Panicked))
                .unwrap_or_else(|error| Step::Settled(Err(error)));
            let answer = Answer {
                id,
                step,
                found,
                duration: before + start.elapsed(),
                from_lookup: self.only_looks_up,
            };
            if answers.send(answer).is_err() {
                return;
            }
        }
    }

    fn settle(self, mut job: Job, found: &mut Found) -> Result<Step, ActionError> {
        let (action, start) = (&self.graph[job.id], Instant::now());
        let (key, tool) = match job.missed.take() {
            Some(missed) => (missed.key, missed.tool),
            None => {
                let tool = verbs::tool(action, self.executor.tools)?;
                (self.key(action, &job.inputs, tool.as_ref()), tool)
            }
        };
        found.key = Some(key);
        if self.only_looks_up || self.executor.cache.lookups() == 0 {
            if !job.force
                && let Some(outcome) = self.look_up(job.id, &key)?
            {
                found.outcome = Some(outcome);
                return Ok(Step::Settled(Ok(outcome.tree)));
            }
            if self.only_looks_up {
                let reads_files = match &action.verb {
                    // A tree of trees is made without the files.
                    Verb::Merge { .. } => false,
                    Verb::Run(process) => self.executor.runner.needs_files(process),
                    _ => true,
                };
                if reads_files {
                    self.executor.cache.bring(&job.inputs, &[])?;
                }
                job.missed = Some(Missed { key, tool, duration: start.elapsed() });
                return Ok(Step::Missed(job));
            }
        }
        self.run(action, &job, tool.as_ref(), found).map(|tree| Step::Settled(Ok(tree)))
    }

    fn key(self, action: &Action, inputs: &[Digest], tool: Option<&Tool>) -> Digest {
        let resolved = Resolved {
            inputs: inputs.to_vec(),
            tool: tool.map(|tool| tool.identity.clone()),
            function_version: verbs::function_version(action, self.executor.functions),
        };
        key(self.executor.store, action, &resolved)
    }

    /// The outcome that the cache has of an action, if it can be used.
    fn look_up(self, id: ActionId, key: &Digest) -> Result<Option<Outcome>, ActionError> {
        let cache = self.executor.cache;
        let Some(outcome) = cache.get(key, &self.graph[id])?.filter(|outcome| outcome.exit_code == 0) else {
            return Ok(None);
        };
        // What is handed out must be whole; the loss of anything else is noticed by whoever reads it.
        if !self.handed_out.contains(&id) {
            return Ok(Some(outcome));
        }
        cache.bring(&[outcome.tree], &[outcome.stdout, outcome.stderr])?;
        Ok(self.executor.store.is_complete(&outcome.tree)?.then_some(outcome))
    }

    fn run(
        self,
        action: &Action,
        job: &Job,
        tool: Option<&Tool>,
        found: &mut Found,
    ) -> Result<Digest, ActionError> {
        let executor = self.executor;
        let verb = action.verb.name();
        executor.watch.event(Event::Started { id: job.id, verb, description: &action.description });
        let outcome = match verbs::perform(job.id, action, &job.inputs, tool, executor) {
            Ok(outcome) => outcome,
            Err(error) => {
                if let ActionError::Exit { outcome, .. } = &error {
                    (found.outcome, found.ran) = (Some(**outcome), true);
                }
                return Err(error);
            }
        };
        // A verb that hands blobs on without reading them does not notice that they have gone.
        if job.force || self.handed_out.contains(&job.id) {
            executor.cache.bring(&[outcome.tree], &[])?;
            if let Some(lost) = executor.store.missing(&outcome.tree)?.first() {
                return Err(ActionError::Store(StoreError::Missing(*lost)));
            }
        }
        (found.outcome, found.ran) = (Some(outcome), true);
        Ok(outcome.tree)
    }
}
