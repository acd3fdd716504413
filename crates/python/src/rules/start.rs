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

/// The plan of a program's first start, if it has one.
pub(super) struct Start {
    /// The tree of the plan, empty where there is none.
    pub(super) plan: Input,
    /// The interpreter that this machine lacks to compile modules with.
    pub(super) lacking: Option<Wanted>,
}

/// What a plan is made of.
pub(super) struct Parts<'a> {
    pub(super) bootstrap: ActionId,
    pub(super) user: ActionId,
    pub(super) wheels: &'a [(String, ActionId)],
}

/// Plans the first start of a program whose file is for these configurations; `known` says that all its wheels are.
pub(super) fn start(
    program: &Target,
    analysis: &Analysis<'_>,
    spec: &PexSpec,
    configurations: &[Configuration],
    known: bool,
    parts: &Parts<'_>,
    actions: &mut ActionGraph,
) -> Result<Start, Vec<RuleError>> {
    // A file for several would need a plan for each.
    let target = match configurations {
        [one] if known && program.bool_or_default("start_plan") && plannable(&spec.options, one) => *one,
        _ => {
            let empty =
                analysis.store.put_tree(&Tree::new()).map_err(|error| vec![RuleError::Store(error)])?;
            return Ok(Start { plan: Input::Tree(empty), lacking: None });
        }
    };
    let wanted = Wanted { free_threaded: target.abi.free_threaded, ..Wanted::minor(target.minor()) };
    let compiles = program.bool_or_default("pyc");
    let has_interpreter = compiles && analysis.interpreters.find(wanted).is_some();
    let wheels = parts.wheels.iter();
    let compiled: Vec<Input> = if has_interpreter {
        wheels
            .clone()
            .map(|(name, wheel)| Input::Action(compiled_archive(name, *wheel, &target, actions)))
            .collect()
    } else {
        Vec::new()
    };
    let names = Verb::Apply { function: NAMES, arguments: Vec::new() };
    let names =
        actions.add(names, vec![Input::Action(parts.user)], format!("name the sources of {}", program.label));
    let mut inputs = vec![Input::Action(parts.bootstrap), Input::Action(names)];
    inputs.extend(wheels.map(|(_, wheel)| Input::Action(*wheel)));
    inputs.extend(compiled);
    // Whoever asks for a plan knows what it costs.
    let max_unpacked = if program.field("start_plan").is_some() { u64::MAX } else { MAX_UNPACKED };
    let arguments = StartSpec { pex: spec.clone(), target, max_unpacked };
    let arguments = serde_json::to_vec(&arguments).expect("a specification is plain data");
    let plan = Verb::Apply { function: START, arguments };
    let plan = actions.add(plan, inputs, format!("plan the first start of {}", program.label));
    let lacking = (compiles && !has_interpreter && !parts.wheels.is_empty()).then_some(wanted);
    Ok(Start { plan: Input::Action(plan), lacking })
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
        timeout: None,
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
