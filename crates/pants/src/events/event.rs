//! What happens during a run, as data: the lines of `--events` and of the records of past runs. `docs/schemas/events.json`
//! is their schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::Built;

/// Raised with each change to a line that its readers have to know of.
pub(crate) const SCHEMA: u32 = 1;

/// An event and when it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Line {
    /// Seconds since the run began.
    pub(crate) at: f64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The first line.
    RunStarted(Started),
    /// A part of the run ended.
    Phase(Phase),
    /// The number of actions of an execution is known.
    Planned(Planned),
    /// An action was not in the cache and starts.
    ActionStarted { execution: usize, action: usize, verb: String, description: String },
    /// A download went on.
    Download { execution: usize, action: usize, bytes: u64, total: Option<u64> },
    /// An action is settled.
    ActionFinished(Finished),
    /// Something is in `dist/`.
    Artifact { path: String, target: String, digest: String, size: u64 },
    /// Something was said about an error, or a warning.
    Diagnostic(Value),
    /// The last line.
    RunFinished(End),
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) schema: u32,
    /// Names the run.
    pub(crate) run: String,
    /// When it began: RFC 3339, UTC.
    pub(crate) time: String,
    pub(crate) goal: String,
    /// The command line without the name of the program, its secrets masked.
    pub(crate) arguments: Vec<String>,
    /// The version of this program.
    pub(crate) version: String,
    /// The root of the repository, where there is one.
    pub(crate) root: Option<String>,
}

/// A part of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) phase: String,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// An execution that is about to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// Counts the executions of the run.
    pub(crate) execution: usize,
    pub(crate) actions: usize,
}

/// How the run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) exit_code: u8,
    pub(crate) seconds: f64,
    /// Actions that ran, by verb.
    pub(crate) actions_run: BTreeMap<String, u64>,
    /// Actions whose outcome was in the cache, by verb.
    pub(crate) cache_hits: BTreeMap<String, u64>,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) execution: usize,
    pub(crate) action: usize,
    pub(crate) verb: String,
    pub(crate) description: String,
    /// The target that it makes something for, where it makes all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// The files whose tests it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tests: Vec<String>,
    pub(crate) how: How,
    /// Whether it failed since it took longer than it may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) timed_out: bool,
    pub(crate) seconds: f64,
    /// Whether it ran on another machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) elsewhere: bool,
    /// Its key, where it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The actions that it takes the results of.
    pub(crate) needs: Vec<usize>,
    /// The most bytes of memory that one process of it had at a time, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<u64>,
    /// How many seconds its processes kept processors busy, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) processor_seconds: Option<f64>,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// Its outcome was in the cache.
    Cached,
    /// It ran and succeeded.
    Ran,
    /// It failed.
    Failed,
    /// Something that it needs failed, or the run was cancelled.
    Skipped,
}

impl Event {
    /// The event that something was put into `dist/`.
    pub(crate) fn artifact(built: &Built) -> Event {
        Event::Artifact {
            path: built.path.clone(),
            target: built.target.clone(),
            digest: built.digest.clone(),
            size: built.size,
        }
    }
}

impl Line {
    /// Reads a line of the kinds that tell what a past run was; none for any other.
    ///
    /// The kind is looked at by hand: `serde` keeps the fields of tagged and flattened types in a form in which numbers are
    /// lost where some crate of the build wants them in arbitrary precision.
    pub(crate) fn read(text: &str) -> Option<Line> {
        let value: Value = serde_json::from_str(text).ok()?;
        let at = value.get("at")?.as_f64()?;
        let kind = value.get("event")?.as_str()?.to_owned();
        let event = match kind.as_str() {
            "run_started" => Event::RunStarted(serde_json::from_value(value).ok()?),
            "phase" => Event::Phase(serde_json::from_value(value).ok()?),
            "planned" => Event::Planned(serde_json::from_value(value).ok()?),
            "action_finished" => Event::ActionFinished(serde_json::from_value(value).ok()?),
            "run_finished" => Event::RunFinished(serde_json::from_value(value).ok()?),
            _ => return None,
        };
        Some(Line { at, event })
    }

    /// The line as it is written, with its end.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("plain data can be encoded");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let check = |event: Event| {
            let line = Line { at: 1.25, event };
            assert_eq!(Line::read(&line.text()), Some(line.clone()), "{}", line.text());
        };
        check(Event::RunStarted(Started { arguments: vec!["list".into()], ..Started::default() }));
        check(Event::Phase(Phase { phase: "load".into(), seconds: 0.5 }));
        let finished = |target: Option<&str>, key: Option<&str>| Finished {
            execution: 1,
            action: 2,
            verb: "run".into(),
            description: "test a".into(),
            target: target.map(Into::into),
            tests: target.map(|_| "a_test.py".into()).into_iter().collect(),
            how: How::Ran,
            timed_out: false,
            seconds: 0.25,
            elsewhere: key.is_some(),
            key: key.map(Into::into),
            needs: vec![0, 1],
            memory: key.map(|_| 1 << 20),
            processor_seconds: key.map(|_| 0.125),
        };
        check(Event::ActionFinished(finished(None, None)));
        check(Event::ActionFinished(finished(Some("//a"), Some("00"))));
        let counts = BTreeMap::from([("run".to_owned(), 2)]);
        let end = End { exit_code: 1, seconds: 0.5, actions_run: counts.clone(), cache_hits: counts };
        check(Event::RunFinished(end));
        check(Event::Planned(Planned { execution: 1, actions: 2 }));
        assert_eq!(Line::read("{\"at\":1.0,\"event\":\"artifact\",\"path\":\"a\"}"), None);
        assert_eq!(Line::read("{\"at\":1.0,\"ev"), None);
    }
}
