//! The targets of the repository: loaded, completed and made into a graph, or the graph of the last run. Builds nothing.
//!
//! What is kept of a run is kept in two parts, since they change at different times: the *workspace*, which decides what
//! targets there are (directories, BUILD files and what they load), and the sources, which decide what these import.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;

use graph::visibility::{self, Violation};
use graph::{Edge, GraphError, NodeId, StoredGraph, Target, TargetGraph};
use loader::Packages;
use python::{RuleError, SourceRoots};
use serde::{Deserialize, Serialize};
use store::FileStates;

use crate::config::FILE;
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
    /// Dependencies that must not be; for those who ask about the targets.
    pub(crate) violations: Vec<Violation>,
    /// What was said of it.
    pub(crate) said: Said,
    /// Of what the graph was made; none where that is not certain.
    pub(crate) state: Option<WorkspaceState>,
}

/// All that decides what targets there are.
struct Inputs {
    paths: Vec<PathBuf>,
    /// Variables of the environment, each with a digest of its value.
    variables: Variables,
}

/// Variables of the environment by name, each with a digest of its value where it has one.
type Variables = BTreeMap<String, Option<[u8; 32]>>;

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
    violations: Vec<Violation>,
    graph: StoredGraph,
}

impl Session<'_> {
    /// The graph of the last run, as long as nothing that it was made of has changed, or else a new one.
    ///
    /// It is never taken apart: the process ends with it, and freeing a large graph node by node takes time.
    pub(crate) fn repository(&self) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        let roots = SourceRoots::new(&self.config.root_patterns)
            .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "config::root_patterns", error)])?;
        if let Some(state) = self.unchanged_workspace()?
            && let Some((kept, graph)) = self.kept_graph(state)?
        {
            self.console.repeat(&kept.said);
            let KeptGraph { said, findings, violations, .. } = kept;
            let state = Some(state);
            return Ok(ManuallyDrop::new(Repository { graph, roots, findings, violations, said, state }));
        }
        let (mut repository, inputs) = self.load(roots)?;
        repository.state = self.keep_graph(&repository, inputs)?;
        Ok(ManuallyDrop::new(repository))
    }

    /// Loads all BUILD files and makes the graph. Gives all that decides what targets there are as well.
    fn load(&self, roots: SourceRoots) -> Result<(Repository, Inputs), Vec<Diagnostic>> {
        let store = self.store()?;
        let options = self.loader_options();
        let key = &self.key();
        let snapshot = store.memo(SNAPSHOTS, key).map_err(failed)?;
        let loaded = loader::load(&options, snapshot.as_deref());
        let warnings = loaded.warnings.iter().map(explain::load_warning).collect();
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
        let (violations, misplaced) = visibility::check(&graph, &loaded.rules);
        // What depends on a target that could not be loaded is not wrong itself.
        if !loading_failed {
            errors.extend(misplaced.iter().map(explain::graph));
            errors.extend(wrong.iter().map(explain::rule));
            errors.extend(unsound.iter().map(explain::graph));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let inputs = Inputs { paths: inputs.into_inner(), variables: loaded.variables };
        Ok((Repository { graph, roots, findings, violations, said, state: None }, inputs))
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
        options.build_patterns.clone_from(&self.config.build_patterns);
        options.build_ignore.clone_from(&self.config.build_ignore);
        options.jobs = self.jobs;
        options.prelude.clone_from(&self.config.build_file_prelude_globs);
        options.strict = self.config.strict;
        options.variables = Arc::new(self.environment.variables.clone());
        options
    }

    /// The key of all that this program keeps of this workspace. Another program keeps its own, since it may read the
    /// same files as something else.
    pub(crate) fn key(&self) -> Vec<u8> {
        let (root, program) = (self.root.as_os_str(), self.environment.program.as_os_str());
        let strict: &[u8] = if self.config.strict { b"strict" } else { b"" };
        [root.as_encoded_bytes(), program.as_encoded_bytes(), strict].join(&0)
    }

    /// The key of what this program makes of the files by the configuration that it is given, also by variables and options.
    pub(crate) fn state_key(&self) -> Vec<u8> {
        [self.key().as_slice(), &self.config.digest].join(&0)
    }

    /// What stands for the states of all files that decided the last time what targets there are, if they are the same
    /// still.
    pub(crate) fn unchanged_workspace(&self) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        if let Some(known) = self.unchanged.get() {
            return Ok(*known);
        }
        let kept = self.store()?.memo(WORKSPACES, &self.state_key()).map_err(failed)?;
        let state = kept.and_then(|kept| {
            let (variables, states) = postcard::take_from_bytes::<Variables>(&kept).ok()?;
            let same = variables.iter().all(|(name, digest)| self.variable(name) == *digest);
            let states = FileStates::parse(states.to_vec()).filter(|_| same)?;
            states.hold(&self.root).then(|| workspace_state(&variables, &states))
        });
        Ok(*self.unchanged.get_or_init(|| state))
    }

    /// The graph that was kept of a state of the workspace, if the sources are what they were.
    fn kept_graph(&self, state: WorkspaceState) -> Result<Option<(KeptGraph, TargetGraph)>, Vec<Diagnostic>> {
        let Some(kept) = self.store()?.memo(GRAPHS, &self.state_key()).map_err(failed)? else {
            return Ok(None);
        };
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
        Inputs { mut paths, variables }: Inputs,
    ) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        paths.extend([PathBuf::from(FILE), self.environment.program.clone()]);
        let Some(states) = FileStates::take(&self.root, paths, self.began) else { return Ok(None) };
        let mut workspace = postcard::to_stdvec(&variables).expect("plain data can be encoded");
        workspace.extend_from_slice(states.bytes());
        let state = workspace_state(&variables, &states);
        let (store, key) = (self.store()?, self.state_key());
        if let Some(sources) = FileStates::take(&self.root, self.sources(&repository.graph), self.began) {
            let kept = KeptGraph {
                of: state,
                said: repository.said.clone(),
                findings: repository.findings.clone(),
                violations: repository.violations.clone(),
                graph: StoredGraph::new(&repository.graph),
            };
            let mut kept = postcard::to_stdvec(&kept).expect("plain data can be encoded");
            kept.extend_from_slice(sources.bytes());
            forgettable(store.put_memo(GRAPHS, &key, &kept)).map_err(failed)?;
        }
        let known = store.memo(WORKSPACES, &key).map_err(failed)?;
        if known.as_deref() != Some(workspace.as_slice()) {
            forgettable(store.put_memo(WORKSPACES, &key, &workspace)).map_err(failed)?;
        }
        Ok(Some(state))
    }

    /// Stands for the value of a variable of the environment.
    fn variable(&self, name: &str) -> Option<[u8; 32]> {
        let value = self.environment.variables.get(name);
        value.map(|value| *blake3::hash(value.as_bytes()).as_bytes())
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
        let told = repository.findings.about(&repository.graph, nodes, self.config.infer.unowned);
        let (errors, warnings) =
            told.into_iter().partition(|told: &Diagnostic| told.severity != Severity::Warning);
        self.console.diagnostics(warnings);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Stands for all that decides what targets there are.
fn workspace_state(variables: &Variables, states: &FileStates) -> WorkspaceState {
    let mut digest = blake3::Hasher::new();
    digest
        .update(&postcard::to_stdvec(variables).expect("plain data can be encoded"))
        .update(&states.digest());
    *digest.finalize().as_bytes()
}
