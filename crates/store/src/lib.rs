//! The cache on disk: blobs, trees, outcomes, memo tables and the stat index.
//!
//! This is the only crate that knows how the cache is laid out and that it uses SQL. It does not know what an action,
//! a target or a language is. Several processes use one cache at once, and any of them may be killed at any instant:
//! what is not finished has another name than what is, and what is served has been found to be what its digest says.
//!
//! ```text
//! <cache>/v1/<digest function>/
//!     blobs/ab/cdef…        a blob of more than 32 KiB, read-only, named by its hash
//!     db2/1/store.db        all else: small blobs, composed blobs, outcomes, memo tables, the state of the files
//!     db2/1/index/<hash>    the stat index of a workspace: it says that blobs are in that database
//!     db2/1/snapshot/<name> what is read whole at every start
//!     db2/1/lock            held shared by those who have the database open
//!     tmp/<name>[.lock]     what a process has not finished, and the lock that says that it lives, and what it has read
//! ```

mod blob;
mod clear;
mod collect;
mod composed;
mod copy;
mod database;
mod digest;
mod directory;
mod error;
mod faults;
mod file_states;
mod holder;
mod layer;
mod outcome;
mod place;
mod rows;
mod sample;
mod session;
mod shares;
mod snapshot;
mod stat_index;
mod state;
mod store;
mod tree;
mod trees;
mod warning;
mod writer;

pub use blob::Blob;
pub use clear::Cleared;
pub use collect::{Collected, Usage};
pub use composed::Part;
pub use digest::{Digest, DigestError, DigestFunction};
pub use directory::{Directory, DirectoryEntry, FileEntry, SymlinkEntry};
pub use error::StoreError;
pub use file_states::{FileStates, Looked};
pub use holder::Holder;
pub use outcome::{Outcome, ProcessUsage};
pub use shares::{Share, Shares};
pub use stat_index::{IndexEntry, StatError, StatIndex};
pub use state::Moment;
pub use store::Store;
pub use tree::{Entry, Tree, TreeError};
pub use warning::{Cause, Warning};
pub use writer::BlobWriter;
