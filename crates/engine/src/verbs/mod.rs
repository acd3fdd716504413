//! What each verb does: one file a verb. Knows neither schedule nor cache.

mod apply;
mod archive;
mod brought;
mod extract;
mod fetch;
mod merge;
mod run;
mod write;

use std::path::PathBuf;
use std::time::Instant;

pub use brought::brought;

use store::{Digest, Outcome, StoreError, TreeError};

use crate::action::{Action, ActionId, Verb};
use crate::archive::ArchiveError;
use crate::execute::Executor;
use crate::extract::{ExtractErrors, UnpackError};
use crate::failure::{Failure, Fault};
use crate::functions::{CallError, Functions};
use crate::seams::{RunError, Tool, Tools};

/// Why an action has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the workspace was edited since it was looked at, and the store has lost what it was.
    #[error("`{}` was changed while it was built", path.display())]
    Changed {
        /// The file, relative to the root.
        path: PathBuf,
    },
    /// A tree cannot hold what it should.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file could not be brought.
    #[error("{0}")]
    Fetch(Box<dyn Failure>),
    /// A zip file could not be read.
    #[error(transparent)]
    Extract(#[from] ExtractErrors),
    /// A zip file could not be written.
    #[error(transparent)]
    Archive(ArchiveError),
    /// Two inputs have different things at one path.
    #[error("two different files want to be `{path}`")]
    Conflict {
        /// The path.
        path: String,
        /// The numbers of the two inputs.
        inputs: (usize, usize),
    },
    /// A process could not be run.
    #[error(transparent)]
    Run(RunError),
    /// A process ended with something else than 0.
    #[error("{program} exited with status {}", outcome.exit_code)]
    Exit {
        /// The program.
        program: String,
        /// What it left.
        outcome: Box<Outcome>,
    },
    /// A tool is not to be had.
    #[error("{0}")]
    Tool(Box<dyn Failure>),
    /// A function found its input wrong.
    #[error("{0}")]
    Function(Box<dyn Failure>),
    /// An action names a function that nobody registered, or hands a verb what it cannot take.
    #[error("{0}")]
    Malformed(&'static str),
    /// The code that does it panicked.
    #[error("the program has a bug that stopped this step")]
    Panicked,
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl ActionError {
    /// Stable name of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            ActionError::Store(error) => error.code(),
            ActionError::Changed { .. } => "source::changed",
            ActionError::Tree(error) => error.code(),
            ActionError::Fetch(error) | ActionError::Tool(error) | ActionError::Function(error) => {
                error.code()
            }
            ActionError::Extract(errors) => errors.code(),
            ActionError::Archive(error) => error.code(),
            ActionError::Conflict { .. } => "merge::conflict",
            ActionError::Run(_) => "run::process",
            ActionError::Exit { .. } => "run::exit",
            ActionError::Malformed(_) => "action::malformed",
            ActionError::Panicked => "action::panicked",
            ActionError::Cancelled => "action::cancelled",
        }
    }

    /// Who has to do something about it.
    pub fn fault(&self) -> Fault {
        match self {
            ActionError::Fetch(error) | ActionError::Tool(error) | ActionError::Function(error) => {
                error.fault()
            }
            ActionError::Store(_) | ActionError::Changed { .. } => Fault::Environment,
            ActionError::Run(
                RunError::Spawn { .. }
                | RunError::Sandbox { .. }
                | RunError::Folder { .. }
                | RunError::Elsewhere { .. }
                | RunError::Store(_),
            ) => Fault::Environment,
            ActionError::Malformed(_) | ActionError::Panicked => Fault::Bug,
            _ => Fault::Build,
        }
    }

    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            ActionError::Store(error) => error.help(),
            ActionError::Changed { .. } => Some("build again".to_owned()),
            ActionError::Fetch(error) | ActionError::Tool(error) | ActionError::Function(error) => {
                error.help()
            }
            ActionError::Extract(errors) => errors.help(),
            ActionError::Archive(error) => error.help(),
            ActionError::Conflict { .. } => Some("remove one of the two, or rename it".to_owned()),
            _ => None,
        }
    }
}

impl From<CallError> for ActionError {
    fn from(error: CallError) -> ActionError {
        match error {
            CallError::Store(error) => ActionError::Store(error),
            CallError::Failed(failure) => ActionError::Function(failure),
        }
    }
}

impl From<UnpackError> for ActionError {
    fn from(error: UnpackError) -> ActionError {
        match error {
            UnpackError::Store(error) => ActionError::Store(error),
            UnpackError::Archive(errors) => ActionError::Extract(errors),
        }
    }
}

impl From<ArchiveError> for ActionError {
    fn from(error: ArchiveError) -> ActionError {
        match error {
            ArchiveError::Store(error) => ActionError::Store(error),
            error => ActionError::Archive(error),
        }
    }
}

impl From<RunError> for ActionError {
    fn from(error: RunError) -> ActionError {
        match error {
            RunError::Store(error) => ActionError::Store(error),
            RunError::Cancelled => ActionError::Cancelled,
            error => ActionError::Run(error),
        }
    }
}

/// The tool that an action starts from, if it starts from one.
pub(crate) fn tool(action: &Action, tools: &dyn Tools) -> Result<Option<Tool>, ActionError> {
    match &action.verb {
        Verb::Run(process) => {
            let tool = process.program.tool().map(|symbol| tools.tool(symbol));
            tool.transpose().map_err(ActionError::Tool)
        }
        _ => Ok(None),
    }
}

/// The version of the function that an action applies, if it applies one.
pub(crate) fn function_version(action: &Action, functions: &Functions) -> Option<u32> {
    match &action.verb {
        Verb::Apply { function, .. } => functions.get(function).map(|(version, _)| version),
        _ => None,
    }
}

/// Has another machine do what an action says; none where it has to be done here.
pub(crate) fn perform_elsewhere(
    action: &Action,
    inputs: &[Digest],
    anew: bool,
    executor: &Executor<'_>,
) -> Result<Option<Outcome>, ActionError> {
    match (&action.verb, executor.runner.elsewhere()) {
        (Verb::Run(process), Some(elsewhere)) => {
            run::perform_elsewhere(process, inputs, (elsewhere, anew), executor)
        }
        _ => Ok(None),
    }
}

/// Does what an action says.
pub(crate) fn perform(
    id: ActionId,
    action: &Action,
    inputs: &[Digest],
    tool: Option<&Tool>,
    executor: &Executor<'_>,
) -> Result<Outcome, ActionError> {
    let start = Instant::now();
    let store = executor.store;
    let tree = match &action.verb {
        Verb::Write(entries) => write::perform(entries, store)?,
        Verb::Fetch(download) => fetch::perform(id, download, executor)?,
        Verb::Extract => extract::perform(inputs, store)?,
        Verb::Merge { prefixes } => merge::perform(prefixes, inputs, store)?,
        Verb::Archive(archive) => archive::perform(archive, inputs, store)?,
        Verb::Run(process) => return run::perform(process, tool, inputs, executor),
        Verb::Apply { function, arguments } => apply::perform(function, arguments, inputs, executor)?,
    };
    Ok(Outcome::success(tree, store.function(), start.elapsed()))
}
