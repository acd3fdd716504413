//! What all goals stand on: the root, the configuration, the store and the graph. The one place where crates meet.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ::remote::RemoteCache;
use engine::{Cache, Cancel, Execution, Keep, Sandbox};
use graph::{LabelReason, NodeId, Pattern, TargetGraph};
use packaging::index::Declarations;
use store::{Moment, Store, StoreError};

use crate::accounts::Accounts;
use crate::cli::{KeepSandboxes, Options};
use crate::config::Config;
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::environment::Environment;
use crate::events::Records;
use crate::explain;
use crate::remote::{self, Naming};
use crate::report::Report;
use crate::repository::{Variables, WorkspaceState};

/// The folder of the cache for kept folders of programs.
const SANDBOXES: &str = "sandboxes";

/// How long another process that writes to the cache is waited for at the end of a run.
const TENDING: Duration = Duration::from_secs(1);

/// How long blobs are hashed again at the end of a run in which something was built.
const SAMPLING: Duration = Duration::from_millis(20);

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
    /// What actions that run programs run in.
    pub(crate) sandbox: Sandbox,
    store: OnceLock<Store>,
    /// The cache of a server, where there is one that can be used.
    remote: OnceLock<Option<RemoteCache>>,
    /// How content is named, and whether the server was there to be asked.
    naming: OnceLock<Naming>,
    /// Set where the goal builds: then it is found out what a query may only guess.
    pub(crate) builds: OnceLock<()>,
    pub(crate) unchanged: OnceLock<Option<WorkspaceState>>,
    /// The variables that BUILD files read, where this run has loaded them.
    pub(crate) variables: OnceLock<Variables>,
    /// Set where an action ran, and did not come from the cache.
    pub(crate) ran: OnceLock<()>,
    /// What it took to make the files that steps make.
    generated: Mutex<Report>,
}

