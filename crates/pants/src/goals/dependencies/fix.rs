//! Mends BUILD files and files of requirements where what is wrong has one remedy. Does not decide what is wrong.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use graph::{Label, NodeId, Part, TargetGraph, last_segment};
use loader::text::{Edit, EditError, edit};
use python::infer::{Finding, Hint, Problem};

use super::audit::Audited;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::repository::Repository;
use crate::rewrite::Rewrite;
use crate::session::Session;
use crate::tailoring::style;

/// What is to be done about dependencies.
#[derive(Debug, Default)]
pub(super) struct Remedies {
    /// Dependencies that targets get.
    add: BTreeSet<(NodeId, Label)>,
    /// Dependencies that targets lose.
    remove: BTreeSet<(NodeId, Label)>,
    /// Folders with sources that no target has.
    folders: BTreeSet<String>,
    /// Lines for files of requirements.
    lines: BTreeMap<String, BTreeSet<String>>,
}

impl Remedies {
    pub(super) fn add(&mut self, graph: &TargetGraph, audited: &[Audited]) {
        self.add.extend(pairs(graph, audited));
    }

    pub(super) fn remove(&mut self, graph: &TargetGraph, audited: &[Audited]) {
        self.remove.extend(pairs(graph, audited));
    }

    /// Takes up a finding if there is one thing that mends it.
    pub(super) fn take(&mut self, session: &Session<'_>, graph: &TargetGraph, finding: &Finding) {
        match &finding.problem {
            // The same project of the same resolve, from two files of requirements: either will do.
            Problem::Ambiguous { owners } => {
                let Some(first) = owners.first().filter(|_| are_one_project(owners)) else { return };
                let importers = finding.imports.iter().filter_map(|import| graph.node(&import.file.whole()));
                self.add.extend(importers.map(|importer| (importer, first.clone())));
            }
            Problem::Unowned { hint: Hint::Unlisted(path), .. } => {
                self.folders.insert(path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned());
            }
            Problem::Unowned { hint: Hint::Locked { resolve, project }, .. } => {
                self.require(session, graph, resolve, project);
            }
            Problem::Unowned { hint: Hint::Projects(projects), .. } => {
                let resolves: BTreeSet<&str> = (finding.imports.iter())
                    .filter_map(|import| graph.node(&import.file.whole()))
                    .map(|node| python::resolve_of(graph.target(node), &session.config.default_resolve))
                    .collect();
                if let ([project], Some(resolve)) = (projects.as_slice(), resolves.first())
                    && resolves.len() == 1
                {
                    self.require(session, graph, resolve, project);
                }
            }
            Problem::Unowned { .. } => {}
        }
    }

    /// Adds a project to the file of requirements of a resolve, if it has one and no more.
    fn require(&mut self, session: &Session<'_>, graph: &TargetGraph, resolve: &str, project: &str) {
        let of_resolve = |target: &&graph::Target| {
            target.rule.name == "python_requirements"
                && python::resolve_of(target, &session.config.default_resolve) == resolve
        };
        let targets = graph.targets().map(|(_, target)| target).filter(of_resolve);
        let files: BTreeSet<&str> =
            targets.filter_map(|target| Some(&*target.sources.first()?.path)).collect();
        if let (Some(file), 1) = (files.first().filter(|file| file.ends_with(".txt")), files.len()) {
            self.lines.entry((*file).to_owned()).or_default().insert(project.to_owned());
        }
    }

