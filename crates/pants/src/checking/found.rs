//! What tools found in files, out of what their processes left.

use std::collections::BTreeSet;

use engine::{ActionError, Execution, Finish};
use python::tools::{Finding, Tool, findings};
use python::{Batch, EXIT_CODE};
use store::{Digest, Entry};

use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{Session, failed};

/// How many files are named in a message.
const MOST_NAMED: usize = 3;

/// What one tool found.
#[derive(Debug, Default)]
pub(super) struct OfTool {
    /// How many files it looked at.
    pub(super) files: usize,
    pub(super) findings: BTreeSet<Finding>,
    /// What it said that is about no file.
    pub(super) others: Vec<String>,
    /// Whether it is content with none of the files.
    pub(super) failed: bool,
    /// Whether all of that was remembered.
    pub(super) cached: bool,
}

/// What all tools found, by their names in the order in which they are run.
#[derive(Debug, Default)]
pub(super) struct Found(pub(super) Vec<(String, OfTool)>);

impl Found {
    /// Whether something is wrong with a file.
    pub(super) fn is_wrong(&self) -> bool {
        self.0.iter().any(|(_, one)| one.failed)
    }

    /// Adds what a tool found in a batch, if it got so far.
    pub(super) fn add(
        &mut self,
        session: &Session<'_>,
        tools: &[&Tool],
        batch: &Batch,
        execution: &Execution,
    ) -> Result<(), Vec<Diagnostic>> {
        let Some((outcome, how)) = execution.outcomes.get(&batch.action) else { return Ok(()) };
        let said = text(session, &outcome.stdout)?;
        let code = exit_code(session, &outcome.tree)?;
        let files = batch.files.keys().map(String::as_str).collect();
        let Some(tool) = tools.iter().find(|tool| tool.name == batch.tool) else { return Ok(()) };
        let (found, mut others) = findings(tool, &said, &files);
        if code == 0 {
            others.clear();
        } else if found.is_empty() && others.is_empty() {
            others = text(session, &outcome.stderr)?.lines().map(ToOwned::to_owned).collect();
        }
        let at = self.0.iter().position(|(name, _)| *name == batch.tool).unwrap_or_else(|| {
            self.0.push((batch.tool.clone(), OfTool { cached: true, ..OfTool::default() }));
            self.0.len() - 1
        });
        let one = &mut self.0[at].1;
        one.files += batch.asked;
        one.findings.extend(found);
        one.others.extend(others);
        one.failed |= code != 0;
        one.cached &= *how == Finish::Cached;
        Ok(())
    }
}

/// Takes the failures of tools out of an execution: those that are not about the files, but about the tool.
pub(super) fn failures(
    session: &Session<'_>,
    batches: &[Batch],
    execution: &mut Execution,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut told = Vec::new();
    for failure in std::mem::take(&mut execution.failures) {
        let run = batches.iter().find_map(|batch| {
            let (_, tool) = batch.runs.iter().find(|(action, _)| *action == failure.id)?;
            Some((batch, tool))
        });
        match (run, &*failure.error) {
            (Some((batch, tool)), ActionError::Exit { outcome, .. }) => {
                let said = text(session, &outcome.stdout)? + &text(session, &outcome.stderr)?;
                let named: Vec<String> =
                    batch.files.keys().take(MOST_NAMED).map(|file| format!("`{file}`")).collect();
                let more = match batch.files.len().saturating_sub(MOST_NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let message = format!(
                    "`{tool}` failed with exit code {} on {}{more}",
                    outcome.exit_code,
                    named.join(", ")
                );
                let error = Diagnostic::error(Exit::Failed, "tools::failed", message);
                told.push(said.lines().fold(error, Diagnostic::note));
            }
            _ => execution.failures.push(failure),
        }
    }
    Ok(told)
}

/// What a process said.
fn text(session: &Session<'_>, stream: &Digest) -> Result<String, Vec<Diagnostic>> {
    let bytes = session.store()?.read(stream).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How a tool ended.
fn exit_code(session: &Session<'_>, tree: &Digest) -> Result<i32, Vec<Diagnostic>> {
    let store = session.store()?;
    let tree = store.tree(tree).map_err(failed)?;
    let Some(Entry::File { digest, .. }) = tree.get(EXIT_CODE) else { return Ok(0) };
    let bytes = store.read(digest).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).trim().parse().unwrap_or(1))
}
