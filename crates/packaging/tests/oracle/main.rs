//! Tags and markers as the library `packaging` has them, and complete platforms as pex writes them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod complete;
mod library;
mod markers;
mod tags;
