//! Images, unpacked and started by others, put into a registry that really runs, and the same everywhere.
//!
//! The base is made of Debian's packages, and the tools are Debian's too. A test that needs what a machine lacks, and that
//! cannot be installed, prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped or measured is said")]

mod base;
#[path = "../builds/checkout.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod checkout;
mod failing;
#[path = "../bad_input/index.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod index;
mod published;
mod refused;
mod registry;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;
mod service;
mod started;
mod tools;
#[path = "../bad_input/zip.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod zip;
