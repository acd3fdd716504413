//! What tools look up beside their files to tell modules of the repository from others: the files that they import, whether
//! a folder is a package, and which names can be imported at the root of a source root. They do not read these files.

use std::collections::BTreeSet;
use std::path::Path;

use graph::{NodeId, TargetGraph};

use super::tooling::ENDINGS;
use crate::source_roots::SourceRoots;

/// The name of the file that makes a folder a package.
const INIT: &str = "__init__.py";

/// The files that stand for the modules of a repository.
pub(super) struct Surroundings {
    /// Each package's.
    packages: BTreeSet<String>,
    /// One file of each name at the root of a source root.
    tops: BTreeSet<String>,
}

impl Surroundings {
    /// Those of all targets.
    pub(super) fn of(graph: &TargetGraph, roots: &SourceRoots) -> Surroundings {
        let (mut packages, mut tops) = (BTreeSet::new(), BTreeSet::new());
        let sources = graph.targets().flat_map(|(_, target)| &target.sources);
        let mut paths: Vec<&str> = sources.map(|source| &*source.path).collect();
        paths.retain(|path| path.ends_with(".py"));
        paths.sort_unstable();
        let mut last = "";
        for path in paths {
            if path.ends_with(INIT) {
                packages.insert(path.to_owned());
            }
            let Some(import) = roots.import_path(path) else { continue };
            let end = path.len() - import.len() + import.find('/').map_or(import.len(), |at| at + 1);
            // Of a folder, the first file that there is.
            if path[..end] != *last {
                last = &path[..end];
                tops.insert(path.to_owned());
            }
        }
        Surroundings { packages, tops }
    }

    /// Those that matter for some files.
    pub(super) fn files<'s>(&'s self, graph: &'s TargetGraph, files: &'s [String]) -> BTreeSet<&'s str> {
        let nodes = files.iter().flat_map(|file| graph.file_nodes(file));
        let needed: BTreeSet<NodeId> = nodes.flat_map(|node| graph.deps(node)).map(|one| one.node).collect();
        let mut imported = BTreeSet::new();
        for node in needed.into_iter().map(|node| graph.actual(node)) {
            match graph.file(node) {
                Some(path) => drop(imported.insert(path)),
                None => imported.extend(graph.files(node).filter_map(|file| graph.file(file))),
            }
        }
        imported.retain(|path| ENDINGS.iter().any(|ending| path.ends_with(ending)));
        let all = files.iter().map(String::as_str).chain(imported.iter().copied());
        let folders: BTreeSet<&Path> = all.flat_map(|file| Path::new(file).ancestors().skip(1)).collect();
        let above = folders.into_iter().filter_map(|folder| {
            let path = graph::join(folder.to_str()?, INIT);
            self.packages.get(&path).map(String::as_str)
        });
        let mut found: BTreeSet<&str> = above.chain(self.tops.iter().map(String::as_str)).collect();
        found.extend(imported);
        found
    }
}
