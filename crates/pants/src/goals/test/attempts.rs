//! The runs of the tests of a file: one, as many as were asked for, or further ones after a failure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use engine::{ActionError, ActionFailure, ActionId, Execution, Finish, RunError};
use python::{Test, TestBatch};
use store::{Digest, Outcome, Store};

use crate::build::Plan;
use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::session::failed;

/// What is said of a process that called its end a success and left no report.
pub(super) const ENDED_EARLY: &str = "the process ended before pytest did";

/// How a run of the tests of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Failed,
    TimedOut,
    /// Something that they need failed, or the request was cancelled.
    NotRun,
}

/// One run of the tests of a file.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) status: Status,
    pub(super) cached: bool,
    pub(super) duration: Duration,
    /// What the process left, where it came to an end.
    pub(super) outcome: Option<Outcome>,
    /// What a process said that was ended, or what is said of one that left nothing.
    pub(super) said: String,
    /// Why it was ended, where its bounds are the reason.
    pub(super) reason: Option<String>,
    /// The key of the run, where it came to that and the file ran alone.
    pub(super) key: Option<Digest>,
}

/// How often tests run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeats {
    /// So often in any case, where that was asked for.
    pub(super) runs: Option<u32>,
    /// So often at most after a failure, where the target says nothing itself.
    pub(super) retries: u32,
    /// Also where they have passed.
    pub(super) force: bool,
}

impl Repeats {
    /// Whether they run whatever has passed.
    pub(super) fn forces(self) -> bool {
        self.force || self.runs.is_some()
    }
}

/// The tests that run, and the actions that do that.
pub(super) struct Runs<'a> {
    pub(super) tests: &'a [Test],
    /// The actions of each test: one, or as many as were asked for.
    pub(super) actions: &'a [Vec<ActionId>],
    /// Those that share a process.
    pub(super) batches: &'a [TestBatch],
    pub(super) repeats: Repeats,
}

/// What all runs came to.
#[derive(Default)]
pub(super) struct Attempts {
    /// The runs of each test, in the order of the tests.
    pub(super) of_tests: Vec<Vec<Attempt>>,
    /// What failed and is no test.
    pub(super) failures: Vec<ActionFailure>,
    pub(super) cancelled: bool,
}

impl Status {
    /// Whether the tests themselves did not pass.
    pub(super) fn is_bad(self) -> bool {
        matches!(self, Status::Failed | Status::TimedOut)
    }

    /// The name for programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::TimedOut => "timed_out",
            Status::NotRun => "not_run",
        }
    }
}

impl Runs<'_> {
    /// The files whose tests each action runs.
    pub(super) fn files_of_actions(&self) -> BTreeMap<ActionId, Vec<String>> {
        let alone = self.tests.iter().zip(self.actions);
        let alone =
            alone.flat_map(|(test, actions)| actions.iter().map(|action| (*action, vec![test.path.clone()])));
        let batches = self.batches.iter().map(|batch| {
            let paths = batch.tests.iter().map(|test| self.tests[*test].path.clone());
            (batch.action, paths.collect())
        });
        alone.chain(batches).collect()
    }

    /// The actions that run first.
    pub(super) fn first(&self) -> Vec<ActionId> {
        self.round().roots()
    }

    /// What runs first: files in batches, and alone what is in none.
    fn round(&self) -> Round<'_> {
        let mut in_batches = vec![false; self.tests.len()];
        for test in self.batches.iter().flat_map(|batch| &batch.tests) {
            in_batches[*test] = true;
        }
        let alone = (0..self.tests.len()).filter(|test| !in_batches[*test]).flat_map(|test| self.own(test));
        Round { alone: alone.collect(), batches: self.batches, force: self.repeats.forces() }
    }

    /// The actions of a test alone.
    fn own(&self, test: usize) -> impl Iterator<Item = (usize, ActionId)> {
        self.actions[test].iter().map(move |action| (test, *action))
    }

    /// What became of all tests, of which `execution` is the first: alone runs what did not pass in a batch, and once more what
    /// failed and may be tried again.
    pub(super) fn carry_out(
        &self,
        plan: &Plan<'_>,
        mut execution: Execution,
        store: &Store,
        report: &mut Report,
    ) -> Result<Attempts, Vec<Diagnostic>> {
        let mut attempts = Attempts { of_tests: vec![Vec::new(); self.tests.len()], ..Attempts::default() };
        let mut round = self.round();
        report.add(&execution);
        loop {
            let left = round.end(&mut execution, store, &mut attempts)?;
            round = if left.is_empty() {
                let again = (0..self.tests.len()).filter(|test| self.may_run_again(*test, &attempts));
                Round { alone: again.flat_map(|test| self.own(test)).collect(), batches: &[], force: true }
            } else {
                let alone = left.into_iter().flat_map(|test| self.own(test)).collect();
                Round { alone, batches: &[], force: false }
            };
            if round.alone.is_empty() || attempts.cancelled {
                return Ok(attempts);
            }
            execution = round.execute(plan)?;
            report.add_run(&execution);
        }
    }

    /// Whether a test has failed, and not yet as often as it may.
    fn may_run_again(&self, test: usize, attempts: &Attempts) -> bool {
        let attempts = &attempts.of_tests[test];
        let most = self.tests[test].retries.unwrap_or(self.repeats.retries);
        let has_failed = attempts.last().is_some_and(|last| last.status.is_bad());
        self.repeats.runs.is_none()
            && has_failed
            && attempts.len() <= usize::try_from(most).unwrap_or(usize::MAX)
    }
}

