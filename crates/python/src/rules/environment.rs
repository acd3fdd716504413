//! Virtualenvs of what is not packaged: of all that a target reaches, for somebody who works with it, and of a whole
//! resolve, for an editor. They hold wheels alone; first-party files are found at their places in the repository.

use engine::{ActionGraph, ActionId};
use graph::{NodeId, Place, TargetGraph};
use packaging::environment::Scheme;
use packaging::installed::{InstalledSpec, Shape};
use packaging::target::Target as Configuration;

use super::binary::Known;
use super::{Analysis, SourceBuild, installed};
use crate::closure::Wish;
use crate::configuration::here;
use crate::error::RuleError;
use crate::requirements::{REQUIREMENT, resolve_of};

/// A virtualenv that this machine can use, without the link to its interpreter.
#[derive(Clone, Debug)]
pub struct Environment {
    /// What it is for.
    pub configuration: Configuration,
    /// The action that makes its tree.
    pub action: ActionId,
    /// The path of its interpreter in it, which whoever puts it somewhere links.
    pub python: String,
    /// The folder of its packages.
    pub packages: String,
    /// The source roots of the first-party files that go with it, from the root of the repository.
    pub roots: Vec<String>,
    /// The source distributions that are built for it.
    pub builds: Vec<SourceBuild>,
    /// What is to blame where it cannot be made.
    pub place: Place,
}

/// Adds the actions that make the virtualenvs of all that a target reaches, one for each of its Pythons.
///
/// # Errors
/// All that keeps one from being made.
pub fn environments(
    node: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    of(&known(node, analysis)?, analysis, actions)
}

/// Adds the actions that make the virtualenvs of a whole resolve, of which `node` is a requirement.
///
/// # Errors
/// All that keeps one from being made.
pub fn environments_of_resolve(
    node: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    let mut known = known(node, analysis)?;
    let (label, place) = (known.program.label.clone(), known.program.place.clone());
    let wish = |requirement| Wish { requirement, label: label.clone(), place: place.clone() };
    let locked = known.resolve.lock.into_iter().flat_map(|lock| lock.requirements.iter().cloned());
    known.closure.requirements = locked.map(wish).collect();
    of(&known, analysis, actions)
}

/// A requirement of each resolve that has one, by the name of the resolve.
pub fn requirements_of_resolves(graph: &TargetGraph, default: &str) -> Vec<(String, NodeId)> {
    let requirements = graph.targets().filter(|(_, target)| target.rule.name == REQUIREMENT);
    let mut found: Vec<(String, NodeId)> =
        requirements.map(|(node, target)| (resolve_of(target, default).to_owned(), node)).collect();
    found.sort();
    found.dedup_by(|later, kept| later.0 == kept.0);
    found
}

/// What is known of a target that is used on this machine.
pub(super) fn known<'a, 'b>(
    node: NodeId,
    analysis: &'a Analysis<'b>,
) -> Result<Known<'a, 'b>, Vec<RuleError>> {
    Known::built_for(node, analysis, &|program, bounds, lock| {
        let here = here(program, analysis.settings, bounds, lock, analysis.interpreters)?;
        Ok(here.into_iter().map(|one| vec![one]).collect())
    })
}

/// Adds the actions that make the virtualenvs of what is known.
pub(super) fn of(
    known: &Known<'_, '_>,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    let roots = known.closure.source_roots();
    let one = |configuration: &Configuration| {
        let wheels = known.binary().wheels(&[*configuration], actions)?;
        // Whoever puts it somewhere links the Python of the machine.
        let shape = Shape::Venv { prefix: None, python: String::new() };
        let spec = InstalledSpec::new(*configuration, shape);
        let tree = installed::Tree { analysis, spec: &spec, compiles: true, of: &known.program.label };
        let (action, _) = tree.add(None, &wheels, actions);
        let scheme = Scheme::of(configuration);
        Ok(Environment {
            configuration: *configuration,
            action,
            python: format!("bin/{}", scheme.python()),
            packages: scheme.site_packages(),
            roots: roots.iter().cloned().collect(),
            builds: wheels.builds,
            place: known.program.place.clone(),
        })
    };
    known.shared.iter().flatten().map(one).collect()
}
