//! Virtualenvs of what is not packaged: of all that a target reaches, for somebody who works with it, and of a whole
//! resolve, for an editor. They hold wheels alone; first-party files are found at their places in the repository.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{ActionGraph, ActionId, Program};
use graph::{Label, NodeId, Place, Target, TargetGraph};
use packaging::environment::Scheme;
use packaging::installed::{InstalledSpec, Shape};
use packaging::target::Target as Configuration;

use super::binary::Known;
use super::test::tool;
use super::wheels::Wheels;
use super::{Analysis, SourceBuild, installed};
use crate::closure::Wish;
use crate::configuration::{found_here, here};
use crate::error::RuleError;
use crate::requirements::{REQUIREMENT, resolve_of};

/// Where processes find their files, and the virtualenv that they share.
pub(super) const WORK: &str = "/sandbox";
pub(super) const ENVIRONMENT: &str = "/environment";

/// What debuggers connect to.
const DEBUGPY: &str = "debugpy";

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

/// Adds the actions that make the virtualenv of all that is started with a node, for the first of its Pythons that this
/// machine has.
///
/// # Errors
/// All that keeps it from being made.
pub fn running_environment(
    node: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    of(&running(node, analysis)?, analysis, actions)
}

/// The same, with the debugger of the resolve.
///
/// # Errors
/// Those of [`running_environment`], and a resolve without it.
pub fn debugging_environment(
    node: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    let mut known = running(node, analysis)?;
    let debugger = tool(DEBUGPY, &known, analysis).map_err(|error| vec![error])?;
    known.closure.requirements.push(debugger);
    of(&known, analysis, actions)
}

/// Adds the actions that make the virtualenvs of a whole resolve, of which `node` is a requirement, one for each of its
/// Pythons that this machine has.
///
/// # Errors
/// All that keeps one from being made.
pub fn environments_of_resolve(
    node: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Environment>, Vec<RuleError>> {
    let mut known = found(node, analysis, usize::MAX)?;
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

/// Adds the action that makes a virtualenv of wheels; whoever uses it links the Python of the machine.
pub(super) fn tree(
    configuration: &Configuration,
    wheels: &Wheels<'_>,
    of: &Label,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> ActionId {
    let shape = Shape::Venv { prefix: None, python: String::new() };
    let spec = InstalledSpec::new(*configuration, shape);
    let tree = installed::Tree { analysis, spec: &spec, compiles: true, of };
    tree.add(None, wheels, actions).0
}

/// The Python of a virtualenv that a process shares, which is `below` a folder of the shared tree.
pub(super) fn python(configuration: &Configuration, below: &str) -> Program {
    Program::Linked {
        tool: format!("python:{}", configuration.abi),
        link: graph::join(below, &format!("bin/{}", Scheme::of(configuration).python())),
    }
}

/// The variables that each process has with a virtualenv that it shares.
pub(super) fn variables() -> BTreeMap<String, String> {
    let variables = [
        ("HOME", WORK.to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("PATH", format!("{ENVIRONMENT}/bin:/usr/local/bin:/usr/bin:/bin")),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONHASHSEED", "0".to_owned()),
        ("TMPDIR", "/tmp".to_owned()),
        ("VIRTUAL_ENV", ENVIRONMENT.to_owned()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// After how long the process of a target is ended, where it says so.
pub(super) fn timeout(target: &Target) -> Option<Duration> {
    let seconds = target.int("timeout")?;
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
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

/// The same, for the first of its Pythons that this machine has.
fn running<'a, 'b>(node: NodeId, analysis: &'a Analysis<'b>) -> Result<Known<'a, 'b>, Vec<RuleError>> {
    found(node, analysis, 1)
}

/// The same, for so many of its Pythons that this machine has.
fn found<'a, 'b>(
    node: NodeId,
    analysis: &'a Analysis<'b>,
    most: usize,
) -> Result<Known<'a, 'b>, Vec<RuleError>> {
    Known::built_for(node, analysis, &|program, bounds, lock| {
        let found = found_here(program, analysis.settings, bounds, lock, analysis.interpreters)?;
        Ok(found.into_iter().take(most).map(|one| vec![one]).collect())
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
        let action = tree(configuration, &wheels, &known.program.label, analysis, actions);
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
