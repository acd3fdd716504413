//! The rule `python_binary`: a program becomes a PEX for each configuration, or one for all.

use engine::{ActionGraph, ActionId, Archive, Download, Input, Members, Origin, Verb};
use graph::{NodeId, Target};
use packaging::lock::Lock;
use packaging::pex::{Entry, Output, PexSpec, Plan, RUNTIME, Source, WheelRef, plan};
use packaging::target::Target as Configuration;
use store::Digest;

use super::distribution::own_distributions;
use super::distributions::{DEFAULT_INDEX, Distributions, Needs};
use super::entry::{Started, started};
use super::pex_options::options;
use super::sources::gather;
use super::wheels::Wheels;
use super::{Analysis, Artifact, Distribution, Resolve, Rule, installed, start};
use crate::bounds::Bounds;
use crate::closure::Closure;
use crate::configuration::{Shared, configurations};
use crate::error::RuleError;
use crate::functions::{BOOT, BOOTSTRAP, SOURCES};
use crate::requirements::resolve_of;
use crate::resolves;

pub(super) struct PythonBinary;

impl Rule for PythonBinary {
    fn name(&self) -> &'static str {
        "python_binary"
    }

    fn package(
        &self,
        node: NodeId,
        analysis: &Analysis<'_>,
        actions: &mut ActionGraph,
    ) -> Result<Vec<Artifact>, Vec<RuleError>> {
        let program = analysis.graph.target(node);
        let known = Known::of(node, analysis)?;
        let binary = known.binary();
        let form = installed::Form::of(program)?;
        let several = known.shared.len() > 1;
        let (mut artifacts, mut errors) = (Vec::new(), Vec::new());
        for configurations in &known.shared {
            let ending = form.as_ref().map_or("pex", installed::Form::ending);
            let file = output_path(program, ending, if several { configurations.first() } else { None });
            let artifact = file.and_then(|path| match &form {
                None => binary.package(configurations.clone(), path, actions),
                Some(form) => installed::package(&binary, form, configurations, path, actions),
            });
            match artifact {
                Ok(artifact) => artifacts.push(artifact),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(artifacts) } else { Err(errors) }
    }
}

/// What a target is built for, file by file, within bounds and by a lock.
type Targets<'t> = dyn Fn(&Target, &Bounds<'_>, Option<&Lock>) -> Result<Vec<Shared>, Vec<RuleError>> + 't;

/// What is known of a program before it is put together in any form.
pub(super) struct Known<'a, 'b> {
    pub(super) program: &'a Target,
    analysis: &'a Analysis<'b>,
    pub(super) closure: Closure,
    pub(super) resolve: Resolve<'b>,
    /// What it is built for, file by file.
    pub(super) shared: Vec<Shared>,
}

impl<'a, 'b> Known<'a, 'b> {
    /// Finds out what a program is made of and for.
    ///
    /// # Errors
    /// All that keeps it from being built in any form.
    pub(super) fn of(node: NodeId, analysis: &'a Analysis<'b>) -> Result<Self, Vec<RuleError>> {
        Known::built_for(node, analysis, &|program, bounds, lock| {
            let Analysis { graph, settings, interpreters, .. } = analysis;
            configurations((graph, program), settings, bounds, lock, *interpreters)
        })
    }

    /// The same, where it is built for what `targets` says.
    ///
    /// # Errors
    /// Those of [`Known::of`].
    pub(super) fn built_for(
        node: NodeId,
        analysis: &'a Analysis<'b>,
        targets: &Targets<'_>,
    ) -> Result<Self, Vec<RuleError>> {
        let program = analysis.graph.target(node);
        let resolve = resolve(program, analysis)?;
        let mut closure = Closure::of(analysis.graph, node, analysis.roots)?;
        let default = &analysis.settings.default_resolve;
        let own = resolve_of(program, default);
        let mut errors = resolves::settle(analysis.graph, node, &mut closure, own, default);
        if !errors.is_empty() {
            return Err(errors);
        }
        errors.extend(check_closure(program, &closure, &resolve, own));
        let bounds = Bounds::of(analysis.graph, node, &closure, resolve.constraints)?;
        let shared = targets(program, &bounds, resolve.lock);
        let shared = shared.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Vec::new()
        });
        if errors.is_empty() {
            Ok(Known { program, analysis, closure, resolve, shared })
        } else {
            Err(errors)
        }
    }

    /// The program, on its way to one file.
    pub(super) fn binary(&self) -> Binary<'_, 'b> {
        let Known { program, analysis, closure, resolve, .. } = self;
        Binary { program, analysis, closure, resolve }
    }
}

