//! The matrix of a CI job: targets in groups that have about as much to do, as past runs tell.

use std::collections::BTreeMap;

use graph::{NodeId, TargetGraph};
use serde_json::{Value, json};

use crate::events::Records;
use crate::session::Session;

/// How the descriptions of actions begin that run the tests of a file.
const TEST: &str = "test ";

/// How many seconds each target took in the last run that did something for it. What cannot be read is not known.
pub(super) fn seconds(session: &Session<'_>, graph: &TargetGraph) -> BTreeMap<NodeId, f64> {
    let mut known = BTreeMap::new();
    for record in Records::of(&session.cache_dir, &session.root).all().unwrap_or_default() {
        let mut of_run = BTreeMap::<NodeId, f64>::new();
        for (_, action) in record.actions() {
            let labelled = action.target.as_ref().and_then(|label| graph.node(&label.parse().ok()?));
            let tested =
                action.description.strip_prefix(TEST).and_then(|path| graph.owners(path).first().copied());
            if let Some(node) = labelled.or(tested) {
                *of_run.entry(node).or_default() += action.seconds;
            }
        }
        for (node, seconds) in of_run {
            known.entry(node).or_insert(seconds);
        }
    }
    known
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
    use super::divided;

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
