//! The modules of third parties, and which requirement targets bring them, resolve by resolve. Opens no wheel.

use std::collections::{BTreeMap, HashMap};

use graph::Target;
use packaging::lock::Lock;

use super::known_names::known;
use crate::requirements::{REQUIREMENT, resolve_of, wishes};

/// What is asked for in one resolve.
#[derive(Debug, Default)]
struct Asked<'t> {
    by_module: HashMap<String, Vec<&'t Target>>,
}

/// What is asked for in all resolves.
#[derive(Debug)]
pub(super) struct Distributions<'t> {
    resolves: BTreeMap<&'t str, Asked<'t>>,
    locks: &'t BTreeMap<String, Lock>,
}

impl<'t> Distributions<'t> {
    pub(super) fn of(
        targets: &'t [Target],
        default_resolve: &'t str,
        locks: &'t BTreeMap<String, Lock>,
    ) -> Distributions<'t> {
        let mut resolves: BTreeMap<&str, Asked<'t>> = BTreeMap::new();
        for target in targets.iter().filter(|target| target.rule.name == REQUIREMENT) {
            let resolve = resolve_of(target, default_resolve);
            let asked = resolves.entry(resolve).or_default();
            for module in modules(target, locks.get(resolve)) {
                let owners = asked.by_module.entry(module).or_default();
                if !owners.iter().any(|owner| owner.label == target.label) {
                    owners.push(target);
                }
            }
        }
        Distributions { resolves, locks }
    }

    /// The targets of a resolve that bring a module, by the longest name that it begins with, and how many parts of the
    /// module that name has.
    pub(super) fn find(&self, resolve: &str, module: &str) -> Option<(usize, &[&'t Target])> {
        let asked = self.resolves.get(resolve)?;
        let mut prefix = module;
        loop {
            if let Some(owners) = asked.by_module.get(prefix) {
                return Some((prefix.split('.').count(), owners));
            }
            prefix = prefix.rsplit_once('.')?.0;
        }
    }

    /// The other resolves that have a module, each with a target that brings it.
    pub(super) fn elsewhere(&self, resolve: &str, module: &str) -> Vec<(&'t str, &'t Target)> {
        let others = self.resolves.keys().filter(|name| **name != resolve);
        others.filter_map(|name| Some((*name, *self.find(name, module)?.1.first()?))).collect()
    }

    /// The project in the lock of a resolve that provides a module without being asked for.
    pub(super) fn locked(&self, resolve: &str, module: &str) -> Option<String> {
        let begins = |known: &String| {
            module.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let packages = &self.locks.get(resolve)?.packages;
        let found = packages.iter().find(|package| package.modules.iter().any(begins))?;
        Some(found.name.to_string())
    }

    /// The names of all modules of a resolve, in order.
    pub(super) fn names(&self, resolve: &str) -> Vec<&str> {
        let asked = self.resolves.get(resolve);
        let mut names: Vec<&str> =
            asked.iter().flat_map(|asked| asked.by_module.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// The modules that a requirement target brings: those that it names, else those that the lock records, else those that
/// its projects are known for, else one that is called like the project.
///
/// What has only types for others to check with is no provider of their modules: it is not there when they run.
fn modules(target: &Target, lock: Option<&Lock>) -> Vec<String> {
    if target.field("modules").is_some() {
        return target.list("modules").into_iter().map(ToOwned::to_owned).collect();
    }
    let mut modules = Vec::new();
    for wish in wishes(target).0 {
        let name = &wish.requirement.name;
        let locked = lock.map(|lock| lock.named(name)).unwrap_or_default();
        let recorded: Vec<String> = locked.iter().flat_map(|package| &package.modules).cloned().collect();
        let name = name.to_string();
        if !recorded.is_empty() {
            modules.extend(recorded);
        } else if let Some(known) = known(&name) {
            modules.extend(known.iter().map(ToString::to_string));
        } else if !name.starts_with("types-") && !name.ends_with("-stubs") {
            modules.push(name.replace('-', "_"));
        }
    }
    modules.sort_unstable();
    modules.dedup();
    modules
}
