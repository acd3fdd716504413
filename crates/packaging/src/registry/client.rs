//! One request to a registry: authorised as it asks, redirected, and tried again where its failure may pass.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderName, Method, Request, Response, header, request};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, SendBody};
use url::Url;

use super::{RegistryError, logins};
use crate::image::Repository;
use crate::index::{IndexError, Proxies, Trust, cause_of};

/// The host that images of the registry without a name are asked for.
const HUB: &str = "registry-1.docker.io";
/// How often a request is tried, and the first pause, which doubles.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
/// More than a registry ever needs.
const MOST_REDIRECTS: usize = 10;
/// How long a connection or an answer is waited for. A registry that is sent a large layer thinks for a while at its end.
const PATIENCE: Duration = Duration::from_secs(120);
/// So much is read of what a registry says of an error, and so much told.
const LONGEST_SAID: u64 = 16 << 10;
const LONGEST_TOLD: usize = 300;

/// A client of registries; shared by threads, it keeps connections and tokens for as long as it lives.
pub struct Registry {
    agent: Agent,
    proxies: Proxies,
    pub(super) env: BTreeMap<String, String>,
    offline: bool,
    /// What registries were shown and took, by host and scopes.
    shown: Mutex<BTreeMap<(String, Vec<String>), String>>,
}

/// What is asked of a registry.
pub(super) struct Ask<'a> {
    pub(super) repository: &'a Repository,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) payload: Payload<'a>,
    /// What a token has to allow.
    pub(super) scopes: Vec<String>,
    /// What it is, for messages.
    pub(super) what: &'a str,
}

/// What is sent along.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// So many bytes, which can be read more than once.
    Blob(u64, &'a Open<'a>),
}

/// Opens what is sent, from its beginning.
pub(super) type Open<'a> = dyn Fn() -> Result<Box<dyn Read>, String> + 'a;

