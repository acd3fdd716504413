//! `pylock.toml` (PEP 751): packages with their files and without what they need, since what it may say of that is not
//! for installing; knows no tool that writes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{Borders, Listed, bare, empty, interpreters, pinned};
use crate::lock::error::{LockError, LockFault};
use crate::lock::raw::Text;
use crate::lock::read::{Reader, misshapen, specifiers, wrong_version};
use crate::lock::{Address, Form, Graph, Lock, Origin, Package};
use crate::name::parse_name;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawPylock {
    lock_version: Spanned<toml::Value>,
    requires_python: Option<Text>,
    #[serde(default)]
    environments: Vec<Text>,
    #[serde(default)]
    packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawPackage {
    name: Text,
    version: Option<Text>,
    marker: Option<Text>,
    requires_python: Option<Text>,
    index: Option<Text>,
    vcs: Option<IgnoredAny>,
    directory: Option<IgnoredAny>,
    archive: Option<RawFile>,
    sdist: Option<RawFile>,
    #[serde(default)]
    wheels: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    name: Option<Text>,
    url: Option<Text>,
    path: Option<Text>,
    size: Option<u64>,
    hashes: BTreeMap<String, Text>,
}

pub(super) fn parse(text: &str, folder: &str, borders: &Borders<'_>) -> Result<Lock, Vec<LockError>> {
    let raw: RawPylock = toml::from_str(text).map_err(|error| vec![misshapen(text, &error)])?;
    if let Some(error) = wrong_version(text, &raw.lock_version, None) {
        return Err(vec![error]);
    }
    let mut reader = Reader::default();
    let mut lock = empty(Form::Pylock, Graph::InWheels(BTreeMap::new()));
    if let Some(text) = &raw.requires_python {
        let found = reader.value("requires-python", text, specifiers);
        lock.requires_python = found.unwrap_or(lock.requires_python);
    }
    lock.interpreter_constraints = interpreters(&lock.requires_python);
    lock.environments = reader.values("environments", &raw.environments).unwrap_or_default();
    lock.packages =
        raw.packages.iter().filter_map(|one| package(&mut reader, one, folder, borders)).collect();
    let pins = lock.packages.iter().filter_map(|one| pinned(&one.name, &one.version, &one.marker));
    lock.requirements = pins.collect();
    if reader.errors.is_empty() { Ok(lock) } else { Err(reader.errors(text)) }
}

/// Adds the one file of a package that is on no index.
fn archive(reader: &mut Reader, package: &mut Package, file: &RawFile, folder: &str) {
    let (Some(place), Some(sha256)) = (file.url.as_ref().or(file.path.as_ref()), file.hashes.get("sha256"))
    else {
        package.origin = Origin::Elsewhere("an archive without an address and a hash");
        return;
    };
    let Ok(address) = Address::in_folder(place.get_ref(), folder) else {
        package.origin = Origin::Elsewhere("a path outside of the repository");
        return;
    };
    let index = Some(address.to_string());
    reader.add(package, &Listed { place, sha256, size: file.size, index });
}

fn package(reader: &mut Reader, raw: &RawPackage, folder: &str, borders: &Borders<'_>) -> Option<Package> {
    let name = reader.value("packages.name", &raw.name, parse_name);
    let nought = Reader::at(&raw.name, "0");
    // What is built from a folder or a repository need not have one.
    let version = raw.version.as_ref().unwrap_or(&nought);
    let version = reader.value("packages.version", version, str::parse);
    let marker = match &raw.marker {
        None => None,
        Some(text) => {
            let plain = Reader::at(text, &without_groups(text.get_ref()));
            reader.marker("packages.marker", Some(&plain))
        }
    };
    let mut package = bare(name?, version?);
    package.marker = marker.unwrap_or_default();
    if let Some(text) = &raw.requires_python {
        package.requires_python = Some(reader.value("packages.requires-python", text, specifiers)?);
    }
    reader.know(&raw.name, &package.name, &package.version);
    if raw.directory.is_some() {
        package.origin = Origin::Repository;
    } else if raw.vcs.is_some() {
        package.origin = Origin::Elsewhere("a repository of a version control system");
    }
    if let Some(file) = &raw.archive {
        archive(reader, &mut package, file, folder);
    }
    let index = raw.index.as_ref().and_then(|address| (borders.index_at)(address.get_ref()));
    for file in raw.wheels.iter().chain(&raw.sdist) {
        // Some tools normalise the name, and an index knows the file by what its address ends in.
        let is_file =
            |place: &&Text| [".whl", ".gz", ".zip"].iter().any(|end| place.get_ref().ends_with(end));
        let place = file.url.as_ref().or(file.path.as_ref()).filter(is_file).or(file.name.as_ref());
        let (Some(place), Some(sha256)) = (place, file.hashes.get("sha256")) else {
            let reason = "expected a name or an address, and the hash `sha256`".to_owned();
            reader.fault(place.unwrap_or(&raw.name), LockFault::Value { key: "packages.wheels", reason });
            continue;
        };
        reader.add(&mut package, &Listed { place, sha256, size: file.size, index: index.clone() });
    }
    Some(package)
}

/// A marker without what it says of extras and groups of the project: what is wanted of the lock is told by who needs
/// it. PEP 751 has them as `'name' in extras` and `'name' in dependency_groups`.
fn without_groups(marker: &str) -> String {
    let mut out = String::new();
    let mut rest = marker;
    while let Some(at) = rest.find(['\'', '"']) {
        let quote = &rest[at..=at];
        let Some(length) = rest[at + 1..].find(quote) else { break };
        let end = at + 1 + length + 1;
        let words = rest[end..].trim_start();
        let words = words.strip_prefix("not ").map_or(words, str::trim_start);
        let of = words.strip_prefix("in ").map(str::trim_start);
        let after = of.and_then(|of| of.strip_prefix("extras").or(of.strip_prefix("dependency_groups")));
        match after {
            Some(after) => {
                out.push_str(&rest[..at]);
                out.push_str("python_version >= '0'");
                rest = after;
            }
            None => {
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(marker: &str, expect: &str) {
        assert_eq!(without_groups(marker), expect, "{marker}");
    }

    #[test]
    fn extras_and_groups_of_the_project_do_not_decide() {
        check("sys_platform == 'win32'", "sys_platform == 'win32'");
        check("'dev' in dependency_groups", "python_version >= '0'");
        check("\"x\" not in extras or os_name == 'nt'", "python_version >= '0' or os_name == 'nt'");
        check("'64' in platform_machine", "'64' in platform_machine");
        check("os_name == 'nt", "os_name == 'nt");
    }
}
