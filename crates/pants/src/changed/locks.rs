//! Which requirements a change of a lock moves: those that reach a distribution that is not as it was.

use std::collections::{BTreeMap, BTreeSet};

use graph::{NodeId, Role};
use packaging::lock::{Lock, moved};
use packaging::name::PackageName;

use super::{Change, Old, Reason};
use crate::repository::Repository;
use crate::session::Session;

pub(super) fn compare(session: &Session<'_>, repository: &Repository, old: &Old<'_>, change: &mut Change) {
    for (resolve, path) in &session.config.resolves {
        // A lock that cannot be read is the business of who needs it.
        let is = session.lock_file(path).ok().flatten();
        let includes = is.iter().flat_map(|file| &file.includes);
        let before = former_path(session, old, path);
        if before == path
            && !std::iter::once(path).chain(includes).any(|path| old.files.files.contains_key(path))
        {
            continue;
        }
        let was = old.content(before).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let read = |path: &str| old.content(path);
        let was = was.and_then(|text| session.parse_lock(before, &text, &read).ok()).map(|file| file.lock);
        let is = is.map(|file| file.lock);
        let locks = was.as_ref().zip(is.as_ref());
        let targets = targets_of(session, repository, resolve);
        for (node, projects) in requirements(repository, &targets, locks) {
            change.mark(node, Reason::Lock { path: path.clone(), projects });
        }
        // What programs are built for is in the lock where nothing else says it.
        let built_for = |lock: &Lock| (lock.interpreters.clone(), lock.platforms.clone());
        if session.config.interpreters.is_none() && was.as_ref().map(built_for) != is.as_ref().map(built_for)
        {
            for node in targets {
                let target = repository.graph.target(node);
                if target.rule.role != Role::Code && target.field("interpreters").is_none() {
                    change.mark(node, Reason::Lock { path: path.clone(), projects: Vec::new() });
                }
            }
        }
    }
}

/// The file that was the lock which `path` is now: another one where the first that is there is taken.
fn former_path<'p>(session: &Session<'_>, old: &Old<'_>, path: &'p str) -> &'p str {
    let found = session.config.found_locks();
    let was_there = |path: &&str| match old.files.files.get(*path) {
        Some(file) => file.old.is_some(),
        None => session.root.join(path).is_file(),
    };
    if found.contains(&path) { found.iter().copied().find(was_there).unwrap_or(path) } else { path }
}

/// The targets of a resolve.
fn targets_of(session: &Session<'_>, repository: &Repository, resolve: &str) -> Vec<NodeId> {
    let default = &session.config.default_resolve;
    let all = repository.graph.targets().filter(|(_, target)| {
        target.rule.field("resolve").is_some() && python::resolve_of(target, default) == resolve
    });
    all.map(|(node, _)| node).collect()
}

/// The requirements that reach something that moved, each with what it reaches; all where a lock is not known.
fn requirements(
    repository: &Repository,
    targets: &[NodeId],
    locks: Option<(&Lock, &Lock)>,
) -> Vec<(NodeId, Vec<String>)> {
    let moved = locks.map(|(was, is)| moved(was, is));
    let mut known: BTreeMap<String, BTreeSet<PackageName>> = BTreeMap::new();
    let mut found = Vec::new();
    for node in targets {
        let target = repository.graph.target(*node);
        let wishes = python::wishes(target).0;
        let (Some((was, is)), Some(moved)) = (locks, &moved) else {
            found.extend((!wishes.is_empty()).then(|| (*node, Vec::new())));
            continue;
        };
        let mut projects = BTreeSet::new();
        for wish in wishes {
            let text = wish.requirement.text().to_owned();
            let reached = known.entry(text).or_insert_with(|| {
                let mut reached = was.reach(&wish.requirement);
                reached.extend(is.reach(&wish.requirement));
                reached.intersection(moved).cloned().collect()
            });
            projects.extend(reached.iter().map(ToString::to_string));
        }
        if !projects.is_empty() {
            found.push((*node, projects.into_iter().collect()));
        }
    }
    found
}
