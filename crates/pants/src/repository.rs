//! The targets of the repository: loaded, completed and made into a graph, or the graph of the last run. Builds nothing.
//!
//! What is kept of a run is kept in two parts, since they change at different times: the *workspace*, which decides what
//! targets there are (directories, BUILD files and what they load), and the sources, which decide what these import.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use graph::visibility::{self, DeclaredRules, Violation};
use graph::{Edge, GraphError, NodeId, StoredGraph, Target, TargetGraph};
use loader::Packages;
use python::{RuleError, SourceRoots};
use serde::{Deserialize, Serialize};
use store::{FileStates, Looked, Store};

use crate::config::{FILE, PYPROJECT};
use crate::console::Said;
use crate::diagnostic::{Diagnostic, Exit, Severity};
use crate::explain;
use crate::inference::{self, Findings};
use crate::session::{Session, failed, forgettable};

/// The snapshots of what loading found.
const PACKAGES: &str = "loader";
/// The snapshots of graphs.
const GRAPHS: &str = "graph";
/// The snapshots of the states of all sources that these were inferred from.
const SOURCES: &str = "sources";
/// The snapshots of the states of all files that decide what targets there are.
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
    /// Who may depend on whom.
    rules: Vec<DeclaredRules>,
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
pub(crate) type Variables = BTreeMap<String, Option<[u8; 32]>>;

/// A graph with its edges, and what is wrong with them.
pub(crate) struct Connected {
    pub(crate) graph: TargetGraph,
    pub(crate) findings: Findings,
    pub(crate) wrong: Vec<RuleError>,
    pub(crate) unsound: Vec<GraphError>,
}

