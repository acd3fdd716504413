//! What a program's closure holds: files with the paths they have in it, and requirements with who asks for them.

use std::collections::{BTreeMap, BTreeSet};

use graph::{Label, NodeId, Place, Target, TargetGraph};
use packaging::requirement::Requirement;

use crate::error::RuleError;
use crate::requirements;
use crate::source_roots::SourceRoots;

/// All that a program is made of.
#[derive(Debug, Default)]
pub struct Closure {
    /// The files of each target that has any, in the order of the labels.
    pub code: Vec<TargetFiles>,
    /// The requirements, in the order of the labels.
    pub requirements: Vec<Wish>,
}

/// The files that one target gives to a program.
#[derive(Debug)]
pub struct TargetFiles {
    /// The target.
    pub label: Label,
    /// Its files.
    pub files: Vec<ClosureFile>,
}

/// A file of a closure.
#[derive(Debug)]
pub struct ClosureFile {
    /// Its path, relative to the root of the repository.
    pub path: String,
    /// Its path in the program: that of its import, for data too unless the rule is `files`.
    pub destination: String,
}

/// A requirement and who asks for it.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What is asked for.
    pub requirement: Requirement,
    /// The target that asks.
    pub label: Label,
    /// Where it is written.
    pub place: Place,
}

impl Closure {
    /// Everything that `root` reaches, and of each target only the files that are reached.
    ///
    /// # Errors
    /// All files without a source root and all requirements that cannot be read.
    pub fn of(graph: &TargetGraph, root: NodeId, roots: &SourceRoots) -> Result<Closure, Vec<RuleError>> {
        let mut closure = Closure::default();
        let mut errors = Vec::new();
        let is_test = graph.target(root).rule.name == "python_test";
        for (owner, files) in reached(graph, root) {
            let target = graph.target(owner);
            match target.rule.name {
                "python_binary" | "python_library" | "python_test_utils" | "resources" => {
                    closure.add_files(target, &files, Some(roots), &mut errors);
                }
                "files" => closure.add_files(target, &files, None, &mut errors),
                "python_requirement" => {
                    let (wishes, wrong) = requirements::wishes(target);
                    closure.requirements.extend(wishes);
                    errors.extend(wrong);
                }
                "python_test" if is_test => closure.add_files(target, &files, Some(roots), &mut errors),
                "genrule" | "python_distribution" | "python_image" | "python_test" => {
                    errors.push(RuleError::NotMade {
                        program: graph.target(root).label.clone(),
                        dependency: target.label.clone(),
                        rule: target.rule.name,
                        place: target.place.clone(),
                    });
                }
                _ => {}
            }
        }
        if errors.is_empty() { Ok(closure) } else { Err(errors) }
    }

    /// The path of every file, relative to the root of the repository.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.code.iter().flat_map(|target| target.files.iter().map(|file| file.path.as_str()))
    }

    /// The source roots of all files, from the root of the repository.
    pub fn source_roots(&self) -> BTreeSet<String> {
        let files = self.code.iter().flat_map(|code| &code.files);
        files.filter_map(|file| source_root(&file.path, &file.destination)).collect()
    }

    pub(crate) fn add_files(
        &mut self,
        target: &Target,
        reached: &[&str],
        roots: Option<&SourceRoots>,
        errors: &mut Vec<RuleError>,
    ) {
        let mut files = Vec::with_capacity(reached.len());
        let mut without_root = Vec::new();
        for &path in reached {
            match roots.map_or(Some(path), |roots| roots.import_path(path)) {
                Some(destination) => {
                    files.push(ClosureFile { path: path.to_owned(), destination: destination.to_owned() });
                }
                None => without_root.push(path),
            }
        }
        if let [path, more @ ..] = without_root.as_slice() {
            errors.push(RuleError::NoSourceRoot {
                path: (*path).to_owned(),
                more: more.len(),
                label: target.label.clone(),
                place: target.place.clone(),
            });
        }
        if !files.is_empty() {
            self.code.push(TargetFiles { label: target.label.clone(), files });
        }
    }
}

/// The source root that a file is imported from, as its path in the program tells; none of a file that is not imported.
pub(crate) fn source_root(path: &str, destination: &str) -> Option<String> {
    path.strip_suffix(destination).map(|root| root.trim_end_matches('/').to_owned())
}

/// A shortest way from one target to another or to a file of it, target by target. What is not reached is a step by
/// itself.
pub fn way(graph: &TargetGraph, from: NodeId, to: NodeId) -> Vec<Label> {
    let path = graph.shortest_path(&[from], &[to]).unwrap_or_else(|| vec![from, to]);
    let mut labels: Vec<Label> = path.iter().map(|node| graph.target(*node).label.clone()).collect();
    labels.dedup();
    labels
}

/// The targets that `root` reaches, each with those of its files that are reached, in the order of the labels.
fn reached(graph: &TargetGraph, root: NodeId) -> BTreeMap<NodeId, Vec<&str>> {
    let mut reached: BTreeMap<NodeId, Vec<&str>> = BTreeMap::new();
    for node in graph.closure([root]) {
        reached.entry(graph.owner(node)).or_default().extend(graph.file(node));
    }
    reached
}
