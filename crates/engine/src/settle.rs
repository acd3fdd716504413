//! What workers do: looks an action up in the cache and, failing that, runs it. Knows nothing of the schedule.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{Digest, Outcome, StoreError};

use crate::action::{Action, ActionGraph, ActionId, Verb};
use crate::execute::Executor;
use crate::key::{Resolved, key};
use crate::races::RaceId;
use crate::schedule::Lane;
use crate::seams::{Cancel, Event, Tool};
use crate::verbs::{self, ActionError};

/// An action that is ready.
pub(crate) struct Job {
    pub(crate) id: ActionId,
    pub(crate) inputs: Vec<Digest>,
    /// Whether it runs, whatever is in the cache.
    pub(crate) force: bool,
    /// Whether it runs elsewhere.
    pub(crate) away: bool,
    /// What was found out when it was looked up before, in vain.
    pub(crate) missed: Option<Missed>,
    /// Which race it is in, and who asks it alone to stop.
    pub(crate) race: Option<RaceId>,
    pub(crate) cancel: Option<Arc<Cancel>>,
}

/// An action that was looked up and is not in the cache.
#[derive(Clone)]
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
    /// It cannot run elsewhere.
    Stays,
}

pub(crate) struct Answer {
    pub(crate) id: ActionId,
    pub(crate) step: Step,
    pub(crate) found: Found,
    pub(crate) duration: Duration,
    /// From whom it is.
    pub(crate) post: Post,
    /// Which race it is the end of, and whether it ran elsewhere.
    pub(crate) race: Option<RaceId>,
    pub(crate) was_away: bool,
}

/// What a worker is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Post {
    /// Keeps a processor busy.
    Processor,
    /// Waits for downloads.
    Network,
    /// Waits for the cache: only looks actions up.
    Lookup,
    /// Waits for another machine.
    Elsewhere,
}

impl Post {
    pub(crate) const ALL: [Post; 4] = [Post::Processor, Post::Network, Post::Lookup, Post::Elsewhere];

    /// Who runs actions of a lane.
    pub(crate) fn of(lane: Lane) -> Post {
        match lane {
            Lane::Processor => Post::Processor,
            Lane::Network => Post::Network,
        }
    }
}

/// What a worker knows besides its jobs.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'w> {
    pub(crate) graph: &'w ActionGraph,
    /// The actions whose trees are handed out, and so have to be whole.
    pub(crate) handed_out: &'w HashSet<ActionId>,
    pub(crate) executor: &'w Executor<'w>,
    pub(crate) post: Post,
}

impl Worker<'_> {
    /// Takes jobs until there can be no more.
    pub(crate) fn work(self, queue: &Mutex<Receiver<Job>>, answers: &Sender<Answer>) {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let (id, start) = (job.id, Instant::now());
            let (race, was_away) = (job.race, job.away);
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
                post: self.post,
                race,
                was_away,
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
        let only_looks_up = self.post == Post::Lookup;
        if only_looks_up || self.executor.cache.lookups() == 0 {
            if !job.force
                && let Some(outcome) = self.look_up(job.id, &key)?
            {
                found.outcome = Some(outcome);
                return Ok(Step::Settled(Ok(outcome.tree)));
            }
            if only_looks_up {
                // A tree of trees is made without the files.
                if !job.away && !matches!(action.verb, Verb::Merge { .. }) {
                    self.executor.cache.bring(&job.inputs, &[])?;
                }
                job.missed = Some(Missed { key, tool, duration: start.elapsed() });
                return Ok(Step::Missed(job));
            }
        }
        let tree = self.run(action, &job, tool.as_ref(), found)?;
        Ok(tree.map_or(Step::Stays, |tree| Step::Settled(Ok(tree))))
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
    ) -> Result<Option<Digest>, ActionError> {
        let cancel = job.cancel.as_deref().unwrap_or(self.executor.cancel);
        let executor = &Executor { cancel, ..*self.executor };
        let verb = action.verb.name();
        // Who joins a race does not start the action.
        if job.race.is_none() || job.away {
            executor.watch.event(Event::Started { id: job.id, verb, description: &action.description });
        }
        let performed = match job.away {
            true => verbs::perform_elsewhere(action, &job.inputs, job.force, executor),
            false => verbs::perform(job.id, action, &job.inputs, tool, executor).map(Some),
        };
        let outcome = match performed {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Ok(None),
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
                // Here it stays.
                if job.away {
                    return Ok(None);
                }
                return Err(ActionError::Store(StoreError::Missing(*lost)));
            }
        }
        (found.outcome, found.ran) = (Some(outcome), true);
        Ok(Some(outcome.tree))
    }
}
