//! Makes a [`Lock`] of what uv found: versions, dependencies, and the files that can matter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pep508_rs::MarkerTree;
use url::Url;

use super::LockRequest;
use super::error::{LockError, LockWarning};
use super::span::Span;
use super::uv::UV_VERSION;
use super::uv_lock::{UvDependency, UvFile, UvLock, UvPackage};
use crate::index::{DEFAULT, Index, Indexes};
use crate::lock::{Dependency, Form, Graph, Lock, Origin, Package, SourceFile, WheelFile};
use crate::marker::Marker;
use crate::name::{PackageName, parse_extra, parse_name};

/// The lock, in the order in which uv found things. Wheels for other interpreters and platforms are left out.
pub(super) fn convert(
    request: &LockRequest<'_>,
    span: &Span,
    found: &UvLock,
    warnings: &mut Vec<LockWarning>,
) -> Result<Lock, LockError> {
    let indexes = request.indexes;
    let several = several(found);
    let mut converter = Converter { resolve: request.resolve, indexes, span, several, warnings };
    let mut packages = Vec::new();
    for package in found.packages.iter().filter(|package| package.source.r#virtual.is_none()) {
        packages.push(converter.package(package)?);
    }
    let requirements = request.requirements.iter().map(|asked| asked.requirement.clone()).collect();
    let mut options = BTreeMap::from([("uv".to_owned(), UV_VERSION.to_owned())]);
    if let Some(time) = request.exclude_newer {
        options.insert("exclude-newer".to_owned(), time.to_owned());
    }
    let named = indexes.iter().rev().map(|index| index.name.clone());
    let mut names: Vec<String> = named.collect();
    names[1..].reverse();
    Ok(Lock {
        requires_python: span.requires_python(),
        environments: span.environments(),
        requirements,
        interpreters: request.interpreters.to_vec(),
        interpreter_constraints: request.interpreter_constraints.clone(),
        platforms: request.platforms.to_vec(),
        indexes: names,
        options,
        packages,
        builds: Vec::new(),
        form: Form::Pants,
        graph: Graph::Asked,
    })
}

/// The projects of which there are several versions.
fn several(found: &UvLock) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for package in &found.packages {
        *counts.entry(&package.name).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned()).collect()
}

struct Converter<'a> {
    resolve: &'a str,
    indexes: &'a Indexes,
    span: &'a Span,
    several: BTreeSet<String>,
    warnings: &'a mut Vec<LockWarning>,
}

impl<'a> Converter<'a> {
    fn unreadable(&self, reason: String) -> LockError {
        LockError::Unreadable { resolve: self.resolve.to_owned(), reason }
    }

    fn name(&self, text: &str) -> Result<PackageName, LockError> {
        parse_name(text).map_err(|error| self.unreadable(error.to_string()))
    }

    fn package(&mut self, found: &UvPackage) -> Result<Package, LockError> {
        let name = self.name(&found.name)?;
        let shown = format!("{name} {}", found.version.as_deref().unwrap_or("without a version"));
        let version = found.version.as_deref().and_then(|version| version.parse().ok());
        let version = version.ok_or_else(|| self.unreadable(format!("`{shown}` has no version")))?;
        let index = self.index(found, &shown)?;
        let marker = if self.several.contains(&found.name) && !found.resolution_markers.is_empty() {
            let marker = self.span.alternatives(&found.resolution_markers);
            marker.ok_or_else(|| self.unreadable(format!("`{shown}` has a marker that is none")))?
        } else {
            Marker::always()
        };
        let index_name = (index.name != DEFAULT).then(|| index.name.clone());
        let mut wheels = Vec::new();
        for file in &found.wheels {
            wheels.extend(self.wheel(file, index, index_name.as_ref()));
        }
        let sdist = found.sdist.as_ref().and_then(|file| {
            let (name, sha256) = (file.name()?, self.sha256(file, index)?);
            Some(SourceFile { name, size: size(file, index), sha256, index: index_name.clone() })
        });
        let dependencies = self.dependencies(found)?;
        let (requires_python, build, modules) = (None, None, Vec::new());
        let origin = Origin::Index;
        Ok(Package {
            name,
            version,
            marker,
            requires_python,
            dependencies,
            sdist,
            build,
            wheels,
            modules,
            origin,
        })
    }

