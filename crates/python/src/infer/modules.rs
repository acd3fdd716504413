//! The modules of the repository, and which files and targets have them. Opens no file.

use std::collections::{HashMap, HashSet};

use graph::{Label, Target, join};

use crate::entry_point::file_label;
use crate::source_roots::SourceRoots;

/// A file, or a declared output, that is a module.
#[derive(Debug)]
pub(super) struct Owner<'t> {
    pub(super) target: &'t Target,
    /// What depends on it depends on.
    pub(super) label: Label,
    /// Its path, relative to the root of the repository.
    pub(super) path: String,
    /// How much of the path is the source root, with its slash.
    root: usize,
    pub(super) module: String,
    pub(super) is_package: bool,
    /// Whether it is a stub, `.pyi`.
    pub(super) is_stub: bool,
}

impl Owner<'_> {
    /// The source root that the file is in.
    pub(super) fn root(&self) -> &str {
        &self.path[..self.root]
    }

    /// Whether it is a file that can import, rather than one that an action makes.
    pub(super) fn is_file(&self) -> bool {
        self.target.rule.file_nodes
    }

    pub(super) fn is_test(&self) -> bool {
        self.target.rule.name == "python_test"
    }

    /// The package that relative imports of the file start from.
    pub(super) fn package(&self) -> &str {
        if self.is_package {
            &self.module
        } else {
            self.module.rsplit_once('.').map_or("", |(package, _)| package)
        }
    }
}

/// Whether the files of a target are modules.
pub(super) fn has_modules(target: &Target) -> bool {
    matches!(target.rule.name, "python_binary" | "python_library" | "python_test" | "python_test_utils")
}

/// All modules.
#[derive(Debug, Default)]
pub(super) struct Modules<'t> {
    pub(super) owners: Vec<Owner<'t>>,
    by_module: HashMap<String, Vec<usize>>,
    by_path: HashMap<String, Vec<usize>>,
    /// The names that modules begin with.
    namespaces: HashSet<String>,
}

impl<'t> Modules<'t> {
    pub(super) fn of(targets: &'t [Target], roots: &SourceRoots) -> Modules<'t> {
        // Tables that grow step by step take twice as long to fill.
        let most = targets.iter().map(|target| target.sources.len()).sum();
        let mut modules = Modules {
            owners: Vec::with_capacity(most),
            by_module: HashMap::with_capacity(most),
            by_path: HashMap::with_capacity(most),
            namespaces: HashSet::new(),
        };
        for target in targets {
            match target.rule.name {
                _ if has_modules(target) => {
                    for source in &target.sources {
                        modules.add(target, file_label(target, &source.path), &source.path, roots);
                    }
                }
                "genrule" => {
                    for output in target.list("outputs") {
                        let path = join(target.label.package(), output);
                        modules.add(target, target.label.clone(), &path, roots);
                    }
                }
                _ => {}
            }
        }
        modules
    }

    /// Those that have a module.
    pub(super) fn owners_of(&self, module: &str) -> impl Iterator<Item = &Owner<'t>> {
        self.by_module.get(module).into_iter().flatten().map(|owner| &self.owners[*owner])
    }

    /// Those that have a file.
    pub(super) fn owners_of_file(&self, path: &str) -> impl Iterator<Item = &Owner<'t>> {
        self.by_path.get(path).into_iter().flatten().map(|owner| &self.owners[*owner])
    }

    /// Whether modules lie in a package of this name, which may have no file of its own.
    pub(super) fn is_namespace(&self, module: &str) -> bool {
        self.namespaces.contains(module)
    }

    /// All names, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.owners.iter().map(|owner| owner.module.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn add(&mut self, target: &'t Target, label: Label, path: &str, roots: &SourceRoots) {
        let Some(import_path) = roots.import_path(path) else { return };
        let Some((module, is_package, is_stub)) = module(import_path) else { return };
        let index = self.owners.len();
        self.by_path.entry(path.to_owned()).or_default().push(index);
        if !module.is_empty() {
            self.by_module.entry(module.clone()).or_default().push(index);
        }
        let mut prefix = module.as_str();
        while let Some((above, _)) = prefix.rsplit_once('.') {
            if !self.namespaces.insert(above.to_owned()) {
                break;
            }
            prefix = above;
        }
        let root = path.len() - import_path.len();
        self.owners.push(Owner { target, label, path: path.to_owned(), root, module, is_package, is_stub });
    }
}

/// The module of an import path, whether it is a package, and whether it is a stub.
///
/// A file whose name is none that can be imported, such as `run-all.py`, can import all the same.
fn module(import_path: &str) -> Option<(String, bool, bool)> {
    let (stem, is_stub) = match import_path.strip_suffix(".pyi") {
        Some(stem) => (stem, true),
        None => (import_path.strip_suffix(".py")?, false),
    };
    let package = stem.strip_suffix("/__init__").or_else(|| (stem == "__init__").then_some(""));
    Some((package.unwrap_or(stem).replace('/', "."), package.is_some(), is_stub))
}

#[cfg(test)]
mod tests {
    use super::module;

    fn check(path: &str, expect: Option<(&str, bool, bool)>) {
        let expect = expect.map(|(name, is_package, is_stub)| (name.to_owned(), is_package, is_stub));
        assert_eq!(module(path), expect, "{path}");
    }

    #[test]
    fn files_are_modules() {
        check("a/b.py", Some(("a.b", false, false)));
        check("a/__init__.py", Some(("a", true, false)));
        check("a/b.pyi", Some(("a.b", false, true)));
        check("__init__.py", Some(("", true, false)));
        check("a/b.txt", None);
    }
}
