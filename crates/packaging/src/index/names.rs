//! The addresses of hosts, each looked up once: a resolver of names that many requests ask at once drops some of them, and
//! is asked again after seconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

type Slot = Arc<Mutex<Option<ResolvedSocketAddrs>>>;

/// What the system says of names, remembered for as long as its client lives.
#[derive(Debug, Default)]
pub(super) struct Names {
    system: DefaultResolver,
    /// By scheme and host.
    known: Mutex<BTreeMap<String, Slot>>,
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let name = format!("{:?} {:?}", uri.scheme(), uri.authority());
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(name).or_default())
        };
        // Held while it is asked, so that threads that want the same host wait for one answer.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = &*slot {
            return Ok(found.clone());
        }
        let found = self.system.resolve(uri, config, timeout).map_err(|error| match error {
            // What the system says of names it does not know differs from one system to the next.
            Error::Io(_) => Error::HostNotFound,
            error => error,
        })?;
        *slot = Some(found.clone());
        Ok(found)
    }
}
