//! Turns the errors of the libraries into diagnostics: the one place that knows them all and adds exit codes.

use std::collections::BTreeSet;

use engine::{ActionError, ActionFailure, ActionId, Fault};
use graph::{GraphError, LabelError, Place, Target};
use loader::LoadError;
use packaging::index::{FetchError, IndexError};
use packaging::locking;
use packaging::unsaid::UnsaidError;
use python::infer::{Behaviour, Finding, InferSettings, Unread};
use python::{Artifact, RuleError};
use store::{StatError, StoreError};

use crate::diagnostic::{Diagnostic, Exit};

pub(crate) fn load(error: &LoadError) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(Exit::Wrong, error.code(), &error.problem)
        .at(error.place().cloned())
        .help(error.help());
    diagnostic.notes = placed(&error.notes);
    diagnostic
}

pub(crate) fn load_warning(error: &LoadError) -> Diagnostic {
    Diagnostic { severity: crate::diagnostic::Severity::Warning, ..load(error) }
}

pub(crate) fn graph(error: &GraphError) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(Exit::Wrong, error.code(), error).at(error.place().cloned()).help(error.help());
    diagnostic.notes = placed(&error.notes());
    diagnostic
}

fn placed(notes: &[(Place, String)]) -> Vec<(String, Option<Place>)> {
    notes.iter().map(|(place, note)| (note.clone(), Some(place.clone()))).collect()
}

pub(crate) fn label(error: &LabelError) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, error.code(), error).help(error.help())
}

pub(crate) fn rule(error: &RuleError) -> Diagnostic {
    if let RuleError::Store(error) = error {
        return store(error);
    }
    let exit = if error.is_environment() { Exit::Environment } else { Exit::Wrong };
    let diagnostic =
        Diagnostic::error(exit, error.code(), error).at(error.place().cloned()).help(error.help());
    Diagnostic { notes: error.notes(), ..diagnostic }
}

/// Imports of a module that lead nowhere.
pub(crate) fn finding(finding: &Finding, settings: &InferSettings) -> Diagnostic {
    let diagnostic = found(finding, settings, finding.message())
        .at(finding.imports.first().map(|import| import.place.clone()))
        .help(Some(finding.help()));
    finding.notes().into_iter().fold(diagnostic, Diagnostic::note)
}

/// More of them, by the names of their modules alone.
pub(crate) fn more_findings(more: &[Finding], settings: &InferSettings) -> Vec<Diagnostic> {
    let (nobody, several): (Vec<&Finding>, Vec<&Finding>) =
        more.iter().partition(|finding| finding.is_unowned());
    let told = [(nobody, "no target provides"), (several, "several targets provide")];
    let told = told.into_iter().filter_map(|(findings, text)| {
        let modules: Vec<String> = findings.iter().map(|finding| format!("`{}`", finding.module)).collect();
        let noun = if modules.len() == 1 { "module" } else { "modules" };
        let message = format!("{text} {} more {noun}: {}", modules.len(), modules.join(", "));
        Some(found(findings.first()?, settings, message))
    });
    told.collect()
}

fn found(finding: &Finding, settings: &InferSettings, message: String) -> Diagnostic {
    if settings.behaviour(finding) == Behaviour::Error {
        Diagnostic::error(Exit::Wrong, finding.code(), message)
    } else {
        Diagnostic::warning(finding.code(), message)
    }
}

/// A file whose imports are not known.
pub(crate) fn unread(unread: &Unread) -> Diagnostic {
    let message = format!("cannot read the imports of `{}`: {}", unread.path, unread.reason);
    Diagnostic::warning("python::unread_imports", message)
}

/// What programs do without, since this machine lacks the interpreter: told once for each.
pub(crate) fn lacking(artifacts: &[Artifact]) -> Vec<Diagnostic> {
    let lacking: BTreeSet<_> =
        artifacts.iter().flat_map(|artifact| artifact.lacking.iter().copied()).collect();
    let told = |wanted: packaging::python::Wanted| {
        let message = format!(
            "built without compiled modules for Python {wanted}, which is not on this machine: first starts are slower"
        );
        let help = "machines with it build other bytes; set `pyc = False` where all have to build the same";
        Diagnostic::warning("python::no_compiled_modules", message).help(Some(help.to_owned()))
    };
    lacking.into_iter().map(told).collect()
}

/// What artifacts lack on some releases of their Pythons.
pub(crate) fn left_out(artifacts: &[Artifact]) -> Vec<Diagnostic> {
    let all = artifacts.iter().flat_map(|artifact| &artifact.left_out);
    all.map(|one| Diagnostic::warning(one.code(), one).help(one.help())).collect()
}

