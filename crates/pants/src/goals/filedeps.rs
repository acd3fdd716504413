//! The goal `filedeps`: the files that targets are made of.

use std::collections::BTreeSet;

use clap::Args;
use loader::Packages;
use serde_json::{Value, json};

use super::{Targets, answer};
use crate::cli::Form;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// List the files that targets and all that they depend on consist of
///
/// One path a line, relative to the root, in order.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,

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
    let packages = if arguments.build_files { session.packages()? } else { Packages::default() };
    let mut files: BTreeSet<&str> = BTreeSet::new();
    let mut build_files: BTreeSet<String> = BTreeSet::new();
    for node in nodes {
        let target = graph.target(node);
        match graph.file(node) {
            Some(file) => {
                files.insert(file);
            }
            None if !target.rule.file_nodes => {
                files.extend(target.sources.iter().map(|source| &*source.path));
            }
            None => {}
        }
        if arguments.build_files {
            let whole = graph.node(&target.label.whole()).unwrap_or(node);
            build_files.insert(graph.target(whole).place.file.to_string());
            build_files.extend(packages.modules(target.label.package()));
        }
    }
    files.extend(build_files.iter().map(String::as_str));
    session.console.answer(&match session.console.form {
        Form::Json => format!("{:#}\n", json!(files)),
        Form::Jsonl => answer::lines(files.into_iter().map(Value::from)),
        _ => files.into_iter().map(|file| format!("{file}\n")).collect(),
    });
    Ok(Exit::Done)
}
