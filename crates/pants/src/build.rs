//! From chosen programs to files in `dist/`: analysis, execution, placing. What `binary` and `run` have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use engine::{ActionError, ActionFailure, ActionGraph, ActionId, Execution, Foreseen, Functions, Sources};
use graph::{Label, NodeId, Place, TargetGraph};
use packaging::licence::Licence;
use packaging::platform::{Machine, Platform};
use python::configuration::Interpreters;
use python::{Artifact, Ownership, SourceBuild};
use store::{Digest, Store, StoreError};

use crate::accounts::Account;
use crate::analysis::{self, observe, placed};
use crate::diagnostic::{Diagnostic, Exit};
use crate::dist::PlaceError;
use crate::events::Event;
use crate::execution::{self, Means, Unwatched};
use crate::explain;
use crate::generated::Generated;
use crate::goals::Targets;
use crate::inside::{self, Licences};
use crate::machine::MachineInterpreters;
use crate::recall::{Basis, Made, Recalled, Request};
use crate::report::Report;
use crate::repository::Repository;
use crate::session::Session;
use crate::source_builds;
use crate::together::Planned;
use crate::tools::MachineTools;

/// How often an artifact is built again because the cache lost a part of it between building and placing.
const ATTEMPTS: usize = 3;

/// How many lines of a program that failed are shown.
const LINES: usize = 20;

/// What of a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that it is for.
    All,
    /// What this machine runs, and of several the first.
    Here,
}

/// Which of the nodes that were asked for are built.
pub(crate) type Among = fn(&TargetGraph, &[NodeId]) -> Vec<NodeId>;

/// Builds the targets `among` what is `asked` for, which `check` has to find right, and puts what they are into `dist/`.
/// The report is complete also where something failed.
///
/// Fails where it cannot be told what to build.
pub(crate) fn build(
    session: &Session<'_>,
    goal: &str,
    asked: &Targets,
    scope: Scope,
    among: Among,
    check: impl FnOnce(&[NodeId]) -> Result<(), Diagnostic>,
) -> Result<(Report, Vec<Diagnostic>), Vec<Diagnostic>> {
    session.builds.get_or_init(|| ());
    let request = Request::new(session, goal, asked, &[]);
    if let Some(recalled) = request.recall()?
        && let Some(report) = put_back(session, recalled)?
    {
        return Ok((report, session.take_warnings()));
    }
    let repository = session.repository()?;
    let chosen = asked.select(session, &repository)?;
    let programs = among(&repository.graph, &chosen);
    check(&programs).map_err(|wrong| vec![wrong])?;
    Ok(match Plan::of(session, &repository, &programs, scope) {
        Ok(plan) => conclude(&plan, &repository, &request, None),
        Err(wrong) => (Report::default(), [wrong, session.take_warnings()].concat()),
    })
}

/// Plans what [`build`] does, in a repository that is loaded; `tell` answers.
pub(crate) fn planned<'a>(
    session: &'a Session<'a>,
    repository: &'a Repository,
    (goal, asked): (&'static str, &'a Targets),
    among: Among,
    check: impl FnOnce(&[NodeId]) -> Result<(), Diagnostic>,
    tell: impl FnOnce(Report, Vec<Diagnostic>) -> Exit + 'a,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    session.builds.get_or_init(|| ());
    let request = Request::new(session, goal, asked, &[]);
    if let Some(recalled) = request.recall()?
        && let Some(report) = put_back(session, recalled)?
    {
        return Ok(Planned::Done(tell(report, session.take_warnings())));
    }
    let programs = among(&repository.graph, &asked.select(session, repository)?);
    check(&programs).map_err(|wrong| vec![wrong])?;
    match Plan::of(session, repository, &programs, Scope::All) {
        Ok(plan) => {
            let roots = plan.artifacts.iter().map(|artifact| artifact.action).collect();
            Ok(Planned::open(plan, roots, false, move |plan, execution| {
                let (report, diagnostics) = conclude(plan, repository, &request, Some(execution));
                Ok(tell(report, diagnostics))
            }))
        }
        Err(wrong) => Ok(Planned::Done(tell(Report::default(), [wrong, session.take_warnings()].concat()))),
    }
}

