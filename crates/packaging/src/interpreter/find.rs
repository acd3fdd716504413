//! Looks for interpreters where the configuration says, and probes no more of them than it has to.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Interpreter;
use super::probe::{NoPython, probe};
use crate::constraints::InterpreterConstraints;
use crate::python::{Implementation, Minor, Wanted};

/// Stands for the folders of the variable `PATH`.
const PATH: &str = "<PATH>";
/// Stands for the versions that pyenv has installed.
const PYENV: &str = "<PYENV>";

/// How long an interpreter may think; what is a script that waits for something is no interpreter.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where interpreters are looked for.
#[derive(Debug, Clone, Default)]
pub struct SearchPaths {
    /// Folders, executables, `<PATH>` and `<PYENV>`, in order; relative ones start at the root of the repository.
    pub entries: Vec<PathBuf>,
    /// The folders of `PATH`, absolute, in order.
    pub path: Vec<PathBuf>,
    /// The folder of pyenv, if there is one.
    pub pyenv: Option<PathBuf>,
}

/// Remembers answers of interpreters between runs.
pub trait Memo {
    /// What was put under a key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// Keeps a value. It is no error to forget it.
    fn put(&self, key: &[u8], value: &[u8]);
}

/// An executable that may be an interpreter.
#[derive(Debug, Clone)]
struct Candidate {
    path: PathBuf,
    /// The minor version that its name claims.
    claims: Option<Minor>,
    /// Whether a shell finds it too, so that a program that looks for its Python does.
    at_hand: bool,
}

/// Finds interpreters.
pub struct Finder<'m> {
    candidates: Vec<Candidate>,
    /// Where candidates were looked for.
    places: Vec<PathBuf>,
    memo: &'m dyn Memo,
    pub(super) patience: Duration,
}

