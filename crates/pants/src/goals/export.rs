//! The goal `export`: a virtualenv of each resolve, for an editor.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environments;
use crate::explain;
use crate::generated;
use crate::report::exit_of;
use crate::session::Session;

/// The folder of all of them.
const FOLDER: &str = "dist/export/python/virtualenvs";
/// The file by which first-party code is imported from where it is.
const ROOTS: &str = "pants-source-roots.pth";

const EXAMPLES: &str = "\
Examples:
  pants export                     virtualenvs of all resolves
  pants export --resolve default   of one
  pants export --pyright           and a pyrightconfig.json for the first";

/// Make a virtualenv of each resolve, which an editor can open
///
/// It has all that is locked, and imports first-party code from where it is in the repository, and what steps generate from
/// dist/generated/. What has not changed since the last time is not touched. The paths are printed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only this resolve
    #[arg(long, value_name = "NAME")]
    resolve: Vec<String>,

    /// Write a pyrightconfig.json that names the first of them
    #[arg(long)]
    pyright: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let repository = session.repository()?;
    let graph = &repository.graph;
    let all = python::requirements_of_resolves(graph, &session.config.default_resolve);
    let unknown = arguments.resolve.iter().find(|name| !all.iter().any(|(known, _)| known == *name));
    if let Some(unknown) = unknown {
        let names = all.iter().map(|(name, _)| name.as_str());
        let help = explain::near_or_all(unknown, names, "those with requirements are");
        let message = format!("no requirement is in a resolve `{unknown}`");
        return Err(vec![Diagnostic::error(Exit::Wrong, "export::resolve", message).help(Some(help))]);
    }
    let is_wanted = |name: &String| arguments.resolve.is_empty() || arguments.resolve.contains(name);
    let chosen: Vec<_> = all.iter().filter(|(name, _)| is_wanted(name)).collect();
    let nodes: Vec<_> = chosen.iter().map(|(_, node)| *node).collect();
    let made = environments::make(session, &repository, &nodes, python::environments_of_resolve)?;
    let sources = graph.targets().flat_map(|(_, target)| &target.sources);
    let python = sources.filter(|source| source.path.ends_with(".py") || source.path.ends_with(".pyi"));
    let mut roots: BTreeSet<String> = (python.filter_map(|source| {
        let below = repository.roots.import_path(&source.path)?;
        Some(source.path.strip_suffix(below)?.trim_end_matches('/').to_owned())
    }))
    .collect();
    let everything: Vec<_> = graph.targets().map(|(node, _)| node).collect();
    roots.extend(generated::place(session, &repository, &everything, true)?);
    let pth: String = roots.iter().map(|root| format!("{}\n", session.root.join(root).display())).collect();
    let mut exported = Vec::new();
    for (node, one) in &made {
        let resolve = chosen.iter().find(|(_, other)| other == node).map_or("", |(name, _)| name.as_str());
        let path = format!("{FOLDER}/{resolve}/{}", one.version);
        let changed = one.export(session, &session.root.join(&path), (ROOTS, &pth))?;
        exported.push((path, resolve, changed));
    }
    if arguments.pyright
        && let Some((path, ..)) = exported.first()
    {
        pyright(session, path, &roots)?;
    }
    session.console.diagnostics(session.take_warnings());
    let said = session.console.said();
    let exit = exit_of(&said);
    match session.console.output {
        Output::Json => {
            let one = |(path, resolve, changed): &(String, &str, bool)| json!({ "path": path, "resolve": resolve, "changed": changed });
            let all: Vec<_> = exported.iter().map(one).collect();
            let diagnostics: Vec<_> = said.iter().map(Diagnostic::json).collect();
            let report = json!({ "goal": "export", "exit_code": exit as i32, "virtualenvs": all, "diagnostics": diagnostics });
            session.console.answer(&format!("{report:#}\n"));
        }
        Output::Text => {
            let paths: String = exported.iter().map(|(path, ..)| format!("{path}\n")).collect();
            session.console.answer(&paths);
        }
    }
    Ok(exit)
}

/// Writes what pyright, and with it the Python extension of VS Code, reads.
fn pyright(session: &Session<'_>, path: &str, roots: &BTreeSet<String>) -> Result<(), Vec<Diagnostic>> {
    let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
    let roots: Vec<&str> =
        roots.iter().map(|root| if root.is_empty() { "." } else { root.as_str() }).collect();
    let config = json!({ "venvPath": parent, "venv": name, "extraPaths": roots });
    let file = session.root.join("pyrightconfig.json");
    std::fs::write(&file, format!("{config:#}\n")).map_err(|error| {
        let message = format!("cannot write `{}`: {error}", file.display());
        vec![Diagnostic::error(Exit::Environment, "export::write", message)]
    })
}
