//! Builds by the finished program: what runs again and what does not, the same bytes everywhere, kills at any instant,
//! several builds at once, and what the PEX files do.
//!
//! A test that needs what a machine may lack (the PEX runtime, interpreters) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped or measured is said")]

mod acceptance;
mod again;
mod checkout;
mod doctor;
mod ended;
mod explained;
mod forms;
mod generated;
mod incremental;
#[path = "../bad_input/index.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod index;
mod inference;
mod inside;
mod installed;
mod interrupted;
mod kept;
mod recorded;
mod remembered;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;
mod reproducible;
#[path = "../queries/schema.rs"]
mod schema;
mod source_distributions;
mod start;
#[path = "../bad_input/zip.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod zip;
