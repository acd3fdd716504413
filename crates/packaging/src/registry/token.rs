//! Turns what a registry asks for, and what is known of the user, into the header `Authorization`.

use serde_json::Value;
use ureq::SendBody;
use ureq::http::{Method, Request, header};
use url::Url;
use url::form_urlencoded::Serializer;

use super::challenge::Challenge;
use super::client::{Registry, read_limited};
use super::logins::Login;
use super::{RegistryError, logins};
use crate::image::Repository;
use crate::index::basic;

/// What this program calls itself where it asks for tokens.
const CLIENT: &str = "pants";
/// No token is longer.
const LONGEST: u64 = 1 << 20;

impl Registry {
    /// The header that a challenge asks for; none where nothing is known of the user that would help.
    ///
    /// # Errors
    /// Where credentials cannot be read, or no token is given out.
    pub(super) fn authorization(
        &self,
        repository: &Repository,
        challenge: &str,
        scopes: &[String],
    ) -> Result<Option<String>, RegistryError> {
        let login = logins::find(&self.env, repository)?.map(|(login, _)| login);
        match Challenge::parse(challenge) {
            Some(Challenge::Basic) => Ok(match &login {
                Some(Login::Password { user, password }) => Some(basic((user, password))),
                _ => None,
            }),
            Some(Challenge::Bearer { realm, service }) => {
                let unusable = |reason: &str| RegistryError::Answer {
                    host: repository.host.clone(),
                    what: "the question who asks".to_owned(),
                    reason: reason.to_owned(),
                };
                let realm =
                    Url::parse(&realm).map_err(|_| unusable("it names no address that gives tokens"))?;
                if realm.scheme() != "https" && !repository.is_plain {
                    return Err(unusable("it sends to an address without encryption"));
                }
                self.token(repository, realm, service.as_deref(), scopes, login.as_ref()).map(Some)
            }
            None => Ok(None),
        }
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
        let what = "a token";
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
                self.run(repository, what, request, SendBody::from_owned_reader(std::io::Cursor::new(body)))?
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
                self.run(repository, what, request, SendBody::none())?
            }
        };
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(self.refused(repository, what, status));
        }
        let bytes = read_limited(answer, LONGEST).map_err(|cause| RegistryError::Connection {
            host: repository.host.clone(),
            what: what.to_owned(),
            cause,
        })?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|key| answer.get(key)?.as_str());
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| RegistryError::Answer {
            host: repository.host.clone(),
            what: what.to_owned(),
            reason: "there is none in it".to_owned(),
        })?;
        Ok(format!("Bearer {token}"))
    }
}