/// Puts what was planned into `dist/`, and remembers what the request came to; `first` is its execution, where it is over.
fn conclude(
    plan: &Plan<'_>,
    repository: &Repository,
    request: &Request<'_>,
    first: Option<Execution>,
) -> (Report, Vec<Diagnostic>) {
    let (session, mut report) = (plan.session, Report::default());
    let made = plan.carry_out(first, &mut report);
    report.add_counts(session.take_generated());
    let built = made.and_then(|made| {
        plan.account(repository);
        request.remember(repository, plan.basis.clone(), &made, &report)
    });
    let mut diagnostics = built.err().unwrap_or_default();
    diagnostics.extend(session.take_warnings());
    (report, diagnostics)
}

/// Makes `dist/` what it was after the last run; none where the cache has lost a part of it.
fn put_back(
    session: &Session<'_>,
    Recalled { made, mut report, said }: Recalled<Vec<Made>>,
) -> Result<Option<Report>, Vec<Diagnostic>> {
    let store = session.store()?;
    for made in &made {
        made.use_outcome(store)?;
        match made.place(session, store) {
            Ok(built) => report.artifacts.push(built),
            Err(PlaceError::Lost) => return Ok(None),
            Err(PlaceError::Failed(diagnostic)) => return Err(vec![*diagnostic]),
        }
    }
    session.console.repeat(&said);
    Ok(Some(report))
}

/// What is to be done for some targets.
pub(crate) struct Plan<'a> {
    session: &'a Session<'a>,
    store: &'a Store,
    /// The files of the workspace that it was planned by.
    files: analysis::Sources,
    pub(crate) actions: ActionGraph,
    pub(crate) tools: MachineTools,
    artifacts: Vec<Artifact>,
    /// The source distributions that are built.
    builds: Vec<SourceBuild>,
    /// What is to blame where an action fails.
    places: Vec<(ActionId, Place)>,
    /// The files whose tests an action runs.
    pub(crate) tests: BTreeMap<ActionId, Vec<String>>,
    /// What this was planned by, besides what the graph was made of.
    basis: Basis,
    /// What steps have made for it.
    generated: Generated,
}

