//! What differs between two runs: what ran in one alone, and what took more or less time. Actions are the same by what they
//! do, since their keys differ as soon as anything that they are made of does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::shown::{command, table, took};
use crate::events::{Finished, How, Record};

/// How many lines each part is told with.
const LINES: usize = 20;
/// A shorter time is noise.
const LEAST: f64 = 0.01;

/// What differs.
pub(super) struct Difference<'r> {
    runs: [&'r Record; 2],
    /// What ran, or failed, in the first alone and in the second alone.
    alone: [Vec<&'r Finished>; 2],
    /// What is of both.
    both: Vec<(&'r Finished, &'r Finished)>,
}

impl<'r> Difference<'r> {
    pub(super) fn of(one: &'r Record, other: &'r Record) -> Difference<'r> {
        let (mut first, second) = (by_name(one), by_name(other));
        let (mut alone, mut both) = ([Vec::new(), Vec::new()], Vec::new());
        for (name, action) in second {
            match first.remove(&name) {
                Some(before) => both.push((before, action)),
                None => alone[1].push(action),
            }
        }
        alone[0] = first.into_values().collect();
        for part in &mut alone {
            part.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        }
        let change = |(one, other): &(&Finished, &Finished)| (other.seconds - one.seconds).abs();
        both.sort_by(|one, other| change(other).total_cmp(&change(one)));
        Difference { runs: [one, other], alone, both }
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, record) in ["A", "B"].iter().zip(self.runs) {
            let (exit, seconds, ran, cached) = record.end();
            let end = format!("exit {exit}, {}, {ran} run, {cached} cached", took(seconds));
            text.push_str(&format!("{name}: {} ({end})\n", command(record)));
        }
        for (name, part) in ["A", "B"].iter().zip(&self.alone) {
            let row = |one: &&Finished| {
                let failed = if one.how == How::Failed { "failed" } else { "" };
                vec![took(one.seconds), one.verb.clone(), one.description.clone(), failed.to_owned()]
            };
            add(&mut text, &format!("ran in {name} alone"), part.iter().map(row).collect());
        }
        let ended = self.both.iter().filter(|(one, other)| one.how != other.how).map(|(one, other)| {
            vec![one.verb.clone(), one.description.clone(), format!("{} -> {}", end(one), end(other))]
        });
        add(&mut text, "ended otherwise", ended.collect());
        let times = self.both.iter().filter(|(one, other)| (other.seconds - one.seconds).abs() >= LEAST);
        let row = |(one, other): &(&Finished, &Finished)| {
            let sign = if other.seconds > one.seconds { "+" } else { "-" };
            let change = format!("{sign}{}", took((other.seconds - one.seconds).abs()));
            let times = format!("{} -> {}", took(one.seconds), took(other.seconds));
            vec![change, times, one.verb.clone(), one.description.clone()]
        };
        add(&mut text, "took more or less time in B", times.map(row).collect());
        let same = self.both.iter().filter(|(one, other)| one.key == other.key).count();
        text.push_str(&format!(
            "\n{same} of {} that ran in both were the same to the byte\n",
            self.both.len()
        ));
        text
    }

    pub(super) fn json(&self) -> Value {
        let told = |part: &Vec<&Finished>| -> Value {
            part.iter().map(|one| serde_json::to_value(one).expect("plain data can be encoded")).collect()
        };
        let both = self.both.iter().map(|(one, other)| {
            json!({
                "verb": one.verb,
                "description": one.description,
                "same_key": one.key == other.key,
                "how": [one.how, other.how],
                "seconds": [one.seconds, other.seconds],
            })
        });
        json!({
            "a": super::shown::summary_json(self.runs[0]),
            "b": super::shown::summary_json(self.runs[1]),
            "only_a": told(&self.alone[0]),
            "only_b": told(&self.alone[1]),
            "both": both.collect::<Vec<_>>(),
        })
    }
}

fn end(one: &Finished) -> &'static str {
    if one.how == How::Failed { "failed" } else { "ran" }
}

/// What ran or failed, by what it does; what is done more than once is counted.
fn by_name(record: &Record) -> BTreeMap<(&str, &str, usize), &Finished> {
    let mut all = BTreeMap::new();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (_, one) in record.actions().filter(|(_, one)| one.how != How::Skipped) {
        let count = counts.entry((&one.verb, &one.description)).or_default();
        all.insert((one.verb.as_str(), one.description.as_str(), *count), one);
        *count += 1;
    }
    all
}

fn add(text: &mut String, title: &str, mut rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let rest = rows.len().saturating_sub(LINES);
    rows.truncate(LINES);
    text.push_str(&format!("\n{title}:\n{}", table(rows)));
    if rest > 0 {
        text.push_str(&format!("and {rest} more (`--output json` has all)\n"));
    }
}
