//! Puts the image of a layout into a registry: what the registry has is not sent again, and the manifest that names all comes
//! last.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};

use super::RegistryError;
use super::client::Registry;
use crate::image::{
    BaseName, ImageError, Layout, Origin, Repository, SBOM_DIGEST, Sha256, parse, sha256_from,
};

/// How many blobs are sent at once.
const AT_ONCE: usize = 4;
/// The annotations that say what an image is built upon.
const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// A blob that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its digest.
    pub digest: String,
    /// The number of its bytes.
    pub size: u64,
    /// Whether it is a layer.
    pub is_layer: bool,
}

/// An image as its documents say it.
struct Image {
    root: Descriptor,
    manifests: Vec<(Descriptor, ImageManifest)>,
}

/// An image on its way into a repository, compared with what is there.
pub struct Push<'p> {
    layout: Layout,
    image: Image,
    blobs: Vec<(Sha256, bool)>,
    repository: &'p Repository,
    tags: &'p [String],
    /// Whether all its tags name it already, so that nothing has to be sent.
    pub unchanged: bool,
}

impl<'p> Push<'p> {
    /// Compares the image of a layout with what the tags of a repository name; sends nothing.
    ///
    /// # Errors
    /// Where the layout cannot be read, or the registry does not answer.
    pub fn new(
        registry: &Registry,
        layout: Layout,
        repository: &'p Repository,
        tags: &'p [String],
    ) -> Result<Push<'p>, ImageError> {
        let image = image(&layout)?;
        let digest = image.root.digest().to_string();
        let blobs = image.blobs()?;
        let named = |tag: &String| Ok(registry.existing(repository, tag)?.as_ref() == Some(&digest));
        let named: Vec<bool> = tags.iter().map(named).collect::<Result<_, RegistryError>>()?;
        let unchanged = !named.is_empty() && named.iter().all(|named| *named);
        Ok(Push { layout, image, blobs, repository, tags, unchanged })
    }

    /// The digest that stands for it: of its manifest, or of the index of several.
    #[must_use]
    pub fn digest(&self) -> String {
        self.image.root.digest().to_string()
    }

    /// How many layers it has, of all platforms together.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.blobs.iter().filter(|(_, is_layer)| *is_layer).count()
    }

    /// Sends what the registry lacks, and then lets the tags name it; gives what was sent.
    ///
    /// # Errors
    /// Where the layout cannot be read, or the registry does not take it; its tags name what they did before.
    pub fn send(&self, registry: &Registry) -> Result<Vec<Sent>, ImageError> {
        let (layout, repository, image) = (&self.layout, self.repository, &self.image);
        let lenders = image.lenders(repository);
        let sent = send_all(registry, layout, repository, &self.blobs, &lenders)?;
        for (descriptor, _) in &image.manifests {
            let reference = descriptor.digest().to_string();
            let bytes = layout.document(&of_descriptor(descriptor)?)?;
            registry.put_manifest(repository, &reference, descriptor.media_type(), &bytes)?;
        }
        for (descriptor, manifest) in &image.manifests {
            if let Some(sbom) = sbom(layout, manifest)? {
                registry.attach(repository, descriptor, sbom)?;
            }
        }
        let bytes = layout.document(&of_descriptor(&image.root)?)?;
        for reference in self.tags {
            registry.put_manifest(repository, reference, image.root.media_type(), &bytes)?;
        }
        Ok(sent)
    }
}

/// Reads the first image of a layout: all that it names is the same one.
fn image(layout: &Layout) -> Result<Image, ImageError> {
    let index = layout.index()?;
    let mut root = index.manifests().first().cloned().ok_or(ImageError::Input("expected an image"))?;
    root.set_annotations(None);
    let bytes = layout.document(&of_descriptor(&root)?)?;
    let manifests = if *root.media_type() == MediaType::ImageIndex {
        parse::<ImageIndex>(&bytes, "the index of an image")?.manifests().clone()
    } else {
        vec![root.clone()]
    };
    let read = |descriptor: Descriptor| {
        let bytes = layout.document(&of_descriptor(&descriptor)?)?;
        Ok((descriptor, parse(&bytes, "the manifest of an image")?))
    };
    let manifests = manifests.into_iter().map(read).collect::<Result<_, ImageError>>()?;
    Ok(Image { root, manifests })
}