impl<'s> Session<'s> {
    /// Lays the options over the configuration.
    pub(crate) fn open(
        options: &Options,
        root: PathBuf,
        mut config: Config,
        console: &'s Console,
        environment: &'s Environment,
        cancel: &'s Cancel,
        (start, began): (Instant, Moment),
    ) -> Result<Session<'s>, Vec<Diagnostic>> {
        let given = options.cache_dir.as_ref().map(|dir| match dir.to_str() {
            // No shell has replaced the `~` of a variable that a file sets.
            Some(text) => environment.path(text, &environment.folder),
            None => environment.folder.join(dir),
        });
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
        console.events.keep_in(Records::of(&cache_dir, &root));
        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let given_jobs = options.jobs.or(config.jobs).map(usize::from);
        let jobs = given_jobs.unwrap_or_else(processors);
        let offline = options.offline || config.offline;
        config.strict |= options.strict;
        // This very file, also when another took its place since.
        let keep = match options.keep_sandboxes {
            KeepSandboxes::Never => Keep::Never,
            KeepSandboxes::OnFailure => Keep::OnFailure,
            KeepSandboxes::Always => Keep::Always,
        };
        let sandbox = Sandbox::new(config.sandbox.level, "/proc/self/exe")
            .bounded(config.sandbox.bounds)
            .keeping(keep, cache_dir.join(SANDBOXES));
        let (store, builds, unchanged, ran) =
            (OnceLock::new(), OnceLock::new(), OnceLock::new(), OnceLock::new());
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
            sandbox,
            store,
            remote: OnceLock::new(),
            naming: OnceLock::new(),
            builds,
            unchanged,
            variables: OnceLock::new(),
            ran,
            generated: Mutex::default(),
        })
    }

    /// The cache, opened at the first call.
    pub(crate) fn store(&self) -> Result<&Store, Vec<Diagnostic>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let opened = Store::open_with(&self.cache_dir, self.naming().function, self.scratch());
        let opened = opened.map_err(|error| vec![explain::store(&error)])?;
        Ok(self.store.get_or_init(|| opened))
    }

    /// The machine's folder for temporary files.
    pub(crate) fn scratch(&self) -> &Path {
        Path::new(self.environment.get("TMPDIR").unwrap_or("/tmp"))
    }

    /// How content is named: as the server does that is used with the cache.
    pub(crate) fn naming(&self) -> &Naming {
        self.naming.get_or_init(|| Naming::find(self))
    }

    /// The cache of a server, where one is used.
    pub(crate) fn remote(&self) -> Result<Option<&RemoteCache>, Vec<Diagnostic>> {
        let store = self.store()?;
        Ok(self.remote.get_or_init(|| remote::connect(self, store)).as_ref())
    }

    /// Where outcomes are looked for and kept.
    pub(crate) fn cache(&self) -> Result<&dyn Cache, Vec<Diagnostic>> {
        let store = self.store()?;
        Ok(self.remote()?.map_or(store as &dyn Cache, |cache| cache))
    }

    /// Waits for uploads as long as that is allowed, and says what was exchanged.
    pub(crate) fn end_remote(&self) {
        if let Some(Some(cache)) = self.remote.get() {
            remote::end(self, cache);
        }
    }

    /// What targets were made of when they were last built.
    pub(crate) fn accounts(&self) -> Accounts {
        Accounts::of(&self.cache_dir, &self.root)
    }

    /// Counts what made files of steps.
    pub(crate) fn count_generated(&self, execution: &Execution) {
        self.generated.lock().unwrap_or_else(PoisonError::into_inner).add(execution);
    }

    /// What it took to make the files of steps, to go on with.
    pub(crate) fn take_generated(&self) -> Report {
        std::mem::take(&mut *self.generated.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the store noticed and mended, and what the sandbox cannot do, if they were used.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        let warnings = self.store.get().map(Store::take_warnings).unwrap_or_default();
        let sandbox = self.sandbox.probed().and_then(explain::sandbox);
        let kept = self.sandbox.kept();
        let kept = kept.iter().map(|folder| {
            let message = format!("the folder of a program is kept in `{}`", shown(folder, &self.root));
            Diagnostic::warning("sandbox::kept", message).help(Some("`run.sh` in it runs the program again"))
        });
        let remote = self.remote.get().and_then(Option::as_ref).map(|cache| cache.client().take_notices());
        let naming = self.naming.get().map(Naming::take_notices);
        let remote = naming.into_iter().chain(remote).flatten().map(explain::remote);
        let remote: Vec<Diagnostic> = remote.collect();
        warnings.iter().map(explain::store_warning).chain(sandbox).chain(kept).chain(remote).collect()
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

    /// Writes down what of the cache was used, looks at a few blobs where something was built, and, once an hour, keeps
    /// the cache within its budget. What fails of this is for the next run to do.
    pub(crate) fn tend_cache(&self) {
        let Some(store) = self.store.get() else { return };
        if self.ran.get().is_some() && !self.cancel.is_cancelled() {
            let _: Result<u64, StoreError> = store.sample(SAMPLING);
        }
        let tended = store.note_uses().and_then(|()| {
            if !store.is_due(self.began)? {
                return Ok(None);
            }
            self.budget().map_or(Ok(None), |budget| store.collect(budget, self.began, TENDING).map(Some))
        });
        if let Ok(Some(collected)) = tended
            && collected.bytes > 0
            && !self.console.quiet
        {
            let freed = engine::size::show(collected.bytes);
            self.console.message(&format!("cache: {freed} that was used least lately is removed"));
        }
    }

    /// What one text of the command line chooses; a file is its own node.
    pub(crate) fn select_files(
        &self,
        graph: &TargetGraph,
        text: &String,
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        match Pattern::parse(&self.named(text), |path| self.root.join(path).is_file()) {
            Ok(Pattern::File(path)) if !graph.file_nodes(&path).is_empty() => Ok(graph.file_nodes(&path)),
            _ => self.select(graph, std::slice::from_ref(text), &[]),
        }
    }

    /// A text of the command line, where it is the path of a file as editors and shells give it: absolute, or relative to
    /// the folder of the process. Paths relative to the root go first, unless they begin with a dot.
    pub(crate) fn named<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let is_dotted = text.starts_with("./") || text.starts_with("../");
        let is_of_root = || !is_dotted && !text.starts_with('/') && self.root.join(text).is_file();
        if text.starts_with("//") || text.contains(':') || is_of_root() {
            return Cow::Borrowed(text);
        }
        let mut path = PathBuf::new();
        for part in self.environment.folder.join(text).components() {
            match part {
                Component::ParentDir => {
                    path.pop();
                }
                part => path.push(part),
            }
        }
        let below = path.strip_prefix(&self.root).ok().filter(|_| path.is_file());
        below.and_then(Path::to_str).map_or(Cow::Borrowed(text), |below| Cow::Owned(below.to_owned()))
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
            let parsed = texts.iter().filter_map(|text| match Pattern::parse(&self.named(text), is_file) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    let is_path = error.reason == LabelReason::NoName && !text.contains(':');
                    errors.push(if is_path { no_file(text) } else { explain::label(&error) });
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

    /// Who brings files.
    pub(crate) fn downloads(&self) -> Result<Downloads<'s>, Vec<Diagnostic>> {
        let repos = &self.config.repos;
        let ca_certs = repos.ca_certs.as_ref().map(|path| self.environment.path(path, &self.root));
        let declared = Declarations {
            indexes: repos.indexes.clone(),
            ca_certs: ca_certs.map(|path| (path, "`[python-repos] ca_certs`".to_owned())),
            keyring: repos.keyring,
        };
        Ok(Downloads {
            environment: self.environment,
            root: self.root.clone(),
            cache_dir: self.cache_dir.clone(),
            declared,
            offline: self.offline,
            cancel: self.cancel,
            store: self.store()?.clone(),
            client: OnceLock::new(),
            registry: OnceLock::new(),
        })
    }

    /// The folder that goals write to.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }
}

/// The error that what looks like the path of a file is none.
fn no_file(text: &str) -> Diagnostic {
    let message = format!("there is no file `{text}`");
    let help =
        "paths are relative to this folder or to the root of the repository; targets are `//directory:name`";
    Diagnostic::error(Exit::Wrong, "graph::no_file", message).help(Some(help))
}

pub(crate) fn failed(error: StoreError) -> Vec<Diagnostic> {
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
