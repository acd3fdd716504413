//! `python_test`: each file is run by the pytest of its resolve, in a process that finds the files that it reaches at their
//! paths in the repository, and a virtualenv that it shares with all tests that need the same distributions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{ActionGraph, ActionId, Input, Process, Verb};
use graph::{Label, NodeId, Place, Target};
use packaging::lock::{Form, Lock};
use packaging::locking::is_called_plugin;
use packaging::name::PackageName;
use packaging::requirement::Requirement;
use packaging::target::Target as Configuration;
use packaging::unsaid::{Unknown, Unsaid};
use store::{Digest, IndexEntry};

use super::binary::Known;
use super::coverage::{self, COVERAGE, MEASURED};
use super::environment::{self, ENVIRONMENT, Environment, WORK};
use super::needs;
use super::wheels::Wheels;
use super::{Analysis, SourceBuild};
use crate::closure::{Closure, PACKAGED, Wish, packaged, source_root};
use crate::error::RuleError;
use crate::requirements::resolve_of;
use crate::resolve_error::ResolveError;
use crate::step_error::StepError;

/// What runs the tests.
const PYTEST: &str = "pytest";
/// What pytest takes for the beginning of a test's parameters.
const BRACKET: char = '[';
/// The report of a file's tests, among its outputs.
pub const REPORT: &str = ".pants-junit.xml";
/// What pytest runs with.
pub(super) const PLUGINS: &str = include_str!("plugins.py");
/// Runs them; what is measured around it is put there.
const RUN: &str = "\ncode = int(pytest.main(sys.argv[1:], plugins=plugins()))\n";
/// That no test was collected (5) is no failure: a file may have none on this Python.
const END: &str = "sys.exit(0 if code == 5 else code)\n";

/// What was asked for beside the tests themselves.
pub struct TestRequest<'a> {
    /// Arguments of pytest.
    pub arguments: &'a [String],
    /// The tests of single files that are run, by the path of the file, as pytest names them behind `::`; all of others.
    pub only: &'a BTreeMap<String, Vec<String>>,
    /// A variable of the user's environment, for tests that ask for it.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The files that configure pytest for a file, with their content.
    pub configuration: &'a dyn Fn(&str) -> Vec<(String, IndexEntry)>,
    /// Ends tests after so long which say nothing themselves.
    pub timeout: Option<Duration>,
    /// Whether it is measured what lines they run.
    pub measures: bool,
}

/// The tests of one file under one Python.
#[derive(Clone, Debug)]
pub struct Test {
    /// The target that has the file.
    pub label: Label,
    /// The file.
    pub path: String,
    /// What they run under.
    pub configuration: Configuration,
    /// Whether there are others of the file, under other Pythons.
    pub has_siblings: bool,
    /// The action that runs them.
    pub action: ActionId,
    /// What it has in common with those files that it may share a process with; none where it has one of its own.
    pub sharing: Option<Sharing>,
    /// How often they run again at most that have failed, where the target says it.
    pub retries: Option<u32>,
    /// The source distributions that are built for them.
    pub builds: Vec<SourceBuild>,
    /// Where the target is.
    pub place: Place,
}

/// What files have in common that may share a process, beside what runs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// The `batch` of their targets.
    pub batch: String,
    /// The nearest folder above with a file that configures pytest: it counts for all files of a process.
    pub configured_in: Option<String>,
}

/// The files of tests among some nodes; of a target, all that it has.
pub fn test_files(graph: &graph::TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut found = BTreeSet::new();
    for &node in nodes {
        let node = graph.actual(node);
        if graph.target(node).rule.name != "python_test" {
            continue;
        }
        if graph.file(node).is_some() {
            found.insert(node);
        } else {
            found.extend(graph.files(node));
        }
    }
    found.into_iter().collect()
}

/// What the tests of some files find built.
pub fn test_packages(graph: &graph::TargetGraph, files: &[NodeId]) -> Vec<NodeId> {
    let found = files.iter().flat_map(|file| packaged(graph.target(*file)));
    super::packageable(graph, &found.filter_map(|label| graph.node(label)).collect::<Vec<_>>())
}

