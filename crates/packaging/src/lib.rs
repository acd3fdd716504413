//! The formats of Python packaging: versions, markers, tags, locks, indexes, wheels and PEX files.
//!
//! Names, versions and requirements are parsed once, at the border, into the types of [`name`], [`requirement`]
//! and [`marker`]; what an interpreter or a foreign platform accepts follows from [`target`], natively. A
//! [`lock::Lock`] and a target give, by [`select`], the exact wheels of a closure. Nothing here knows targets of
//! BUILD files.

pub mod complete_platform;
pub mod constraints;
pub mod distribution;
pub mod environment;
pub mod image;
pub mod index;
pub mod installed;
pub mod interpreter;
pub mod licence;
pub mod lock;
pub mod locking;
pub mod marker;
pub mod name;
pub mod named_platform;
pub mod pex;
pub mod place;
pub mod platform;
pub mod pyproject;
pub mod python;
pub mod registry;
pub mod requirement;
pub mod requirement_file;
pub mod sbom;
pub mod sdist;
pub mod select;
pub mod tags;
pub mod target;
pub mod unsaid;
pub mod wheel;

pub use pep440_rs::{Version, VersionSpecifiers};
