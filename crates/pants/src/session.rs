//! What all goals stand on: the root, the configuration, the store and the graph. The one place where crates meet.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use engine::Cancel;
use graph::{NodeId, Pattern, StoredGraph, TargetGraph};
use packaging::index::DeclaredIndex;
use packaging::lock::Lock;
use python::SourceRoots;
use store::{DigestFunction, FileStates, Moment, Store, StoreError};

use crate::cli::Options;
use crate::config::{Config, FILE};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::environment::Environment;
use crate::explain;

/// The memo table of what loading found.
const SNAPSHOTS: &str = "loader";
/// The memo table of graphs.
const GRAPHS: &str = "graph";
/// The memo table of the states of all files that graphs were made of.
const WORKSPACES: &str = "workspace";

/// Stands for the states of all files that a graph was made of.
pub(crate) type WorkspaceState = [u8; 32];

/// A request on its way.
pub(crate) struct Session<'s> {
    pub(crate) start: Instant,
    /// What changed since may have been read before or after.
    pub(crate) began: Moment,
    pub(crate) console: &'s Console,
    pub(crate) environment: &'s Environment,
    pub(crate) cancel: &'s Cancel,
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    pub(crate) cache_dir: PathBuf,
    pub(crate) jobs: usize,
    /// How many downloads go on at once at most, where it is said how much to do at once.
    pub(crate) most_downloads: Option<usize>,
    pub(crate) offline: bool,
    store: OnceLock<Store>,
}

/// The targets of the repository.
pub(crate) struct Repository {
    pub(crate) graph: TargetGraph,
    pub(crate) roots: SourceRoots,
    /// Of what the graph was made; none where that is not certain.
    pub(crate) state: Option<WorkspaceState>,
}

/// The root of the repository: as given, or the nearest folder upwards that has a `pants.toml`.
pub(crate) fn find_root(options: &Options, environment: &Environment) -> Result<PathBuf, Diagnostic> {
    let missing = |message: String, help: String| {
        Err(Diagnostic::error(Exit::Wrong, "session::no_root", message).help(Some(help)))
    };
    let found = match &options.root {
        Some(given) => environment.folder.join(given),
        None => match environment.folder.ancestors().find(|folder| folder.join(FILE).is_file()) {
            Some(found) => found.to_owned(),
            None => {
                let message =
                    format!("no `{FILE}` in `{}` or a folder above it", environment.folder.display());
                let help =
                    format!("`touch {FILE}` at the root of the repository marks it; it may stay empty");
                return missing(message, help);
            }
        },
    };
    if !found.join(FILE).is_file() {
        let message = format!("`{}` has no `{FILE}`", found.display());
        return missing(message, format!("`touch {FILE}` there marks it as the root; it may stay empty"));
    }
    found.canonicalize().map_err(|error| {
        Diagnostic::error(
            Exit::Wrong,
            "session::no_root",
            format!("cannot read `{}`: {error}", found.display()),
        )
    })
}

