//! What every failure of an action can tell, whoever wrote the code that failed. Knows no verb and no language.

use std::error::Error;

/// Who has to do something about a failure; decides the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What was built is broken: the work was done as asked and did not succeed.
    Build,
    /// The request, a BUILD file, a lock or the configuration is wrong.
    Request,
    /// The machine failed: network, disk, a missing interpreter.
    Environment,
    /// This program is wrong.
    Bug,
}

/// A failure that crosses a seam of the engine as a trait object, with what the edge needs to explain it.
pub trait Failure: Error + Send + Sync + 'static {
    /// Stable name of the failure, such as `fetch::hash`.
    fn code(&self) -> &'static str;

    /// Who has to do something about it.
    fn fault(&self) -> Fault;

    /// What to do about it, where that is known.
    fn help(&self) -> Option<String> {
        None
    }
}
