//! Source distributions that could not be built, as people read of them.

use engine::{ActionError, ActionFailure};
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
) -> Option<Diagnostic> {
    let build = builds.iter().find(|build| build.run == failure.id)?;
    let ActionError::Exit { outcome, .. } = &failure.error else { return None };
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

/// What a build said. It writes all to one stream; what the interpreter itself says before that is in the same.
fn log(outcome: &Outcome, store: &Store) -> String {
    let bytes = store.read(&outcome.stderr).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
