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

use super::challenge::Challenge;
use super::error::{RegistryError, is_passing};
use super::logins::{self, Login};
use crate::image::Repository;
use crate::index::{IndexError, NO_TLS, Proxies, Trust, cause_of, retry_after, tls_cause};

/// The host that images of the registry without a name are asked for.
const HUB: &str = "registry-1.docker.io";
/// How often a request is tried, and the first pause, which doubles.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
/// A registry that asks for a longer pause is not asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// From this size on it is asked whether a blob is taken before it is sent, and so long its leave is waited for.
const LARGE: u64 = 1 << 20;
const LONGEST_LEAVE: Duration = Duration::from_secs(5);
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
    /// What named the certificates that are trusted.
    trusted_by: String,
    env: BTreeMap<String, String>,
    offline: bool,
    /// How the user is known, by repository.
    logins: Mutex<BTreeMap<Repository, Option<(Login, String)>>>,
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
            .timeout_per_write(Some(PATIENCE))
            .timeout_await_100(Some(LONGEST_LEAVE))
            .build()
            .new_agent();
        let proxies = Proxies::find(&env, None)?;
        let (logins, shown) = (Mutex::default(), Mutex::default());
        Ok(Registry { agent, proxies, trusted_by: trust.origin, env, offline, logins, shown })
    }

    /// The address of something in a repository.
    pub(super) fn url(&self, repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
        let scheme = if repository.is_plain { "http" } else { "https" };
        let host = if repository.is_of_hub() { HUB } else { &repository.host };
        Url::parse(&format!("{scheme}://{host}/v2/{}/{rest}", repository.path)).map_err(|_| {
            let (host, what) = (repository.host.clone(), format!("`{}`", repository.path));
            RegistryError::Answer { host, what, reason: "its name makes no address".to_owned() }
        })
    }

    /// Sends a request until it is answered by anything but a failure that may pass.
    pub(super) fn send(&self, ask: &Ask<'_>) -> Result<Response<Body>, RegistryError> {
        again(|| self.once(ask))
    }

    /// Sends a request one time; an answer that may be another one after a while is an error.
    pub(super) fn once(&self, ask: &Ask<'_>) -> Result<Response<Body>, RegistryError> {
        if self.offline {
            return Err(RegistryError::Offline { what: ask.what.to_owned() });
        }
        let answer = self.send_once(ask)?;
        if is_passing(answer.status().as_u16()) { Err(self.wrong(ask, answer)) } else { Ok(answer) }
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
        let challenges = answer.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges = challenges.iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = challenges.flat_map(Challenge::all).collect();
        let Some(authorization) = self.authorization(ask.repository, &challenges, &ask.scopes)? else {
            return Ok(answer);
        };
        if known.as_ref() == Some(&authorization) {
            return Ok(answer);
        }
        let answer = self.follow(ask, Some(&authorization))?;
        shown().insert(key, authorization);
        Ok(answer)
    }

    /// Follows redirections, those of requests with content where it is to be sent once more.
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
            let answer = self.transmit(ask, request)?;
            let is_empty = matches!(ask.payload, Payload::Nothing);
            let is_redirected = match answer.status().as_u16() {
                301..=303 => is_empty,
                status => matches!(status, 307 | 308),
            };
            let target = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            match target.filter(|_| is_redirected).and_then(|target| url.join(target).ok()) {
                None => return Ok(answer),
                Some(next) if is_as_safe(&url, &next) => url = next,
                Some(_) => return Err(unusable(ask, "it redirects to an address without encryption")),
            }
        }
        Err(unusable(ask, "it redirects without end"))
    }

    /// Sends a request with what goes along.
    fn transmit(
        &self,
        ask: &Ask<'_>,
        mut request: request::Builder,
    ) -> Result<Response<Body>, RegistryError> {
        let host = &ask.repository.host;
        match ask.payload {
            Payload::Nothing => self.run(host, ask.what, request, SendBody::none()),
            Payload::Bytes(mut bytes) => {
                request = request.header(header::CONTENT_LENGTH, bytes.len());
                self.run(host, ask.what, request, SendBody::from_reader(&mut bytes))
            }
            Payload::Blob(size, open) => {
                let content =
                    open().map_err(|reason| RegistryError::Content { what: ask.what.to_owned(), reason })?;
                request = request.header(header::CONTENT_LENGTH, size);
                if size >= LARGE {
                    // Whoever refuses it says so before it is sent, and not by cutting the connection.
                    request = request.header(header::EXPECT, "100-continue");
                }
                self.run(host, ask.what, request, SendBody::from_reader(&mut content.take(size)))
            }
        }
    }

    /// Sends one request to one address of `host`.
    pub(super) fn run(
        &self,
        host: &str,
        what: &str,
        request: request::Builder,
        body: SendBody<'_>,
    ) -> Result<Response<Body>, RegistryError> {
        let (host, what) = (host.to_owned(), what.to_owned());
        let request = match request.body(body) {
            Ok(request) => request,
            Err(_) => {
                let reason = "its address cannot be used".to_owned();
                return Err(RegistryError::Answer { host, what, reason });
            }
        };
        let proxy = self.proxies.of(request.uri().scheme_str().unwrap_or_default());
        let request = self.agent.configure_request(request).proxy(proxy).build();
        self.agent.run(request).map_err(|error| match tls_cause(&error) {
            Some(NO_TLS) => RegistryError::NoTls { host },
            Some(cause) => RegistryError::Untrusted { host, cause, bundle: self.trusted_by.clone() },
            None => RegistryError::Connection { host, what, cause: cause_of(&error) },
        })
    }

    /// The error that an answer means.
    pub(super) fn wrong(&self, ask: &Ask<'_>, answer: Response<Body>) -> RegistryError {
        let is_question = matches!(ask.method, Method::GET | Method::HEAD);
        let (host, what) = (ask.repository.host.clone(), ask.what.to_owned());
        match answer.status().as_u16() {
            404 if is_question => RegistryError::Missing { host, what },
            _ => self.rejected(ask.repository, ask.what, answer),
        }
    }

    /// The error that an answer means to a request that cannot be about what is not there.
    pub(super) fn rejected(
        &self,
        repository: &Repository,
        what: &str,
        answer: Response<Body>,
    ) -> RegistryError {
        let (host, what, status) = (repository.host.clone(), what.to_owned(), answer.status().as_u16());
        let wait = retry_after(answer.headers());
        let login = self.login(repository).ok().flatten();
        let said = read_limited(answer, LONGEST_SAID).map(|bytes| said(&bytes)).unwrap_or_default();
        let said = login.as_ref().map_or(said.clone(), |(login, _)| login.hide(&said));
        match status {
            401 | 403 | 407 => {
                RegistryError::Refused { host, what, status, user: login.map(|(_, origin)| origin), said }
            }
            _ => RegistryError::Status { host, what, status, said, wait },
        }
    }

    /// How the user is known to a registry, and where that comes from; looked for once for each repository.
    pub(super) fn login(&self, repository: &Repository) -> Result<Option<(Login, String)>, RegistryError> {
        let mut known = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = known.get(repository) {
            return Ok(login.clone());
        }
        let login = logins::find(&self.env, repository)?;
        known.insert(repository.clone(), login.clone());
        Ok(login)
    }
}

/// Tries something until it ends with anything but a failure that may pass.
pub(super) fn again<T>(mut attempt: impl FnMut() -> Result<T, RegistryError>) -> Result<T, RegistryError> {
    let mut count = 1;
    loop {
        let error = match attempt() {
            Err(error) if error.may_pass() && count < ATTEMPTS => error,
            result => return result,
        };
        let mut pause = PAUSE * 2_u32.pow(count - 1);
        if let RegistryError::Status { wait: Some(wait), .. } = error {
            if wait > LONGEST_PAUSE {
                return Err(error);
            }
            pause = pause.max(wait);
        }
        std::thread::sleep(pause);
        count += 1;
    }
}

/// Whether one address may lead to another: what came safely to nothing that would not.
pub(super) fn is_as_safe(from: &Url, to: &Url) -> bool {
    to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http")
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
