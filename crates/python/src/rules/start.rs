//! The plan of a program's first start, and the compiled modules in it, as actions.

use std::collections::BTreeMap;

use engine::{ActionGraph, ActionId, Archive, Input, Literal, Members, Packing, Process, Program, Verb};
use graph::Target;
use packaging::pex::{MAX_UNPACKED, PexSpec, StartSpec, plannable};
use packaging::python::Wanted;
use packaging::target::Target as Configuration;
use store::Tree;

use super::Analysis;
use crate::error::RuleError;
use crate::functions::{NAMES, START};

/// Compiles the modules of one wheel.
const COMPILE: &str = include_str!("compile.py");
/// Its name where it runs.
const SCRIPT: &str = "compile.py";
/// The folder that it makes.
const OUT: &str = "out";

/// The plans of a program's first start, if it has any.
pub(super) struct Start {
    /// The tree of the plans, empty where there are none.
    pub(super) plan: Input,
    /// The interpreters that this machine lacks to compile modules with.
    pub(super) lacking: Vec<Wanted>,
}

/// What plans are made of.
pub(super) struct Parts<'a> {
    pub(super) bootstrap: ActionId,
    pub(super) user: ActionId,
    /// Every wheel by its file name.
    pub(super) wheels: &'a [(String, ActionId)],
    /// What each configuration has of them; none where a wheel of it is still to be built, since what is in that
    /// nobody can plan with.
    pub(super) chosen: &'a [(Configuration, Option<Vec<String>>)],
}

/// Plans the first start of a program under each configuration that its file is for.
pub(super) fn start(
    program: &Target,
    analysis: &Analysis<'_>,
    spec: &PexSpec,
    parts: &Parts<'_>,
    actions: &mut ActionGraph,
) -> Result<Start, Vec<RuleError>> {
    let wanted = program.bool_or_default("start_plan");
    let plannable = |one: &(usize, &Configuration, &Vec<String>)| plannable(&spec.options, one.1);
    let planned: Vec<_> = (parts.chosen.iter().enumerate())
        .filter_map(|(number, (target, wheels))| Some((number, target, wheels.as_ref()?)))
        .filter(|one| wanted && plannable(one))
        .collect();
    if planned.is_empty() {
        let empty = analysis.store.put_tree(&Tree::new()).map_err(|error| vec![RuleError::Store(error)])?;
        return Ok(Start { plan: Input::Tree(empty), lacking: Vec::new() });
    }
    // Of several Pythons a machine uses one, and would carry the compiled modules of all.
    let several = planned.iter().any(|(_, target, _)| target.minor() != planned[0].1.minor());
    let compiles = program.bool_or_default("pyc") && (!several || program.field("pyc").is_some());
    let names = Verb::Apply { function: NAMES, arguments: Vec::new() };
    let names =
        actions.add(names, vec![Input::Action(parts.user)], format!("name the sources of {}", program.label));
    let mut planning = Planning { program, analysis, spec, parts, names, compiles, lacking: Vec::new() };
    let plans: Vec<Input> = (planned.into_iter())
        .map(|(number, target, wheels)| Input::Action(planning.plan(number, target, wheels, actions)))
        .collect();
    let plan = match plans.as_slice() {
        [one] => *one,
        _ => {
            let gather = Verb::Merge { prefixes: vec![String::new(); plans.len()] };
            Input::Action(actions.add(gather, plans, format!("gather the start plans of {}", program.label)))
        }
    };
    Ok(Start { plan, lacking: planning.lacking })
}

struct Planning<'a, 'b> {
    program: &'a Target,
    analysis: &'a Analysis<'b>,
    spec: &'a PexSpec,
    parts: &'a Parts<'a>,
    names: ActionId,
    /// Whether modules are compiled.
    compiles: bool,
    lacking: Vec<Wanted>,
}

