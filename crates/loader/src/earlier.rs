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

    /// The variables of the environment that the BUILD file of a directory reads.
    pub fn variables(&self, directory: &str) -> Vec<&str> {
        let package = self.0.get(directory).into_iter();
        package.flat_map(|package| package.variables().iter().map(|(name, _)| name.as_str())).collect()
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
            if options.is_prelude(path) {
                return self.0.keys().cloned().collect();
            }
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            if build_names.has(path) {
                concerned.insert(directory.to_owned());
            }
            modules.insert(path);
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
        let says = |directory: &str| self.0.get(directory).is_some_and(Package::says_defaults);
        let said = |directory: &str| {
            let is_there = |file: &str| file.rsplit_once('/').map_or("", |(folder, _)| folder) == directory;
            let files = earlier.files().map(|(path, _)| path);
            let files = files.filter(|file| is_there(file) && build_names.has(file));
            files.filter_map(|file| earlier.bytes(file)).any(mentions_defaults)
        };
        let above: Vec<String> =
            concerned.iter().filter(|directory| says(directory) || said(directory)).cloned().collect();
        let is_below =
            |directory: &str| ancestors(directory).any(|one| above.iter().any(|above| above == one));
        concerned.extend(self.0.keys().filter(|directory| is_below(directory)).cloned());
        concerned
    }
}

/// Whether a BUILD file may say what the defaults are for the directories below.
fn mentions_defaults(text: &[u8]) -> bool {
    text.windows(DEFAULTS.len()).any(|window| window == DEFAULTS)
}

/// The function that says it, which no other file can call.
const DEFAULTS: &[u8] = b"__defaults__";

/// Whether a directory is one of some, or above one.
pub(crate) fn leads_to(directory: &str, directories: &BTreeSet<String>) -> bool {
    let below = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let next = directories.range(below.clone()..).next();
    directories.contains(directory) || next.is_some_and(|next| next.starts_with(&below))
}

/// A directory and all above it, up to the root.
pub(crate) fn ancestors(directory: &str) -> impl Iterator<Item = &str> {
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
    let known = packages.0.iter().filter(|(directory, _)| leads_to(directory, directories));
    let known = known.map(|(directory, package)| (directory.clone(), package.clone())).collect();
    load_directories(&options, directories, known)
}
