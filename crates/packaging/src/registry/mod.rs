//! Registries of images: the protocol that OCI calls distribution, and how users are known to them. Knows no layout, no wheel
//! and no target.

mod challenge;
mod client;
mod error;
mod logins;
mod pull;
mod push;
mod referrers;
#[cfg(test)]
mod tests;
mod token;
mod upload;

pub use client::Registry;
pub use error::RegistryError;
pub use push::{Push, Sent};