impl<'a> Plan<'a> {
    fn of(
        session: &'a Session<'a>,
        repository: &Repository,
        programs: &[NodeId],
        scope: Scope,
    ) -> Result<Plan<'a>, Vec<Diagnostic>> {
        let reached = repository.graph.closure(programs.iter().copied());
        session.tell_findings(repository, &reached, true)?;
        let paths = |ownership: &Ownership<'_>| analysis::paths(repository, ownership, programs);
        let (files, plan) = observe(session, repository, programs, &paths, |seen| {
            let interpreters = seen.interpreters;
            let (mut artifacts, actions) = seen
                .package(programs)?
                .map_err(|errors| errors.iter().map(|error| placed(session, error)).collect::<Vec<_>>())?;
            session.console.diagnostics(interpreters.take_notes());
            if scope == Scope::Here {
                let runs = |artifact: &Artifact| interpreters.runs(&artifact.configurations).is_some();
                let first = artifacts.iter().position(runs);
                let first = first.ok_or_else(|| vec![foreign(&artifacts, interpreters)])?;
                artifacts = vec![artifacts.swap_remove(first)];
            }
            session.console.diagnostics(explain::left_out(&artifacts));
            session.console.diagnostics(explain::lacking(&artifacts));
            let basis = seen.basis();
            let tools = MachineTools::of(&actions, interpreters);
            let plan = Plan::new(session, artifacts, actions, tools)?;
            let generated = seen.made.clone();
            Ok(Plan { basis, generated, ..plan })
        })?;
        Ok(Plan { files, ..plan })
    }

    /// The plan of artifacts that were analysed.
    fn new(
        session: &'a Session<'a>,
        artifacts: Vec<Artifact>,
        actions: ActionGraph,
        tools: MachineTools,
    ) -> Result<Plan<'a>, Vec<Diagnostic>> {
        Ok(Plan {
            session,
            store: session.store()?,
            files: BTreeMap::new(),
            tools,
            builds: artifacts.iter().flat_map(|artifact| artifact.builds.iter().cloned()).collect(),
            places: artifacts.iter().flat_map(|artifact| artifact.places.iter().cloned()).collect(),
            tests: BTreeMap::new(),
            actions,
            artifacts,
            basis: Basis::default(),
            generated: Generated::default(),
        })
    }

    /// The plan of actions that no artifact comes of, with the source distributions that they build and what is to blame
    /// where one fails.
    pub(crate) fn of_actions(
        session: &'a Session<'a>,
        (builds, places): (Vec<SourceBuild>, Vec<(ActionId, Place)>),
        (files, actions): (analysis::Sources, ActionGraph),
        tools: MachineTools,
    ) -> Result<Plan<'a>, Vec<Diagnostic>> {
        let plan = Plan::new(session, Vec::new(), actions, tools)?;
        Ok(Plan { files, builds, places, ..plan })
    }

    /// The files of the workspace that had this content.
    fn paths_of(&self, digest: &Digest) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|(_, file)| file.digest == *digest).map(|(path, _)| path)
    }

    /// The plan with what is recorded of its actions: the files whose tests they run.
    pub(crate) fn testing(self, tests: BTreeMap<ActionId, Vec<String>>) -> Plan<'a> {
        Plan { tests, ..self }
    }

    /// The plan of artifacts that no repository decides.
    pub(crate) fn adhoc(
        session: &'a Session<'a>,
        artifacts: Vec<Artifact>,
        actions: ActionGraph,
        interpreters: &MachineInterpreters<'_>,
    ) -> Result<Plan<'a>, Vec<Diagnostic>> {
        session.console.diagnostics(explain::left_out(&artifacts));
        let tools = MachineTools::of(&actions, interpreters);
        Plan::new(session, artifacts, actions, tools)
    }

    /// Gives what was made, in the order of the artifacts; `first` is their execution, where it is over.
    pub(crate) fn carry_out(
        &self,
        mut first: Option<Execution>,
        report: &mut Report,
    ) -> Result<Vec<Made>, Vec<Diagnostic>> {
        if !self.session.config.licences.is_empty() {
            let denied = inside::denied(self.session, &self.artifacts, &self.licences()?);
            if !denied.is_empty() {
                return Err(denied);
            }
        }
        let mut pending: Vec<&Artifact> = self.artifacts.iter().collect();
        let mut all = Vec::new();
        for _ in 0..ATTEMPTS {
            let roots: Vec<_> = pending.iter().map(|artifact| artifact.action).collect();
            let execution = first.take().map_or_else(|| self.execute(&roots, false), Ok)?;
            // What is looked up again because the cache lost it counts once.
            if report.hits.is_empty() {
                report.add(&execution);
            } else {
                report.add_run(&execution);
            }
            let mut diagnostics = self.told(execution.failures);
            let mut lost = Vec::new();
            for artifact in pending {
                let Some(tree) = execution.trees.get(&artifact.action) else { continue };
                let made = Made::new(artifact, tree, execution.keys.get(&artifact.action));
                match made.place(self.session, self.store) {
                    Ok(built) => {
                        self.session.console.events.add(Event::artifact(&built));
                        report.artifacts.push(built);
                        all.push(made);
                    }
                    Err(PlaceError::Lost) => lost.push(artifact),
                    Err(PlaceError::Failed(diagnostic)) => diagnostics.push(*diagnostic),
                }
            }
            if execution.cancelled {
                diagnostics.push(Diagnostic::error(Exit::Failed, "build::cancelled", "cancelled"));
            }
            if !diagnostics.is_empty() {
                return Err(diagnostics);
            }
            if lost.is_empty() {
                crate::placed::note(self.store, &self.session.root, &all);
                return Ok(all);
            }
            pending = lost;
        }
        let message = "the cache loses what is built faster than it can be used";
        Err(vec![Diagnostic::error(Exit::Environment, "build::lost", message)])
    }

    /// Keeps what the artifacts were made of, so that it can be told later why they are made anew. What cannot be kept is told
    /// nowhere.
    fn account(&self, repository: &Repository) {
        let accounts = self.session.accounts();
        for (artifact, account) in self.accounts(repository).unwrap_or_default() {
            let _: std::io::Result<()> = accounts.keep(&artifact.label.to_string(), &artifact.path, &account);
        }
    }

    /// What each artifact is made of, as far as that can be told without making anything.
    pub(crate) fn accounts(
        &self,
        repository: &Repository,
    ) -> Result<Vec<(&Artifact, Account)>, Vec<Diagnostic>> {
        let roots: Vec<ActionId> = self.artifacts.iter().map(|artifact| artifact.action).collect();
        let foreseen = self.foresee(&roots)?;
        let graph = &repository.graph;
        let mut all = Vec::new();
        for artifact in &self.artifacts {
            if let Some(node) = graph.node(&artifact.label) {
                let made = (&self.actions, artifact.action);
                all.push((
                    artifact,
                    Account::of(self.session, graph, node, made, (&foreseen, &self.generated)),
                ));
            }
        }
        Ok(all)
    }

    /// What is known of all that `roots` need before it runs.
    fn foresee(&self, roots: &[ActionId]) -> Result<BTreeMap<ActionId, Foreseen>, Vec<Diagnostic>> {
        let mut functions = Functions::default();
        python::register(&mut functions);
        let foreseen = engine::foresee(&self.actions, roots, self.store, (&self.tools, &functions));
        foreseen.map_err(|error| vec![explain::unforeseen(&error)])
    }

    /// The failures of actions, as people read them.
    pub(crate) fn told(&self, failures: Vec<ActionFailure>) -> Vec<Diagnostic> {
        let builds: Vec<&SourceBuild> = self.builds.iter().collect();
        let readable = self.tools.needs();
        let (mut of_builds, mut others) = (Vec::new(), Vec::new());
        for failure in failures {
            match source_builds::failed(&failure, &builds, self.session, self.store, &readable) {
                Some(diagnostic) => of_builds.push(diagnostic),
                None => others.push(failure),
            }
        }
        of_builds.extend(explain::failures(&others, &|id| self.blame(id), &|failure| self.said(failure)));
        of_builds
    }

    /// What a program that failed said last, if it said anything.
    pub(crate) fn said(&self, failure: &ActionFailure) -> Option<String> {
        let ActionError::Exit { outcome, .. } = &*failure.error else { return None };
        let bytes = self.store.read(&outcome.stderr).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
        (!last.is_empty()).then_some(last)
    }

    /// What is written at the cause of an action's failure.
    fn blame(&self, action: ActionId) -> Option<Place> {
        self.places.iter().find(|(id, _)| *id == action).map(|(_, place)| place.clone())
    }

    /// The licence of each distribution, by the action that brings its wheel; all wheels are fetched or built for that.
    fn licences(&self) -> Result<Licences, Vec<Diagnostic>> {
        let distributions = self.artifacts.iter().flat_map(|artifact| &artifact.distributions);
        let mut pending: BTreeSet<ActionId> = distributions.map(|one| one.wheel).collect();
        let mut licences = Licences::new();
        for _ in 0..ATTEMPTS {
            let roots: Vec<ActionId> = pending.iter().copied().collect();
            let execution = self.execute(&roots, false)?;
            let mut diagnostics = self.told(execution.failures);
            if execution.cancelled {
                diagnostics.push(Diagnostic::error(Exit::Failed, "build::cancelled", "cancelled"));
            }
            if !diagnostics.is_empty() {
                return Err(diagnostics);
            }
            for (action, tree) in &execution.trees {
                // What the cache has lost since is brought once more.
                if let Ok(licence) = Licence::of_wheel(self.store, tree) {
                    pending.remove(action);
                    licences.insert(*action, licence);
                }
            }
            if pending.is_empty() {
                return Ok(licences);
            }
        }
        let message = "the cache loses what is fetched faster than it can be read";
        Err(vec![Diagnostic::error(Exit::Environment, "build::lost", message)])
    }

    /// Runs whatever roots need; with `force`, the roots whatever is in the cache.
    pub(crate) fn execute(&self, roots: &[ActionId], force: bool) -> Result<Execution, Vec<Diagnostic>> {
        self.execute_after(&self.actions, roots, force)
    }

    /// Runs further actions, with the tools of the plan, on what its own have made.
    pub(crate) fn execute_after(
        &self,
        actions: &ActionGraph,
        roots: &[ActionId],
        force: bool,
    ) -> Result<Execution, Vec<Diagnostic>> {
        let targets = self.targets();
        let means = Means {
            tools: &self.tools,
            sources: self,
            targets: &targets,
            tests: &self.tests,
            watch: &Unwatched,
        };
        execution::execute(self.session, (actions, roots), force, &means)
    }

    /// What is made whole by an action.
    pub(crate) fn targets(&self) -> Vec<(ActionId, &Label)> {
        self.artifacts.iter().map(|artifact| (artifact.action, &artifact.label)).collect()
    }
}

