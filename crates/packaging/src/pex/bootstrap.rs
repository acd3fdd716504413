//! Which files of the runtime's wheel make the bootstrap of a PEX, and the hash that runtimes share it by.
//! Works on names and contents; never alters a file, since the hash names a directory that all PEX files share.

use std::collections::BTreeSet;

use sha1::{Digest as _, Sha1};

/// Packages of the runtime that every PEX needs.
const PACKAGES: &[&str] = &["cache", "fetcher", "fs", "repl", "third_party", "venv", "windows"];
/// Packages that the tools need in addition.
const TOOLS: &[&str] = &["commands", "tools"];
/// Modules and packages of vendored projects that run at boot.
const VENDORED: &[&str] = &["appdirs", "attr", "colors", "packaging", "pyparsing", "pkg_resources"];
const VENDOR_FOLDER: &str = "pex/vendor/_vendored/";

/// One file of the bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BootstrapFile {
    /// Its path in the wheel, which is also its path below `.bootstrap/`.
    pub(super) path: String,
    /// Whether its content is a part of the hash: it is the runtime's own and not vendored.
    pub(super) hashed: bool,
}

/// The files of the wheel that belong into the bootstrap, sorted by path.
pub(super) fn select<'a>(paths: impl IntoIterator<Item = &'a str>, tools: bool) -> Vec<BootstrapFile> {
    let mut own = BTreeSet::new();
    let mut vendored = BTreeSet::new();
    for path in paths.into_iter().filter(|path| !super::sources::is_bytecode(path)) {
        if let Some(inner) = path.strip_prefix(VENDOR_FOLDER) {
            if let Some((spec, _)) = inner.split_once('/').filter(|(_, file)| is_vendored(file)) {
                vendored.insert(path.to_owned());
                vendored.extend(packages_above(spec));
            }
        } else if is_own(path, tools) {
            own.insert(path.to_owned());
        }
    }
    own.union(&vendored)
        .map(|path| BootstrapFile { path: path.clone(), hashed: !vendored.contains(path) })
        .collect()
}

/// The hash of the bootstrap whose hashed files are `files` with their contents, in any order: SHA-1 over the
/// contents, a directory's own files by name before its sub-directories by name.
pub(super) fn hash<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut files: Vec<_> = files.into_iter().map(|(path, content)| (walk_key(path), content)).collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut sha1 = Sha1::new();
    for (_, content) in files {
        sha1.update(content);
    }
    super::hash::hex(&sha1.finalize())
}

/// Sorts as a walk from the top goes: each part is (is a directory, name).
fn walk_key(path: &str) -> Vec<(bool, &str)> {
    let last = path.matches('/').count();
    path.split('/').enumerate().map(|(index, part)| (index != last, part)).collect()
}

fn is_own(path: &str, tools: bool) -> bool {
    let Some(inner) = path.strip_prefix("pex/") else { return false };
    match inner.split_once('/') {
        None => true,
        Some((package, _)) => PACKAGES.contains(&package) || tools && TOOLS.contains(&package),
    }
}

fn is_vendored(file: &str) -> bool {
    let root = file.split_once('/').map_or(file.strip_suffix(".py").unwrap_or(""), |(root, _)| root);
    VENDORED.contains(&root)
}

/// The `__init__.py` files that make a vendored project importable.
fn packages_above(spec: &str) -> [String; 4] {
    [
        "pex/__init__.py".to_owned(),
        "pex/vendor/__init__.py".to_owned(),
        format!("{VENDOR_FOLDER}__init__.py"),
        format!("{VENDOR_FOLDER}{spec}/__init__.py"),
    ]
}
