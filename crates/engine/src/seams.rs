//! What the engine needs and cannot know itself, as traits: other machines, caches, tools, and who is watching.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::{Digest, Outcome, ProcessUsage, Store, StoreError};

use crate::action::{Action, ActionId, Download, Process};
use crate::failure::Failure;
use crate::sandbox::Excess;

/// Brings files from elsewhere.
pub trait Fetch: Sync {
    /// Puts the content of `download` into `store`, having checked its SHA-256 and its size, and gives its digest.
    /// `progress` is told the bytes so far and, once known, the total.
    ///
    /// # Errors
    /// Whatever kept the file from arriving whole; nothing of it is kept then.
    fn fetch(
        &self,
        download: &Download,
        store: &Store,
        cancel: &Cancel,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<Digest, Box<dyn Failure>>;
}

/// Runs processes, here or elsewhere.
pub trait Runner: Sync {
    /// Runs `process` here, in a folder that holds the first of `inputs`, and keeps its outputs in `store`.
    /// A non-zero exit is an outcome, not an error.
    ///
    /// # Errors
    /// When it could not be run, did not end in time, or did not make what it declared.
    fn run(
        &self,
        process: &Process,
        tool: Option<&Tool>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError>;

    /// Where processes run that do not run here, if there is such a place.
    fn elsewhere(&self) -> Option<&dyn Elsewhere> {
        None
    }
}

/// Runs processes on other machines.
pub trait Elsewhere: Sync {
    /// How many processes run there at once.
    fn places(&self) -> usize;

    /// Whether `process` is to run there. Of its inputs it needs the directories alone here, and no files.
    fn takes(&self, process: &Process) -> bool;

    /// Runs `process` there as [`Runner::run`] does here, with `anew` also where the outcome is known there; none where it
    /// has to run here instead. The files that it makes need not be here.
    ///
    /// # Errors
    /// When it did not end in time, or did not make what it declared, or could not be run there and may not run here.
    fn run(
        &self,
        process: &Process,
        inputs: &[Digest],
        anew: bool,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Option<Outcome>, RunError>;

    /// How long a process has run there before it starts here as well, on a processor that is idle; none: it does not.
    fn head_start(&self) -> Option<Duration> {
        None
    }
}

/// Keeps the outcomes of actions by their keys.
pub trait Cache: Sync {
    /// The outcome of `action` that was kept under `key`, if any. The directories of its tree are here, its files need not be.
    ///
    /// # Errors
    /// When the cache cannot be read at all; an entry that is damaged counts as absent.
    fn get(&self, key: &Digest, action: &Action) -> Result<Option<Outcome>, StoreError>;

    /// Keeps the `outcome` of `action` under `key`.
    ///
    /// # Errors
    /// When the cache cannot be written.
    fn put(&self, key: &Digest, action: &Action, outcome: &Outcome) -> Result<(), StoreError>;

    /// How many actions are looked up at once, beside those that run; 0 where looking up is no wait.
    fn lookups(&self) -> usize {
        0
    }

    /// Brings what is not here of some trees and single blobs, as far as it can be had. Whoever reads the rest finds it
    /// missing.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn bring(&self, _trees: &[Digest], _blobs: &[Digest]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The cache on this machine.
impl Cache for Store {
    fn get(&self, key: &Digest, _action: &Action) -> Result<Option<Outcome>, StoreError> {
        self.outcome(key)
    }

    fn put(&self, key: &Digest, _action: &Action, outcome: &Outcome) -> Result<(), StoreError> {
        self.put_outcome(key, outcome)
    }
}

/// Maps the symbols of tools to what stands behind them here.
pub trait Tools: Sync {
    /// The tool called `symbol`.
    ///
    /// # Errors
    /// When this machine has no such tool.
    fn tool(&self, symbol: &str) -> Result<Tool, Box<dyn Failure>>;
}

/// A tool of this machine.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Where it is. Never part of a key.
    pub path: PathBuf,
    /// What it is: implementation, full version and ABI. Part of the key.
    pub identity: String,
    /// Files and folders outside the system's own that it reads to run at all, without links on the way to them.
    pub needs: Vec<PathBuf>,
}

/// The files of the workspace that inputs were made of, to bring back what the store has lost of them.
pub trait Sources: Sync {
    /// Puts the source whose content has this digest into the store again; false where there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn restore(&self, digest: &Digest) -> Result<bool, StoreError>;

