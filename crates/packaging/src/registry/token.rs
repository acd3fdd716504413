//! Turns what a registry asks for, and what is known of the user, into the header `Authorization`.

use serde_json::Value;
use ureq::SendBody;
use ureq::http::{Method, Request, header};
use url::Url;
use url::form_urlencoded::Serializer;

use super::RegistryError;
use super::challenge::Challenge;
use super::client::{Registry, read_limited};
use super::logins::Login;
use crate::image::Repository;
use crate::index::basic;

/// What this program calls itself where it asks for tokens.
const CLIENT: &str = "pants";
/// What is asked for, for messages.
const WHAT: &str = "a token";
/// No token is longer.
const LONGEST: u64 = 1 << 20;

impl Registry {
    /// The header that the first of some challenges asks for that can be met; none where nothing is known of the user that
    /// would help.
    ///
    /// # Errors
    /// Where credentials cannot be read, or no token is given out.
    pub(super) fn authorization(
        &self,
        repository: &Repository,
        challenges: &[Challenge],
        scopes: &[String],
    ) -> Result<Option<String>, RegistryError> {
        let login = self.login(repository)?.map(|(login, _)| login);
        for challenge in challenges {
            match (challenge, &login) {
                (Challenge::Basic, Some(Login::Password { user, password })) => {
                    return Ok(Some(basic((user, password))));
                }
                (Challenge::Basic, _) => {}
                (Challenge::Bearer { realm, service }, login) => {
                    let realm = realm_of(repository, realm)?;
                    let token = self.token(repository, realm, service.as_deref(), scopes, login.as_ref());
                    return token.map(Some);
                }
            }
        }
        Ok(None)
    }

    /// A token for `scopes` from the service of a registry.
    fn token(
        &self,
        repository: &Repository,
        mut realm: Url,
        service: Option<&str>,
        scopes: &[String],
        login: Option<&Login>,
    ) -> Result<String, RegistryError> {
        let host = realm.host_str().unwrap_or_default().to_owned();
        let service = service.map(|service| ("service", service));
        let scope = |scopes: &[String]| scopes.join(" ");
        let answer = match login {
            Some(Login::Token(token)) => {
                let mut form = Serializer::new(String::new());
                form.extend_pairs(service);
                form.append_pair("scope", &scope(scopes)).append_pair("client_id", CLIENT);
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(realm.as_str())
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                let body = form.finish().into_bytes();
                self.run(&host, WHAT, request, SendBody::from_owned_reader(std::io::Cursor::new(body)))?
            }
            login => {
                realm.query_pairs_mut().extend_pairs(service);
                for scope in scopes {
                    realm.query_pairs_mut().append_pair("scope", scope);
                }
                let mut request = Request::builder().method(Method::GET).uri(realm.as_str());
                if let Some(Login::Password { user, password }) = login {
                    realm.query_pairs_mut().append_pair("account", user);
                    request =
                        request.uri(realm.as_str()).header(header::AUTHORIZATION, basic((user, password)));
                }
                self.run(&host, WHAT, request, SendBody::none())?
            }
        };
        if answer.status().as_u16() != 200 {
            return Err(self.rejected(repository, WHAT, answer));
        }
        let bytes = read_limited(answer, LONGEST).map_err(|cause| RegistryError::Connection {
            host,
            what: WHAT.to_owned(),
            cause,
        })?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|key| answer.get(key)?.as_str());
        let token = token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| unusable(repository, "there is none in it"))?;
        Ok(format!("Bearer {token}"))
    }
}

/// The address of the service that gives out tokens.
fn realm_of(repository: &Repository, realm: &str) -> Result<Url, RegistryError> {
    let realm = Url::parse(realm);
    let realm = realm.map_err(|_| unusable(repository, "it names no address that gives out tokens"))?;
    if realm.scheme() == "https" || (realm.scheme() == "http" && repository.is_plain) {
        return Ok(realm);
    }
    Err(unusable(repository, "it sends to an address without encryption"))
}

fn unusable(repository: &Repository, reason: &str) -> RegistryError {
    let (host, what, reason) = (repository.host.clone(), WHAT.to_owned(), reason.to_owned());
    RegistryError::Answer { host, what, reason }
}
