//! Source distributions that are built on this machine: the interpreters as tools, and failures as people read them.

use std::collections::BTreeMap;

use engine::{ActionError, ActionFailure, ActionGraph, Failure, Fault, Program, Tool, Tools, Verb};
use packaging::interpreter::Interpreter;
use packaging::platform::{Machine, Platform};
use packaging::sdist;
use python::SourceBuild;
use python::configuration::Interpreters;
use store::{Outcome, Store};

use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{Session, shown};

/// The folder of the cache for logs of failed builds.
const LOGS: &str = "logs";

/// The tools that the actions of a request start from, found before any of them runs.
pub(crate) struct MachineTools(BTreeMap<String, Tool>);

impl MachineTools {
    /// Those of all actions.
    pub(crate) fn of(actions: &ActionGraph, interpreters: &dyn Interpreters) -> MachineTools {
        let symbols = actions.actions().iter().filter_map(|action| match &action.verb {
            Verb::Run(process) => match &process.program {
                Program::Tool(symbol) => Some(symbol),
                Program::Input(_) => None,
            },
            _ => None,
        });
        let mut tools = BTreeMap::new();
        for symbol in symbols {
            if tools.contains_key(symbol) {
                continue;
            }
            let is_meant = |one: &Interpreter| sdist::tool(one.abi) == *symbol;
            // The rules asked for it in the same way, so that it is the one whose wheels were chosen.
            let wanted = interpreters.all().into_iter().filter(is_meant).find_map(|one| {
                let free_threaded = one.abi.free_threaded;
                let minor = packaging::python::Wanted::minor(one.minor());
                interpreters.find(packaging::python::Wanted { free_threaded, ..minor })
            });
            if let Some(found) = wanted.filter(is_meant) {
                tools.insert(symbol.clone(), tool(&found));
            }
        }
        MachineTools(tools)
    }
}

/// An interpreter as a tool. What it builds depends on the platform too.
fn tool(interpreter: &Interpreter) -> Tool {
    let Interpreter { path, implementation, version, abi } = interpreter;
    let platform = Platform::current(&Machine::detect());
    let platform = platform.map_or_else(|_| "unknown".to_owned(), |platform| platform.to_string());
    Tool { path: path.clone(), identity: format!("{implementation} {version} {abi} {platform}") }
}

impl Tools for MachineTools {
    fn tool(&self, symbol: &str) -> Result<Tool, Box<dyn Failure>> {
        let missing = || Box::new(NoTool(symbol.to_owned())) as Box<dyn Failure>;
        self.0.get(symbol).cloned().ok_or_else(missing)
    }
}

/// A tool that went away between the choice of it and its use.
#[derive(Debug, thiserror::Error)]
#[error("there is no `{0}` on this machine")]
struct NoTool(String);

impl Failure for NoTool {
    fn code(&self) -> &'static str {
        "run::no_tool"
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }
}

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
