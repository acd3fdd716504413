//! The goal `ci`: what a CI job does for a change, in one run of the scheduler, with one summary.

mod outcome;

use std::time::{Duration, Instant};

use clap::{Args, FromArgMatches, ValueEnum};
use serde_json::json;

use self::outcome::{Outcome, Status};
use super::test::Shard;
use super::{Changed, Narrowed, Targets};
use crate::changed::Dependents;
use crate::cli::{self, Cli, Goal, Output};
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::{Report, exit_of, worst};
use crate::repository::Repository;
use crate::session::Session;
use crate::together::{self, Open, Planned, Share};

const EXAMPLES: &str = "\
Examples:
  pants ci --changed-since=origin/main               what a change affects
  pants ci ::                                        everything
  pants ci --changed-since=origin/main --shard 1/3   one of three jobs
  pants --output json ci --changed-since=HEAD~1 > ci.json";

/// The errors that mean that there is nothing to do.
const NOTHING: [&str; 5] = ["tools::none", "tools::no_files", "test::none", "package::none", "binary::none"];

/// Check, test and package what a change affects
///
/// `fmt --check` and `lint` of the files of targets that differ; `check`, `test` and `package` of all that depends on these
/// too. All is planned first, and then runs together, as processors are free; each is told whatever became of the others, and
/// what has no tools is passed over. The exit code is the worst.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only targets that these addresses or patterns match
    #[arg(value_name = "TARGET", required_unless_present = "changed_since")]
    targets: Vec<String>,

    #[command(flatten)]
    narrowed: Narrowed,

    /// What differs from where HEAD and REV part, uncommitted and untracked files included
    #[arg(long, value_name = "REV", env = "PANTS_CHANGED_SINCE", hide_env = true)]
    changed_since: Option<String>,

    /// Leave this out; it may be given several times
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    skip: Vec<Part>,

    /// Only the K-th of N parts of the tests; all else is done by the first
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,

    /// A report of an earlier run, by whose times the parts of the tests are made; the same for all of them
    #[arg(long, value_name = "FILE", requires = "shard")]
    durations: Option<String>,
}

impl Arguments {
    /// The targets that all of it is about.
    pub(crate) fn asked(&self) -> Targets {
        let changed = Changed {
            changed_since: self.changed_since.clone(),
            changed_dependents: Some(Dependents::Transitive),
        };
        Targets { targets: self.targets.clone(), narrowed: self.narrowed.clone(), changed }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Fmt,
    Lint,
    Check,
    Test,
    Package,
}

/// All of it, in the order in which it is told.
const PARTS: [Part; 5] = [Part::Fmt, Part::Lint, Part::Check, Part::Test, Part::Package];

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let is_first = arguments.shard.as_ref().is_none_or(|shard| shard.parse().is_ok_and(Shard::is_first));
    let is_meant = |part: &Part| !arguments.skip.contains(part) && (is_first || *part == Part::Test);
    let goals = PARTS.into_iter().filter(is_meant).map(|part| goal(part, arguments));
    let goals = goals.collect::<Result<Vec<Goal>, _>>()?;
    let repository = session.repository()?;
    let begun: Vec<Begun<'_>> = goals.iter().map(|goal| begin(session, &repository, goal)).collect();
    let open: Vec<&Open<'_>> = begun.iter().filter_map(Begun::open).collect();
    let mut shares = together::execute(session, &open)?.into_iter();
    let outcomes: Vec<Outcome> = begun.into_iter().map(|one| end(session, one, &mut shares)).collect();
    let exit = worst(outcomes.iter().map(|outcome| outcome.exit));
    let console = session.console;
    match console.output {
        Output::Json => {
            let report = json!({
                "goal": "ci",
                "exit_code": exit as i32,
                "since": arguments.changed_since,
                "shard": arguments.shard,
                "parts": outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
                "seconds": session.start.elapsed().as_secs_f64(),
            });
            console.answer(&format!("{report:#}\n"));
        }
        Output::Text => console.answer(&outcomes.iter().map(Outcome::line).collect::<String>()),
    }
    Ok(exit)
}

