//! What is said of a server, as values. Reads neither files nor the environment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Address;

/// Gives what proves to a server who asks.
pub trait Credentials: Send + Sync {
    /// The headers to send, with their values. With `renew`, what was given before was refused.
    ///
    /// # Errors
    /// Why there are none, for people and without a secret.
    fn headers(&self, renew: bool) -> Result<Vec<(String, String)>, String>;
}

/// A certificate of one's own and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Which server there is, and how it is used.
#[derive(Clone)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// The name of the instance, which may be empty.
    pub instance: String,
    /// Headers that every request has.
    pub headers: Vec<(String, String)>,
    /// The certificates that are trusted, in PEM; none for those that browsers trust.
    pub roots: Option<Vec<u8>>,
    /// What the client shows of itself.
    pub identity: Option<Identity>,
    /// What proves who asks.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// Whether outcomes are looked up.
    pub read: bool,
    /// Whether outcomes are uploaded.
    pub write: bool,
    /// Whether outcomes of processes are uploaded too: not where they could read what they did not declare.
    pub write_processes: bool,
    /// How long a build waits for nothing, in all.
    pub patience: Duration,
    /// How long uploads are waited for at the end.
    pub upload_patience: Duration,
    /// The version of the program, for the server's logs.
    pub version: &'static str,
    /// The name of this run, for the server's logs.
    pub invocation: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may be secret.
        f.debug_struct("Settings").field("address", &self.address).finish_non_exhaustive()
    }
}
