//! What the process was given by its surroundings. The only file that reads environment variables and the folder
//! that the process runs in.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The surroundings as data.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// All variables whose names and values are UTF-8.
    pub(crate) variables: BTreeMap<String, String>,
    /// The folder that the process runs in.
    pub(crate) folder: PathBuf,
    /// The executable of this process.
    pub(crate) program: PathBuf,
}

impl Environment {
    /// Reads them.
    pub(crate) fn read() -> Environment {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Environment {
            variables,
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: std::env::current_exe().unwrap_or_default(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The default place of the cache.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let absolute = |path: &&str| path.starts_with('/');
        match self.get("XDG_CACHE_HOME").filter(absolute) {
            Some(cache) => Some(PathBuf::from(cache).join("pants")),
            None => self.home().map(|home| home.join(".cache/pants")),
        }
    }

    /// The home folder of the user.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// A path of the configuration or the command line: `~` is the home folder, what is relative starts at `base`.
    pub(crate) fn path(&self, text: &str, base: &std::path::Path) -> PathBuf {
        match (text.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(text),
        }
    }
}
