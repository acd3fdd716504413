//! PEX files made of real parts: started by real interpreters, read by the runtime's own tools.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod agreement;
mod boots;
mod declines;
mod measure;
mod pip;
mod preamble;
mod races;
mod several;
mod sh;
mod start;
mod steps;
mod support;
mod tools;
mod trees;
mod unwritable;
