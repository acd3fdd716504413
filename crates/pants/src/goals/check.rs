//! The goal `check`: tools check the types of files, with all that these import.

use clap::Args;
use python::tools::{Tool, ToolGoal};

use crate::checking::{Asked, Work, look};
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;
use crate::together::Planned;

const EXAMPLES: &str = "\
Examples:
  pants check ::                                all files of all targets
  pants check svc:: --tool mypy                 by one tool
  pants check --changed-since=origin/main --changed-dependents=transitive";

/// Check the types of Python files
///
/// The tools of `[check]` read them with all that they import: mypy, pyright and those of your own. Files of one resolve and
/// one Python are checked together, in the sandbox; what was found is remembered. The exit code is 1 where something was.
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
    let work = Work::new(session, repository, &arguments.asked, "check", &[(ToolGoal::Check, suits)])?;
    look(session, "check", work)
}
