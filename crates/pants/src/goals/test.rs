//! The goal `test`: the tests of files are run by pytest, each file in a process of its own, and what passed is remembered.

mod choice;
mod debug;
mod result;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use graph::NodeId;
use python::tools::ConfigurationFile;
use python::{TestRequest, test_files, test_paths};

use self::choice::Shard;
use self::result::{Results, Status};
use super::binary::check_some;
use super::{Changed, Narrowed, Targets};
use crate::analysis::{observe, placed};
use crate::build::Plan;
use crate::checking::Configurations;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::report::{Report, exit_of};
use crate::repository::Repository;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants test ::                                    all tests
  pants test svc/app_test.py                       the tests of one file
  pants test svc/app_test.py::test_login           one of them
  pants test :: -- -k login -vv                    pytest gets what follows `--`
  pants test --changed-since=origin/main --changed-dependents=transitive";

/// Run tests with pytest
///
/// Each file of a python_test is run in a process of its own, in a sandbox that has the files that it reaches and the locked
/// distributions that these need. What passed is not run again until something of that changes. The reports are in dist/test/,
/// in the form of JUnit.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Addresses, patterns (svc::, ::), files, or tests of files (svc/app_test.py::test_login)
    #[arg(value_name = "TARGET", required_unless_present = "changed_since")]
    targets: Vec<String>,

    #[command(flatten)]
    narrowed: Narrowed,

    #[command(flatten)]
    changed: Changed,

    /// Run them although they have passed
    #[arg(long)]
    force: bool,

    /// Only those that failed when they ran last
    #[arg(long)]
    failed: bool,

    /// Only the K-th of N parts, each with about as much to do
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,

    /// A report (--output json) of an earlier run, by whose times the parts are made; the same for all of them
    #[arg(long, value_name = "FILE", requires = "shard")]
    durations: Option<PathBuf>,

    /// Run the tests of one file in the foreground, outside of the sandbox: breakpoints get the terminal
    #[arg(long, conflicts_with_all = ["shard", "failed"])]
    debug: bool,

    /// End the tests of a file after so long, where its target says nothing itself
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,

    /// Arguments of pytest
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let chosen = chosen(session, &repository, arguments)?;
    if arguments.debug {
        return Err(vec![debug::become_pytest(session, &repository, arguments, &chosen)]);
    }
    let mut results = Results::default();
    let mut report = Report::default();
    if !chosen.files.is_empty() {
        session.console.diagnostics(
            run_all(session, &repository, arguments, &chosen, &mut results, &mut report)
                .err()
                .unwrap_or_default(),
        );
    }
    choice::remember(session.store()?, &session.root, &results)?;
    session.console.diagnostics(session.take_warnings());
    Ok(tell(session, &results, &report))
}

/// The files that configure pytest.
fn pytest_configuration() -> Vec<ConfigurationFile> {
    let files: [(&str, &[&str]); 5] = [
        ("pytest.ini", &[]),
        (".pytest.ini", &[]),
        ("pyproject.toml", &["[tool.pytest"]),
        ("tox.ini", &["[pytest]"]),
        ("setup.cfg", &["[tool:pytest]"]),
    ];
    files.iter().map(|(name, tables)| ConfigurationFile::new(name, tables)).collect()
}

/// What is asked for.
struct Chosen {
    /// The files of tests.
    files: Vec<NodeId>,
    /// The tests of single files, by the path of the file; all of others.
    only: BTreeMap<String, Vec<String>>,
}

fn chosen(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
) -> Result<Chosen, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let mut only = BTreeMap::<String, Vec<String>>::new();
    let mut targets = Vec::new();
    for text in &arguments.targets {
        match text.split_once("::") {
            Some((path, name)) if path.ends_with(".py") && !name.is_empty() => {
                only.entry(path.to_owned()).or_default().push(name.to_owned());
                targets.push(path.to_owned());
            }
            _ => targets.push(text.clone()),
        }
    }
    let asked = Targets { targets, narrowed: arguments.narrowed.clone(), changed: arguments.changed.clone() };
    let mut files = asked.files(session, repository, test_files)?;
    let help = "`pants list --type python_test ::` names all that there are";
    check_some(session, &asked, &files, ("test::none", "`python_test`", help))
        .map_err(|wrong| vec![wrong])?;
    if arguments.failed {
        files = choice::failed_before(session.store()?, &session.root, graph, files)?;
    }
    if let Some(shard) = arguments.shard {
        let path = arguments.durations.as_ref().map(|path| session.environment.folder.join(path));
        let durations = path.map_or_else(|| Ok(BTreeMap::new()), |path| choice::durations(&path))?;
        files = shard.choose(graph, &files, &durations);
    }
    if files.is_empty() {
        session.console.message("no tests are left to run");
    }
    Ok(Chosen { files, only })
}

