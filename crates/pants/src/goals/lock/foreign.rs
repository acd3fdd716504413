//! `pants lock` on resolves whose locks other tools write: says which do, writes none, and compares them with what is
//! asked for.

use std::collections::BTreeMap;

use packaging::lock::Form;
use packaging::locking::Asked;
use packaging::requirement::Requirement;
use packaging::select::disagreements;

use super::Arguments;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// What a lock is called that another tool writes, and how it is written.
fn not_ours(name: &str, path: &str, form: Form) -> Diagnostic {
    let message =
        format!("`pants lock` does not write the lock of the resolve `{name}`: `{path}` is {}", form.title());
    let help = format!("{}; or name another file in `[python.resolves]`, for a lock of ours", form.again());
    Diagnostic::error(Exit::Wrong, "lock::foreign", message).help(Some(help))
}

/// Takes the resolves of other tools' locks out of those that are to be locked. With `--check` they are compared with
/// the requirements; else it is an error to name one, or to have no other.
pub(super) fn settle<'s>(
    session: &Session<'_>,
    arguments: &Arguments,
    resolves: Vec<(&'s str, &'s str)>,
    asked: &BTreeMap<String, Vec<Asked>>,
) -> Result<Vec<(&'s str, &'s str)>, Vec<Diagnostic>> {
    let (ours, theirs): (Vec<_>, Vec<_>) =
        resolves.into_iter().partition(|(_, path)| session.lock_form(path) == Form::Pants);
    let mut errors = Vec::new();
    for (name, path) in theirs {
        let form = session.lock_form(path);
        let wanted = asked.get(name).map_or(&[] as &[Asked], Vec::as_slice);
        if arguments.check {
            check(session, (name, path, form), wanted);
        } else if !arguments.resolve.is_empty() || ours.is_empty() {
            errors.push(not_ours(name, path, form));
        } else if !session.console.quiet {
            session.console.message(&format!("{path} is left as it is: {}", form.again()));
        }
    }
    if errors.is_empty() { Ok(ours) } else { Err(errors) }
}

/// Says where a lock does not have what is asked for.
fn check(session: &Session<'_>, (name, path, form): (&str, &str, Form), wanted: &[Asked]) {
    let lock = match session.lock(path) {
        Err(wrong) => return session.console.diagnostics(wrong),
        Ok(lock) => lock,
    };
    let Some(lock) = lock else {
        let message = format!("the resolve `{name}` has no lock `{path}`");
        let missing = Diagnostic::error(Exit::Failed, "lock::stale", message).help(Some(form.again()));
        return session.console.diagnostics(vec![missing]);
    };
    let mut told = Vec::new();
    for Asked { requirement, by } in wanted {
        let roots: &[Requirement] = std::slice::from_ref(requirement);
        told.extend(disagreements(&lock, roots).into_iter().map(|error| {
            let diagnostic = Diagnostic::error(Exit::Failed, error.code(), &error).help(error.help(form));
            diagnostic.note(format!("asked for by {by}"))
        }));
    }
    if told.is_empty() && !session.console.quiet {
        let count = lock.packages.len();
        let noun = if count == 1 { "package" } else { "packages" };
        session.console.message(&format!("{path} has what is asked for: {count} {noun}"));
    }
    session.console.diagnostics(told);
}

/// Whether all locks are ours.
pub(super) fn none(session: &Session<'_>) -> bool {
    session.config.resolves.iter().all(|(_, path)| session.lock_form(path) == Form::Pants)
}
