//! Evaluates BUILD files into targets: the only crate that knows Starlark.

mod advice;
mod build_names;
mod call;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod context;
mod defaults;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod dependency_rules;
mod dialect;
mod earlier;
mod error;
mod evaluate;
mod files;
mod foreign;
mod globals;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod globs;
mod ignored;
mod left_out;
mod listing;
mod load;
mod memory;
mod modules;
mod nesting;
mod options;
mod overrides;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod parametrize;
mod places;
mod read;
mod snapshot;
mod sources;
pub mod text;
#[allow(unsafe_code, reason = "the derives of starlark make unsafe impls of marker traits")]
mod values;

pub use earlier::{Earlier, Packages, load_earlier};
pub use error::{LoadError, Problem};
pub use files::{Files, files, folders};
pub use ignored::may_differ;
pub use load::{Loaded, load};
pub use memory::{CountingAllocator, is_evaluating};
pub use options::{Limits, Options, Unmatched};
