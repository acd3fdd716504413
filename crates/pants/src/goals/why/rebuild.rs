//! Why a target is built again: what has changed since the last time, or else what had changed then.

use graph::NodeId;
use serde_json::{Value, json};

use super::{Answer, way};
use crate::accounts::{Account, Cause, Change, compare};
use crate::build;
use crate::diagnostic::Diagnostic;
use crate::goals::answer;
use crate::repository::Repository;
use crate::session::Session;

/// What is said of one artifact.
struct Told {
    artifact: String,
    target: String,
    status: Status,
    /// When it was built the last time.
    built: Option<String>,
    causes: Vec<Explained>,
    /// What follows from these.
    consequences: Vec<Explained>,
}

/// A cause, and the way from the target to it: for people, and for programs.
type Explained = (Cause, Vec<String>, Vec<Value>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// No account of it is kept.
    Unknown,
    /// It would be built again.
    Stale,
    /// It is as it was, and was built again the last time.
    Rebuilt,
    /// It is as it was, and there is no account of it before.
    First,
}

pub(super) fn why(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<Answer, Vec<Diagnostic>> {
    let mut all = Vec::new();
    for program in programs {
        let target = repository.graph.label(*program).to_string();
        for (artifact, now) in build::accounts(session, repository, &[*program])? {
            let kept = session.accounts().read(&target, &artifact);
            all.push(tell(session, repository, (*program, &target), (artifact, &now), kept)?);
        }
    }
    let lines: Vec<Value> = all.iter().map(json).collect();
    let texts: Vec<String> = all.iter().map(text).collect();
    Ok((Value::Array(lines.clone()), lines, texts.join("\n")))
}

fn tell(
    session: &Session<'_>,
    repository: &Repository,
    (program, target): (NodeId, &str),
    (artifact, now): (String, &Account),
    kept: [Option<Account>; 2],
) -> Result<Told, Vec<Diagnostic>> {
    let store = session.store()?;
    let built = kept[0].as_ref().map(|last| last.time.clone());
    let is_same = |last: &Account| last.key().is_some() && last.key() == now.key();
    let (status, causes) = match &kept {
        [None, _] => (Status::Unknown, Vec::new()),
        [Some(last), Some(before)] if is_same(last) => (Status::Rebuilt, compare(before, last, store)),
        [Some(last), None] if is_same(last) => (Status::First, Vec::new()),
        [Some(last), _] => (Status::Stale, compare(last, now, store)),
    };
    let with_way = |cause: Cause| {
        let nodes = match &cause {
            Cause::File { path, .. } => repository.graph.file_nodes(path),
            Cause::Field { target, .. } => {
                let all = repository.graph.targets();
                all.filter(|(_, one)| one.label.to_string() == *target).map(|(node, _)| node).collect()
            }
            _ => Vec::new(),
        };
        let (texts, steps) = way(repository, program, &nodes);
        (cause, texts, steps)
    };
    let (consequences, causes) = split(causes);
    let causes = causes.into_iter().map(with_way).collect();
    let consequences = consequences.into_iter().map(with_way).collect();
    Ok(Told { artifact, target: target.to_owned(), status, built, causes, consequences })
}

/// What follows from something else that has changed, and what does not: a file or a distribution comes or goes since something
/// names it or does not any more, and what a variable decides is written as before.
fn split(causes: Vec<Cause>) -> (Vec<Cause>, Vec<Cause>) {
    let comes_or_goes = |cause: &Cause| match cause {
        Cause::File { change, .. } => *change != Change::Changed,
        Cause::Distribution { before, after } => before.is_none() || after.is_none(),
        _ => false,
    };
    let by_variable = causes.iter().any(|cause| matches!(cause, Cause::Variable { .. }));
    let follows = |cause: &Cause| comes_or_goes(cause) || by_variable && matches!(cause, Cause::Field { .. });
    let (following, first): (Vec<Cause>, Vec<Cause>) = causes.into_iter().partition(follows);
    if first.is_empty() { (first, following) } else { (following, first) }
}

fn text(told: &Told) -> String {
    let Told { artifact, target, status, built, causes, consequences } = told;
    let built = built.as_deref().unwrap_or_default();
    let mut text = match status {
        Status::Unknown => {
            return format!(
                "dist/{artifact} of {target}: nothing is kept of an earlier build of it here\n  build it, and ask again \
                 after the next change\n"
            );
        }
        Status::First => {
            return format!("dist/{artifact} of {target} is up to date: built {built}, the first time\n");
        }
        Status::Stale => format!("dist/{artifact} of {target} would be built again. Since {built}:\n"),
        Status::Rebuilt => {
            format!("dist/{artifact} of {target} is up to date. It was built again {built}, since:\n")
        }
    };
    if causes.is_empty() {
        text.push_str("  what it is made of is the same, and the cache has lost it\n");
    }
    let mut add = |explained: &[Explained]| {
        for (cause, way, _) in explained {
            text.push_str(&format!("  {}\n", said(cause)));
            for step in way {
                text.push_str(&format!("      {step}\n"));
            }
        }
    };
    add(causes);
    if !consequences.is_empty() {
        text.push_str("so that\n");
        for (cause, ..) in consequences {
            text.push_str(&format!("  {}\n", said(cause)));
        }
    }
    text
}

/// A cause as people read it.
fn said(cause: &Cause) -> String {
    let from_to = |before: &Option<String>, after: &Option<String>| match (before, after) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (None, Some(after)) => format!("is {after} now"),
        (Some(before), None) => format!("was {before}"),
        (None, None) => String::new(),
    };
    match cause {
        Cause::File { path, change } => match change {
            Change::Changed => format!("{path} has changed"),
            Change::Added => format!("{path} is a part of it now"),
            Change::Removed => format!("{path} is no part of it any more"),
        },
        Cause::Field { target, field, before, after, place } => {
            let place = place.as_ref().map(|place| format!("  ({place})")).unwrap_or_default();
            format!("`{field}` of {target}: {}{place}", from_to(before, after))
        }
        Cause::Distribution { before, after } => match (before, after) {
            (Some(before), Some(after)) => format!("the lock: {before} -> {after}"),
            (None, Some(after)) => format!("{after} is a part of it now"),
            (Some(before), None) => format!("{before} is no part of it any more"),
            (None, None) => String::new(),
        },
        Cause::Tool { before, after } => format!("the interpreter: {before} -> {after}"),
        Cause::Variable { name } => {
            format!("the variable `{name}`, which a BUILD file reads, has another value")
        }
        Cause::Option { name, before, after } => format!("the option `{name}`: {}", from_to(before, after)),
        Cause::Pants { before, after } => format!("pants itself: {before} -> {after}"),
        Cause::Step { description, what, before, after } => {
            format!("{description}: {what} {}", from_to(before, after)).trim_end().to_owned()
        }
    }
}

