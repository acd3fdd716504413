//! Programs as trees of installed files: a virtualenv, a folder of packages, or that as a zip file. What a tree is made
//! of is the same as for a PEX.

use std::collections::BTreeSet;

use engine::{ActionGraph, ActionId, Archive, Input, Members, Packing, Verb};
use graph::{Label, Target};
use packaging::installed::{InstalledSpec, Shape, compiles};
use packaging::python::Wanted;
use packaging::target::Target as Configuration;

use super::binary::{Binary, Ingredients};
use super::wheels::Wheels;
use super::{Analysis, Artifact, start};
use crate::error::RuleError;
use crate::image_error::ImageError;
use crate::trees::TREE;

/// What stands for the first-party files where their modules are compiled.
const SOURCES: &str = "sources.zip";

/// The form of a program that is installed.
pub(super) enum Form {
    Venv { prefix: Option<String>, python: Option<String> },
    Dir,
    Zip,
}

impl Form {
    /// What the field `layout` asks for; none where that is a PEX.
    pub(super) fn of(program: &Target) -> Result<Option<Form>, Vec<RuleError>> {
        let form = match program.str("layout") {
            Some("venv") => {
                Form::Venv { prefix: path(program, "venv_prefix")?, python: path(program, "venv_python")? }
            }
            Some("dir") => Form::Dir,
            Some("zip") => Form::Zip,
            _ => return Ok(None),
        };
        Ok(Some(form))
    }

    /// How the name of its file or folder ends.
    pub(super) fn ending(&self) -> &'static str {
        match self {
            Form::Venv { .. } => "venv",
            Form::Dir => "dir",
            Form::Zip => "zip",
        }
    }
}

/// An absolute path that can stand in first lines and in scripts of a shell.
pub(super) fn path(target: &Target, field: &'static str) -> Result<Option<String>, Vec<RuleError>> {
    let Some(path) = target.str(field) else { return Ok(None) };
    let parts = path.strip_prefix('/').unwrap_or_default();
    let wrong = |part: &str| matches!(part, "" | "." | "..");
    let unsafe_letter = |letter: char| letter.is_control() || matches!(letter, '"' | '\'' | '$' | '`' | '\\');
    if parts.split('/').any(wrong) || path.contains(unsafe_letter) {
        let place = target.field(field).map_or(&target.place, |field| &field.place).clone();
        return Err(vec![ImageError::Path { field, path: path.to_owned(), place }.into()]);
    }
    Ok(Some(path.to_owned()))
}

/// The tree of a program, and what it is made of.
pub(super) struct Installed<'a> {
    pub(super) tree: ActionId,
    pub(super) ingredients: Ingredients<'a>,
    /// The interpreter that this machine lacks to compile modules with.
    pub(super) lacking: Option<Wanted>,
}

/// Adds the actions that make a program one artifact in this form.
pub(super) fn package(
    binary: &Binary<'_, '_>,
    form: &Form,
    configurations: &[Configuration],
    path: String,
    actions: &mut ActionGraph,
) -> Result<Artifact, Vec<RuleError>> {
    let program = binary.program;
    let [target] = configurations else {
        let place = program.field("layout").map_or(&program.place, |field| &field.place).clone();
        return Err(vec![RuleError::Exclusive { first: "multi_platform", second: "layout", place }]);
    };
    let shape = match form {
        Form::Venv { prefix, python } => {
            let python = match python {
                Some(python) => python.clone(),
                None => here(binary, target)?,
            };
            Shape::Venv { prefix: prefix.clone(), python }
        }
        Form::Dir | Form::Zip => Shape::Flat,
    };
    let ingredients = binary.ingredients(configurations, actions)?;
    let spec = spec(binary, target, shape, &ingredients);
    let installed = install(binary, &spec, ingredients, actions);
    let (distributions, left_out) = installed.ingredients.wheels.inside();
    let (mut action, mut file) = (installed.tree, None);
    if let Form::Zip = form {
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        action = zip(&name, installed.tree, actions);
        file = Some(name);
    }
    Ok(Artifact {
        label: program.label.clone(),
        configurations: configurations.to_vec(),
        path,
        action,
        file,
        places: vec![(installed.tree, installed.ingredients.started.place.clone())],
        builds: installed.ingredients.wheels.builds,
        distributions,
        lacking: installed.lacking.into_iter().collect(),
        left_out,
    })
}

/// What the fields of a program say of its tree.
pub(super) fn spec(
    binary: &Binary<'_, '_>,
    target: &Configuration,
    shape: Shape,
    ingredients: &Ingredients<'_>,
) -> InstalledSpec {
    let program = binary.program;
    let wishes = binary.closure.requirements.iter();
    let requested: BTreeSet<String> = wishes.map(|wish| wish.requirement.name.to_string()).collect();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    InstalledSpec {
        name: program.label.name().to_owned(),
        entry: ingredients.started.entry.clone(),
        args: program.list("args").into_iter().map(ToOwned::to_owned).collect(),
        env: program.dict("env").into_iter().map(owned).collect(),
        requested,
        ..InstalledSpec::new(*target, shape)
    }
}

