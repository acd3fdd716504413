//! Queries by the finished program: the goals over the graph and the forms of their answers, and what a change affects, in
//! real git repositories.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped or measured is said")]

mod changes;
mod edits;
mod forms;
mod git;
mod goals;
mod history;
mod hostile;
mod locks;
mod oracle;
mod random;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;
mod revisions;
mod schema;
mod stopped;
