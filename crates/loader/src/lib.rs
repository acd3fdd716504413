//! Evaluates BUILD files into targets: the only crate that knows Starlark.

mod advice;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod context;
mod earlier;
mod error;
mod evaluate;
mod files;
mod globals;
mod ignored;
mod left_out;
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
pub mod text;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod values;

pub use earlier::{Earlier, Packages, load_earlier};
pub use error::{LoadError, Problem};
pub use files::{Files, files};
pub use ignored::may_differ;
pub use load::{Loaded, load};
pub use memory::{CountingAllocator, is_evaluating};
pub use options::{Limits, Options};
