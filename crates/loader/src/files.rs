//! The names of all files of a repository, for who wants to know what there is beside BUILD files.

use crate::build_names::BuildNames;
use crate::error::LoadError;
use crate::listing::Listing;
use crate::options::Options;

/// What lies in a repository.
#[derive(Debug, Default)]
pub struct Files {
    /// All files that exist for BUILD files, relative to the root, sorted.
    pub all: Vec<String>,
    /// The BUILD files among them.
    pub build_files: Vec<String>,
    /// What could not be listed.
    pub errors: Vec<LoadError>,
}

/// Lists the files of a repository. Reads none of them.
pub fn files(options: &Options) -> Files {
    let (listing, mut errors, _) = Listing::walk(options, None);
    let path = |directory: &str, name: &str| graph::join(directory, name);
    let of = |directory: &crate::listing::Directory| -> Vec<String> {
        directory.files.iter().map(|name| path(&directory.path, name)).collect()
    };
    let mut all: Vec<String> = listing.directories().iter().flat_map(of).collect();
    all.sort_unstable();
    let (build_names, wrong) = BuildNames::new(options);
    errors.extend(wrong);
    let is_build_file = |file: &&String| build_names.has(file);
    let build_files = all.iter().filter(is_build_file).cloned().collect();
    Files { all, build_files, errors }
}

/// Lists the folders of a repository that are not ignored, relative to the root, which is `""`; sorted.
pub fn folders(options: &Options) -> Vec<String> {
    Listing::walk(options, None).0.into_walked()
}
