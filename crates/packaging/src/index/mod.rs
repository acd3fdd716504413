//! Package indexes: where they are, what their pages say, and how a file gets from one into the store.
//!
//! Nothing here knows requirements, locks or targets. Errors name an index by its name and never show its
//! address, since addresses carry credentials and locks must serve behind every mirror.

mod address;
mod archive;
mod auth;
mod backoff;
mod client;
mod config;
mod download;
mod error;
mod failure;
mod flat;
mod identity;
mod keyring;
mod machine;
mod names;
mod netrc;
mod pace;
mod page;
mod partial;
mod post;
mod reach;
mod scope;
mod settings;
mod transport;
mod trust;
mod upload;

pub use address::IndexUrl;
pub(crate) use archive::entry_points;
pub use archive::{Listing, archive_listing};
pub(crate) use auth::{header as basic, variable_part};
pub use backoff::RetryPolicy;
pub use client::{Client, ClientOptions};
pub(crate) use config::Reach;
pub use config::{DEFAULT, Declarations, DeclaredIndex, Index, Indexes};
pub(crate) use download::fetched_before;
pub use download::{FetchRequest, Fetched, Progress, fetch_file};
pub use error::{Fault, FetchError, IndexError};
pub use flat::project_of;
pub use machine::{Surroundings, machine_default};
pub use page::{IndexFile, Page};
pub use partial::sweep_partial;
pub use post::Post;
pub use reach::Reached;
pub use scope::Scope;
pub(crate) use transport::{HOST_NOT_FOUND, NO_TLS, cause_of, retry_after, tls_cause};
pub(crate) use trust::{Proxies, Trust};
pub use upload::{Existing, Package};
