//! Files that steps of the repository make: they are made before what needs them is planned, so that they are files like any
//! others there. Steps that need what others make come after these.

use std::collections::{BTreeMap, BTreeSet};

use engine::Execution;
use graph::NodeId;
use python::{RuleError, Step};
use store::{Entry, IndexEntry, StatIndex, Tree};

use crate::analysis::{look_at, placed, read};
use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::dist::{self, PlaceError};
use crate::explain;
use crate::repository::Repository;
use crate::session::{Session, failed};
use crate::tools::MachineTools;
use crate::undeclared;

/// Where what is generated is put for who works in the repository itself.
const FOLDER: &str = "dist/generated";

/// What was made for some nodes.
#[derive(Clone, Default)]
pub(crate) struct Generated {
    /// The files, by their paths relative to the root.
    pub(crate) files: BTreeMap<String, IndexEntry>,
    /// All that they were made from that is on the disk.
    pub(crate) sources: BTreeMap<String, IndexEntry>,
    /// What was read before the first step began.
    pub(crate) read: BTreeMap<String, IndexEntry>,
}

/// Makes all files that some nodes need and that steps make. Before that, these and the files at `paths` are read, so that
/// all is of one state, however long steps take.
pub(crate) fn make(
    session: &Session<'_>,
    repository: &Repository,
    nodes: &[NodeId],
    paths: &BTreeSet<String>,
) -> Result<Generated, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let mut made = Generated::default();
    let levels = python::steps(graph, nodes).map_err(|error| vec![explain::rule(&error)])?;
    if !levels.is_empty() {
        made.read = read_all(session, repository, &levels.concat(), paths)?;
    }
    for level in levels {
        let needed = level.iter().flat_map(|step| python::step_paths(graph, *step, &repository.roots));
        let paths: BTreeSet<String> = needed.collect();
        let (files, (steps, actions, tools, read)) =
            look_at(session, repository, (&level, &made), paths, |seen| {
                let ran = seen
                    .analyse(&level, &|analysis, actions| python::run_steps(&level, analysis, actions))?
                    .map_err(|errors: Vec<RuleError>| -> Vec<Diagnostic> {
                        errors.iter().map(|error| placed(session, error)).collect()
                    });
                let (steps, actions) = ran?;
                session.console.diagnostics(seen.interpreters.take_notes());
                let tools = MachineTools::of(&actions, seen.interpreters);
                Ok((steps, actions, tools, seen.files.clone()))
            })?;
        made.sources.extend(read.into_iter().filter(|(path, _)| !made.files.contains_key(path)));
        let builds = steps.iter().flat_map(|step| step.builds.iter().cloned()).collect();
        let places = steps.iter().map(|step| (step.action, step.place.clone())).collect();
        let plan = Plan::of_actions(session, (builds, places), (files, actions), tools)?;
        let roots: Vec<_> = steps.iter().map(|step| step.action).collect();
        let mut execution = plan.execute(&roots, false)?;
        session.count_generated(&execution);
        let failures = std::mem::take(&mut execution.failures);
        let looked_for = failures.iter().flat_map(|failure| {
            let step = steps.iter().find(|step| step.action == failure.id);
            let node = step.and_then(|step| graph.node(&step.label));
            let said = plan.said(failure);
            let folder = step.map(|step| step.label.package()).unwrap_or_default();
            let warnings = |node| undeclared::warnings(session, repository, (node, folder), &said?).into();
            node.and_then(warnings).unwrap_or_default()
        });
        let looked_for: Vec<Diagnostic> = looked_for.collect();
        let mut diagnostics = plan.told(failures);
        session.console.diagnostics(looked_for);
        if execution.cancelled {
            diagnostics.push(Diagnostic::error(Exit::Failed, "build::cancelled", "cancelled"));
        }
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        for step in &steps {
            made.files.extend(outputs(session, step, &execution)?);
        }
    }
    Ok(made)
}

/// Reads the files at `paths` and all that some steps need, but for what steps make.
fn read_all(
    session: &Session<'_>,
    repository: &Repository,
    steps: &[NodeId],
    paths: &BTreeSet<String>,
) -> Result<BTreeMap<String, IndexEntry>, Vec<Diagnostic>> {
    let graph = &repository.graph;
    let needed = steps.iter().flat_map(|step| python::step_paths(graph, *step, &repository.roots));
    let mut all: BTreeSet<String> = needed.chain(paths.iter().cloned()).collect();
    for step in steps {
        python::outputs(graph.target(*step)).for_each(|path| {
            all.remove(&path);
        });
    }
    let store = session.store()?;
    store.hold();
    let mut index = StatIndex::open(store, &session.root).map_err(failed)?;
    read(&mut index, repository, all)
}

/// Puts what steps make for some nodes into `dist/generated/`, for whoever works in the repository itself, and gives the
/// folders there that imports start from, relative to the root. Where these are all nodes, nothing else stays there.
pub(crate) fn place(
    session: &Session<'_>,
    repository: &Repository,
    nodes: &[NodeId],
    are_all: bool,
) -> Result<BTreeSet<String>, Vec<Diagnostic>> {
    let made = make(session, repository, nodes, &BTreeSet::new())?;
    let (mut tree, mut roots) = (Tree::new(), BTreeSet::new());
    for (path, entry) in &made.files {
        tree.add_file(path, entry.digest, entry.executable).map_err(|error| {
            let message = format!("cannot put generated files side by side: {error}");
            vec![Diagnostic::error(Exit::Wrong, "genrule::clash", message)]
        })?;
        let root = repository.roots.import_path(path).and_then(|below| path.strip_suffix(below));
        roots.extend(root.map(|root| graph::join(FOLDER, root.trim_end_matches('/'))));
    }
    let store = session.store()?;
    let tree = store.put_tree(&tree).map_err(failed)?;
    let folder = session.root.join(FOLDER);
    let placed = if are_all {
        dist::place_reserved(store, &tree, &folder).map(|_| ())
    } else {
        let mut files = made.files.keys();
        files.try_for_each(|path| dist::place(store, &tree, Some(path), &folder.join(path)).map(|_| ()))
    };
    match placed {
        Ok(()) => Ok(roots),
        Err(PlaceError::Failed(diagnostic)) => Err(vec![*diagnostic]),
        Err(PlaceError::Lost) => {
            let message = "the cache lost what steps have made before it was put into `dist`";
            Err(vec![Diagnostic::error(Exit::Environment, "build::lost", message)])
        }
    }
}

/// What a step has made.
fn outputs(
    session: &Session<'_>,
    step: &Step,
    execution: &Execution,
) -> Result<Vec<(String, IndexEntry)>, Vec<Diagnostic>> {
    let Some(tree) = execution.trees.get(&step.action) else { return Ok(Vec::new()) };
    let tree = session.store()?.tree(tree).map_err(failed)?;
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in &step.outputs {
        match tree.get(path) {
            Some(Entry::File { digest, executable }) => {
                files.push((path.clone(), IndexEntry { digest: *digest, executable: *executable }));
            }
            _ => {
                let message = format!("`{}` makes `{path}`, which is no file", step.label);
                let error = Diagnostic::error(Exit::Failed, "genrule::no_file", message);
                errors.push(
                    error
                        .at(Some(step.place.clone()))
                        .help(Some("name each file of a folder among the `outputs`")),
                );
            }
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}
