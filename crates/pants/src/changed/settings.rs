//! Which targets a change of the configuration's files, of what these name, or of a `.gitignore` counts for; rather too many than one too few.

use graph::Target;
use loader::may_differ;
use python::platforms;

use super::files::names;
use super::{Change, Old, Reason};
use crate::config::{self, PYPROJECT};
use crate::repository::Repository;
use crate::session::Session;

/// The name of a file that says what is ignored.
const IGNORE: &str = ".gitignore";

/// Sections that have one key for each resolve.
const OF_RESOLVES: &[&str] = &["python.resolves", "python.resolves_to_interpreter_constraints"];

pub(super) fn compare(session: &Session<'_>, repository: &Repository, old: &Old<'_>, change: &mut Change) {
    for path in old.files.files.keys() {
        let directory = path.strip_suffix(IGNORE).map(|directory| directory.trim_end_matches('/'));
        let Some(directory) = directory.filter(|_| graph::last_segment(path) == IGNORE) else { continue };
        if !hides_others(session, old, path, directory) {
            continue;
        }
        let below = |target: &Target| {
            let package = target.label.package();
            directory.is_empty() || package == directory || package.starts_with(&format!("{directory}/"))
        };
        mark(repository, change, &Reason::Ignored(path.clone()), &below);
    }
    if old.files.files.contains_key(PYPROJECT) {
        let is = text(std::fs::read(session.root.join(PYPROJECT))).unwrap_or_default();
        let was = text(old.content(PYPROJECT)).unwrap_or_default();
        let [was, is] = [was, is].map(|text| {
            let about = packaging::pyproject::about(&text);
            (about.requires_python, about.members)
        });
        if was != is {
            let reason = Reason::Setting(format!("{PYPROJECT}: the Pythons or the members of the project"));
            mark(repository, change, &reason, &|_| true);
        }
    }
    describe_platforms(session, repository, old, change);
    for file in session.config.files.iter().filter(|file| old.files.files.contains_key(*file)) {
        compare_file(session, repository, old, file, change);
    }
}

/// Marks the targets that are built for a platform whose description is not what it was.
fn describe_platforms(session: &Session<'_>, repository: &Repository, old: &Old<'_>, change: &mut Change) {
    let graph = &repository.graph;
    for (node, target) in graph.targets().filter(|(_, target)| target.rule.field("platforms").is_some()) {
        for path in platforms::files(graph, target, &session.config.platforms) {
            if let Some(file) = old.files.files.get(&path) {
                change.mark(node, Reason::File { path, change: file.change() });
            }
        }
    }
}

/// Compares a file of the configuration to what it was.
fn compare_file(
    session: &Session<'_>,
    repository: &Repository,
    old: &Old<'_>,
    file: &str,
    change: &mut Change,
) {
    let was_there = old.files.files.get(file).is_some_and(|file| file.old.is_some());
    let was = if was_there { text(old.content(file)) } else { Some(String::new()) };
    let is = text(std::fs::read(session.root.join(file)));
    let differences =
        |(was, is): (String, String)| config::differences(&was, &is, &session.root, session.environment);
    let Some(keys) = was.zip(is).and_then(differences) else {
        let reason = Reason::Setting(format!("{file}: what it said cannot be told"));
        mark(repository, change, &reason, &|_| true);
        return;
    };
    for (section, key) in keys {
        // How something is built is not what is built, and what is allowed is not what it is.
        let allows = ["visibility", "licences", "licences.exceptions"].contains(&section.as_str());
        if config::has_no_effect(&section, &key) || allows {
            continue;
        }
        let reason = Reason::Setting(format!("{file}: [{section}] {key}"));
        let default = &session.config.default_resolve;
        let in_resolve = |target: &Target| {
            target.rule.field("resolve").is_some() && python::resolve_of(target, default) == key
        };
        if OF_RESOLVES.contains(&section.as_str()) {
            mark(repository, change, &reason, &in_resolve);
        } else {
            mark(repository, change, &reason, &|_| true);
        }
    }
}

/// The text of a file, which is empty where there is none.
fn text(bytes: std::io::Result<Vec<u8>>) -> Option<String> {
    match bytes {
        Ok(bytes) => String::from_utf8(bytes).ok(),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then(String::new),
    }
}

/// Whether an edit of a `.gitignore` may hide a file that git tracks, or show one: all others count as new by themselves.
fn hides_others(session: &Session<'_>, old: &Old<'_>, path: &str, directory: &str) -> bool {
    let (was, is) = (text(old.content(path)), text(std::fs::read(session.root.join(path))));
    let tracked = old.git.at(directory).try_ask(&["ls-files", "-z"]);
    match (was, is, tracked) {
        (Some(was), Some(is), Ok(Some(tracked))) => may_differ(&was, &is, names(&tracked)),
        _ => true,
    }
}

fn mark(repository: &Repository, change: &mut Change, reason: &Reason, concerns: &dyn Fn(&Target) -> bool) {
    for (node, _) in repository.graph.targets().filter(|(_, target)| concerns(target)) {
        change.mark_whole(&repository.graph, node, reason);
    }
}
