//! The verb `run`: a process, which is the runner's business; a status other than 0 is a failure, and recorded.

use store::{Digest, Outcome};

use super::ActionError;
use crate::action::Process;
use crate::execute::Executor;
use crate::seams::{Elsewhere, Tool};

pub(super) fn perform(
    process: &Process,
    tool: Option<&Tool>,
    inputs: &[Digest],
    executor: &Executor<'_>,
) -> Result<Outcome, ActionError> {
    check(process, inputs)?;
    succeeded(process, executor.runner.run(process, tool, inputs, executor.store, executor.cancel)?)
}

/// The same on another machine, with `anew` also where the outcome is known there; none where that cannot be.
pub(super) fn perform_elsewhere(
    process: &Process,
    inputs: &[Digest],
    (elsewhere, anew): (&dyn Elsewhere, bool),
    executor: &Executor<'_>,
) -> Result<Option<Outcome>, ActionError> {
    check(process, inputs)?;
    let outcome = elsewhere.run(process, inputs, anew, executor.store, executor.cancel)?;
    outcome.map(|outcome| succeeded(process, outcome)).transpose()
}

fn check(process: &Process, inputs: &[Digest]) -> Result<(), ActionError> {
    match inputs.len() == 1 + usize::from(process.shared.is_some()) {
        true => Ok(()),
        false => Err(ActionError::Malformed("a process has one input, and one more that it shares")),
    }
}

fn succeeded(process: &Process, outcome: Outcome) -> Result<Outcome, ActionError> {
    if outcome.exit_code == 0 {
        return Ok(outcome);
    }
    let program = process.program.name().to_owned();
    Err(ActionError::Exit { program, outcome: Box::new(outcome) })
}
