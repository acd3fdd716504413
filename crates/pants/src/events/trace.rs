//! A run in the form of Chrome's traces, which Perfetto and `chrome://tracing` show: JSON of the Trace Event Format.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::tracks::{Placed, placed};
use super::{Event, Line, Phase};

/// The process that all is said to happen in.
const PROCESS: u32 = 1;
/// The track of the phases.
const PHASES: usize = 0;

/// Writes the trace of a run to a file that is empty.
///
/// # Errors
/// Where the file cannot be written.
pub(super) fn write(file: &File, lines: &[Line]) -> io::Result<()> {
    let mut file = io::BufWriter::new(file);
    serde_json::to_writer(&mut file, &trace(lines))?;
    file.flush()
}

fn trace(lines: &[Line]) -> Value {
    let mut events = vec![named("process_name", PHASES, "pants"), named("thread_name", PHASES, "phases")];
    for line in lines {
        if let Event::Phase(Phase { phase, seconds }) = &line.event {
            events.push(span(phase, "phase", PHASES, (line.at, *seconds), json!({})));
        }
    }
    let actions = lines.iter().filter_map(|line| match &line.event {
        Event::ActionFinished(finished) => Some((line.at, finished)),
        _ => None,
    });
    let mut tracks = BTreeMap::new();
    for Placed { track, is_download, start, action: one } in placed(actions) {
        // Workers have odd numbers and downloads even ones, so that neither has to be counted first.
        let number = 1 + 2 * track + usize::from(is_download);
        let kind = if is_download { "download" } else { "worker" };
        tracks.insert(number, format!("{kind} {}", track + 1));
        let details = json!({
            "action": one.action, "execution": one.execution, "key": one.key, "target": one.target, "how": one.how,
        });
        let times = (start + one.seconds, one.seconds);
        events.push(span(&one.description, &one.verb, number, times, details));
    }
    events.extend(tracks.iter().map(|(number, name)| named("thread_name", *number, name)));
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

fn span(name: &str, category: &str, track: usize, (end, seconds): (f64, f64), details: Value) -> Value {
    let microseconds = |seconds: f64| (seconds.max(0.0) * 1e6).round();
    json!({
        "ph": "X", "name": name, "cat": category, "pid": PROCESS, "tid": track,
        "ts": microseconds(end - seconds), "dur": microseconds(seconds), "args": details,
    })
}

fn named(what: &str, track: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": track, "args": { "name": name } })
}
