//! Tests between their analysis and what became of them: the actions that run them, as part of a plan.

use std::collections::BTreeMap;

use engine::{ActionId, Execution};
use python::{Reporter, Test, TestBatch};
use store::IndexEntry;

use super::attempts::{Repeats, Runs};
use super::coverage::Measuring;
use super::{Analysed, Arguments, Chosen, Done, analyse, result};
use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::recall::Basis;
use crate::repository::Repository;
use crate::session::Session;
use crate::undeclared;

/// Tests that are planned.
pub(super) struct Prepared<'a> {
    tests: Vec<Test>,
    /// The actions of each.
    repeated: Vec<Vec<ActionId>>,
    /// Those that share a process.
    batches: Vec<TestBatch>,
    pub(super) repeats: Repeats,
    measuring: Option<Measuring<'a>>,
    reporter: Option<Reporter>,
    files: BTreeMap<String, IndexEntry>,
    basis: Basis,
}

/// Plans the tests.
pub(super) fn prepare<'a>(
    session: &'a Session<'a>,
    repository: &Repository,
    arguments: &'a Arguments,
    chosen: &Chosen,
    done: &mut Done,
) -> Result<(Prepared<'a>, Plan<'a>), Vec<Diagnostic>> {
    let reached = repository.graph.closure(chosen.files.iter().copied());
    session.tell_findings(repository, &reached, true)?;
    let measuring = arguments.coverage.measuring(session, arguments.shard.is_some())?;
    let (sources, analysed) = analyse(session, repository, arguments, chosen, measuring.as_ref())?;
    let Analysed { tests, reporter, mut actions, tools, files, basis } = analysed;
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
    let plan = Plan::of_actions(session, (builds, places), (sources, actions), tools)?;
    done.report.add_counts(session.take_generated());
    let repeats = Repeats { runs, retries: arguments.retries.unwrap_or_default(), force: arguments.force };
    let prepared = Prepared { tests, repeated, batches, repeats, measuring, reporter, files, basis };
    let plan = plan.testing(prepared.runs().files_of_actions());
    Ok((prepared, plan))
}

impl Prepared<'_> {
    pub(super) fn runs(&self) -> Runs<'_> {
        let Prepared { tests, repeated, batches, repeats, .. } = self;
        Runs { tests, actions: repeated, batches, repeats: *repeats }
    }

    /// What became of the tests, of which `first` is the first execution. Gives what all that depended on.
    pub(super) fn conclude(
        self,
        session: &Session<'_>,
        repository: &Repository,
        (plan, first): (&Plan<'_>, Execution),
        done: &mut Done,
    ) -> Result<Basis, Vec<Diagnostic>> {
        let ended = self.runs().carry_out(plan, first, session.store()?, &mut done.report)?;
        let Prepared { tests, repeats, measuring, reporter, files, basis, .. } = self;
        for (test, attempts) in tests.iter().zip(ended.of_tests) {
            done.results.add(session, test, attempts, repeats.runs.is_some())?;
            let said = done.results.all.last().and_then(result::TestResult::output);
            if let (Some(said), Some(node)) = (said, repository.graph.file_nodes(&test.path).first()) {
                done.warnings.extend(undeclared::warnings(session, repository, (*node, ""), &said));
            }
        }
        done.results.put_reports(session)?;
        let mut diagnostics = plan.told(ended.failures);
        if ended.cancelled {
            diagnostics.push(Diagnostic::error(Exit::Failed, "test::cancelled", "cancelled"));
        } else if let (Some(measuring), Some(reporter)) = (&measuring, &reporter) {
            let trees = done.results.trees();
            match measuring.report(session, plan, reporter, &trees, &files) {
                Ok(reported) => done.coverage = Some(reported),
                Err(wrong) => diagnostics.extend(wrong),
            }
        }
        if diagnostics.is_empty() { Ok(basis) } else { Err(diagnostics) }
    }
}