pub(crate) fn store(error: &StoreError) -> Diagnostic {
    Diagnostic::error(Exit::Environment, error.code(), error).help(error.help()).causes(error)
}

pub(crate) fn store_warning(warning: &store::Warning) -> Diagnostic {
    Diagnostic::warning(warning.code(), warning)
}

/// What made a build slower that uses the cache of a server.
pub(crate) fn remote(notice: remote::Notice) -> Diagnostic {
    Diagnostic::warning(notice.code, notice.message).help(notice.help)
}

/// What processes ran in that were not kept apart as they were to be.
pub(crate) fn sandbox(found: &engine::Found) -> Option<Diagnostic> {
    let level = found.level;
    if found.lacking.is_empty() && level != engine::Level::Off {
        return None;
    }
    let message = match level {
        engine::Level::Off => {
            "programs ran without a sandbox: nobody noticed what they used and did not declare".to_owned()
        }
        level => format!("programs ran in a weaker sandbox: `{level}`"),
    };
    let told = Diagnostic::warning("sandbox::level", message);
    let told = found.lacking.iter().fold(told, |told, (lacking, reason)| {
        told.note(format!("this machine does not have `{lacking}`: {reason}"))
    });
    let help = format!("`[sandbox] level = \"{level}\"` in `pants.toml` says that this is enough");
    Some(told.help((level != engine::Level::Off).then_some(help)))
}

/// A source file that cannot be read, and the target that has it.
pub(crate) fn source(error: &StatError, owner: Option<&Target>) -> Diagnostic {
    let exit = if matches!(error, StatError::Store { .. }) { Exit::Environment } else { Exit::Wrong };
    let diagnostic = Diagnostic::error(exit, error.code(), error).help(error.help()).causes(error);
    match owner {
        Some(owner) => {
            diagnostic.note(format!("a source of `{}`", owner.label)).at(Some(owner.place.clone()))
        }
        None => diagnostic,
    }
}

pub(crate) fn index(error: &IndexError) -> Diagnostic {
    Diagnostic::error(packaging_exit(error.fault()), error.code(), error).help(error.help()).causes(error)
}

pub(crate) fn locking(error: &locking::LockError) -> Diagnostic {
    Diagnostic::error(packaging_exit(error.fault()), error.code(), error).help(error.help()).causes(error)
}

/// What could not be found out for a lock; what is not in the cache is one error.
pub(crate) fn unsaid(errors: &[UnsaidError]) -> Vec<Diagnostic> {
    let told = |error: &UnsaidError| {
        Diagnostic::error(packaging_exit(error.fault()), error.code(), error).help(error.help()).causes(error)
    };
    let (offline, others): (Vec<_>, Vec<_>) =
        errors.iter().partition(|error| matches!(error, UnsaidError::Fetch(FetchError::Offline { .. })));
    let mut all: Vec<Diagnostic> = others.into_iter().map(told).collect();
    if let Some(first) = offline.first() {
        let files: Vec<String> = offline
            .iter()
            .filter_map(|error| match error {
                UnsaidError::Fetch(FetchError::Offline { what, .. }) => Some(format!("`{what}`")),
                _ => None,
            })
            .collect();
        let note = "the lock does not say what these need, so that there may be more";
        let message = format!("not in the cache, and the network must not be used: {}", files.join(", "));
        all.push(Diagnostic { message, ..told(first) }.note(note));
    }
    all
}

