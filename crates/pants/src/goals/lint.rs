//! The goal `lint`: tools look at files, and what they find is told.

use clap::Args;
use python::tools::{Tool, ToolGoal};

use crate::checking::{Asked, Work, look};
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;
use crate::together::Planned;

const EXAMPLES: &str = "\
Examples:
  pants lint ::                                all files of all targets
  pants lint svc/app.py --tool ruff            one file by one tool
  pants lint --changed-since=origin/main       what differs";

/// Find what is wrong with Python files
///
/// The tools of `[lint]` look at them: ruff, flake8, bandit and those of your own. They come from a lock, and run in the
/// sandbox on batches of files; what they found is remembered. The exit code is 1 where they found something.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) asked: Asked,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    plan(session, &repository, arguments)?.carry_out()
}

pub(crate) fn plan<'a>(
    session: &'a Session<'a>,
    repository: &'a Repository,
    arguments: &'a Arguments,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    let suits = |tool: &Tool| tool.check_args.is_some();
    let work = Work::new(session, repository, &arguments.asked, "lint", &[(ToolGoal::Lint, suits)])?;
    look(session, "lint", work)
}
