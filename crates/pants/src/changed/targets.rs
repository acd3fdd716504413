//! Which targets the files of a change concern: BUILD files are evaluated as they were, and compared by what they mean.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use graph::{Label, NodeId, Part, Target, TargetGraph};
use loader::{Earlier, load_earlier};

use super::{Change, Old, Reason, compare};
use crate::diagnostic::Diagnostic;
use crate::repository::Repository;
use crate::session::Session;

/// The targets of some directories as they were.
struct Before {
    /// The directories.
    directories: BTreeSet<String>,
    /// Those of them whose BUILD files cannot be evaluated as they were.
    unknown: BTreeSet<String>,
    /// What the BUILD files have.
    written: Vec<Target>,
    /// The same with what is generated.
    all: Vec<Target>,
}

pub(super) fn compare(
    session: &Session<'_>,
    repository: &Repository,
    old: &Old<'_>,
    change: &mut Change,
) -> Result<(), Vec<Diagnostic>> {
    let graph = &repository.graph;
    for (path, file) in old.files.files.iter().filter(|(_, file)| file.now) {
        for node in graph.file_nodes(path) {
            // These targets are made of what a file says, and not of the file.
            if !python::generates_requirements(graph.target(node)) {
                change.mark(node, Reason::File { path: path.clone(), change: file.change() });
            }
        }
    }
    let before = before(session, repository, old)?;
    let mut new: BTreeMap<&Label, NodeId> = BTreeMap::new();
    for (node, target) in graph.targets() {
        let package = target.label.package();
        if before.unknown.contains(package) {
            change.mark_whole(graph, node, &Reason::Unknown(package.to_owned()));
        } else if before.directories.contains(package) {
            new.insert(&target.label, node);
        }
    }
    let mut gone_files: Vec<Label> = Vec::new();
    for was in before.all.iter().filter(|was| !before.unknown.contains(was.label.package())) {
        match new.remove(&was.label) {
            Some(node) => gone_files.extend(differences(graph, was, node, change)),
            None => {
                change.removed.insert(was.label.clone());
            }
        }
    }
    for node in new.into_values() {
        change.mark_whole(graph, node, &Reason::New);
    }
    if !change.removed.is_empty() || !gone_files.is_empty() {
        lost(session, repository, old, before, &gone_files, change)?;
    }
    Ok(())
}

/// The files that targets are generated from, also those that these name.
pub(super) fn requirement_files(session: &Session<'_>, repository: &Repository) -> BTreeSet<String> {
    let generators = repository.graph.targets().filter(|(_, target)| python::generates_requirements(target));
    let generators = generators.map(|(_, target)| target.clone()).collect();
    let files = RefCell::new(BTreeSet::new());
    let read = |path: &str| {
        files.borrow_mut().insert(path.to_owned());
        std::fs::read(session.root.join(path))
    };
    python::expand(generators, &read);
    files.into_inner()
}

/// Evaluates the BUILD files that may have meant something else.
fn before(session: &Session<'_>, repository: &Repository, old: &Old<'_>) -> Result<Before, Vec<Diagnostic>> {
    let mut earlier = Earlier::default();
    for (path, file) in &old.files.files {
        match file.old {
            None => earlier.absent(path.clone()),
            Some(_) => earlier.there(path.clone(), old.contents.get(path).cloned()),
        }
    }
    let is_file = |path: &str| old.files.files.get(path).is_some_and(|file| file.now);
    let packages = session.packages()?;
    let mut directories = packages.concerned(&session.loader_options(), &earlier, &is_file);
    if old.files.files.keys().any(|path| old.requirement_files.contains(path)) {
        let generators =
            repository.graph.targets().filter(|(_, target)| python::generates_requirements(target));
        directories.extend(generators.map(|(_, target)| target.label.package().to_owned()));
    }
    if directories.is_empty() {
        return Ok(Before { directories, unknown: BTreeSet::new(), written: Vec::new(), all: Vec::new() });
    }
    let loaded = load_earlier(&session.loader_options(), earlier, &directories, &packages);
    let evaluated = loaded.build_files.iter().map(|file| directory_of(file).to_owned());
    let mut unknown: BTreeSet<String> =
        evaluated.filter(|directory| !loaded.packages.has(directory)).collect();
    let (all, _, wrong) = python::expand(loaded.targets.clone(), &|path| old.content(path));
    if !wrong.is_empty() {
        let generators = loaded.targets.iter().filter(|target| python::generates_requirements(target));
        unknown.extend(generators.map(|target| target.label.package().to_owned()));
    }
    Ok(Before { directories, unknown, written: loaded.targets, all })
}

/// Marks a target that is not as it was, and gives the labels that its former files had.
fn differences(graph: &TargetGraph, was: &Target, node: NodeId, change: &mut Change) -> Vec<Label> {
    let target = graph.target(node);
    if was.rule != target.rule {
        change.mark_whole(graph, node, &Reason::Rule);
    } else {
        for field in compare::fields(was, target) {
            change.mark_whole(graph, node, &Reason::Field(field));
        }
    }
    let (gone, new) = compare::sources(was, target);
    for path in &new {
        let reason = Reason::File { path: (*path).to_owned(), change: "added" };
        change.mark(node, reason.clone());
        for file in graph.file_nodes(path).into_iter().filter(|file| graph.owner(*file) == node) {
            change.mark(file, reason.clone());
        }
    }
    let below = |path: &&str| {
        path.strip_prefix(was.label.package()).unwrap_or(path).trim_start_matches('/').to_owned()
    };
    for path in &gone {
        change.mark(node, Reason::File { path: (*path).to_owned(), change: "taken away" });
    }
    gone.iter().map(|path| was.label.with_file(below(path))).collect()
}

/// Marks what depended on something that is gone: the graph as it was tells.
fn lost(
    session: &Session<'_>,
    repository: &Repository,
    old: &Old<'_>,
    before: Before,
    gone: &[Label],
    change: &mut Change,
) -> Result<(), Vec<Diagnostic>> {
    let graph = &repository.graph;
    let kept = graph.targets().map(|(_, target)| target).filter(|target| {
        let generated = matches!(target.label.part(), Part::Generated(_));
        !generated && !before.directories.contains(target.label.package())
    });
    let targets = before.written.into_iter().chain(kept.cloned()).collect();
    let read = |path: &str| -> io::Result<Vec<u8>> { old.content(path) };
    let (targets, edges, _) = python::expand(targets, &read);
    // What was wrong then was told then.
    let was = session.connect(targets, edges, &repository.roots)?.graph;
    for label in change.removed.iter().chain(gone) {
        let Some(node) = was.node(label) else { continue };
        let owner = was.owner(node);
        let direct = was.directly_needed_by(node);
        for dependent in direct.iter().copied().chain(was.directly_needed_by(owner)) {
            let named = was.label(dependent);
            // The target that had it is marked already, but not each of its files.
            let Some(now) = graph.node(&named).filter(|_| named != label.whole()) else { continue };
            // Who needs the rest of the target needs it still, and is affected by way of it.
            let still = graph.node(&label.whole()).is_some_and(|owner| {
                graph.direct_needs(now).into_iter().any(|needed| graph.owner(needed) == owner)
            });
            if direct.contains(&dependent) || !still {
                change.lost.entry(now).or_default().insert(Reason::Lost(label.clone()));
            }
        }
    }
    Ok(())
}

fn directory_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(directory, _)| directory)
}
