//! The goal `repl`: a Python that can import what a target reaches.

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::diagnostic::{Diagnostic, Exit};
use crate::environments;
use crate::generated;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants repl //svc:app                  a Python that imports what //svc:app does
  pants repl svc/main.py -- -c 'import svc.main'
  pants repl //svc:app --shell ipython  where the resolve has IPython";

/// Start a Python that can import what a target reaches
///
/// First-party files are those of the repository, so that an edit counts at the next start; distributions are those of the
/// lock.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The address of a target, or a file
    target: String,

    /// What is started: python, or a command of a distribution such as ipython
    #[arg(long, value_name = "NAME", default_value = "python")]
    shell: String,

    /// Arguments of it
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<String>,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let nodes = session.select_files(graph, &arguments.target)?;
    let [node] = nodes.as_slice() else {
        let message = format!("`{}` is {} targets, and one is wanted", arguments.target, nodes.len());
        return Err(vec![Diagnostic::error(Exit::Wrong, "repl::one_target", message)]);
    };
    session.tell_findings(&repository, &graph.closure([*node]), true)?;
    let made = environments::make(session, &repository, &[*node], python::environments)?;
    session.console.diagnostics(session.take_warnings());
    let Some((_, made)) = made.first() else {
        let message = format!("`{}` is for no Python of this machine", arguments.target);
        return Err(vec![Diagnostic::error(Exit::Environment, "repl::no_python", message)]);
    };
    let folder = made.ready(session)?;
    let program = folder.join("bin").join(&arguments.shell);
    if !program.exists() {
        let message = format!(
            "no distribution that `{}` reaches has a command `{}`",
            arguments.target, arguments.shell
        );
        let help =
            Some("name the distribution in `dependencies`, and run `pants lock` where it is not locked");
        return Err(vec![Diagnostic::error(Exit::Wrong, "repl::no_shell", message).help(help)]);
    }
    let mut command = Command::new(&program);
    command.args(&arguments.arguments);
    let generated = generated::place(session, &repository, &[*node], false)?;
    let roots: Vec<String> = made.environment.roots.iter().cloned().chain(generated).collect();
    environments::let_import(&mut command, session, &roots)?;
    session.console.leave();
    // Nothing of this process is left to go on with it.
    session.end_remote();
    let error = command.exec();
    let message = format!("cannot start `{}`: {error}", program.display());
    Err(vec![Diagnostic::error(Exit::Environment, "repl::start", message)])
}
