//! The report of a goal that builds: one JSON object, or the lines that people get.

use std::collections::BTreeMap;
use std::time::Instant;

use engine::Execution;
use packaging::target::Target as Configuration;
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Exit, Severity};

/// What a goal made.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) artifacts: Vec<Built>,
    /// Actions that ran, by verb.
    pub(crate) run: BTreeMap<String, u64>,
    /// Actions whose outcome was in the cache, by verb.
    pub(crate) hits: BTreeMap<String, u64>,
}

/// A file or folder in `dist/`.
#[derive(Debug)]
pub(crate) struct Built {
    /// Relative to the root.
    pub(crate) path: String,
    pub(crate) target: String,
    /// What it is for.
    pub(crate) configurations: Vec<Configuration>,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

impl Report {
    /// Counts what an execution did.
    pub(crate) fn add(&mut self, execution: &Execution) {
        self.add_run(execution);
        for (verb, count) in &execution.hits {
            *self.hits.entry((*verb).to_owned()).or_default() += count;
        }
    }

    /// Counts what a further execution ran. What it looked up again was counted when it ran or was in the cache.
    pub(crate) fn add_run(&mut self, execution: &Execution) {
        for (verb, count) in &execution.run {
            *self.run.entry((*verb).to_owned()).or_default() += count;
        }
    }

    /// Counts what another has counted.
    pub(crate) fn add_counts(&mut self, other: Report) {
        for (sum, counts) in [(&mut self.run, other.run), (&mut self.hits, other.hits)] {
            for (verb, count) in counts {
                *sum.entry(verb).or_default() += count;
            }
        }
    }

    /// The form for programs. Where an artifact has one interpreter and platform, these are strings, where it has several, lists, and where it is for
    /// none in particular, nothing.
    pub(crate) fn json(&self, goal: &str, exit: Exit, diagnostics: &[Diagnostic], start: Instant) -> Value {
        let one_or_all = |built: &Built, part: &dyn Fn(&Configuration) -> String| {
            let mut all: Vec<String> = Vec::new();
            for text in built.configurations.iter().map(part) {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
            match all.as_slice() {
                [] => Value::Null,
                [one] => json!(one),
                _ => json!(all),
            }
        };
        let artifacts: Vec<Value> = (self.artifacts.iter())
            .map(|built| {
                json!({
                    "path": built.path,
                    "target": built.target,
                    "interpreter": one_or_all(built, &Configuration::interpreter_tag),
                    "platform": one_or_all(built, &|one| one.platform.to_string()),
                    "digest": built.digest,
                    "size": built.size,
                })
            })
            .collect();
        json!({
            "goal": goal,
            "exit_code": exit as i32,
            "artifacts": artifacts,
            "actions_run": self.run.values().sum::<u64>(),
            "actions_run_by_kind": self.run,
            "cache_hits": self.hits,
            "diagnostics": diagnostics.iter().map(Diagnostic::json).collect::<Vec<_>>(),
            "seconds": start.elapsed().as_secs_f64(),
        })
    }

    /// Whether nothing was even tried.
    pub(crate) fn is_empty(&self) -> bool {
        self.artifacts.is_empty() && self.run.is_empty() && self.hits.is_empty()
    }

    /// The closing line for people.
    pub(crate) fn summary(&self, start: Instant) -> String {
        let count = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let (run, hits) = (count(&self.run), count(&self.hits));
        let steps = if run == 1 { "step" } else { "steps" };
        format!("{run} {steps} run, {hits} from the cache, in {:.2} s", start.elapsed().as_secs_f64())
    }
}

/// The worst exit code of some diagnostics.
pub(crate) fn exit_of(diagnostics: &[Diagnostic]) -> Exit {
    worst(diagnostics.iter().filter_map(|diagnostic| match diagnostic.severity {
        Severity::Error(exit) => Some(exit),
        Severity::Warning => None,
    }))
}

/// The worst of some exit codes: a request that is wrong hides what else failed.
pub(crate) fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let rank = |exit: &Exit| match exit {
        Exit::Done => 0,
        Exit::Failed => 1,
        Exit::Environment => 2,
        Exit::Wrong => 3,
        Exit::Bug => 4,
    };
    exits.max_by_key(rank).unwrap_or(Exit::Done)
}
