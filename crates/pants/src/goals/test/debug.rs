//! `pants test --debug`: pytest in the foreground, on the files of the repository, for whoever wants to look into it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use graph::Target;

use super::{Arguments, Chosen};
use crate::diagnostic::{Diagnostic, Exit};
use crate::environments;
use crate::generated;
use crate::repository::Repository;
use crate::session::Session;

/// Becomes pytest. Nothing is kept apart and nothing remembered; breakpoints get the terminal.
pub(super) fn become_pytest(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    chosen: &Chosen,
) -> Diagnostic {
    match command(session, repository, arguments, chosen) {
        Ok(mut command) => {
            session.console.leave();
            // Nothing of this process is left to go on with it.
            session.end_remote();
            let error = command.exec();
            let message = format!("cannot start pytest: {error}");
            Diagnostic::error(Exit::Environment, "test::debug", message)
        }
        Err(mut wrong) => {
            let first = wrong.remove(0);
            session.console.diagnostics(wrong);
            first
        }
    }
}

fn command(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    Chosen { files, only }: &Chosen,
) -> Result<Command, Vec<Diagnostic>> {
    let [file] = files.as_slice() else {
        let message = format!("there are {} files of tests, and one can be debugged", files.len());
        let help = Some("name one: `pants test --debug svc/app_test.py`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "test::one_file", message).help(help)]);
    };
    let path = repository.graph.file(*file).unwrap_or_default();
    let target = repository.graph.target(*file).of_file(path);
    let made = environments::make(session, repository, &[*file], python::test_environments)?;
    session.console.diagnostics(session.take_warnings());
    session.console.diagnostics(unbuilt(&target));
    let Some((_, made)) = made.first() else {
        let message = format!("`{}` is for no Python of this machine", target.label);
        return Err(vec![Diagnostic::error(Exit::Environment, "test::no_python", message)]);
    };
    let folder = made.ready(session)?;
    let mut command = Command::new(folder.join("bin/python"));
    command.current_dir(&session.root).args(["-m", "pytest"]).args(target.list("args"));
    command.args(&arguments.arguments);
    match only.get(path) {
        None => command.arg(path),
        Some(names) => command.args(names.iter().map(|name| format!("{path}::{name}"))),
    };
    let generated = generated::place(session, repository, &[*file], false)?;
    for asked in target.list("extra_env_vars") {
        if let Some((name, value)) = asked.split_once('=') {
            command.env(name, value);
        }
    }
    command.envs(target.dict("env"));
    let roots: Vec<String> = made.environment.roots.iter().cloned().chain(generated).collect();
    environments::let_import(&mut command, session, &roots)?;
    Ok(command)
}

/// What the tests would find built beside them, and do not where they run on the files of the repository.
fn unbuilt(target: &Target) -> Vec<Diagnostic> {
    let built = target.labels("runtime_package_dependencies").into_iter().map(|(label, _)| {
        let message =
            format!("`{label}` is not beside the tests, which `--debug` runs in the repository itself");
        let help = Some(format!("`pants package {label}` puts it into `dist/`"));
        Diagnostic::warning("test::not_built", message).help(help)
    });
    built.collect()
}
