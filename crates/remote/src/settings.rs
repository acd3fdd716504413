//! What is said of a server, as values. Reads neither files nor the environment.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::Address;

/// Gives what proves to a server who asks.
pub trait Credentials: Send + Sync {
    /// The headers to send, with their values. With `renew`, what was given before was refused.
    ///
    /// # Errors
    /// Why there are none, for people and without a secret.
    fn headers(&self, renew: bool) -> Result<Vec<(String, String)>, String>;
}

/// Gives the keys of an object store.
pub trait KeySource: Send + Sync {
    /// The keys. With `renew`, what was given before was refused.
    ///
    /// # Errors
    /// Why there are none, for people and without a secret.
    fn keys(&self, renew: bool) -> Result<KeysFrom, String>;
}

/// The keys that requests to an object store are signed with.
#[derive(Clone)]
pub struct Keys {
    /// Which they are; no secret.
    pub id: String,
    /// What is signed with.
    pub secret: String,
    /// What keys that expire have besides.
    pub session: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where keys are to be had.
#[derive(Clone, Debug)]
pub enum KeysFrom {
    /// Here they are.
    Given(Keys),
    /// From what tells a container its keys.
    Container {
        /// Where that is.
        url: String,
        /// What is shown to it.
        authorization: Option<String>,
    },
    /// From what tells a virtual machine the keys of its role.
    Machine {
        /// Where that is.
        url: String,
    },
}

/// How a bucket is reached.
#[derive(Clone)]
pub struct BucketSettings {
    /// Its region.
    pub region: String,
    /// The address of the object store; none for that of the region.
    pub endpoint: Option<String>,
    /// Whether the bucket is in the path, and not in the name of the host.
    pub path_style: bool,
    /// Who has the keys.
    pub keys: Arc<dyn KeySource>,
}

impl BucketSettings {
    /// The address of a bucket.
    pub(crate) fn url(&self, bucket: &str) -> String {
        let standard = format!("https://s3.{}.amazonaws.com", self.region);
        let endpoint = self.endpoint.as_deref().unwrap_or(&standard).trim_end_matches('/');
        let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        match self.path_style {
            true => format!("{scheme}://{host}/{bucket}"),
            false => format!("{scheme}://{bucket}.{host}"),
        }
    }
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
    /// How the bucket is reached, where it is one.
    pub bucket: Option<BucketSettings>,
    /// How many bytes a folder may take.
    pub budget: Option<u64>,
    /// The address of the proxy for HTTP, with the hosts that are reached without it.
    pub proxy: Option<(String, String)>,
    /// Tells the time, which signatures have in them.
    pub now: fn() -> SystemTime,
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
