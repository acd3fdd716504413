//! What `pants lock` is asked for: the resolves, what of them may move, and their requirements.

use std::collections::{BTreeMap, BTreeSet};

use packaging::locking::{Asked, Upgrade};
use packaging::requirement::{Requirement, Source};

use super::Arguments;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::repository::Repository;
use crate::session::Session;

/// What may move.
pub(super) fn upgrade(arguments: &Arguments) -> Result<Upgrade, Vec<Diagnostic>> {
    if arguments.upgrade {
        return Ok(Upgrade::Everything);
    }
    let (mut wanted, mut errors) = (Vec::<Requirement>::new(), Vec::new());
    for text in &arguments.upgrade_package {
        match text.parse::<Requirement>() {
            Ok(one) if matches!(one.source, Source::Index(_)) => wanted.push(one),
            Ok(_) => {
                let message = format!("`{text}` comes from no index, and cannot be upgraded");
                errors.push(Diagnostic::error(Exit::Wrong, "lock::upgrade", message));
            }
            Err(error) => errors.push(Diagnostic::error(Exit::Wrong, error.code(), error)),
        }
    }
    match (errors.is_empty(), wanted.is_empty()) {
        (false, _) => Err(errors),
        (true, true) => Ok(Upgrade::Nothing),
        (true, false) => Ok(Upgrade::Only(wanted)),
    }
}

/// The instant before which files were uploaded, from a date or a time. A date alone means its beginning in UTC:
/// what it means to uv depends on the time zone of the machine.
pub(in crate::goals) fn exclude_newer(text: &str) -> Result<String, Vec<Diagnostic>> {
    let digits =
        |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<&str> = date.split('-').collect();
    let is_date = matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2));
    match time {
        None if is_date => Ok(format!("{text}T00:00:00Z")),
        Some(time) if is_date && time.ends_with('Z') => Ok(text.to_owned()),
        _ => {
            let message = format!("`{text}` is no date: expected `2025-01-31` or `2025-01-31T12:00:00Z`");
            Err(vec![Diagnostic::error(Exit::Wrong, "lock::exclude_newer", message)])
        }
    }
}

/// The resolves that are to be locked, with their files.
pub(super) fn chosen_resolves<'s>(
    session: &'s Session<'_>,
    arguments: &Arguments,
) -> Result<Vec<(&'s str, &'s str)>, Vec<Diagnostic>> {
    let all = session.config.resolves.iter().map(|(name, path)| (name.as_str(), path.as_str()));
    if arguments.resolve.is_empty() {
        return Ok(all.collect());
    }
    let (mut chosen, mut errors) = (Vec::new(), Vec::new());
    for wanted in &arguments.resolve {
        match all.clone().find(|(name, _)| name == wanted) {
            Some(found) if chosen.contains(&found) => {}
            Some(found) => chosen.push(found),
            None => {
                let names = all.clone().map(|(name, _)| name);
                let help = explain::near_or_all(wanted, names, "the resolves are");
                let message = format!("there is no resolve `{wanted}`");
                errors.push(Diagnostic::error(Exit::Wrong, "lock::resolve", message).help(Some(help)));
            }
        }
    }
    if errors.is_empty() { Ok(chosen) } else { Err(errors) }
}

/// Refuses to upgrade what is neither locked nor asked for.
pub(super) fn check_upgrade(
    session: &Session<'_>,
    upgrade: &Upgrade,
    resolves: &[(&str, &str)],
    asked: &BTreeMap<String, Vec<Asked>>,
) -> Result<(), Vec<Diagnostic>> {
    let Upgrade::Only(wanted) = upgrade else { return Ok(()) };
    let mut known = BTreeSet::new();
    for (name, path) in resolves {
        // A lock that cannot be read is told when it is written anew.
        let lock = session.lock(path).ok().flatten();
        known.extend(lock.iter().flat_map(|lock| &lock.packages).map(|package| package.name.to_string()));
        known.extend(asked.get(*name).into_iter().flatten().map(|asked| asked.requirement.name.to_string()));
    }
    let wanted: BTreeSet<String> = wanted.iter().map(|one| one.name.to_string()).collect();
    let errors: Vec<Diagnostic> = wanted
        .difference(&known)
        .map(|name| {
            let near = graph::near(name, known.iter().map(String::as_str));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no package `{name}` in any lock");
            Diagnostic::error(Exit::Wrong, "lock::unknown_package", message).help(help)
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What all targets ask for, by resolve.
pub(super) fn asked(
    session: &Session<'_>,
    repository: &Repository,
) -> Result<BTreeMap<String, Vec<Asked>>, Vec<Diagnostic>> {
    let (mut asked, mut errors) = (BTreeMap::<String, Vec<Asked>>::new(), Vec::new());
    let default = &session.config.default_resolve;
    for (_, target) in repository.graph.targets() {
        if target.rule.name != "python_requirement" {
            continue;
        }
        let resolve = python::resolve_of(target, default);
        if session.config.lock_path(resolve).is_none() {
            let place = target.field("resolve").map_or(&target.place, |field| &field.place).clone();
            let known = session.config.resolves.iter().map(|(name, _)| name.clone()).collect();
            let name = resolve.to_owned();
            errors.push(explain::rule(&python::RuleError::UnknownResolve { name, known, place }));
            continue;
        }
        let (wishes, wrong) = python::wishes(target);
        errors.extend(wrong.iter().map(explain::rule));
        let wished = wishes.into_iter().map(|wish| {
            let by = format!("`{}` at {}", wish.label, wish.place);
            Asked { requirement: wish.requirement, by }
        });
        asked.entry(resolve.to_owned()).or_default().extend(wished);
    }
    if errors.is_empty() { Ok(asked) } else { Err(errors) }
}
