//! The goal `fix`: linters mend what they can, and formatters give that its form.

use clap::Args;
use python::tools::{Tool, ToolGoal};

use super::rewritten::Mode;
use crate::checking::{Asked, Work, rewrite};
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants fix ::                    all files of all targets
  pants fix svc:: --tool ruff     what one tool mends";

/// Mend what linters find in Python files, and format them
///
/// The tools of `[lint]` that can rewrite files do so, then those of `[fmt]`, as `pants fmt` has them.
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
    let suits = |tool: &Tool| tool.rewrite_args.is_some();
    let suiting = [(ToolGoal::Lint, suits as fn(&Tool) -> bool), (ToolGoal::Fmt, suits)];
    let work = Work::new(session, &repository, &arguments.asked, "fix", &suiting)?;
    rewrite(session, "fix", arguments.mode, work)?.carry_out()
}
