//! Which projects of a resolve come from one index alone. Names that only begin as an index says are found out: from the
//! list of its projects, from what is asked for and was locked, and from what resolving finds.

use std::collections::BTreeMap;

use super::error::LockError;
use super::project;
use super::span::Span;
use super::uv_lock::UvLock;
use super::{Addresses, LockRequest, LockTools};
use crate::index::{Index, Indexes};
use crate::requirement::Requirement;

/// How often names are found that nobody knew of before.
const ROUNDS: usize = 8;

/// The name of the index of each project that is pinned.
pub(super) struct Pins(BTreeMap<String, String>);

/// Resolves the requirements so that no project comes from another index than it is pinned to.
pub(super) fn resolve(
    request: &LockRequest<'_>,
    addresses: &Addresses,
    constraints: &[Requirement],
    tools: &LockTools<'_>,
    span: &Span,
) -> Result<UvLock, LockError> {
    let mut pins = Pins::known(request, tools);
    let mut astray = Vec::new();
    for _ in 0..ROUNDS {
        let found = project::resolve(request, addresses, constraints, &pins, tools, span)?;
        astray = pins.missing(&found, request.indexes);
        if astray.is_empty() {
            return Ok(found);
        }
        for (project, index) in &astray {
            pins.0.insert(project.clone(), index.clone());
        }
    }
    let projects = astray.iter().map(|(project, index)| format!("`{project}` (`{index}`)")).collect();
    Err(LockError::Pinned { resolve: request.resolve.to_owned(), projects })
}

impl Pins {
    /// Those that can be known before anything is resolved.
    fn known(request: &LockRequest<'_>, tools: &LockTools<'_>) -> Self {
        let mut pins = Self(BTreeMap::new());
        let open: Vec<&Index> = request.indexes.iter().filter(|index| index.scope.is_open()).collect();
        for name in request.indexes.iter().flat_map(|index| index.scope.names()) {
            pins.add(name, request.indexes);
        }
        if open.is_empty() {
            return pins;
        }
        let asked = request.requirements.iter().map(|asked| &asked.requirement.name);
        let needed_to_build = request.build_requirements.values().flatten().map(|one| &one.name);
        let locked = request.previous.iter().flat_map(|lock| &lock.packages).map(|package| &package.name);
        for name in asked.chain(needed_to_build).chain(locked) {
            pins.add(name.as_ref(), request.indexes);
        }
        for index in open {
            // An index without such a list is asked for what resolving finds.
            for name in tools.client.projects(&index.name).unwrap_or_default() {
                pins.add(&name, request.indexes);
            }
        }
        pins
    }

    fn add(&mut self, project: &str, indexes: &Indexes) {
        if let Some(index) = indexes.claiming(project).next() {
            self.0.insert(project.to_owned(), index.name.clone());
        }
    }

    /// The projects that were found without being known as pinned, each with its index.
    fn missing(&self, found: &UvLock, indexes: &Indexes) -> Vec<(String, String)> {
        let unknown = found.packages.iter().filter(|package| !self.0.contains_key(&package.name));
        let pinned = unknown.filter_map(|package| {
            Some((package.name.clone(), indexes.claiming(&package.name).next()?.name.clone()))
        });
        pinned.collect()
    }

    /// The projects with the names of their indexes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(project, index)| (project.as_str(), index.as_str()))
    }
}
