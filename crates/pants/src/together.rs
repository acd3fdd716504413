//! Goals that are planned apart and carried out together, in one run of the scheduler: what several of them need is made
//! once, and what is ready first goes first, whichever of them it is for. Knows no goal.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{ActionFailure, ActionGraph, ActionId, Event, Execution, Finish, Sources, Watch};
use graph::Label;
use store::{Digest, StoreError};

use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::execution::{self, Means};
use crate::session::Session;
use crate::tools::MachineTools;

/// Makes of an execution what a goal answers.
type Conclude<'a> = Box<dyn FnOnce(&Plan<'a>, Execution) -> Result<Exit, Vec<Diagnostic>> + 'a>;

/// A goal of which it is known what has to run.
pub(crate) enum Planned<'a> {
    /// Nothing has, and it has answered.
    Done(Exit),
    Open(Box<Open<'a>>),
}

/// What has to run for a goal.
pub(crate) struct Open<'a> {
    plan: Plan<'a>,
    roots: Vec<ActionId>,
    /// Whether the roots run whatever is in the cache; of several goals together they do not.
    force: bool,
    conclude: Conclude<'a>,
}

/// What came of it for one of several goals.
pub(crate) struct Share {
    pub(crate) execution: Execution,
    /// How long after the begin the last of it was there.
    pub(crate) after: Duration,
}

impl<'a> Planned<'a> {
    /// A goal that answers when `roots` of the plan have run.
    pub(crate) fn open(
        plan: Plan<'a>,
        roots: Vec<ActionId>,
        force: bool,
        conclude: impl FnOnce(&Plan<'a>, Execution) -> Result<Exit, Vec<Diagnostic>> + 'a,
    ) -> Planned<'a> {
        Planned::Open(Box::new(Open { plan, roots, force, conclude: Box::new(conclude) }))
    }

    /// Carries the goal out by itself.
    pub(crate) fn carry_out(self) -> Result<Exit, Vec<Diagnostic>> {
        match self {
            Planned::Done(exit) => Ok(exit),
            Planned::Open(open) => {
                let execution = open.plan.execute(&open.roots, open.force)?;
                open.conclude(execution)
            }
        }
    }
}

impl Open<'_> {
    /// Has the goal answer.
    pub(crate) fn conclude(self, execution: Execution) -> Result<Exit, Vec<Diagnostic>> {
        (self.conclude)(&self.plan, execution)
    }
}

/// Carries out what all these need, and gives each its share. What several need is counted for the first of them.
pub(crate) fn execute(session: &Session<'_>, all: &[&Open<'_>]) -> Result<Vec<Share>, Vec<Diagnostic>> {
    let begin = Instant::now();
    let mut actions = ActionGraph::new();
    let ids: Vec<Vec<ActionId>> = all.iter().map(|open| actions.append(&open.plan.actions)).collect();
    let (mut roots, mut targets) = (Vec::new(), Vec::<(ActionId, &Label)>::new());
    let mut tests = BTreeMap::new();
    for (open, ids) in all.iter().zip(&ids) {
        roots.extend(open.roots.iter().map(|root| ids[root.index()]));
        tests.extend(open.plan.tests.iter().map(|(id, files)| (ids[id.index()], files.clone())));
        targets.extend(open.plan.targets().into_iter().map(|(id, label)| (ids[id.index()], label)));
    }
    let mut seen = HashSet::new();
    roots.retain(|root| seen.insert(*root));
    let ended = Ended::default();
    let tools = MachineTools::of_all(all.iter().map(|open| &open.plan.tools));
    let sources = Anyone(all.iter().map(|open| &open.plan).collect());
    let means = Means { tools: &tools, sources: &sources, targets: &targets, tests: &tests, watch: &ended };
    let whole = execution::execute(session, (&actions, &roots), false, &means)?;
    let ended = ended.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut counted = HashSet::new();
    let shares = all.iter().zip(&ids).map(|(open, ids)| {
        let last = open.roots.iter().filter_map(|root| Some(ended.get(&ids[root.index()])?.1)).max();
        Share {
            execution: share(open, ids, &whole, &ended, &mut counted),
            after: last.map_or(Duration::ZERO, |last| last.duration_since(begin)),
        }
    });
    Ok(shares.collect())
}

/// What of an execution is one goal's, with the numbers that its actions have there.
fn share(
    open: &Open<'_>,
    ids: &[ActionId],
    whole: &Execution,
    ended: &HashMap<ActionId, (Finish, Instant)>,
    counted: &mut HashSet<ActionId>,
) -> Execution {
    let mut execution = Execution { cancelled: whole.cancelled, ..Execution::default() };
    for root in &open.roots {
        let id = &ids[root.index()];
        execution.trees.extend(whole.trees.get(id).map(|tree| (*root, *tree)));
        execution.outcomes.extend(whole.outcomes.get(id).map(|outcome| (*root, *outcome)));
        execution.keys.extend(whole.keys.get(id).map(|key| (*root, *key)));
    }
    let mut own = BTreeMap::new();
    for (old, action) in open.plan.actions.iter() {
        let id = ids[old.index()];
        own.insert(id, old);
        let Some((how, _)) = ended.get(&id).filter(|_| counted.insert(id)) else { continue };
        let counts = match how {
            Finish::Ran => &mut execution.run,
            Finish::Cached => &mut execution.hits,
            Finish::Failed | Finish::TimedOut | Finish::Skipped => continue,
        };
        *counts.entry(action.verb.name()).or_default() += 1;
    }
    let failures = whole.failures.iter().filter_map(|failure| {
        let id = *own.get(&failure.id)?;
        Some(ActionFailure { id, ..failure.clone() })
    });
    execution.failures = failures.collect();
    execution.skipped = whole.skipped.iter().filter_map(|id| own.get(id).copied()).collect();
    execution
}

/// When each action ended, and how.
#[derive(Default)]
struct Ended(Mutex<HashMap<ActionId, (Finish, Instant)>>);

impl Watch for Ended {
    fn event(&self, event: Event<'_>) {
        if let Event::Finished { id, how, .. } = event {
            let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ended.insert(id, (how, Instant::now()));
        }
    }
}

/// Whoever of several has a source.
struct Anyone<'a, 'p>(Vec<&'a Plan<'p>>);

impl Sources for Anyone<'_, '_> {
    fn restore(&self, digest: &Digest) -> Result<bool, StoreError> {
        for plan in &self.0 {
            if plan.restore(digest)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn path_of(&self, digest: &Digest) -> Option<PathBuf> {
        self.0.iter().find_map(|plan| plan.path_of(digest))
    }
}
