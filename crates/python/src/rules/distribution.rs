//! The rule `python_distribution`: own libraries become a wheel and a source distribution.

use std::collections::BTreeSet;

use engine::{ActionGraph, ActionId, Archive, Input, Members, Packing, Verb};
use graph::{NodeId, Target, TargetGraph};
use packaging::VersionSpecifiers;
use packaging::constraints::InterpreterConstraints;
use packaging::distribution::{Metadata, VersionScheme, python_tag};
use packaging::python::Minor;
use packaging::requirement::Source;
use store::Tree;

use super::binary::resolve;
use super::provides::{below, entry_texts, identity, metadata};
use super::sources::gather;
use super::wheels::OwnDistribution;
use super::{Analysis, Artifact, Rule};
use crate::bounds::Bounds;
use crate::closure::Closure;
use crate::distribution_error::DistributionError;
use crate::error::RuleError;
use crate::functions::{DIST_INFO, DIST_SDIST};
use crate::ownership::{DISTRIBUTION, Ownership, Share};
use crate::requirements::resolve_of;
use crate::resolves;

pub(super) struct PythonDistribution;

/// The newest minor version of Python 3 that is looked at where constraints have to be put into one.
const NEWEST: u8 = 30;

impl Rule for PythonDistribution {
    fn name(&self) -> &'static str {
        DISTRIBUTION
    }

    fn package(
        &self,
        node: NodeId,
        analysis: &Analysis<'_>,
        actions: &mut ActionGraph,
    ) -> Result<Vec<Artifact>, Vec<RuleError>> {
        let Described { closure, metadata, .. } = described(node, analysis)?;
        let target = analysis.graph.target(node);
        let distribution = Distribution { target, analysis, closure: &closure, metadata: &metadata };
        distribution.package(actions)
    }
}

/// A distribution before it is put together.
struct Described {
    /// What it has.
    closure: Closure,
    /// Those of the repository that it requires.
    others: Vec<NodeId>,
    /// What it says of itself.
    metadata: Metadata,
}

fn described(node: NodeId, analysis: &Analysis<'_>) -> Result<Described, Vec<RuleError>> {
    let target = analysis.graph.target(node);
    let resolve = resolve(target, analysis)?;
    let bare = |path: &str| is_bare(path, analysis);
    let Share { mut closure, others } = analysis.ownership.share(node, analysis.roots, &bare)?;
    let default = &analysis.settings.default_resolve;
    let own = resolve_of(target, default);
    let mut errors = resolves::settle(analysis.graph, node, &mut closure, own, default);
    let mut described = metadata(target, analysis).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Metadata::default()
    });
    match requires(target, &closure, &others, analysis) {
        Ok(requires) => described.requires = requires,
        Err(wrong) => errors.extend(wrong),
    }
    match Bounds::of(analysis.graph, node, &closure, resolve.constraints) {
        Ok(bounds) => {
            let python = requires_python(&bounds);
            let specifiers: Option<VersionSpecifiers> = python.as_deref().and_then(|text| text.parse().ok());
            described.python_tag = python_tag(specifiers.as_ref()).to_owned();
            described.requires_python = python;
        }
        Err(wrong) => errors.extend(wrong),
    }
    if errors.is_empty() {
        errors.extend(lost_entry_points(target, &closure, &others));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Described { closure, others, metadata: described })
}

/// Some distributions and those of the repository that they require, as those find them who have their code from the sources:
/// each a wheel of its metadata alone.
pub(super) fn own_distributions(
    named: &[NodeId],
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<OwnDistribution>, Vec<RuleError>> {
    let (mut open, mut seen) = (named.to_vec(), BTreeSet::new());
    let mut all = Vec::new();
    while let Some(node) = open.pop() {
        if !seen.insert(node) {
            continue;
        }
        let Described { closure, others, metadata } = described(node, analysis)?;
        open.extend(others);
        let target = analysis.graph.target(node);
        let distribution = Distribution { target, analysis, closure: &closure, metadata: &metadata };
        let nothing = actions.add(Verb::Write(Vec::new()), Vec::new(), "write nothing");
        let info = distribution.info(nothing, distribution.documents()?, actions);
        let file = metadata.wheel_name();
        let (archive, parts) = wheel(&file, nothing, info);
        let wheel = actions.add(archive, parts, format!("assemble the metadata of {}", target.label));
        let requirement = format!("{}=={}", metadata.name, metadata.version);
        all.push(OwnDistribution { requirement, file, wheel });
    }
    all.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(all)
}

/// The paths of all files that the metadata of distributions depend on which `nodes` reach.
pub fn metadata_paths(graph: &TargetGraph, nodes: &[NodeId], ownership: &Ownership<'_>) -> BTreeSet<String> {
    let mut open = graph.closure(nodes.iter().copied());
    open.retain(|node| graph.target(*node).rule.name == DISTRIBUTION);
    let (mut seen, mut paths) = (BTreeSet::new(), BTreeSet::new());
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            paths.extend(ownership.paths(node));
            paths.extend(graph.target(node).sources.iter().map(|source| source.path.to_string()));
            open.extend(ownership.others(node));
        }
    }
    paths
}