/// Adds the action that makes the tree of a program.
pub(super) fn install<'a>(
    binary: &Binary<'a, '_>,
    spec: &InstalledSpec,
    ingredients: Ingredients<'a>,
    actions: &mut ActionGraph,
) -> Installed<'a> {
    let program = binary.program;
    let tree = Tree {
        analysis: binary.analysis,
        spec,
        compiles: program.bool_or_default("pyc"),
        of: &program.label,
    };
    let (tree, lacking) = tree.add(Some(ingredients.user), &ingredients.wheels, actions);
    Installed { tree, ingredients, lacking }
}

/// A tree of installed files.
pub(super) struct Tree<'a, 'b> {
    pub(super) analysis: &'a Analysis<'b>,
    pub(super) spec: &'a InstalledSpec,
    /// Whether modules are compiled, where this machine can.
    pub(super) compiles: bool,
    /// What it is for, in messages.
    pub(super) of: &'a Label,
}

impl Tree<'_, '_> {
    /// Adds the action that makes it of first-party files and wheels; gives the interpreter that this machine lacks to
    /// compile modules with.
    pub(super) fn add(
        &self,
        user: Option<ActionId>,
        brought: &Wheels<'_>,
        actions: &mut ActionGraph,
    ) -> (ActionId, Option<Wanted>) {
        let target = &self.spec.target;
        let wheels = brought.all();
        let nothing =
            |actions: &mut ActionGraph| actions.add(Verb::Write(Vec::new()), Vec::new(), "write nothing");
        let own = user.unwrap_or_else(|| nothing(actions));
        let mut inputs = vec![Input::Action(own)];
        inputs.extend(wheels.iter().map(|(_, wheel)| Input::Action(*wheel)));
        for (name, wheel) in &wheels {
            let unpack = actions.add(Verb::Extract, vec![Input::Action(*wheel)], format!("unpack {name}"));
            inputs.push(Input::Action(unpack));
        }
        let wanted = Wanted { free_threaded: target.abi.free_threaded, ..Wanted::minor(target.minor()) };
        let compiled = self.compiles && compiles(target);
        let has_interpreter = compiled && self.analysis.interpreters.find(wanted).is_some();
        if has_interpreter {
            for (name, wheel) in &wheels {
                // The wheel that is built here is found by the name of its file, which is not known yet.
                let built = brought.builds.iter().any(|build| build.wheel == *wheel);
                let (name, wheel) = if built {
                    (SOURCES, archived(SOURCES, *wheel, actions))
                } else {
                    (name.as_str(), *wheel)
                };
                inputs.push(Input::Action(start::compile(name, wheel, target, actions)));
            }
            if let Some(user) = user {
                let own = zip(SOURCES, user, actions);
                inputs.push(Input::Action(start::compile(SOURCES, own, target, actions)));
            }
        }
        let arguments =
            serde_json::to_vec(&(self.spec, wheels.len())).expect("a specification is plain data");
        let verb = Verb::Apply { function: TREE, arguments };
        let tree = actions.add(verb, inputs, format!("install {}", self.of));
        let lacking = (compiled && !has_interpreter).then_some(wanted);
        (tree, lacking)
    }
}

/// The one file of a tree under another name: an archive of what it unpacks to.
fn archived(name: &str, wheel: ActionId, actions: &mut ActionGraph) -> ActionId {
    let unpacked = actions.add(Verb::Extract, vec![Input::Action(wheel)], "unpack a wheel that was built");
    zip(name, unpacked, actions)
}

/// A zip file of a tree.
fn zip(name: &str, tree: ActionId, actions: &mut ActionGraph) -> ActionId {
    let members = vec![Members {
        input: 0,
        origin: "the program".to_owned(),
        under: String::new(),
        packing: Packing::Deflate,
        only: Vec::new(),
        directories: Vec::new(),
    }];
    let archive = Archive { name: name.to_owned(), executable: false, prefix: None, members };
    actions.add(Verb::Archive(archive), vec![Input::Action(tree)], format!("pack {name}"))
}

/// The interpreter of this machine that a program is for.
fn here(binary: &Binary<'_, '_>, target: &Configuration) -> Result<String, Vec<RuleError>> {
    use packaging::platform::Platform;
    let here = Platform::current(&binary.analysis.settings.machine).ok();
    let wanted =
        Wanted { minor: target.minor(), micro: target.micro, free_threaded: target.abi.free_threaded };
    let found = here.filter(|here| target.platform.runs_on(*here));
    let found = found.and_then(|_| binary.analysis.interpreters.find(wanted));
    let path = found.and_then(|found| found.path.to_str().map(ToOwned::to_owned));
    path.ok_or_else(|| {
        let (label, place) = (binary.program.label.clone(), binary.program.place.clone());
        vec![ImageError::NoPython { label, target: *target, place }.into()]
    })
}
