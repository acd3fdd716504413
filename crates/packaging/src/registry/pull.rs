//! Brings manifests and blobs from a registry.

use std::io::Read;

use ureq::Body;
use ureq::http::{Method, Response, header};

use super::RegistryError;
use super::client::{Ask, Payload, Registry, read_limited, unusable};
use crate::image::{Repository, Sha256, digest_of, sha256_of};

/// The forms of manifests and indexes that are understood.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";
/// No document is longer.
const LONGEST_DOCUMENT: u64 = 16 << 20;

impl Registry {
    /// A manifest or an index, by a tag or a digest.
    ///
    /// # Errors
    /// Where the registry does not give it.
    pub fn manifest(&self, repository: &Repository, reference: &str) -> Result<Vec<u8>, RegistryError> {
        let what = format!("the manifest `{reference}` of `{repository}`");
        let ask = self.get(repository, &format!("manifests/{reference}"), &what, Method::GET)?;
        let answer = self.good(&ask)?;
        read_limited(answer, LONGEST_DOCUMENT).map_err(|reason| unusable(&ask, &reason))
    }

    /// A manifest or an index, by a tag or a digest; none where there is nothing under it.
    ///
    /// # Errors
    /// Where the registry does not say.
    pub(super) fn manifest_if_any(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.manifest(repository, reference) {
            Err(RegistryError::Missing { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The digest of what a tag names; none where there is nothing.
    ///
    /// # Errors
    /// Where the registry does not say.
    pub fn existing(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<String>, RegistryError> {
        let what = format!("the manifest `{reference}` of `{repository}`");
        let ask = self.get(repository, &format!("manifests/{reference}"), &what, Method::HEAD)?;
        let answer = self.send(&ask)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.wrong(&ask, answer)),
        }
        let digest = answer.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        if let Some(digest) = digest {
            return Ok(Some(digest.to_owned()));
        }
        let bytes = self.manifest_if_any(repository, reference)?;
        Ok(bytes.map(|bytes| digest_of(&sha256_of(&bytes))))
    }

    /// A small blob, such as a configuration.
    ///
    /// # Errors
    /// Where the registry does not give it.
    pub fn document(&self, repository: &Repository, sha256: &Sha256) -> Result<Vec<u8>, RegistryError> {
        let digest = digest_of(sha256);
        let what = format!("the document `{digest}` of `{repository}`");
        let ask = self.get(repository, &format!("blobs/{digest}"), &what, Method::GET)?;
        let answer = self.good(&ask)?;
        read_limited(answer, LONGEST_DOCUMENT).map_err(|reason| unusable(&ask, &reason))
    }

    /// A blob, to be read.
    ///
    /// # Errors
    /// Where the registry does not give it.
    pub fn blob(
        &self,
        repository: &Repository,
        sha256: &Sha256,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        let digest = digest_of(sha256);
        let what = format!("the layer `{digest}` of `{repository}`");
        let ask = self.get(repository, &format!("blobs/{digest}"), &what, Method::GET)?;
        Ok(Box::new(self.good(&ask)?.into_body().into_reader()))
    }

    pub(super) fn get<'a>(
        &self,
        repository: &'a Repository,
        rest: &str,
        what: &'a str,
        method: Method,
    ) -> Result<Ask<'a>, RegistryError> {
        let url = self.url(repository, rest)?;
        let accept = if rest.starts_with("manifests/") { MANIFESTS } else { "*/*" };
        let headers =
            vec![(header::ACCEPT, accept.to_owned()), (header::ACCEPT_ENCODING, "identity".to_owned())];
        let scopes = vec![format!("repository:{}:pull", repository.path)];
        Ok(Ask { repository, method, url, headers, payload: Payload::Nothing, scopes, what })
    }

    /// An answer that says that all is well.
    fn good(&self, ask: &Ask<'_>) -> Result<Response<Body>, RegistryError> {
        let answer = self.send(ask)?;
        if answer.status().as_u16() == 200 { Ok(answer) } else { Err(self.wrong(ask, answer)) }
    }
}
