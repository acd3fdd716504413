//! The verb `apply`: a tree that a registered function computes.

use store::Digest;

use super::ActionError;
use crate::execute::Executor;
use crate::functions::Call;

pub(super) fn perform(
    function: &str,
    arguments: &[u8],
    inputs: &[Digest],
    executor: &Executor<'_>,
) -> Result<Digest, ActionError> {
    let Some((_, call)) = executor.functions.get(function) else {
        return Err(ActionError::Malformed("an action applies a function that is not registered"));
    };
    Ok(call(&Call { store: executor.store, arguments, inputs })?)
}
