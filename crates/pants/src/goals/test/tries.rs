//! The runs of the tests of a file: one, as many as were asked for, or further ones after a failure.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use engine::{ActionError, ActionFailure, ActionId, Execution, Finish, RunError};
use python::Test;
use store::{Digest, Outcome};

use crate::build::Plan;
use crate::diagnostic::Diagnostic;
use crate::report::Report;

/// How a run of the tests of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Failed,
    TimedOut,
    /// They did not run: something that they need failed.
    Skipped,
}

/// One run of the tests of a file.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) status: Status,
    pub(super) cached: bool,
    pub(super) duration: Duration,
    /// What the process left, where it came to an end.
    pub(super) outcome: Option<Outcome>,
    /// What a process said that was ended.
    pub(super) said: String,
    /// The key of the run, where it came to that.
    pub(super) key: Option<Digest>,
}

/// How often tests run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Often {
    /// So often in any case, where that was asked for.
    pub(super) runs: Option<u32>,
    /// So often at most after a failure, where the target says nothing itself.
    pub(super) retries: u32,
    /// Also where they have passed.
    pub(super) force: bool,
}

impl Often {
    /// Whether they run whatever has passed.
    pub(super) fn forces(self) -> bool {
        self.force || self.runs.is_some()
    }
}

/// What all runs came to.
#[derive(Default)]
pub(super) struct Tried {
    /// The runs of each test, in the order of the tests.
    pub(super) tries: Vec<Vec<Try>>,
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
            Status::Skipped => "skipped",
        }
    }
}

/// Whether it is the tests that failed, and not something that they need.
fn is_of_tests(failure: &ActionFailure, tests: &BTreeSet<ActionId>) -> bool {
    tests.contains(&failure.id)
        && matches!(&*failure.error, ActionError::Exit { .. } | ActionError::Run(RunError::Timeout { .. }))
}

/// What became of tests, each by its actions, of which `first` is the execution; those that have failed and may be tried
/// again run once more. What is in the cache of `fresh` ones came there in this run.
pub(super) fn carry_out(
    plan: &Plan<'_>,
    tests: &[Test],
    (actions, fresh): (&[Vec<ActionId>], &BTreeSet<ActionId>),
    (often, first): (Often, Execution),
    report: &mut Report,
) -> Result<Tried, Vec<Diagnostic>> {
    let mut tried = Tried { tries: vec![Vec::new(); tests.len()], ..Tried::default() };
    let mut round: Vec<(usize, ActionId)> = Vec::new();
    for (test, actions) in actions.iter().enumerate() {
        round.extend(actions.iter().map(|action| (test, *action)));
    }
    let mut first = Some(first);
    while !round.is_empty() && !tried.cancelled {
        let roots: Vec<ActionId> = round.iter().map(|(_, action)| *action).collect();
        let started: BTreeSet<ActionId> = roots.iter().copied().collect();
        let mut execution = first.take().map_or_else(|| plan.execute(&roots, true), Ok)?;
        report.add(&execution);
        let (of_tests, others): (Vec<_>, Vec<_>) = std::mem::take(&mut execution.failures)
            .into_iter()
            .partition(|failure| is_of_tests(failure, &started));
        let of_tests: HashMap<ActionId, ActionFailure> =
            of_tests.into_iter().map(|failure| (failure.id, failure)).collect();
        for (test, action) in &round {
            let mut one = Try::of(*action, &execution, of_tests.get(action));
            one.cached &= !fresh.contains(action);
            tried.tries[*test].push(one);
        }
        tried.failures.extend(others);
        tried.cancelled = execution.cancelled;
        let has_retries = |test: usize| {
            let tries = &tried.tries[test];
            let most = tests[test].retries.unwrap_or(often.retries);
            let has_failed = tries.last().is_some_and(|last| last.status.is_bad());
            often.runs.is_none() && has_failed && tries.len() <= usize::try_from(most).unwrap_or(usize::MAX)
        };
        round.retain(|(test, _)| has_retries(*test));
    }
    Ok(tried)
}

impl Try {
    fn of(action: ActionId, execution: &Execution, failure: Option<&ActionFailure>) -> Try {
        let mut one = Try {
            status: Status::Skipped,
            cached: false,
            duration: Duration::ZERO,
            outcome: None,
            said: String::new(),
            key: failure.map_or_else(|| execution.keys.get(&action).copied(), |failure| failure.key),
        };
        match failure.map(|failure| &*failure.error) {
            Some(ActionError::Exit { outcome, .. }) => {
                (one.status, one.outcome) = (Status::Failed, Some(**outcome));
            }
            Some(ActionError::Run(RunError::Timeout { limit, said, .. })) => {
                (one.status, one.duration) = (Status::TimedOut, *limit);
                one.said.clone_from(said);
            }
            _ => {
                if let Some((outcome, how)) = execution.outcomes.get(&action) {
                    (one.status, one.outcome) = (Status::Passed, Some(*outcome));
                    one.cached = *how == Finish::Cached;
                }
            }
        }
        if let Some(outcome) = one.outcome {
            one.duration = outcome.duration;
        }
        one
    }
}
