//! The goal `roots`: the source roots that are in use.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::answer;
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List the source roots
///
/// The folders that imports of the repository's Python files start from, one a line; `.` is the root. Folders that the
/// configuration would allow, but that no such file is in, are left out.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(session: &Session<'_>, _: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.targets_alone()?;
    let mut roots: BTreeSet<&str> = BTreeSet::new();
    for (_, target) in repository.graph.targets().filter(|(_, target)| target.rule.file_nodes) {
        for source in target.sources.iter().filter(|source| source.path.ends_with(".py")) {
            if let Some(import) = repository.roots.import_path(&source.path) {
                let root = source.path[..source.path.len() - import.len()].trim_end_matches('/');
                roots.insert(if root.is_empty() { "." } else { root });
            }
        }
    }
    session.console.answer(&match session.console.form {
        Form::Json => format!("{:#}\n", json!(roots)),
        Form::Jsonl => answer::lines(roots.into_iter().map(Value::from)),
        _ => roots.into_iter().map(|root| format!("{root}\n")).collect(),
    });
    Ok(Exit::Done)
}
