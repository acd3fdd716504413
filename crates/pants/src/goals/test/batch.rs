//! Files of tests that may share a process: those that have to run do, before what is left runs alone.

use std::collections::{BTreeMap, BTreeSet};

use engine::{ActionId, Input};
use python::Test;
use store::Digest;

use super::choice;
use crate::build::Plan;
use crate::diagnostic::Diagnostic;
use crate::report::Report;
use crate::session::{Session, failed};

/// Runs what may be together and has no outcome, and keeps what passed as the outcome of each file. Gives the tests that have one
/// now. What did not pass is not told here: it runs alone.
pub(super) fn run(
    session: &Session<'_>,
    plan: &Plan<'_>,
    tests: &[Test],
    report: &mut Report,
) -> Result<BTreeSet<ActionId>, Vec<Diagnostic>> {
    let store = session.store()?;
    let mut fresh = BTreeSet::new();
    let mut able: Vec<&Test> = Vec::new();
    for test in tests.iter().filter(|test| test.batch.is_some()) {
        // It would most likely run twice.
        if !choice::has_failed(store, &session.root, &test.path)? {
            able.push(test);
        }
    }
    if able.len() < 2 {
        return Ok(fresh);
    }
    let inputs = able.iter().flat_map(|test| &plan.actions()[test.action].inputs);
    let needed: BTreeSet<ActionId> = inputs
        .filter_map(|input| match input {
            Input::Action(id) => Some(*id),
            Input::Tree(_) => None,
        })
        .collect();
    let needed: Vec<ActionId> = needed.into_iter().collect();
    let trees = plan.execute(&needed, false)?.trees;
    let actions: Vec<ActionId> = able.iter().map(|test| test.action).collect();
    let foreseen = plan.foresee(&actions)?;
    able.retain(|test| foreseen.get(&test.action).is_some_and(|one| one.tree.is_none()));
    let keys: BTreeMap<ActionId, Digest> =
        able.iter().filter_map(|test| Some((test.action, foreseen.get(&test.action)?.key?))).collect();
    let (graph, batches) = python::batches(&able, plan.actions(), &trees, session.jobs);
    if batches.is_empty() {
        return Ok(fresh);
    }
    let roots: Vec<ActionId> = batches.iter().map(|batch| batch.action).collect();
    let execution = plan.execute_after(&graph, &roots, true)?;
    report.add(&execution);
    for batch in &batches {
        let Some((outcome, _)) = execution.outcomes.get(&batch.action) else { continue };
        for (number, outcome) in python::passed(store, outcome).map_err(failed)? {
            let test = batch.tests.get(number).copied();
            if let Some((test, key)) = test.and_then(|test| Some((test, keys.get(&test)?))) {
                store.put_outcome(key, &outcome).map_err(failed)?;
                fresh.insert(test);
            }
        }
    }
    Ok(fresh)
}
