//! Source distributions that could not be built, as people read of them.

use std::path::PathBuf;

use engine::{ActionError, ActionFailure, Level};
use packaging::sdist;
use python::SourceBuild;
use store::{Outcome, Store};

use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{Session, shown};

/// The folder of the cache for logs of failed builds.
const LOGS: &str = "logs";

/// What a failed build of a source distribution is to people; none where the failure is another.
pub(crate) fn failed(
    failure: &ActionFailure,
    builds: &[&SourceBuild],
    session: &Session<'_>,
    store: &Store,
    readable: &[PathBuf],
) -> Option<Diagnostic> {
    let build = builds.iter().find(|build| build.run == failure.id)?;
    let ActionError::Exit { outcome, .. } = &*failure.error else { return None };
    let SourceBuild { project, version, python, resolve, .. } = *build;
    let log = log(outcome, store);
    let told = sdist::explain(&log, project, resolve);
    let message =
        format!("the source distribution of `{project}` {version} could not be built with {python}");
    let mut diagnostic = Diagnostic::error(Exit::Failed, "build::source", message);
    if !told.lines.is_empty() {
        diagnostic = diagnostic.note(told.lines.join("\n"));
    }
    let mut help = told.help;
    if let Some(hidden) = hidden(&log, session, readable) {
        diagnostic = diagnostic.note(hidden);
        help = help.or_else(|| {
            Some(format!(
                "require a version of `{project}` that has wheels: its build reads what differs by machine"
            ))
        });
    }
    if session.console.verbose {
        let path = session
            .cache_dir
            .join(LOGS)
            .join(format!("{project}-{version}-{}.log", &outcome.stderr.hex()[..12]));
        let written = path
            .parent()
            .map(std::fs::create_dir_all)
            .and_then(|made| made.and_then(|()| std::fs::write(&path, &log)).ok());
        if written.is_some() {
            diagnostic = diagnostic.note(format!("the whole log is in `{}`", shown(&path, &session.root)));
        }
    } else if help.is_none() {
        help = Some("`-v` tells where the whole log is".to_owned());
    }
    Some(diagnostic.help(help))
}

/// What a build that was kept apart could not see of this machine.
fn hidden(log: &str, session: &Session<'_>, readable: &[PathBuf]) -> Option<String> {
    let apart = session.sandbox.probed().is_some_and(|found| found.level != Level::Off);
    let paths = if apart { engine::undeclared(log, readable) } else { Vec::new() };
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    (!paths.is_empty()).then(|| {
        format!("it names {}, which this machine has and the sandbox of a build has not", paths.join(" and "))
    })
}

/// What a build said. It writes all to one stream; what the interpreter itself says before that is in the same.
fn log(outcome: &Outcome, store: &Store) -> String {
    let bytes = store.read(&outcome.stderr).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
