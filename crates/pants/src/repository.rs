//! The targets of the repository: loaded, completed and made into a graph, or the graph of the last run. Builds nothing.
//!
//! What is kept of a run is kept in two parts, since they change at different times: the *workspace*, which decides what
//! targets there are (directories, BUILD files and what they load), and the sources, which decide what these import.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;

use graph::{Edge, GraphError, NodeId, StoredGraph, Target, TargetGraph};
use loader::Packages;
use python::{RuleError, SourceRoots};
use serde::{Deserialize, Serialize};
use store::FileStates;

use crate::config::{FILE, PYPROJECT};
use crate::console::Said;
use crate::diagnostic::{Diagnostic, Exit, Severity};
use crate::explain;
use crate::inference::{self, Findings};
use crate::session::{Session, failed, forgettable};

/// The memo table of what loading found.
const SNAPSHOTS: &str = "loader";
/// The memo table of graphs.
const GRAPHS: &str = "graph";
/// The memo table of the states of all files that decide what targets there are.
const WORKSPACES: &str = "workspace";

/// Stands for the states of all files that decide what targets there are.
pub(crate) type WorkspaceState = [u8; 32];

/// The targets of the repository.
pub(crate) struct Repository {
    pub(crate) graph: TargetGraph,
    pub(crate) roots: SourceRoots,
    /// What inference found amiss; for those who ask about the files.
    pub(crate) findings: Findings,
    /// What was said of it.
    pub(crate) said: Said,
    /// Of what the graph was made; none where that is not certain.
    pub(crate) state: Option<WorkspaceState>,
}

/// A graph with its edges, and what is wrong with them.
pub(crate) struct Connected {
    pub(crate) graph: TargetGraph,
    pub(crate) findings: Findings,
    pub(crate) wrong: Vec<RuleError>,
    pub(crate) unsound: Vec<GraphError>,
}

/// A graph as it is kept. The states of the sources follow it.
#[derive(Serialize, Deserialize)]
struct KeptGraph {
    of: WorkspaceState,
    said: Said,
    findings: Findings,
    graph: StoredGraph,
}

/// What is said where BUILD files are imagined.
fn no_build_files() -> Diagnostic {
    let message = "there are no BUILD files: the targets are those that `pants tailor` would write";
    Diagnostic::warning("tailor::no_build_files", message).help(Some("`pants tailor ::` writes them"))
}