/// The paths of all files that the tests of a file reach. Errors are the analysis's to tell.
pub fn test_paths(graph: &graph::TargetGraph, file: NodeId, roots: &crate::SourceRoots) -> Vec<String> {
    let closure = Closure::of(graph, file, roots);
    closure.map(|closure| closure.paths().map(ToOwned::to_owned).collect()).unwrap_or_default()
}

/// Adds the actions that run the tests of some files.
///
/// # Errors
/// All that keeps one of them from being run.
pub fn tests(
    files: &[NodeId],
    request: &TestRequest<'_>,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Test>, Vec<RuleError>> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for &file in files {
        match of_file(file, request, analysis, actions) {
            Ok(tests) => all.extend(tests),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(crate::missing::together(errors)) }
}

/// Adds the actions that make the virtualenvs in which the tests of a file run.
///
/// # Errors
/// All that keeps one from being made.
pub fn test_environments(
    file: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    environment::of(&known(file, analysis, false)?, analysis, actions)
}

/// What is known of the tests of a file, with what runs them.
fn known<'a, 'b>(
    file: NodeId,
    analysis: &'a Analysis<'b>,
    measures: bool,
) -> Result<Known<'a, 'b>, Vec<RuleError>> {
    let mut known = environment::known(file, analysis)?;
    let mut errors = Vec::new();
    let mut wishes = plugins(&known, analysis)?;
    let tools = std::iter::once(PYTEST).chain(measures.then_some(COVERAGE));
    for name in tools {
        if wishes.iter().all(|wish| wish.requirement.name.as_ref() != name) {
            match tool(name, &known, analysis) {
                Ok(wish) => wishes.push(wish),
                Err(error) => errors.push(error),
            }
        }
    }
    known.closure.requirements.extend(wishes);
    if errors.is_empty() { Ok(known) } else { Err(errors) }
}

fn of_file(
    file: NodeId,
    request: &TestRequest<'_>,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Test>, Vec<RuleError>> {
    let Some(path) = analysis.graph.file(file) else { return Ok(Vec::new()) };
    if path.contains(BRACKET) {
        let target = analysis.graph.target(file);
        let place = target.field("sources").map_or(&target.place, |field| &field.place).clone();
        return Err(vec![StepError::TestName { path: path.to_owned(), place }.into()]);
    }
    let known = known(file, analysis, request.measures)?;
    let target = known.program.of_file(path);
    let running = Running { known: &known, target, file, path, request, analysis };
    let has_siblings = known.shared.len() > 1;
    let tests = known.shared.iter().flatten().map(|configuration| {
        let wheels = known.binary().wheels(&[*configuration], actions)?;
        let (action, of_packages) = running.action(configuration, &wheels, actions)?;
        Ok(Test {
            label: known.program.label.clone(),
            path: path.to_owned(),
            configuration: *configuration,
            has_siblings,
            action,
            sharing: running.sharing(),
            retries: running.target.int("retries").map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            builds: wheels.builds.into_iter().chain(of_packages).collect(),
            place: known.program.place.clone(),
        })
    });
    tests.collect()
}

/// Pytest and its plugins, as far as the resolve asks for them: tests import few of them.
fn plugins(known: &Known<'_, '_>, analysis: &Analysis<'_>) -> Result<Vec<Wish>, Vec<RuleError>> {
    let Some(lock) = known.resolve.lock else { return Ok(Vec::new()) };
    let program = known.program;
    let (mut wishes, mut errors) = (Vec::new(), Vec::<RuleError>::new());
    for asked in &lock.requirements {
        match is_plugin(&asked.name, lock) {
            _ if asked.name.as_ref() == PYTEST => wishes.push(wish(asked.clone(), program)),
            Ok(true) => wishes.push(wish(asked.clone(), program)),
            Ok(false) => {}
            Err(unknown) => {
                let resolve = resolve_of(program, &analysis.settings.default_resolve).to_owned();
                let (label, place) = (program.label.clone(), program.place.clone());
                errors.push(ResolveError::Unread { resolve, unknown, label, place }.into());
            }
        }
    }
    if errors.is_empty() { Ok(wishes) } else { Err(errors) }
}

