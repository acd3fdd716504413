//! Inference over the working copy: gives it files, locks and the memory of the store, and tells what it found amiss.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use graph::{Edge, Label, NodeId, Target, TargetGraph};
use python::SourceRoots;
use python::infer::{Behaviour, Finding, InferSettings, Inferred, Unread, Workspace, World, edges, edges_of};
use serde::{Deserialize, Serialize};
use store::{Digest, StatError, StatIndex, Store};

use crate::diagnostic::Diagnostic;
use crate::explain;
use crate::session::{Session, forgettable};

/// The memo table of what files import.
const TABLE: &str = "imports";
/// How many modules that are missing are told one by one.
const MOST: usize = 10;

/// Imports that lead nowhere, and files that could not be read, in the whole repository.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Findings {
    findings: Vec<Finding>,
    unread: Vec<Unread>,
    /// Whether the modules of some distributions are guessed by their names.
    pub(crate) guessed: bool,
}

/// What the sources imply: edges for the graph, and findings for who asks about these files.
pub(crate) fn infer(
    session: &Session<'_>,
    targets: &[Target],
    roots: &SourceRoots,
) -> Result<(Vec<Edge>, Findings), Vec<Diagnostic>> {
    let store = session.store()?;
    let failed = |error| vec![explain::store(&error)];
    let mut index = StatIndex::open(store, &session.root).map_err(failed)?;
    let workspace = WorkingCopy { store, index: Some(&index), root: &session.root };
    let (Inferred { edges, findings, unread }, guessed) =
        in_world(session, targets, roots, &workspace, |world| edges(targets, world));
    forgettable(index.save()).map_err(failed)?;
    Ok((edges, Findings { findings, unread, guessed }))
}

/// What some of the sources imply; none where all have to be looked at.
pub(crate) fn infer_some(
    session: &Session<'_>,
    targets: &[Target],
    roots: &SourceRoots,
    paths: &[&str],
) -> Result<Option<Vec<Edge>>, Vec<Diagnostic>> {
    let workspace = WorkingCopy { store: session.store()?, index: None, root: &session.root };
    Ok(in_world(session, targets, roots, &workspace, |world| edges_of(targets, paths, world)).0)
}

/// Infers with all that inference knows beside the targets, and says whether modules of distributions were guessed.
fn in_world<T>(
    session: &Session<'_>,
    targets: &[Target],
    roots: &SourceRoots,
    workspace: &WorkingCopy<'_>,
    infer: impl FnOnce(&World<'_>) -> T,
) -> (T, bool) {
    let (locks, guessed) = session.locks_for(targets);
    let inferred = infer(&World {
        roots,
        settings: &session.config.infer,
        default_resolve: &session.config.default_resolve,
        locks: &locks,
        constraints: &|resolve| session.config.constraints_of(resolve),
        workspace,
    });
    (inferred, guessed)
}

/// The files of the repository as they are now.
struct WorkingCopy<'w> {
    store: &'w Store,
    /// Knows the digests of files that have not changed; none where all that are asked for have.
    index: Option<&'w StatIndex>,
    root: &'w Path,
}

impl Workspace for WorkingCopy<'_> {
    fn digests(&self, paths: &[&str]) -> Vec<Result<Digest, String>> {
        let reason = |error: StatError| match error.source() {
            Some(cause) => cause.to_string(),
            None => error.to_string(),
        };
        let Some(index) = self.index else {
            let digest = |path: &&str| self.store.digest_of_file(&self.root.join(path));
            return paths.iter().map(|path| digest(path).map_err(|error| error.to_string())).collect();
        };
        let digests = index.hashes(paths).into_iter();
        digests.map(|found| found.map(|entry| entry.digest).map_err(reason)).collect()
    }

    fn read(&self, path: &str) -> Result<(Digest, Vec<u8>), String> {
        let bytes = std::fs::read(self.root.join(path)).map_err(|error| error.to_string())?;
        Ok((self.store.digest(&bytes), bytes))
    }

    fn is_file(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    /// A store that cannot be read only makes the files be read again.
    fn recall(&self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let slices: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        self.store.memos(TABLE, &slices).unwrap_or_else(|_| vec![None; keys.len()])
    }

    fn remember(&self, entries: &[(Vec<u8>, Vec<u8>)]) {
        let entries: Vec<(&[u8], &[u8])> =
            entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
        self.store.offer_memos(TABLE, &entries);
    }
}

impl Findings {
    /// The findings about the files among `nodes`.
    pub(crate) fn of(&self, graph: &TargetGraph, nodes: &[NodeId]) -> Vec<Finding> {
        let asked: BTreeSet<NodeId> = nodes.iter().copied().collect();
        let is_asked = |label: &Label| graph.node(label).is_some_and(|node| asked.contains(&node));
        self.findings.iter().filter_map(|finding| finding.of(&is_asked)).collect()
    }

    /// What is to be said of the imports of the files among `nodes`.
    ///
    /// Where the configuration wants it, a module that nobody or several provide is an error.
    pub(crate) fn about(
        &self,
        graph: &TargetGraph,
        nodes: &[NodeId],
        settings: &InferSettings,
    ) -> Vec<Diagnostic> {
        let mut found = self.of(graph, nodes);
        found.retain(|finding| settings.behaviour(finding) != Behaviour::Ignore);
        // What most files lack comes first.
        found.sort_by_key(|finding| std::cmp::Reverse(finding.imports.len()));
        let mut told: Vec<Diagnostic> =
            found.iter().take(MOST).map(|finding| explain::finding(finding, settings)).collect();
        told.extend(explain::more_findings(found.get(MOST..).unwrap_or_default(), settings));
        told
    }

    /// Whether there is something to say of one of some files.
    pub(crate) fn concern(&self, paths: &BTreeSet<&str>) -> bool {
        let sites = self.findings.iter().flat_map(|finding| &finding.imports);
        sites.map(|site| &*site.place.file).any(|path| paths.contains(path))
            || self.unread.iter().any(|unread| paths.contains(unread.path.as_str()))
    }

    /// The files among `nodes` whose imports are not known. A build fails for them by itself.
    pub(crate) fn unread_among(&self, graph: &TargetGraph, nodes: &[NodeId]) -> Vec<Diagnostic> {
        let is_asked =
            |unread: &&Unread| graph.file_nodes(&unread.path).iter().any(|node| nodes.contains(node));
        self.unread.iter().filter(is_asked).map(explain::unread).collect()
    }
}
