//! Evaluates BUILD files into targets: the only crate that knows Starlark.

mod advice;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod context;
mod error;
mod evaluate;
mod globals;
mod ignored;
mod listing;
mod load;
mod memory;
mod modules;
mod nesting;
mod options;
mod places;
mod read;
mod snapshot;
mod sources;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod values;

pub use error::{LoadError, Problem};
pub use load::{Loaded, load};
pub use memory::{CountingAllocator, is_evaluating};
pub use options::{Limits, Options};