fn json(told: &Told) -> Value {
    let explained = |(cause, _, steps): &Explained| {
        let mut one = match cause {
            Cause::File { path, change } => {
                let change = match change {
                    Change::Changed => "changed",
                    Change::Added => "added",
                    Change::Removed => "removed",
                };
                json!({ "kind": "file", "path": path, "change": change })
            }
            Cause::Field { target, field, before, after, place } => json!({
                "kind": "field", "target": target, "field": field, "before": before, "after": after,
                "place": answer::place(place.as_ref()),
            }),
            Cause::Distribution { before, after } => {
                json!({ "kind": "distribution", "before": before, "after": after })
            }
            Cause::Tool { before, after } => json!({ "kind": "tool", "before": before, "after": after }),
            Cause::Variable { name } => json!({ "kind": "variable", "name": name }),
            Cause::Option { name, before, after } => {
                json!({ "kind": "option", "name": name, "before": before, "after": after })
            }
            Cause::Pants { before, after } => json!({ "kind": "pants", "before": before, "after": after }),
            Cause::Step { description, what, before, after } => json!({
                "kind": "step", "description": description, "what": what, "before": before, "after": after,
            }),
        };
        one["steps"] = steps.iter().cloned().collect();
        one
    };
    let status = match told.status {
        Status::Unknown => "unknown",
        Status::Stale => "stale",
        Status::Rebuilt | Status::First => "up_to_date",
    };
    json!({
        "target": told.target,
        "artifact": format!("dist/{}", told.artifact),
        "status": status,
        "built": told.built,
        "causes": told.causes.iter().map(explained).collect::<Vec<_>>(),
        "consequences": told.consequences.iter().map(explained).collect::<Vec<_>>(),
    })
}
