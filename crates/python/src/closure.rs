//! What a program's closure holds: files with the paths they have in it, and requirements with who asks for them.

use std::collections::{BTreeMap, BTreeSet};

use graph::{EdgeKind, Label, NodeId, Place, Target, TargetGraph};
use packaging::requirement::Requirement;

use crate::error::RuleError;
use crate::ownership::DISTRIBUTION;
use crate::requirements;
use crate::rules::GENRULE;
use crate::source_roots::SourceRoots;

/// The field of tests that names what they find built.
pub(crate) const PACKAGED: &str = "runtime_package_dependencies";

/// All that a program is made of.
#[derive(Debug, Default)]
pub struct Closure {
    /// The files of each target that has any, in the order of the labels.
    pub code: Vec<TargetFiles>,
    /// The requirements, in the order of the labels.
    pub requirements: Vec<Wish>,
    /// The repository's own distributions, whose metadata the program finds.
    pub distributions: Vec<NodeId>,
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
                GENRULE if owner == root => {
                    let own: Vec<&str> = target.sources.iter().map(|source| &*source.path).collect();
                    closure.add_files(target, &own, None, &mut errors);
                }
                GENRULE => closure.add_generated(target, roots),
                DISTRIBUTION => closure.distributions.push(owner),
                "python_image" | "python_test" => {
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

    /// Adds what a step makes, at the path of its import where it has one.
    fn add_generated(&mut self, target: &Target, roots: &SourceRoots) {
        let file = |path: String| {
            let destination = roots.import_path(&path).unwrap_or(&path).to_owned();
            ClosureFile { path, destination }
        };
        let files = generated(target).map(file).collect();
        self.code.push(TargetFiles { label: target.label.clone(), files });
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

/// The paths of the files that a step makes, relative to the root of the repository.
pub fn generated(step: &Target) -> impl Iterator<Item = String> {
    step.list("outputs").into_iter().map(|output| graph::join(step.label.package(), output))
}

/// The targets that `root` reaches, each with those of its files that are reached, in the order of the labels.
fn reached(graph: &TargetGraph, root: NodeId) -> BTreeMap<NodeId, Vec<&str>> {
    let mut reached: BTreeMap<NodeId, Vec<&str>> = BTreeMap::new();
    let mut all = graph.closure([root]);
    if all.iter().any(|node| is_step(graph, *node)) || !packaged(graph.target(root)).is_empty() {
        let some = past_steps(graph, root);
        all.retain(|node| some.contains(node));
    }
    for node in all {
        reached.entry(graph.owner(node)).or_default().extend(graph.file(node));
    }
    reached
}

/// The targets that `root` reaches: of a step all that it needs to run, and of others what their files are made of, which
/// what steps need to run is no part of.
pub(crate) fn targets(graph: &TargetGraph, root: NodeId) -> BTreeSet<NodeId> {
    reached(graph, root).into_keys().collect()
}

/// Whether Python runs as a step does: something of what it needs to run is code or a distribution.
pub(crate) fn runs_python(graph: &TargetGraph, step: NodeId) -> bool {
    reached(graph, step).keys().any(|node| graph.target(*node).rule.name.starts_with("python_"))
}

fn is_step(graph: &TargetGraph, node: NodeId) -> bool {
    graph.target(node).rule.name == GENRULE
}

/// What a test finds built, and not as files of its own.
pub(crate) fn packaged(test: &Target) -> Vec<&Label> {
    test.labels(PACKAGED).into_iter().map(|(label, _)| label).collect()
}

/// All that `root` reaches where steps are on the way, or programs that are built. What a step needs to run is no part of what needs its
/// files; and what its files need beyond that, such as the packages that they are in, is no part of running it.
fn past_steps(graph: &TargetGraph, root: NodeId) -> BTreeSet<NodeId> {
    let mut open: Vec<NodeId> = std::iter::once(root).chain(graph.files(root)).collect();
    let mut found: BTreeSet<NodeId> = open.iter().copied().collect();
    while let Some(node) = open.pop() {
        let named = |field: &str| -> BTreeSet<NodeId> {
            let labels = graph.target(node).labels(field).into_iter();
            labels.filter_map(|(label, _)| graph.node(label)).collect()
        };
        let step = is_step(graph, node);
        let apart = match (step, node == root) {
            (true, false) => named("tools"),
            (true, true) => BTreeSet::new(),
            _ => named(PACKAGED),
        };
        let apart: BTreeSet<NodeId> = apart.difference(&named("dependencies")).copied().collect();
        for next in graph.deps(node) {
            let is_of_files = step && node == root && next.kind == EdgeKind::Inferred;
            if !is_of_files && !apart.contains(&next.node) && found.insert(next.node) {
                open.push(next.node);
            }
        }
    }
    let owners: Vec<NodeId> = found.iter().map(|node| graph.owner(*node)).collect();
    found.extend(owners);
    found
}
