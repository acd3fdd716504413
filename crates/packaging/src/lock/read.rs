//! Reads the text of a lock, with everything that is wrong in it; opens no file.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::Spanned;

use super::error::{LockError, LockFault};
use super::raw::{Head, RawBuild, RawBuildSystem, RawDependency, RawFile, RawLock, RawPackage, Text};
use super::{
    Address, BuildSystem, Dependency, FORMAT, Form, Graph, LOCK_VERSION, Lock, Origin, Package, SourceFile,
    WheelFile,
};
use crate::constraints::InterpreterConstraints;
use crate::marker::Marker;
use crate::name::{PackageName, parse_extra, parse_name};
use crate::place::{Place, Places};
use crate::requirement::Requirement;
use crate::wheel::WheelFilename;
use crate::{Version, VersionSpecifiers};

impl Lock {
    /// Reads the text of a lock.
    ///
    /// # Errors
    /// Fails with everything that is wrong in it; alone with the first, if it is not TOML of the right shape.
    pub fn parse(text: &str) -> Result<Self, Vec<LockError>> {
        let raw: RawLock = toml::from_str(text).map_err(|error| vec![misshapen(text, &error)])?;
        if let Some(error) = wrong_version(text, &raw.lock_version, Some(&raw.tool.pants.format)) {
            return Err(vec![error]);
        }
        let mut reader = Reader { indexes: raw.tool.pants.indexes.clone(), ..Reader::default() };
        match reader.lock(raw) {
            Some(mut lock) if reader.errors.is_empty() => {
                lock.sort();
                Ok(lock)
            }
            _ => Err(reader.errors(text)),
        }
    }
}

/// Why a text is no lock at all: the plainest cause that can be told.
pub(super) fn misshapen(text: &str, error: &toml::de::Error) -> LockError {
    if let Some(conflict) = conflict(text) {
        return conflict;
    }
    if let Ok(Head { lock_version: Some(lock_version), tool }) = toml::from_str(text) {
        let format = tool.pants.as_ref().and_then(|pants| pants.format.as_ref());
        if let Some(error) = wrong_version(text, &lock_version, format) {
            return error;
        }
    }
    let reason = error.message().lines().next().unwrap_or_default().to_owned();
    let place = error.span().map(|span| Place::of(text, span.start));
    LockError { fault: LockFault::Syntax { reason }, place, file: None }
}

/// The marks of an unfinished merge.
pub(super) fn conflict(text: &str) -> Option<LockError> {
    let marks = ["<<<<<<< ", ">>>>>>> "];
    let line = text.lines().position(|line| marks.iter().any(|mark| line.starts_with(mark)))?;
    let place = Place { line: u32::try_from(line + 1).unwrap_or(u32::MAX), column: 1 };
    Some(LockError { fault: LockFault::Conflict, place: Some(place), file: None })
}

/// Whether a lock is of another version, of PEP 751 or of what this tool adds to it.
pub(super) fn wrong_version(
    text: &str,
    lock_version: &Spanned<toml::Value>,
    format: Option<&Spanned<toml::Value>>,
) -> Option<LockError> {
    let differs = |key, found: &Spanned<toml::Value>, expected: &str| {
        let value = found.get_ref();
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fault = LockFault::Version { key, found: shown.clone(), expected: expected.to_owned() };
        let place = Some(Place::of(text, found.span().start));
        (shown != expected).then_some(LockError { fault, place, file: None })
    };
    let ours = || differs("tool.pants.format", format?, &FORMAT.to_string());
    differs("lock-version", lock_version, LOCK_VERSION).or_else(ours)
}

#[derive(Default)]
pub(super) struct Reader {
    /// What is wrong, with the byte where it is.
    pub(super) errors: Vec<(usize, LockFault)>,
    indexes: Vec<String>,
    /// The packages whose name and version can be read, whatever else is wrong with them.
    known: BTreeMap<PackageName, Vec<Version>>,
    pub(super) needs: Vec<Need>,
}

/// What a package depends on.
pub(super) struct Need {
    pub(super) offset: usize,
    pub(super) package: String,
    pub(super) name: PackageName,
    pub(super) version: Option<Version>,
}

impl Reader {
    pub(super) fn fault(&mut self, at: &Text, fault: LockFault) {
        self.errors.push((at.span().start, fault));
    }

    /// What is wrong, in the order of the text.
    pub(super) fn errors(mut self, text: &str) -> Vec<LockError> {
        self.errors.sort_by_key(|(offset, _)| *offset);
        let places = Places::new(text);
        let placed = |(offset, fault)| LockError { fault, place: Some(places.of(offset)), file: None };
        self.errors.into_iter().map(placed).collect()
    }

