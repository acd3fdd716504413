//! A `requirements.txt` that serves as a lock: a version for each project, with the hashes of its files or without;
//! reads lines as requirements files do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Borders, LockFile, bare, empty, pin};
use crate::Version;
use crate::lock::error::{LockError, LockFault};
use crate::lock::{Form, Graph, Origin, Package};
use crate::marker::Marker;
use crate::name::PackageName;
use crate::requirement_file::{self, FileHash, HashAlgorithm, Listed};

pub(super) fn parse(path: &str, borders: &Borders<'_>) -> Result<LockFile, Vec<LockError>> {
    let files = std::cell::RefCell::new(BTreeSet::new());
    let read = |file: &str| {
        files.borrow_mut().insert(file.to_owned());
        (borders.read)(file)
    };
    let (file, wrong) = requirement_file::parse(path, &read);
    let mut errors: Vec<LockError> = wrong
        .into_iter()
        .map(|error| LockError {
            fault: LockFault::Requirements(error.fault),
            place: Some(error.place),
            file: Some(error.file.to_string()),
        })
        .collect();
    let pins: Vec<(&Listed, Version)> =
        file.constraints.iter().filter_map(|one| Some((one, pin(&one.requirement)?))).collect();
    let mut packages: BTreeMap<(PackageName, Version), Package> = BTreeMap::new();
    for listed in &file.requirements {
        let requirement = &listed.requirement;
        let constrained = |(one, version): &&(&Listed, Version)| {
            one.requirement.name == requirement.name && requirement.accepts(version)
        };
        match pin(requirement).or_else(|| pins.iter().find(constrained).map(|(_, version)| version.clone())) {
            Some(version) => errors.extend(add(&mut packages, listed, version)),
            None => errors.push(LockError {
                fault: LockFault::Unpinned { requirement: requirement.text().to_owned() },
                place: Some(listed.place),
                file: Some(listed.file.to_string()),
            }),
        }
    }
    // A constraint is no requirement, but says which version is to be taken where something needs it.
    for (listed, version) in pins {
        errors.extend(add(&mut packages, listed, version));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut lock = empty(Form::Requirements, Graph::InWheels(BTreeMap::new()));
    lock.requirements = file.requirements.into_iter().map(|listed| listed.requirement).collect();
    lock.packages = packages.into_values().collect();
    lock.sort();
    let includes = files.into_inner().into_iter().filter(|file| file != path).collect();
    Ok(LockFile { lock, includes })
}

/// Adds a pin to the packages; what is pinned twice holds where one of the two does.
fn add(
    packages: &mut BTreeMap<(PackageName, Version), Package>,
    listed: &Listed,
    version: Version,
) -> Option<LockError> {
    let hashes: Vec<FileHash> =
        listed.hashes.iter().filter(|hash| hash.algorithm == HashAlgorithm::Sha256).cloned().collect();
    if hashes.is_empty() && !listed.hashes.is_empty() {
        let reason = "expected a `sha256` among its hashes".to_owned();
        return Some(LockError {
            fault: LockFault::Value { key: "--hash", reason },
            place: Some(listed.place),
            file: Some(listed.file.to_string()),
        });
    }
    let (name, marker) = (&listed.requirement.name, &listed.requirement.marker);
    let package = packages.entry((name.clone(), version.clone())).or_insert_with(|| Package {
        marker: marker.clone(),
        origin: Origin::Unnamed(Vec::new()),
        ..bare(name.clone(), version)
    });
    package.marker = either(&package.marker, marker);
    if let Origin::Unnamed(known) = &mut package.origin {
        known.extend(hashes);
        known.sort_unstable();
        known.dedup();
    }
    None
}

fn either(one: &Marker, other: &Marker) -> Marker {
    if one == other {
        return one.clone();
    }
    if one.is_always() || other.is_always() {
        return Marker::always();
    }
    format!("({one}) or ({other})").parse().unwrap_or_default()
}
