//! The chain of actions that decided how long a run took: from the action that ended last back to what it waited for last.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shown::{action_json, command, table, took};
use crate::events::{Finished, How, Record};

/// A link of the chain.
pub(super) struct Link<'r> {
    /// The second of the run in which it ended.
    at: f64,
    /// How long it had all that it needs before it started.
    pub(super) waited: f64,
    pub(super) action: &'r Finished,
}

/// The chain of a run, the first action first. What came from the cache took no time and is not in it.
pub(super) fn path(record: &Record) -> Vec<Link<'_>> {
    // An action of which a part was lost ends twice.
    let settled = record.actions().filter(|(_, one)| one.how != How::Skipped);
    let all: BTreeMap<(usize, usize), (f64, &Finished)> =
        settled.map(|(at, one)| ((one.execution, one.action), (at, one))).collect();
    let executions: std::collections::BTreeSet<usize> = all.keys().map(|(execution, _)| *execution).collect();
    let mut path = Vec::new();
    for execution in executions {
        let planned = record.planned(execution);
        let of = all.range((execution, 0)..(execution + 1, 0)).map(|(_, found)| *found);
        let mut next = latest(of);
        let mut chain = Vec::new();
        while let Some((at, action)) = next {
            // Inputs have smaller numbers than what takes them in, so that this ends.
            let needs = action.needs.iter().filter(|needed| **needed < action.action);
            next = latest(needs.filter_map(|needed| all.get(&(execution, *needed)).copied()));
            let start = at - action.seconds;
            // What needs nothing that ran could have started at once.
            let ready = next.map(|(ready, _)| ready).or(planned);
            let waited = ready.map_or(0.0, |ready| (start - ready).max(0.0));
            chain.push(Link { at, waited, action });
        }
        path.extend(chain.into_iter().rev());
    }
    path
}

fn latest<'r>(all: impl Iterator<Item = (f64, &'r Finished)>) -> Option<(f64, &'r Finished)> {
    all.max_by(|one, other| one.0.total_cmp(&other.0))
}

pub(super) fn text(path: &[Link<'_>], record: &Record) -> String {
    let seconds = record.end().1;
    let spent: f64 = path.iter().map(|link| link.action.seconds).sum();
    let waited: f64 = path.iter().map(|link| link.waited).sum();
    let share = if seconds > 0.0 { (spent / seconds * 100.0).round() } else { 0.0 };
    let mut text = format!("{}\n", command(record));
    if path.is_empty() {
        text.push_str("everything came from the cache\n");
        return text;
    }
    let row = |link: &Link<'_>| {
        let wait = if link.waited < 0.001 {
            String::new()
        } else {
            format!("after a wait of {}", took(link.waited))
        };
        vec![took(link.action.seconds), link.action.verb.clone(), link.action.description.clone(), wait]
    };
    text.push_str(&table(path.iter().map(row).collect()));
    text.push_str(&format!(
        "{} of {} ({share} %) are these, one after the other; waits for a free worker between them: {}\n",
        took(spent),
        took(seconds),
        took(waited)
    ));
    text
}

pub(super) fn json(path: &[Link<'_>]) -> Value {
    let links = path.iter().map(|link| {
        let mut told = action_json(link.at, link.action);
        told["waited"] = json!(link.waited);
        told
    });
    links.collect()
}