/// A graph as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptGraph {
    of: WorkspaceState,
    /// Stands for the states of the sources that its edges were inferred from.
    sources: [u8; 32],
    said: Said,
    findings: Findings,
    violations: Vec<Violation>,
    rules: Vec<DeclaredRules>,
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
        self.console.events.phase("load", || self.known_or_loaded(true))
    }

    /// The same for who asks for the targets alone: its edges may be of sources that have changed since.
    pub(crate) fn targets_alone(&self) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        self.console.events.phase("load", || self.known_or_loaded(false))
    }

    fn known_or_loaded(&self, with_edges: bool) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        let roots = self.source_roots()?;
        if let Some(state) = self.unchanged_workspace()?
            && let Some(kept) = self.kept_graph(state, &roots, with_edges)?
            && !(kept.findings.guessed && self.builds.get().is_some())
        {
            self.console.repeat(&kept.said);
            return Ok(ManuallyDrop::new(kept));
        }
        let (mut repository, inputs) = self.load(roots)?;
        repository.state = self.keep_workspace(&repository, inputs)?;
        Ok(ManuallyDrop::new(repository))
    }

    /// Where imports start.
    pub(crate) fn source_roots(&self) -> Result<SourceRoots, Vec<Diagnostic>> {
        SourceRoots::new(&self.config.root_patterns)
            .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "config::root_patterns", error)])
    }

    /// Loads all BUILD files and makes the graph. Gives all that decides what targets there are as well.
    fn load(&self, roots: SourceRoots) -> Result<(Repository, Inputs), Vec<Diagnostic>> {
        let store = self.store()?;
        let mut options = self.loader_options();
        let key = &self.state_key();
        let snapshot = store.snapshot(PACKAGES, key).map_err(failed)?;
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
            forgettable(store.put_snapshot(PACKAGES, key, &[snapshot])).map_err(failed)?;
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
        let variables = self.variables.get_or_init(|| loaded.variables).clone();
        let inputs = Inputs { paths: inputs.into_inner(), variables };
        let rules = loaded.rules;
        Ok((Repository { graph, roots, findings, violations, rules, said, state: None }, inputs))
    }

    /// Makes the graph of targets, with the edges that are not written; `edges` are those that are known already.
    pub(crate) fn connect(
        &self,
        mut targets: Vec<Target>,
        mut edges: Vec<Edge>,
        roots: &SourceRoots,
    ) -> Result<Connected, Vec<Diagnostic>> {
        // As the graph has them: which one of two equals is meant must not depend on where inference gets them from.
        targets.sort_by(|a, b| a.label.cmp(&b.label).then_with(|| a.place.cmp(&b.place)));
        let (entry_points, mut wrong) = python::entry_point::edges(&targets, roots);
        wrong.extend(python::check_steps(&targets));
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
        let snapshot = self.store()?.snapshot(PACKAGES, &self.state_key()).map_err(failed)?;
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
        options.unmatched = self.config.unmatched;
        options.variables = Arc::new(self.environment.variables.clone());
        options
    }

    /// The key of all that this program keeps of this workspace. Another program keeps its own, since it may read the
    /// same files as something else.
    pub(crate) fn key(&self) -> Vec<u8> {
        let (root, program) = (self.root.as_os_str(), self.environment.program.as_os_str());
        let told = format!("{} {:?}", self.config.strict, self.config.unmatched);
        [root.as_encoded_bytes(), program.as_encoded_bytes(), told.as_bytes()].join(&0)
    }

    /// The key of what this program makes of the files by the configuration that it is given, also by variables and options.
    pub(crate) fn state_key(&self) -> Vec<u8> {
        [self.key().as_slice(), &self.config.digest].join(&0)
    }

    /// The variables that BUILD files read, with what stands for their values: as they were loaded by this run, or by the one
    /// whose graph it has.
    pub(crate) fn variables_read(&self) -> Variables {
        if let Some(read) = self.variables.get() {
            return read.clone();
        }
        let snapshot = |store: &Store| store.snapshot(WORKSPACES, &self.state_key()).ok().flatten();
        let kept = self.store().ok().and_then(snapshot);
        let read = kept.and_then(|kept| Some(postcard::take_from_bytes::<Variables>(&kept).ok()?.0));
        read.unwrap_or_default()
    }

    /// What stands for the states of all files that decided the last time what targets there are, if they are the same
    /// still.
    pub(crate) fn unchanged_workspace(&self) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        if let Some(known) = self.unchanged.get() {
            return Ok(*known);
        }
        let kept = self.store()?.snapshot(WORKSPACES, &self.state_key()).map_err(failed)?;
        let state = kept.and_then(|kept| {
            let (variables, states) = postcard::take_from_bytes::<Variables>(&kept).ok()?;
            let same = variables.iter().all(|(name, digest)| self.variable(name) == *digest);
            let states = FileStates::parse(states.to_vec()).filter(|_| same)?;
            states.hold(&self.root).then(|| workspace_state(&variables, &states))
        });
        Ok(*self.unchanged.get_or_init(|| state))
    }

    /// The graph that was kept of a state of the workspace. Where sources are not what they were, their imports are
    /// inferred anew, unless that takes a look at all.
    fn kept_graph(
        &self,
        state: WorkspaceState,
        roots: &SourceRoots,
        with_edges: bool,
    ) -> Result<Option<Repository>, Vec<Diagnostic>> {
        let (store, key) = (self.store()?, self.state_key());
        let decode = || -> Result<Option<([u8; 32], Repository)>, Vec<Diagnostic>> {
            let Some(kept) = store.snapshot(GRAPHS, &key).map_err(failed)? else { return Ok(None) };
            let kept = postcard::from_bytes::<KeptGraph>(&kept).ok().filter(|kept| kept.of == state);
            let graph = |KeptGraph { sources, said, findings, violations, rules, graph, .. }| {
                let (graph, roots, state) = (graph.graph()?, roots.clone(), Some(state));
                Some((sources, Repository { graph, roots, findings, violations, rules, said, state }))
            };
            Ok(kept.and_then(graph))
        };
        if !with_edges {
            return Ok(decode()?.map(|(_, kept)| kept));
        }
        let Some(states) = store.snapshot(SOURCES, &key).map_err(failed)?.and_then(FileStates::parse) else {
            return Ok(None);
        };
        // What is decoded is made in the thread that keeps it: memory that another thread asks for costs twice as much.
        let (changed, kept) = thread::scope(|scope| {
            let changed = scope.spawn(|| states.changed(&self.root));
            let kept = decode();
            (changed.join().expect("looking at files does not panic"), kept)
        });
        let Some((_, kept)) = kept?.filter(|(sources, _)| *sources == states.digest()) else {
            return Ok(None);
        };
        if changed.is_empty() {
            return Ok(Some(kept));
        }
        let Some(kept) = self.inferred_anew(kept, &changed)? else { return Ok(None) };
        if let Some(sources) = states.renewed(&self.root, &changed, self.began) {
            self.keep_graph(state, &sources, &kept)?;
        }
        Ok(Some(kept))
    }

    /// The graph with the edges that the sources at some paths imply now; none where they all have to be looked at.
    fn inferred_anew(
        &self,
        kept: Repository,
        changed: &[PathBuf],
    ) -> Result<Option<Repository>, Vec<Diagnostic>> {
        let Repository { graph, roots, findings, rules, said, state, .. } = kept;
        let paths: BTreeSet<&str> = changed.iter().filter_map(|path| path.to_str()).collect();
        // What a lock says may concern every file, and so may what is amiss in one.
        if paths.iter().any(|path| !is_python(path)) || findings.concern(&paths) {
            return Ok(None);
        }
        let asked: Vec<&str> = paths.iter().copied().collect();
        let edges = inference::infer_some(self, graph.target_list(), &roots, &asked)?;
        let files = asked.iter().flat_map(|path| graph.file_nodes(path));
        let files: Vec<NodeId> = files.filter(|node| graph.file(*node).is_some()).collect();
        let Some(graph) = edges.and_then(|edges| graph.with_imports(&files, &edges)) else { return Ok(None) };
        let (violations, _) = visibility::check(&graph, &rules);
        Ok(Some(Repository { graph, roots, findings, violations, rules, said, state }))
    }

    /// Keeps a graph for as long as what it was made of stays as it is. Not where something changed meanwhile.
    fn keep_workspace(
        &self,
        repository: &Repository,
        Inputs { paths, variables }: Inputs,
    ) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        // What comes and goes in the root besides `dist` shows by its name: this tool itself makes that folder.
        let looked = |path: PathBuf| match path.as_os_str() == "." {
            true => Looked::Beside(self.dist().strip_prefix(&self.root).unwrap_or(&path).to_owned()),
            false => Looked::At(path),
        };
        let paths = paths.into_iter().chain([
            PathBuf::from(FILE),
            PathBuf::from(PYPROJECT),
            self.environment.program.clone(),
        ]);
        let Some(workspace) = FileStates::take(&self.root, paths.map(looked).collect(), self.began) else {
            return Ok(None);
        };
        let state = workspace_state(&variables, &workspace);
        let sources = self.sources(&repository.graph);
        if let Some(sources) = FileStates::take(&self.root, sources, self.began) {
            self.keep_graph(state, &sources, repository)?;
        }
        let variables = postcard::to_stdvec(&variables).expect("plain data can be encoded");
        let kept =
            self.store()?.put_snapshot(WORKSPACES, &self.state_key(), &[&variables, workspace.bytes()]);
        forgettable(kept).map_err(failed)?;
        Ok(Some(state))
    }

    fn keep_graph(
        &self,
        of: WorkspaceState,
        sources: &FileStates,
        repository: &Repository,
    ) -> Result<(), Vec<Diagnostic>> {
        let (store, key) = (self.store()?, self.state_key());
        let Repository { graph, findings, violations, rules, said, .. } = repository;
        let graph = KeptGraph {
            of,
            sources: sources.digest(),
            said: said.clone(),
            findings: findings.clone(),
            violations: violations.clone(),
            rules: rules.clone(),
            graph: StoredGraph::new(graph),
        };
        let graph = postcard::to_stdvec(&graph).expect("plain data can be encoded");
        let kept = store.put_snapshot(GRAPHS, &key, &[&graph]);
        let kept = kept.and_then(|()| store.put_snapshot(SOURCES, &key, &[sources.bytes()]));
        forgettable(kept).map_err(failed)
    }

    /// Stands for the value of a variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<[u8; 32]> {
        let value = self.environment.variables.get(name);
        value.map(|value| *blake3::hash(value.as_bytes()).as_bytes())
    }

    /// The paths of all that inference reads: Python sources, and the locks that say what distributions provide.
    fn sources(&self, graph: &TargetGraph) -> Vec<Looked> {
        if !self.config.infer.imports {
            return Vec::new();
        }
        let files = graph.targets().flat_map(|(_, target)| &target.sources).map(|source| &*source.path);
        let python = files.filter(|path| is_python(path)).map(PathBuf::from);
        let locks = self.lock_paths().into_iter().map(PathBuf::from);
        python.chain(locks).map(Looked::At).collect()
    }

    /// Says what inference found amiss in the files among `nodes`, and which of their dependencies must not be. Fails where
    /// the configuration wants that; for the latter only where they are `enforced`.
    pub(crate) fn tell_findings(
        &self,
        repository: &Repository,
        nodes: &[NodeId],
        enforced: bool,
    ) -> Result<(), Vec<Diagnostic>> {
        let told = repository.findings.about(&repository.graph, nodes, &self.config.infer);
        let (mut errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
            told.into_iter().partition(|told: &Diagnostic| told.severity != Severity::Warning);
        self.console.diagnostics(warnings);
        errors.extend(self.tell_violations(repository, nodes, enforced).err().unwrap_or_default());
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

/// Whether a source is one that imports are read from.
fn is_python(path: &str) -> bool {
    path.ends_with(".py") || path.ends_with(".pyi")
}
