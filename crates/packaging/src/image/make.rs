//! Puts an image together: its base, its layers, and the documents that name them, as an OCI layout. Nothing is copied.

use std::collections::{BTreeMap, HashMap};

use oci_spec::image::{
    Descriptor, ImageIndex, ImageIndexBuilder, ImageManifestBuilder, MediaType, OciLayout, OciLayoutBuilder,
};
use serde::{Deserialize, Serialize};
use store::{Digest, Entry, Store, Tree};

use super::config::configuration;
use super::document::{canonical, described, descriptor, digest_of, hex, parse, sha256};
use super::layer::{BLOB, DIGESTS, Digests};
use super::{Base, ImageError, ImagePlatform, sha256_of};

/// Where blobs are in a layout.
pub const BLOBS: &str = "blobs/sha256";
/// The file that says that a folder is a layout.
const LAYOUT: &str = "oci-layout";
/// The file that names the images of a layout.
pub(super) const INDEX: &str = "index.json";
/// The annotation with the tag of an image of a layout.
const TAG: &str = "org.opencontainers.image.ref.name";
/// The annotation of a manifest with the digest of its bill of materials, a blob of the same layout.
pub const SBOM_DIGEST: &str = "pants.sbom.digest";
/// The version of manifests and indexes.
const SCHEMA: u32 = 2;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// Its tags.
    pub tags: Vec<String>,
    /// One for each platform.
    pub variants: Vec<Variant>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The platform.
    pub platform: ImagePlatform,
    /// What it is built upon.
    pub base: Base,
    /// What is started.
    pub entrypoint: Vec<String>,
    /// The folder of its programs, which is looked in first.
    pub programs: String,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// What its configuration says of it.
    pub labels: BTreeMap<String, String>,
    /// What its manifest says of it.
    pub annotations: BTreeMap<String, String>,
    /// Who starts it; not given: as its base has it.
    pub user: Option<String>,
    /// The folder that it starts in; not given: as its base has it.
    pub workdir: Option<String>,
    /// What its layers are, the lowest first.
    pub layers: Vec<String>,
}

impl Variant {
    /// How many trees it is made of: the layers of its base, its own, and its bill of materials.
    fn inputs(&self) -> usize {
        self.base.layers.len() + self.layers.len() + 1
    }
}

/// Makes the layout of an image, of the trees that its variants are made of, one after the other.
///
/// # Errors
/// Where a base cannot be understood, or the store fails.
pub fn make(store: &Store, spec: &ImageSpec, inputs: &[Digest]) -> Result<Digest, ImageError> {
    let mut layout = Made { store, tree: Tree::new() };
    let (mut images, mut rest) = (Vec::new(), inputs);
    for variant in &spec.variants {
        let given = rest.split_at_checked(variant.inputs());
        let (own, others) = given.ok_or(ImageError::Input("expected the layers of every variant"))?;
        images.push(layout.variant(variant, own)?);
        rest = others;
    }
    let image = match images.as_slice() {
        [one] => one.clone(),
        _ => layout.document(MediaType::ImageIndex, &index(images)?)?,
    };
    let tagged = |tag: &String| {
        let mut image = image.clone();
        image.set_annotations(Some(HashMap::from([(TAG.to_owned(), tag.clone())])));
        image
    };
    let named: Vec<Descriptor> = spec.tags.iter().map(tagged).collect();
    let named = if named.is_empty() { vec![image] } else { named };
    layout.file(INDEX, &canonical(&index(named)?))?;
    let about: OciLayout =
        built(OciLayoutBuilder::default().image_layout_version("1.0.0".to_owned()).build())?;
    layout.file(LAYOUT, &canonical(&about))?;
    Ok(store.put_tree(&layout.tree)?)
}

fn index(manifests: Vec<Descriptor>) -> Result<ImageIndex, ImageError> {
    let builder = ImageIndexBuilder::default().schema_version(SCHEMA).media_type(MediaType::ImageIndex);
    built(builder.manifests(manifests).build())
}