/// The resolve that a program is built in.
pub(super) fn resolve<'a>(program: &Target, analysis: &Analysis<'a>) -> Result<Resolve<'a>, Vec<RuleError>> {
    let name = resolve_of(program, &analysis.settings.default_resolve);
    (analysis.resolves)(name).ok_or_else(|| {
        let place = program.field("resolve").map_or(&program.place, |field| &field.place);
        vec![RuleError::UnknownResolve {
            name: name.to_owned(),
            known: analysis.resolve_names.to_vec(),
            place: place.clone(),
        }]
    })
}

/// What keeps a closure from being built whatever it is built for.
fn check_closure(program: &Target, closure: &Closure, resolve: &Resolve<'_>, own: &str) -> Vec<RuleError> {
    let mut errors = Vec::new();
    if resolve.lock.is_none() && !closure.requirements.is_empty() {
        let count = closure.requirements.len();
        errors.push(RuleError::NoLock {
            resolve: own.to_owned(),
            path: resolve.path.to_owned(),
            label: program.label.clone(),
            requirements: if count == 1 {
                "1 requirement".to_owned()
            } else {
                format!("{count} requirements")
            },
            place: program.place.clone(),
        });
    }
    errors
}

/// The path below `dist/`, by default with this ending; with the name of the configuration where the target has several
/// files.
pub(super) fn output_path(
    program: &Target,
    ending: &str,
    configuration: Option<&Configuration>,
) -> Result<String, Vec<RuleError>> {
    let path =
        match program.field("output_path").and_then(|field| Some((field.value.as_str()?, &field.place))) {
            None => {
                let name = format!("{}.{ending}", program.label.name());
                graph::join(program.label.package(), &name)
            }
            Some((path, place)) => {
                let wrong = |part: &str| matches!(part, "" | "." | "..") || part.starts_with(".pants-");
                if path.split('/').any(wrong) || path.contains(['\0', '\n']) {
                    return Err(vec![RuleError::OutputPath { path: path.to_owned(), place: place.clone() }]);
                }
                path.to_owned()
            }
        };
    Ok(match configuration {
        None => path,
        Some(configuration) => match path.strip_suffix(ending).and_then(|stem| stem.strip_suffix('.')) {
            Some(stem) => format!("{stem}-{configuration}.{ending}"),
            None => format!("{path}-{configuration}"),
        },
    })
}

/// A program on its way to one file.
pub(super) struct Binary<'a, 'b> {
    pub(super) program: &'a Target,
    pub(super) analysis: &'a Analysis<'b>,
    pub(super) closure: &'a Closure,
    resolve: &'a Resolve<'b>,
}

/// The parts that every form of a program is made of.
pub(super) struct Ingredients<'a> {
    /// What is started.
    pub(super) started: Started<'a>,
    /// The first-party files.
    pub(super) user: ActionId,
    /// The third-party ones.
    pub(super) wheels: Wheels<'a>,
}

