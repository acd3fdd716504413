//! The interpreters of this machine, as the rules ask for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use packaging::constraints::InterpreterConstraints;
use packaging::interpreter::{Finder, Interpreter, Memo, SearchPaths};
use packaging::platform::{Machine, Platform};
use packaging::python::Wanted;
use packaging::target::Target as Configuration;
use python::configuration::Interpreters;
use store::Store;

use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
use crate::session::Session;

/// The memo table of what interpreters said they are.
const TABLE: &str = "interpreter";

/// Remembers in the store. A store that cannot be read or written only makes the question come again.
pub(crate) struct StoreMemo(Store);

impl Memo for StoreMemo {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.memo(TABLE, key).ok().flatten()
    }

    fn put(&self, key: &[u8], value: &[u8]) {
        let _: Result<(), _> = self.0.put_memo(TABLE, key, value);
    }
}

/// The interpreters that the configuration's search paths lead to, looked for at the first question.
pub(crate) struct MachineInterpreters<'m> {
    search: SearchPaths,
    memo: &'m StoreMemo,
    finder: OnceCell<Finder<'m>>,
    found: RefCell<BTreeMap<Wanted, Option<Interpreter>>>,
    /// Whether the newest interpreter was chosen because nothing else says which.
    chose_newest: Cell<Option<Wanted>>,
}

/// The memo of a session's interpreters.
pub(crate) fn memo(session: &Session<'_>) -> Result<StoreMemo, Vec<Diagnostic>> {
    Ok(StoreMemo(session.store()?.clone()))
}

impl<'m> MachineInterpreters<'m> {
    pub(crate) fn new(session: &Session<'_>, memo: &'m StoreMemo) -> MachineInterpreters<'m> {
        let search =
            search_paths(session.environment, &session.root, &session.config.interpreter_search_paths);
        let (finder, found, chose_newest) = (OnceCell::new(), RefCell::default(), Cell::default());
        MachineInterpreters { search, memo, finder, found, chose_newest }
    }

    /// All paths that a change of could lead to other interpreters; none if nobody asked for one.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        self.finder.get().map(Finder::inputs).unwrap_or_default()
    }

    /// What has to be said of the choices made.
    pub(crate) fn take_notes(&self) -> Vec<Diagnostic> {
        let note = |chosen: Wanted| {
            let message = format!("built for Python {chosen}, the newest here, since nothing says for which");
            let help = format!(
                "set `interpreters = [\"{chosen}\"]` in `[python]`, so that all machines build the same"
            );
            Diagnostic::warning("python::newest_interpreter", message).help(Some(help))
        };
        self.chose_newest.take().into_iter().map(note).collect()
    }

    /// The interpreter of this machine that something runs on which is built for these, if there is one.
    pub(crate) fn runs(&self, built_for: &[Configuration]) -> Option<Interpreter> {
        let here = Platform::current(&Machine::detect()).ok()?;
        let suitable = built_for.iter().filter(|one| one.platform.runs_on(here));
        let interpreter = |one: &Configuration| {
            let free_threaded = one.abi.free_threaded;
            self.find(Wanted { minor: one.minor(), micro: one.micro, free_threaded })
        };
        suitable.filter_map(interpreter).next()
    }

    /// Whether a program that looks for the interpreter on `PATH` finds it.
    pub(crate) fn is_at_hand(&self, interpreter: &Interpreter) -> bool {
        let name = format!("python{}", interpreter.minor());
        let first = self.search.path.iter().map(|folder| folder.join(&name)).find(|file| file.is_file());
        let real = |path: &Path| path.canonicalize().ok();
        first.is_some_and(|first| real(&first) == real(&interpreter.path))
    }

    fn finder(&self) -> &Finder<'m> {
        self.finder.get_or_init(|| Finder::new(&self.search, self.memo))
    }
}

/// Where the entries of the configuration lead to. What is relative in variables starts at the folder of the process.
pub(crate) fn search_paths(environment: &Environment, root: &Path, entries: &[String]) -> SearchPaths {
    let here = |path: PathBuf| environment.folder.join(path);
    let placeholder = |entry: &str| entry.starts_with('<').then(|| PathBuf::from(entry));
    let entries =
        entries.iter().map(|entry| placeholder(entry).unwrap_or_else(|| environment.path(entry, root)));
    let pyenv = environment.get("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| environment.home().map(|home| home.join(".pyenv"))).map(here);
    let path = environment.get("PATH").map(std::env::split_paths).into_iter().flatten().map(here);
    SearchPaths { entries: entries.collect(), path: path.collect(), pyenv }
}

impl Interpreters for MachineInterpreters<'_> {
    fn find(&self, wanted: Wanted) -> Option<Interpreter> {
        let mut found = self.found.borrow_mut();
        found.entry(wanted).or_insert_with(|| self.finder().find(wanted)).clone()
    }

    fn newest(&self, constraints: &[&InterpreterConstraints]) -> Option<Interpreter> {
        let newest = self.finder().newest(constraints)?;
        let free_threaded = newest.abi.free_threaded;
        self.chose_newest.set(Some(Wanted { free_threaded, ..Wanted::minor(newest.minor()) }));
        Some(newest)
    }

    fn all(&self) -> Vec<Interpreter> {
        self.finder().all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_relative_starts_at_the_folder_of_the_process() {
        let variables = [("PATH", "bin:/usr/bin:../tools::"), ("PYENV_ROOT", "pyenv"), ("HOME", "/users/me")];
        let environment = Environment {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            folder: PathBuf::from("/repository/sub"),
            program: PathBuf::new(),
        };
        let entries = ["<PATH>", "pythons", "~/pythons"].map(str::to_owned);
        let found = search_paths(&environment, Path::new("/repository"), &entries);
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(found.entries, paths(&["<PATH>", "/repository/pythons", "/users/me/pythons"]));
        let path = [
            "/repository/sub/bin",
            "/usr/bin",
            "/repository/sub/../tools",
            "/repository/sub",
            "/repository/sub",
        ];
        assert_eq!(found.path, paths(&path));
        assert_eq!(found.pyenv, Some(PathBuf::from("/repository/sub/pyenv")));
    }
}
