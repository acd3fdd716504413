//! Requests by HTTP, and what their answers mean; signed where they go to an object store. Repeats nothing.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tonic::metadata::MetadataMap;
use ureq::http::{HeaderMap, Request, Response, header};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy, SendBody};

use super::keys::KeyRing;
use super::sign::{Signed, UNSIGNED, encoded, sign};
use crate::fault::{Fault, Kind};
use crate::settings::Settings;

/// No body stands still for longer.
const STILL: Duration = Duration::from_secs(30);

/// More than is ever said about a fault.
const SAID: u64 = 1 << 14;

/// A server that takes and gives files by HTTP.
pub(crate) struct Web {
    agent: Agent,
    /// The scheme and the host.
    origin: String,
    host: String,
    /// What all paths begin with: a slash, and one at the end.
    base: String,
    signer: Option<Arc<Signer>>,
}

/// What requests to an object store are signed with.
pub(super) struct Signer {
    pub(super) region: String,
    pub(super) keys: KeyRing,
    pub(super) now: fn() -> SystemTime,
}

/// What is asked for.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    /// Below the base.
    pub(super) path: &'a str,
    /// Sorted by name.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// The first byte that is wanted, and the first that is not.
    pub(super) range: Option<(u64, u64)>,
    /// What every request of the client has.
    pub(super) shown: &'a MetadataMap,
}

/// What is sent.
pub(super) enum Payload<'a> {
    Nothing,
    /// Bytes, with their number and, if it is known, their SHA-256.
    Bytes(&'a mut dyn Read, u64, Option<String>),
}

impl Web {
    /// A server at an address, with or without a path. Connects to nothing.
    ///
    /// # Errors
    /// What is wrong with certificates or the proxy.
    pub(super) fn new(url: &str, settings: &Settings, signer: Option<Signer>) -> Result<Web, Fault> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
        let base = base.trim_matches('/');
        let slash = if base.is_empty() { "" } else { "/" };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(format!("pants/{}", settings.version))
            .tls_config(tls(settings)?)
            .proxy(proxy(settings)?)
            // Credentials go to no other host.
            .max_redirects(0)
            .max_idle_connections_per_host(16)
            .max_idle_connections(16)
            .timeout_connect(Some(settings.patience / 2))
            .timeout_per_read(Some(STILL))
            .timeout_per_write(Some(STILL))
            .build();
        Ok(Web {
            agent: config.new_agent(),
            origin: format!("{scheme}://{host}"),
            host: host.to_owned(),
            base: format!("/{}{slash}", encoded(base, true)),
            signer: signer.map(Arc::new),
        })
    }

    /// Asks for new keys, where requests are signed.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn prove(&self, renew: bool) -> Result<(), String> {
        self.signer.as_ref().map_or(Ok(()), |signer| signer.keys.get(renew).map(drop))
    }

    /// Makes a request. Gives the answer where it is a good one.
    pub(super) fn send(&self, ask: &Ask<'_>, payload: Payload<'_>) -> Result<Response<Body>, Fault> {
        good(self.answer(ask, payload)?)
    }

    /// Makes a request. Gives whatever is answered.
    pub(super) fn answer(&self, ask: &Ask<'_>, payload: Payload<'_>) -> Result<Response<Body>, Fault> {
        let refused = |error: &dyn std::fmt::Display| Fault::new(Kind::Refused, error.to_string());
        let path = format!("{}{}", self.base, encoded(ask.path, true));
        let query = ask.query.iter().map(|(name, value)| format!("{name}={}", encoded(value, false)));
        let query = query.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder().method(ask.method);
        request = request.uri(format!("{}{path}{mark}{query}", self.origin));
        let mut headers: Vec<(&str, String)> = Vec::new();
        if let Some((from, end)) = ask.range {
            headers.push(("range", format!("bytes={from}-{}", end.saturating_sub(1))));
        }
        let content = match &payload {
            Payload::Nothing => super::sign::sha256(b""),
            Payload::Bytes(_, _, digest) => digest.clone().unwrap_or_else(|| UNSIGNED.to_owned()),
        };
        if let Some(signer) = &self.signer {
            let keys = signer.keys.get(false).map_err(|why| Fault::new(Kind::Unauthenticated, why))?;
            let (method, host, query) = (ask.method, self.host.as_str(), query.as_str());
            let signed = Signed { method, host, path: &path, query, headers: &headers, content: &content };
            headers.extend(sign(&signed, &keys, &signer.region, (signer.now)()));
        }
        // Bytes as they are: they are counted and hashed.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        for (name, value) in ask.shown.clone().into_headers() {
            if let Some(name) = name {
                request = request.header(name, value);
            }
        }
        let sent = match payload {
            Payload::Nothing => {
                self.agent.run(request.body(SendBody::none()).map_err(|error| refused(&error))?)
            }
            Payload::Bytes(bytes, len, _) => {
                let request = request.header(header::CONTENT_LENGTH, len);
                let body = SendBody::from_reader(bytes);
                self.agent.run(request.body(body).map_err(|error| refused(&error))?)
            }
        };
        sent.map_err(|error| unreachable(&error))
    }
}

