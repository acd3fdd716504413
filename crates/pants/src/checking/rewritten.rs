//! Files that tools rewrite: made elsewhere, and written when all tools are content with all of them.

use std::collections::BTreeMap;

use python::Batch;
use serde_json::json;
use store::{Entry, Store, Tree};

use super::{Ran, Work};
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::goals::rewritten::Mode;
use crate::report::{Report, exit_of};
use crate::rewrite::{Rewrite, write};
use crate::session::{Session, failed};
use crate::together::Planned;

/// So many lines of differences are shown of a check.
const MOST_LINES: usize = 200;

/// Has the tools rewrite the files, and answer with what changed.
pub(crate) fn rewrite<'a>(
    session: &'a Session<'a>,
    goal: &'static str,
    mode: Mode,
    work: Work<'a>,
) -> Result<Planned<'a>, Vec<Diagnostic>> {
    work.planned(&python::rewrite, move |_, ran| conclude(session, goal, mode, ran))
}

fn conclude(
    session: &Session<'_>,
    goal: &'static str,
    mode: Mode,
    ran: Ran<'_>,
) -> Result<Exit, Vec<Diagnostic>> {
    let store = session.store()?;
    let (mut rewrites, mut count) = (BTreeMap::new(), 0);
    let (report, made) = ran.take(session, &mut |batch, execution| {
        count += batch.asked;
        let Some((outcome, _)) = execution.outcomes.get(&batch.action) else { return Ok(()) };
        let tree = store.tree(&outcome.tree).map_err(failed)?;
        for rewrite in changed(store, batch, &tree)? {
            rewrites.insert(rewrite.path.clone(), rewrite);
        }
        Ok(())
    });
    let rewrites: Vec<Rewrite<Vec<u8>>> = rewrites.into_values().collect();
    let written = made.is_ok() && mode.writes();
    let wrong = match made {
        Err(wrong) => wrong,
        Ok(()) if written => write(&session.root, &rewrites).err().unwrap_or_default(),
        Ok(()) => Vec::new(),
    };
    let is_whole = wrong.is_empty();
    session.console.diagnostics(wrong);
    if !is_whole && mode.writes() {
        session.console.message("nothing is written");
    }
    session.console.diagnostics(session.take_warnings());
    let told = Told { goal, mode, written: written && is_whole, count };
    Ok(told.tell(session, if is_whole { &rewrites } else { &[] }, &report))
}

/// The files of a batch that are not as they were.
fn changed(store: &Store, batch: &Batch, tree: &Tree) -> Result<Vec<Rewrite<Vec<u8>>>, Vec<Diagnostic>> {
    let mut all = Vec::new();
    for (path, old) in &batch.files {
        match tree.get(path) {
            Some(Entry::File { digest, .. }) if digest != old => {
                let read = |digest| store.read(digest).map_err(failed);
                all.push(Rewrite { path: path.clone(), old: Some(read(old)?), new: read(digest)? });
            }
            _ => {}
        }
    }
    Ok(all)
}

/// What is told of a goal that rewrites.
struct Told {
    goal: &'static str,
    mode: Mode,
    written: bool,
    /// How many files were looked at.
    count: usize,
}

impl Told {
    fn tell(&self, session: &Session<'_>, rewrites: &[Rewrite<Vec<u8>>], report: &Report) -> Exit {
        let console = session.console;
        let said = console.said();
        let exit = match exit_of(&said) {
            Exit::Done if self.mode.fails() && !rewrites.is_empty() => Exit::Failed,
            exit => exit,
        };
        let diff = || rewrites.iter().map(Rewrite::diff).collect::<String>();
        if console.output == Output::Json {
            let mut told = report.json(self.goal, exit, &said, session.start);
            told["written"] = json!(self.written);
            told["files"] = rewrites.iter().map(|rewrite| json!(rewrite.path)).collect();
            told["diff"] = json!(diff());
            console.answer(&format!("{told:#}\n"));
            return exit;
        }
        if self.mode.writes() {
            console.answer(&rewrites.iter().map(|rewrite| format!("{}\n", rewrite.path)).collect::<String>());
        } else if self.mode.fails() {
            console.answer(&self.brief(&diff()));
        } else {
            console.answer(&diff());
        }
        if !console.quiet && exit_of(&said) == Exit::Done && !report.is_empty() {
            console.message(&format!("{}; {}", self.summary(rewrites.len()), report.summary(session.start)));
        }
        exit
    }

    fn summary(&self, changed: usize) -> String {
        let goal = self.goal;
        let files = if self.count == 1 { "file" } else { "files" };
        match self.written {
            true => format!("{changed} of {} {files} rewritten", self.count),
            false if changed == 0 => format!("{} {files} would stay as they are", self.count),
            false => format!("{changed} of {} {files} would change: `pants {goal}` writes them", self.count),
        }
    }

    /// The first lines of a difference.
    fn brief(&self, diff: &str) -> String {
        let all = diff.lines().count();
        if all <= MOST_LINES {
            return diff.to_owned();
        }
        let first: String = diff.split_inclusive('\n').take(MOST_LINES).collect();
        let more = all - MOST_LINES;
        format!("{first}… and {more} lines more: `pants {} --dry-run` shows all\n", self.goal)
    }
}