/// Whether an `__init__.py` only makes its folder a package, or a namespace that several distributions share.
fn is_bare(path: &str, analysis: &Analysis<'_>) -> bool {
    let entry = (analysis.files)(path);
    let text = analysis.store.read(&entry.digest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| {
        let mut code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        code.next().is_none() || text.contains("extend_path(") || text.contains("declare_namespace(")
    })
}

/// What a distribution requires: of third parties what its files need, of the repository's other distributions the
/// version that they have now.
fn requires(
    target: &Target,
    closure: &Closure,
    others: &[NodeId],
    analysis: &Analysis<'_>,
) -> Result<Vec<String>, Vec<RuleError>> {
    let (mut found, mut errors) = (Vec::<(String, String)>::new(), Vec::new());
    for wish in &closure.requirements {
        let (name, text) = (wish.requirement.name.to_string(), wish.requirement.text());
        let user = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
        if user.is_some_and(|(user, _)| user != "git") {
            let message = format!("the address of `{name}` holds a user name, which everybody would read");
            let (help, place) = (None, wish.place.clone());
            errors.push(DistributionError::Metadata { message, help, place }.into());
            continue;
        }
        if matches!(wish.requirement.source, Source::Path { .. }) {
            let message =
                format!("`{text}` is a path, which means nothing to who installs `{}`", target.label);
            let (help, place) = (None, wish.place.clone());
            errors.push(DistributionError::Metadata { message, help, place }.into());
        }
        found.push((name, text.to_owned()));
    }
    let scheme = match target.str("first_party_dependency_version_scheme") {
        Some("compatible") => VersionScheme::Compatible,
        Some("minimum") => VersionScheme::Minimum,
        Some("any") => VersionScheme::Any,
        _ => VersionScheme::Exact,
    };
    for other in others {
        match identity(analysis.graph.target(*other), analysis) {
            Ok((name, version)) => {
                let text = scheme.requirement(&name, &version);
                let normal = packaging::name::parse_name(&name).map(|name| name.to_string());
                found.push((normal.unwrap_or(name), text));
            }
            Err(wrong) => errors.extend(wrong),
        }
    }
    found.sort();
    found.dedup();
    if errors.is_empty() { Ok(found.into_iter().map(|(_, text)| text).collect()) } else { Err(errors) }
}

/// `Requires-Python`: the constraints of the distribution itself, of its libraries, or else of its resolve.
fn requires_python(bounds: &Bounds<'_>) -> Option<String> {
    let mut all: Vec<&InterpreterConstraints> = Vec::new();
    for one in bounds.constraints() {
        if !one.alternatives().is_empty() && !all.contains(&one) {
            all.push(one);
        }
    }
    one_specifier(&all)
}

/// Constraints that all have to hold, as one: what has no alternatives as it is, and all else by minor versions.
fn one_specifier(all: &[&InterpreterConstraints]) -> Option<String> {
    if let Some(single) = all.iter().map(|one| single(one)).collect::<Option<Vec<_>>>() {
        let mut texts: Vec<String> = single.into_iter().flatten().collect();
        texts.dedup();
        return (!texts.is_empty()).then(|| texts.join(","));
    }
    let universe = std::iter::once(Minor::new(2, 7)).chain((0..=NEWEST).map(|minor| Minor::new(3, minor)));
    let universe: Vec<Minor> = universe.collect();
    let accepted = |minor: &&Minor| all.iter().all(|one| one.accepts_minor(**minor));
    let (first, last) = (universe.iter().find(accepted)?, universe.iter().rev().find(accepted)?);
    let mut texts = vec![format!(">={first}")];
    let between = universe.iter().filter(|minor| *minor > first && *minor < last);
    texts.extend(between.filter(|minor| !accepted(minor)).map(|minor| format!("!={minor}.*")));
    if last.minor < NEWEST {
        texts.push(format!("<{}", Minor::new(last.major, last.minor + 1)));
    }
    Some(texts.join(","))
}

/// The specifiers of constraints that have no alternatives.
fn single(constraints: &InterpreterConstraints) -> Option<Vec<String>> {
    match constraints.alternatives() {
        [one] => Some(one.specifiers.iter().map(ToString::to_string).collect()),
        _ => None,
    }
}

