//! The imports that are read from sources: the same as Python's own parser finds, and bounded whatever the bytes are.
//!
//! A test that needs what a machine may lack (interpreters) prints `skipped: <test>: <why>`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod hostile;
mod oracle;
mod statements;
