//! The goal `test`: the tests of files are run by pytest, each file in a process of its own, and what passed is remembered.

mod attempts;
mod choice;
mod coverage;
mod debug;
mod flaky;
mod junit;
mod result;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use engine::{ActionGraph, ActionId};
use graph::NodeId;
use python::tools::ConfigurationFile;
use python::{Reporter, Test, TestBatch, TestRequest, test_files, test_packages, test_paths};
use store::{IndexEntry, StatIndex};

use self::attempts::{Repeats, Runs, Status};
use self::choice::Shard;
use self::coverage::Measuring;
use self::result::Results;
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
use crate::tools::MachineTools;
use crate::undeclared;

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

    /// Run each file so often, whatever has passed
    #[arg(long, value_name = "N", conflicts_with_all = ["retries", "debug"])]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,

    /// Run what failed so often again at most, where its target says nothing itself; what passes then is flaky
    #[arg(long, value_name = "N")]
    retries: Option<u32>,

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
    #[arg(long, conflicts_with_all = ["shard", "failed", "coverage"])]
    debug: bool,

    /// End the tests of a file after so long, where its target says nothing itself
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,

    #[command(flatten)]
    coverage: coverage::Measures,

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
    let mut done = Done::default();
    if !chosen.files.is_empty() {
        let told = run_all(session, &repository, arguments, &chosen, &mut done);
        if done.results.all.is_empty() {
            let paths = chosen.files.iter().filter_map(|file| repository.graph.file(*file));
            result::forget(session, paths)?;
        }
        session.console.diagnostics(told.err().unwrap_or_default());
    }
    let store = session.store()?;
    choice::remember(store, &session.root, &done.results)?;
    flaky::count(store, &mut done.results)?;
    session.console.diagnostics(session.take_warnings());
    Ok(tell(session, &done))
}

/// What became of what was asked for.
#[derive(Default)]
struct Done {
    results: Results,
    report: Report,
    coverage: Option<coverage::Reported>,
    /// What may have been missing where tests failed.
    warnings: Vec<Diagnostic>,
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

impl Arguments {
    /// The targets that are asked for, and of which files only some tests, by the path of the file.
    pub(crate) fn asked(&self) -> (Targets, BTreeMap<String, Vec<String>>) {
        let mut only = BTreeMap::<String, Vec<String>>::new();
        let mut targets = Vec::new();
        for text in &self.targets {
            match text.split_once("::") {
                Some((path, name)) if path.ends_with(".py") && !name.is_empty() => {
                    only.entry(path.to_owned()).or_default().push(name.to_owned());
                    targets.push(path.to_owned());
                }
                _ => targets.push(text.clone()),
            }
        }
        (Targets { targets, narrowed: self.narrowed.clone(), changed: self.changed.clone() }, only)
    }
}

fn chosen(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
) -> Result<Chosen, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let (asked, only) = arguments.asked();
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

/// The tests as actions, and what else is known of them.
struct Analysed {
    tests: Vec<Test>,
    /// Who reports on what they measure, where they do.
    reporter: Option<Reporter>,
    actions: ActionGraph,
    tools: MachineTools,
    /// All that they reach.
    files: BTreeMap<String, IndexEntry>,
}

fn analyse(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    Chosen { files, only }: &Chosen,
    measuring: Option<&Measuring<'_>>,
) -> Result<(StatIndex, Analysed), Vec<Diagnostic>> {
    let graph = &repository.graph;
    let packages = test_packages(graph, files);
    let paths = files.iter().filter_map(|file| graph.file(*file));
    let configurations = Configurations::new(session, &pytest_configuration(), paths);
    let of_coverage = || measuring.into_iter().flat_map(Measuring::configuration).map(ToOwned::to_owned);
    let paths = |ownership: &python::Ownership<'_>| {
        let reached = files.iter().flat_map(|file| test_paths(graph, *file, &repository.roots));
        let reached = reached.chain(crate::analysis::paths(repository, ownership, &packages));
        let configuration = configurations.paths().map(ToOwned::to_owned).chain(of_coverage());
        let measured = measuring.iter().flat_map(|measuring| measuring.files_of_others(graph));
        reached.chain(configuration).chain(measured).collect()
    };
    let nodes: Vec<NodeId> = files.iter().chain(&packages).copied().collect();
    observe(session, repository, &nodes, &paths, |seen| {
        let request = TestRequest {
            arguments: &arguments.arguments,
            only,
            variable: &|name| session.environment.get(name).map(ToOwned::to_owned),
            configuration: &|path| {
                let found = configurations.of(path).map(ToOwned::to_owned).chain(of_coverage());
                let found: BTreeSet<String> = found.collect();
                found
                    .into_iter()
                    .map(|path| {
                        let entry = seen.files[path.as_str()];
                        (path, entry)
                    })
                    .collect()
            },
            timeout: arguments.timeout.map(Duration::from_secs),
            measures: measuring.is_some(),
        };
        let made = seen.analyse(&nodes, &|analysis, actions| {
            let tests = python::tests(files, &request, analysis, actions)?;
            let first = files.first().filter(|_| measuring.is_some());
            let reporter = first.map_or(Ok(None), |first| python::reporter(*first, analysis, actions))?;
            Ok((tests, reporter))
        })?;
        let wrong = |errors: Vec<python::RuleError>| -> Vec<Diagnostic> {
            errors.iter().map(|error| placed(session, error)).collect()
        };
        let ((tests, reporter), actions) = made.map_err(wrong)?;
        session.console.diagnostics(seen.interpreters.take_notes());
        let tools = MachineTools::of(&actions, seen.interpreters);
        Ok(Analysed { tests, reporter, actions, tools, files: seen.files.clone() })
    })
}

