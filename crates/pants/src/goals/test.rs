//! The goal `test`: the tests of files are run by pytest, each file in a process of its own, and what passed is remembered.

mod attempts;
mod choice;
mod coverage;
mod debug;
mod flaky;
mod junit;
mod prepared;
mod result;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use engine::ActionGraph;
use graph::{NodeId, TargetGraph};
use python::tools::ConfigurationFile;
use python::{Reporter, Test, TestRequest, test_files, test_packages, test_paths};
use store::IndexEntry;

use self::attempts::Status;
pub(super) use self::choice::Shard;
use self::coverage::Measuring;
use self::prepared::prepare;
use self::result::Results;
use super::binary::check_some;
use super::{Changed, Narrowed, Targets};
use crate::analysis::{Sources, observe, placed};
use crate::checking::Configurations;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::recall::{Basis, Recalled, Request};
use crate::report::{Report, exit_of};
use crate::repository::{Repository, Variables};
use crate::session::Session;
use crate::together::Planned;
use crate::tools::MachineTools;

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
    let asked = Asked::new(session, arguments);
    if let Some(exit) = asked.recall(session)? {
        return Ok(exit);
    }
    let repository = session.repository()?;
    plan_anew(session, &repository, arguments, asked)?.carry_out()
}

pub(crate) fn plan<'a>(
    session: &'a Session<'a>,
    repository: &'a Repository,
    arguments: &'a Arguments,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    let asked = Asked::new(session, arguments);
    match asked.recall(session)? {
        Some(exit) => Ok(Planned::Done(exit)),
        None => plan_anew(session, repository, arguments, asked),
    }
}

fn plan_anew<'a>(
    session: &'a Session<'a>,
    repository: &'a Repository,
    arguments: &'a Arguments,
    Asked { targets, only, request }: Asked<'a>,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    let chosen = chosen(session, repository, arguments, (&targets, only))?;
    if arguments.debug {
        return Err(vec![debug::become_pytest(session, repository, arguments, &chosen)]);
    }
    if chosen.files.is_empty() {
        return conclude(session, Done::default()).map(Planned::Done);
    }
    let mut done = Done::default();
    match prepare(session, repository, arguments, &chosen, &mut done) {
        Ok((prepared, plan)) => {
            let (roots, force) = (prepared.runs().first(), prepared.repeats.forces());
            Ok(Planned::open(plan, roots, force, move |plan, first| {
                let told = prepared.conclude(session, repository, (plan, first), &mut done);
                let told = told.and_then(|basis| {
                    remember(session, repository, request.as_ref().map(|request| (request, basis)), &done)
                });
                session.console.diagnostics(told.err().unwrap_or_default());
                conclude(session, done)
            }))
        }
        Err(wrong) => {
            result::forget(session, chosen.files.iter().filter_map(|file| repository.graph.file(*file)))?;
            session.console.diagnostics(wrong);
            conclude(session, done).map(Planned::Done)
        }
    }
}

/// Remembers how each file ended, and answers.
fn conclude(session: &Session<'_>, mut done: Done) -> Result<Exit, Vec<Diagnostic>> {
    let store = session.store()?;
    choice::remember(store, &session.root, &done.results)?;
    flaky::count(store, &mut done.results)?;
    session.console.diagnostics(session.take_warnings());
    Ok(tell(session, &done))
}

/// What is asked for, as it was written.
struct Asked<'a> {
    targets: Targets,
    only: BTreeMap<String, Vec<String>>,
    request: Option<Request<'a>>,
}

impl<'a> Asked<'a> {
    fn new(session: &'a Session<'a>, arguments: &Arguments) -> Asked<'a> {
        session.builds.get_or_init(|| ());
        let (targets, only) = arguments.asked();
        let request = arguments.request(session, &targets);
        Asked { targets, only, request }
    }

    /// Answers as the same request was answered the last time, if that holds.
    fn recall(&self, session: &Session<'_>) -> Result<Option<Exit>, Vec<Diagnostic>> {
        let Some(request) = &self.request else { return Ok(None) };
        let Some(Recalled { made, report, said }) = request.recall()? else { return Ok(None) };
        let Some(results) = Results::recalled(session, made)? else { return Ok(None) };
        session.console.repeat(&said);
        conclude(session, Done { results, report, ..Done::default() }).map(Some)
    }
}