impl Session<'_> {
    /// The graph of the last run, as long as nothing that it was made of has changed, or else a new one.
    ///
    /// It is never taken apart: the process ends with it, and freeing a large graph node by node takes time.
    pub(crate) fn repository(&self) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        let roots = self.source_roots()?;
        if let Some(state) = self.unchanged_workspace()?
            && let Some((kept, graph)) = self.kept_graph(state)?
        {
            self.console.repeat(&kept.said);
            let KeptGraph { said, findings, .. } = kept;
            return Ok(ManuallyDrop::new(Repository { graph, roots, findings, said, state: Some(state) }));
        }
        let (mut repository, inputs) = self.load(roots)?;
        repository.state = self.keep_graph(&repository, inputs)?;
        Ok(ManuallyDrop::new(repository))
    }

    /// Where imports start.
    pub(crate) fn source_roots(&self) -> Result<SourceRoots, Vec<Diagnostic>> {
        SourceRoots::new(&self.config.root_patterns)
            .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "config::root_patterns", error)])
    }

    /// Loads all BUILD files and makes the graph. Gives the paths of all that decides what targets there are as well.
    fn load(&self, roots: SourceRoots) -> Result<(Repository, Vec<PathBuf>), Vec<Diagnostic>> {
        let store = self.store()?;
        let mut options = self.loader_options();
        let key = &self.key();
        let snapshot = store.memo(SNAPSHOTS, key).map_err(failed)?;
        let mut loaded = loader::load(&options, snapshot.as_deref());
        let mut plain = Vec::new();
        if loaded.build_files.is_empty()
            && let Some((imagined, read)) = self.imagined(&roots)?
        {
            options.earlier = Some(Arc::new(imagined));
            loaded = loader::load(&options, snapshot.as_deref());
            loaded.inputs.extend(read.into_iter().map(PathBuf::from));
            plain.push(no_build_files());
        }
        let warnings = loaded.warnings.iter().map(explain::load_warning).chain(plain).collect();
        let said = Said { messages: loaded.messages, warnings };
        self.console.repeat(&said);
        if let Some(snapshot) = &loaded.snapshot {
            forgettable(store.put_memo(SNAPSHOTS, key, snapshot)).map_err(failed)?;
        }
        let mut errors: Vec<Diagnostic> = loaded.errors.iter().map(explain::load).collect();
        let inputs = RefCell::new(loaded.inputs);
        let read = |path: &str| {
            inputs.borrow_mut().push(PathBuf::from(path));
            std::fs::read(self.root.join(path))
        };
        let (targets, generated, wrong) = python::expand(loaded.targets, &read);
        errors.extend(wrong.iter().map(explain::rule));
        let loading_failed = !errors.is_empty();
        let Connected { graph, findings, wrong, unsound } = self.connect(targets, generated, &roots)?;
        // What depends on a target that could not be loaded is not wrong itself.
        if !loading_failed {
            errors.extend(wrong.iter().map(explain::rule));
            errors.extend(unsound.iter().map(explain::graph));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok((Repository { graph, roots, findings, said, state: None }, inputs.into_inner()))
    }

    /// Makes the graph of targets, with the edges that are not written; `edges` are those that are known already.
    pub(crate) fn connect(
        &self,
        targets: Vec<Target>,
        mut edges: Vec<Edge>,
        roots: &SourceRoots,
    ) -> Result<Connected, Vec<Diagnostic>> {
        let (entry_points, wrong) = python::entry_point::edges(&targets, roots);
        edges.extend(entry_points);
        let (inferred, findings) = inference::infer(self, &targets, roots)?;
        edges.extend(inferred);
        // Without inference nobody knows what a single file needs.
        let build = if self.config.infer.imports { TargetGraph::build } else { TargetGraph::build_whole };
        let (graph, unsound) = build(targets, &edges);
        Ok(Connected { graph, findings, wrong, unsound })
    }

    /// What is known of the BUILD files that the graph was made of.
    pub(crate) fn packages(&self) -> Result<Packages, Vec<Diagnostic>> {
        let snapshot = self.store()?.memo(SNAPSHOTS, &self.key()).map_err(failed)?;
        // A full disk may have kept it from being remembered.
        Ok(match snapshot {
            Some(snapshot) => Packages::of(&snapshot),
            None => loader::load(&self.loader_options(), None).packages,
        })
    }

    /// What the loader is told of this repository.
    pub(crate) fn loader_options(&self) -> loader::Options {
        let mut options = loader::Options::new(&self.root);
        options.ignore.clone_from(&self.config.pants_ignore);
        options.jobs = self.jobs;
        options
    }

    /// The key of all that this program keeps of this workspace. Another program keeps its own, since it may read the
    /// same files as something else.
    pub(crate) fn key(&self) -> Vec<u8> {
        let (root, program) = (self.root.as_os_str(), self.environment.program.as_os_str());
        [root.as_encoded_bytes(), program.as_encoded_bytes()].join(&0)
    }

    /// What stands for the states of all files that decided the last time what targets there are, if they are the same
    /// still.
    pub(crate) fn unchanged_workspace(&self) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        if let Some(known) = self.unchanged.get() {
            return Ok(*known);
        }
        let kept = self.store()?.memo(WORKSPACES, &self.key()).map_err(failed)?.and_then(FileStates::parse);
        let state = kept.filter(|states| states.hold(&self.root)).map(|states| states.digest());
        Ok(*self.unchanged.get_or_init(|| state))
    }

    /// The graph that was kept of a state of the workspace, if the sources are what they were.
    fn kept_graph(&self, state: WorkspaceState) -> Result<Option<(KeptGraph, TargetGraph)>, Vec<Diagnostic>> {
        let Some(kept) = self.store()?.memo(GRAPHS, &self.key()).map_err(failed)? else { return Ok(None) };
        let Ok((mut kept, states)) = postcard::take_from_bytes::<KeptGraph>(&kept) else { return Ok(None) };
        let hold = |states: FileStates| states.hold(&self.root);
        if kept.of != state || !FileStates::parse(states.to_vec()).is_some_and(hold) {
            return Ok(None);
        }
        Ok(std::mem::take(&mut kept.graph).graph().map(|graph| (kept, graph)))
    }

    /// Keeps a graph for as long as what it was made of stays as it is. Not where something changed meanwhile.
    fn keep_graph(
        &self,
        repository: &Repository,
        mut inputs: Vec<PathBuf>,
    ) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        inputs.extend([PathBuf::from(FILE), PathBuf::from(PYPROJECT), self.environment.program.clone()]);
        let Some(workspace) = FileStates::take(&self.root, inputs, self.began) else { return Ok(None) };
        let (store, key) = (self.store()?, self.key());
        if let Some(sources) = FileStates::take(&self.root, self.sources(&repository.graph), self.began) {
            let kept = KeptGraph {
                of: workspace.digest(),
                said: repository.said.clone(),
                findings: repository.findings.clone(),
                graph: StoredGraph::new(&repository.graph),
            };
            let mut kept = postcard::to_stdvec(&kept).expect("plain data can be encoded");
            kept.extend_from_slice(sources.bytes());
            forgettable(store.put_memo(GRAPHS, &key, &kept)).map_err(failed)?;
        }
        let known = store.memo(WORKSPACES, &key).map_err(failed)?;
        if known.as_deref() != Some(workspace.bytes()) {
            forgettable(store.put_memo(WORKSPACES, &key, workspace.bytes())).map_err(failed)?;
        }
        Ok(Some(workspace.digest()))
    }

    /// The paths of all that inference reads: Python sources, and the locks that say what distributions provide.
    fn sources(&self, graph: &TargetGraph) -> Vec<PathBuf> {
        if !self.config.infer.imports {
            return Vec::new();
        }
        let files = graph.targets().flat_map(|(_, target)| &target.sources).map(|source| &*source.path);
        let python = files.filter(|path| path.ends_with(".py") || path.ends_with(".pyi"));
        let locks = self.config.resolves.iter().map(|(_, path)| path.as_str());
        python.chain(locks).map(PathBuf::from).collect()
    }

    /// Says what inference found amiss in the files among `nodes`; fails where the configuration wants that.
    pub(crate) fn tell_findings(
        &self,
        repository: &Repository,
        nodes: &[NodeId],
    ) -> Result<(), Vec<Diagnostic>> {
        let told = repository.findings.about(&repository.graph, nodes, &self.config.infer);
        let (errors, warnings) =
            told.into_iter().partition(|told: &Diagnostic| told.severity != Severity::Warning);
        self.console.diagnostics(warnings);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