    /// A value of a key, or an error with its place.
    pub(super) fn value<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        text: &Text,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match read(text.get_ref()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(text, LockFault::Value { key, reason: error.to_string() });
                None
            }
        }
    }

    pub(super) fn values<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &'static str,
        texts: &[Text],
    ) -> Option<Vec<T>> {
        let found: Vec<Option<T>> = texts.iter().map(|text| self.value(key, text, str::parse)).collect();
        found.into_iter().collect()
    }

    fn lock(&mut self, raw: RawLock) -> Option<Lock> {
        let pants = raw.tool.pants;
        let requires_python = self.value("requires-python", &raw.requires_python, specifiers);
        let environments = self.values("environments", &raw.environments);
        let requirements = self.values("tool.pants.requirements", &pants.requirements);
        let interpreters = self.values("tool.pants.interpreters", &pants.interpreters);
        let platforms = self.values("tool.pants.platforms", &pants.platforms);
        let constraints = self.values("tool.pants.interpreter-constraints", &pants.interpreter_constraints);
        let plugins =
            pants.pytest_plugins.map(|names| self.values::<PackageName>("tool.pants.pytest-plugins", &names));
        let mut packages = self.packages(raw.packages);
        if let Some(plugins) = plugins {
            let plugins = plugins?;
            for package in &mut packages {
                package.pytest_plugin = Some(plugins.contains(&package.name));
            }
        }
        let builds: Vec<_> = pants.builds.into_iter().map(|build| self.build(build)).collect();
        let mut lock = Lock {
            requires_python: requires_python?,
            environments: environments?,
            requirements: requirements?,
            interpreters: interpreters?,
            interpreter_constraints: InterpreterConstraints::from(constraints?),
            platforms: platforms?,
            indexes: pants.indexes,
            options: pants.options,
            packages,
            builds: Vec::new(),
            form: Form::Pants,
            graph: Graph::Asked,
        };
        let build = |(requirements, packages)| Lock { requirements, packages, ..lock.clone() };
        lock.builds = builds.into_iter().map(|one| one.map(&build)).collect::<Option<_>>()?;
        Some(lock)
    }

    fn packages(&mut self, raw: Vec<RawPackage>) -> Vec<Package> {
        let count = raw.len();
        self.known.clear();
        let packages = raw.into_iter().filter_map(|package| self.package(package)).collect();
        // Where the name of a package cannot be read, who depends on it cannot be blamed.
        if self.known.values().map(Vec::len).sum::<usize>() == count {
            self.references();
        }
        self.needs.clear();
        packages
    }

    /// The requirements and the packages of what source distributions are built with.
    fn build(&mut self, raw: RawBuild) -> Option<(Vec<Requirement>, Vec<Package>)> {
        let requirements = self.values("tool.pants.builds.requires", &raw.requires);
        let packages = self.packages(raw.packages);
        Some((requirements?, packages))
    }

    fn build_system(&mut self, raw: &RawBuildSystem) -> Option<BuildSystem> {
        let requires = self.values("packages.tool.pants.build.requires", &raw.requires);
        let backend = self.value("packages.tool.pants.build.backend", &raw.backend, str::parse);
        let backend_path = self.values("packages.tool.pants.build.backend-path", &raw.backend_path);
        Some(BuildSystem { requires: requires?, backend: backend?, backend_path: backend_path? })
    }

    fn package(&mut self, raw: RawPackage) -> Option<Package> {
        let name = self.value("packages.name", &raw.name, parse_name);
        let version = self.value("packages.version", &raw.version, str::parse);
        let marker = self.marker("packages.marker", raw.marker.as_ref());
        let requires_python = match &raw.requires_python {
            None => Some(None),
            Some(text) => self.value("packages.requires-python", text, specifiers).map(Some),
        };
        let dependencies: Vec<_> = raw.dependencies.iter().map(|one| self.dependency(one)).collect();
        let sdist = match raw.sdist {
            None => Some(None),
            Some(file) => self.sdist(&file).map(Some),
        };
        let build = raw.tool.pants.build.as_ref().map(|build| self.build_system(build));
        let (name, version) = (name?, version?);
        self.know(&raw.name, &name, &version);
        for (one, raw) in dependencies.iter().zip(&raw.dependencies) {
            let Some(Dependency { name: needed, version: wanted, .. }) = one else { continue };
            self.needs.push(Need {
                offset: raw.name.span().start,
                package: format!("{name} {version}"),
                name: needed.clone(),
                version: wanted.clone(),
            });
        }
        let mut wheels = Vec::with_capacity(raw.wheels.len());
        for file in raw.wheels {
            let parsed = self.value("packages.wheels.name", &file.name, str::parse::<WheelFilename>);
            if let Some(wheel) = &parsed
                && (wheel.name != name || wheel.version != version)
            {
                let package = format!("{name} {version}");
                self.fault(&file.name, LockFault::ForeignWheel { file: wheel.to_string(), package });
            }
            if let (Some((sha256, index)), Some(name)) = (self.file(&file), parsed) {
                wheels.push(WheelFile { name, size: file.size, sha256, index });
            }
        }
        Some(Package {
            name,
            version,
            marker: marker?,
            requires_python: requires_python?,
            dependencies: dependencies.into_iter().collect::<Option<_>>()?,
            sdist: sdist?,
            build: build.map_or(Some(None), |build| build.map(Some))?,
            wheels,
            modules: raw.tool.pants.modules,
            pytest_plugin: None,
            origin: Origin::Index,
        })
    }

    fn dependency(&mut self, raw: &RawDependency) -> Option<Dependency> {
        let name = self.value("packages.dependencies.name", &raw.name, parse_name);
        let version = match &raw.version {
            None => Some(None),
            Some(text) => self.value("packages.dependencies.version", text, str::parse).map(Some),
        };
        let extras: Vec<_> = raw
            .extras
            .iter()
            .map(|text| self.value("packages.dependencies.extras", text, parse_extra))
            .collect();
        let marker = self.marker("packages.dependencies.marker", raw.marker.as_ref());
        Some(Dependency {
            name: name?,
            version: version?,
            extras: extras.into_iter().collect::<Option<_>>()?,
            marker: marker?,
        })
    }

    pub(super) fn marker(&mut self, key: &'static str, text: Option<&Text>) -> Option<Marker> {
        match text {
            None => Some(Marker::always()),
            Some(text) => self.value(key, text, str::parse),
        }
    }

    /// The hash and the index of a file, or its address in the place of that.
    fn file(&mut self, raw: &RawFile) -> Option<([u8; 32], Option<String>)> {
        let sha256 = self.value("hashes.sha256", &raw.hashes.sha256, sha256);
        if let Some(place) = raw.url.as_ref().or(raw.path.as_ref()) {
            let address = self.value(if raw.url.is_some() { "url" } else { "path" }, place, |text| {
                match Address::of_requirement(text, None) {
                    Ok(Address::Path(_)) if raw.url.is_some() => {
                        Err(format!("`{text}` is a path, expected an address"))
                    }
                    found => found.map_err(|error| error.to_string()),
                }
            });
            return Some((sha256?, Some(address?.to_string())));
        }
        if let Some(index) = &raw.index
            && !self.indexes.contains(index.get_ref())
        {
            self.fault(index, LockFault::Index { index: index.get_ref().clone() });
        }
        Some((sha256?, raw.index.as_ref().map(|index| index.get_ref().clone())))
    }

    fn sdist(&mut self, raw: &RawFile) -> Option<SourceFile> {
        let name = self.value("packages.sdist.name", &raw.name, file_name);
        let (sha256, index) = self.file(raw)?;
        Some(SourceFile { name: name?, size: raw.size, sha256, index })
    }

    /// Remembers a package, and says if it is there already.
    pub(super) fn know(&mut self, at: &Text, name: &PackageName, version: &Version) {
        let versions = self.known.entry(name.clone()).or_default();
        let twice = versions.contains(version);
        versions.push(version.clone());
        if twice {
            self.fault(at, LockFault::Duplicate { package: format!("{name} {version}") });
        }
    }

    /// Remembers a package of which there may be several of one version.
    pub(super) fn know_one_of_several(&mut self, name: &PackageName, version: &Version) {
        self.known.entry(name.clone()).or_default().push(version.clone());
    }

    /// Dependencies that are not there.
    pub(super) fn references(&mut self) {
        for Need { offset, package, name, version } in std::mem::take(&mut self.needs) {
            let known = self.known.get(&name);
            let is_there = known.is_some_and(|all| version.as_ref().is_none_or(|one| all.contains(one)));
            if !is_there {
                let dependency = version.map_or_else(|| name.to_string(), |one| format!("{name} {one}"));
                self.errors.push((offset, LockFault::Dangling { package, dependency }));
            }
        }
    }
}

/// The name of a file: it is used as one, so it must not lead elsewhere.
pub(super) fn file_name(text: &str) -> Result<String, String> {
    let leads = |c: char| matches!(c, '/' | '\\') || c.is_control();
    if text.is_empty() || text.starts_with('.') || text.contains(leads) {
        return Err(format!("expected the name of a file, found `{}`", text.escape_debug()));
    }
    Ok(text.to_owned())
}

pub(super) fn specifiers(text: &str) -> Result<VersionSpecifiers, String> {
    text.parse().map_err(|_| format!("expected versions such as `>=3.9,<3.14`, found `{text}`"))
}

pub(super) fn sha256(text: &str) -> Result<[u8; 32], String> {
    let failed = || format!("expected 64 lower-case hexadecimal digits, found `{text}`");
    let bytes: &[u8; 64] = text.as_bytes().try_into().map_err(|_| failed())?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(failed()),
    };
    let mut found = [0; 32];
    for (to, pair) in found.iter_mut().zip(bytes.chunks_exact(2)) {
        *to = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(found)
}