/// What to say of a name that is none of these: the near one, or else all.
pub(crate) fn near_or_all<'a>(
    wanted: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    all: &str,
) -> String {
    match graph::near(wanted, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{all} {}", names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

fn packaging_exit(fault: packaging::index::Fault) -> Exit {
    match fault {
        packaging::index::Fault::Request => Exit::Wrong,
        packaging::index::Fault::Environment => Exit::Environment,
    }
}

/// Failed actions; those with one cause are told once, with a count. `said` is what the program of an action said that failed.
pub(crate) fn failures(
    failures: &[ActionFailure],
    blame: &dyn Fn(ActionId) -> Option<Place>,
    said: &dyn Fn(&ActionFailure) -> Option<String>,
) -> Vec<Diagnostic> {
    let mut told: Vec<((String, Option<String>), Diagnostic, usize)> = Vec::new();
    let (unreachable, failures): (Vec<&ActionFailure>, Vec<&ActionFailure>) =
        failures.iter().partition(|failure| UNREACHABLE.contains(&failure.error.code()));
    let mut unreachable = files_that_cannot_be_had(&unreachable, blame);
    for failure in failures {
        let cause = (failure.error.to_string(), said(failure));
        match told.iter_mut().find(|(known, _, _)| *known == cause) {
            Some((_, _, count)) => *count += 1,
            None => {
                let diagnostic = failure_of(failure).at(blame(failure.id));
                let diagnostic = match &cause.1 {
                    Some(said) => diagnostic.note(format!("it said:\n{said}")),
                    None => diagnostic,
                };
                told.push((cause, diagnostic, 1));
            }
        }
    }
    let counted = |(_, diagnostic, count): (_, Diagnostic, usize)| match count {
        1 => diagnostic,
        2 => diagnostic.note("another step failed for the same reason"),
        _ => diagnostic.note(format!("{} other steps failed for the same reason", count - 1)),
    };
    unreachable.extend(told.into_iter().map(counted));
    unreachable
}

/// The codes of errors that all downloads have together where there is no network.
const UNREACHABLE: [&str; 2] = ["packaging::fetch_offline", "packaging::fetch_connection"];

/// How many files are named where many cannot be had.
const MOST_NAMED: usize = 10;

/// One error for each cause, however many files it is about.
fn files_that_cannot_be_had(
    failures: &[&ActionFailure],
    blame: &dyn Fn(ActionId) -> Option<Place>,
) -> Vec<Diagnostic> {
    let of = |code: &&str| -> Option<Diagnostic> {
        let all: Vec<_> = failures.iter().filter(|failure| failure.error.code() == *code).collect();
        let first = all.first()?;
        let told = failure_of(first).at(blame(first.id));
        if *code == UNREACHABLE[0] {
            return Some(missing(&all, told));
        }
        if all.len() == 1 {
            return Some(told);
        }
        let file = |failure: &&&ActionFailure| {
            let what = &failure.description;
            format!("`{}`", what.strip_prefix("fetch ").unwrap_or(what))
        };
        let mut files = all.iter().take(MOST_NAMED).map(file).collect::<Vec<_>>().join(", ");
        if all.len() > MOST_NAMED {
            files.push_str(&format!(" and {} more", all.len() - MOST_NAMED));
        }
        let message = format!("cannot get {} files: {files}", all.len());
        let why = told.message.clone();
        Some(Diagnostic { message, notes: Vec::new(), ..told }.note(why))
    };
    UNREACHABLE.iter().filter_map(of).collect()
}

/// All that is not in the cache, each file with its size.
fn missing(all: &[&&ActionFailure], told: Diagnostic) -> Diagnostic {
    let file = |failure: &&&ActionFailure| match &*failure.error {
        ActionError::Fetch(cause) => {
            match (&**cause as &dyn std::error::Error).downcast_ref::<FetchError>() {
                Some(FetchError::Offline { what, size }) => Some((what.clone(), *size)),
                _ => None,
            }
        }
        _ => None,
    };
    let mut files: Vec<(String, Option<u64>)> = all.iter().filter_map(file).collect();
    files.sort();
    let sum = files.iter().map(|(_, size)| *size).sum::<Option<u64>>();
    let sum = sum.map_or_else(String::new, |sum| format!(" ({})", engine::size::show(sum)));
    let (noun, verb) = if files.len() == 1 { ("file", "is") } else { ("files", "are") };
    let message =
        format!("{} {noun}{sum} {verb} not in the cache, and the network must not be used", files.len());
    let note = |(file, size): &(String, Option<u64>)| match size {
        Some(size) => format!("`{file}`, {}", engine::size::show(*size)),
        None => format!("`{file}`"),
    };
    let bare = Diagnostic { message, notes: Vec::new(), ..told };
    files.iter().fold(bare, |told, one| told.note(note(one)))
}

/// Why it cannot be told what an action comes to.
pub(crate) fn unforeseen(error: &ActionError) -> Diagnostic {
    Diagnostic::error(exit_of_fault(error.fault()), error.code(), error).help(error.help())
}

fn exit_of_fault(fault: Fault) -> Exit {
    match fault {
        Fault::Build => Exit::Failed,
        Fault::Request => Exit::Wrong,
        Fault::Environment => Exit::Environment,
        Fault::Bug => Exit::Bug,
    }
}

fn failure_of(failure: &ActionFailure) -> Diagnostic {
    let error = &*failure.error;
    let diagnostic = Diagnostic::error(exit_of_fault(error.fault()), error.code(), error)
        .note(format!("while trying to {}", failure.description));
    let diagnostic = match error {
        ActionError::Fetch(cause) | ActionError::Tool(cause) | ActionError::Function(cause) => {
            diagnostic.causes(&**cause)
        }
        other => diagnostic.causes(other),
    };
    diagnostic.help(error.help())
}
