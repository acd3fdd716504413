//! Wheels (PEP 427): their names, and what is inside; knows no index and no cache.

mod archive;
mod entry_points;
mod error;
mod filename;
mod inspect;
mod metadata;
mod modules;

#[cfg(test)]
mod tests;

pub use archive::{Entry, Limits};
pub use entry_points::{EntryPoint, EntryPoints};
pub use error::{WheelError, WheelFault};
pub use filename::{WheelFilename, WheelFilenameError, best};
pub use inspect::{WheelContents, inspect};
pub use metadata::Metadata;
pub(crate) use metadata::headers;
pub(crate) use modules::{declares_namespace, module_path, modules_of};