/// Entry points that are in nothing that the distribution has or requires.
fn lost_entry_points(target: &Target, closure: &Closure, others: &[NodeId]) -> Vec<RuleError> {
    if !closure.requirements.is_empty() || !others.is_empty() {
        return Vec::new();
    }
    let files = || closure.code.iter().flat_map(|code| &code.files).map(|file| file.destination.as_str());
    let lost = entry_texts(target).into_iter().filter_map(|(_, _, text, place)| {
        let entry = crate::entry_point::EntryPoint::parse(&text)?;
        let crate::entry_point::Code::Module(module) = entry.code else { return None };
        let paths = crate::entry_point::module_paths(module, entry.attribute);
        let missing = !files().any(|file| paths.iter().any(|path| path == file));
        missing.then(|| RuleError::NoModule { module: module.to_owned(), near: Vec::new(), place })
    });
    lost.collect()
}

/// A distribution on its way to files.
struct Distribution<'a, 'b> {
    target: &'a Target,
    analysis: &'a Analysis<'b>,
    closure: &'a Closure,
    metadata: &'a Metadata,
}

impl Distribution<'_, '_> {
    fn package(&self, actions: &mut ActionGraph) -> Result<Vec<Artifact>, Vec<RuleError>> {
        let (target, metadata) = (self.target, self.metadata);
        let folder = self.folder()?;
        let sources = gather(target, self.closure, self.analysis, actions)?;
        let documents = self.documents()?;
        let mut artifacts = Vec::new();
        let artifact = |action: ActionId, file: String| Artifact {
            label: target.label.clone(),
            configurations: Vec::new(),
            path: graph::join(&folder, &file),
            action,
            file: Some(file),
            places: vec![(action, target.place.clone())],
            builds: Vec::new(),
            lacking: Vec::new(),
            left_out: Vec::new(),
            distributions: Vec::new(),
        };
        if target.bool_or_default("wheel") {
            let name = metadata.wheel_name();
            let info = self.info(sources, documents, actions);
            let (archive, parts) = wheel(&name, sources, info);
            let mut wheel = artifact(actions.add(archive, parts, format!("assemble {name}")), name);
            wheel.places.push((info, target.place.clone()));
            artifacts.push(wheel);
        }
        if target.bool_or_default("sdist") {
            let name = metadata.sdist_name();
            let pack = Verb::Apply { function: DIST_SDIST, arguments: self.arguments() };
            let inputs = vec![Input::Action(sources), documents];
            artifacts.push(artifact(actions.add(pack, inputs, format!("assemble {name}")), name));
        }
        if artifacts.is_empty() {
            let (label, place) = (target.label.clone(), target.place.clone());
            return Err(vec![RuleError::BuiltForNothing { label, field: "wheel", place }]);
        }
        Ok(artifacts)
    }

    /// The folder of metadata of a wheel of these sources.
    fn info(&self, sources: ActionId, documents: Input, actions: &mut ActionGraph) -> ActionId {
        let info = Verb::Apply { function: DIST_INFO, arguments: self.arguments() };
        let description = format!("describe {}", self.metadata.wheel_name());
        actions.add(info, vec![Input::Action(sources), documents], description)
    }

    fn arguments(&self) -> Vec<u8> {
        serde_json::to_vec(self.metadata).expect("metadata is plain data")
    }

    /// The folder below `dist/`.
    fn folder(&self) -> Result<String, Vec<RuleError>> {
        let Some(field) = self.target.field("output_path") else { return Ok(String::new()) };
        let path = field.value.as_str().unwrap_or_default();
        let wrong = |part: &str| matches!(part, "" | "." | "..") || part.starts_with(".pants-");
        if path.split('/').any(wrong) || path.contains(['\0', '\n']) {
            return Err(vec![RuleError::OutputPath { path: path.to_owned(), place: field.place.clone() }]);
        }
        Ok(path.to_owned())
    }

    /// The long description and the licences.
    fn documents(&self) -> Result<Input, Vec<RuleError>> {
        let mut tree = Tree::new();
        let (package, label) = (self.target.label.package(), &self.target.label);
        for source in &self.target.sources {
            let entry = (self.analysis.files)(&source.path);
            (tree.add_file(below(package, &source.path), entry.digest, false))
                .map_err(|error| vec![RuleError::Tree { error, label: label.clone() }])?;
        }
        let tree = self.analysis.store.put_tree(&tree).map_err(|error| vec![RuleError::Store(error)])?;
        Ok(Input::Tree(tree))
    }
}

/// The archive of a wheel: the files of its modules, and what it says of itself.
fn wheel(name: &str, sources: ActionId, info: ActionId) -> (Verb, Vec<Input>) {
    let members = |input: usize, origin: &str| Members {
        input,
        origin: format!("{origin} of {name}"),
        under: String::new(),
        packing: Packing::Deflate,
        only: Vec::new(),
        directories: Vec::new(),
    };
    let members = vec![members(0, "the sources"), members(1, "the metadata")];
    let archive = Archive { name: name.to_owned(), executable: false, prefix: None, members };
    (Verb::Archive(archive), vec![Input::Action(sources), Input::Action(info)])
}
