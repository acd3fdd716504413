//! The distributions of a program: out of its lock to the actions that bring each as a wheel, fetched or built here.

use engine::{ActionGraph, ActionId, Download, Input, Literal, Origin, Verb};
use graph::{Place, Target};
use packaging::interpreter::Interpreter;
use packaging::lock::{BuildSystem, Lock, Package, SourceFile, WheelFile};
use packaging::platform::Platform;
use packaging::python::Wanted;
use packaging::requirement::Requirement;
use packaging::sdist;
use packaging::select::{
    Chain, Chosen, LeftOut, Nearest, SelectError, Selected, Selection, check_shared, nearest, select,
};
use packaging::target::Target as Configuration;
use packaging::unsaid::{Unknown, Unsaid};

use super::inside::{self, Inside};
use super::{Analysis, SourceBuild};
use crate::closure::Wish;
use crate::error::RuleError;
use crate::functions::{BUILT, WHEEL};
use crate::missing::{self, Lacking, MissingWheels};
use crate::resolve_error::ResolveError;

/// The index that the runtime comes from, and what a lock names no index for.
pub(super) const DEFAULT_INDEX: &str = "default";

/// Who needs distributions, and out of which lock.
pub(super) struct Needs<'a, 'b> {
    pub(super) analysis: &'a Analysis<'b>,
    /// The target that needs them.
    pub(super) program: &'a Target,
    /// What it asks for.
    pub(super) wishes: &'a [Wish],
    pub(super) resolve: &'a str,
    pub(super) lock: &'a Lock,
    pub(super) lock_path: &'a str,
}

/// Distributions by where they come from, each once, sorted.
#[derive(Default)]
pub(super) struct Distributions<'l> {
    pub(super) wheels: Vec<(&'l Package, &'l WheelFile)>,
    pub(super) sources: Vec<Source<'l>>,
    /// The file names of the wheels of each configuration; none where one is to be built.
    pub(super) chosen: Vec<(Configuration, Option<Vec<String>>)>,
    /// What is left out though some releases need it.
    pub(super) left_out: Vec<LeftOut>,
    /// All of them, with who needs them.
    pub(super) inside: Inside,
}

/// A source distribution, and what it is to be built for.
pub(super) struct Source<'l> {
    package: &'l Package,
    file: &'l SourceFile,
    system: &'l BuildSystem,
    configurations: Vec<Configuration>,
}

impl Distributions<'_> {
    /// Those of a program that needs none.
    pub(super) fn of_none(configurations: &[Configuration]) -> Self {
        let chosen = configurations.iter().map(|one| (*one, Some(Vec::new()))).collect();
        Distributions { chosen, ..Distributions::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wheels.is_empty() && self.sources.is_empty()
    }
}