fn run_all(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    Chosen { files, only }: &Chosen,
    results: &mut Results,
    report: &mut Report,
) -> Result<(), Vec<Diagnostic>> {
    let graph = &repository.graph;
    session.tell_findings(repository, &graph.closure(files.iter().copied()), true)?;
    let configurations = Configurations::new(
        session,
        &pytest_configuration(),
        files.iter().filter_map(|file| graph.file(*file)),
    );
    let paths = |_: &python::Ownership<'_>| {
        let reached = files.iter().flat_map(|file| test_paths(graph, *file, &repository.roots));
        reached.chain(configurations.paths().map(ToOwned::to_owned)).collect()
    };
    let (index, (tests, actions, tools)) = observe(session, repository, files, &paths, |seen| {
        let request = TestRequest {
            arguments: &arguments.arguments,
            only,
            variable: &|name| session.environment.get(name).map(ToOwned::to_owned),
            configuration: &|path| {
                let found = configurations.of(path);
                found.map(|path| (path.to_owned(), seen.files[path])).collect()
            },
            timeout: arguments.timeout.map(Duration::from_secs),
        };
        let made =
            seen.analyse(files, &|analysis, actions| python::tests(files, &request, analysis, actions))?;
        let wrong = |errors: Vec<python::RuleError>| -> Vec<Diagnostic> {
            errors.iter().map(|error| placed(session, error)).collect()
        };
        let (tests, actions) = made.map_err(wrong)?;
        session.console.diagnostics(seen.interpreters.take_notes());
        let tools = crate::tools::MachineTools::of(&actions, seen.interpreters);
        Ok((tests, actions, tools))
    })?;
    let builds = tests.iter().flat_map(|test| test.builds.iter().cloned()).collect();
    let places = tests.iter().map(|test| (test.action, test.place.clone())).collect();
    let plan = Plan::of_actions(session, (builds, places), (index, actions), tools)?;
    let roots: Vec<_> = tests.iter().map(|test| test.action).collect();
    let mut execution = plan.execute(&roots, arguments.force)?;
    report.add(&execution);
    let mut failures = std::mem::take(&mut execution.failures);
    for test in &tests {
        let at =
            failures.iter().position(|failure| failure.id == test.action && result::is_of_tests(failure));
        let failure = at.map(|at| failures.remove(at));
        results.add(session, test, &execution, failure.as_ref())?;
    }
    let mut diagnostics = plan.told(failures);
    if execution.cancelled {
        diagnostics.push(Diagnostic::error(Exit::Failed, "test::cancelled", "cancelled"));
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

/// Says what became of the tests: what passed, and then what failed, with what that said.
fn tell(session: &Session<'_>, results: &Results, report: &Report) -> Exit {
    let console = session.console;
    let said = console.said();
    let failed = results.all.iter().any(|one| one.status != Status::Passed);
    let exit = match exit_of(&said) {
        Exit::Done if failed => Exit::Failed,
        exit => exit,
    };
    match console.output {
        Output::Json => {
            let mut told = report.json("test", exit, &said, session.start);
            told["tests"] = results.all.iter().map(result::TestResult::json).collect();
            console.answer(&format!("{told:#}\n"));
        }
        Output::Text => {
            for said in results.all.iter().filter_map(result::TestResult::output) {
                console.message(&said);
            }
            console.answer(&results.lines());
            if !console.quiet && !results.all.is_empty() {
                console.message(&format!("{}; {}", results.summary(), report.summary(session.start)));
            }
        }
    }
    exit
}
