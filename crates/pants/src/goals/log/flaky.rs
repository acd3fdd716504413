//! What failed and succeeded under the same key: nothing that it is made of has changed in between.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shown::table;
use crate::events::{How, Record};

/// An action with two outcomes.
pub(super) struct Flaky<'r> {
    key: &'r str,
    description: &'r str,
    passed: usize,
    failed: usize,
    /// The last run in which it ran, and how it ended there.
    last: (&'r str, How),
}

/// All that is flaky over these runs, the last first; what failed most often comes first.
pub(super) fn of(records: &[Record]) -> Vec<Flaky<'_>> {
    let mut all: BTreeMap<&str, Flaky<'_>> = BTreeMap::new();
    for record in records {
        for (_, one) in record.actions() {
            let (Some(key), How::Ran | How::Failed) = (&one.key, one.how) else { continue };
            // That the machine had no time for it says nothing of what it does.
            if one.timed_out {
                continue;
            }
            let found = all.entry(key).or_insert_with(|| Flaky {
                key,
                description: &one.description,
                passed: 0,
                failed: 0,
                last: (&record.started.run, one.how),
            });
            *(if one.how == How::Ran { &mut found.passed } else { &mut found.failed }) += 1;
        }
    }
    let mut flaky: Vec<Flaky<'_>> =
        all.into_values().filter(|one| one.passed > 0 && one.failed > 0).collect();
    flaky.sort_by(|one, other| other.failed.cmp(&one.failed).then(one.description.cmp(other.description)));
    flaky
}

pub(super) fn text(flaky: &[Flaky<'_>]) -> String {
    if flaky.is_empty() {
        return "nothing failed and succeeded with nothing changed in between\n".to_owned();
    }
    let row = |one: &Flaky<'_>| {
        let last = if one.last.1 == How::Ran { "passed" } else { "failed" };
        let counts = format!("failed {} of {}", one.failed, one.failed + one.passed);
        vec![counts, one.description.to_owned(), format!("last: {last} in {}", one.last.0)]
    };
    table(flaky.iter().map(row).collect())
}

pub(super) fn json(flaky: &[Flaky<'_>]) -> Value {
    let each = flaky.iter().map(|one| {
        json!({
            "key": one.key,
            "description": one.description,
            "passed": one.passed,
            "failed": one.failed,
            "last": { "run": one.last.0, "how": one.last.1 },
        })
    });
    each.collect()
}