impl<'a> Needs<'a, '_> {
    /// What all configurations of one file need.
    pub(super) fn choose(
        &self,
        configurations: &[Configuration],
    ) -> Result<Distributions<'a>, Vec<RuleError>> {
        let roots: Vec<Requirement> = self.wishes.iter().map(|wish| wish.requirement.clone()).collect();
        let (mut selections, mut errors) = (Vec::<(Configuration, Selection<'_>)>::new(), Vec::new());
        for configuration in configurations {
            match select(self.lock, &roots, configuration) {
                Ok(selection) => selections.push((*configuration, selection)),
                Err(wrong) => errors.extend(wrong),
            }
        }
        let shared: Vec<(Configuration, &Selection<'_>)> =
            selections.iter().map(|(one, two)| (*one, two)).collect();
        errors.extend(check_shared(&shared));
        errors.dedup();
        let mut errors: Vec<RuleError> = errors
            .iter()
            .map(|error| self.missing(error).unwrap_or_else(|| self.selection_error(error, "")))
            .collect();
        for (configuration, selection) in &selections {
            errors.extend(self.not_compiled(*configuration, selection));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut chosen = Distributions::default();
        for (configuration, selection) in selections {
            inside::add(&mut chosen.inside, &configuration, (&selection, self.lock), self.wishes);
            chosen.left_out.extend(selection.left_out);
            let names = selection.files.iter().map(|one| match one.file {
                Chosen::Wheel(wheel) => Some(wheel.name.to_string()),
                Chosen::Source(..) => None,
            });
            chosen.chosen.push((configuration, names.collect()));
            for Selected { package, file, .. } in selection.files {
                match file {
                    Chosen::Wheel(wheel) => chosen.wheels.push((package, wheel)),
                    Chosen::Source(file, system) => {
                        let same = |one: &&mut Source<'_>| one.file.sha256 == file.sha256;
                        match chosen.sources.iter_mut().find(same) {
                            Some(source) => source.configurations.push(configuration),
                            None => {
                                let configurations = vec![configuration];
                                chosen.sources.push(Source { package, file, system, configurations });
                            }
                        }
                    }
                }
            }
        }
        chosen.wheels.sort_by_key(|(_, wheel)| wheel.name.to_string());
        chosen.wheels.dedup_by_key(|(_, wheel)| wheel.name.to_string());
        chosen.sources.sort_by(|a, b| a.file.name.cmp(&b.file.name));
        Ok(chosen)
    }

    /// The error of choosing that there is no wheel.
    fn missing(&self, error: &SelectError) -> Option<RuleError> {
        let SelectError::NoWheel { name, version, target, needed_by, nearest, has_source } = error else {
            return None;
        };
        let package = self.lock.named(name).iter().find(|package| package.version == *version)?;
        let source = if *has_source { missing::Source::NotLocked } else { missing::Source::Absent };
        Some(self.missing_wheels(package, *target, nearest.clone(), needed_by, source))
    }

    /// What has to be compiled, and is for another platform than this machine.
    fn not_compiled(&self, target: Configuration, selection: &Selection<'_>) -> Vec<RuleError> {
        let here = Platform::current(&self.analysis.settings.machine).ok();
        let is_like = |here: Platform| target.platform.runs_on(here) || here.runs_on(target.platform);
        if here.is_some_and(is_like) {
            return Vec::new();
        }
        // What has wheels, and none for any platform, has something to compile.
        let any = |wheel: &WheelFile| wheel.name.platforms().any(|platform| platform == "any");
        let is_compiled = |package: &Package| !package.wheels.is_empty() && !package.wheels.iter().any(any);
        let built = selection.files.iter().filter(|one| matches!(one.file, Chosen::Source(..)));
        let missing = built.filter(|one| is_compiled(one.package)).map(|one| {
            let nearest = nearest(one.package, target);
            self.missing_wheels(one.package, target, nearest, &one.needed_by, missing::Source::Foreign)
        });
        missing.collect()
    }

    fn missing_wheels(
        &self,
        package: &Package,
        target: Configuration,
        nearest: Nearest,
        needed_by: &Chain,
        source: missing::Source,
    ) -> RuleError {
        let program = self.program;
        let root = needed_by.0.first().unwrap_or(&package.name);
        let asked = self.wishes.iter().find(|wish| wish.requirement.name == *root);
        let field = |name: &'static str| program.field(name).map(|field| (name, field.place.clone()));
        RuleError::Missing(Box::new(MissingWheels {
            name: package.name.clone(),
            version: package.version.clone(),
            index: package.wheels.first().and_then(|wheel| wheel.index.clone()),
            lock: self.lock_path.to_owned(),
            lacking: vec![Lacking {
                program: program.label.clone(),
                target,
                nearest,
                needed_by: needed_by.clone(),
                fields: ["interpreters", "platforms"].into_iter().filter_map(field).collect(),
                place: program.place.clone(),
            }],
            from_source: source,
            asked: asked.map(|wish| (wish.requirement.clone(), wish.place.clone())),
            other: None,
        }))
    }

    /// An error of choosing; `what` says before it what is chosen for, where that is not the program itself.
    fn selection_error(&self, error: &SelectError, what: &str) -> RuleError {
        if let SelectError::Unread { name, version, wheel } = error {
            let what = wheel.as_ref().map_or(Unsaid::Files, |wheel| Unsaid::Needs(wheel.to_string()));
            let unknown = Unknown { name: name.clone(), version: version.clone(), what };
            let (label, place) = (self.program.label.clone(), self.program.place.clone());
            return ResolveError::Unread { resolve: self.resolve.to_owned(), unknown, label, place }.into();
        }
        let message = error.to_string();
        let asked = |wish: &&Wish| message.contains(&format!("`{}`", wish.requirement.text()));
        let place = match error {
            SelectError::Target { target, .. } => self.to_blame_for(target),
            _ => Some(self.wishes.iter().find(asked).map_or(&self.program.place, |wish| &wish.place)),
        };
        RuleError::Selection {
            code: error.code(),
            help: error.help(self.lock.form),
            label: self.program.label.clone(),
            lock: self.lock_path.to_owned(),
            place: place.cloned(),
            message: format!("{what}{message}"),
        }
    }

    /// Where it is written that the program is built for a target that the lock is not for; none in the configuration.
    fn to_blame_for(&self, target: &Configuration) -> Option<&Place> {
        let python = !target.environment().satisfies(&self.lock.requires_python);
        let name = if python { "interpreters" } else { "platforms" };
        let configured = python && self.analysis.settings.interpreters.is_some();
        match self.program.field(name) {
            Some(field) => Some(&field.place),
            None if configured => None,
            None => Some(&self.program.place),
        }
    }

    /// Adds the actions that build source distributions; the errors are those of all.
    pub(super) fn build_all(
        &self,
        sources: &[Source<'a>],
        actions: &mut ActionGraph,
    ) -> Result<Vec<SourceBuild>, Vec<RuleError>> {
        let (mut builds, mut errors) = (Vec::with_capacity(sources.len()), Vec::new());
        for source in sources {
            match self.build(source, actions) {
                Ok(build) => builds.push(build),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(builds) } else { Err(errors) }
    }

    /// Adds the actions that build a source distribution into a wheel. All programs that need the same share them.
    fn build(&self, source: &Source<'a>, actions: &mut ActionGraph) -> Result<SourceBuild, Vec<RuleError>> {
        let Source { package, file, system, configurations } = source;
        let name = format!("{} {}", package.name, package.version);
        let python = self.interpreter(source)?;
        let here = Platform::current(&self.analysis.settings.machine);
        let here = here.map_err(|error| vec![RuleError::Platform { error: error.into(), place: None }])?;
        let micro = python.version.release().get(2).and_then(|micro| u16::try_from(*micro).ok());
        let builder = Configuration { abi: python.abi, micro, platform: here };
        let script = Literal::File { content: sdist::SCRIPT_TEXT.into(), executable: false };
        let script = Verb::Write(vec![(sdist::SCRIPT.to_owned(), script)]);
        let script = actions.add(script, Vec::new(), "write the script that builds source distributions");
        let download = download(&file.name, file.size, file.sha256, file.index.as_deref(), package);
        let fetched = actions.add(Verb::Fetch(download), Vec::new(), format!("fetch {}", file.name));
        let mut inputs = vec![Input::Action(script), Input::Action(fetched)];
        let mut prefixes = vec![String::new(), sdist::SOURCES.to_owned()];
        for (package, wheel) in self.built_with(source, &builder)? {
            inputs.push(Input::Action(fetch_wheel(package, wheel, actions).1));
            prefixes.push(sdist::WHEELS.to_owned());
        }
        let gathered = actions.add(Verb::Merge { prefixes }, inputs, format!("gather what builds {name}"));
        let process = sdist::process(sdist::tool(python.abi), system);
        let description =
            format!("build a wheel of {name} with {} {}", python.implementation, python.version);
        let run = actions.add(Verb::Run(process), vec![Input::Action(gathered)], description);
        let expected = sdist::Expected {
            name: package.name.to_string(),
            version: package.version.to_string(),
            targets: configurations.clone(),
        };
        let arguments = serde_json::to_vec(&expected).expect("what is expected is plain data");
        let check = Verb::Apply { function: BUILT, arguments };
        let wheel = actions.add(check, vec![Input::Action(run)], format!("check the wheel of {name}"));
        let python = format!("{} {}", python.implementation, python.version);
        let (project, version) = (package.name.to_string(), package.version.to_string());
        Ok(SourceBuild { run, wheel, project, version, python, resolve: self.resolve.to_owned() })
    }

    /// The interpreter of this machine that builds: that of the first configuration which has one here.
    fn interpreter(&self, source: &Source<'a>) -> Result<Interpreter, Vec<RuleError>> {
        let Source { package, configurations, .. } = source;
        let name = format!("{} {}", package.name, package.version);
        let here = Platform::current(&self.analysis.settings.machine).ok();
        let is_like = |one: Platform, other: Platform| one.runs_on(other) || other.runs_on(one);
        let foreign = |one: &&Configuration| here.is_none_or(|here| !is_like(one.platform, here));
        let interpreters = self.analysis.interpreters;
        let fits = |one: &Configuration| {
            let free_threaded = one.abi.free_threaded;
            let found = interpreters.find(Wanted { free_threaded, ..Wanted::minor(one.minor()) });
            found.filter(|found| found.abi == one.abi || foreign(&one))
        };
        configurations.iter().find_map(fits).ok_or_else(|| {
            vec![
                ResolveError::NoBuilder {
                    distribution: name,
                    wanted: configurations[0].minor().to_string(),
                    abi: configurations[0].abi.to_string(),
                    label: self.program.label.clone(),
                    found: interpreters.all(),
                    place: self.program.place.clone(),
                }
                .into(),
            ]
        })
    }

    /// The wheels that a source distribution is built with.
    fn built_with(
        &self,
        source: &Source<'a>,
        builder: &Configuration,
    ) -> Result<Vec<(&'a Package, &'a WheelFile)>, Vec<RuleError>> {
        let name = format!("{} {}", source.package.name, source.package.version);
        let what = format!("what `{name}` is built with: ");
        let Some(lock) = self.lock.build(&source.system.requires) else {
            let requirement = source.system.requires.first().map(ToString::to_string).unwrap_or_default();
            let missing = SelectError::Missing { requirement };
            return Err(vec![self.selection_error(&missing, &what)]);
        };
        let selection = select(lock, &lock.requirements, builder);
        let selection = selection.map_err(|errors| {
            errors.iter().map(|error| self.selection_error(error, &what)).collect::<Vec<_>>()
        })?;
        // A lock has no source distributions of what others are built with.
        let wheel = |one: Selected<'a>| match one.file {
            Chosen::Wheel(wheel) => Some((one.package, wheel)),
            Chosen::Source(..) => None,
        };
        Ok(selection.files.into_iter().filter_map(wheel).collect())
    }
}

/// A wheel by name, checked before anything is made of it.
pub(super) fn fetch_wheel(
    package: &Package,
    wheel: &WheelFile,
    actions: &mut ActionGraph,
) -> (String, ActionId) {
    let name = wheel.name.to_string();
    let download = download(&name, wheel.size, wheel.sha256, wheel.index.as_deref(), package);
    let fetched = actions.add(Verb::Fetch(download), Vec::new(), format!("fetch {name}"));
    let check = Verb::Apply { function: WHEEL, arguments: Vec::new() };
    let checked = actions.add(check, vec![Input::Action(fetched)], format!("check {name}"));
    (name, checked)
}

fn download(
    name: &str,
    size: Option<u64>,
    sha256: [u8; 32],
    index: Option<&str>,
    package: &Package,
) -> Download {
    let source = index.unwrap_or(DEFAULT_INDEX).to_owned();
    let origin = Origin { source, project: package.name.to_string() };
    Download { name: name.to_owned(), sha256, size, origin }
}