/// An answer, if it is a good one.
pub(super) fn good(answer: Response<Body>) -> Result<Response<Body>, Fault> {
    if answer.status().is_success() { Ok(answer) } else { Err(fault(answer)) }
}

/// What the server's clock says in an answer.
pub(super) fn clock(answer: &Response<Body>) -> Option<SystemTime> {
    httpdate::parse_http_date(answer.headers().get(header::DATE)?.to_str().ok()?).ok()
}

/// The whole text of an answer of at most `most` bytes.
pub(super) fn bytes(answer: Response<Body>, most: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = answer.into_body().into_reader().take(most).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| Fault::new(Kind::Unreachable, error.to_string()))
}

/// What stands between two tags.
pub(super) fn between<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

/// What an answer means that is not a good one.
fn fault(answer: Response<Body>) -> Fault {
    let status = answer.status();
    let after = seconds(answer.headers());
    let text = bytes(answer, SAID).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // Object stores say more in a document.
    let code = between(&text, "Code").unwrap_or_default().to_owned();
    let kind = match (status.as_u16(), code.as_str()) {
        (
            _,
            "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "RequestTimeTooSkewed"
            | "RequestExpired",
        )
        | (401 | 407, _) => Kind::Unauthenticated,
        // Who may not write is told so by these as well.
        (403 | 405 | 501 | 507, _) => Kind::Denied,
        // A part that an object is too short for is as missing as the object.
        (404 | 410 | 416, _) => Kind::Missing,
        (408 | 425 | 429 | 503, _) => Kind::Busy,
        (500..=599, _) => Kind::Broken,
        _ => Kind::Refused,
    };
    let said = between(&text, "Message").map(|message| format!("{code}: {message}"));
    let message = said.unwrap_or_else(|| format!("the answer is {status}"));
    Fault { after, ..Fault::new(kind, message) }
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn unreachable(error: &ureq::Error) -> Fault {
    let kind = match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Kind::Refused,
        _ => Kind::Unreachable,
    };
    Fault::new(kind, error.to_string())
}

fn tls(settings: &Settings) -> Result<TlsConfig, Fault> {
    let refused = |what: &str| Fault::new(Kind::Refused, what.to_owned());
    let mut config = TlsConfig::builder();
    if let Some(pem) = &settings.roots {
        let roots = certificates(pem);
        if roots.is_empty() {
            return Err(refused("`ca_certs` holds no certificate in PEM"));
        }
        config = config.root_certs(RootCerts::Specific(Arc::new(roots)));
    } else {
        config = config.root_certs(RootCerts::WebPki);
    }
    if let Some(identity) = &settings.identity {
        let key = PrivateKey::from_pem(&identity.key)
            .map_err(|_| refused("`client_key` holds no private key in PEM"))?;
        let chain = certificates(&identity.certificate);
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(Result::ok);
    items.filter_map(|item| if let PemItem::Certificate(found) = item { Some(found) } else { None }).collect()
}

fn proxy(settings: &Settings) -> Result<Option<Proxy>, Fault> {
    let Some((address, except)) = &settings.proxy else { return Ok(None) };
    // The address may hold a password.
    let bad = || Fault::new(Kind::Refused, "the address of the proxy in the environment cannot be read");
    let found = Proxy::new(address).map_err(|_| bad())?;
    let mut made = Proxy::builder(found.protocol()).host(found.host()).port(found.port());
    if let (Some(user), Some(password)) = (found.username(), found.password()) {
        made = made.username(user).password(password);
    }
    for host in except.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        made = made.no_proxy(host);
        if !host.starts_with(['.', '*']) {
            made = made.no_proxy(&format!(".{host}"));
        }
    }
    made.build().map(Some).map_err(|_| bad())
}
