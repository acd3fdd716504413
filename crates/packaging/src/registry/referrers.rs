//! Attaches a bill of materials to an image of a registry, as OCI 1.1 has it: a manifest whose subject is the image. For a
//! registry that does not list such manifests, a tag does.

use oci_spec::image::{Descriptor, ImageIndex, ImageIndexBuilder, ImageManifestBuilder, MediaType};

use super::RegistryError;
use super::client::Registry;
use crate::image::{Repository, Sha256, canonical, described, descriptor};

/// The type of a bill of materials.
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
/// The configuration of what has none.
const EMPTY: &[u8] = b"{}";
/// The header by which a registry says that it lists what is attached.
const SUBJECT: &str = "oci-subject";

impl Registry {
    /// Attaches a bill of materials that the repository has as a blob.
    pub(super) fn attach(
        &self,
        repository: &Repository,
        subject: &Descriptor,
        (sbom, size): (Sha256, u64),
    ) -> Result<(), RegistryError> {
        let mut subject = subject.clone();
        subject.set_platform(None);
        let empty = descriptor(MediaType::EmptyJSON, EMPTY);
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .artifact_type(MediaType::from(CYCLONEDX))
            .config(empty.clone())
            .layers(vec![described(CYCLONEDX.into(), &sbom, size)])
            .subject(subject.clone())
            .build()
            .expect("all that a manifest needs is given");
        let bytes = canonical(&manifest);
        let mut attached = descriptor(MediaType::ImageManifest, &bytes);
        let reference = attached.digest().to_string();
        let digest = empty.digest().to_string();
        if !self.has_blob(repository, &digest)? {
            let open = || Ok(Box::new(EMPTY) as Box<dyn std::io::Read>);
            self.put_blob(repository, &digest, (EMPTY.len() as u64, &open), None)?;
        }
        let answer = self.put_manifest(repository, &reference, &MediaType::ImageManifest, &bytes)?;
        if answer.headers().contains_key(SUBJECT) {
            return Ok(());
        }
        attached.set_artifact_type(Some(CYCLONEDX.into()));
        self.list(repository, &subject, attached)
    }

    /// Adds to the tag that lists what is attached to an image, where it is not there already.
    fn list(
        &self,
        repository: &Repository,
        subject: &Descriptor,
        attached: Descriptor,
    ) -> Result<(), RegistryError> {
        let tag = subject.digest().to_string().replace(':', "-");
        let mut listed = match self.manifest_if_any(repository, &tag)? {
            Some(bytes) => parse_list(repository, &tag, &bytes)?.manifests().clone(),
            None => Vec::new(),
        };
        if listed.iter().any(|other| other.digest() == attached.digest()) {
            return Ok(());
        }
        listed.push(attached);
        let index = ImageIndexBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageIndex)
            .manifests(listed)
            .build()
            .expect("all that an index needs is given");
        self.put_manifest(repository, &tag, &MediaType::ImageIndex, &canonical(&index)).map(drop)
    }
}

/// Reads such a list. What others have attached is in it, so that one that is not understood is left alone.
fn parse_list(repository: &Repository, tag: &str, bytes: &[u8]) -> Result<ImageIndex, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| RegistryError::Answer {
        host: repository.host.clone(),
        what: format!("the list `{tag}` of `{repository}` of what is attached to an image"),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_document_has_the_digest_that_oci_says() {
        let expected = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(crate::image::digest_of(&crate::image::sha256_of(EMPTY)), expected);
    }
}