/// Whether pytest loads a project; the package of which that is not known, where somebody can find it out.
fn is_plugin(name: &PackageName, lock: &Lock) -> Result<bool, Unknown> {
    let packages = lock.named(name);
    if packages.iter().any(|package| package.pytest_plugin == Some(true)) {
        return Ok(true);
    }
    let Some(package) = packages.iter().find(|package| package.pytest_plugin.is_none()) else {
        return Ok(false);
    };
    // A lock of ours that names no plugin is one of an earlier version, or has none.
    if lock.form == Form::Pants || is_called_plugin(name) {
        return Ok(is_called_plugin(name));
    }
    Err(Unknown { name: name.clone(), version: package.version.clone(), what: Unsaid::Plugin })
}

/// What a resolve has by this name: what it asks for, or whatever the lock has of it.
///
/// # Errors
/// Where the lock has none.
pub(super) fn tool(
    name: &'static str,
    known: &Known<'_, '_>,
    analysis: &Analysis<'_>,
) -> Result<Wish, RuleError> {
    let program = known.program;
    let parsed: PackageName = packaging::name::parse_name(name).expect("it is a name");
    let lock = known.resolve.lock;
    let asked = lock.into_iter().flat_map(|lock| &lock.requirements).find(|one| one.name == parsed);
    match asked {
        Some(requirement) => Ok(wish(requirement.clone(), program)),
        None if lock.is_some_and(|lock| !lock.named(&parsed).is_empty()) => {
            Ok(wish(name.parse().expect("it is a requirement"), program))
        }
        None => Err(ResolveError::NoTestTool {
            name,
            label: program.label.clone(),
            resolve: resolve_of(program, &analysis.settings.default_resolve).to_owned(),
            lock: known.resolve.path.to_owned(),
            place: program.place.clone(),
        }
        .into()),
    }
}

fn wish(requirement: Requirement, program: &Target) -> Wish {
    Wish { requirement, label: program.label.clone(), place: program.place.clone() }
}

/// The argument that asks for a report.
pub(super) fn junit() -> String {
    format!("--junitxml={REPORT}")
}

/// The tests of one file, on their way to actions.
struct Running<'a, 'b> {
    known: &'a Known<'a, 'b>,
    /// The target as it is for the file.
    target: Target,
    file: NodeId,
    path: &'a str,
    request: &'a TestRequest<'a>,
    analysis: &'a Analysis<'b>,
}

impl Running<'_, '_> {
    /// The action, and the source distributions that are built for what is beside the files.
    fn action(
        &self,
        configuration: &Configuration,
        wheels: &Wheels<'_>,
        actions: &mut ActionGraph,
    ) -> Result<(ActionId, Vec<SourceBuild>), Vec<RuleError>> {
        let target = &self.target;
        let of = &target.label;
        let environment = environment::tree(configuration, wheels, of, self.analysis, actions);
        let process = Process {
            program: environment::python(configuration, ""),
            arguments: self.arguments(),
            environment: self.variables(),
            outputs: std::iter::once(REPORT)
                .chain(self.request.measures.then_some(MEASURED))
                .map(ToOwned::to_owned)
                .collect(),
            keeps_failed: true,
            shared: Some(ENVIRONMENT.to_owned()),
            timeout: environment::timeout(target).or(self.request.timeout),
            needs: needs::of(target).map_err(|error| vec![error])?,
            keeps: None,
        };
        let (files, builds) = self.with_packages(Input::Tree(self.files()?), actions)?;
        let inputs = vec![files, Input::Action(environment)];
        Ok((actions.add(Verb::Run(process), inputs, format!("test {}", self.path)), builds))
    }

    /// The files, and what they find built, at the paths that `dist/` would have.
    fn with_packages(
        &self,
        files: Input,
        actions: &mut ActionGraph,
    ) -> Result<(Input, Vec<SourceBuild>), Vec<RuleError>> {
        self.check_packages()?;
        let packages = test_packages(self.analysis.graph, &[self.file]);
        let artifacts = super::package(&packages, self.analysis, actions)?;
        if artifacts.is_empty() {
            return Ok((files, Vec::new()));
        }
        let (mut prefixes, mut inputs, mut builds) = (vec![String::new()], vec![files], Vec::new());
        for artifact in artifacts {
            let folder = match &artifact.file {
                Some(_) => artifact.path.rsplit_once('/').map_or("", |(folder, _)| folder),
                None => artifact.path.as_str(),
            };
            prefixes.push(folder.to_owned());
            inputs.push(Input::Action(artifact.action));
            builds.extend(artifact.builds);
        }
        let description = format!("put programs beside {}", self.path);
        Ok((Input::Action(actions.add(Verb::Merge { prefixes }, inputs, description)), builds))
    }

