//! Which targets a change of `pants.toml` or of a `.gitignore` counts for; rather too many than one too few.

use graph::Target;
use loader::may_differ;

use super::files::names;
use super::{Change, Old, Reason};
use crate::config::{self, FILE};
use crate::repository::Repository;
use crate::session::Session;

/// The name of a file that says what is ignored.
const IGNORE: &str = ".gitignore";

/// Keys that change no target: how it is built is not what is built. `""` stands for all keys of a section.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("GLOBAL", "jobs"),
    ("GLOBAL", "offline"),
    ("GLOBAL", "color"),
    ("cache", ""),
    ("remote", ""),
    ("python.indexes", ""),
    ("python.publish_urls", ""),
];

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
    if !old.files.files.contains_key(FILE) {
        return;
    }
    let text = |bytes: std::io::Result<Vec<u8>>| bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (was, is) = (text(old.content(FILE)), text(std::fs::read(session.root.join(FILE))));
    let Some(keys) = was.zip(is).and_then(|(was, is)| config::differences(&was, &is)) else {
        let reason = Reason::Setting("what it said cannot be told".to_owned());
        mark(repository, change, &reason, &|_| true);
        return;
    };
    for (section, key) in keys {
        let no_effect = |(known, name): &(&str, &str)| section == *known && (name.is_empty() || key == *name);
        if WITHOUT_EFFECT.iter().any(no_effect) {
            continue;
        }
        let reason = Reason::Setting(format!("[{section}] {key}"));
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

/// Whether an edit of a `.gitignore` may hide a file that git tracks, or show one: all others count as new by themselves.
fn hides_others(session: &Session<'_>, old: &Old<'_>, path: &str, directory: &str) -> bool {
    let text = |bytes: std::io::Result<Vec<u8>>| match bytes {
        Ok(bytes) => String::from_utf8(bytes).ok(),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then(String::new),
    };
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
