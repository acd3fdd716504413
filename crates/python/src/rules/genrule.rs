//! `genrule`: a command over files, with tools of the system, of wheels and of the repository. What it makes are files like
//! any others for whoever depends on it, once it has run.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use engine::{ActionGraph, ActionId, Input, Process, Program, Verb};
use graph::{Label, NodeId, Place, Target, TargetGraph};
use packaging::pex;
use store::{Digest, Tree};

use super::binary::Known;
use super::entry::started;
use super::environment::{self, ENVIRONMENT, WORK};
use super::{Analysis, SourceBuild, needs};
use crate::closure::{self, Closure, generated, runs_python};
use crate::error::RuleError;
use crate::step_error::StepError;

/// The name of the rule.
pub(crate) const GENRULE: &str = "genrule";
/// The folder of what starts tools of the repository.
const TOOLS: &str = ".pants-tools";
/// The symbol of the shell that runs commands.
const SHELL: &str = "sh";
/// Starts the shell by the Python of a virtualenv, which is the program then.
const START: &str = "import os, sys\nos.execv('/bin/sh', ['sh', *sys.argv[1:]])\n";
/// What Bazel puts into commands, and the shell would take for commands.
const PLACEHOLDERS: [&str; 6] = ["$(SRCS)", "$(OUTS)", "$(location", "$(execpath", "$@", "$<"];

/// A step, and what it makes.
#[derive(Clone, Debug)]
pub struct Step {
    /// The target.
    pub label: Label,
    /// The action that runs the command.
    pub action: ActionId,
    /// The files that it makes, relative to the root of the repository.
    pub outputs: Vec<String>,
    /// The source distributions that are built for it.
    pub builds: Vec<SourceBuild>,
    /// Where the target is.
    pub place: Place,
}

/// The steps that some nodes need, each after those that it needs to run itself.
///
/// # Errors
/// Steps that need each other to run.
pub fn steps(graph: &TargetGraph, nodes: &[NodeId]) -> Result<Vec<Vec<NodeId>>, RuleError> {
    let is_step = |node: &NodeId| graph.target(*node).rule.name == GENRULE;
    let needs = |node: NodeId| -> BTreeSet<NodeId> {
        closure::targets(graph, node).into_iter().filter(is_step).filter(|step| *step != node).collect()
    };
    let mut left: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    let mut open: Vec<NodeId> = graph.closure(nodes.iter().copied()).into_iter().filter(is_step).collect();
    // Most graphs have no steps.
    if !open.is_empty() {
        open = nodes.iter().map(|node| graph.owner(*node)).filter(is_step).collect();
        open.extend(nodes.iter().flat_map(|node| needs(*node)));
    }
    while let Some(step) = open.pop() {
        if let Entry::Vacant(place) = left.entry(step) {
            open.extend(place.insert(needs(step)).iter());
        }
    }
    let mut levels = Vec::new();
    while !left.is_empty() {
        let is_ready =
            |(_, needed): &(&NodeId, &BTreeSet<NodeId>)| !needed.iter().any(|one| left.contains_key(one));
        let level: Vec<NodeId> = left.iter().filter(is_ready).map(|(node, _)| *node).collect();
        if let (true, Some((first, _))) = (level.is_empty(), left.first_key_value()) {
            let steps = left.keys().map(|node| graph.target(*node).label.clone()).collect();
            return Err(StepError::Cycle { steps, place: graph.target(*first).place.clone() }.into());
        }
        left.retain(|node, _| !level.contains(node));
        levels.push(level);
    }
    Ok(levels)
}

/// What is wrong with the steps among some targets: fields that cannot be meant, and outputs that something else is at the
/// path of, which another step makes too or a target has as its source.
pub fn check_steps(targets: &[Target]) -> Vec<RuleError> {
    let mut made: BTreeMap<String, &Target> = BTreeMap::new();
    let steps = targets.iter().filter(|target| target.rule.name == GENRULE);
    let mut errors: Vec<RuleError> = steps.clone().filter_map(|step| check(step).err()).collect();
    let clash = |path: &str, step: &Target, other: &Target, as_source: bool| -> RuleError {
        let place = step.field("outputs").map_or(&step.place, |field| &field.place).clone();
        let (step, other) = (step.label.clone(), other.label.clone());
        StepError::Clash { path: path.to_owned(), step, other, as_source, place }.into()
    };
    for step in steps {
        for path in generated(step) {
            match made.entry(path) {
                Entry::Vacant(place) => drop(place.insert(step)),
                Entry::Occupied(place) if place.get().label == step.label => {}
                Entry::Occupied(place) => errors.push(clash(place.key(), step, place.get(), false)),
            }
        }
    }
    if !made.is_empty() {
        for target in targets {
            let sources = target.sources.iter().filter_map(|source| made.get_key_value(&*source.path));
            errors.extend(sources.map(|(path, step)| clash(path, step, target, true)));
        }
    }
    errors
}

