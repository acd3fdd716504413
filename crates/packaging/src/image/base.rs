//! From the digest of a base image to what is built upon: its configuration and its layers for one platform.

use oci_spec::image::{ImageIndex, ImageManifest, MediaType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{digest_of, has, parse, sha256, sha256_of};
use super::{BaseName, ImageError, ImagePlatform, Sha256};

/// What of a base is built upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its configuration, as it is written.
    pub config: String,
    /// Its layers, the lowest first.
    pub layers: Vec<BaseLayer>,
}

/// A layer of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseLayer {
    /// Its digest.
    pub sha256: Sha256,
    /// The number of its bytes.
    pub size: u64,
    /// How it is packed.
    pub media_type: String,
}

/// What kind of document is asked for: a registry keeps them at different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A manifest, or an index of manifests.
    Manifest,
    /// A configuration.
    Config,
}

/// Gives a document by its digest.
pub(super) type Read<'r> = dyn Fn(Kind, &Sha256) -> Result<Vec<u8>, ImageError> + 'r;

/// What of a base is built upon for `platform`; `read` brings its documents, whose digests are checked here.
///
/// # Errors
/// Where a document cannot be read or understood, or the base is not for the platform.
pub fn base(name: &BaseName, platform: ImagePlatform, read: &Read<'_>) -> Result<Base, ImageError> {
    let what = |document: &str| format!("the {document} of `{name}`");
    let checked = |kind, sha256: &Sha256, document: &str| {
        let bytes = read(kind, sha256)?;
        let found = sha256_of(&bytes);
        if found == *sha256 {
            return Ok(bytes);
        }
        let (expected, found) = (digest_of(sha256), digest_of(&found));
        Err(ImageError::Digest { what: what(document), expected, found })
    };
    let mut bytes = checked(Kind::Manifest, &name.sha256, "manifest")?;
    let document: Value = parse(&bytes, &what("manifest"))?;
    if has(&document, "manifests") {
        let chosen = choose(name, platform, &parse(&bytes, &what("index"))?)?;
        bytes = checked(Kind::Manifest, &chosen, "manifest")?;
    }
    let manifest: ImageManifest = parse(&bytes, &what("manifest"))?;
    let malformed = |document: &str, reason: &str| ImageError::Malformed {
        what: what(document),
        reason: reason.to_owned(),
    };
    let of_sha256 =
        |digest: &str| sha256(digest).ok_or_else(|| malformed("manifest", "a digest in it is no SHA-256"));
    let config = checked(Kind::Config, &of_sha256(manifest.config().digest().as_ref())?, "configuration")?;
    let config = String::from_utf8(config).map_err(|_| malformed("configuration", "it is no UTF-8"))?;
    let layers = manifest.layers().iter().map(|layer| {
        let media_type = packed(layer.media_type()).ok_or_else(|| {
            malformed("manifest", &format!("`{}` is no layer of an image", layer.media_type()))
        })?;
        let sha256 = of_sha256(layer.digest().as_ref())?;
        Ok(BaseLayer { sha256, size: layer.size(), media_type: media_type.to_string() })
    });
    let layers: Vec<BaseLayer> = layers.collect::<Result<_, ImageError>>()?;
    check_config(&config, layers.len(), &what("configuration"))?;
    check_platform(name, platform, &config)?;
    Ok(Base { config, layers })
}

/// The digest of the manifest for a platform.
fn choose(name: &BaseName, platform: ImagePlatform, index: &ImageIndex) -> Result<Sha256, ImageError> {
    let manifests = index.manifests();
    let is = |entry: &&oci_spec::image::Descriptor| {
        entry.platform().as_ref().is_some_and(|found| platform.is(found))
    };
    let chosen = manifests.iter().find(is).and_then(|entry| sha256(entry.digest().as_ref()));
    chosen.ok_or_else(|| {
        let known = manifests.iter().filter_map(|entry| entry.platform().as_ref());
        let mut known: Vec<String> =
            known.map(|found| format!("`{}/{}`", found.os(), found.architecture())).collect();
        known.dedup();
        let found = if known.is_empty() { "none that it names".to_owned() } else { known.join(", ") };
        ImageError::Platform { base: name.to_string(), wanted: platform, found }
    })
}

/// The media type of OCI for one of Docker's that means the same; none for what is no layer.
fn packed(media_type: &MediaType) -> Option<MediaType> {
    match media_type {
        MediaType::ImageLayer | MediaType::ImageLayerGzip | MediaType::ImageLayerZstd => {
            Some(media_type.clone())
        }
        MediaType::Other(text) => match text.as_str() {
            "application/vnd.docker.image.rootfs.diff.tar.gzip" => Some(MediaType::ImageLayerGzip),
            "application/vnd.docker.image.rootfs.diff.tar" => Some(MediaType::ImageLayer),
            _ => None,
        },
        _ => None,
    }
}

/// The configuration has to name as many layers as the manifest has.
fn check_config(config: &str, layers: usize, what: &str) -> Result<(), ImageError> {
    let config: Value = parse(config.as_bytes(), what)?;
    let named = config.pointer("/rootfs/diff_ids").and_then(Value::as_array).map_or(0, Vec::len);
    if named == layers {
        return Ok(());
    }
    let reason = format!("it names {named} layers, and the manifest {layers}");
    Err(ImageError::Malformed { what: what.to_owned(), reason })
}

/// An image without an index says in its configuration what it is for.
fn check_platform(name: &BaseName, platform: ImagePlatform, config: &str) -> Result<(), ImageError> {
    let config: Value = parse(config.as_bytes(), "the configuration")?;
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (os, architecture) = (text("os"), text("architecture"));
    if format!("{os}/{architecture}") == platform.to_string() {
        return Ok(());
    }
    let found = format!("`{os}/{architecture}`");
    Err(ImageError::Platform { base: name.to_string(), wanted: platform, found })
}
