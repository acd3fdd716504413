//! Distributions of own code by the finished program: who owns what, versions, the same bytes everywhere, what other
//! tools say of them, publishing, and a PEX without BUILD files.
//!
//! A test that needs what a machine may lack (git, the network) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod addresses;
mod constraints;
mod contents;
mod errors;
mod install;
mod pex;
mod publish;
#[path = "../bad_input/repository.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod repository;
mod shop;
mod tools;
mod versions;
