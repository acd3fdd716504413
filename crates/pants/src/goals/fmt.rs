//! The goal `fmt`: tools give files their form.

use clap::Args;
use python::tools::{Tool, ToolGoal};

use super::rewritten::Mode;
use crate::checking::{Asked, Work, rewrite};
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;
use crate::together::Planned;

const EXAMPLES: &str = "\
Examples:
  pants fmt ::                          all files of all targets
  pants fmt --check ::                  write nothing, fail if something would change
  pants fmt --changed-since=HEAD        what was edited";

/// Format Python files
///
/// The tools of `[fmt]` rewrite them, one after the other: ruff-format, black, isort and those of your own. They run in the
/// sandbox on copies; files are written when all tools are content with all of them. The paths of those are printed that
/// changed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) asked: Asked,

    #[command(flatten)]
    mode: Mode,
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
    let suits = |tool: &Tool| tool.rewrite_args.is_some();
    let work = Work::new(session, repository, &arguments.asked, "fmt", &[(ToolGoal::Fmt, suits)])?;
    rewrite(session, "fmt", arguments.mode, work)
}
