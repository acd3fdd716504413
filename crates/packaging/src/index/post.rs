//! Messages to an address that is no index, such as that of a collector of traces. Knows nothing of what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::TlsConfig;

use super::config::Reach;
use super::trust::{Proxies, Trust};

/// A message for one address.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where it goes, by `http` or `https`.
    pub url: &'a str,
    /// Headers besides those that say how long it is and whose it is.
    pub headers: &'a [(String, String)],
    /// What it says.
    pub body: &'a [u8],
    /// How long all of it may take.
    pub limit: Duration,
}

impl Post<'_> {
    /// Sends it, by the proxy and with the certificates that the variables name, and reads no more than whether it was taken.
    ///
    /// # Errors
    /// Why it was not, for people.
    pub fn send(&self, env: &BTreeMap<String, String>) -> Result<(), String> {
        let reach = Reach::default();
        let trust = Trust::find(env, &reach).map_err(|error| error.to_string())?;
        let proxies = Proxies::find(env, None).map_err(|error| error.to_string())?;
        let scheme = self.url.split_once("://").map_or("", |(scheme, _)| scheme);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("pants/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(trust.roots).build())
            .proxy(proxies.of(scheme))
            .max_redirects(0)
            .timeout_global(Some(self.limit))
            .build()
            .new_agent();
        let mut request = agent.post(self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let answer = request.send(self.body).map_err(|error| error.to_string())?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered with the status {status}")) }
    }
}
