//! Another state of the repository, as what differs from the files on the disk, and the BUILD files of it evaluated; it
//! does not know where the other state comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::build_names::BuildNames;
use crate::load::{Loaded, load_directories};
use crate::options::Options;
use crate::snapshot::{Package, Snapshot};

/// The files that were not as they are now.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    files: BTreeMap<String, Was>,
}

/// How a file was.
#[derive(Clone, Debug)]
enum Was {
    Absent,
    /// It was there; with its bytes where they were given.
    There(Option<Arc<[u8]>>),
}

impl Earlier {
    /// A file that was not there.
    pub fn absent(&mut self, path: impl Into<String>) {
        self.files.insert(path.into(), Was::Absent);
    }

    /// A file that was there with other bytes, which are told if somebody could read them: BUILD and `.bzl` files.
    pub fn there(&mut self, path: impl Into<String>, bytes: Option<Vec<u8>>) {
        self.files.insert(path.into(), Was::There(bytes.map(Arc::from)));
    }

    /// Whether the file was there; none where that is as on the disk.
    pub(crate) fn has(&self, path: &str) -> Option<bool> {
        self.files.get(path).map(|was| matches!(was, Was::There(_)))
    }

    /// The bytes that a file had; none where they are those on the disk.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.files.get(path) {
            Some(Was::There(Some(bytes))) => Some(bytes),
            _ => None,
        }
    }

    /// All files that were not as they are, each with whether it was there.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, bool)> {
        self.files.iter().map(|(path, was)| (path.as_str(), matches!(was, Was::There(_))))
    }
}

/// What is known of the BUILD files that were loaded.
#[derive(Debug, Default)]
pub struct Packages(pub(crate) BTreeMap<String, Package>);

impl Packages {
    /// What a snapshot knows; nothing if it cannot be read.
    pub fn of(snapshot: &[u8]) -> Self {
        Self(Snapshot::decode(snapshot).packages)
    }

    /// The `.bzl` files behind the BUILD file of a directory, sorted.
    pub fn modules(&self, directory: &str) -> Vec<String> {
        self.0
            .get(directory)
            .map(|package| package.modules().map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// Whether the BUILD file of a directory is there and nothing is wrong with it.
    pub fn has(&self, directory: &str) -> bool {
        self.0.contains_key(directory)
    }

    /// The directories whose BUILD files may have meant something else in the earlier state.
    pub fn concerned(
        &self,
        options: &Options,
        earlier: &Earlier,
        is_file: &dyn Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let (build_names, _) = BuildNames::new(options);
        let mut concerned = BTreeSet::new();
        let mut modules = BTreeSet::new();
        for (path, was_there) in earlier.files() {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            if build_names.has(path) {
                concerned.insert(directory.to_owned());
            }
            if path.ends_with(".bzl") {
                modules.insert(path);
            }
            if was_there != is_file(path) {
                let looks = |above: &str| {
                    self.0.get(above).is_some_and(|package| package.looks_at(above == directory))
                };
                concerned.extend(ancestors(directory).filter(|above| looks(above)).map(str::to_owned));
            }
        }
        if !modules.is_empty() {
            let loads = |package: &Package| package.modules().any(|module| modules.contains(module));
            let loading = self.0.iter().filter(|(_, package)| loads(package));
            concerned.extend(loading.map(|(directory, _)| directory.clone()));
        }
        concerned
    }
}

/// A directory and all above it, up to the root.
fn ancestors(directory: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(directory), |below| {
        (!below.is_empty()).then(|| below.rsplit_once('/').map_or("", |(above, _)| above))
    })
}

/// Evaluates the BUILD files of some directories as they were. What is as it is now comes from `packages`.
pub fn load_earlier(
    options: &Options,
    earlier: Earlier,
    directories: &BTreeSet<String>,
    packages: &Packages,
) -> Loaded {
    let options = Options { earlier: Some(Arc::new(earlier)), ..options.clone() };
    let known = packages.0.iter().filter(|(directory, _)| directories.contains(*directory));
    let known = known.map(|(directory, package)| (directory.clone(), package.clone())).collect();
    load_directories(&options, directories, known)
}
