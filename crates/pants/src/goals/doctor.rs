//! The goal `doctor`: whether this machine has what builds need, and what to change where it has not.

mod cache;
mod machine;
mod network;
mod programs;
mod python;
mod remote;
mod repository;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use engine::Cancel;
use serde_json::{Value, json};
use store::Moment;

use crate::cli::{Options, Output};
use crate::config::{Config, Gathered};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::mask::masked;
use crate::session::Session;

/// Look whether this machine has what builds need
///
/// Interpreters, the kernel, the cache, indexes, the clock, other programs, and what the repository asks of them. Each line
/// is `ok`, a `warning` (something is slower or weaker than it could be) or an `error` (something will fail), with what to
/// change. Works outside of a repository too. With --offline no index is asked.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Say only what could be better
    #[arg(long)]
    problems: bool,

    /// Look at the remote cache as well: what it can do, how fast it is, and whether it takes what is made here
    #[arg(long)]
    remote: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Ok,
    Warning,
    Error,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    status: Status,
    /// What was found.
    what: String,
    /// What to change.
    advice: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Finding {
        Finding { status: Status::Ok, what: what.into(), advice: None }
    }

    fn warning(what: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { status: Status::Warning, what: what.into(), advice: Some(advice.into()) }
    }

    fn error(what: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { status: Status::Error, what: what.into(), advice: Some(advice.into()) }
    }

    /// What is said elsewhere as a diagnostic.
    fn told(told: &Diagnostic) -> Finding {
        let notes = told.notes.iter().map(|(note, _)| format!("; {note}"));
        let what = notes.fold(told.message.clone(), |what, note| what + &note);
        Finding { status: Status::Error, what, advice: told.help.clone() }
    }
}

/// What was looked at, by topic.
type Findings = Vec<(&'static str, Vec<Finding>)>;

pub(crate) fn run(
    options: &Options,
    arguments: &Arguments,
    console: &mut Console,
    environment: &Environment,
    cancel: &Cancel,
    gathered: Option<(PathBuf, Gathered)>,
    start: (Instant, Moment),
) -> Result<Exit, Vec<Diagnostic>> {
    let is_repository = gathered.is_some();
    let (root, config) = match gathered {
        Some((root, gathered)) => {
            let config = Config::new(gathered)?.completed(&root);
            (root, config)
        }
        None => (environment.folder.clone(), Config::empty()),
    };
    console.root.clone_from(&root);
    console.configure(options, &config);
    let session = Session::open(options, root, config, console, environment, cancel, start)?;
    let mut findings: Findings = vec![
        ("machine", machine::look(&session)),
        ("cache", cache::look(&session)),
        ("interpreters", python::look(&session)),
        ("programs", programs::look(&session)),
        ("indexes", network::look(&session)),
    ];
    if arguments.remote {
        findings.push(("remote", remote::look(&session)));
    }
    if is_repository {
        findings.push(("repository", repository::look(&session)));
    }
    // A cache that cannot be used keeps others from looking; it is told once.
    let mut told: Vec<Finding> = Vec::new();
    for (_, of) in &mut findings {
        of.retain(|finding| finding.status != Status::Error || !told.contains(finding));
        told.extend(of.iter().cloned());
    }
    let worst = findings.iter().flat_map(|(_, of)| of).map(|finding| finding.status).max();
    if arguments.problems {
        for (_, of) in &mut findings {
            of.retain(|finding| finding.status != Status::Ok);
        }
    }
    findings.retain(|(_, of)| !of.is_empty());
    console.answer(&match console.output {
        Output::Text => text(&findings),
        Output::Json => format!("{:#}\n", as_json(&findings)),
    });
    Ok(if worst == Some(Status::Error) { Exit::Environment } else { Exit::Done })
}

fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for (topic, of) in findings {
        let _ = writeln!(text, "{topic}");
        for Finding { status, what, advice } in of {
            let _ = writeln!(text, "  {:<7}  {}", status.name(), masked(what));
            if let Some(advice) = advice {
                let _ = writeln!(text, "           help: {}", masked(advice));
            }
        }
    }
    let count = |wanted| findings.iter().flat_map(|(_, of)| of).filter(|one| one.status == wanted).count();
    let (errors, warnings) = (count(Status::Error), count(Status::Warning));
    let _ = match (errors, warnings) {
        (0, 0) => writeln!(text, "nothing to change"),
        _ => writeln!(text, "{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    text
}

fn as_json(findings: &Findings) -> Value {
    let all = findings.iter().flat_map(|(topic, of)| of.iter().map(move |finding| (topic, finding)));
    all.map(|(topic, finding)| {
        json!({
            "topic": topic,
            "status": finding.status.name(),
            "found": masked(&finding.what),
            "advice": finding.advice.as_deref().map(masked),
        })
    })
    .collect()
}

/// `1 processor`, `2 processors`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
