//! How often tests have passed and failed with nothing changed in between, over all runs that are remembered.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Store;

use super::attempts::{Attempt, Status};
use super::result::Results;
use crate::diagnostic::Diagnostic;
use crate::session::{failed, forgettable};

/// The memo table of how often the tests of a key ended how.
const TABLE: &str = "test-outcomes";

/// How often tests have passed and failed under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ends {
    passed: u32,
    failed: u32,
}

impl Ends {
    /// Whether nothing but chance can have decided how they ended.
    pub(super) fn are_flaky(self) -> bool {
        self.passed > 0 && self.failed > 0
    }

    /// The words for people.
    pub(super) fn text(self) -> String {
        format!("flaky: failed {} of {} times", self.failed, self.passed + self.failed)
    }

    /// The form for programs; nothing where they are not flaky.
    pub(super) fn json(self) -> Value {
        if self.are_flaky() { json!({ "passed": self.passed, "failed": self.failed }) } else { Value::Null }
    }

    fn add(&mut self, attempts: &[Attempt]) {
        for one in attempts.iter().filter(|one| !one.cached) {
            let count = match one.status {
                Status::Passed => &mut self.passed,
                Status::Failed => &mut self.failed,
                // That the machine had no time for them says nothing of what they do.
                Status::TimedOut | Status::NotRun => continue,
            };
            *count = count.saturating_add(1);
        }
    }
}

/// Counts how the tests of all results ended, with what is remembered of their keys.
pub(super) fn count(store: &Store, results: &mut Results) -> Result<(), Vec<Diagnostic>> {
    let keyed: Vec<(usize, [u8; 32])> = (results.all.iter().enumerate())
        .filter_map(|(at, one)| Some((at, one.attempts.iter().find_map(|one| one.key)?.hash)))
        .collect();
    let keys: Vec<&[u8]> = keyed.iter().map(|(_, key)| key.as_slice()).collect();
    let known = store.memos(TABLE, &keys).map_err(failed)?;
    let mut changed: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for ((at, key), known) in keyed.iter().zip(known) {
        let before: Ends = known.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
        let one = &mut results.all[*at];
        one.ends = before;
        one.ends.add(&one.attempts);
        if one.ends != before {
            changed.push((key, postcard::to_stdvec(&one.ends).expect("plain data can be encoded")));
        }
    }
    let changed: Vec<(&[u8], &[u8])> = changed.iter().map(|(key, value)| (*key, value.as_slice())).collect();
    if changed.is_empty() {
        return Ok(());
    }
    forgettable(store.put_memos(TABLE, &changed)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::attempts::Status::{self, Failed, NotRun, Passed, TimedOut};
    use super::super::attempts::tests::ended;
    use super::Ends;

    #[test]
    fn only_what_ran_has_ended() {
        let check = |statuses: &[Status], passed: u32, failed: u32| {
            let mut ends = Ends::default();
            ends.add(&statuses.iter().copied().map(ended).collect::<Vec<_>>());
            assert_eq!(ends, Ends { passed, failed }, "{statuses:?}");
        };
        check(&[Failed, Passed], 1, 1);
        check(&[Passed, TimedOut, NotRun], 1, 0);
        check(&[NotRun], 0, 0);
    }
}
