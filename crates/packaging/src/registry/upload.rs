//! Puts blobs and manifests into a repository. Knows not what is in them.

use oci_spec::image::MediaType;
use ureq::Body;
use ureq::http::{Method, Response, header};
use url::Url;

use super::RegistryError;
use super::client::{Ask, Open, Payload, Registry, again, is_as_safe, unusable};
use crate::image::Repository;

impl Registry {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// Where the registry does not say.
    pub(super) fn has_blob(&self, repository: &Repository, digest: &str) -> Result<bool, RegistryError> {
        again(|| self.has_blob_once(repository, digest))
    }

    fn has_blob_once(&self, repository: &Repository, digest: &str) -> Result<bool, RegistryError> {
        let what = format!("the blob `{digest}` of `{repository}`");
        let mut ask = self.get(repository, &format!("blobs/{digest}"), &what, Method::HEAD)?;
        ask.scopes = to_push(repository);
        let answer = self.once(&ask)?;
        match answer.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.wrong(&ask, answer)),
        }
    }

    /// Sends a blob, again from its beginning where that breaks off; false where another repository of the registry lent it.
    ///
    /// # Errors
    /// Where it cannot be read, or the registry does not take it.
    pub(super) fn put_blob(
        &self,
        repository: &Repository,
        digest: &str,
        blob: (u64, &Open<'_>),
        lender: Option<&Repository>,
    ) -> Result<bool, RegistryError> {
        let what = format!("the blob `{digest}` for `{repository}`");
        let mut broke_off = false;
        again(|| {
            // It may have come through, and only the answer was lost.
            if broke_off && self.has_blob_once(repository, digest)? {
                return Ok(true);
            }
            let begun = match self.begin(repository, digest, lender, &what) {
                // Who may not borrow may still send.
                Err(error) if lender.is_some() && error.is_refusal() => {
                    self.begin(repository, digest, None, &what)?
                }
                begun => begun?,
            };
            let Some(mut url) = begun else { return Ok(false) };
            url.query_pairs_mut().append_pair("digest", digest);
            broke_off = true;
            self.finish(repository, url, blob, &what)?;
            Ok(true)
        })
    }

    /// Begins an upload; gives the address that the blob is sent to, or nothing where `lender` has lent it.
    fn begin(
        &self,
        repository: &Repository,
        digest: &str,
        lender: Option<&Repository>,
        what: &str,
    ) -> Result<Option<Url>, RegistryError> {
        let mut url = self.url(repository, "blobs/uploads/")?;
        let mut scopes = to_push(repository);
        if let Some(lender) = lender {
            url.query_pairs_mut().append_pair("mount", digest).append_pair("from", &lender.path);
            scopes.push(format!("repository:{}:pull", lender.path));
        }
        let (method, payload) = (Method::POST, Payload::Bytes(&[]));
        let ask = Ask { repository, method, url, headers: Vec::new(), payload, scopes, what };
        let answer = self.once(&ask)?;
        match answer.status().as_u16() {
            201 if lender.is_some() => return Ok(None),
            202 => {}
            _ => return Err(self.wrong(&ask, answer)),
        }
        let place = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let place = place.and_then(|place| ask.url.join(place).ok());
        let place = place.ok_or_else(|| unusable(&ask, "it does not say where to send it"))?;
        if is_as_safe(&ask.url, &place) {
            Ok(Some(place))
        } else {
            Err(unusable(&ask, "it names an address without encryption to send it to"))
        }
    }

    /// Sends a blob to where an upload was begun, once: an upload that broke off is none any more.
    fn finish(
        &self,
        repository: &Repository,
        url: Url,
        (size, open): (u64, &Open<'_>),
        what: &str,
    ) -> Result<(), RegistryError> {
        let headers = vec![(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let (payload, scopes) = (Payload::Blob(size, open), to_push(repository));
        let ask = Ask { repository, method: Method::PUT, url, headers, payload, scopes, what };
        let answer = self.once(&ask)?;
        match answer.status().as_u16() {
            201 => Ok(()),
            status @ (404 | 416) => {
                let (host, what) = (repository.host.clone(), what.to_owned());
                Err(RegistryError::Session { host, what, status })
            }
            _ => Err(self.wrong(&ask, answer)),
        }
    }

    /// Puts a manifest under a tag or its digest.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub(super) fn put_manifest(
        &self,
        repository: &Repository,
        reference: &str,
        media_type: &MediaType,
        bytes: &[u8],
    ) -> Result<Response<Body>, RegistryError> {
        let what = format!("the manifest `{reference}` for `{repository}`");
        let ask = Ask {
            repository,
            method: Method::PUT,
            url: self.url(repository, &format!("manifests/{reference}"))?,
            headers: vec![(header::CONTENT_TYPE, media_type.to_string())],
            payload: Payload::Bytes(bytes),
            scopes: to_push(repository),
            what: &what,
        };
        let answer = self.send(&ask)?;
        if answer.status().as_u16() == 201 { Ok(answer) } else { Err(self.wrong(&ask, answer)) }
    }
}

/// What a token has to allow for uploads.
fn to_push(repository: &Repository) -> Vec<String> {
    vec![format!("repository:{}:pull,push", repository.path)]
}
