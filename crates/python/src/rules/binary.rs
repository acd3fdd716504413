//! The rule `python_binary`: a program becomes a PEX for each configuration, or one for all.

use std::collections::HashMap;

use engine::{ActionGraph, ActionId, Archive, Download, Input, Members, Origin, Verb};
use graph::{NodeId, Place, Target};
use packaging::pex::{Entry, Output, PexSpec, Plan, RUNTIME, Source, WheelRef, plan};
use packaging::requirement::Requirement;
use packaging::select::{SelectError, Selected, Selection, check_shared, select};
use packaging::target::Target as Configuration;
use store::{Digest, Tree};

use super::entry::started;
use super::pex_options::options;
use super::{Analysis, Artifact, Resolve, Rule};
use crate::closure::{Closure, ClosureFile, TargetFiles, Wish};
use crate::configuration::{Shared, configurations, constraints};
use crate::error::RuleError;
use crate::functions::{BOOT, BOOTSTRAP, SOURCES, WHEEL};
use crate::requirements::resolve_of;

/// The index that the runtime comes from, and what a lock names no index for.
const DEFAULT_INDEX: &str = "default";

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
        let resolve = resolve(program, analysis)?;
        let closure = Closure::of(analysis.graph, node, analysis.roots)?;
        let mut errors = check_closure(program, &closure, &resolve, analysis);
        let constraints = constraints(program, resolve.constraints)?;
        let shared =
            configurations(program, analysis.settings, &constraints, resolve.lock, analysis.interpreters);
        let shared = shared.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Vec::new()
        });
        let mut artifacts = Vec::new();
        let several = shared.len() > 1;
        for configurations in shared {
            let file = output_path(program, if several { configurations.first() } else { None });
            let binary = Binary { program, analysis, closure: &closure, resolve: &resolve };
            match file.and_then(|path| binary.package(configurations, path, actions)) {
                Ok(artifact) => artifacts.push(artifact),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(artifacts) } else { Err(errors) }
    }
}

