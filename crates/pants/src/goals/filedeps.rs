//! The goal `filedeps`: the files that targets are made of.

use std::collections::BTreeSet;

use clap::Args;
use graph::NodeId;
use loader::Packages;
use serde_json::{Value, json};

use super::{Targets, answer};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::repository::Repository;
use crate::session::Session;

/// List the files that targets and all that they depend on consist of
///
/// One path a line, relative to the root, in order.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Only the files of the targets themselves
    #[arg(long)]
    direct: bool,

    /// List the BUILD files and what they load as well
    #[arg(long)]
    build_files: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let roots = arguments.targets.select(session, &repository)?;
    let nodes = if arguments.direct { graph.with_files(&roots) } else { graph.needs(&roots, None) };
    let files = files(session, &repository, nodes, arguments.build_files)?;
    session.console.answer(&match session.console.form {
        Form::Json => format!("{:#}\n", json!(files)),
        Form::Jsonl => answer::lines(files.into_iter().map(Value::from)),
        _ => files.into_iter().map(|file| format!("{file}\n")).collect(),
    });
    Ok(Exit::Done)
}

/// The files that nodes consist of, and the BUILD files that say so with what these load, where they are wanted.
pub(crate) fn files(
    session: &Session<'_>,
    repository: &Repository,
    nodes: impl IntoIterator<Item = NodeId>,
    build_files: bool,
) -> Result<BTreeSet<String>, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let packages = if build_files { session.packages()? } else { Packages::default() };
    let mut files = BTreeSet::new();
    for node in nodes {
        let target = graph.target(node);
        match graph.file(node) {
            Some(file) => {
                files.insert(file.to_owned());
            }
            None if !target.rule.file_nodes => {
                files.extend(target.sources.iter().map(|source| source.path.to_string()));
            }
            None => {}
        }
        if build_files {
            let whole = graph.node(&target.label.whole()).unwrap_or(node);
            files.insert(graph.target(whole).place.file.to_string());
            files.extend(packages.modules(target.label.package()));
        }
    }
    Ok(files)
}
