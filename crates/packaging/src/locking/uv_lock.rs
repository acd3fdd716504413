//! The form of `uv.lock`, as far as a lock is made of it, and the little of it that makes uv keep versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::project;
use crate::index::Indexes;
use crate::lock::Lock;
use crate::name::PackageName;

/// A `uv.lock`.
#[derive(Debug, Deserialize)]
pub(super) struct UvLock {
    pub(super) version: u32,
    #[serde(default, rename = "package")]
    pub(super) packages: Vec<UvPackage>,
}

/// One version of a project.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct UvPackage {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) source: UvSource,
    #[serde(default)]
    pub(super) resolution_markers: Vec<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<UvDependency>,
    #[serde(default)]
    pub(super) optional_dependencies: BTreeMap<String, Vec<UvDependency>>,
    pub(super) sdist: Option<UvFile>,
    #[serde(default)]
    pub(super) wheels: Vec<UvFile>,
}

/// Where a package comes from; exactly one is given.
#[derive(Debug, Deserialize)]
pub(super) struct UvSource {
    pub(super) registry: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) r#virtual: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UvDependency {
    pub(super) name: String,
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) extra: Vec<String>,
    pub(super) marker: Option<String>,
}

/// A file: with a `url` on an index, with a `path` in a folder.
#[derive(Debug, Deserialize)]
pub(super) struct UvFile {
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) hash: Option<String>,
    pub(super) size: Option<u64>,
}

impl UvFile {
    /// The name of the file.
    pub(super) fn name(&self) -> Option<String> {
        let place = self.url.as_deref().or(self.path.as_deref());
        self.filename.clone().or_else(|| {
            let end = place?.split(['?', '#']).next()?.rsplit('/').next()?;
            Some(percent_encoding::percent_decode_str(end).decode_utf8().ok()?.into_owned())
        })
    }

    /// The SHA-256, if there is one.
    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        let hex = self.hash.as_deref()?.strip_prefix("sha256:")?;
        store::Digest::from_hex(&hex.to_ascii_lowercase(), 0).ok().map(|digest| digest.hash)
    }
}

/// A `uv.lock` that states the versions of `previous` and nothing else: uv takes them as preferences. Left out
/// is what may move.
pub(super) fn preferences(
    previous: &Lock,
    indexes: &Indexes,
    exclude_newer: Option<&str>,
    moves: &dyn Fn(&PackageName) -> bool,
) -> String {
    let mut text = String::from("version = 1\nrevision = 3\nrequires-python = \">=2.7\"\n");
    // Where this differs from what it is told, uv does not take the versions.
    if let Some(time) = exclude_newer {
        let time = toml::Value::String(time.to_owned());
        // Writing to a string does not fail.
        let _ = write!(text, "\n[options]\nexclude-newer = {time}\n");
    }
    for package in previous.packages.iter().filter(|package| !moves(&package.name)) {
        let files = package.wheels.iter().map(|wheel| &wheel.index);
        let index = files.chain(package.sdist.iter().map(|sdist| &sdist.index)).next();
        let name = index.and_then(|index| index.as_deref());
        // What has an address needs no preference: there is but one of it.
        let index = name.map_or(Some(indexes.default_index()), |name| indexes.get(name));
        let Some(index) = index else { continue };
        let (name, version) = (package.name.as_ref(), package.version.to_string());
        let registry = toml::Value::String(project::address(index));
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = {registry} }}\n"
        );
        if !package.marker.is_always() {
            let marker = toml::Value::String(package.marker.text().to_owned());
            let _ = writeln!(text, "resolution-markers = [{marker}]");
        }
    }
    text
}
