//! Executions from end to end, without a language: every verb, the cache, failures, repairs, processes and kills.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cache;
mod failures;
mod kept;
mod kill;
mod order;
mod processes;
mod repair;
mod rig;
mod verbs;