/// The files whose tests each action runs.
fn files_of_actions(
    tests: &[Test],
    repeated: &[Vec<ActionId>],
    batches: &[TestBatch],
) -> BTreeMap<ActionId, Vec<String>> {
    let alone = tests.iter().zip(repeated);
    let alone =
        alone.flat_map(|(test, actions)| actions.iter().map(|action| (*action, vec![test.path.clone()])));
    let batches = batches.iter().map(|batch| {
        let paths = batch.tests.iter().map(|test| tests[*test].path.clone());
        (batch.action, paths.collect())
    });
    alone.chain(batches).collect()
}

fn run_all(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    chosen: &Chosen,
    done: &mut Done,
) -> Result<(), Vec<Diagnostic>> {
    let reached = repository.graph.closure(chosen.files.iter().copied());
    session.tell_findings(repository, &reached, true)?;
    let measuring = arguments.coverage.measuring(session, arguments.shard.is_some())?;
    let (index, analysed) = analyse(session, repository, arguments, chosen, measuring.as_ref())?;
    let Analysed { tests, reporter, mut actions, tools, files } = analysed;
    let runs = arguments.runs;
    let mut repeated = |test: &Test| {
        let more = (1..runs.unwrap_or(1)).map(|_| actions.again(test.action));
        std::iter::once(test.action).chain(more).collect()
    };
    let repeated: Vec<Vec<ActionId>> = tests.iter().map(&mut repeated).collect();
    // What has failed before would most likely run twice.
    let has_batches = runs.is_none() && !arguments.force && !arguments.failed;
    let batches = if has_batches { python::batches(&tests, &mut actions) } else { Vec::new() };
    let builds = tests.iter().map(|test| &test.builds).chain(reporter.iter().map(|one| &one.builds));
    let builds = builds.flatten().cloned().collect();
    let mut places: Vec<_> = tests.iter().map(|test| (test.action, test.place.clone())).collect();
    places.extend(batches.iter().map(|batch| (batch.action, tests[batch.tests[0]].place.clone())));
    places.extend(reporter.iter().map(|one| (one.environment, one.place.clone())));
    let plan = Plan::of_actions(session, (builds, places), (index, actions), tools)?;
    let plan = plan.testing(files_of_actions(&tests, &repeated, &batches));
    done.report.add_counts(session.take_generated());
    let repeats = Repeats { runs, retries: arguments.retries.unwrap_or_default(), force: arguments.force };
    let runs = Runs { tests: &tests, actions: &repeated, batches: &batches, repeats };
    let ended = runs.carry_out(&plan, session.store()?, &mut done.report)?;
    for (test, attempts) in tests.iter().zip(ended.of_tests) {
        done.results.add(session, test, attempts, arguments.runs.is_some())?;
        let said = done.results.all.last().and_then(result::TestResult::output);
        if let (Some(said), Some(node)) = (said, repository.graph.file_nodes(&test.path).first()) {
            done.warnings.extend(undeclared::warnings(session, repository, (*node, ""), &said));
        }
    }
    let mut diagnostics = plan.told(ended.failures);
    if ended.cancelled {
        diagnostics.push(Diagnostic::error(Exit::Failed, "test::cancelled", "cancelled"));
    } else if let (Some(measuring), Some(reporter)) = (&measuring, &reporter) {
        let trees = done.results.trees();
        match measuring.report(session, &plan, reporter, &trees, &files) {
            Ok(reported) => done.coverage = Some(reported),
            Err(wrong) => diagnostics.extend(wrong),
        }
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

/// Says what became of the tests: what passed, and then what failed, with what that said.
fn tell(session: &Session<'_>, Done { results, report, coverage, warnings }: &Done) -> Exit {
    let console = session.console;
    if console.output == Output::Json {
        console.diagnostics(warnings.clone());
    }
    console.diagnostics(coverage.iter().filter_map(coverage::Reported::too_little).collect());
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
            if let Some(coverage) = coverage {
                told["coverage"] = coverage.json();
            }
            console.answer(&format!("{told:#}\n"));
        }
        Output::Text => {
            for said in results.all.iter().filter_map(result::TestResult::output) {
                console.message(&said);
            }
            console.diagnostics(warnings.clone());
            console.answer(&results.lines());
            console.answer(&coverage.as_ref().map(coverage::Reported::lines).unwrap_or_default());
            if !console.quiet && !results.all.is_empty() {
                console.message(&format!("{}; {}", results.summary(), report.summary(session.start)));
            }
        }
    }
    exit
}
