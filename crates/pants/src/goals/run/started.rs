//! What of a target is started: the entry point of a program, a file, or a command of a distribution.

use std::fs;
use std::path::Path;

use graph::{NodeId, Target, TargetGraph};
use packaging::name::{PackageName, parse_name};
use packaging::pex::Entry;
use packaging::wheel::EntryPoints;
use python::wishes;

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain::{self, near_or_all};
use crate::repository::Repository;
use crate::session::Session;

/// What is started.
#[derive(Clone, Debug)]
pub(super) enum Started {
    /// What the entry point of a program or a file is.
    Entry(Entry),
    /// The command of a requirement.
    Command,
}

/// The one node that a text of the command line names, and what of it is started where no command is named.
pub(super) fn chosen(
    session: &Session<'_>,
    repository: &Repository,
    text: &String,
    is_named: bool,
) -> Result<(NodeId, Started), Vec<Diagnostic>> {
    let graph = &repository.graph;
    let nodes = session.select_files(graph, text)?;
    let [node] = nodes.as_slice() else {
        let message = format!("`{text}` is {} targets, and one can be run", nodes.len());
        return Err(vec![wrong("run::one_target", message, named(graph, &nodes))]);
    };
    let node = graph.actual(*node);
    let target = graph.target(node);
    if is_named || target.rule.name == "python_requirement" {
        return Ok((node, Started::Command));
    }
    let node = match (graph.file(node), target.rule.name) {
        (Some(_), _) | (None, "python_binary") => node,
        (None, _) => only_file(graph, node)?,
    };
    if let Some(path) = graph.file(node).filter(|path| !path.ends_with(".py")) {
        let message = format!("`{path}` is no Python file");
        return Err(vec![wrong("run::no_python_file", message, None)]);
    }
    let entry = python::start_of(node, graph, &repository.roots);
    let told = |errors: Vec<python::RuleError>| errors.iter().map(explain::rule).collect::<Vec<_>>();
    Ok((node, Started::Entry(entry.map_err(told)?)))
}

/// The Python file of a target that has one.
fn only_file(graph: &TargetGraph, node: NodeId) -> Result<NodeId, Vec<Diagnostic>> {
    let is_python = |file: &NodeId| graph.file(*file).is_some_and(|path| path.ends_with(".py"));
    let (target, files) = (graph.target(node), graph.files(node).filter(is_python).collect::<Vec<_>>());
    match files.as_slice() {
        [file] => Ok(*file),
        [] => {
            let message =
                format!("`{}` is a `{}`, of which nothing can be run", target.label, target.rule.name);
            let help = "a `python_binary`, a Python file and a `python_requirement` can be run; `pants list --type \
                        python_binary ::` names all binaries";
            Err(vec![wrong("run::nothing", message, Some(help.to_owned()))])
        }
        _ => {
            let message =
                format!("`{}` has {} files of Python, and one can be run", target.label, files.len());
            Err(vec![wrong("run::one_target", message, named(graph, &files))])
        }
    }
}

/// How a few of many targets are named, or files that one target alone has.
fn named(graph: &TargetGraph, nodes: &[NodeId]) -> Option<String> {
    const MOST: usize = 3;
    let name = |node: &NodeId| match graph.file(*node) {
        Some(path) if graph.file_nodes(path).len() == 1 => path.to_owned(),
        _ => graph.label(*node).to_string(),
    };
    let some: Vec<String> =
        nodes.iter().take(MOST).map(|node| format!("`pants run {}`", name(node))).collect();
    (!some.is_empty()).then(|| format!("name one: {}", some.join(", ")))
}

/// The command of a requirement that is meant: the one with its name, or the only one.
pub(super) fn command_of(target: &Target, packages: &Path) -> Result<String, Vec<Diagnostic>> {
    let (wishes, errors) = wishes(target);
    if !errors.is_empty() {
        return Err(errors.iter().map(explain::rule).collect());
    }
    let projects: Vec<PackageName> = wishes.into_iter().map(|wish| wish.requirement.name).collect();
    let all: Vec<String> = projects.iter().flat_map(|project| commands(project, packages)).collect();
    let same = projects.iter().find(|project| all.iter().any(|command| command == project.as_ref()));
    match (same, all.as_slice()) {
        (Some(name), _) => Ok(name.to_string()),
        (None, [one]) => Ok(one.clone()),
        (None, []) => {
            let message = format!("`{}` has no command", target.label);
            let help = "`--script NAME` starts a command of what it reaches".to_owned();
            Err(vec![wrong("run::no_command", message, Some(help))])
        }
        (None, several) => {
            let message =
                format!("`{}` has {} commands, and none is named like it", target.label, several.len());
            let help = format!("name one with `--script`: `{}`", several.join("`, `"));
            Err(vec![wrong("run::one_command", message, Some(help))])
        }
    }
}

/// The commands of an installed distribution, as its entry points name them.
fn commands(project: &PackageName, packages: &Path) -> Vec<String> {
    let is_of = |folder: &str| {
        let name = folder.strip_suffix(".dist-info").and_then(|rest| rest.rsplit_once('-'));
        name.and_then(|(name, _)| parse_name(name).ok()).is_some_and(|name| name == *project)
    };
    let entries = fs::read_dir(packages).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| is_of(&entry.file_name().to_string_lossy()));
    let texts = folders.filter_map(|entry| fs::read_to_string(entry.path().join("entry_points.txt")).ok());
    texts.flat_map(|text| EntryPoints::parse(&text).console.into_iter().map(|entry| entry.name)).collect()
}

/// The error that no distribution has a command, with near ones.
pub(super) fn no_command(target: &str, name: &str, bin: &Path) -> Diagnostic {
    let entries = fs::read_dir(bin).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_python = |name: &String| name.starts_with("python") || name.to_lowercase().starts_with("activate");
    let mut names: Vec<String> = names.filter(|name| !is_python(name)).collect();
    names.sort_unstable();
    let help = match names.is_empty() {
        true => {
            "name the distribution in `dependencies`, and run `pants lock` where it is not locked".to_owned()
        }
        false => near_or_all(name, names.iter().map(String::as_str), "there are"),
    };
    let message = format!("no distribution that `{target}` reaches has a command `{name}`");
    wrong("run::no_script", message, Some(help))
}

fn wrong(code: &'static str, message: String, help: Option<String>) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, code, message).help(help)
}