/// The paths of all files that a step reads, those that other steps make among them. Errors are the analysis's to tell.
pub fn step_paths(graph: &TargetGraph, step: NodeId, roots: &crate::SourceRoots) -> Vec<String> {
    let closure = Closure::of(graph, step, roots);
    closure.map(|closure| closure.paths().map(ToOwned::to_owned).collect()).unwrap_or_default()
}

/// Adds the actions that run some steps. What they need of other steps has to be among the files of the analysis.
///
/// # Errors
/// All that keeps one from being run.
pub fn run_steps(
    nodes: &[NodeId],
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Step>, Vec<RuleError>> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for &node in nodes {
        match step(node, analysis, actions) {
            Ok(step) => all.push(step),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(crate::missing::together(errors)) }
}

fn step(node: NodeId, analysis: &Analysis<'_>, actions: &mut ActionGraph) -> Result<Step, Vec<RuleError>> {
    let target = analysis.graph.target(node);
    let needs_python = runs_python(analysis.graph, node);
    let (mut inputs, mut builds, mut tools) = (Vec::new(), Vec::new(), BTreeMap::new());
    let (closure, program, arguments) = if needs_python {
        let known = environment::known(node, analysis)?;
        // The first of several is as good as any other: what it makes is the same.
        let configuration = known.shared.iter().flatten().next().copied();
        let configuration = configuration.ok_or_else(|| vec![no_python(target)])?;
        tools = launchers(node, &known, analysis)?;
        let wheels = known.binary().wheels(&[configuration], actions)?;
        let tree = environment::tree(&configuration, &wheels, &target.label, analysis, actions);
        builds = wheels.builds;
        inputs.push(Input::Action(tree));
        let start = ["-I", "-c", START].map(ToOwned::to_owned).to_vec();
        (known.closure, environment::python(&configuration, ""), start)
    } else {
        let closure = Closure::of(analysis.graph, node, analysis.roots)?;
        (closure, Program::Tool(SHELL.to_owned()), Vec::new())
    };
    let files = files(target, &closure, &tools, analysis)?;
    inputs.insert(0, Input::Tree(files));
    let process = Process {
        program,
        arguments: arguments.into_iter().chain(["-e".into(), "-c".into(), command(target)]).collect(),
        environment: variables(target, &closure, needs_python),
        outputs: generated(target).collect(),
        keeps_failed: false,
        shared: needs_python.then(|| ENVIRONMENT.to_owned()),
        timeout: environment::timeout(target),
        needs: engine::Needs { site: needs::site(target), ..engine::Needs::default() },
        keeps: None,
    };
    let action = actions.add(Verb::Run(process), inputs, format!("generate {}", target.label));
    let (label, place) = (target.label.clone(), target.place.clone());
    Ok(Step { label, action, outputs: generated(target).collect(), builds, place })
}

/// What of the fields can be told before anything runs.
fn check(target: &Target) -> Result<(), RuleError> {
    let place = |field: &str| target.field(field).map_or(&target.place, |field| &field.place).clone();
    let command = target.str("command").unwrap_or_default();
    if let Some(found) = PLACEHOLDERS.into_iter().find(|one| command.contains(one)) {
        return Err(StepError::Placeholder { found, place: place("command") }.into());
    }
    let leaves =
        |path: &&str| path.contains('*') || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    let has_blank = |source: &&graph::SourceFile| source.path.contains(char::is_whitespace);
    if command.contains("SRCS")
        && let Some(source) = target.sources.iter().find(has_blank)
    {
        return Err(StepError::Blank { path: source.path.to_string(), place: place("sources") }.into());
    }
    if let Some(path) = target.list("outputs").into_iter().find(leaves) {
        return Err(StepError::Output { path: path.to_owned(), place: place("outputs") }.into());
    }
    Ok(())
}

fn no_python(target: &Target) -> RuleError {
    RuleError::BuiltForNothing {
        label: target.label.clone(),
        field: "interpreter_constraints",
        place: target.place.clone(),
    }
}

/// The command, which starts in the folder of the BUILD file, where the folders of what it makes are there.
fn command(target: &Target) -> String {
    let package = target.label.package();
    let outputs = target.list("outputs");
    let folders: BTreeSet<&str> =
        outputs.iter().filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let mut text = String::new();
    if !package.is_empty() {
        text.push_str(&format!("mkdir -p {0}\ncd {0}\n", quoted(package)));
    }
    for folder in folders {
        text.push_str(&format!("mkdir -p {}\n", quoted(folder)));
    }
    text + target.str("command").unwrap_or_default()
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn variables(target: &Target, closure: &Closure, has_python: bool) -> BTreeMap<String, String> {
    let mut variables = environment::variables();
    let system = "/usr/local/bin:/usr/bin:/bin";
    let path = if has_python {
        let roots: Vec<String> = closure.source_roots().iter().map(|root| graph::join(WORK, root)).collect();
        variables.insert("PYTHONPATH".to_owned(), roots.join(":"));
        format!("{WORK}/{TOOLS}:{ENVIRONMENT}/bin:{system}")
    } else {
        variables.retain(|name, _| !name.starts_with("PYTHON") && name != "VIRTUAL_ENV");
        system.to_owned()
    };
    variables.insert("PATH".to_owned(), path);
    let package = target.label.package();
    let below = |path: &str| path.strip_prefix(package).unwrap_or(path).trim_start_matches('/').to_owned();
    let sources: Vec<String> = target.sources.iter().map(|source| below(&source.path)).collect();
    variables.insert("SRCS".to_owned(), sources.join(" "));
    variables.insert("OUTS".to_owned(), target.list("outputs").join(" "));
    let own = target.dict("env").into_iter();
    variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables
}

/// What starts the programs among the tools, by their names.
fn launchers(
    node: NodeId,
    known: &Known<'_, '_>,
    analysis: &Analysis<'_>,
) -> Result<BTreeMap<String, String>, Vec<RuleError>> {
    let graph = analysis.graph;
    let mut found: BTreeMap<String, (Label, String)> = BTreeMap::new();
    for needed in graph.deps(node) {
        let target = graph.target(graph.actual(needed.node));
        if target.rule.name != "python_binary" {
            continue;
        }
        let has_wheels = !known.closure.requirements.is_empty();
        let entry = started(target, &known.closure, graph, analysis.roots, has_wheels);
        let start = match entry.map_err(|error| vec![error])?.entry {
            pex::Entry::Script(script) => format!("\"$VIRTUAL_ENV/bin/{script}\""),
            pex::Entry::Repl => "\"$VIRTUAL_ENV/bin/python\"".to_owned(),
            pex::Entry::Module(module) => match module.split_once(':') {
                None => format!("\"$VIRTUAL_ENV/bin/python\" -m {module}"),
                Some((module, function)) => {
                    let first = function.split('.').next().unwrap_or(function);
                    let name = &target.label.name();
                    format!(
                        "\"$VIRTUAL_ENV/bin/python\" -c \"import sys; sys.argv[0] = '{name}'; from {module} import \
                         {first}; sys.exit({function}())\""
                    )
                }
            },
        };
        let own = target.dict("env").into_iter();
        let variables: String =
            own.map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
        let arguments: String =
            target.list("args").into_iter().map(|one| format!(" {}", quoted(one))).collect();
        let text = format!("#!/bin/sh\n{variables}exec {start}{arguments} \"$@\"\n");
        let name = target.label.name();
        if let Some((other, _)) = found.insert(name.to_owned(), (target.label.clone(), text)) {
            let step = graph.target(node);
            let place = step.field("tools").map_or(&step.place, |field| &field.place).clone();
            let error =
                StepError::SameTool { name: name.to_owned(), one: other, other: target.label.clone(), place };
            return Err(vec![error.into()]);
        }
    }
    Ok(found.into_iter().map(|(name, (_, text))| (name, text)).collect())
}

/// All files, at their paths in the repository, and what starts tools of it.
fn files(
    target: &Target,
    closure: &Closure,
    tools: &BTreeMap<String, String>,
    analysis: &Analysis<'_>,
) -> Result<Digest, Vec<RuleError>> {
    let mut tree = Tree::new();
    let wrong = |error| vec![RuleError::Tree { error, label: target.label.clone() }];
    for file in closure.code.iter().flat_map(|code| &code.files) {
        let entry = (analysis.files)(&file.path);
        tree.add_file(&file.path, entry.digest, entry.executable).map_err(wrong)?;
    }
    for (name, text) in tools {
        let digest = analysis.store.put(text.as_bytes()).map_err(|error| vec![RuleError::Store(error)])?;
        tree.add_file(&format!("{TOOLS}/{name}"), digest, true).map_err(wrong)?;
    }
    analysis.store.put_tree(&tree).map_err(|error| vec![RuleError::Store(error)])
}
