//! Reads zip files that nobody vouches for, safely, into trees of the store. It knows nothing of wheels.

mod central;
mod error;
mod names;
mod safe_zip;
mod source;
mod unpack;

pub use error::{ExtractError, ExtractErrors, Problem};
pub use safe_zip::{Entry, EntryKind, Limits, Method, SafeZip, check_entries};
pub use source::{FileSource, ReadAt};
pub use unpack::{BlobSource, UnpackError, extract, open};
