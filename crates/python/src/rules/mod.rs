//! Rules: what a target means, one file each. Their schemas are the graph's.

mod batch;
mod binary;
mod coverage;
mod distribution;
mod distributions;
mod entry;
mod environment;
mod genrule;
mod image;
mod importing;
mod inside;
mod installed;
mod needs;
mod parts;
mod pex_options;
pub(crate) mod provides;
mod sources;
mod start;
mod surroundings;
mod test;
mod tooling;
mod wheels;

use engine::{ActionGraph, ActionId};
use graph::{Label, NodeId, Place, TargetGraph};
use packaging::image::{Base, BaseName, ImagePlatform};
use packaging::lock::Lock;
use packaging::python::Wanted;
use packaging::select::LeftOut;
use packaging::target::Target as Configuration;
use store::{IndexEntry, Store};

pub use batch::{TestBatch, batches};
pub use coverage::{MEASURED, MEASURED_BY_ALL, REPORTS, Reporter, TOTAL, reporter};
pub use distribution::metadata_paths;
pub use entry::start_of;
pub use environment::{
    Environment, debugging_environment, environments, environments_of_resolve, requirements_of_resolves,
    running_environment,
};
pub(crate) use genrule::GENRULE;
pub use genrule::{Step, check_steps, run_steps, step_paths, steps};
pub use image::{BASE_LAYERS, program_of};
pub use inside::Distribution;
pub use provides::distribution_name;
pub use test::{
    REPORT, Sharing, Test, TestRequest, test_environments, test_files, test_packages, test_paths, tests,
};
pub use tooling::{Batch, EXIT_CODE, ToolRequest, look, rewrite, tool_files};

use crate::closure::Closure;
use crate::configuration::{Interpreters, Settings};
use crate::error::RuleError;
use crate::missing;
use crate::ownership::{DISTRIBUTION, Ownership};
use crate::source_roots::SourceRoots;

/// Everything that a rule may look at. All of it is data that was read before, so that analysis does no IO but to put
/// trees into the store.
pub struct Analysis<'a> {
    /// All targets.
    pub graph: &'a TargetGraph,
    /// Where imports start.
    pub roots: &'a SourceRoots,
    /// Where trees go.
    pub store: &'a Store,
    /// The content of a source file, by its path relative to the root of the repository.
    pub files: &'a dyn Fn(&str) -> IndexEntry,
    /// The resolves of the configuration.
    pub resolves: &'a dyn Fn(&str) -> Option<Resolve<'a>>,
    /// The names of all resolves.
    pub resolve_names: &'a [String],
    /// What the configuration says of programs.
    pub settings: &'a Settings,
    /// Which distribution owns which file.
    pub ownership: &'a Ownership<'a>,
    /// What `git describe` says of the newest tag that a glob matches, or why it does not.
    pub describe: &'a dyn Fn(&str) -> Result<String, String>,
    /// What of a base is built upon for a platform, or why it is not to be had.
    pub base: &'a dyn Fn(&BaseName, ImagePlatform) -> Result<Base, packaging::image::ImageError>,
    /// The interpreters of the machine.
    pub interpreters: &'a dyn Interpreters,
}

/// A resolve as far as rules need it.
#[derive(Clone, Copy)]
pub struct Resolve<'a> {
    /// Its lock, where it has one.
    pub lock: Option<&'a Lock>,
    /// Where the lock is or would be, relative to the root.
    pub path: &'a str,
    /// The Pythons that it is for.
    pub constraints: &'a [String],
}

/// Something that a goal puts into `dist/`.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What it is made from.
    pub label: Label,
    /// What it is built for.
    pub configurations: Vec<Configuration>,
    /// Its path below `dist/`.
    pub path: String,
    /// The action that makes it.
    pub action: ActionId,
    /// The file of the action's tree that it is; none where it is the whole tree, as a folder.
    pub file: Option<String>,
    /// What is to blame where an action fails.
    pub places: Vec<(ActionId, Place)>,
    /// The source distributions that are built for it.
    pub builds: Vec<SourceBuild>,
    /// The distributions in it.
    pub distributions: Vec<Distribution>,
    /// The interpreters that this machine lacks, and without which it starts slower the first time.
    pub lacking: Vec<Wanted>,
    /// What it lacks on some releases of the Python that it is for.
    pub left_out: Vec<LeftOut>,
}

