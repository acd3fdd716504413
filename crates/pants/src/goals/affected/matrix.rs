//! The matrix of a CI job: targets in groups that have about as much to do, as past runs tell.

use std::collections::BTreeMap;

use graph::{NodeId, Role, TargetGraph};
use serde_json::{Value, json};

use crate::events::{How, Record, Records};
use crate::session::Session;

/// How many seconds each target took when it was last made, or the tests of its files when each of them last ran. What cannot
/// be read is not known.
pub(super) fn seconds(
    session: &Session<'_>,
    graph: &TargetGraph,
    targets: &[NodeId],
) -> BTreeMap<NodeId, f64> {
    let known = Known::of(&Records::of(&session.cache_dir, &session.root).all().unwrap_or_default());
    let of = |&node: &NodeId| {
        let is_test = graph.target(node).rule.role == Role::Test;
        let files = graph.files(node).filter(|_| is_test);
        let files = files.filter_map(|file| known.files.get(graph.file(file)?));
        let made = known.labels.get(&graph.label(node).to_string());
        let all: Vec<f64> = files.chain(made).copied().collect();
        (!all.is_empty()).then(|| (node, all.iter().sum()))
    };
    targets.iter().filter_map(of).collect()
}

/// The seconds that something took the last time.
#[derive(Debug, Default)]
struct Known {
    /// What was made of all of a target, by its label.
    labels: BTreeMap<String, f64>,
    /// The tests of a file.
    files: BTreeMap<String, f64>,
}

impl Known {
    /// By these runs, the last first.
    fn of(records: &[Record]) -> Known {
        let mut known = Known::default();
        for record in records {
            let mut of_run = Known::default();
            for (_, action) in record.actions().filter(|(_, action)| action.how != How::Skipped) {
                if let Some(label) = &action.target {
                    *of_run.labels.entry(label.clone()).or_default() += action.seconds;
                }
                // How much of a process each of its files took is not recorded.
                let share = action.seconds / action.tests.len() as f64;
                for path in &action.tests {
                    *of_run.files.entry(path.clone()).or_default() += share;
                }
            }
            for (known, of_run) in [(&mut known.labels, of_run.labels), (&mut known.files, of_run.files)] {
                for (name, seconds) in of_run {
                    known.entry(name).or_insert(seconds);
                }
            }
        }
        known
    }
}

/// The targets in groups.
pub(super) fn matrix(
    graph: &TargetGraph,
    targets: &[NodeId],
    groups: usize,
    seconds: &BTreeMap<NodeId, f64>,
) -> Value {
    let known: Vec<Option<f64>> = targets.iter().map(|node| seconds.get(node).copied()).collect();
    let include = divided(&known, groups).into_iter().zip(1..).map(|((group, seconds), number)| {
        let labels: Vec<String> = group.iter().map(|at| graph.label(targets[*at]).to_string()).collect();
        let mut told = json!({ "group": number, "count": labels.len(), "targets": labels.join(" ") });
        if let Some(seconds) = seconds {
            told["seconds"] = json!((seconds * 1000.0).round() / 1000.0);
        }
        told
    });
    json!({ "include": include.collect::<Vec<_>>() })
}

/// Divides things by their seconds, each group with its sum: the longest goes first, to the group that has the least to do.
/// What is not known takes as long as others do. Where nothing is known, groups have about one size, and neighbours, which have
/// much in common, stay together.
fn divided(seconds: &[Option<f64>], groups: usize) -> Vec<(Vec<usize>, Option<f64>)> {
    let all: Vec<usize> = (0..seconds.len()).collect();
    let known: Vec<f64> = seconds.iter().flatten().copied().collect();
    if known.is_empty() {
        let size = all.len().div_ceil(groups).max(1);
        return all.chunks(size).map(|group| (group.to_vec(), None)).collect();
    }
    let usual = known.iter().sum::<f64>() / known.len() as f64;
    let of = |at: usize| seconds[at].unwrap_or(usual);
    let mut sorted = all;
    sorted.sort_by(|one, other| of(*other).total_cmp(&of(*one)).then_with(|| one.cmp(other)));
    let mut divided = vec![(Vec::new(), 0.0_f64); groups.min(sorted.len())];
    for at in sorted {
        let least = divided
            .iter_mut()
            .min_by(|(one, a), (other, b)| f64::total_cmp(a, b).then_with(|| one.len().cmp(&other.len())));
        if let Some((group, sum)) = least {
            group.push(at);
            *sum += of(at);
        }
    }
    let sorted = divided.into_iter().map(|(mut group, sum)| {
        group.sort_unstable();
        (group, Some(sum))
    });
    sorted.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Known, divided};
    use crate::events::{Line, Record, Started};

    /// A run with actions: the files whose tests each ran, how it ended, and its seconds.
    fn record(actions: &[(&[&str], &str, f64)]) -> Record {
        let line = |(tests, how, seconds): &(&[&str], &str, f64)| {
            let line = json!({
                "at": 1.0, "event": "action_finished", "execution": 1, "action": 0, "verb": "run",
                "description": "test", "tests": tests, "how": how, "seconds": seconds, "needs": [],
            });
            Line::read(&line.to_string()).expect("it is a line")
        };
        Record { started: Started::default(), lines: actions.iter().map(line).collect() }
    }

    #[test]
    fn each_file_takes_what_it_took_the_last_time() {
        let last = record(&[(&["a"], "failed", 4.0), (&["a"], "ran", 1.0), (&["c"], "skipped", 0.0)]);
        let before = record(&[(&["a", "b"], "ran", 3.0), (&["c"], "ran", 2.0)]);
        let known: Vec<(String, f64)> = Known::of(&[last, before]).files.into_iter().collect();
        assert_eq!(known, [("a".to_owned(), 5.0), ("b".to_owned(), 1.5), ("c".to_owned(), 2.0)]);
    }

    fn check(seconds: &[Option<f64>], groups: usize, expect: &[&[usize]]) {
        let found: Vec<Vec<usize>> = divided(seconds, groups).into_iter().map(|(group, _)| group).collect();
        assert_eq!(found, expect, "{seconds:?}");
    }

    #[test]
    fn groups_have_about_as_much_to_do() {
        check(&[], 4, &[]);
        check(&[None; 5], 2, &[&[0, 1, 2], &[3, 4]]);
        check(&[None; 2], 4, &[&[0], &[1]]);
        check(&[Some(1.0), Some(9.0), Some(2.0), Some(3.0)], 2, &[&[1], &[0, 2, 3]]);
        // What is not known takes as long as the others do: here four seconds.
        check(&[Some(6.0), None, Some(2.0), None], 2, &[&[0, 2], &[1, 3]]);
        check(&[Some(0.0); 4], 3, &[&[0, 3], &[1], &[2]]);
    }
}
