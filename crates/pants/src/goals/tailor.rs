//! The goal `tailor`: BUILD files get the targets that they lack.

use std::collections::BTreeMap;

use clap::Args;
use python::SourceRoots;
use python::tailor::Planned;
use serde_json::json;

use super::rewritten::{Folders, Mode, finish};
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::Session;
use crate::tailoring::{Tailored, wrong_with};

const EXAMPLES: &str = "\
Examples:
  pants tailor ::             write targets for all that has none
  pants tailor svc::          only in svc and below
  pants tailor --dry-run ::   show what would be written
  pants tailor --check ::     for CI: fail if something has no target

Sources get a python_library, tests a python_test, requirements.txt and pyproject.toml a python_requirements, and scripts
and the commands of a project a python_binary. What is there stays as it is.";

/// Write BUILD targets for what has none
///
/// Python sources and tests, files of requirements, and programs that no target has get one, in the BUILD file of their
/// folder, as the other BUILD files of the repository are written. Nothing is taken away.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folders: Folders,

    #[command(flatten)]
    mode: Mode,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let is_asked = arguments.folders.parse(session)?;
    let roots = session.source_roots()?;
    let tailored = tailored(session, &roots, &|folder| is_asked.has_folder(folder))?;
    let wrong = wrong_with(session, &tailored.rewrites);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let passed = tailored.passed.iter().map(|passed| {
        let message = format!("`{}` gets no target: {}", passed.path, passed.reason);
        Diagnostic::warning("tailor::passed", message)
    });
    session.console.diagnostics(passed.collect());
    let mut by_file: BTreeMap<&str, Vec<&Planned>> = BTreeMap::new();
    for planned in &tailored.targets {
        by_file.entry(planned.label.package()).or_default().push(planned);
    }
    let mut targets = by_file.into_values();
    let mut text = String::new();
    let mut files = Vec::new();
    for (rewrite, planned) in tailored.rewrites.iter().zip(&mut targets) {
        let verb = if rewrite.old.is_some() { "updated" } else { "created" };
        text.push_str(&format!("{verb} {}\n", rewrite.path));
        for one in &planned {
            text.push_str(&format!("  {} {}\n", one.rule, one.label));
        }
        let targets: Vec<_> = (planned.iter())
            .map(|one| json!({ "target": one.label, "rule": one.rule, "files": one.files }))
            .collect();
        files.push(json!({ "path": rewrite.path, "created": rewrite.old.is_none(), "targets": targets }));
    }
    finish(session, arguments.mode, "tailor", &tailored.rewrites, (text, files))
}

/// What the repository lacks as it is on the disk.
fn tailored(
    session: &Session<'_>,
    roots: &SourceRoots,
    is_asked: &dyn Fn(&str) -> bool,
) -> Result<Tailored, Vec<Diagnostic>> {
    let loaded = loader::load(&session.loader_options(), None);
    if !loaded.errors.is_empty() {
        return Err(loaded.errors.iter().map(explain::load).collect());
    }
    let files = loader::files(&session.loader_options());
    session.tailor(&files, &loaded.targets, roots, is_asked)
}
