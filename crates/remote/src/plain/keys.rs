//! The keys that requests to an object store are signed with: given, or asked for where machines are told theirs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::settings::{KeySource, Keys, KeysFrom};

/// What tells a machine its keys answers at once, or is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keys that are asked for when they are first needed, and again when they are refused.
pub(super) struct KeyRing {
    from: Arc<dyn KeySource>,
    kept: Mutex<Option<Keys>>,
}

impl KeyRing {
    pub(super) fn new(from: Arc<dyn KeySource>) -> KeyRing {
        KeyRing { from, kept: Mutex::default() }
    }

    /// The keys; with `renew`, those that were given before were refused.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn get(&self, renew: bool) -> Result<Keys, String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = kept.as_ref().filter(|_| !renew) {
            return Ok(keys.clone());
        }
        let keys = match self.from.keys(renew)? {
            KeysFrom::Given(keys) => keys,
            KeysFrom::Container { url, authorization } => of_container(&url, authorization.as_deref())?,
            KeysFrom::Machine { url } => of_machine(&url)?,
        };
        Ok(kept.insert(keys).clone())
    }
}

fn agent() -> Agent {
    // What tells keys is on the machine itself, behind no proxy.
    Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).max_redirects(0).build().new_agent()
}

fn of_container(url: &str, authorization: Option<&str>) -> Result<Keys, String> {
    let mut request = agent().get(url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    read(request.call(), "the keys of the container")
}

/// The keys of the role that a virtual machine has, by the second version of its service.
fn of_machine(url: &str) -> Result<Keys, String> {
    let (agent, what) = (agent(), "the keys of the machine");
    let base = url.trim_end_matches('/');
    let session = agent
        .put(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "60")
        .send_empty();
    let session = text(session, what)?;
    let place = format!("{base}/latest/meta-data/iam/security-credentials/");
    let ask = |url: &str| agent.get(url).header("x-aws-ec2-metadata-token", session.trim()).call();
    let role = text(ask(&place), what)?;
    let role = role.lines().next().unwrap_or_default().trim();
    read(ask(&format!("{place}{role}")), what)
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn text(answer: Answer, what: &str) -> Result<String, String> {
    answer
        .and_then(|answer| answer.into_body().read_to_string())
        .map_err(|error| format!("{what} cannot be had: {error}"))
}

fn read(answer: Answer, what: &str) -> Result<Keys, String> {
    let text = text(answer, what)?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let part = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let keys = part("AccessKeyId").zip(part("SecretAccessKey"));
    let (id, secret) = keys.ok_or_else(|| format!("{what} are not in the answer"))?;
    Ok(Keys { id, secret, session: part("Token") })
}
