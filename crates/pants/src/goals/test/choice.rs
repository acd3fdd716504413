//! Which of the tests that are asked for run here: those that failed the last time, or those of one shard.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use graph::{NodeId, TargetGraph};
use serde_json::Value;
use store::Store;

use super::attempts::Status;
use super::result::Results;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{failed, forgettable};

/// The memo table of how the tests of a file ended: `1` where they failed.
const TABLE: &str = "test-ends";

/// One of several parts of all tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::goals) struct Shard {
    number: usize,
    of: usize,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || "expected K/N, such as 1/3".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of) = (number.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if (1..=of).contains(&number) { Ok(Shard { number, of }) } else { Err(wrong()) }
    }
}

impl Shard {
    /// Whether it is the first of them.
    pub(in crate::goals) fn is_first(self) -> bool {
        self.number == 1
    }

    /// The files of this part. Each file is in exactly one of the parts, whoever asks, as long as all ask for the same
    /// files with the same durations: the longest goes first, to the part that has the least to do.
    pub(super) fn choose(
        self,
        graph: &TargetGraph,
        files: &[NodeId],
        durations: &BTreeMap<String, f64>,
    ) -> Vec<NodeId> {
        let usual =
            if durations.is_empty() { 1.0 } else { durations.values().sum::<f64>() / durations.len() as f64 };
        let mut weighed: Vec<(f64, &str, NodeId)> = (files.iter())
            .filter_map(|&file| {
                let path = graph.file(file)?;
                Some((durations.get(path).copied().unwrap_or(usual), path, file))
            })
            .collect();
        weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let mut loads = vec![0.0; self.of];
        let mut chosen = Vec::new();
        for (weight, _, file) in weighed {
            let least =
                (0..self.of).min_by(|&a, &b| f64::total_cmp(&loads[a], &loads[b])).unwrap_or_default();
            loads[least] += weight;
            if least + 1 == self.number {
                chosen.push(file);
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

/// The seconds of each file in a report of an earlier run.
pub(super) fn durations(path: &Path) -> Result<BTreeMap<String, f64>, Vec<Diagnostic>> {
    let wrong = |reason: String| {
        let message = format!("`{}` is no report of tests: {reason}", path.display());
        let help = Some("`pants --output json test ::` prints one");
        vec![Diagnostic::error(Exit::Wrong, "test::durations", message).help(help)]
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let report: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let tests = report["tests"].as_array().ok_or_else(|| wrong("it has no `tests`".to_owned()))?;
    let mut all = BTreeMap::new();
    for test in tests {
        if let (Some(path), Some(seconds)) = (test["path"].as_str(), test["seconds"].as_f64()) {
            // Under several Pythons a file takes as long as all of them together.
            *all.entry(path.to_owned()).or_default() += seconds;
        }
    }
    Ok(all)
}

/// The files whose tests failed when they ran last in this repository.
pub(super) fn failed_before(
    store: &Store,
    root: &Path,
    graph: &TargetGraph,
    files: Vec<NodeId>,
) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
    let mut chosen = Vec::new();
    for file in files {
        let Some(path) = graph.file(file) else { continue };
        let known = store.memo(TABLE, key(root, path).as_bytes()).map_err(failed)?;
        if known.as_deref() == Some(b"1") {
            chosen.push(file);
        }
    }
    Ok(chosen)
}

/// Remembers how the tests of each file ended, where that is not known yet.
pub(super) fn remember(store: &Store, root: &Path, results: &Results) -> Result<(), Vec<Diagnostic>> {
    let mut ends = BTreeMap::<&str, bool>::new();
    for one in results.all.iter().filter(|one| one.status != Status::NotRun) {
        *ends.entry(&one.path).or_default() |= one.status != Status::Passed;
    }
    let ends: Vec<(String, &[u8])> = (ends.into_iter())
        .map(|(path, has_failed)| (key(root, path), if has_failed { b"1" as &[u8] } else { b"0" }))
        .collect();
    let keys: Vec<&[u8]> = ends.iter().map(|(key, _)| key.as_bytes()).collect();
    let known = store.memos(TABLE, &keys).map_err(failed)?;
    // That nothing is known means that nothing failed.
    let is_new = |known: &Option<Vec<u8>>, end: &[u8]| known.as_deref().unwrap_or(b"0") != end;
    let new: Vec<(&[u8], &[u8])> = (ends.iter().zip(&known))
        .filter(|((_, end), known)| is_new(known, end))
        .map(|((key, end), _)| (key.as_bytes(), *end))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    forgettable(store.put_memos(TABLE, &new)).map_err(failed)
}

fn key(root: &Path, path: &str) -> String {
    format!("{}\n{path}", root.display())
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn shards_are_read() {
        let check = |text: &str, expect: Option<(usize, usize)>| {
            let found = text.parse::<Shard>().ok();
            assert_eq!(found, expect.map(|(number, of)| Shard { number, of }), "{text}");
        };
        check("1/3", Some((1, 3)));
        check("3/3", Some((3, 3)));
        for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", ""] {
            check(wrong, None);
        }
    }
}