/// A source distribution that is built into a wheel.
#[derive(Clone, Debug)]
pub struct SourceBuild {
    /// The action that builds.
    pub run: ActionId,
    /// The action whose tree is the wheel.
    pub wheel: ActionId,
    /// The normalised name of the project.
    pub project: String,
    /// Its version.
    pub version: String,
    /// The interpreter that builds, in words.
    pub python: String,
    /// The resolve that it is of.
    pub resolve: String,
}

/// What a target of one rule means.
pub trait Rule: Sync {
    /// The name of the rule in its schema.
    fn name(&self) -> &'static str;

    /// Adds the actions that make what the target is packaged as.
    ///
    /// # Errors
    /// All that is wrong with the target or with what it needs.
    fn package(
        &self,
        target: NodeId,
        analysis: &Analysis<'_>,
        actions: &mut ActionGraph,
    ) -> Result<Vec<Artifact>, Vec<RuleError>>;
}

/// All rules whose targets can be packaged.
pub const RULES: &[&dyn Rule] =
    &[&binary::PythonBinary, &distribution::PythonDistribution, &image::PythonImage];

/// What can be packaged among some nodes.
pub fn packageable(graph: &TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let has_rule = |node: &NodeId| RULES.iter().any(|rule| rule.name() == graph.target(*node).rule.name);
    let mut found: Vec<NodeId> = nodes.iter().map(|&node| graph.actual(node)).filter(has_rule).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The paths of all files that what `node` is packaged as holds. Errors are the analysis's to tell.
pub fn paths(
    graph: &TargetGraph,
    node: NodeId,
    roots: &SourceRoots,
    ownership: &Ownership<'_>,
) -> Vec<String> {
    let target = graph.target(node);
    if target.rule.name == DISTRIBUTION {
        let own = target.sources.iter().map(|source| source.path.to_string());
        return ownership.paths(node).into_iter().chain(own).collect();
    }
    let program = program_of(graph, node);
    let closure = Closure::of(graph, program, roots);
    let mut paths: Vec<String> =
        closure.map(|closure| closure.paths().map(ToOwned::to_owned).collect()).unwrap_or_default();
    paths.extend(metadata_paths(graph, &[program], ownership));
    paths
}

/// Adds the actions of everything that is packaged among `targets`.
///
/// # Errors
/// All that is wrong, of all targets; also two artifacts of one path.
pub fn package(
    targets: &[NodeId],
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Artifact>, Vec<RuleError>> {
    let (mut artifacts, mut errors) = (Vec::<Artifact>::new(), Vec::new());
    for &node in targets {
        let target = analysis.graph.target(node);
        let Some(rule) = RULES.iter().find(|rule| rule.name() == target.rule.name) else { continue };
        match rule.package(node, analysis, actions) {
            Err(wrong) => errors.extend(wrong),
            Ok(new) => {
                for artifact in new {
                    match artifacts.iter().find(|other| overlap(&other.path, &artifact.path)) {
                        None => artifacts.push(artifact),
                        Some(other) => errors.push(clash(other, &artifact, &target.place)),
                    }
                }
            }
        }
    }
    if errors.is_empty() { Ok(artifacts) } else { Err(missing::together(errors)) }
}

/// Two artifacts that cannot both be in `dist/`; the place is that of the second.
fn clash(first: &Artifact, second: &Artifact, place: &Place) -> RuleError {
    let place = place.clone();
    if first.path == second.path {
        let (path, first, second) = (first.path.clone(), first.label.clone(), second.label.clone());
        return RuleError::OutputClash { path, first, second, place };
    }
    let first_is_outer = first.path.len() < second.path.len();
    let (outer, inner) = if first_is_outer { (first, second) } else { (second, first) };
    RuleError::OutputInside {
        path: outer.path.clone(),
        outer: outer.label.clone(),
        folder: outer.file.is_none(),
        inner: inner.label.clone(),
        place,
    }
}

/// Whether two paths are one, or one is a folder that would hold the other.
fn overlap(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