    /// The path, relative to the root, of a file that had this content when it was looked at.
    fn path_of(&self, digest: &Digest) -> Option<PathBuf>;
}

/// Who is told what happens while it happens.
pub trait Watch: Sync {
    /// Takes the next event. Called from several threads.
    fn event(&self, event: Event<'_>);
}

/// What happens during an execution.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The number of actions is known.
    Planned {
        /// All actions of the request.
        actions: usize,
    },
    /// An action was not in the cache and starts.
    Started {
        /// Which.
        id: ActionId,
        /// The name of its verb.
        verb: &'static str,
        /// What it does, for people.
        description: &'a str,
    },
    /// A download went on.
    Progress {
        /// Which action.
        id: ActionId,
        /// Bytes so far.
        done: u64,
        /// All bytes, where known.
        total: Option<u64>,
    },
    /// An action is settled.
    Finished {
        /// Which.
        id: ActionId,
        /// How it ended.
        how: Finish,
        /// How long it took.
        duration: Duration,
        /// Its key, where it came to that.
        key: Option<Digest>,
        /// What it took of the machine, where it ran and that is known.
        usage: Option<ProcessUsage>,
        /// Whether it ran on another machine.
        elsewhere: bool,
    },
}

/// Two that watch the same.
impl<A: Watch, B: Watch> Watch for (&A, &B) {
    fn event(&self, event: Event<'_>) {
        self.0.event(event);
        self.1.event(event);
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Its outcome was in the cache.
    Cached,
    /// It ran and succeeded.
    Ran,
    /// It failed.
    Failed,
    /// It was ended, since it took longer than it may.
    TimedOut,
    /// Something that it needs failed, or the request was cancelled.
    Skipped,
}

/// Asks everything that runs to stop; shared, and never taken back.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Not cancelled.
    pub const fn new() -> Cancel {
        Cancel(AtomicBool::new(false))
    }

    /// Asks to stop. Only sets a flag, so that a signal handler may call it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a process has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed, or lacks a part of the input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder that it runs in could not be made or read.
    #[error("cannot prepare the folder of a process at `{}`", path.display())]
    Folder {
        /// Which path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program could not be started.
    #[error("cannot start `{program}`")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its sandbox could not be set up, or the program not be started in it.
    #[error("cannot run `{program}` in a sandbox: {reason}")]
    Sandbox {
        /// The program.
        program: String,
        /// Which step failed, and why.
        reason: String,
    },
    /// It ran longer than it may.
    #[error("`{program}` was stopped after {} seconds", limit.as_secs_f64())]
    Timeout {
        /// The program.
        program: String,
        /// How long it may run.
        limit: Duration,
        /// What it had said by then on its standard output and, after that, on its standard error.
        said: String,
    },
    /// It took more of the machine than it may.
    #[error("`{program}` was stopped: {excess}")]
    Excess {
        /// The program.
        program: String,
        /// What it took too much of.
        excess: Excess,
        /// What it had said by then on its standard output and, after that, on its standard error.
        said: String,
    },
    /// It succeeded without making what it declared.
    #[error("`{program}` succeeded but did not make {}", missing.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", "))]
    Outputs {
        /// The program.
        program: String,
        /// The declared paths that are not there.
        missing: Vec<String>,
    },
    /// It could not be run elsewhere, and may not run here.
    #[error("`{program}` did not run on a worker: {reason}")]
    Elsewhere {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// A path that it made cannot be kept.
    #[error(
        "`{program}` made `{path}`, which is neither a file, a folder nor a symbolic link with a UTF-8 name"
    )]
    Kind {
        /// The program.
        program: String,
        /// The path.
        path: String,
    },
    /// The request was cancelled.
    #[error("cancelled")]
    Cancelled,
}
