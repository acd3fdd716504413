//! What moved from one lock to the next, for a readable summary.

use std::collections::BTreeMap;
use std::fmt;

use crate::Version;
use crate::lock::Lock;
use crate::name::PackageName;

/// A project whose versions are not what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The project.
    pub name: PackageName,
    /// Its versions in the previous lock; none if it is new.
    pub from: Vec<Version>,
    /// Its versions in the new lock; none if it is gone.
    pub to: Vec<Version>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |versions: &[Version]| versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (self.from.as_slice(), self.to.as_slice()) {
            ([], to) => write!(f, "+ {} {}", self.name, join(to)),
            (from, []) => write!(f, "- {} {}", self.name, join(from)),
            (from, to) => write!(f, "~ {} {} -> {}", self.name, join(from), join(to)),
        }
    }
}

/// The changes from `previous` to `new`, by name.
pub(super) fn between(previous: Option<&Lock>, new: &Lock) -> Vec<Change> {
    let mut both: BTreeMap<&PackageName, (Vec<Version>, Vec<Version>)> = BTreeMap::new();
    for package in previous.iter().flat_map(|lock| &lock.packages) {
        both.entry(&package.name).or_default().0.push(package.version.clone());
    }
    for package in &new.packages {
        both.entry(&package.name).or_default().1.push(package.version.clone());
    }
    let moved = both.into_iter().filter(|(_, (from, to))| from != to);
    moved.map(|(name, (from, to))| Change { name: name.clone(), from, to }).collect()
}
