//! Makes a [`Lock`] of what uv found: versions, dependencies, and the files that can matter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep508_rs::MarkerTree;
use url::Url;

use super::LockRequest;
use super::error::{LockError, LockWarning};
use super::span::Span;
use super::uv::UV_VERSION;
use super::uv_lock::{UvDependency, UvFile, UvLock, UvPackage};
use crate::index::{DEFAULT, Index, Indexes};
use crate::lock::{
    Address, AddressError, Dependency, Form, Graph, Lock, Origin, Package, SourceFile, WheelFile,
};
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
    let (resolve, root) = (request.resolve, request.root);
    let mut converter = Converter { resolve, root, indexes, span, several, warnings };
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
    root: Option<&'a Path>,
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
        let place = self.place(found, &shown)?;
        let marker = if self.several.contains(&found.name) && !found.resolution_markers.is_empty() {
            let marker = self.span.alternatives(&found.resolution_markers);
            marker.ok_or_else(|| self.unreadable(format!("`{shown}` has a marker that is none")))?
        } else {
            Marker::always()
        };
        let mut wheels = Vec::new();
        for file in &found.wheels {
            wheels.extend(self.wheel(file, &place));
        }
        let sdist = found.sdist.as_ref().and_then(|file| {
            let (name, sha256) = (place.name(file)?, self.sha256(file, &place)?);
            Some(SourceFile { name, size: place.size(file), sha256, index: place.index() })
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
            pytest_plugin: None,
            origin,
        })
    }

    /// Where a package comes from.
    fn place(&self, found: &UvPackage, shown: &str) -> Result<Place<'a>, LockError> {
        let (source, root) = (&found.source, self.root);
        if let Some(location) = source.url.as_ref().or(source.path.as_ref()) {
            let wrong = |error: AddressError| self.unreadable(format!("`{shown}`: {error}"));
            return Ok(Place::File {
                address: Address::of_requirement(location, root).map_err(wrong)?,
                root,
            });
        }
        let Some(registry) = &source.registry else {
            return Err(self.unreadable(format!("`{shown}` comes from no index and is no file")));
        };
        let place = Url::parse(registry).ok();
        let same = |index: &&Index| place.as_ref().is_some_and(|place| index.url.is_same_place(place));
        let folder = |index: &&Index| {
            let path = index.folder().and_then(|folder| folder.canonicalize().ok());
            place.is_none() && path.is_some_and(|path| path == Path::new(registry))
        };
        let index = self.indexes.iter().find(same).or_else(|| self.indexes.iter().find(folder));
        let index = index.map(Place::Index);
        index.ok_or_else(|| self.unreadable(format!("`{shown}` comes from an index that was not asked")))
    }

    fn wheel(&mut self, file: &UvFile, place: &Place<'_>) -> Option<WheelFile> {
        // A name that cannot be read is one that nothing can install.
        let name: crate::wheel::WheelFilename = place.name(file)?.parse().ok()?;
        // The only file there is of something stays, so that it can be told why it does not fit.
        if matches!(place, Place::Index(_)) && !self.span.wants(&name) {
            return None;
        }
        let sha256 = self.sha256(file, place)?;
        Some(WheelFile { name, size: place.size(file), sha256, index: place.index() })
    }

    /// The hash that the index says; of a file on the disk, the hash of its bytes.
    fn sha256(&mut self, file: &UvFile, place: &Place<'_>) -> Option<[u8; 32]> {
        let path = place.on_disk(file);
        if path.is_none()
            && let Some(found) = file.sha256()
        {
            return Some(found);
        }
        let name = place.name(file)?;
        if let Some(bytes) = path.and_then(|path| std::fs::read(path).ok()) {
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

/// Where the files of a package are.
enum Place<'a> {
    Index(&'a Index),
    /// One file that is on no index.
    File {
        address: Address,
        root: Option<&'a Path>,
    },
}

impl Place<'_> {
    /// As a lock names it.
    fn index(&self) -> Option<String> {
        match self {
            Self::Index(index) => (index.name != DEFAULT).then(|| index.name.clone()),
            Self::File { address, .. } => Some(address.to_string()),
        }
    }

    fn name(&self, file: &UvFile) -> Option<String> {
        match self {
            Self::Index(_) => file.name(),
            Self::File { address, .. } => address.file_name(),
        }
    }

    /// Where a file is that is on the disk.
    fn on_disk(&self, file: &UvFile) -> Option<PathBuf> {
        match self {
            Self::Index(index) => Some(index.folder()?.join(file.path.as_deref()?)),
            Self::File { address: Address::Path(path), root } => {
                Some(root.unwrap_or(Path::new("")).join(path))
            }
            Self::File { .. } => None,
        }
    }

    /// The size that the index says; of a file on the disk, that of the file.
    fn size(&self, file: &UvFile) -> Option<u64> {
        file.size.or_else(|| Some(self.on_disk(file)?.metadata().ok()?.len()))
    }
}