impl<'m> Finder<'m> {
    /// Looks what there is, without running anything.
    #[must_use]
    pub fn new(search: &SearchPaths, memo: &'m dyn Memo) -> Finder<'m> {
        let mut paths = Vec::new();
        let mut hidden = Vec::new();
        let mut places = search.entries.clone();
        places.extend_from_slice(&search.path);
        places.extend(search.pyenv.iter().flat_map(|pyenv| [pyenv.join("versions"), pyenv.join("version")]));
        for entry in &search.entries {
            match entry.to_str() {
                Some(PATH) => {
                    // pyenv's shims are scripts that start one of the versions below; these are looked at themselves.
                    let shims = search.pyenv.as_ref().map(|pyenv| pyenv.join("shims"));
                    for folder in search.path.iter().filter(|folder| Some(*folder) != shims.as_ref()) {
                        paths.extend(executables(folder, &mut places));
                    }
                }
                Some(PYENV) => {
                    let Some(pyenv) = search.pyenv.as_deref() else { continue };
                    let versions = pyenv_versions(pyenv);
                    places.extend_from_slice(&versions);
                    let (active, others) = active_first(pyenv, versions);
                    paths.extend(active);
                    hidden.extend(others);
                }
                _ if entry.is_dir() => paths.extend(executables(entry, &mut places)),
                _ => paths.push(entry.clone()),
            }
        }
        let mut seen = BTreeSet::new();
        let found =
            paths.into_iter().map(|path| (path, true)).chain(hidden.into_iter().map(|path| (path, false)));
        let candidates = found
            .filter_map(|(path, at_hand)| {
                let real = path.canonicalize().ok()?;
                let claims = claims(&real).or_else(|| claims(&path));
                seen.insert(real).then_some(Candidate { path, claims, at_hand })
            })
            .collect();
        Finder { candidates, places, memo, patience: PATIENCE }
    }

    /// All paths that a change of could lead to other interpreters.
    #[must_use]
    pub fn inputs(&self) -> Vec<PathBuf> {
        let found = self.candidates.iter().flat_map(|candidate| {
            let environment = candidate.path.ancestors().nth(2).map(|folder| folder.join("pyvenv.cfg"));
            environment.into_iter().chain([candidate.path.clone()])
        });
        self.places.iter().cloned().chain(found).collect()
    }

    /// The first interpreter that is what is wanted.
    #[must_use]
    pub fn find(&self, wanted: Wanted) -> Option<Interpreter> {
        let by_name = self.candidates.iter().filter(|candidate| candidate.claims == Some(wanted.minor));
        let nameless = self.candidates.iter().filter(|candidate| candidate.claims.is_none());
        by_name.chain(nameless).filter_map(|one| self.probe(one)).find(|interpreter| interpreter.is(wanted))
    }

    /// The newest interpreter that all constraints accept: of those that a shell finds too, or else of all. The
    /// ordinary build goes before the free-threaded one.
    #[must_use]
    pub fn newest(&self, constraints: &[&InterpreterConstraints]) -> Option<Interpreter> {
        [true, false].into_iter().find_map(|at_hand| {
            let candidates = self.candidates.iter().filter(|candidate| candidate.at_hand == at_hand);
            self.newest_of(&candidates.collect::<Vec<_>>(), constraints)
        })
    }

    fn newest_of(
        &self,
        candidates: &[&Candidate],
        constraints: &[&InterpreterConstraints],
    ) -> Option<Interpreter> {
        let mut minors: Vec<Minor> = candidates.iter().filter_map(|candidate| candidate.claims).collect();
        minors.sort_unstable();
        minors.dedup();
        let fits = |found: &Interpreter| {
            let accepts = |one: &&InterpreterConstraints| {
                one.accepts(&found.implementation, found.abi.free_threaded, &found.version)
            };
            found.implementation == Implementation::CPython
                && found.minor().is_supported()
                && constraints.iter().all(accepts)
        };
        let rank = |one: &Interpreter| (!one.abi.free_threaded, one.version.clone());
        let best = |claims: Option<Minor>| {
            let named = candidates.iter().filter(move |candidate| candidate.claims == claims);
            named.filter_map(|candidate| self.probe(candidate)).filter(fits).max_by_key(rank)
        };
        let accept = |minor: &Minor| constraints.iter().all(|one| one.accepts_minor(*minor));
        let named = minors.into_iter().rev().filter(accept);
        let named = named.map(Some).find_map(best);
        named.into_iter().chain(best(None)).max_by_key(rank)
    }

    /// All interpreters, by version.
    #[must_use]
    pub fn all(&self) -> Vec<Interpreter> {
        self.survey().0
    }

    /// All interpreters, by version, and the executables that are named like one and do not answer as one.
    #[must_use]
    pub fn survey(&self) -> (Vec<Interpreter>, Vec<PathBuf>) {
        let (mut all, mut others) = (Vec::new(), Vec::new());
        for candidate in &self.candidates {
            match self.probe(candidate) {
                Some(interpreter) => all.push(interpreter),
                None => others.push(candidate.path.clone()),
            }
        }
        all.sort_by(|a, b| (&a.version, &a.path).cmp(&(&b.version, &b.path)));
        (all, others)
    }

    /// What an executable is, from an earlier answer as long as it is the same file.
    /// That it is none is remembered as well, if it is sure to stay so.
    fn probe(&self, candidate: &Candidate) -> Option<Interpreter> {
        let key = key(&candidate.path);
        let known = key.as_ref().and_then(|key| self.memo.get(key));
        if let Some(answer) = known.and_then(|known| serde_json::from_slice(&known).ok()) {
            return answer;
        }
        let answer = probe(&candidate.path, self.patience);
        if let (Some(key), true) = (key, answer != Err(NoPython::Passing))
            && let Ok(value) = serde_json::to_vec(&answer.as_ref().ok())
        {
            self.memo.put(&key, &value);
        }
        answer.ok()
    }
}

/// What an answer depends on: the file itself, and whether it stands in a virtual environment.
fn key(path: &Path) -> Option<Vec<u8>> {
    let environment = path.parent()?.parent()?.join("pyvenv.cfg");
    let environment = fs::metadata(environment).map_or(0, |found| found.mtime());
    Some(format!("2 {} {environment}", program_state(path)?).into_bytes())
}

/// What shows that a program is still the same file, without reading it; none if there is none.
#[must_use]
pub fn program_state(path: &Path) -> Option<String> {
    let real = path.canonicalize().ok()?;
    let found = fs::metadata(&real).ok()?;
    let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
    Some(format!("{path:?} {real:?} {} {times:?}", found.size()))
}

/// The executables of a folder that are named like interpreters. All that is named so is a place that may come to have
/// one.
fn executables(folder: &Path, places: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_named(path)).collect();
    places.extend_from_slice(&found);
    found.retain(|path| is_executable(path));
    found.sort();
    found
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Whether a file is called `python`, `python3`, `python3.11`, `python3.13t` or `pypy3`.
pub(super) fn is_named(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| {
        let rest = rest.strip_suffix('t').unwrap_or(rest);
        rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// Where the interpreters of pyenv's versions are, or will be when their installation is done; the newest first.
fn pyenv_versions(pyenv: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(pyenv.join("versions")) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path().join("bin/python"))).collect();
    found.sort_by_key(|path| std::cmp::Reverse((claims(path), path.clone())));
    found
}

/// Those interpreters of pyenv that are there: the ones that its shims start apart from the others.
fn active_first(pyenv: &Path, mut found: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    found.retain(|path| path.exists());
    let active = fs::read_to_string(pyenv.join("version")).unwrap_or_default();
    let is_active = |path: &PathBuf| {
        let version =
            path.parent().and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
        version.is_some_and(|version| active.split_whitespace().any(|one| one == version))
    };
    found.into_iter().partition(is_active)
}

/// The minor version that a path claims, by its name (`python3.11`) or that of its installation (`3.11.7/bin/python`).
pub(super) fn claims(path: &Path) -> Option<Minor> {
    let minor = |text: &str| {
        let mut parts = text.strip_suffix('t').unwrap_or(text).split('.');
        Some(Minor::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let name = path.file_name()?.to_str()?;
    let by_name = name.strip_prefix("python").and_then(minor);
    by_name.or_else(|| path.parent()?.parent()?.file_name()?.to_str().and_then(minor))
}