impl Planning<'_, '_> {
    /// Plans the start under one configuration, with these wheels.
    fn plan(
        &mut self,
        number: usize,
        target: &Configuration,
        wheels: &[String],
        actions: &mut ActionGraph,
    ) -> ActionId {
        let chosen: Vec<&(String, ActionId)> =
            self.parts.wheels.iter().filter(|(name, _)| wheels.contains(name)).collect();
        let wanted = Wanted { free_threaded: target.abi.free_threaded, ..Wanted::minor(target.minor()) };
        let has_interpreter = self.compiles && self.analysis.interpreters.find(wanted).is_some();
        if self.compiles && !has_interpreter && !chosen.is_empty() && !self.lacking.contains(&wanted) {
            self.lacking.push(wanted);
        }
        let mut inputs = vec![Input::Action(self.parts.bootstrap), Input::Action(self.names)];
        inputs.extend(chosen.iter().map(|(_, wheel)| Input::Action(*wheel)));
        if has_interpreter {
            let compiled = chosen.iter().map(|(name, wheel)| compiled_archive(name, *wheel, target, actions));
            inputs.extend(compiled.map(Input::Action));
        }
        let mut pex = self.spec.clone();
        pex.wheels.retain(|wheel| wheels.contains(&wheel.name));
        // Whoever asks for a plan knows what it costs.
        let max_unpacked = if self.program.field("start_plan").is_some() { u64::MAX } else { MAX_UNPACKED };
        let shared = (self.parts.chosen.len() > 1).then_some(number);
        let arguments = StartSpec { pex, target: *target, max_unpacked, shared };
        let arguments = serde_json::to_vec(&arguments).expect("a specification is plain data");
        let label = &self.program.label;
        let description = match shared {
            None => format!("plan the first start of {label}"),
            Some(_) => format!("plan the first start of {label} for {target}"),
        };
        actions.add(Verb::Apply { function: START, arguments }, inputs, description)
    }
}

/// What the modules of a wheel compile to, the same for every program.
pub(super) fn compile(
    name: &str,
    wheel: ActionId,
    target: &Configuration,
    actions: &mut ActionGraph,
) -> ActionId {
    let script = Literal::File { content: COMPILE.as_bytes().to_vec(), executable: false };
    let script = Verb::Write(vec![(SCRIPT.to_owned(), script)]);
    let script = actions.add(script, Vec::new(), "write what compiles modules");
    let gather = Verb::Merge { prefixes: vec![String::new(); 2] };
    let inputs = vec![Input::Action(wheel), Input::Action(script)];
    let input = actions.add(gather, inputs, format!("gather what compiles {name}"));
    let arguments = ["-sSB", "-W", "ignore", SCRIPT, name];
    let process = Process {
        program: Program::Tool(format!("python:{}", target.abi)),
        arguments: arguments.map(ToOwned::to_owned).to_vec(),
        environment: BTreeMap::from([("PYTHONHASHSEED".to_owned(), "0".to_owned())]),
        outputs: vec![OUT.to_owned()],
        keeps_failed: false,
        shared: None,
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    };
    let python = target.interpreter_tag();
    actions.add(Verb::Run(process), vec![Input::Action(input)], format!("compile {name} for {python}"))
}

/// An archive of the same.
fn compiled_archive(
    name: &str,
    wheel: ActionId,
    target: &Configuration,
    actions: &mut ActionGraph,
) -> ActionId {
    let run = compile(name, wheel, target, actions);
    let members = vec![Members {
        input: 0,
        origin: format!("the compiled modules of {name}"),
        under: String::new(),
        packing: Packing::Deflate,
        only: Vec::new(),
        directories: Vec::new(),
    }];
    let archive = Archive { name: "compiled.zip".to_owned(), executable: false, prefix: None, members };
    actions.add(
        Verb::Archive(archive),
        vec![Input::Action(run)],
        format!("pack the compiled modules of {name}"),
    )
}
