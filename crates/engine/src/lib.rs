//! Actions, keys, the schedule and the processes: no language, no network.
//!
//! A rule adds [`Action`]s to an [`ActionGraph`]; [`execute()`] runs what is not in the cache. What the engine cannot
//! know is behind the traits [`Fetch`], [`Runner`], [`Cache`], [`Tools`], [`Sources`] and [`Watch`].

mod action;
pub mod archive;
mod execute;
pub mod extract;
mod failure;
mod foresee;
mod functions;
mod kept;
mod key;
mod output;
mod process;
mod races;
mod room;
mod sandbox;
mod schedule;
mod seams;
mod settle;
mod shared;
pub mod size;
mod verbs;

pub use action::{
    Action, ActionGraph, ActionId, Archive, Download, Input, Keeps, Literal, Members, Needs, Origin, Process,
    Program, Site, Verb,
};
pub use archive::Packing;
pub use execute::{ActionFailure, Execution, Executor, execute};
pub use failure::{Failure, Fault};
pub use foresee::{Foreseen, foresee};
pub use functions::{Call, CallError, Function, Functions};
pub use key::{Resolved, explain, key};
pub use process::{Ended, LocalRunner, Said, run_and_answer, run_and_listen, run_to_end};
pub use sandbox::{
    Bounds, ENTER, Excess, Found, Keep, Level, Sandbox, UnknownLevel, WORK, enter, undeclared,
};
pub use seams::{
    Cache, Cancel, Elsewhere, Event, Fetch, Finish, RunError, Runner, Sources, Tool, Tools, Watch,
};
pub use verbs::{ActionError, brought};
