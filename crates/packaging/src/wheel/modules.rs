//! Which modules the files of a wheel provide, as few names as tell them all; imports nothing.

use std::collections::{BTreeMap, BTreeSet};

/// The folders whose `__init__.py` only declares a namespace package, by path.
pub(super) type Namespaces = BTreeSet<String>;

/// No package is deeper, in folders; what follows them recurses.
const MAX_DEPTH: usize = 100;

/// A folder of modules.
#[derive(Default)]
struct Folder {
    /// Whether it is a package by an `__init__` of its own.
    package: bool,
    modules: BTreeSet<String>,
    folders: BTreeMap<String, Folder>,
}

/// Whether a text is a name in Python; letters outside ASCII are let pass.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && letters.all(|c| c == '_' || c.is_alphanumeric())
}

/// Whether the text of an `__init__.py` makes a namespace package of its folder (pkgutil's way or `pkg_resources`').
pub(crate) fn declares_namespace(text: &str) -> bool {
    text.contains("extend_path") || text.contains("declare_namespace")
}

/// The modules that the files at these paths provide, sorted: top-level packages and modules by their name; of a
/// namespace package, which other distributions may extend, the packages and modules inside it by their dotted names.
/// `paths` are relative to where the wheel is installed.
pub(super) fn provided<'a>(paths: impl Iterator<Item = &'a str>, namespaces: &Namespaces) -> Vec<String> {
    let mut root = Folder::default();
    for path in paths {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(module) = module_of(file) else { continue };
        let parts: Vec<&str> = folders.split('/').filter(|part| !part.is_empty()).collect();
        if parts.len() > MAX_DEPTH || !parts.iter().all(|part| is_identifier(part)) {
            continue;
        }
        let mut folder = &mut root;
        for part in parts {
            folder = folder.folders.entry(part.to_owned()).or_default();
        }
        match module {
            "__init__" => folder.package |= !namespaces.contains(folders),
            // It is run, not imported.
            "__main__" => {}
            module => drop(folder.modules.insert(module.to_owned())),
        }
    }
    let mut found = BTreeSet::new();
    collect(&root, "", &mut found);
    found.into_iter().collect()
}

/// The modules of a wheel of which nothing is known but the names of its files.
pub(crate) fn modules_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    provided(names.filter_map(installed), &Namespaces::new())
}

/// The dotted name of the module that a file of a wheel is; none where it is none.
pub(crate) fn module_path(path: &str) -> Option<String> {
    let path = installed(path)?;
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let module = module_of(file)?;
    let parts = folders.split('/').filter(|part| !part.is_empty());
    let dotted: Vec<&str> = parts.chain((module != "__init__").then_some(module)).collect();
    Some(dotted.join("."))
}

fn collect(folder: &Folder, prefix: &str, found: &mut BTreeSet<String>) {
    found.extend(folder.modules.iter().map(|module| format!("{prefix}{module}")));
    for (name, inner) in &folder.folders {
        let dotted = format!("{prefix}{name}");
        if inner.package {
            found.insert(dotted);
        } else {
            collect(inner, &format!("{dotted}."), found);
        }
    }
}

/// Where a file of a wheel is on the path for imports after it is installed; `None` if it is not.
pub(super) fn installed(path: &str) -> Option<&str> {
    match path.split_once('/') {
        Some((first, _)) if first.ends_with(".dist-info") => None,
        Some((first, rest)) if first.ends_with(".data") => {
            rest.strip_prefix("purelib/").or_else(|| rest.strip_prefix("platlib/"))
        }
        _ => Some(path),
    }
}

/// The module in a file: `a.py`, `a.so`, `a.cpython-311-x86_64-linux-gnu.so`, `a.abi3.so`, `a.pyd`.
fn module_of(file: &str) -> Option<&str> {
    let (module, rest) = file.split_once('.')?;
    let extension = rest.rsplit('.').next().unwrap_or(rest);
    let known = rest == "py" || extension == "so" || extension == "pyd";
    (known && is_identifier(module)).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], namespaces: &[&str], expect: &[&str]) {
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(provided(paths.iter().copied(), &namespaces), expect, "{paths:?}");
    }

    #[test]
    fn packages_stand_for_what_is_in_them() {
        check(&["flask/__init__.py", "flask/app.py", "flask/json/__init__.py"], &[], &["flask"]);
        check(&["six.py", "_cffi_backend.cpython-311-x86_64-linux-gnu.so"], &[], &["_cffi_backend", "six"]);
        check(&["a/__init__.abi3.so", "b.pyd", "c.pyi", "d.txt", "e-x.py"], &[], &["a", "b"]);
    }

    #[test]
    fn namespaces_are_opened() {
        let google = ["google/cloud/storage/__init__.py", "google/cloud/storage/blob.py", "google/api.py"];
        check(&google, &[], &["google.api", "google.cloud.storage"]);
        check(&["zope/__init__.py", "zope/interface/__init__.py"], &["zope"], &["zope.interface"]);
        check(&["zope/__init__.py", "zope/interface/__init__.py"], &[], &["zope"]);
    }

    #[test]
    fn names_of_files_are_enough() {
        let check = |names: &[&str], expect: &[&str]| {
            assert_eq!(modules_of(names.iter().copied()), expect, "{names:?}");
        };
        check(&["flask/__init__.py", "flask/app.py", "flask-3.dist-info/RECORD"], &["flask"]);
        check(&["google/api/a_pb2.py", "google/api/b_pb2.py"], &["google.api.a_pb2", "google.api.b_pb2"]);
        check(&["a-1.data/purelib/a/__init__.py", "a-1.data/scripts/run.py"], &["a"]);
        check(
            &["yaml/__init__.py", "yaml/_yaml.pyd", "tests/test_x.py", "1bad/__init__.py", "x-y/z.py"],
            &["tests.test_x", "yaml"],
        );
        // Stubs alone are nothing that could be imported.
        check(&["b/__init__.pyi", "c.pyi", "d/py.typed"], &[]);
        check(&["__init__.py", "__main__.py", "a/__main__.py", "", "/", ".py", "a//b.py"], &["a.b"]);
        check(&[&format!("{}b.py", "a/".repeat(30_000)), "c.py"], &["c"]);
    }
}
