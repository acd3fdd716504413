//! Whether a lock has what requirements ask for, whatever it is built for; follows no dependency.

use super::SelectError;
use crate::lock::{Graph, Lock, Origin};
use crate::requirement::{Requirement, Source};

/// Where a lock does not have what is required, as far as that can be told without a target.
#[must_use]
pub fn disagreements(lock: &Lock, roots: &[Requirement]) -> Vec<SelectError> {
    roots.iter().flat_map(|root| of_one(lock, root)).collect()
}

fn of_one(lock: &Lock, root: &Requirement) -> Vec<SelectError> {
    let requirement = root.text().to_owned();
    if !matches!(root.source, Source::Index(_)) {
        return vec![SelectError::Location { requirement }];
    }
    let named = lock.named(&root.name);
    if named.is_empty() {
        return vec![SelectError::Missing { requirement }];
    }
    if named.iter().any(|package| package.origin == Origin::Repository) {
        return vec![SelectError::Repository { name: root.name.clone() }];
    }
    if !named.iter().any(|package| root.accepts(&package.version)) {
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
