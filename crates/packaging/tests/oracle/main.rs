//! Tags and markers as the library `packaging` has them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod library;
mod markers;
mod tags;