/// The goal that a part is, as if it were called by itself.
fn goal(part: Part, arguments: &Arguments) -> Result<Goal, Vec<Diagnostic>> {
    let mut words = vec!["pants".to_owned(), part.name().to_owned()];
    if part == Part::Fmt {
        words.push("--check".to_owned());
    }
    if let Some(since) = &arguments.changed_since {
        let dependents = if matches!(part, Part::Fmt | Part::Lint) { "none" } else { "transitive" };
        words.push(format!("--changed-since={since}"));
        words.push(format!("--changed-dependents={dependents}"));
    }
    if part == Part::Test {
        words.extend(arguments.shard.iter().map(|shard| format!("--shard={shard}")));
        words.extend(arguments.durations.iter().map(|file| format!("--durations={file}")));
    }
    words.extend(arguments.narrowed.exclude.iter().map(|pattern| format!("--exclude={pattern}")));
    words.extend(arguments.narrowed.tag.iter().map(|tag| format!("--tag={tag}")));
    words.extend(arguments.targets.iter().cloned());
    let parsed = cli::command().try_get_matches_from(words).and_then(|found| Cli::from_arg_matches(&found));
    parsed.map(|cli| cli.goal).map_err(|error| {
        let said = error.to_string();
        let said = said.strip_prefix("error: ").unwrap_or(&said).lines().next().unwrap_or_default();
        vec![Diagnostic::error(Exit::Wrong, "ci::arguments", said.to_owned())]
    })
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Fmt => "fmt",
            Part::Lint => "lint",
            Part::Check => "check",
            Part::Test => "test",
            Part::Package => "package",
        }
    }
}

/// A part that is planned.
struct Begun<'a> {
    goal: &'static str,
    planned: Result<Planned<'a>, Vec<Diagnostic>>,
    /// What was said and answered meanwhile.
    said: Vec<Diagnostic>,
    answer: String,
    /// How long that took.
    took: Duration,
}

impl<'a> Begun<'a> {
    /// What has to run for it.
    fn open(&self) -> Option<&Open<'a>> {
        match &self.planned {
            Ok(Planned::Open(open)) => Some(&**open),
            _ => None,
        }
    }
}

/// Plans what a goal does.
fn begin<'a>(session: &'a Session<'a>, repository: &'a Repository, goal: &'a Goal) -> Begun<'a> {
    let (console, start) = (session.console, Instant::now());
    let ((planned, said), answer) = console.part(Vec::new(), || {
        let planned = match goal {
            Goal::Fmt(arguments) => super::fmt::plan(session, repository, arguments),
            Goal::Lint(arguments) => super::lint::plan(session, repository, arguments),
            Goal::Check(arguments) => super::check::plan(session, repository, arguments),
            Goal::Test(arguments) => super::test::plan(session, repository, arguments),
            Goal::Package(arguments) => super::package::plan(session, repository, arguments),
            _ => unreachable!("it is none of the parts"),
        };
        (planned, console.said())
    });
    Begun { goal: goal.name(), planned, said, answer, took: start.elapsed() }
}

/// Has a part answer when all has run, and gives what became of it.
fn end(
    session: &Session<'_>,
    Begun { goal, planned, said, mut answer, mut took }: Begun<'_>,
    shares: &mut impl Iterator<Item = Share>,
) -> Outcome {
    let (console, start) = (session.console, Instant::now());
    let (ended, more) = console.part(said, || {
        let ended = planned.and_then(|planned| match planned {
            Planned::Done(exit) => Ok(exit),
            Planned::Open(open) => {
                let share = shares.next().expect("each has its share");
                took += share.after;
                open.conclude(share.execution)
            }
        });
        match ended {
            Ok(Exit::Done) => Ok(exit_of(&console.said())),
            Ok(exit) => Ok(exit),
            Err(errors) if errors.iter().all(|error| NOTHING.contains(&error.code.as_str())) => Err(errors),
            Err(errors) => {
                console.diagnostics(errors);
                let exit = exit_of(&console.said());
                if console.output == Output::Json {
                    let report = Report::default().json(goal, exit, &console.said(), session.start);
                    console.answer(&report.to_string());
                }
                Ok(exit)
            }
        }
    });
    answer.push_str(&more);
    let (status, exit, reason) = match ended {
        Ok(Exit::Done) => (Status::Passed, Exit::Done, None),
        Ok(exit) => (Status::Failed, exit, None),
        Err(nothing) => (Status::Skipped, Exit::Done, nothing.first().map(|error| error.message.clone())),
    };
    let report = serde_json::from_str(&answer).ok();
    Outcome { goal, status, exit, reason, report, seconds: (took + start.elapsed()).as_secs_f64() }
}
