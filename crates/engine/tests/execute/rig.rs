//! An executor over a cache in a folder of its own, with a tiny language of functions and files served from memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::{
    ActionGraph, ActionId, Call, CallError, Cancel, Download, Event, Execution, Executor, Failure, Fault,
    Fetch, Finish, Function, Functions, Input, Level, Literal, LocalRunner, Origin, Sandbox, Sources, Tool,
    Tools, Verb, Watch, execute,
};
use store::{Digest, DigestFunction, Entry, Store, StoreError, Tree};

/// What an execution stands on.
pub(crate) struct Rig {
    /// Removed with the rig.
    _dir: Option<tempfile::TempDir>,
    cache: PathBuf,
    pub(crate) store: Store,
    pub(crate) served: BTreeMap<String, Vec<u8>>,
    pub(crate) fetched: AtomicUsize,
    pub(crate) fetch_pause: Duration,
    /// How many downloads go on, and how many ever did.
    pub(crate) fetching: (AtomicUsize, AtomicUsize),
    pub(crate) sources: Mutex<BTreeMap<Digest, Vec<u8>>>,
    pub(crate) functions: Functions,
    pub(crate) shell: &'static str,
    pub(crate) level: Level,
    pub(crate) jobs: usize,
    pub(crate) downloads: Option<usize>,
    pub(crate) memory: Option<u64>,
    pub(crate) cancel: Cancel,
    pub(crate) settled: Mutex<BTreeMap<ActionId, Finish>>,
    /// Called when an action starts.
    pub(crate) on_start: Option<fn(&Rig, &str)>,
}

impl Rig {
    pub(crate) fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        Rig { _dir: Some(dir), ..Rig::at(&cache) }
    }

    /// On a cache that stays.
    pub(crate) fn at(cache: &Path) -> Rig {
        let mut functions = Functions::default();
        functions.register("upper", 1, upper);
        functions.register("length", 1, length);
        functions.register("fail", 1, |_| Err(CallError::Failed(Box::new(Refused))));
        functions.register("panic", 1, |_| panic!("as asked"));
        functions.register("rest", 1, rest);
        Rig {
            _dir: None,
            cache: cache.to_owned(),
            store: Rig::open(cache),
            served: BTreeMap::new(),
            fetched: AtomicUsize::new(0),
            fetch_pause: Duration::ZERO,
            fetching: Default::default(),
            sources: Mutex::default(),
            functions,
            shell: "sh 1",
            level: Level::Off,
            jobs: 2,
            downloads: None,
            memory: None,
            cancel: Cancel::new(),
            settled: Mutex::default(),
            on_start: None,
        }
    }

    fn open(cache: &Path) -> Store {
        Store::open(cache, DigestFunction::Blake3).unwrap()
    }

    /// Registers another version of a function.
    pub(crate) fn with_function(mut self, name: &'static str, version: u32, function: Function) -> Rig {
        self.functions.register(name, version, function);
        self
    }

    /// The cache as another process would find it.
    pub(crate) fn reopen(&mut self) {
        self.store = Rig::open(&self.cache);
    }

    pub(crate) fn go(&self, graph: &ActionGraph, roots: &[ActionId]) -> Execution {
        let sandbox = Sandbox::new(self.level, "");
        let executor = Executor {
            store: &self.store,
            cache: &self.store,
            fetch: self,
            runner: &LocalRunner::new(&sandbox),
            tools: self,
            functions: &self.functions,
            sources: self,
            watch: self,
            jobs: self.jobs,
            downloads: self.downloads,
            memory: self.memory,
            force: false,
            cancel: &self.cancel,
        };
        execute(graph, roots, &executor)
    }

    /// Builds one root, which must succeed.
    pub(crate) fn build(&self, graph: &ActionGraph, root: ActionId) -> (Tree, Execution) {
        let execution = self.go(graph, &[root]);
        assert!(execution.failures.is_empty(), "{:?}", execution.failures);
        let tree = self.store.tree(&execution.trees[&root]).unwrap();
        (tree, execution)
    }

    /// A tree with these files in the cache.
    pub(crate) fn tree(&self, files: &[(&str, &[u8])]) -> Input {
        let mut tree = Tree::new();
        for (path, content) in files {
            tree.add_file(path, self.store.put(content).unwrap(), false).unwrap();
        }
        Input::Tree(self.store.put_tree(&tree).unwrap())
    }

    /// The content of a file of a tree.
    pub(crate) fn read(&self, tree: &Tree, path: &str) -> Vec<u8> {
        let Some(Entry::File { digest, .. }) = tree.get(path) else { panic!("no file `{path}` in {tree:?}") };
        self.store.read(digest).unwrap()
    }

    /// The file that holds a large blob.
    pub(crate) fn blob(&self, content: &[u8]) -> PathBuf {
        let hex = self.store.digest(content).hex();
        self.cache.join("v1/blake3/blobs").join(&hex[..2]).join(&hex[2..])
    }

    /// What is in the folder for temporary files.
    pub(crate) fn temporary(&self) -> usize {
        std::fs::read_dir(self.cache.join("v1/blake3/tmp")).map_or(0, Iterator::count)
    }
}