/// What runs at once.
struct Round<'a> {
    /// Tests in processes of their own.
    alone: Vec<(usize, ActionId)>,
    batches: &'a [TestBatch],
    /// Whether they run whatever is in the cache.
    force: bool,
}

impl Round<'_> {
    fn roots(&self) -> Vec<ActionId> {
        let alone = self.alone.iter().map(|(_, action)| *action);
        alone.chain(self.batches.iter().map(|batch| batch.action)).collect()
    }

    fn execute(&self, plan: &Plan<'_>) -> Result<Execution, Vec<Diagnostic>> {
        plan.execute(&self.roots(), self.force)
    }

    /// Adds how each test ended. Gives those that did not pass in their batch, which says nothing of them yet.
    fn end(
        &self,
        execution: &mut Execution,
        store: &Store,
        attempts: &mut Attempts,
    ) -> Result<Vec<usize>, Vec<Diagnostic>> {
        attempts.cancelled = execution.cancelled;
        let run: BTreeSet<ActionId> = self.roots().into_iter().collect();
        let (of_tests, others): (Vec<_>, Vec<_>) = std::mem::take(&mut execution.failures)
            .into_iter()
            .partition(|failure| run.contains(&failure.id) && is_of_tests(failure));
        attempts.failures.extend(others);
        let of_tests: HashMap<ActionId, ActionFailure> =
            of_tests.into_iter().map(|failure| (failure.id, failure)).collect();
        for (test, action) in &self.alone {
            attempts.of_tests[*test].push(Attempt::alone(*action, execution, of_tests.get(action)));
        }
        let mut left = Vec::new();
        for batch in self.batches {
            let mut ended: HashMap<usize, Attempt> = HashMap::new();
            if let Some((outcome, how)) = execution.outcomes.get(&batch.action) {
                for (test, outcome) in batch.passed(store, outcome).map_err(failed)? {
                    ended.insert(test, Attempt::passed(outcome, *how));
                }
            } else if !of_tests.contains_key(&batch.action) {
                ended.extend(batch.tests.iter().map(|test| (*test, Attempt::not_run())));
            }
            for test in &batch.tests {
                match ended.remove(test) {
                    Some(attempt) => attempts.of_tests[*test].push(attempt),
                    None => left.push(*test),
                }
            }
        }
        Ok(left)
    }
}

/// Whether it is the tests that failed, and not something that they need.
fn is_of_tests(failure: &ActionFailure) -> bool {
    matches!(
        &*failure.error,
        ActionError::Exit { .. }
            | ActionError::Run(RunError::Timeout { .. } | RunError::Excess { .. } | RunError::Outputs { .. })
    )
}

impl Attempt {
    /// One that has passed before.
    pub(super) fn remembered(duration: Duration, key: Option<Digest>) -> Attempt {
        Attempt { status: Status::Passed, cached: true, duration, key, ..Attempt::not_run() }
    }

    fn not_run() -> Attempt {
        Attempt {
            status: Status::NotRun,
            cached: false,
            duration: Duration::ZERO,
            outcome: None,
            said: String::new(),
            reason: None,
            key: None,
        }
    }

    fn passed(outcome: Outcome, how: Finish) -> Attempt {
        Attempt {
            status: Status::Passed,
            cached: how == Finish::Cached,
            duration: outcome.duration,
            outcome: Some(outcome),
            ..Attempt::not_run()
        }
    }

    /// How the action of a file that runs alone ended; `failure` is that of the tests, where they failed.
    fn alone(action: ActionId, execution: &Execution, failure: Option<&ActionFailure>) -> Attempt {
        let attempt = match failure.map(|failure| &*failure.error) {
            Some(ActionError::Exit { outcome, .. }) => Attempt {
                status: Status::Failed,
                duration: outcome.duration,
                outcome: Some(**outcome),
                ..Attempt::not_run()
            },
            Some(ActionError::Run(RunError::Timeout { limit, said, .. })) => Attempt {
                status: Status::TimedOut,
                duration: *limit,
                said: said.clone(),
                ..Attempt::not_run()
            },
            Some(ActionError::Run(RunError::Excess { excess, said, .. })) => Attempt {
                status: Status::Failed,
                said: said.clone(),
                reason: Some(format!("the process was stopped: {excess}")),
                ..Attempt::not_run()
            },
            Some(ActionError::Run(RunError::Outputs { .. })) => {
                Attempt { status: Status::Failed, said: ENDED_EARLY.to_owned(), ..Attempt::not_run() }
            }
            _ => match execution.outcomes.get(&action) {
                Some((outcome, how)) => Attempt::passed(*outcome, *how),
                None => Attempt::not_run(),
            },
        };
        let key = failure.map_or_else(|| execution.keys.get(&action).copied(), |failure| failure.key);
        Attempt { key, ..attempt }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Attempt, Status};

    /// An attempt that ended so.
    pub(in super::super) fn ended(status: Status) -> Attempt {
        Attempt { status, ..Attempt::not_run() }
    }
}
