//! Whether a lock has what requirements ask for, whatever it is built for; follows no dependency.

use super::SelectError;
use std::path::Path;

use crate::lock::{Address, Graph, Lock, Origin, Package};
use crate::requirement::Requirement;

/// Where a lock does not have what is required, as far as that can be told without a target.
#[must_use]
pub fn disagreements(lock: &Lock, roots: &[Requirement]) -> Vec<SelectError> {
    roots.iter().flat_map(|root| of_one(lock, root)).collect()
}

/// Whether a package is what is asked for: of a version that is accepted, or at the place that is named.
pub(super) fn meets(package: &Package, root: &Requirement) -> bool {
    let Some(location) = root.location() else { return root.accepts(&package.version) };
    match (package.address(), Address::of_requirement(location, None).ok()) {
        // An absolute path was below the root of the repository when it was locked, wherever that was.
        (Some(Address::Path(path)), Some(Address::Path(wanted))) => Path::new(&wanted).ends_with(path),
        (found, wanted) => found.is_some() && found == wanted,
    }
}

fn of_one(lock: &Lock, root: &Requirement) -> Vec<SelectError> {
    let requirement = root.text().to_owned();
    let named = lock.named(&root.name);
    if named.is_empty() {
        return vec![SelectError::Missing { requirement }];
    }
    if named.iter().any(|package| package.origin == Origin::Repository) {
        return vec![SelectError::Repository { name: root.name.clone() }];
    }
    if !named.iter().any(|package| meets(package, root)) {
        let versions: Vec<String> = named.iter().map(|package| package.version.to_string()).collect();
        return vec![SelectError::Stale {
            name: root.name.clone(),
            versions: versions.join(", "),
            requirement,
        }];
    }
    let missing =
        root.extras.iter().filter(|extra| lock.graph == Graph::Asked && !lock.has_extra(&root.name, extra));
    missing
        .map(|extra| SelectError::StaleExtra {
            name: root.name.clone(),
            extra: extra.clone(),
            requirement: requirement.clone(),
        })
        .collect()
}