impl Image {
    /// All blobs, each once: layers, configurations and bills of materials.
    fn blobs(&self) -> Result<Vec<(Sha256, bool)>, ImageError> {
        let mut found: BTreeSet<(Sha256, bool)> = BTreeSet::new();
        for (_, manifest) in &self.manifests {
            for layer in manifest.layers() {
                found.insert((of_descriptor(layer)?, true));
            }
            found.insert((of_descriptor(manifest.config())?, false));
            if let Some(sbom) = annotation(manifest, SBOM_DIGEST).and_then(sha256_from) {
                found.insert((sbom, false));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The repositories of the same registry that the base is in, which can lend its layers.
    fn lenders(&self, to: &Repository) -> Vec<Repository> {
        let bases = self.manifests.iter().filter_map(|(_, manifest)| {
            let (name, digest) = (annotation(manifest, BASE_NAME)?, annotation(manifest, BASE_DIGEST)?);
            match BaseName::parse(&format!("{name}@{digest}")).ok()?.origin {
                Origin::Registry(base) if base.host == to.host && base.path != to.path => Some(base),
                _ => None,
            }
        });
        let mut bases: Vec<Repository> = bases.collect();
        bases.dedup();
        bases
    }
}

fn annotation<'m>(manifest: &'m ImageManifest, name: &str) -> Option<&'m str> {
    manifest.annotations().as_ref()?.get(name).map(String::as_str)
}

fn of_descriptor(descriptor: &Descriptor) -> Result<Sha256, ImageError> {
    sha256_from(descriptor.digest().as_ref()).ok_or_else(|| ImageError::Malformed {
        what: "a manifest".to_owned(),
        reason: format!("`{}` is no SHA-256", descriptor.digest()),
    })
}

/// The digest of a bill of materials, and the number of its bytes.
fn sbom(layout: &Layout, manifest: &ImageManifest) -> Result<Option<(Sha256, u64)>, ImageError> {
    let Some(digest) = annotation(manifest, SBOM_DIGEST).and_then(sha256_from) else { return Ok(None) };
    Ok(Some((digest, layout.blob(&digest)?.size)))
}

/// Sends the blobs that the registry lacks, some at once; gives those that were sent, in order.
fn send_all(
    registry: &Registry,
    layout: &Layout,
    repository: &Repository,
    blobs: &[(Sha256, bool)],
    lenders: &[Repository],
) -> Result<Vec<Sent>, ImageError> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((sha256, is_layer)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = send_one(registry, layout, repository, (sha256, *is_layer), lenders);
            let failed = result.is_err();
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            if failed {
                next.store(blobs.len(), Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(blobs.len()) {
            scope.spawn(work);
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sent: Vec<Option<Sent>> = results.into_iter().collect::<Result<_, _>>()?;
    let mut sent: Vec<Sent> = sent.into_iter().flatten().collect();
    sent.sort_by(|a, b| a.digest.cmp(&b.digest));
    Ok(sent)
}

fn send_one(
    registry: &Registry,
    layout: &Layout,
    repository: &Repository,
    (sha256, is_layer): (&Sha256, bool),
    lenders: &[Repository],
) -> Result<Option<Sent>, ImageError> {
    let digest = crate::image::digest_of(sha256);
    if registry.has_blob(repository, &digest)? {
        return Ok(None);
    }
    let size = layout.blob(sha256)?.size;
    let open = || match layout.blob(sha256) {
        Ok(content) => Ok(Box::new(content) as Box<dyn Read>),
        Err(error) => Err(error.to_string()),
    };
    let lender = if is_layer { lenders.first() } else { None };
    let was_sent = registry.put_blob(repository, &digest, (size, &open), lender)?;
    Ok(was_sent.then_some(Sent { digest, size, is_layer }))
}