impl<'a, 'b> Binary<'a, 'b> {
    /// What it is made of in any form.
    pub(super) fn ingredients(
        &self,
        configurations: &[Configuration],
        actions: &mut ActionGraph,
    ) -> Result<Ingredients<'a>, Vec<RuleError>> {
        let distributions = self.choose(configurations)?;
        let analysis = self.analysis;
        // Without a lock, which is an error of its own, nobody knows what there would be.
        let unknown = self.resolve.lock.is_none() && !self.closure.requirements.is_empty();
        let has_wheels = unknown || !distributions.is_empty();
        let started = started(self.program, self.closure, analysis.graph, analysis.roots, has_wheels);
        let started = started.map_err(|error| vec![error])?;
        let user = self.sources(actions)?;
        let wheels = self.bring(distributions, actions)?;
        Ok(Ingredients { started, user, wheels })
    }

    /// The distributions that it needs under these configurations.
    fn choose(&self, configurations: &[Configuration]) -> Result<Distributions<'a>, Vec<RuleError>> {
        match self.needs() {
            Some(needs) => needs.choose(configurations),
            None => Ok(Distributions::of_none(configurations)),
        }
    }

    /// The wheels of what it needs under these configurations.
    pub(super) fn wheels(
        &self,
        configurations: &[Configuration],
        actions: &mut ActionGraph,
    ) -> Result<Wheels<'a>, Vec<RuleError>> {
        self.bring(self.choose(configurations)?, actions)
    }

    /// Adds the actions that bring distributions as wheels.
    fn bring(
        &self,
        distributions: Distributions<'a>,
        actions: &mut ActionGraph,
    ) -> Result<Wheels<'a>, Vec<RuleError>> {
        let mut wheels = match self.needs() {
            Some(needs) => needs.bring(distributions, actions)?,
            None => Wheels::of_none(distributions),
        };
        wheels.own = own_distributions(&self.closure.distributions, self.analysis, actions)?;
        if !wheels.own.is_empty() {
            // What is in them is not known yet, as with wheels that are built.
            wheels.distributions.chosen.iter_mut().for_each(|(_, names)| *names = None);
        }
        Ok(wheels)
    }

    fn package(
        &self,
        configurations: Shared,
        path: String,
        actions: &mut ActionGraph,
    ) -> Result<Artifact, Vec<RuleError>> {
        let ingredients = self.ingredients(&configurations, actions)?;
        let (started, user) = (&ingredients.started, ingredients.user);
        let Wheels { distributions, fetched, builds, own } = &ingredients.wheels;
        let spec = self.spec(&configurations, &ingredients.wheels, started.entry.clone())?;
        let plan = plan(spec.options.layout);
        let label = &self.program.label;
        let (runtime, bootstrap) = bootstrap(spec.options.includes_tools(), actions);
        let chosen = &distributions.chosen;
        let parts = start::Parts { bootstrap, user, wheels: fetched, chosen };
        let start = start::start(self.program, self.analysis, &spec, &parts, actions)?;
        let mut inputs = vec![Input::Action(bootstrap), Input::Action(user), start.plan];
        if started.in_wheels {
            inputs.extend(fetched.iter().map(|(_, wheel)| Input::Action(*wheel)));
        }
        let (mut inside, left_out) = ingredients.wheels.inside();
        inside.push(runtime);
        inputs.extend(builds.iter().map(|build| Input::Action(build.wheel)));
        inputs.extend(own.iter().map(|own| Input::Action(own.wheel)));
        let wheels = ingredients.wheels.all();
        let arguments = (&spec, builds.len() + own.len());
        let arguments = serde_json::to_vec(&arguments).expect("a specification is plain data");
        let boot = Verb::Apply { function: BOOT, arguments };
        let boot = actions.add(boot, inputs, format!("write the boot files of {label}"));
        let places = vec![(boot, started.place.clone())];
        let bootstrap = archived_bootstrap(bootstrap, &plan, actions);
        let parts = Parts { bootstrap, boot, user, start: start.plan, wheels };
        let (action, file) = assemble(&plan.output, &parts, label, &path, actions);
        let (label, lacking, builds) = (label.clone(), start.lacking, ingredients.wheels.builds);
        let distributions = inside;
        Ok(Artifact {
            label,
            configurations,
            path,
            action,
            file,
            places,
            builds,
            distributions,
            lacking,
            left_out,
        })
    }

    /// The distributions of all configurations; none without a lock, or without requirements.
    fn needs(&self) -> Option<Needs<'a, 'b>> {
        let program = self.program;
        let wishes = &self.closure.requirements;
        self.resolve.lock.filter(|_| !wishes.is_empty()).map(|lock| Needs {
            analysis: self.analysis,
            program,
            wishes,
            resolve: resolve_of(program, &self.analysis.settings.default_resolve),
            lock,
            lock_path: self.resolve.path,
        })
    }

    /// What the PEX is, from the fields of the program.
    fn spec(
        &self,
        configurations: &[Configuration],
        brought: &Wheels<'_>,
        entry: Entry,
    ) -> Result<PexSpec, Vec<RuleError>> {
        let options = options(self.program, configurations)?;
        let mut requirements: Vec<String> =
            self.closure.requirements.iter().map(|wish| wish.requirement.text().to_owned()).collect();
        requirements.extend(brought.own.iter().map(|own| own.requirement.clone()));
        requirements.sort_unstable();
        requirements.dedup();
        let wheels = (brought.distributions.wheels.iter())
            .map(|(_, wheel)| WheelRef { name: wheel.name.to_string(), sha256: hex(&wheel.sha256) })
            .collect();
        let spec = PexSpec { options, entry, requirements, wheels };
        let problems = spec.problems();
        if problems.is_empty() {
            return Ok(spec);
        }
        let place = &self.program.place;
        let wrong = problems.iter().map(|problem| RuleError::Spec {
            code: problem.code(),
            message: problem.to_string(),
            help: problem.help(),
            place: place.clone(),
        });
        Err(wrong.collect())
    }

    /// The user files, checked.
    fn sources(&self, actions: &mut ActionGraph) -> Result<ActionId, Vec<RuleError>> {
        let label = &self.program.label;
        let merged = gather(self.program, self.closure, self.analysis, actions)?;
        let check = Verb::Apply { function: SOURCES, arguments: Vec::new() };
        Ok(actions.add(check, vec![Input::Action(merged)], format!("check the sources of {label}")))
    }
}