impl Registry {
    /// A client that trusts what the environment says. Connects to nothing yet.
    ///
    /// # Errors
    /// A bundle of certificates or the address of a proxy that cannot be read.
    pub fn new(env: BTreeMap<String, String>, offline: bool) -> Result<Registry, IndexError> {
        let reach = crate::index::Reach::default();
        let trust = Trust::find(&env, &reach)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("pants/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(trust.roots).build())
            // Given with each request, by its scheme.
            .proxy(None)
            // Followed here, so that credentials go to no other host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .build()
            .new_agent();
        let proxies = Proxies::find(&env, None)?;
        Ok(Registry { agent, proxies, env, offline, shown: Mutex::default() })
    }

    /// The address of something in a repository.
    pub(super) fn url(&self, repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
        let scheme = if repository.is_plain { "http" } else { "https" };
        let host = if repository.is_of_hub() { HUB } else { &repository.host };
        Url::parse(&format!("{scheme}://{host}/v2/{}/{rest}", repository.path)).map_err(|_| {
            let (host, what) = (repository.host.clone(), repository.path.clone());
            RegistryError::Connection { host, what, cause: "its name makes no address".to_owned() }
        })
    }

    /// Sends a request until it is answered by anything but a failure that may pass.
    pub(super) fn send(&self, ask: &Ask<'_>) -> Result<Response<Body>, RegistryError> {
        if self.offline {
            return Err(RegistryError::Offline { what: ask.what.to_owned() });
        }
        let mut attempt = 1;
        loop {
            let answer = self.send_once(ask);
            let passing = match &answer {
                Ok(answer) => matches!(answer.status().as_u16(), 408 | 425 | 429 | 500..=599),
                Err(RegistryError::Connection { .. }) => true,
                Err(_) => false,
            };
            if !passing || attempt == ATTEMPTS {
                return answer;
            }
            std::thread::sleep(PAUSE * 2_u32.pow(attempt - 1));
            attempt += 1;
        }
    }

    /// Sends a request, once more with what a challenge asks for, and to where it is redirected.
    fn send_once(&self, ask: &Ask<'_>) -> Result<Response<Body>, RegistryError> {
        let key = (ask.repository.host.clone(), ask.scopes.clone());
        let shown = || self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shown().get(&key).cloned();
        let answer = self.follow(ask, known.as_deref())?;
        if answer.status().as_u16() != 401 {
            return Ok(answer);
        }
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let Some(challenge) = challenge else { return Ok(answer) };
        let Some(authorization) = self.authorization(ask.repository, challenge, &ask.scopes)? else {
            return Ok(answer);
        };
        if known.as_ref() == Some(&authorization) {
            return Ok(answer);
        }
        let answer = self.follow(ask, Some(&authorization))?;
        shown().insert(key, authorization);
        Ok(answer)
    }

    /// Follows redirections, as only requests without content have them.
    fn follow(&self, ask: &Ask<'_>, authorization: Option<&str>) -> Result<Response<Body>, RegistryError> {
        let mut url = ask.url.clone();
        for _ in 0..MOST_REDIRECTS {
            let mut request = Request::builder().method(ask.method.clone()).uri(url.as_str());
            for (name, value) in &ask.headers {
                request = request.header(name, value);
            }
            let is_of_registry = url.origin() == self.url(ask.repository, "")?.origin();
            if let Some(authorization) = authorization.filter(|_| is_of_registry) {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let answer = match ask.payload {
                Payload::Nothing => self.run(ask.repository, ask.what, request, SendBody::none())?,
                Payload::Bytes(mut bytes) => {
                    let request = request.header(header::CONTENT_LENGTH, bytes.len());
                    self.run(ask.repository, ask.what, request, SendBody::from_reader(&mut bytes))?
                }
                Payload::Blob(size, open) => {
                    let content = open()
                        .map_err(|reason| RegistryError::Content { what: ask.what.to_owned(), reason })?;
                    let request = request.header(header::CONTENT_LENGTH, size);
                    let mut content = content.take(size);
                    self.run(ask.repository, ask.what, request, SendBody::from_reader(&mut content))?
                }
            };
            let is_redirected = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let target = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let target = target.filter(|_| is_redirected && matches!(ask.payload, Payload::Nothing));
            match target.and_then(|target| url.join(target).ok()) {
                None => return Ok(answer),
                // What came safely leads to nothing that would not.
                Some(next) if next.scheme() == url.scheme() || next.scheme() == "https" => url = next,
                Some(_) => return Err(unusable(ask, "it redirects to an address without encryption")),
            }
        }
        Err(unusable(ask, "it redirects without end"))
    }

    /// Sends one request to one address.
    pub(super) fn run(
        &self,
        repository: &Repository,
        what: &str,
        request: request::Builder,
        body: SendBody<'_>,
    ) -> Result<Response<Body>, RegistryError> {
        let failed = |cause: String| {
            let (host, what) = (repository.host.clone(), what.to_owned());
            RegistryError::Connection { host, what, cause }
        };
        let request = request.body(body).map_err(|_| failed("its address cannot be used".to_owned()))?;
        let proxy = self.proxies.of(request.uri().scheme_str().unwrap_or_default());
        let request = self.agent.configure_request(request).proxy(proxy).build();
        self.agent.run(request).map_err(|error| failed(cause_of(&error)))
    }

    /// The error that a status means.
    pub(super) fn wrong(&self, ask: &Ask<'_>, answer: Response<Body>) -> RegistryError {
        let status = answer.status().as_u16();
        let (host, what) = (ask.repository.host.clone(), ask.what.to_owned());
        match status {
            401 | 403 | 407 => self.refused(ask.repository, ask.what, status),
            404 => RegistryError::Missing { host, what },
            _ => {
                let said = read_limited(answer, LONGEST_SAID).map(|bytes| said(&bytes)).unwrap_or_default();
                RegistryError::Status { host, what, status, said }
            }
        }
    }

    pub(super) fn refused(&self, repository: &Repository, what: &str, status: u16) -> RegistryError {
        let user = logins::find(&self.env, repository).ok().flatten().map(|(_, origin)| origin);
        let (host, what) = (repository.host.clone(), what.to_owned());
        RegistryError::Refused { host, what, status, user }
    }
}

pub(super) fn unusable(ask: &Ask<'_>, reason: &str) -> RegistryError {
    let (host, what) = (ask.repository.host.clone(), ask.what.to_owned());
    RegistryError::Answer { host, what, reason: reason.to_owned() }
}

/// What an answer holds, where that is not longer than `most`.
pub(super) fn read_limited(answer: Response<Body>, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let body = answer.into_body().into_reader();
    match body.take(most + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 <= most => Ok(bytes),
        Ok(_) => Err(format!("it is longer than {most} bytes")),
        Err(error) => Err(error.to_string()),
    }
}

/// What a registry says of an error, in short.
fn said(bytes: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let first = answer.pointer("/errors/0");
    let text = |key: &str| first.and_then(|error| error.get(key)?.as_str()).unwrap_or_default();
    let words = [text("code"), text("message")].join(" ");
    words.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST_TOLD).collect()
}
