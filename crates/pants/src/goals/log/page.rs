//! One page that shows a run and what all kept runs spent their time on. It asks for nothing from anywhere: what draws it
//! and what is drawn are in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::critical;
use super::shown::{command, slowest, summary_json};
use crate::events::{Event, Finished, How, Phase, Placed, Record, placed};

/// The page without what it shows.
const TEMPLATE: &str = include_str!("page.html");
/// Where in the page that comes.
const DATA: &str = "{{data}}";
/// How many rows tables have at most.
const ROWS: usize = 30;
/// How many bars the timeline has at most: the longest of them.
const BARS: usize = 5000;

/// The page of a run, with what all runs have in common.
pub(super) fn page(record: &Record, all: &[Record]) -> String {
    let data = data(record, all).to_string();
    // Nothing in a text can end the element that it is in.
    TEMPLATE.replace(DATA, &data.replace('<', "\\u003c"))
}

fn data(record: &Record, all: &[Record]) -> Value {
    let path = critical::path(record);
    let critical: BTreeSet<(usize, usize)> =
        path.iter().map(|link| (link.action.execution, link.action.action)).collect();
    let mut bars = placed(record.actions().filter(|(_, one)| one.how != How::Skipped));
    let left_out = bars.len().saturating_sub(BARS);
    if left_out > 0 {
        bars.sort_by(|one, other| other.action.seconds.total_cmp(&one.action.seconds));
        bars.truncate(BARS);
    }
    let workers = bars.iter().filter(|bar| !bar.is_download).map(|bar| bar.track + 1).max().unwrap_or(0);
    let bar = |Placed { track, is_download, start, action }: &Placed<'_>| {
        json!({
            "track": if *is_download { workers + track } else { *track },
            "start": start,
            "seconds": action.seconds,
            "verb": action.verb,
            "text": action.description,
            "failed": action.how == How::Failed,
            "critical": critical.contains(&(action.execution, action.action)),
        })
    };
    let phases = record.lines.iter().filter_map(|line| match &line.event {
        Event::Phase(Phase { phase, seconds }) => {
            Some(json!({ "text": phase, "start": line.at - seconds, "seconds": seconds }))
        }
        _ => None,
    });
    let row = |one: &Finished| json!({ "seconds": one.seconds, "verb": one.verb, "text": one.description });
    json!({
        "run": summary_json(record),
        "command": command(record),
        "kinds": kinds(record),
        "bars": bars.iter().map(bar).collect::<Vec<_>>(),
        "left_out": left_out,
        "workers": workers,
        "phases": phases.collect::<Vec<_>>(),
        "critical": path.iter().map(|link| {
            let mut told = row(link.action);
            told["waited"] = json!(link.waited);
            told
        }).collect::<Vec<_>>(),
        "slowest": slowest(record).into_iter().take(ROWS).map(row).collect::<Vec<_>>(),
        "rebuilt": rebuilt(all),
        "percentiles": percentiles(all),
        "runs": all.iter().map(summary_json).collect::<Vec<_>>(),
    })
}

/// How many actions of each kind ran, and how many were in the cache.
fn kinds(record: &Record) -> Value {
    let mut kinds: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    if let Some(Event::RunFinished(end)) = record.lines.last().map(|line| &line.event) {
        for (at, counts) in [&end.actions_run, &end.cache_hits].into_iter().enumerate() {
            for (verb, count) in counts {
                kinds.entry(verb).or_default()[at] += count;
            }
        }
    }
    kinds.iter().map(|(verb, [run, cached])| json!({ "verb": verb, "run": run, "cached": cached })).collect()
}

/// What ran in the most runs.
fn rebuilt(all: &[Record]) -> Value {
    let mut counts: BTreeMap<(&str, &str), (usize, f64)> = BTreeMap::new();
    for record in all {
        let ran = record.actions().map(|(_, one)| one).filter(|one| one.how == How::Ran);
        for one in ran {
            let (count, seconds) = counts.entry((&one.verb, &one.description)).or_default();
            *count += 1;
            *seconds += one.seconds;
        }
    }
    let mut all: Vec<_> = counts.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    all.sort_by(|(_, one), (_, other)| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)));
    let rows = all.iter().take(ROWS).map(|((verb, text), (count, seconds))| {
        json!({ "count": count, "seconds": seconds, "verb": verb, "text": text })
    });
    rows.collect()
}

/// How long actions of each kind take over all runs: what half, nine tenths and all but a hundredth stay below.
fn percentiles(all: &[Record]) -> Value {
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (_, one) in all.iter().flat_map(Record::actions).filter(|(_, one)| one.how == How::Ran) {
        times.entry(&one.verb).or_default().push(one.seconds);
    }
    let rows = times.iter_mut().map(|(verb, times)| {
        times.sort_by(f64::total_cmp);
        let of = |hundredths: usize| percentile(times, hundredths);
        json!({
            "verb": verb, "count": times.len(), "p50": of(50), "p90": of(90), "p99": of(99),
            "sum": times.iter().sum::<f64>(),
        })
    });
    rows.collect()
}

/// The smallest of some sorted times that so many hundredths of them do not exceed (nearest rank).
fn percentile(times: &[f64], hundredths: usize) -> f64 {
    let rank = (times.len() * hundredths).div_ceil(100).max(1);
    times[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Vec<f64> = (1..=10).map(f64::from).collect();
        let check = |times: &[f64], hundredths, expect: f64| {
            assert!((percentile(times, hundredths) - expect).abs() < f64::EPSILON, "{hundredths}");
        };
        check(&times, 50, 5.0);
        check(&times, 90, 9.0);
        check(&times, 99, 10.0);
        check(&times[..1], 50, 1.0);
    }
}
