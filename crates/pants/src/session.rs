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
use serde::{Deserialize, Serialize};
use store::{DigestFunction, FileStates, Moment, Store, StoreError};

use crate::cli::Options;
use crate::config::{Config, FILE};
use crate::console::{Console, Said};
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

/// A graph as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptGraph {
    of: WorkspaceState,
    said: Said,
    graph: StoredGraph,
}

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
    pub(crate) offline: bool,
    store: OnceLock<Store>,
    unchanged: OnceLock<Option<WorkspaceState>>,
}

/// The targets of the repository.
pub(crate) struct Repository {
    pub(crate) graph: TargetGraph,
    pub(crate) roots: SourceRoots,
    /// What was said of it.
    pub(crate) said: Said,
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
        let jobs = options.jobs.or(config.jobs).map_or_else(processors, usize::from);
        let offline = options.offline || config.offline;
        let (store, unchanged) = (OnceLock::new(), OnceLock::new());
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
            offline,
            store,
            unchanged,
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

    /// How many bytes the cache may take: as configured, or a tenth of what would be free without it.
    pub(crate) fn budget(&self) -> Result<u64, Vec<Diagnostic>> {
        if let Some(budget) = self.config.cache_budget {
            return Ok(budget);
        }
        let taken = self.store()?.usage().map_err(failed)?.bytes();
        let free = rustix::fs::statvfs(&self.cache_dir).map_or(0, |found| found.f_bavail * found.f_frsize);
        Ok((free + taken) / 10)
    }

    /// Writes down what of the cache was used and, once an hour, keeps it within its budget. What fails of this is for
    /// the next run to do.
    pub(crate) fn tend_cache(&self) {
        let Some(store) = self.store.get() else { return };
        let tended = store.note_uses().and_then(|()| {
            if !store.is_due(self.began)? {
                return Ok(None);
            }
            self.budget().map_or(Ok(None), |budget| store.collect(budget, self.began).map(Some))
        });
        if let Ok(Some(collected)) = tended
            && collected.bytes > 0
            && !self.console.quiet
        {
            let freed = crate::size::show(collected.bytes);
            self.console.message(&format!("cache: {freed} that was used least lately is removed"));
        }
    }

    /// The graph of the last run, as long as nothing that it was made of has changed, or else a new one.
    ///
    /// It is never taken apart: the process ends with it, and freeing a large graph node by node takes time.
    pub(crate) fn repository(&self) -> Result<ManuallyDrop<Repository>, Vec<Diagnostic>> {
        let roots = SourceRoots::new(&self.config.root_patterns)
            .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "config::root_patterns", error)])?;
        if let Some(state) = self.unchanged_workspace()?
            && let Some((said, graph)) = self.kept_graph(state)?
        {
            self.console.repeat(&said);
            return Ok(ManuallyDrop::new(Repository { graph, roots, said, state: Some(state) }));
        }
        let (graph, said, inputs) = self.load(&roots)?;
        let state = self.keep_graph(&graph, &said, inputs)?;
        Ok(ManuallyDrop::new(Repository { graph, roots, said, state }))
    }

    /// Loads all BUILD files and makes the graph. Gives what was said of it as well, and the paths of all that it was
    /// made of.
    fn load(&self, roots: &SourceRoots) -> Result<(TargetGraph, Said, Vec<PathBuf>), Vec<Diagnostic>> {
        let store = self.store()?;
        let mut options = loader::Options::new(&self.root);
        options.ignore.clone_from(&self.config.pants_ignore);
        options.jobs = self.jobs;
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
        Ok((graph, said, inputs.into_inner()))
    }

    /// The key of all that this program keeps of this workspace. Another program keeps its own, since it may read the
    /// same files as something else.
    pub(crate) fn key(&self) -> Vec<u8> {
        let (root, program) = (self.root.as_os_str(), self.environment.program.as_os_str());
        [root.as_encoded_bytes(), program.as_encoded_bytes()].join(&0)
    }

    /// What stands for the states of all files that the graph was made of the last time, if they are the same still.
    pub(crate) fn unchanged_workspace(&self) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        if let Some(known) = self.unchanged.get() {
            return Ok(*known);
        }
        let kept = self.store()?.memo(WORKSPACES, &self.key()).map_err(failed)?.and_then(FileStates::parse);
        let state = kept.filter(|states| states.hold(&self.root)).map(|states| states.digest());
        Ok(*self.unchanged.get_or_init(|| state))
    }

    /// The graph that was kept of a state of the workspace, and what was said of it.
    fn kept_graph(&self, state: WorkspaceState) -> Result<Option<(Said, TargetGraph)>, Vec<Diagnostic>> {
        let kept = self.store()?.memo(GRAPHS, &self.key()).map_err(failed)?;
        let kept = kept.and_then(|kept| postcard::from_bytes::<KeptGraph>(&kept).ok());
        let kept = kept.filter(|kept| kept.of == state);
        Ok(kept.and_then(|kept| Some((kept.said, kept.graph.graph()?))))
    }

    /// Keeps a graph for as long as what it was made of stays as it is. Not where something changed meanwhile.
    fn keep_graph(
        &self,
        graph: &TargetGraph,
        said: &Said,
        mut inputs: Vec<PathBuf>,
    ) -> Result<Option<WorkspaceState>, Vec<Diagnostic>> {
        inputs.extend([PathBuf::from(FILE), self.environment.program.clone()]);
        let Some(states) = FileStates::take(&self.root, inputs, self.began) else { return Ok(None) };
        let kept = KeptGraph { of: states.digest(), said: said.clone(), graph: StoredGraph::new(graph) };
        let kept = postcard::to_stdvec(&kept).expect("plain data can be encoded");
        let store = self.store()?;
        // The graph goes first: who is interrupted in between leaves a graph of a state that nobody asks for.
        forgettable(store.put_memo(GRAPHS, &self.key(), &kept)).map_err(failed)?;
        forgettable(store.put_memo(WORKSPACES, &self.key(), states.bytes())).map_err(failed)?;
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