    /// That all that is to be there built is something that is packaged.
    fn check_packages(&self) -> Result<(), Vec<RuleError>> {
        let graph = self.analysis.graph;
        let unbuilt = |(label, place): (&Label, &Place)| {
            let node = graph.node(label)?;
            let rule = graph.target(graph.actual(node)).rule.name;
            let (label, place) = (label.clone(), place.clone());
            let error = || StepError::NotPackaged { label, rule, place }.into();
            super::packageable(graph, &[node]).is_empty().then(error)
        };
        let wrong: Vec<RuleError> =
            self.known.program.labels(PACKAGED).into_iter().filter_map(unbuilt).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn arguments(&self) -> Vec<String> {
        let run = if self.request.measures {
            [coverage::BEGIN, PLUGINS, RUN, coverage::END, END].concat()
        } else {
            [PLUGINS, RUN, END].concat()
        };
        let mut arguments = vec!["-c".to_owned(), run];
        // What it would remember is gone with its folder.
        arguments.extend(["-p", "no:cacheprovider", "--color=no"].map(ToOwned::to_owned));
        arguments.push(junit());
        arguments.extend(self.target.list("args").into_iter().map(ToOwned::to_owned));
        arguments.extend(self.request.arguments.iter().cloned());
        match self.request.only.get(self.path) {
            None => arguments.push(self.path.to_owned()),
            Some(names) => arguments.extend(names.iter().map(|name| format!("{}::{name}", self.path))),
        }
        arguments
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let search: Vec<String> =
            self.source_roots().into_iter().map(|root| graph::join(WORK, &root)).collect();
        let mut variables = environment::variables();
        variables.insert("PYTHONPATH".to_owned(), search.join(":"));
        for asked in self.target.list("extra_env_vars") {
            let given = match asked.split_once('=') {
                Some((name, value)) => Some((name.to_owned(), value.to_owned())),
                None => (self.request.variable)(asked).map(|value| (asked.to_owned(), value)),
            };
            variables.extend(given);
        }
        let own = self.target.dict("env").into_iter();
        variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }

    /// The source roots of all files, that of the tests first.
    fn source_roots(&self) -> Vec<String> {
        let all = self.known.closure.source_roots();
        let below = self.analysis.roots.import_path(self.path);
        let own = below.and_then(|below| source_root(self.path, below));
        let others = all.into_iter().filter(|root| Some(root) != own.as_ref());
        own.iter().cloned().chain(others).collect()
    }

    /// What it shares with other files: nothing where it is measured, or only some of it runs.
    fn sharing(&self) -> Option<Sharing> {
        let is_whole = !self.request.measures && !self.request.only.contains_key(self.path);
        let batch = self.target.str("batch").filter(|_| is_whole)?.to_owned();
        let files = (self.request.configuration)(self.path);
        let folders = files.iter().map(|(path, _)| path.rsplit_once('/').map_or("", |(folder, _)| folder));
        // All of them are above the file: the longest name is that of the nearest.
        let nearest = folders.max_by_key(|folder| folder.len());
        Some(Sharing { batch, configured_in: nearest.map(ToOwned::to_owned) })
    }

    /// All files, at their paths in the repository.
    fn files(&self) -> Result<Digest, Vec<RuleError>> {
        let label = &self.known.program.label;
        let mut tree = store::Tree::new();
        let code = self.known.closure.code.iter().flat_map(|code| &code.files);
        let code = code.map(|file| (file.path.clone(), (self.analysis.files)(&file.path)));
        for (path, entry) in code.chain((self.request.configuration)(self.path)) {
            tree.add_file(&path, entry.digest, entry.executable)
                .map_err(|error| vec![RuleError::Tree { error, label: label.clone() }])?;
        }
        self.analysis.store.put_tree(&tree).map_err(|error| vec![RuleError::Store(error)])
    }
}
