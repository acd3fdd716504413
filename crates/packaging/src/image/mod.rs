//! Container images as OCI has them: names, layers, configurations, manifests, and layouts on the disk. Knows no registry's
//! protocol, no wheel and no target.

mod archive;
mod base;
mod config;
mod document;
mod error;
mod keep;
mod layer;
mod layout;
mod make;
mod name;
mod platform;

pub use archive::archive;
pub use base::{Base, BaseLayer, Kind, base};
pub use document::{Sha256, digest_of, is_of};
pub(crate) use document::{canonical, described, descriptor, parse, sha256 as sha256_from, sha256_of};
pub use error::ImageError;
pub use keep::keep;
pub use layer::layer;
pub use layout::{Content, Layout};
pub use make::{BLOBS, ImageSpec, SBOM_DIGEST, Variant, make};
pub use name::{BaseName, NameError, Origin, Repository, is_tag};
pub use platform::ImagePlatform;

/// Raised whenever a layer or an image changes for the same input.
pub const VERSION: u32 = 1;
