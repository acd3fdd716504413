//! From imports that led nowhere to findings: the same cause once, with what may help. Looks at no content of files.

use std::collections::{BTreeMap, HashMap};

use graph::near_all;

use super::Workspace;
use super::distributions::Distributions;
use super::finding::{Finding, Hint, ImportSite, Problem};
use super::modules::Modules;
use super::resolve::Failure;
use crate::requirements::resolve_of;

/// What findings are made from.
pub(super) struct Diagnosis<'a> {
    pub(super) modules: &'a Modules<'a>,
    pub(super) distributions: &'a Distributions<'a>,
    pub(super) default_resolve: &'a str,
    pub(super) workspace: &'a dyn Workspace,
}

/// The names in each package, by the name of the package.
type Names<'n> = HashMap<&'n str, Vec<&'n str>>;

impl Diagnosis<'_> {
    /// The findings, by module.
    pub(super) fn findings(&self, failures: Vec<Failure<'_>>) -> Vec<Finding> {
        if failures.is_empty() {
            return Vec::new();
        }
        let own = by_package(self.modules.names());
        let mut of_resolve: BTreeMap<&str, Names<'_>> = BTreeMap::new();
        let mut found: BTreeMap<(String, Problem), Vec<ImportSite>> = BTreeMap::new();
        let mut problems: BTreeMap<(String, &str, String), Problem> = BTreeMap::new();
        for failure in &failures {
            let others = of_resolve
                .entry(failure.resolve)
                .or_insert_with(|| by_package(self.distributions.names(failure.resolve)));
            let module = self.cause(failure);
            let problem = if failure.owners.is_empty() {
                let key = (module.clone(), failure.resolve, failure.importer.package().to_owned());
                let told = problems.entry(key);
                told.or_insert_with(|| self.unowned(failure, &module, &[&own, others])).clone()
            } else {
                Problem::Ambiguous { owners: failure.owners.clone() }
            };
            let site = ImportSite { place: failure.place.clone(), file: failure.importer.label.clone() };
            found.entry((module, problem)).or_default().push(site);
        }
        let finding = |((module, problem), mut imports): ((String, Problem), Vec<ImportSite>)| {
            imports.sort_unstable();
            imports.dedup();
            Finding { module, problem, imports }
        };
        found.into_iter().map(finding).collect()
    }

    /// The module that is missing: the outermost of which nothing is there.
    fn cause(&self, failure: &Failure<'_>) -> String {
        let is_there = |module: &str| {
            self.modules.is_namespace(module)
                || self.modules.owners_of(module).next().is_some()
                || self.distributions.find(failure.resolve, module).is_some()
        };
        let wanted = failure.module.as_str();
        if !failure.owners.is_empty() || wanted.starts_with('.') {
            return wanted.to_owned();
        }
        let ends = wanted.match_indices('.').map(|(end, _)| end);
        let outermost = ends.map(|end| &wanted[..end]).find(|prefix| !is_there(prefix));
        outermost
            .or(failure.parent.as_deref().filter(|parent| !is_there(parent)))
            .unwrap_or(wanted)
            .to_owned()
    }

    fn unowned(&self, failure: &Failure<'_>, module: &str, names: &[&Names<'_>]) -> Problem {
        let hint = self.hint(failure, module);
        let package = module.rsplit_once('.').map_or("", |(package, _)| package);
        let candidates = names.iter().filter_map(|names| names.get(package)).flatten().copied();
        let near = if hint == Hint::Nothing { near_all(module, candidates) } else { Vec::new() };
        Problem::Unowned { hint, near: near.into_iter().map(ToOwned::to_owned).collect() }
    }

    fn hint(&self, failure: &Failure<'_>, module: &str) -> Hint {
        if module.starts_with('.') {
            return Hint::Outside;
        }
        let importer = failure.importer;
        let sibling = format!("{}.{module}", importer.package());
        if !importer.package().is_empty() && self.modules.owners_of(&sibling).next().is_some() {
            return Hint::Sibling(sibling);
        }
        let folders = module.replace('.', "/");
        for root in [importer.root(), ""] {
            let paths = [format!("{root}{folders}.py"), format!("{root}{folders}/__init__.py")];
            let unlisted = |path: &&String| {
                self.modules.owners_of_file(path).next().is_none() && self.workspace.is_file(path)
            };
            if let Some(path) = paths.iter().find(unlisted) {
                return Hint::Unlisted(path.clone());
            }
        }
        let owners = || self.modules.owners_of(&failure.module).chain(self.modules.owners_of(module));
        if let Some(test) = owners().find(|owner| owner.is_test() && !importer.is_test()) {
            return Hint::Test(test.target.label.clone());
        }
        let elsewhere = |other: &str, owner| Hint::Elsewhere {
            resolve: failure.resolve.to_owned(),
            other: other.to_owned(),
            owner,
        };
        if let Some(owner) = owners().next() {
            let other = resolve_of(owner.target, self.default_resolve);
            return elsewhere(other, owner.target.label.clone());
        }
        if let Some((other, owner)) = self.distributions.elsewhere(failure.resolve, &failure.module).first() {
            return elsewhere(other, owner.label.clone());
        }
        match self.distributions.locked(failure.resolve, &failure.module) {
            Some(project) => Hint::Locked { resolve: failure.resolve.to_owned(), project },
            None => Hint::Nothing,
        }
    }
}

fn by_package(names: Vec<&str>) -> Names<'_> {
    let mut packages: Names<'_> = HashMap::new();
    for name in names {
        // The packages that have no file of their own are names too.
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        for end in ends {
            let known = &name[..end];
            let package = known.rsplit_once('.').map_or("", |(package, _)| package);
            let names = packages.entry(package).or_default();
            if names.last() != Some(&known) && !names.contains(&known) {
                names.push(known);
            }
        }
    }
    packages
}