/// Remembers a run in which all passed: what has not runs again in any case.
fn remember(
    session: &Session<'_>,
    repository: &Repository,
    request: Option<(&Request<'_>, Basis)>,
    done: &Done,
) -> Result<(), Vec<Diagnostic>> {
    let (Some((request, basis)), Some(all)) = (request, done.results.all_passed(session)?) else {
        return Ok(());
    };
    request.remember(repository, basis, &all, &done.report)
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

    /// The request, if its answer depends on nothing but files; not where tests run although they have passed.
    fn request<'a>(&self, session: &'a Session<'a>, asked: &Targets) -> Option<Request<'a>> {
        let runs = self.force || self.runs.is_some() || self.debug;
        if runs || self.failed || self.durations.is_some() || self.coverage.is_asked() {
            return None;
        }
        let others = [self.shard.map(|shard| shard.to_string()), self.timeout.map(|limit| limit.to_string())];
        let others = others.map(Option::unwrap_or_default);
        Some(Request::new(session, "test", asked, &[&self.targets, &self.arguments, &others]))
    }
}

fn chosen(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    (asked, only): (&Targets, BTreeMap<String, Vec<String>>),
) -> Result<Chosen, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let only: BTreeMap<String, Vec<String>> =
        only.into_iter().map(|(path, names)| (session.named(&path).into_owned(), names)).collect();
    let mut files = asked.files(session, repository, test_files)?;
    check_named(graph, &only, &files)?;
    let help = "`pants list --type python_test ::` names all that there are";
    check_some(session, asked, &files, ("test::none", "`python_test`", help)).map_err(|wrong| vec![wrong])?;
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

/// That each file of which only some tests are asked for has any.
fn check_named(
    graph: &TargetGraph,
    only: &BTreeMap<String, Vec<String>>,
    files: &[NodeId],
) -> Result<(), Vec<Diagnostic>> {
    let is_chosen = |path: &str| files.iter().any(|file| graph.file(*file) == Some(path));
    let lost = only.iter().filter(|(path, _)| !is_chosen(path)).map(|(path, names)| {
        let message = format!("`{path}::{}` is not among the tests that are asked for", names[0]);
        let help = Some("`pants list --type python_test ::` names all targets of tests");
        Diagnostic::error(Exit::Wrong, "test::none", message).help(help)
    });
    let lost: Vec<Diagnostic> = lost.collect();
    if lost.is_empty() { Ok(()) } else { Err(lost) }
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
    /// What all this depends on.
    basis: Basis,
}

fn analyse(
    session: &Session<'_>,
    repository: &Repository,
    arguments: &Arguments,
    Chosen { files, only }: &Chosen,
    measuring: Option<&Measuring<'_>>,
) -> Result<(Sources, Analysed), Vec<Diagnostic>> {
    let graph = &repository.graph;
    let packages = test_packages(graph, files);
    let paths = files.iter().filter_map(|file| graph.file(*file));
    let configurations = Configurations::new(session, &pytest_configuration(), paths);
    let of_coverage = || measuring.into_iter().flat_map(Measuring::configuration).map(ToOwned::to_owned);
    let paths = |ownership: &python::Ownership<'_>| {
        let reached = files.iter().flat_map(|file| test_paths(graph, *file, &repository.roots));
        let reached = reached.chain(crate::analysis::paths(repository, ownership, &packages));
        let reached = reached.chain(python::metadata_paths(graph, files, ownership));
        let configuration = configurations.paths().map(ToOwned::to_owned).chain(of_coverage());
        let measured = measuring.iter().flat_map(|measuring| measuring.files_of_others(graph));
        reached.chain(configuration).chain(measured).collect()
    };
    let nodes: Vec<NodeId> = files.iter().chain(&packages).copied().collect();
    observe(session, repository, &nodes, &paths, |seen| {
        let variables = RefCell::new(Variables::new());
        let request = TestRequest {
            arguments: &arguments.arguments,
            only,
            variable: &|name| {
                variables.borrow_mut().insert(name.to_owned(), session.variable(name));
                session.environment.get(name).map(ToOwned::to_owned)
            },
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
        let mut basis = Basis { variables: variables.take(), ..seen.basis() };
        basis.inputs.extend(configurations.candidates().iter().map(PathBuf::from));
        Ok(Analysed { tests, reporter, actions, tools, files: seen.files.clone(), basis })
    })
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
