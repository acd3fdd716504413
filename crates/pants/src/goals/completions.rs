//! The goal `completions`: a script for the user's shell.

use clap::Args;
use clap_complete::Shell;

use crate::cli;
use crate::console::Console;
use crate::diagnostic::Exit;

/// Print the completions of a shell
///
/// For bash: `pants completions bash > ~/.local/share/bash-completion/completions/pants`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), "pants", &mut script);
    console.answer(&String::from_utf8_lossy(&script));
    Exit::Done
}
