//! The goal `run`: becomes a program, from its sources or as it is packaged.

mod boot;
mod package;
mod sources;
mod started;

use clap::Args;

pub(super) use self::package::become_program;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants run //svc:app -- --port 80       the entry point of a binary
  pants run svc/tool.py -- --dry-run     a file, as the module that it is
  pants run //3rdparty:black -- svc      the command of a requirement
  pants run //svc:app --script flask     a command of a distribution that it reaches
  pants run //svc:app --debug            wait for a debugger at 127.0.0.1:5678
  pants run //svc:app --as-package       what `pants binary` builds of it";

/// Run a binary, a file or a command of a distribution
///
/// First-party files are those of the repository, so that an edit counts at the next start; distributions are those of the
/// lock. What follows `--` is given to the program. It has the folder, the environment, the terminal and the process of pants,
/// and its exit code.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The address of a target, or a file
    pub(crate) target: String,

    /// Start this command of a distribution that the target reaches
    #[arg(long, value_name = "NAME", conflicts_with = "as_package")]
    script: Option<String>,

    /// Build the binary and start that
    #[arg(long, conflicts_with = "debug")]
    as_package: bool,

    /// Wait for a debugger before anything of the program runs, with the debugpy of its resolve
    #[arg(long)]
    debug: bool,

    /// Where on 127.0.0.1 debuggers connect to; 0 is any port that is free
    #[arg(long, value_name = "PORT", default_value_t = 5678)]
    debug_port: u16,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<String>,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    if arguments.as_package {
        return package::run(session, &arguments.target, &arguments.arguments);
    }
    sources::run(session, arguments)
}
