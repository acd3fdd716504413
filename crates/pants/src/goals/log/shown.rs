//! Runs as people and programs read them.

use std::time::Duration;

use engine::size;
use serde_json::{Value, json};

use crate::events::{Finished, How, Record, moment};

/// How many of the slowest actions a run is told with.
const SLOWEST: usize = 20;

/// All runs, a line each, the last first.
pub(super) fn list(records: &[Record], now: Duration) -> String {
    let rows = records.iter().enumerate().map(|(at, record)| {
        let (exit, seconds, ran, cached) = record.end();
        let ago = moment(&record.started.time).map_or_else(String::new, |then| ago(now.saturating_sub(then)));
        let end = if exit == 0 { "done".to_owned() } else { format!("exit {exit}") };
        let counts = format!("{ran} run, {cached} cached");
        vec![(at + 1).to_string(), ago, end, took(seconds), counts, command(record)]
    });
    let text = table(rows.collect());
    if text.is_empty() { "no run of this repository is kept\n".to_owned() } else { text }
}

/// Rows whose columns are aligned; the last column is as long as it is.
pub(super) fn table(rows: Vec<Vec<String>>) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row: &Vec<String>| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// One run: how it was called and ended, what failed, and what took the most time.
pub(super) fn run(record: &Record) -> String {
    let (exit, seconds, ran, cached) = record.end();
    let started = &record.started;
    let mut text = format!(
        "run {} of {}\n{}\nexit {exit} after {}: {ran} run, {cached} from the cache\n",
        started.run,
        started.time,
        command(record),
        took(seconds)
    );
    let of = |how| record.actions().filter(move |(_, one)| one.how == how).map(|(_, one)| one);
    let failed: Vec<Vec<String>> = of(How::Failed).map(row).collect();
    if !failed.is_empty() {
        text.push_str(&format!("\nfailed:\n{}", table(failed)));
    }
    let skipped = of(How::Skipped).count();
    if skipped > 0 {
        text.push_str(&format!("{skipped} could not run since something failed before\n"));
    }
    let slowest = slowest(record);
    if !slowest.is_empty() {
        let rest = slowest.len().saturating_sub(SLOWEST);
        let rows = slowest.into_iter().take(SLOWEST).map(row).collect();
        text.push_str(&format!("\nslowest:\n{}", table(rows)));
        if rest > 0 {
            text.push_str(&format!("and {rest} that took less\n"));
        }
    }
    text
}

/// What ran, the slowest first.
pub(super) fn slowest(record: &Record) -> Vec<&Finished> {
    let mut ran: Vec<&Finished> =
        record.actions().map(|(_, one)| one).filter(|one| one.how == How::Ran).collect();
    ran.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    ran
}

fn row(one: &Finished) -> Vec<String> {
    let used = match (one.memory, one.processor_seconds) {
        (Some(memory), Some(seconds)) => {
            format!("  ({} of processor, {})", took(seconds), size::show(memory))
        }
        _ => String::new(),
    };
    vec![took(one.seconds), one.verb.clone(), format!("{}{used}", one.description)]
}

/// The run as it was called.
pub(super) fn command(record: &Record) -> String {
    let words = record.started.arguments.iter().map(String::as_str);
    let quoted =
        words.map(|word| shlex::try_quote(word).map_or_else(|_| word.into(), |word| word.into_owned()));
    std::iter::once("pants".to_owned()).chain(quoted).collect::<Vec<String>>().join(" ")
}

/// A time as people read it.
pub(super) fn took(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.001 => format!("{:.0} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 100.0 => format!("{seconds:.2} s"),
        _ => format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor()),
    }
}

/// How long ago it was.
fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..3600 => format!("{} min ago", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// A run in short, for programs.
pub(super) fn summary_json(record: &Record) -> Value {
    let (exit_code, seconds, actions_run, cache_hits) = record.end();
    let started = &record.started;
    json!({
        "run": started.run,
        "time": started.time,
        "goal": started.goal,
        "arguments": started.arguments,
        "version": started.version,
        "exit_code": exit_code,
        "seconds": seconds,
        "actions_run": actions_run,
        "cache_hits": cache_hits,
    })
}

/// A run with all that did not come from the cache, for programs.
pub(super) fn run_json(record: &Record) -> Value {
    let mut told = summary_json(record);
    told["actions"] = record.actions().map(|(at, one)| action_json(at, one)).collect();
    told
}

/// An action of a run, for programs.
pub(super) fn action_json(at: f64, one: &Finished) -> Value {
    let mut told = serde_json::to_value(one).expect("plain data can be encoded");
    told["at"] = json!(at);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_fitting_units() {
        let check = |seconds: f64, expect: &str| assert_eq!(took(seconds), expect);
        check(0.0, "0 µs");
        check(0.000_25, "250 µs");
        check(0.25, "250 ms");
        check(99.0, "99.00 s");
        check(125.9, "2 min 05 s");
        let check = |seconds: u64, expect: &str| assert_eq!(ago(Duration::from_secs(seconds)), expect);
        check(59, "59 s ago");
        check(60, "1 min ago");
        check(7200, "2 h ago");
        check(172_800, "2 days ago");
    }

    #[test]
    fn columns_are_aligned() {
        let rows =
            vec![vec!["1".into(), "µs".into(), "x".into()], vec!["10".into(), "s".into(), "yy".into()]];
        assert_eq!(table(rows), "1   µs  x\n10  s   yy\n");
    }
}