    /// The index that a package comes from.
    fn index(&self, found: &UvPackage, shown: &str) -> Result<&'a Index, LockError> {
        let Some(registry) = &found.source.registry else {
            return Err(self.unreadable(format!("`{shown}` comes from no index")));
        };
        let place = Url::parse(registry).ok();
        let same = |index: &&Index| place.as_ref().is_some_and(|place| index.url.is_same_place(place));
        let folder = |index: &&Index| {
            let path = index.folder().and_then(|folder| folder.canonicalize().ok());
            place.is_none() && path.is_some_and(|path| path == std::path::Path::new(registry))
        };
        let index = self.indexes.iter().find(same).or_else(|| self.indexes.iter().find(folder));
        index.ok_or_else(|| self.unreadable(format!("`{shown}` comes from an index that was not asked")))
    }

    fn wheel(&mut self, file: &UvFile, index: &Index, index_name: Option<&String>) -> Option<WheelFile> {
        // A name that cannot be read is one that nothing can install.
        let name: crate::wheel::WheelFilename = file.name()?.parse().ok()?;
        if !self.span.wants(&name) {
            return None;
        }
        let sha256 = self.sha256(file, index)?;
        Some(WheelFile { name, size: size(file, index), sha256, index: index_name.cloned() })
    }

    /// The hash that the index says; of a file in a folder, the hash of its bytes.
    fn sha256(&mut self, file: &UvFile, index: &Index) -> Option<[u8; 32]> {
        if let Some(found) = file.sha256() {
            return Some(found);
        }
        let name = file.name()?;
        if let Some(bytes) = on_disk(file, index).and_then(|path| std::fs::read(path).ok()) {
            return Some(<sha2::Sha256 as sha2::Digest>::digest(bytes).into());
        }
        self.warnings.push(LockWarning::NoHash { file: name });
        None
    }

    fn dependencies(&self, found: &UvPackage) -> Result<Vec<Dependency>, LockError> {
        let mut all = Vec::new();
        for dependency in &found.dependencies {
            all.push(self.dependency(dependency, None)?);
        }
        for (extra, dependencies) in &found.optional_dependencies {
            for dependency in dependencies {
                all.push(self.dependency(dependency, Some(extra))?);
            }
        }
        Ok(all)
    }

    fn dependency(&self, found: &UvDependency, extra: Option<&str>) -> Result<Dependency, LockError> {
        let bad =
            |text: &str| self.unreadable(format!("`{}` has `{text}`, which cannot be read", found.name));
        let mut tree = MarkerTree::TRUE;
        for text in found.marker.iter().cloned().chain(extra.map(|extra| format!("extra == '{extra}'"))) {
            tree.and(text.parse().map_err(|_| bad(&text))?);
        }
        let mut extras = Vec::new();
        for extra in &found.extra {
            extras.push(parse_extra(extra).map_err(|_| bad(extra))?);
        }
        let version = found.version.as_ref().filter(|_| self.several.contains(&found.name));
        let version = version.map(|text| text.parse().map_err(|_| bad(text))).transpose()?;
        Ok(Dependency { name: self.name(&found.name)?, version, extras, marker: self.span.simplify(tree) })
    }
}

/// Where a file of a folder is.
fn on_disk(file: &UvFile, index: &Index) -> Option<PathBuf> {
    Some(index.folder()?.join(file.path.as_deref()?))
}

/// The size that the index says; of a file in a folder, that of the file.
fn size(file: &UvFile, index: &Index) -> Option<u64> {
    file.size.or_else(|| Some(on_disk(file, index)?.metadata().ok()?.len()))
}