/// Bytes that are too many for the database, and so a file in the cache.
pub(crate) fn large(seed: u32) -> Vec<u8> {
    (0..50_000u32).map(|at| ((at.wrapping_mul(at ^ seed) >> 8) ^ seed) as u8).collect()
}

pub(crate) fn file(path: &str, content: &[u8]) -> (String, Literal) {
    (path.to_owned(), Literal::File { content: content.to_vec(), executable: false })
}

pub(crate) fn write(path: &str, content: &[u8]) -> Verb {
    Verb::Write(vec![file(path, content)])
}

pub(crate) fn fetch(name: &str) -> Verb {
    let origin = Origin { source: "default".to_owned(), project: name.to_owned() };
    Verb::Fetch(Download { name: name.to_owned(), sha256: [7; 32], size: None, origin })
}

pub(crate) fn apply(function: &'static str, arguments: &[u8]) -> Verb {
    Verb::Apply { function, arguments: arguments.to_vec() }
}

pub(crate) fn counts(counts: &[(&'static str, u64)]) -> BTreeMap<&'static str, u64> {
    counts.iter().copied().collect()
}

/// The files of an input, with their content.
fn contents(call: &Call<'_>) -> Result<Vec<(String, Vec<u8>)>, CallError> {
    let mut files = Vec::new();
    for input in call.inputs {
        for (path, entry) in call.store.tree(input)?.walk() {
            if let Entry::File { digest, .. } = entry {
                files.push((path, call.store.read(digest)?));
            }
        }
    }
    Ok(files)
}

fn yield_files(store: &Store, files: &[(String, Vec<u8>)]) -> Result<Digest, CallError> {
    let mut tree = Tree::new();
    for (path, content) in files {
        tree.add_file(path, store.put(content)?, false).unwrap();
    }
    Ok(store.put_tree(&tree)?)
}

/// All files in capitals, the argument after each.
fn upper(call: &Call<'_>) -> Result<Digest, CallError> {
    let files = contents(call)?.into_iter();
    let upper = files.map(|(path, content)| (path, [&content.to_ascii_uppercase(), call.arguments].concat()));
    yield_files(call.store, &upper.collect::<Vec<_>>())
}

/// The number of bytes alone: many inputs have the same one.
fn length(call: &Call<'_>) -> Result<Digest, CallError> {
    let sum: usize = contents(call)?.iter().map(|(_, content)| content.len()).sum();
    yield_files(call.store, &[("length".to_owned(), sum.to_string().into_bytes())])
}

/// Takes as many milliseconds as its argument says.
fn rest(call: &Call<'_>) -> Result<Digest, CallError> {
    let millis: u64 = String::from_utf8_lossy(call.arguments).parse().unwrap();
    std::thread::sleep(Duration::from_millis(millis));
    yield_files(call.store, &[])
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

impl Failure for Refused {
    fn code(&self) -> &'static str {
        "test::refused"
    }

    fn fault(&self) -> Fault {
        Fault::Request
    }
}

impl Fetch for Rig {
    fn fetch(
        &self,
        download: &Download,
        store: &Store,
        _cancel: &Cancel,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<Digest, Box<dyn Failure>> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let now = self.fetching.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.fetching.1.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(self.fetch_pause);
        self.fetching.0.fetch_sub(1, Ordering::SeqCst);
        let content = self.served.get(&download.name).ok_or(Box::new(Refused) as Box<dyn Failure>)?;
        progress(content.len() as u64, None);
        Ok(store.put(content).unwrap())
    }
}

impl Tools for Rig {
    fn tool(&self, symbol: &str) -> Result<Tool, Box<dyn Failure>> {
        match symbol {
            "sh" => Ok(Tool { path: "/bin/sh".into(), identity: self.shell.to_owned(), needs: Vec::new() }),
            _ => Err(Box::new(Refused)),
        }
    }
}

impl Sources for Rig {
    fn restore(&self, digest: &Digest) -> Result<bool, StoreError> {
        match self.sources.lock().unwrap().get(digest) {
            Some(content) => Ok(self.store.put(content)? == *digest),
            None => Ok(false),
        }
    }

    fn path_of(&self, digest: &Digest) -> Option<PathBuf> {
        self.sources.lock().unwrap().contains_key(digest).then(|| "source".into())
    }
}

impl Watch for Rig {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Started { description, .. } => {
                if let Some(call) = self.on_start {
                    call(self, description);
                }
            }
            Event::Finished { id, how, .. } => {
                self.settled.lock().unwrap().insert(id, how);
            }
            Event::Planned { .. } | Event::Progress { .. } => {}
        }
    }
}
