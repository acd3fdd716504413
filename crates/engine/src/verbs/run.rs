//! The verb `run`: a process, which is the runner's business; a status other than 0 is a failure, and recorded.

use store::{Digest, Outcome};

use super::ActionError;
use crate::action::Process;
use crate::execute::Executor;
use crate::seams::Tool;

pub(super) fn perform(
    process: &Process,
    tool: Option<&Tool>,
    inputs: &[Digest],
    executor: &Executor<'_>,
) -> Result<Outcome, ActionError> {
    if inputs.len() != 1 + usize::from(process.shared.is_some()) {
        return Err(ActionError::Malformed("a process has one input, and one more that it shares"));
    }
    let outcome = executor.runner.run(process, tool, inputs, executor.store, executor.cancel)?;
    if outcome.exit_code == 0 {
        return Ok(outcome);
    }
    let program = process.program.name().to_owned();
    Err(ActionError::Exit { program, outcome: Box::new(outcome) })
}
