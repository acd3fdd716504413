//! Tells which modules each package of a lock provides, from the names inside of one of its wheels.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::LockTools;
use super::error::LockWarning;
use crate::index::{DEFAULT, archive_names};
use crate::lock::{Lock, Package, WheelFile};

/// The memo table: SHA-256 of a wheel to its modules, a line each.
const TABLE: &str = "modules";

/// Fills in the modules of each package that has wheels; of those that fail, a warning.
pub(super) fn tell(
    lock: &mut Lock,
    previous: Option<&Lock>,
    tools: &LockTools<'_>,
    warnings: &mut Vec<LockWarning>,
) {
    let known: BTreeMap<[u8; 32], &[String]> = previous
        .iter()
        .flat_map(|lock| &lock.packages)
        .filter(|package| !package.modules.is_empty())
        .filter_map(|package| Some((representative(package)?.sha256, package.modules.as_slice())))
        .collect();
    let told: Vec<Result<Vec<String>, LockWarning>> =
        lock.packages.par_iter().map(|package| of_package(package, &known, tools)).collect();
    for (package, modules) in lock.packages.iter_mut().zip(told) {
        match modules {
            Ok(modules) => package.modules = modules,
            Err(warning) => warnings.push(warning),
        }
    }
}

/// The wheel that stands for all: one for any platform, else the first by name.
pub(super) fn representative(package: &Package) -> Option<&WheelFile> {
    let any = |wheel: &&WheelFile| wheel.name.platforms().any(|platform| platform == "any");
    package.wheels.iter().find(any).or_else(|| package.wheels.first())
}

fn of_package(
    package: &Package,
    known: &BTreeMap<[u8; 32], &[String]>,
    tools: &LockTools<'_>,
) -> Result<Vec<String>, LockWarning> {
    let Some(wheel) = representative(package) else { return Ok(Vec::new()) };
    let memo = tools.store.memo(TABLE, &wheel.sha256).ok().flatten();
    if let Some(text) = memo.and_then(|memo| String::from_utf8(memo).ok()) {
        return Ok(text.lines().map(str::to_owned).collect());
    }
    if let Some(modules) = known.get(&wheel.sha256) {
        return Ok(modules.to_vec());
    }
    let index = wheel.index.as_deref().unwrap_or(DEFAULT);
    match archive_names(tools.client, index, package.name.as_ref(), wheel.name.as_str()) {
        Ok(names) => {
            let modules = modules_of(&names);
            // Without the memo it is asked again, no more.
            let _ = tools.store.put_memo(TABLE, &wheel.sha256, modules.join("\n").as_bytes());
            Ok(modules)
        }
        Err(error) => {
            let package = format!("{} {}", package.name, package.version);
            Err(LockWarning::Modules { package, reason: error.to_string() })
        }
    }
}

/// The modules that a wheel with these files provides: each package or module that no other contains, below
/// namespace packages by its dotted name. Sorted.
fn modules_of(names: &[String]) -> Vec<String> {
    let mut packages: BTreeSet<Vec<&str>> = BTreeSet::new();
    let mut modules: BTreeSet<Vec<&str>> = BTreeSet::new();
    for name in names {
        let Some((folders, file)) = importable(name) else { continue };
        let stem = file.split('.').next().unwrap_or_default();
        match stem {
            "__init__" if !folders.is_empty() => {
                packages.insert(folders);
            }
            "" | "__main__" | "__init__" => {}
            stem => {
                modules.insert(folders.into_iter().chain([stem]).collect());
            }
        }
    }
    let inside = |module: &Vec<&str>| (1..module.len()).any(|len| packages.contains(&module[..len]));
    let all: BTreeSet<String> = packages
        .iter()
        .chain(&modules)
        .filter(|module| !inside(module))
        .map(|module| module.join("."))
        .collect();
    all.into_iter().collect()
}

/// The folders and the file name, if the file is one that can be imported where it is installed.
fn importable(name: &str) -> Option<(Vec<&str>, &str)> {
    let mut parts: Vec<&str> = name.split('/').collect();
    let file = parts.pop()?;
    // What lies in `purelib` and `platlib` is installed beside the rest (binary distribution format).
    if parts.first().is_some_and(|first| first.ends_with(".data")) {
        if !matches!(parts.get(1), Some(&"purelib" | &"platlib")) {
            return None;
        }
        parts.drain(..2);
    }
    let ends = [".py", ".so", ".pyd", ".pyi"];
    let identifier = |part: &&str| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let stem = file.split('.').next()?;
    let fits = ends.iter().any(|end| file.ends_with(end)) && parts.iter().chain([&stem]).all(identifier);
    fits.then_some((parts, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &[&str]) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(modules_of(&names), expected);
    }

    #[test]
    fn modules_are_told_from_names() {
        check(
            &["flask/__init__.py", "flask/json/__init__.py", "flask/app.py", "flask-3.dist-info/RECORD"],
            &["flask"],
        );
        check(&["six.py", "six-1.dist-info/METADATA"], &["six"]);
        check(
            &["google/cloud/storage/__init__.py", "google/cloud/storage/blob.py"],
            &["google.cloud.storage"],
        );
        check(&["google/api/a_pb2.py", "google/api/b_pb2.py"], &["google.api.a_pb2", "google.api.b_pb2"]);
        check(
            &["_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi/__init__.py"],
            &["_cffi_backend", "cffi"],
        );
        check(&["a-1.data/purelib/a/__init__.py", "a-1.data/scripts/run.py", "b/__init__.pyi"], &["a", "b"]);
        check(
            &["yaml/__init__.py", "yaml/_yaml.pyd", "tests/test_x.py", "1bad/__init__.py", "x-y/z.py"],
            &["tests.test_x", "yaml"],
        );
        check(&["__init__.py", "__main__.py", "", "/", ".py", "a//b.py"], &[]);
    }
}
