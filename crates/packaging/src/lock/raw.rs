//! The shape of a lock's TOML, before its values are understood.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A text with its place.
pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawLock {
    pub(super) lock_version: Spanned<toml::Value>,
    #[serde(rename = "created-by")]
    _created_by: String,
    pub(super) requires_python: Text,
    #[serde(default)]
    pub(super) environments: Vec<Text>,
    pub(super) tool: RawTool,
    #[serde(default)]
    pub(super) packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTool {
    pub(super) pants: RawPants,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPants {
    pub(super) format: Spanned<toml::Value>,
    pub(super) indexes: Vec<String>,
    pub(super) interpreters: Vec<Text>,
    #[serde(default)]
    pub(super) interpreter_constraints: Vec<Text>,
    pub(super) platforms: Vec<Text>,
    pub(super) requirements: Vec<Text>,
    pub(super) pytest_plugins: Option<Vec<Text>>,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) builds: Vec<RawBuild>,
}

/// What some source distributions are built with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBuild {
    pub(super) requires: Vec<Text>,
    #[serde(default)]
    pub(super) packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPackage {
    pub(super) name: Text,
    pub(super) version: Text,
    pub(super) marker: Option<Text>,
    pub(super) requires_python: Option<Text>,
    #[serde(default)]
    pub(super) dependencies: Vec<RawDependency>,
    pub(super) sdist: Option<RawFile>,
    #[serde(default)]
    pub(super) wheels: Vec<RawFile>,
    #[serde(default)]
    pub(super) tool: RawPackageTool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPackageTool {
    #[serde(default)]
    pub(super) pants: RawPackagePants,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPackagePants {
    pub(super) build: Option<RawBuildSystem>,
    #[serde(default)]
    pub(super) modules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawBuildSystem {
    pub(super) requires: Vec<Text>,
    pub(super) backend: Text,
    #[serde(default)]
    pub(super) backend_path: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDependency {
    pub(super) name: Text,
    pub(super) version: Option<Text>,
    #[serde(default)]
    pub(super) extras: Vec<Text>,
    pub(super) marker: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) name: Text,
    pub(super) size: Option<u64>,
    pub(super) hashes: RawHashes,
    pub(super) index: Option<Text>,
    pub(super) url: Option<Text>,
    pub(super) path: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHashes {
    pub(super) sha256: Text,
}

/// What tells whose lock it is and of which version, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Head {
    pub(super) lock_version: Option<Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) tool: HeadTool,
}

#[derive(Deserialize, Default)]
pub(super) struct HeadTool {
    pub(super) pants: Option<HeadPants>,
}

#[derive(Deserialize)]
pub(super) struct HeadPants {
    pub(super) format: Option<Spanned<toml::Value>>,
}
