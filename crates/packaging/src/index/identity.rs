//! Uploads without a stored secret: a CI service says who runs, and an index that trusts it gives out a token that is good
//! for minutes. Knows no forms of uploads.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use ureq::http::header;
use url::{Host, Url};

use super::auth::{Login, variable_part};
use super::backoff::Problem;
use super::client::Client;
use super::config::Index;
use super::error::FetchError;
use super::transport::{Ask, Part, body_cause, passing, retry_after};

/// Where an index says whom an identity has to be for, and where it gives out tokens.
const AUDIENCE: &str = "/_/oidc/audience";
const MINT: &str = "/_/oidc/mint-token";
/// The variables by which GitHub Actions offers an identity to jobs that may have one.
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// The end of the variable that other services, such as GitLab, put an identity into; the audience is in front.
const GIVEN: &str = "_ID_TOKEN";
/// No answer is longer.
const LONGEST: u64 = 1 << 20;
/// So many characters of a reason are told.
const LONGEST_REASON: usize = 300;

impl Client {
    /// Gives `place` a token for uploads, in exchange for what a CI service says of who runs. Tells whether it did: not
    /// where no service does so, or the index gives out no tokens.
    ///
    /// # Errors
    /// Where there is an identity, and the index or the service refuses.
    pub fn identify(&self, place: &mut Index, env: &BTreeMap<String, String>) -> Result<bool, FetchError> {
        let value = |name: &str| env.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let asked = value(REQUEST_URL).zip(value(REQUEST_TOKEN));
        // Whoever is on the way could ask for an identity that another index takes.
        if !is_safe(place.url.without_credentials()) {
            return Ok(false);
        }
        if self.offline || (asked.is_none() && !env.keys().any(|name| name.ends_with(GIVEN))) {
            return Ok(false);
        }
        let at = |path: &str| {
            let mut url = place.url.without_credentials().clone();
            url.set_path(path);
            url.set_query(None);
            url
        };
        let (status, audience) = self.exchange(place, &at(AUDIENCE), None, None)?;
        let Some(audience) = audience["audience"].as_str().filter(|_| status == 200) else {
            return Ok(false);
        };
        let variable = format!("{}{GIVEN}", variable_part(audience));
        let identity = match (value(&variable), asked) {
            // The index chooses the variable, and learns nothing that is meant for others.
            (Some(given), _) if !is_for(given, audience) => {
                return Err(refused(place, &format!("`{variable}` is no identity for `{audience}`")));
            }
            (Some(given), _) => given.to_owned(),
            (None, Some((url, bearer))) => self.ask_service(place, (url, bearer), audience)?,
            (None, None) => return Ok(false),
        };
        let body = json!({ "token": identity });
        let (status, answer) = self.exchange(place, &at(MINT), None, Some(&body))?;
        match answer["token"].as_str().filter(|_| status == 200) {
            Some(token) => {
                place.login = Login::of_token(token, "the identity of this job");
                Ok(true)
            }
            None => Err(refused(
                place,
                &format!("it refuses the identity of this job: {}", reason(status, &answer)),
            )),
        }
    }

    /// What the service that runs this says of it, for `audience`.
    fn ask_service(
        &self,
        place: &Index,
        (url, bearer): (&str, &str),
        audience: &str,
    ) -> Result<String, FetchError> {
        let failed = |why: &str| refused(place, &format!("`{REQUEST_URL}` {why}"));
        let mut url = Url::parse(url).map_err(|_| failed("is no address"))?;
        if url.scheme() != "https" && place.url.without_credentials().scheme() == "https" {
            return Err(failed("is an address without encryption"));
        }
        url.query_pairs_mut().append_pair("audience", audience);
        let (status, answer) = self.exchange(place, &url, Some(bearer), None)?;
        let identity = answer["value"].as_str().filter(|_| status == 200);
        let identity =
            identity.ok_or_else(|| failed(&format!("gives no identity: {}", reason(status, &answer))))?;
        Ok(identity.to_owned())
    }

    /// Asks for something, or sends something, again while a failure may pass; gives the status and what is answered.
    fn exchange(
        &self,
        place: &Index,
        url: &Url,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), FetchError> {
        self.retry.run(|| self.exchange_once(place, url, bearer, body))
    }

    fn exchange_once(
        &self,
        place: &Index,
        url: &Url,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), Problem> {
        let ask = Ask { index: place, url, what: "a token for uploads", accept: None, part: Part::All };
        let proxy = self.proxies.of(url.scheme());
        let authorization = bearer.map(|bearer| format!("Bearer {bearer}"));
        let answer = match body {
            None => {
                let mut request = self.agent.get(url.as_str()).config().proxy(proxy).build();
                if let Some(authorization) = authorization {
                    request = request.header(header::AUTHORIZATION, authorization);
                }
                request.header(header::ACCEPT, "application/json").call()
            }
            Some(body) => {
                let request = self.agent.post(url.as_str()).config().proxy(proxy).build();
                let request = request.header(header::CONTENT_TYPE, "application/json");
                request.send(body.to_string().as_bytes())
            }
        };
        let answer = answer.map_err(|error| self.failed(&ask, &error))?;
        let status = answer.status().as_u16();
        if matches!(status, 408 | 425 | 429 | 500..=599) {
            let wait = retry_after(answer.headers());
            let (index, what) = (place.name.clone(), ask.what.to_owned());
            let seconds = wait.map(|wait| wait.as_secs());
            let error = FetchError::Status { index, what, status, attempts: 1, wait: seconds };
            return Err(Problem::Passing { error: Box::new(error), wait, progress: false });
        }
        let mut text = Vec::new();
        let read = answer.into_body().into_reader().take(LONGEST).read_to_end(&mut text);
        read.map_err(|error| passing(&ask, body_cause(error), false))?;
        Ok((status, serde_json::from_slice(&text).unwrap_or_default()))
    }
}

/// Whether nobody reads on the way to an address.
fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

/// Whether an identity says that it is for `audience`: the claims are in its middle.
fn is_for(identity: &str, audience: &str) -> bool {
    let claims = identity.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Value = claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
    let is_meant = |claim: &Value| claim.as_str() == Some(audience);
    is_meant(&claims["aud"]) || claims["aud"].as_array().is_some_and(|all| all.iter().any(is_meant))
}

fn refused(place: &Index, reason: &str) -> FetchError {
    FetchError::Identity { index: place.name.clone(), reason: reason.to_owned() }
}

/// What an answer says of a refusal, in short.
fn reason(status: u16, answer: &Value) -> String {
    let first = answer.pointer("/errors/0/description").or_else(|| answer.get("message"));
    let said = first.and_then(Value::as_str).unwrap_or_default();
    let said: String = said.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect();
    if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") }
}
