//! From imports that led nowhere to findings: the same cause once, with what may help. Looks at no content of files.

use std::collections::{BTreeMap, HashMap};

use graph::near_all;

use super::Workspace;
use super::distributions::Distributions;
use super::finding::{Finding, Hint, ImportSite, Problem};
use super::known_names::known_projects;
use super::modules::{Modules, Owner};
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

/// The owners of modules, by the last part of the name.
type ByLast<'n> = HashMap<&'n str, Vec<usize>>;

impl Diagnosis<'_> {
    /// The findings, by module.
    pub(super) fn findings(&self, failures: Vec<Failure<'_>>) -> Vec<Finding> {
        if failures.is_empty() {
            return Vec::new();
        }
        let own = by_package(self.modules.names());
        let mut by_last: ByLast<'_> = HashMap::new();
        for (index, owner) in self.modules.owners.iter().enumerate() {
            by_last.entry(last(&owner.module)).or_default().push(index);
        }
        let mut of_resolve: BTreeMap<&str, Names<'_>> = BTreeMap::new();
        let mut found: BTreeMap<(String, Problem), Vec<ImportSite>> = BTreeMap::new();
        let mut problems: BTreeMap<(String, &str, &str, bool), Problem> = BTreeMap::new();
        for failure in &failures {
            let others = of_resolve
                .entry(failure.resolve)
                .or_insert_with(|| by_package(self.distributions.names(failure.resolve)));
            let module = self.cause(failure);
            let importer = failure.importer;
            let problem = if !failure.owners.is_empty() {
                Problem::Ambiguous { owners: failure.owners.clone() }
            } else if let Some(sibling) = self.sibling(failure, &module) {
                Problem::Unowned { hint: Hint::Sibling(sibling), near: Vec::new() }
            } else {
                let key = (module.clone(), failure.resolve, importer.root(), importer.is_test());
                let unowned = || self.unowned(failure, &module, &[&own, others], &by_last);
                problems.entry(key).or_insert_with(unowned).clone()
            };
            let site = ImportSite { place: failure.place.clone(), file: importer.label.clone() };
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

    /// The module of this name in the package of the import.
    fn sibling(&self, failure: &Failure<'_>, module: &str) -> Option<String> {
        let importer = failure.importer;
        let sibling = format!("{}.{module}", importer.package());
        let is_there = self.modules.owners_of(&sibling).any(|owner| owner.path != importer.path);
        (is_there && !importer.package().is_empty()).then_some(sibling)
    }

    fn unowned(
        &self,
        failure: &Failure<'_>,
        module: &str,
        names: &[&Names<'_>],
        by_last: &ByLast<'_>,
    ) -> Problem {
        let hint = self.hint(failure, module, by_last);
        let near = match hint {
            Hint::Nothing | Hint::Own => near_names(module, names),
            _ => Vec::new(),
        };
        Problem::Unowned { hint, near }
    }

    fn hint(&self, failure: &Failure<'_>, module: &str, by_last: &ByLast<'_>) -> Hint {
        if module.starts_with('.') {
            return Hint::Outside;
        }
        let importer = failure.importer;
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
        if let Some(project) = self.distributions.locked(failure.resolve, &failure.module) {
            return Hint::Locked { resolve: failure.resolve.to_owned(), project };
        }
        let top = module.split('.').next().unwrap_or(module);
        if self.modules.is_namespace(top) || self.modules.owners_of(top).next().is_some() {
            return Hint::Own;
        }
        self.misplaced(failure, by_last).unwrap_or_else(|| match known_projects(&failure.module).as_slice() {
            [] => Hint::Nothing,
            projects => Hint::Projects(projects.iter().map(ToString::to_string).collect()),
        })
    }

    /// The file that would be the module if a folder above it, which is no package, were a source root.
    fn misplaced(&self, failure: &Failure<'_>, by_last: &ByLast<'_>) -> Option<Hint> {
        for wanted in std::iter::once(failure.module.as_str()).chain(failure.parent.as_deref()) {
            let end = format!(".{wanted}");
            let owners = by_last.get(last(wanted)).into_iter().flatten().map(|at| &self.modules.owners[*at]);
            let above = |owner: &Owner<'_>| owner.module.strip_suffix(&end).map(ToOwned::to_owned);
            let is_package = |module: &str| self.modules.owners_of(module).any(|owner| owner.is_package);
            let mut found = owners.filter_map(|owner| Some((owner, above(owner)?)));
            if let Some((owner, above)) = found.find(|(_, above)| !is_package(above)) {
                let root = format!("/{}{}", owner.root(), above.replace('.', "/"));
                return Some(Hint::Misplaced { path: owner.path.clone(), root });
            }
        }
        None
    }
}

/// The last part of a module's name.
fn last(module: &str) -> &str {
    module.rsplit_once('.').map_or(module, |(_, last)| last)
}

/// The names in the package of a module that are near to its own.
fn near_names(module: &str, names: &[&Names<'_>]) -> Vec<String> {
    let package = module.rsplit_once('.').map_or("", |(package, _)| package);
    let wanted = last(module);
    let candidates = names.iter().filter_map(|names| names.get(package)).flatten().map(|name| last(name));
    // One name that begins with another is usually another thing, as `requests_toolbelt` is, unless it ends soon.
    let other = |name: &&str| {
        name.len().abs_diff(wanted.len()) <= 2 || !name.starts_with(wanted) && !wanted.starts_with(*name)
    };
    let dotted = |name: &str| if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") };
    near_all(wanted, candidates.filter(other)).into_iter().map(dotted).collect()
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
            // Sorted names have those of one package in a row.
            if names.last() != Some(&known) {
                names.push(known);
            }
        }
    }
    packages
}