impl<'s> Session<'s> {
    /// Lays the options over the configuration.
    pub(crate) fn open(
        options: &Options,
        root: PathBuf,
        config: Config,
        console: &'s Console,
        environment: &'s Environment,
        cancel: &'s Cancel,
        (start, began): (Instant, Moment),
    ) -> Result<Session<'s>, Vec<Diagnostic>> {
        let given = options.cache_dir.as_ref().map(|dir| environment.folder.join(dir));
        let configured = config.cache_dir.as_ref().map(|dir| environment.path(dir, &root));
        let Some(cache_dir) = given.or(configured).or_else(|| environment.cache_dir()) else {
            return Err(vec![
                Diagnostic::error(
                    Exit::Environment,
                    "session::no_cache_dir",
                    "there is no place for the cache",
                )
                .note("neither `XDG_CACHE_HOME` nor `HOME` is set")
                .help(Some("give one with `--cache-dir`")),
            ]);
        };
        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let given_jobs = options.jobs.or(config.jobs).map(usize::from);
        let jobs = given_jobs.unwrap_or_else(processors);
        let offline = options.offline || config.offline;
        let store = OnceLock::new();
        Ok(Session {
            start,
            began,
            console,
            environment,
            cancel,
            root,
            config,
            cache_dir,
            jobs,
            most_downloads: given_jobs,
            offline,
            store,
        })
    }

    /// The cache, opened at the first call.
    pub(crate) fn store(&self) -> Result<&Store, Vec<Diagnostic>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let scratch = PathBuf::from(self.environment.get("TMPDIR").unwrap_or("/tmp"));
        let opened = Store::open_with(&self.cache_dir, DigestFunction::Blake3, &scratch);
        let opened = opened.map_err(|error| vec![explain::store(&error)])?;
        Ok(self.store.get_or_init(|| opened))
    }

    /// What the store noticed and mended, if it was used.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        let warnings = self.store.get().map(Store::take_warnings).unwrap_or_default();
        warnings.iter().map(explain::store_warning).collect()
    }

    /// The graph of the last run, as long as nothing that it was made of has changed, or else a new one.
    ///
    /// It is never taken apart: the process ends with it, and freeing a large graph node by node takes time.
    pub(crate) fn repository(&self) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        let roots = SourceRoots::new(&self.config.root_patterns)
            .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "config::root_patterns", error)])?;
        if let Some(state) = self.unchanged_workspace()?
            && let Some(graph) = self.kept_graph(state)?
        {
            return Ok(ManuallyDrop::new(Repository { graph, roots, state: Some(state) }));
        }
        let (graph, inputs) = self.load(&roots)?;
        let state = inputs.map_or(Ok(None), |inputs| self.keep_graph(&graph, inputs))?;
        Ok(ManuallyDrop::new(Repository { graph, roots, state }))
    }

    /// Loads all BUILD files and makes the graph. Gives all that it was made of as well, unless something has to be
    /// said each time.
    fn load(&self, roots: &SourceRoots) -> Result<(TargetGraph, Option<Vec<PathBuf>>), Vec<Diagnostic>> {
        let store = self.store()?;
        let mut options = loader::Options::new(&self.root);
        options.ignore.clone_from(&self.config.pants_ignore);
        options.jobs = self.jobs;
        let key = self.key();
        let snapshot = store.memo(SNAPSHOTS, key).map_err(failed)?;
        let loaded = loader::load(&options, snapshot.as_deref());
        for (place, message) in &loaded.messages {
            self.console.message(&format!("{place}: {message}"));
        }
        self.console.diagnostics(loaded.warnings.iter().map(explain::load_warning).collect());
        if let Some(snapshot) = &loaded.snapshot {
            forgettable(store.put_memo(SNAPSHOTS, key, snapshot)).map_err(failed)?;
        }
        let mut errors: Vec<Diagnostic> = loaded.errors.iter().map(explain::load).collect();
        let inputs = RefCell::new(loaded.inputs);
        let read = |path: &str| {
            inputs.borrow_mut().push(PathBuf::from(path));
            std::fs::read(self.root.join(path))
        };
        let (targets, mut edges, wrong) = python::expand(loaded.targets, &read);
        errors.extend(wrong.iter().map(explain::rule));
        let loading_failed = !errors.is_empty();
        let (entry_points, wrong) = python::entry_point::edges(&targets, roots);
        edges.extend(entry_points);
        let (graph, unsound) = TargetGraph::build(targets, &edges);
        // What depends on a target that could not be loaded is not wrong itself.
        if !loading_failed {
            errors.extend(wrong.iter().map(explain::rule));
            errors.extend(unsound.iter().map(explain::graph));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let said = !loaded.messages.is_empty() || !loaded.warnings.is_empty();
        Ok((graph, (!said).then(|| inputs.into_inner())))
    }

    /// The key of all that is kept of this workspace.
    fn key(&self) -> &[u8] {
        self.root.as_os_str().as_encoded_bytes()
    }

    /// What stands for the states of all files that the graph was made of the last time, if they are the same still.
    pub(crate) fn unchanged_workspace(&self) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        let kept = self.store()?.memo(WORKSPACES, self.key()).map_err(failed)?.and_then(FileStates::parse);
        Ok(kept.filter(|states| states.hold(&self.root)).map(|states| states.digest()))
    }

    /// The graph that was kept of a state of the workspace.
    fn kept_graph(&self, state: WorkspaceState) -> Result<Option<TargetGraph>, Vec<Diagnostic>> {
        let kept = self.store()?.memo(GRAPHS, self.key()).map_err(failed)?;
        Ok(kept.and_then(|kept| {
            let (of, graph) = kept.split_first_chunk()?;
            if *of != state {
                return None;
            }
            postcard::from_bytes::<StoredGraph>(graph).ok()?.graph()
        }))
    }

    /// Keeps a graph for as long as what it was made of stays as it is. Not where something changed meanwhile.
    fn keep_graph(
        &self,
        graph: &TargetGraph,
        mut inputs: Vec<PathBuf>,
    ) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        inputs.extend([PathBuf::from(FILE), self.environment.program.clone()]);
        let Some(states) = FileStates::take(&self.root, inputs, self.began) else { return Ok(None) };
        let graph = postcard::to_stdvec(&StoredGraph::new(graph)).expect("plain data can be encoded");
        let kept = [states.digest().as_slice(), &graph].concat();
        let store = self.store()?;
        // The graph goes first: who is interrupted in between leaves a graph of a state that nobody asks for.
        forgettable(store.put_memo(GRAPHS, self.key(), &kept)).map_err(failed)?;
        forgettable(store.put_memo(WORKSPACES, self.key(), states.bytes())).map_err(failed)?;
        Ok(Some(states.digest()))
    }

    /// The targets that patterns of the command line choose.
    pub(crate) fn select(
        &self,
        graph: &TargetGraph,
        patterns: &[String],
        exclude: &[String],
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let is_file = |path: &str| self.root.join(path).is_file();
        let mut parse = |texts: &[String]| -> Vec<Pattern> {
            let parsed = texts.iter().filter_map(|text| match Pattern::parse(text, is_file) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    errors.push(explain::label(&error));
                    None
                }
            });
            parsed.collect()
        };
        let (patterns, exclude) = (parse(patterns), parse(exclude));
        if !errors.is_empty() {
            return Err(errors);
        }
        graph::select(graph, &patterns, &exclude)
            .map_err(|errors| errors.iter().map(explain::graph).collect())
    }

    /// The lock of a resolve; none where there is no file.
    pub(crate) fn lock(&self, path: &str) -> Result<Option<Lock>, Vec<Diagnostic>> {
        let unreadable = |message: String| {
            let message = format!("cannot read the lock `{path}`: {message}");
            let help = "`[python.resolves]` says where the lock is; `pants lock` writes it";
            vec![Diagnostic::error(Exit::Wrong, "lock::unreadable", message).help(Some(help))]
        };
        let text = match std::fs::read(self.root.join(path)) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        Lock::parse(&text).map(Some).map_err(|errors| {
            let explained = errors.iter().map(|error| {
                let (line, column) = error.place.map_or((1, 1), |place| (place.line, place.column));
                let place = Some(graph::Place::new(path, line, column));
                Diagnostic::error(Exit::Wrong, error.code(), error).at(place).help(error.help())
            });
            explained.collect()
        })
    }

    /// Who brings files.
    pub(crate) fn downloads(&self) -> Result<Downloads<'s>, Vec<Diagnostic>> {
        let declared = (self.config.indexes.iter())
            .map(|(name, url)| DeclaredIndex { name: name.clone(), url: url.clone() })
            .collect();
        Ok(Downloads {
            environment: self.environment,
            root: self.root.clone(),
            cache_dir: self.cache_dir.clone(),
            declared,
            offline: self.offline,
            store: self.store()?.clone(),
            client: OnceLock::new(),
        })
    }

    /// The folder that goals write to.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }
}

fn failed(error: StoreError) -> Vec<Diagnostic> {
    vec![explain::store(&error)]
}

/// What is remembered only to be faster the next time is not worth failing for where the disk is full.
pub(crate) fn forgettable(remembered: Result<(), StoreError>) -> Result<(), StoreError> {
    match remembered {
        Err(StoreError::Full { .. }) => Ok(()),
        remembered => remembered,
    }
}

/// A path as it is shown: relative to the root where it is below it.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