/// What programs are made of, without making them.
pub(crate) fn accounts(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<Vec<(String, Account)>, Vec<Diagnostic>> {
    let plan = Plan::of(session, repository, programs, Scope::All)?;
    let all = plan.accounts(repository)?;
    Ok(all.into_iter().map(|(artifact, account)| (artifact.path.clone(), account)).collect())
}

/// What programs are made of and for, without making them.
pub(crate) fn artifacts(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<Vec<Artifact>, Vec<Diagnostic>> {
    Ok(Plan::of(session, repository, programs, Scope::All)?.artifacts)
}

/// What programs are made of and for, and the licence of each of their distributions.
pub(crate) fn inside(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<(Vec<Artifact>, Licences), Vec<Diagnostic>> {
    let plan = Plan::of(session, repository, programs, Scope::All)?;
    let licences = plan.licences()?;
    Ok((plan.artifacts, licences))
}

/// The error that a program is built for nothing that this machine has.
fn foreign(artifacts: &[Artifact], interpreters: &MachineInterpreters<'_>) -> Diagnostic {
    let built_for = artifacts.iter().flat_map(|artifact| &artifact.configurations);
    let built_for: Vec<String> = built_for.map(|one| format!("`{one}`")).collect();
    let here = Platform::current(&Machine::detect());
    let here = here.map_or_else(|_| String::new(), |here| format!("; this machine is `{here}`"));
    let program = artifacts.first().map(|artifact| artifact.label.to_string()).unwrap_or_default();
    let message = format!("`{program}` is built for {}{here}", built_for.join(", "));
    let found = interpreters.all();
    let diagnostic = Diagnostic::error(Exit::Environment, "run::foreign", message);
    found.iter().fold(diagnostic, |told, one| told.note(format!("found {one}")))
}

/// Brings back what the store has lost of the workspace's files.
impl Sources for Plan<'_> {
    fn restore(&self, digest: &Digest) -> Result<bool, StoreError> {
        for path in self.paths_of(digest) {
            match self.store.put_file(&self.session.root.join(path)) {
                Ok(found) if found == *digest => return Ok(true),
                Ok(_) => {}
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn path_of(&self, digest: &Digest) -> Option<PathBuf> {
        self.paths_of(digest).next().map(PathBuf::from)
    }
}