/// The trees that a PEX is put together from.
struct Parts {
    bootstrap: ActionId,
    boot: ActionId,
    user: ActionId,
    start: Input,
    wheels: Vec<(String, ActionId)>,
}

impl Parts {
    fn of(&self, source: Source) -> Vec<(&str, Input)> {
        match source {
            Source::Bootstrap => vec![("the runtime", Input::Action(self.bootstrap))],
            Source::Boot => vec![("the boot files", Input::Action(self.boot))],
            Source::Sources => vec![("the sources", Input::Action(self.user))],
            Source::Start => vec![("the start plan", self.start)],
            Source::Wheels => {
                let wheels = self.wheels.iter();
                wheels.map(|(name, wheel)| (name.as_str(), Input::Action(*wheel))).collect()
            }
        }
    }

    fn members(
        &self,
        planned: &[packaging::pex::Members],
        label: &graph::Label,
    ) -> (Vec<Members>, Vec<Input>) {
        let (mut members, mut inputs) = (Vec::new(), Vec::new());
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for plan in planned {
            for (origin, input) in self.of(plan.source) {
                members.push(Members {
                    input: inputs.len(),
                    origin: format!("{origin} of {label}"),
                    under: plan.under.to_owned(),
                    packing: plan.packing,
                    only: owned(plan.only),
                    directories: owned(plan.directories),
                });
                inputs.push(input);
            }
        }
        (members, inputs)
    }

    fn boot_input(&self, inputs: &[Input]) -> usize {
        inputs
            .iter()
            .position(|input| *input == Input::Action(self.boot))
            .expect("the boot files are a member")
    }

    fn folders(&self, folders: &[(Source, &str)]) -> (Vec<Input>, Vec<String>) {
        let placed = |(source, folder): &(Source, &str)| {
            let parts = self.of(*source).into_iter();
            parts.map(|(_, part)| (part, (*folder).to_owned())).collect::<Vec<_>>()
        };
        folders.iter().flat_map(placed).unzip()
    }
}

/// Puts the parts of a PEX together; gives the file of the action's tree that it is, if it is one.
fn assemble(
    output: &Output,
    parts: &Parts,
    label: &graph::Label,
    path: &str,
    actions: &mut ActionGraph,
) -> (ActionId, Option<String>) {
    let file = path.rsplit('/').next().unwrap_or(path).to_owned();
    let description = format!("assemble dist/{path}");
    match output {
        Output::Archive { prefix, members } => {
            let (members, inputs) = parts.members(members, label);
            let prefix = Some((parts.boot_input(&inputs), (*prefix).to_owned()));
            let archive = Archive { name: file.clone(), executable: true, prefix, members };
            (actions.add(Verb::Archive(archive), inputs, description), Some(file))
        }
        Output::Folder(folders) => {
            let (inputs, prefixes) = parts.folders(folders);
            (actions.add(Verb::Merge { prefixes }, inputs, description), None)
        }
    }
}

/// The runtime, and what is chosen from its wheel: the same for every PEX with or without tools.
fn bootstrap(tools: bool, actions: &mut ActionGraph) -> (Distribution, ActionId) {
    let sha256 = Digest::from_hex(RUNTIME.sha256, RUNTIME.size).expect("the table holds a hash").hash;
    let download = Download {
        name: RUNTIME.wheel.to_owned(),
        sha256,
        size: Some(RUNTIME.size),
        origin: Origin { source: DEFAULT_INDEX.to_owned(), project: RUNTIME.project.to_owned() },
    };
    let wheel = actions.add(Verb::Fetch(download), Vec::new(), format!("fetch {}", RUNTIME.wheel));
    let files = actions.add(Verb::Extract, vec![Input::Action(wheel)], "unpack the PEX runtime");
    let choose = Verb::Apply { function: BOOTSTRAP, arguments: vec![u8::from(tools)] };
    let chosen = actions.add(choose, vec![Input::Action(files)], "choose the files of the PEX runtime");
    (Distribution::runtime(wheel, sha256), chosen)
}

/// The runtime in the form that the layout wants: packed once for all PEX files, or as it is.
fn archived_bootstrap(files: ActionId, plan: &Plan, actions: &mut ActionGraph) -> ActionId {
    let Some(archive) = &plan.bootstrap else { return files };
    let members = vec![Members {
        input: 0,
        origin: "the runtime".to_owned(),
        under: archive.under.to_owned(),
        packing: engine::Packing::Deflate,
        only: Vec::new(),
        directories: Vec::new(),
    }];
    let archive = Archive { name: archive.name.to_owned(), executable: false, prefix: None, members };
    actions.add(Verb::Archive(archive), vec![Input::Action(files)], "pack the PEX runtime")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