/// The resolve that a program is built in.
fn resolve<'a>(program: &Target, analysis: &Analysis<'a>) -> Result<Resolve<'a>, Vec<RuleError>> {
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
fn check_closure(
    program: &Target,
    closure: &Closure,
    resolve: &Resolve<'_>,
    analysis: &Analysis<'_>,
) -> Vec<RuleError> {
    let mut errors = Vec::new();
    let default = &analysis.settings.default_resolve;
    let own = resolve_of(program, default);
    for wish in &closure.requirements {
        let node = analysis.graph.node(&wish.label);
        let theirs = node.map_or(own, |node| resolve_of(analysis.graph.target(node), default));
        if theirs != own {
            errors.push(RuleError::OtherResolve {
                program: program.label.clone(),
                own: own.to_owned(),
                requirement: wish.label.clone(),
                theirs: theirs.to_owned(),
                place: wish.place.clone(),
            });
        }
    }
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

/// The path below `dist/`; with the name of the configuration where the program has several files.
fn output_path(program: &Target, configuration: Option<&Configuration>) -> Result<String, Vec<RuleError>> {
    let path =
        match program.field("output_path").and_then(|field| Some((field.value.as_str()?, &field.place))) {
            None => {
                let name = format!("{}.pex", program.label.name());
                graph::join(program.label.package(), &name)
            }
            Some((path, place)) => {
                if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains(['\0', '\n'])
                {
                    return Err(vec![RuleError::OutputPath { path: path.to_owned(), place: place.clone() }]);
                }
                path.to_owned()
            }
        };
    Ok(match configuration {
        None => path,
        Some(configuration) => match path.strip_suffix(".pex") {
            Some(stem) => format!("{stem}-{configuration}.pex"),
            None => format!("{path}-{configuration}"),
        },
    })
}

/// A program on its way to one file.
struct Binary<'a, 'b> {
    program: &'a Target,
    analysis: &'a Analysis<'b>,
    closure: &'a Closure,
    resolve: &'a Resolve<'b>,
}

impl Binary<'_, '_> {
    fn package(
        &self,
        configurations: Shared,
        path: String,
        actions: &mut ActionGraph,
    ) -> Result<Artifact, Vec<RuleError>> {
        let wheels = self.wheels(&configurations)?;
        let analysis = self.analysis;
        // Without a lock, which is an error of its own, nobody knows what there would be.
        let unknown = self.resolve.lock.is_none() && !self.closure.requirements.is_empty();
        let has_wheels = unknown || !wheels.is_empty();
        let started = started(self.program, self.closure, analysis.graph, analysis.roots, has_wheels);
        let started = started.map_err(|error| vec![error])?;
        let spec = self.spec(&configurations, &wheels, started.entry)?;
        let plan = plan(spec.options.layout);
        let label = &self.program.label;
        let bootstrap = bootstrap(spec.options.includes_tools(), actions);
        let user = self.sources(actions)?;
        let wheels: Vec<(String, ActionId)> =
            wheels.iter().map(|wheel| fetch_wheel(wheel, actions)).collect();
        let mut inputs = vec![Input::Action(bootstrap), Input::Action(user)];
        if started.in_wheels {
            inputs.extend(wheels.iter().map(|(_, wheel)| Input::Action(*wheel)));
        }
        let arguments = serde_json::to_vec(&spec).expect("a specification is plain data");
        let boot = Verb::Apply { function: BOOT, arguments };
        let boot = actions.add(boot, inputs, format!("write the boot files of {label}"));
        let places = vec![(boot, started.place.clone())];
        let parts = Parts { bootstrap: archived_bootstrap(bootstrap, &plan, actions), boot, user, wheels };
        let file = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let description = format!("assemble dist/{path}");
        let (action, file) = match &plan.output {
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
        };
        Ok(Artifact { label: label.clone(), configurations, path, action, file, places })
    }

    /// The wheels of all configurations, each file once, by name.
    fn wheels(&self, configurations: &[Configuration]) -> Result<Vec<Selected<'_>>, Vec<RuleError>> {
        let wishes = &self.closure.requirements;
        let Some(lock) = self.resolve.lock.filter(|_| !wishes.is_empty()) else { return Ok(Vec::new()) };
        let roots: Vec<Requirement> = wishes.iter().map(|wish| wish.requirement.clone()).collect();
        let (mut selections, mut errors) = (Vec::<(Configuration, Selection<'_>)>::new(), Vec::new());
        for configuration in configurations {
            match select(lock, &roots, configuration) {
                Ok(selection) => selections.push((*configuration, selection)),
                Err(wrong) => errors.extend(wrong),
            }
        }
        let shared: Vec<(Configuration, &Selection<'_>)> =
            selections.iter().map(|(one, two)| (*one, two)).collect();
        errors.extend(check_shared(&shared));
        if !errors.is_empty() {
            errors.dedup();
            return Err(errors.iter().map(|error| self.selection_error(error)).collect());
        }
        let mut wheels: Vec<Selected<'_>> =
            selections.into_iter().flat_map(|(_, selection)| selection.wheels).collect();
        wheels.sort_by_key(|wheel| wheel.wheel.name.to_string());
        wheels.dedup_by_key(|wheel| wheel.wheel.name.to_string());
        Ok(wheels)
    }

    fn selection_error(&self, error: &SelectError) -> RuleError {
        let message = error.to_string();
        let asked = |wish: &&Wish| message.contains(&format!("`{}`", wish.requirement.text()));
        let wish = self.closure.requirements.iter().find(asked);
        let place = match (error, wish) {
            (SelectError::Target { target, .. }, _) => self.to_blame_for(target),
            (_, wish) => Some(wish.map_or(&self.program.place, |wish| &wish.place)),
        };
        RuleError::Selection {
            code: error.code(),
            help: error.help(),
            label: self.program.label.clone(),
            lock: self.resolve.path.to_owned(),
            place: place.cloned(),
            message,
        }
    }

    /// Where it is written that the program is built for a target that the lock is not for; none in the configuration.
    fn to_blame_for(&self, target: &Configuration) -> Option<&Place> {
        let requires = self.resolve.lock.map(|lock| &lock.requires_python);
        let python = requires.is_some_and(|requires| !target.environment().satisfies(requires));
        let name = if python { "interpreters" } else { "platforms" };
        let configured = python && self.analysis.settings.interpreters.is_some();
        match self.program.field(name) {
            Some(field) => Some(&field.place),
            None if configured => None,
            None => Some(&self.program.place),
        }
    }

    /// What the PEX is, from the fields of the program.
    fn spec(
        &self,
        configurations: &[Configuration],
        wheels: &[Selected<'_>],
        entry: Entry,
    ) -> Result<PexSpec, Vec<RuleError>> {
        let options = options(self.program, configurations)?;
        let mut requirements: Vec<String> =
            self.closure.requirements.iter().map(|wish| wish.requirement.text().to_owned()).collect();
        requirements.sort_unstable();
        requirements.dedup();
        let wheels = (wheels.iter())
            .map(|wheel| WheelRef { name: wheel.wheel.name.to_string(), sha256: hex(&wheel.wheel.sha256) })
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
        self.check_for_clashes()?;
        let mut inputs = Vec::with_capacity(self.closure.code.len());
        for code in &self.closure.code {
            inputs.push(Input::Tree(self.tree(code)?));
        }
        let prefixes = vec![String::new(); inputs.len()];
        let merged = actions.add(Verb::Merge { prefixes }, inputs, format!("gather the sources of {label}"));
        let check = Verb::Apply { function: SOURCES, arguments: Vec::new() };
        Ok(actions.add(check, vec![Input::Action(merged)], format!("check the sources of {label}")))
    }

    /// Finds files of different content that would have one path.
    fn check_for_clashes(&self) -> Result<(), Vec<RuleError>> {
        let mut taken: HashMap<&str, (&TargetFiles, &ClosureFile)> = HashMap::new();
        let mut errors = Vec::new();
        for code in &self.closure.code {
            for file in &code.files {
                let (first, earlier) = *taken.entry(&file.destination).or_insert((code, file));
                let differ = || (self.analysis.files)(&file.path) != (self.analysis.files)(&earlier.path);
                if earlier.path != file.path && differ() {
                    errors.push(RuleError::SourceClash {
                        destination: file.destination.clone(),
                        first: first.label.clone(),
                        first_path: earlier.path.clone(),
                        second: code.label.clone(),
                        second_path: file.path.clone(),
                        place: self.program.place.clone(),
                    });
                }
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn tree(&self, code: &TargetFiles) -> Result<Digest, Vec<RuleError>> {
        let failed = |error: RuleError| vec![error];
        let mut tree = Tree::new();
        for file in &code.files {
            let entry = (self.analysis.files)(&file.path);
            (tree.add_file(&file.destination, entry.digest, entry.executable))
                .map_err(|error| failed(RuleError::Tree { error, label: code.label.clone() }))?;
        }
        self.analysis.store.put_tree(&tree).map_err(|error| failed(RuleError::Store(error)))
    }
}

/// The trees that a PEX is put together from.
struct Parts {
    bootstrap: ActionId,
    boot: ActionId,
    user: ActionId,
    wheels: Vec<(String, ActionId)>,
}

impl Parts {
    fn of(&self, source: Source) -> Vec<(&str, ActionId)> {
        match source {
            Source::Bootstrap => vec![("the runtime", self.bootstrap)],
            Source::Boot => vec![("the boot files", self.boot)],
            Source::Sources => vec![("the sources", self.user)],
            Source::Wheels => self.wheels.iter().map(|(name, wheel)| (name.as_str(), *wheel)).collect(),
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
            for (origin, action) in self.of(plan.source) {
                members.push(Members {
                    input: inputs.len(),
                    origin: format!("{origin} of {label}"),
                    under: plan.under.to_owned(),
                    packing: plan.packing,
                    only: owned(plan.only),
                    directories: owned(plan.directories),
                });
                inputs.push(Input::Action(action));
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
            parts.map(|(_, part)| (Input::Action(part), (*folder).to_owned())).collect::<Vec<_>>()
        };
        folders.iter().flat_map(placed).unzip()
    }
}

/// The runtime, chosen from its wheel: the same for every PEX with or without tools.
fn bootstrap(tools: bool, actions: &mut ActionGraph) -> ActionId {
    let download = Download {
        name: RUNTIME.wheel.to_owned(),
        sha256: Digest::from_hex(RUNTIME.sha256, RUNTIME.size).expect("the table holds a hash").hash,
        size: Some(RUNTIME.size),
        origin: Origin { source: DEFAULT_INDEX.to_owned(), project: RUNTIME.project.to_owned() },
    };
    let wheel = actions.add(Verb::Fetch(download), Vec::new(), format!("fetch {}", RUNTIME.wheel));
    let files = actions.add(Verb::Extract, vec![Input::Action(wheel)], "unpack the PEX runtime");
    let choose = Verb::Apply { function: BOOTSTRAP, arguments: vec![u8::from(tools)] };
    actions.add(choose, vec![Input::Action(files)], "choose the files of the PEX runtime")
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

/// A wheel, checked before anything is made of it.
fn fetch_wheel(wheel: &Selected<'_>, actions: &mut ActionGraph) -> (String, ActionId) {
    let file = wheel.wheel;
    let name = file.name.to_string();
    let source = file.index.clone().unwrap_or_else(|| DEFAULT_INDEX.to_owned());
    let download = Download {
        name: name.clone(),
        sha256: file.sha256,
        size: file.size,
        origin: Origin { source, project: wheel.package.name.to_string() },
    };
    let fetched = actions.add(Verb::Fetch(download), Vec::new(), format!("fetch {name}"));
    let check = Verb::Apply { function: WHEEL, arguments: Vec::new() };
    let checked = actions.add(check, vec![Input::Action(fetched)], format!("check {name}"));
    (name, checked)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
