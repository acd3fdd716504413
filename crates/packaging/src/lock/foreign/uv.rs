//! `uv.lock`: the packages of a project or a workspace of uv, with what they need; runs no uv.

use std::collections::BTreeMap;

use pep508_rs::{ExtraName, MarkerExpression, MarkerTree, MarkerValueExtra};
use serde::Deserialize;
use toml::Spanned;

use super::{Borders, Listed, bare, empty, interpreters};
use crate::lock::error::{LockError, LockFault};
use crate::lock::raw::Text;
use crate::lock::read::{Need, Reader, misshapen, specifiers};
use crate::lock::{Address, Dependency, Form, Graph, Lock, Origin, Package};
use crate::marker::Marker;
use crate::name::{parse_extra, parse_name};
use crate::requirement::Requirement;

/// The version of the form that is read. What a revision adds leaves the rest as it is.
const VERSION: &str = "1";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawUv {
    version: Spanned<toml::Value>,
    requires_python: Option<Text>,
    #[serde(default)]
    supported_markers: Vec<Text>,
    #[serde(default)]
    conflicts: Vec<toml::Value>,
    #[serde(default)]
    manifest: RawManifest,
    #[serde(default, rename = "package")]
    packages: Vec<RawPackage>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct RawManifest {
    #[serde(default)]
    requirements: Vec<RawRequirement>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<RawRequirement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawPackage {
    name: Text,
    version: Option<Text>,
    source: RawSource,
    #[serde(default)]
    resolution_markers: Vec<Text>,
    #[serde(default)]
    dependencies: Vec<RawDependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<RawDependency>>,
    sdist: Option<RawFile>,
    #[serde(default)]
    wheels: Vec<RawFile>,
    #[serde(default)]
    metadata: RawMetadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct RawMetadata {
    #[serde(default)]
    requires_dist: Vec<RawRequirement>,
    #[serde(default)]
    requires_dev: BTreeMap<String, Vec<RawRequirement>>,
}

#[derive(Deserialize)]
struct RawSource {
    registry: Option<Text>,
    git: Option<Text>,
    url: Option<Text>,
    path: Option<Text>,
    directory: Option<Text>,
    editable: Option<Text>,
    r#virtual: Option<Text>,
}

#[derive(Deserialize)]
struct RawDependency {
    name: Text,
    version: Option<Text>,
    #[serde(default)]
    extra: Vec<Text>,
    marker: Option<Text>,
}

/// A requirement of a project of the workspace.
#[derive(Deserialize)]
struct RawRequirement {
    name: Text,
    #[serde(default)]
    extras: Vec<Text>,
    specifier: Option<Text>,
    marker: Option<Text>,
}

/// A file: with a `url` on an index, with a `path` in a folder.
#[derive(Deserialize)]
struct RawFile {
    url: Option<Text>,
    path: Option<Text>,
    filename: Option<Text>,
    hash: Option<Text>,
    size: Option<u64>,
}

pub(super) fn parse(text: &str, folder: &str, borders: &Borders<'_>) -> Result<Lock, Vec<LockError>> {
    let raw: RawUv = toml::from_str(text).map_err(|error| vec![misshapen(text, &error)])?;
    let (several, asks_for_extras) = (several(&raw.packages), raw.conflicts.is_empty());
    let mut reader = Uv { reader: Reader::default(), borders, folder, several, asks_for_extras };
    if raw.version.get_ref().to_string() != VERSION {
        let (found, expected) = (raw.version.get_ref().to_string(), VERSION.to_owned());
        let at = raw.version.span().start;
        reader.reader.errors.push((at, LockFault::Version { key: "version", found, expected }));
        return Err(reader.reader.errors(text));
    }
    let lock = reader.lock(&raw);
    if reader.reader.errors.is_empty() { Ok(lock) } else { Err(reader.reader.errors(text)) }
}

/// How many packages there are of each project.
fn several(packages: &[RawPackage]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for package in packages {
        *counts.entry(package.name.get_ref().clone()).or_default() += 1;
    }
    counts
}

struct Uv<'b> {
    reader: Reader,
    borders: &'b Borders<'b>,
    /// The folder of the lock, from the root.
    folder: &'b str,
    several: BTreeMap<String, usize>,
    /// Whether what extras of the projects bring counts as asked for, as that of groups does; not where some exclude others.
    asks_for_extras: bool,
}

impl Uv<'_> {
    fn lock(&mut self, raw: &RawUv) -> Lock {
        let mut lock = empty(Form::Uv, Graph::Asked);
        if let Some(text) = &raw.requires_python {
            lock.requires_python =
                self.reader.value("requires-python", text, specifiers).unwrap_or(lock.requires_python);
        }
        lock.interpreter_constraints = interpreters(&lock.requires_python);
        lock.environments =
            self.reader.values("supported-markers", &raw.supported_markers).unwrap_or_default();
        lock.packages = raw.packages.iter().filter_map(|package| self.package(package)).collect();
        if lock.packages.len() == raw.packages.len() {
            self.reader.references();
        }
        let of_manifest = raw.manifest.requirements.iter();
        let groups = raw.manifest.dependency_groups.values().flatten();
        let of_packages = raw.packages.iter().flat_map(|package| {
            let metadata = &package.metadata;
            metadata.requires_dist.iter().chain(metadata.requires_dev.values().flatten())
        });
        lock.requirements =
            of_manifest.chain(groups).chain(of_packages).filter_map(|one| self.requirement(one)).collect();
        lock
    }

    fn package(&mut self, raw: &RawPackage) -> Option<Package> {
        let name = self.reader.value("package.name", &raw.name, parse_name);
        let nought = Reader::at(&raw.name, "0");
        // A project whose version is dynamic has none here.
        let version = raw.version.as_ref().unwrap_or(&nought);
        let version = self.reader.value("package.version", version, str::parse);
        let mut package = bare(name?, version?);
        let several = self.several.get(raw.name.get_ref()).is_some_and(|count| *count > 1);
        if several {
            package.marker = self.either(&raw.resolution_markers)?;
        }
        if !several || package.marker.is_always() {
            self.reader.know(&raw.name, &package.name, &package.version);
        } else {
            self.reader.know_one_of_several(&package.name, &package.version);
        }
        let RawSource { registry, git, url, path, directory, editable, r#virtual } = &raw.source;
        let index = registry.as_ref().and_then(|address| (self.borders.index_at)(address.get_ref()));
        let place = url.as_ref().or(path.as_ref());
        let address = place.and_then(|place| Address::in_folder(place.get_ref(), self.folder).ok());
        let address = address.map(|address| address.to_string());
        package.origin = if registry.is_some() {
            Origin::Index
        } else if directory.is_some() || editable.is_some() || r#virtual.is_some() {
            Origin::Repository
        } else if git.is_some() {
            Origin::Elsewhere("a Git repository")
        } else if place.is_some() {
            if address.is_some() {
                Origin::Index
            } else {
                Origin::Elsewhere("a path outside of the repository")
            }
        } else {
            let reason = "expected `registry`, `git`, `url`, `path`, `directory`, `editable` or `virtual`";
            let fault = LockFault::Value { key: "package.source", reason: reason.to_owned() };
            self.reader.fault(&raw.name, fault);
            return None;
        };
        if package.origin == Origin::Index {
            for file in raw.wheels.iter().chain(&raw.sdist) {
                self.file(&mut package, file, place, address.as_ref().or(index.as_ref()));
            }
        }
        let own = raw.dependencies.iter().map(|one| (one, None));
        let extras = raw.optional_dependencies.iter();
        let of_extras =
            extras.flat_map(|(extra, all)| all.iter().map(move |one| (one, Some(extra.as_str()))));
        package.dependencies =
            own.chain(of_extras).filter_map(|(one, extra)| self.dependency(raw, one, extra)).collect();
        Some(package)
    }

    /// The marker that holds where one of some holds.
    fn either(&mut self, markers: &[Text]) -> Option<Marker> {
        let mut all = MarkerTree::FALSE;
        for text in markers {
            let tree = self.reader.value("package.resolution-markers", text, |text| {
                text.parse::<Marker>()?;
                Ok::<_, crate::marker::MarkerError>(text.parse::<MarkerTree>().unwrap_or_default())
            });
            all.or(tree?);
        }
        if markers.is_empty() { Some(Marker::always()) } else { marker(&all) }
    }

    /// Adds a file, of which the package may say where it is.
    fn file(
        &mut self,
        package: &mut Package,
        raw: &RawFile,
        of_package: Option<&Text>,
        index: Option<&String>,
    ) {
        let place = raw.filename.as_ref().or(raw.url.as_ref()).or(raw.path.as_ref()).or(of_package);
        let (Some(place), Some(hash)) = (place, &raw.hash) else { return };
        let Some(hex) = hash.get_ref().strip_prefix("sha256:") else {
            let reason = format!("expected `sha256:`, found `{}`", hash.get_ref());
            return self.reader.fault(hash, LockFault::Value { key: "hash", reason });
        };
        let sha256 = Reader::at(hash, hex);
        let file = Listed { place, sha256: &sha256, size: raw.size, index: index.cloned() };
        self.reader.add(package, &file);
    }

    fn dependency(
        &mut self,
        of: &RawPackage,
        raw: &RawDependency,
        extra: Option<&str>,
    ) -> Option<Dependency> {
        let name = self.reader.value("package.dependencies.name", &raw.name, parse_name)?;
        let several = self.several.get(raw.name.get_ref()).is_some_and(|count| *count > 1);
        let version = match raw.version.as_ref().filter(|_| several) {
            None => None,
            Some(text) => Some(self.reader.value("package.dependencies.version", text, str::parse)?),
        };
        let extras: Option<Vec<_>> = raw
            .extra
            .iter()
            .map(|text| self.reader.value("package.dependencies.extra", text, parse_extra))
            .collect();
        let mut tree = MarkerTree::TRUE;
        if let Some(text) = &raw.marker {
            let read = self.reader.marker("package.dependencies.marker", Some(text))?;
            tree = without_conflicts(read.text().parse().unwrap_or_default());
        }
        if let Some(extra) = extra {
            tree.and(format!("extra == '{extra}'").parse().ok()?);
        }
        let version_of = of.version.as_ref().map_or("0", |version| version.get_ref());
        self.reader.needs.push(Need {
            offset: raw.name.span().start,
            package: format!("{} {version_of}", of.name.get_ref()),
            name: name.clone(),
            version: version.clone(),
        });
        Some(Dependency { name, version, extras: extras?, marker: marker(&tree)? })
    }

    fn requirement(&mut self, raw: &RawRequirement) -> Option<Requirement> {
        let extras: Vec<&str> = raw.extras.iter().map(|extra| extra.get_ref().as_str()).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        let specifier = raw.specifier.as_ref().map_or("", |text| text.get_ref());
        // uv writes `*` for any version.
        let specifier = if specifier == "*" { "" } else { specifier };
        let marker = raw.marker.as_ref().and_then(|text| match text.get_ref().parse::<MarkerTree>() {
            Ok(tree) if self.asks_for_extras => without_extras(tree, |_| true).try_to_string(),
            _ => Some(text.get_ref().clone()),
        });
        let marker = marker.map_or_else(String::new, |text| format!(" ; {text}"));
        let text = format!("{}{extras}{specifier}{marker}", raw.name.get_ref());
        self.reader.value("package.metadata", &Reader::at(&raw.name, &text), str::parse)
    }
}

/// A marker without the names that uv gives to extras and groups in conflict, all of which are taken to be asked for:
/// where that needs two versions of a thing, it is told when something is built.
fn without_conflicts(tree: MarkerTree) -> MarkerTree {
    without_extras(tree, |name| {
        let of_conflict = |kind: &str| {
            name.as_ref()
                .strip_prefix(kind)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        of_conflict("extra-") || of_conflict("group-") || of_conflict("project-")
    })
}

/// A marker as it is where those extras are asked for that are meant.
fn without_extras(tree: MarkerTree, is_meant: impl Fn(&ExtraName) -> bool) -> MarkerTree {
    let mut meant: Vec<ExtraName> = Vec::new();
    for conjunction in tree.to_dnf() {
        for expression in conjunction {
            if let MarkerExpression::Extra { name: MarkerValueExtra::Extra(name), .. } = expression
                && is_meant(&name)
            {
                meant.push(name);
            }
        }
    }
    if meant.is_empty() { tree } else { tree.simplify_extras(&meant) }
}

fn marker(tree: &MarkerTree) -> Option<Marker> {
    tree.try_to_string().map_or_else(|| Some(Marker::always()), |text| text.parse().ok())
}
