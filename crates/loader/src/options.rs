//! What the loader is told: where to look and how far to go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::build_names::BuildNames;
use crate::earlier::Earlier;
use crate::sources::is_match;

/// What to load, and within which bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// The root of the repository.
    pub root: PathBuf,
    /// Patterns of paths that are not looked at, as in a `.gitignore` at the root.
    pub ignore: Vec<String>,
    /// The names that BUILD files have, as patterns of which those with `!` in front take away; none for the usual ones.
    pub build_patterns: Option<Vec<String>>,
    /// Patterns of BUILD files that are not read, as in a `.gitignore` at the root.
    pub build_ignore: Vec<String>,
    /// How many threads load; at least one.
    pub jobs: usize,
    /// The bounds of an evaluation.
    pub limits: Limits,
    /// Patterns of the files whose names all BUILD files have, relative to the root.
    pub prelude: Vec<String>,
    /// The variables of the environment, for `env`.
    pub variables: Arc<BTreeMap<String, String>>,
    /// Whether calls of what nobody knows are errors.
    pub strict: bool,
    /// What is done about sources that a BUILD file names and that are not there.
    pub unmatched: Unmatched,
    /// Where files are taken to be other than on the disk.
    pub earlier: Option<Arc<Earlier>>,
}

/// What is done about a pattern of sources that matches nothing, and a file that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It is an error.
    #[default]
    Error,
    /// It is said, and the target has the others.
    Warn,
    /// Nothing.
    Ignore,
}

impl Options {
    /// Loads `root` with all processors and the usual limits.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            root: root.into(),
            ignore: Vec::new(),
            build_patterns: None,
            build_ignore: Vec::new(),
            jobs,
            limits: Limits::default(),
            prelude: Vec::new(),
            variables: Arc::default(),
            strict: false,
            unmatched: Unmatched::default(),
            earlier: None,
        }
    }

    /// Whether a file is a BUILD file that is read, by its path relative to the root.
    pub fn is_build_file(&self, file: &str) -> bool {
        BuildNames::new(self).0.has(file)
    }

    /// Whether a file is one of those whose names all BUILD files have.
    pub fn is_prelude(&self, file: &str) -> bool {
        self.prelude.iter().any(|pattern| is_match(pattern, file))
    }

    /// Whether there is the file, by its path relative to the root.
    pub(crate) fn has(&self, file: &str) -> bool {
        let was = self.earlier.as_ref().and_then(|earlier| earlier.has(file));
        was.unwrap_or_else(|| self.root.join(file).is_file())
    }
}

/// The bounds of the evaluation of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of a file in bytes.
    pub file_size: u64,
    /// How deep its brackets, operators and blocks are nested.
    pub nesting: usize,
    /// Calls and turns of loops.
    pub steps: u64,
    /// Functions that call each other.
    pub calls: usize,
    /// Bytes of memory, where the binary has installed [`crate::CountingAllocator`].
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_size: 1 << 20, nesting: 300, steps: 1_000_000, calls: 100, memory: 256 << 20 }
    }
}
