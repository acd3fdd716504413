//! The bases of images: their documents and layers, from layouts in the repository and from registries. Documents are
//! remembered by their digests, so that a base that was used once is known offline.

use engine::{Download, Failure};
use packaging::image::{self, Base, BaseName, ImageError, ImagePlatform, Kind, Layout, Origin, Sha256};
use packaging::registry::Registry;
use store::{Digest, Store, StoreError};

use crate::downloads::Downloads;
use crate::session::Session;

/// The memo table of documents.
const TABLE: &str = "image-document";
/// How often a layer is fetched that breaks off.
const ATTEMPTS: usize = 3;

/// What of a base is built upon for a platform.
pub(crate) fn base(
    session: &Session<'_>,
    store: &Store,
    name: &BaseName,
    platform: ImagePlatform,
) -> Result<Base, ImageError> {
    image::base(name, platform, &|kind, sha256| {
        if let Ok(Some(known)) = store.memo(TABLE, sha256) {
            return Ok(known);
        }
        let bytes = match &name.origin {
            Origin::Layout(path) => Layout::open(&session.root.join(path))?.document(sha256)?,
            Origin::Registry(repository) => {
                let registry = Registry::new(session.environment.variables.clone(), session.offline);
                let registry = registry.map_err(packaging::registry::RegistryError::from)?;
                match kind {
                    Kind::Manifest => registry.manifest(repository, &image::digest_of(sha256))?,
                    Kind::Config => registry.document(repository, sha256)?,
                }
            }
        };
        if image::is_of(&bytes, sha256) {
            // A cache that cannot be written costs the question next time, nothing else.
            let _: Result<(), StoreError> = store.put_memo(TABLE, sha256, &bytes);
        }
        Ok(bytes)
    })
}

/// Brings a layer of a base.
pub(crate) fn fetch(
    downloads: &Downloads<'_>,
    download: &Download,
    store: &Store,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<Digest, Box<dyn Failure>> {
    let failed = |error: ImageError| Box::new(error) as Box<dyn Failure>;
    let name = BaseName::parse(&download.origin.project);
    let name = name.map_err(|_| failed(ImageError::Input("expected the name of a base")))?;
    let size = download.size.ok_or_else(|| failed(ImageError::Input("expected the size of a layer")))?;
    let told = |count: u64| progress(count, Some(size));
    let mut attempt = 1;
    loop {
        match layer(downloads, &name, (&download.sha256, size), store, &told) {
            Err(ImageError::Broken { .. }) if attempt < ATTEMPTS => attempt += 1,
            result => return result.map_err(failed),
        }
    }
}

fn layer(
    downloads: &Downloads<'_>,
    name: &BaseName,
    (sha256, size): (&Sha256, u64),
    store: &Store,
    progress: &dyn Fn(u64),
) -> Result<Digest, ImageError> {
    match &name.origin {
        Origin::Layout(path) => {
            let content = Layout::open(&downloads.root.join(path))?.blob(sha256)?;
            image::keep(store, (sha256, size), content, progress)
        }
        Origin::Registry(repository) => {
            let registry = downloads.registry()?;
            image::keep(store, (sha256, size), registry.blob(repository, sha256)?, progress)
        }
    }
}
