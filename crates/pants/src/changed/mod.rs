//! What a change affects: the targets that are not as they were at a revision, and who depends on them.

mod compare;
mod files;
pub(crate) mod git;
mod locks;
mod settings;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use clap::ValueEnum;
use graph::{Label, NodeId, TargetGraph};

pub(crate) use files::{ChangedFile, ChangedFiles};

use self::git::Git;
use crate::diagnostic::Diagnostic;
use crate::repository::Repository;
use crate::session::Session;

/// Who is affected besides what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dependents {
    /// Nobody.
    None,
    /// What depends on it by itself.
    Direct,
    /// Also what depends on that, and so on.
    Transitive,
}

/// Why a target is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// A file of it is new, has another content, or is not its file any more.
    File { path: String, change: &'static str },
    /// Its BUILD file has it anew.
    New,
    /// It is of another rule.
    Rule,
    /// A field has another value.
    Field(&'static str),
    /// What it depended on is gone.
    Lost(Label),
    /// A lock has something else for it.
    Lock { path: String, projects: Vec<String> },
    /// A setting is another; such a change counts for all that it may concern.
    Setting(String),
    /// A file says otherwise what is ignored; that counts for all below.
    Ignored(String),
    /// Its BUILD file could not be evaluated as it was.
    Unknown(String),
}

impl Reason {
    /// Whether it counts for more than it may have to.
    fn is_broad(&self) -> bool {
        match self {
            Reason::Setting(_) | Reason::Ignored(_) | Reason::Unknown(_) => true,
            Reason::Lock { projects, .. } => projects.is_empty(),
            Reason::File { .. } | Reason::New | Reason::Rule | Reason::Field(_) | Reason::Lost(_) => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::File { path, change } => write!(f, "{path} was {change}"),
            Reason::New => f.write_str("it is new"),
            Reason::Rule => f.write_str("it is of another rule"),
            Reason::Field(name) => write!(f, "field `{name}`"),
            Reason::Lost(label) => write!(f, "it depended on {label}, which is gone"),
            Reason::Lock { path, projects } if projects.is_empty() => write!(f, "{path}"),
            Reason::Lock { path, projects } => write!(f, "{path}: {}", projects.join(", ")),
            Reason::Setting(key) => f.write_str(key),
            Reason::Ignored(path) => write!(f, "{path} may hide or show any file below it"),
            Reason::Unknown(directory) => {
                write!(f, "the BUILD file of `{directory}` could not be evaluated as it was")
            }
        }
    }
}

/// A change of the repository, as far as targets are concerned.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) files: ChangedFiles,
    /// Targets and files that are not as they were.
    pub(crate) nodes: BTreeMap<NodeId, BTreeSet<Reason>>,
    /// What depended on something that is gone.
    pub(crate) lost: BTreeMap<NodeId, BTreeSet<Reason>>,
    /// Targets that are gone.
    pub(crate) removed: BTreeSet<Label>,
}

impl Change {
    /// The targets that it affects, sorted.
    pub(crate) fn affected(&self, graph: &TargetGraph, dependents: Dependents) -> Vec<NodeId> {
        let mut roots: Vec<NodeId> = self.nodes.keys().copied().collect();
        let nodes = match dependents {
            Dependents::None => roots,
            Dependents::Direct => {
                let mut nodes = graph.needed_by(&roots, Some(1), |_| true);
                nodes.extend(self.lost.keys());
                nodes
            }
            Dependents::Transitive => {
                roots.extend(self.lost.keys());
                graph.needed_by(&roots, None, |_| true)
            }
        };
        let owners: BTreeSet<NodeId> = nodes.into_iter().map(|node| graph.owner(node)).collect();
        owners.into_iter().collect()
    }

    fn mark(&mut self, node: NodeId, reason: Reason) {
        self.nodes.entry(node).or_default().insert(reason);
    }

    /// Marks a target with all of its files.
    fn mark_whole(&mut self, graph: &TargetGraph, target: NodeId, reason: &Reason) {
        for node in graph.with_files(&[target]) {
            self.mark(node, reason.clone());
        }
    }
}

/// What changed since `HEAD` and `revision` parted.
///
/// What counts for more than can be told is said.
pub(crate) fn since(
    session: &Session<'_>,
    repository: &Repository,
    revision: &str,
) -> Result<Change, Vec<Diagnostic>> {
    let one = |error| vec![error];
    let git = git::open(&session.root, session.offline, session.environment).map_err(one)?;
    let files = files::since(&git, revision).map_err(one)?;
    let old = Old::read(session, repository, git, files).map_err(one)?;
    let mut change = Change::default();
    targets::compare(session, repository, &old, &mut change)?;
    settings::compare(session, repository, &old, &mut change);
    locks::compare(session, repository, &old, &mut change);
    change.files = old.files;
    if !session.console.quiet {
        let broad: BTreeSet<&Reason> =
            (change.nodes.values().flatten()).filter(|reason| reason.is_broad()).collect();
        for reason in broad {
            session.console.message(&format!("all targets that this may concern count as changed: {reason}"));
        }
    }
    Ok(change)
}

/// The files as they were.
struct Old<'s> {
    session: &'s Session<'s>,
    git: Git,
    files: ChangedFiles,
    /// The files that targets are generated from, also those that these name.
    requirement_files: BTreeSet<String>,
    /// What those have been that matter in any case.
    contents: BTreeMap<String, Vec<u8>>,
}

impl<'s> Old<'s> {
    fn read(
        session: &'s Session<'s>,
        repository: &Repository,
        git: Git,
        files: ChangedFiles,
    ) -> Result<Old<'s>, Diagnostic> {
        let requirement_files = targets::requirement_files(session, repository);
        let loader = session.loader_options();
        let matters = |path: &str| {
            loader.is_build_file(path)
                || path.ends_with(".bzl")
                || path == crate::config::PYPROJECT
                || loader.is_prelude(path)
                || path == crate::config::FILE
                || session.config.resolves.iter().any(|(_, lock)| lock == path)
                || requirement_files.contains(path)
        };
        let mut wanted: BTreeMap<_, Vec<(&String, &str)>> = BTreeMap::new();
        for (path, file) in files.files.iter().filter(|(path, _)| matters(path)) {
            if let Some((folder, object)) = &file.old {
                wanted.entry(folder).or_default().push((path, object));
            }
        }
        let mut contents = BTreeMap::new();
        for (folder, objects) in wanted {
            let git = git.at(folder);
            let names: Vec<&str> = objects.iter().map(|(_, object)| *object).collect();
            let found = git.contents(&names)?;
            let known = objects.into_iter().zip(found);
            contents.extend(known.filter_map(|((path, _), content)| Some((path.clone(), content?))));
        }
        Ok(Old { session, git, files, requirement_files, contents })
    }

    /// The content that a file had.
    fn content(&self, path: &str) -> io::Result<Vec<u8>> {
        let Some(file) = self.files.files.get(path) else {
            return std::fs::read(self.session.root.join(path));
        };
        if let Some(content) = self.contents.get(path) {
            return Ok(content.clone());
        }
        let found = file.old.as_ref().and_then(|(folder, object)| {
            let git = self.git.at(folder);
            git.contents(&[object]).ok()?.pop()?
        });
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
