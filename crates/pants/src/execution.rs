//! An execution with all that this machine and the configuration have for it: caches, downloads, workers, and who watches.

use std::collections::BTreeMap;

use engine::{ActionGraph, ActionId, Event, Execution, Executor, Functions, LocalRunner, Sources, Watch};
use graph::Label;
use remote::RemoteRunner;

use crate::diagnostic::Diagnostic;
use crate::events::Recorded;
use crate::memory::memory;
use crate::progress::Progress;
use crate::remote::Demanded;
use crate::session::Session;
use crate::tools::MachineTools;

/// What belongs to the actions.
pub(crate) struct Means<'a> {
    pub(crate) tools: &'a MachineTools,
    pub(crate) sources: &'a dyn Sources,
    /// What some of them make whole.
    pub(crate) targets: &'a [(ActionId, &'a Label)],
    /// The files whose tests some of them run.
    pub(crate) tests: &'a BTreeMap<ActionId, Vec<String>>,
    pub(crate) watch: &'a dyn Watch,
}

/// Nobody else watches.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn event(&self, _event: Event<'_>) {}
}

/// Hands on what happens.
struct Through<'a>(&'a dyn Watch);

impl Watch for Through<'_> {
    fn event(&self, event: Event<'_>) {
        self.0.event(event);
    }
}

/// Runs whatever roots need; with `force`, the roots whatever is in the cache.
pub(crate) fn execute(
    session: &Session<'_>,
    (actions, roots): (&ActionGraph, &[ActionId]),
    force: bool,
    means: &Means<'_>,
) -> Result<Execution, Vec<Diagnostic>> {
    let mut functions = Functions::default();
    python::register(&mut functions);
    let downloads = session.downloads()?;
    let progress = Progress::new(session.console);
    let events = &session.console.events;
    let recorded = Recorded::new(events, actions, (means.targets.iter().copied().collect(), means.tests));
    let local = LocalRunner::new(&session.sandbox);
    let workers = &session.config.remote.workers;
    let there = session.remote()?.map(|cache| RemoteRunner::new(cache, workers, &local));
    let others = (&recorded, &Through(means.watch));
    let executor = Executor {
        store: session.store()?,
        cache: session.cache()?,
        fetch: &downloads,
        runner: match &there {
            Some(there) => there,
            None if Demanded::is_wanted(session) => &Demanded { workers, local: &local },
            None => &local,
        },
        tools: means.tools,
        functions: &functions,
        sources: means.sources,
        watch: &(&progress, &others),
        jobs: session.jobs,
        memory: memory(),
        downloads: session.most_downloads,
        force,
        cancel: session.cancel,
    };
    let run = || progress.during(|| engine::execute(actions, roots, &executor));
    let execution = events.phase("execute", run);
    if !execution.run.is_empty() {
        session.ran.get_or_init(|| ());
    }
    Ok(execution)
}
