//! PEX files that the genuine runtime boots, as it reads them since version 2.105: one zip file, or a folder.
//!
//! Everything is a pure function over data; a rule turns it into actions of the engine:
//!
//! ```text
//! fetch(RUNTIME) ─ extract ─ apply(steps::bootstrap) ─┬─ archive ── once for all PEX files (loose: none) ─┐
//!                                                     │                                                  │
//! user files ─ merge ─ apply(steps::sources) ─────────┼──────────────────────────────────────────────────┤
//!                                     │               │                                                  │
//!                                     ├─ apply(steps::names) ─ apply(steps::start), with the wheels ─────┤
//!                                     └─ apply(steps::boot), arguments: PexSpec ─────────────────────────┤
//!                                                     ┊ (looked into only to find a script)              │
//! fetch(wheel), one for each ─────────────────────────┴──────────────────────────────────────────────────┤
//!                                                                                                        │
//!                                     plan(layout).output: archive with prefix, or merge ────────────────┘
//! ```
//!
//! Dependencies go in as the wheels that they are, stored: they need no work at build, and their fingerprint is the
//! hash of the lock. The format's other form, installed wheels, is not written. Times, users and version control
//! never enter; the same specification, user files and wheels give the same bytes everywhere.

mod boot;
mod bootstrap;
pub(crate) mod entry;
mod hash;
mod info;
mod options;
mod plan;
mod preamble;
pub(crate) mod python_text;
mod runtime;
mod seed;
mod sh;
mod sources;
mod spec;
mod start;
pub mod steps;
mod wheel_modules;
mod wheel_scripts;

pub use entry::EntryError;
pub use options::{
    BinPath, Boot, ExecutionMode, InheritPath, Layout, PexOptions, SelectionStrategy, VenvOptions,
};
pub use plan::{BootstrapArchive, Members, Output, Plan, Source, plan};
pub use runtime::{RUNTIME, Runtime};
pub use seed::{Seed, SeedError};
pub use sources::ReservedName;
pub use spec::{Entry, PexSpec, SpecError, WheelRef};
pub use start::{MAX_UNPACKED, StartSpec, plannable};
