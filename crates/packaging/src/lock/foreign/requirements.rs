//! A `requirements.txt` that serves as a lock: a version for each project, with the hashes of its files or without;
//! reads lines as requirements files do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Borders, LockFile, bare, empty, pin};
use crate::Version;
use crate::lock::error::{LockError, LockFault};
use crate::lock::{Address, AddressError, Form, Graph, Origin, Package, SourceFile, WheelFile};
use crate::marker::Marker;
use crate::name::PackageName;
use crate::requirement::Requirement;
use crate::requirement_file::{self, FileHash, HashAlgorithm, Listed};
use crate::wheel::WheelFilename;

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
        if let Some(package) = at_address(listed) {
            packages.insert((package.name.clone(), package.version.clone()), package);
            continue;
        }
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

/// The package of a requirement that names the place of a file whose name tells the version, with its hash; of one from a
/// repository of a version control system, one that cannot be had.
fn at_address(listed: &Listed) -> Option<Package> {
    let Requirement { name, marker, .. } = &listed.requirement;
    let location = listed.requirement.location()?;
    let address = match Address::in_folder(location, "") {
        Err(AddressError::Repository { .. }) => {
            let origin = Origin::Elsewhere("a repository of a version control system");
            return Some(Package { marker: marker.clone(), origin, ..bare(name.clone(), "0".parse().ok()?) });
        }
        found => found.ok()?,
    };
    let mut hashes = listed.hashes.iter().filter(|hash| hash.algorithm == HashAlgorithm::Sha256);
    let sha256 = crate::lock::read::sha256(&hashes.next()?.hex).ok()?;
    let (file, index) = (address.file_name()?, Some(address.to_string()));
    if let Ok(wheel) = file.parse::<WheelFilename>() {
        let version = wheel.version.clone();
        let wheels = vec![WheelFile { name: wheel, size: None, sha256, index }];
        return Some(Package { marker: marker.clone(), wheels, ..bare(name.clone(), version) });
    }
    let stem = [".tar.gz", ".zip"].iter().find_map(|end| file.strip_suffix(end))?;
    let version = stem.rsplit_once('-')?.1.parse().ok()?;
    let sdist = Some(SourceFile { name: file, size: None, sha256, index });
    Some(Package { marker: marker.clone(), sdist, ..bare(name.clone(), version) })
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