    /// The files as they will be.
    pub(super) fn rewrites(
        &self,
        session: &Session<'_>,
        repository: &Repository,
    ) -> Result<Vec<Rewrite>, Vec<Diagnostic>> {
        let graph = &repository.graph;
        let files = loader::files(&session.loader_options());
        let texts = session.build_texts(&files.build_files)?;
        let style = style(&texts);
        let targets: Vec<graph::Target> = graph.targets().map(|(_, target)| target.clone()).collect();
        let tailored =
            session.tailor(&files, &targets, &repository.roots, &|folder| self.folders.contains(folder))?;
        let mut rewrites: BTreeMap<String, Rewrite> =
            tailored.rewrites.into_iter().map(|rewrite| (rewrite.path.clone(), rewrite)).collect();
        let changes = self.add.iter().map(|(node, label)| (*node, label, true));
        let mut changes: Vec<(NodeId, &Label, bool)> =
            changes.chain(self.remove.iter().map(|(node, label)| (*node, label, false))).collect();
        // From below, so that the places above stay what they are.
        changes.sort_by_key(|(node, label, _)| (Reverse(&graph.target(*node).place), *label));
        let mut errors = Vec::new();
        for (node, label, adds) in changes {
            let target = graph.target(node);
            let (place, package) = (&target.place, target.label.package());
            let Some(old) = texts.get(&*place.file) else {
                errors.push(imagined(&target.label));
                continue;
            };
            let rewrite = rewrites.entry(place.file.to_string()).or_insert_with(|| Rewrite {
                path: place.file.to_string(),
                old: Some(old.clone()),
                new: old.clone(),
            });
            let mut forms = forms(label, package);
            let change = if adds { Edit::Add(forms.swap_remove(0)) } else { Edit::Remove(forms) };
            let at = (place.line, place.column);
            match edit((&*place.file, &rewrite.new), at, &["dependencies"], &change, &style) {
                Ok(text) => rewrite.new = text,
                Err(error) => errors.push(not_edited(&error, &target.label).at(Some(place.clone()))),
            }
        }
        for (path, projects) in &self.lines {
            let old = std::fs::read_to_string(session.root.join(path)).unwrap_or_default();
            let mut new = old.clone();
            if !new.is_empty() && !new.ends_with('\n') {
                new.push('\n');
            }
            projects.iter().for_each(|project| new.push_str(&format!("{project}\n")));
            rewrites.insert(path.clone(), Rewrite { path: path.clone(), old: Some(old), new });
        }
        if errors.is_empty() { Ok(rewrites.into_values().collect()) } else { Err(errors) }
    }

    /// Whether a lock has to be written anew.
    pub(super) fn needs_lock(&self) -> bool {
        !self.lines.is_empty()
    }
}

fn pairs(graph: &TargetGraph, audited: &[Audited]) -> Vec<(NodeId, Label)> {
    let of = |(target, found): &Audited| {
        let target = *target;
        found.iter().map(move |node| (target, graph.label(*node))).collect::<Vec<_>>()
    };
    audited.iter().flat_map(of).collect()
}

/// Whether all targets are generated for one project.
fn are_one_project(owners: &[Label]) -> bool {
    let Some(first @ Part::Generated(_)) = owners.first().map(Label::part) else { return false };
    owners.iter().all(|owner| owner.part() == first)
}

/// The texts that may stand for a label in a BUILD file, the usual one first.
fn forms(label: &Label, package: &str) -> Vec<String> {
    let whole = label.to_string();
    let (path, name) = whole.strip_prefix("//").unwrap_or(&whole).split_once(':').unwrap_or((&whole, ""));
    let plain = name.split('#').next().unwrap_or_default();
    let mut forms = Vec::new();
    if label.package() == package && !matches!(label.part(), Part::File(_)) {
        forms.push(format!(":{name}"));
    }
    if plain == last_segment(path) && !plain.is_empty() {
        let rest = &name[plain.len()..];
        forms.extend([format!("//{path}{rest}"), format!("{path}{rest}")]);
    }
    forms.extend([whole.clone(), format!("{path}:{name}")]);
    forms
}

fn imagined(label: &Label) -> Diagnostic {
    let message = format!("`{label}` is in no BUILD file yet");
    Diagnostic::error(Exit::Wrong, "fix::imagined", message).help(Some("`pants tailor ::` writes them"))
}

fn not_edited(error: &EditError, label: &Label) -> Diagnostic {
    if let EditError::Load(error) = error {
        return explain::load(error);
    }
    let message = format!("cannot edit the dependencies of `{label}`: {error}");
    Diagnostic::error(Exit::Wrong, "fix::not_edited", message).help(Some("edit it by hand"))
}
