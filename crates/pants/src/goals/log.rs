//! The goal `log`: past runs of this repository, what they spent their time on, and what differs between them.

mod critical;
mod difference;
mod flaky;
mod page;
mod shown;

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::events::{Record, Records, rfc3339};
use crate::session::Session;

/// Look at past runs
///
/// Every run that had something to execute is kept, up to a hundred for each repository. Runs are counted backwards: 1 is
/// the last one. Without anything, all of them are listed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which run: 1 for the last, 2 for the one before, or its name
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// Show the chain of actions, each waiting for the one before, that decided how long the run took
    #[arg(long, conflicts_with_all = ["diff", "flaky", "html"])]
    critical_path: bool,

    /// Show what ran in one of two runs and not in the other, and what took more or less time
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["run", "flaky", "html"])]
    diff: Option<Vec<String>>,

    /// List what failed and succeeded with nothing changed in between, over all kept runs
    #[arg(long, conflicts_with_all = ["run", "html"])]
    flaky: bool,

    /// Write one page with the timeline of the run, and with what all kept runs spent their time on
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let records = Records::of(&session.cache_dir, &session.root).all().map_err(|error| {
        let message = format!("cannot read the records of past runs: {error}");
        vec![Diagnostic::error(Exit::Environment, "log::unreadable", message)]
    })?;
    let find = |text: &str| find(&records, text).map_err(|wrong| vec![wrong]);
    let asked = arguments.run.as_deref();
    let (json, text) = if let Some([one, other]) = arguments.diff.as_deref() {
        let difference = difference::Difference::of(find(one)?, find(other)?);
        (difference.json(), difference.text())
    } else if arguments.flaky {
        let flaky = flaky::of(&records);
        (flaky::json(&flaky), flaky::text(&flaky))
    } else if let Some(path) = &arguments.html {
        let record = find(asked.unwrap_or("1"))?;
        let path = session.environment.folder.join(path);
        std::fs::write(&path, page::page(record, &records)).map_err(|error| {
            let message = format!("cannot write `{}`: {error}", path.display());
            vec![Diagnostic::error(Exit::Environment, "log::unwritable", message)]
        })?;
        (json!({ "path": path }), format!("{}\n", path.display()))
    } else if arguments.critical_path {
        let record = find(asked.unwrap_or("1"))?;
        let path = critical::path(record);
        (critical::json(&path), critical::text(&path, record))
    } else if let Some(asked) = asked {
        let record = find(asked)?;
        (shown::run_json(record), shown::run(record))
    } else {
        let now = crate::events::moment(&rfc3339(SystemTime::now())).unwrap_or_default();
        let all: Value = records.iter().map(shown::summary_json).collect();
        (all, shown::list(&records, now))
    };
    session.console.answer(&match session.console.output {
        Output::Json => format!("{json:#}\n"),
        Output::Text => text,
    });
    Ok(Exit::Done)
}

/// The run of this number, counted backwards from 1, or of this name, which may be shortened to what is unique.
fn find<'r>(records: &'r [Record], text: &str) -> Result<&'r Record, Diagnostic> {
    let by_number = text.parse::<usize>().ok().filter(|number| *number > 0);
    if let Some(record) = by_number.and_then(|number| records.get(number - 1)) {
        return Ok(record);
    }
    let named: Vec<&Record> =
        records.iter().filter(|record| !text.is_empty() && record.started.run.starts_with(text)).collect();
    if let [record] = named[..] {
        return Ok(record);
    }
    let message = match (records.len(), named.len()) {
        (0, _) => "no run of this repository is kept".to_owned(),
        (_, 0) => format!("there is no run `{text}`"),
        (_, several) => format!("`{text}` is the beginning of the names of {several} runs"),
    };
    let help = match records.len() {
        0 => "a run is kept when it has something to execute, such as `pants test ::`".to_owned(),
        all => format!("`pants log` lists all {all}; 1 is the last one"),
    };
    Err(Diagnostic::error(Exit::Wrong, "log::no_run", message).help(Some(help)))
}