/// What a builder of a document made; it has all that it needs.
fn built<T>(made: Result<T, oci_spec::OciSpecError>) -> Result<T, ImageError> {
    made.map_err(|_| ImageError::Input("expected all parts of a document"))
}

/// A layout in the making.
struct Made<'s> {
    store: &'s Store,
    tree: Tree,
}

impl Made<'_> {
    /// Adds the image for one platform; gives the descriptor of its manifest.
    fn variant(&mut self, variant: &Variant, inputs: &[Digest]) -> Result<Descriptor, ImageError> {
        let (of_base, own) = inputs.split_at(variant.base.layers.len());
        let (own, sbom) = own.split_at(variant.layers.len());
        let mut layers = Vec::new();
        for (layer, tree) in variant.base.layers.iter().zip(of_base) {
            let tree = self.store.tree(tree)?;
            let blob = tree.entries().find_map(|(_, entry)| file(entry));
            self.blob(&layer.sha256, blob.ok_or(ImageError::Input("expected the layers of the base"))?)?;
            layers.push(described(layer.media_type.as_str().into(), &layer.sha256, layer.size));
        }
        let mut made: Vec<(&str, Digests)> = Vec::new();
        for (name, tree) in variant.layers.iter().zip(own) {
            let tree = self.store.tree(tree)?;
            if tree.is_empty() {
                continue;
            }
            let (blob, digests) = (tree.get(BLOB).and_then(file), tree.get(DIGESTS).and_then(file));
            let (blob, digests) = blob.zip(digests).ok_or(ImageError::Input("expected a layer"))?;
            let digests: Digests = parse(&self.store.read(&digests)?, "a layer")?;
            self.blob(&digests.sha256, blob)?;
            layers.push(described(MediaType::ImageLayerGzip, &digests.sha256, blob.size));
            made.push((name, digests));
        }
        let config = configuration(variant, &made)?;
        let config = self.bytes(MediaType::ImageConfig, &config)?;
        let mut annotations: HashMap<String, String> =
            variant.annotations.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(sbom) = sbom.first() {
            let tree = self.store.tree(sbom)?;
            let blob = tree.entries().find_map(|(_, entry)| file(entry));
            let blob = blob.ok_or(ImageError::Input("expected a bill of materials"))?;
            let sha256 = sha256_of(&self.store.read(&blob)?);
            self.blob(&sha256, blob)?;
            annotations.insert(SBOM_DIGEST.to_owned(), digest_of(&sha256));
        }
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA)
            .media_type(MediaType::ImageManifest)
            .config(config)
            .layers(layers)
            .annotations(annotations)
            .build();
        let mut manifest = self.document(MediaType::ImageManifest, &built(manifest)?)?;
        manifest.set_platform(Some(variant.platform.described()));
        Ok(manifest)
    }

    fn document(
        &mut self,
        media_type: MediaType,
        document: &impl Serialize,
    ) -> Result<Descriptor, ImageError> {
        self.bytes(media_type, &canonical(document))
    }

    fn bytes(&mut self, media_type: MediaType, bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let descriptor = descriptor(media_type, bytes);
        let sha256 = sha256(descriptor.digest().as_ref()).expect("it was made of one");
        let blob = self.store.put(bytes)?;
        self.blob(&sha256, blob)?;
        Ok(descriptor)
    }

    fn blob(&mut self, sha256: &super::Sha256, blob: Digest) -> Result<(), ImageError> {
        let path = format!("{BLOBS}/{}", hex(sha256));
        if self.tree.get(&path).is_none() {
            self.tree.add_file(&path, blob, false)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), ImageError> {
        let blob = self.store.put(bytes)?;
        Ok(self.tree.add_file(path, blob, false)?)
    }
}

fn file(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::File { digest, .. } => Some(*digest),
        _ => None,
    }
}
