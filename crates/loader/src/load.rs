//! Loads all BUILD files of a repository: what an earlier run evaluated as it is, the rest anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use graph::visibility::DeclaredRules;
use graph::{FieldDefault, FieldKind, Label, Place, Target, UNKNOWN, join, last_segment};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::build_names::BuildNames;
use crate::defaults::Defaults;
use crate::earlier::{Packages, ancestors, leads_to};
use crate::error::{LoadError, Problem};
use crate::evaluate::{Parsed, Purpose, evaluate, parse};
use crate::listing::Listing;
use crate::modules::Modules;
use crate::options::Options;
use crate::read::{Digest, read_bytes, text};
use crate::snapshot::{Key, Outcome, Package, Snapshot};
use crate::sources::Sources;

/// The stack of a thread that evaluates: enough for what the limits let through.
const STACK: usize = 256 << 20;

/// What loading gives.
#[derive(Debug, Default)]
pub struct Loaded {
    /// All targets, by directory and then as they are written.
    pub targets: Vec<Target>,
    /// Everything that is wrong, by place. While there is something, targets are missing.
    pub errors: Vec<LoadError>,
    /// What is odd, but stops nothing.
    pub warnings: Vec<LoadError>,
    /// Who may depend on whom, by directory.
    pub rules: Vec<DeclaredRules>,
    /// What `print` said, with the place.
    pub messages: Vec<(Place, String)>,
    /// The BUILD files, relative to the root, sorted.
    pub build_files: Vec<String>,
    /// The `.bzl` files and the prelude behind them, sorted.
    pub modules: Vec<String>,
    /// The variables of the environment that had a say, each with a digest of its value.
    pub variables: BTreeMap<String, Option<[u8; 32]>>,
    /// Everything that a change of could give another outcome: directories and files, relative to the root.
    pub inputs: Vec<PathBuf>,
    /// What is known of the BUILD files that are as they should be.
    pub packages: Packages,
    /// How many BUILD files were evaluated; the others came from the snapshot.
    pub evaluated: usize,
    /// What to give to the next run; none if it is what was given to this one.
    pub snapshot: Option<Vec<u8>>,
}

/// A directory with a BUILD file.
struct BuildFile {
    directory: Arc<str>,
    file: String,
    /// Whether it is only there for what it says about the directories below.
    above: bool,
}

/// The defaults of directories that have a say in those below, by directory.
#[derive(Default)]
struct Above(BTreeMap<Arc<str>, Arc<Defaults>>);

/// What is made of a BUILD file, in the order of the steps.
enum Step {
    Kept(Outcome, Package),
    Parsed(Box<Parsed>, Digest),
    Evaluated(Outcome, Option<Package>, Vec<LoadError>),
    Failed(LoadError),
}

/// Loads the BUILD files below the root; `snapshot` is what an earlier run gave, of any state of the repository.
///
/// Never fails as a whole: the errors are all that were found, in all files.
pub fn load(options: &Options, snapshot: Option<&[u8]>) -> Loaded {
    let old = snapshot.map_or_else(Snapshot::empty, Snapshot::decode);
    run(Run { options, only: None, old, loaded: Loaded::default() })
}

/// Loads the BUILD files of some directories; what holds of `packages` is not evaluated again.
pub(crate) fn load_directories(
    options: &Options,
    directories: &BTreeSet<String>,
    packages: BTreeMap<String, Package>,
) -> Loaded {
    let mut old = Snapshot::empty();
    old.packages = packages;
    run(Run { options, only: Some(directories), old, loaded: Loaded::default() })
}

fn run(run: Run<'_>) -> Loaded {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(run.options.jobs.max(1))
        .stack_size(STACK)
        .thread_name(|index| format!("load-{index}"))
        .build();
    match pool {
        Ok(pool) => pool.install(|| run.run()),
        Err(error) => {
            let problem = Problem::Walk { reason: error.to_string() };
            Loaded { errors: vec![problem.nowhere()], ..Loaded::default() }
        }
    }
}

struct Run<'a> {
    options: &'a Options,
    /// The directories whose BUILD files are loaded, if not all.
    only: Option<&'a BTreeSet<String>>,
    old: Snapshot,
    loaded: Loaded,
}

impl Run<'_> {
    fn run(mut self) -> Loaded {
        let (listing, errors, warnings) = Listing::walk(self.options, self.only);
        self.loaded.errors = errors;
        self.loaded.warnings = warnings;
        let files = self.build_files(&listing);
        let known = self.known_modules();
        let sources = Sources::new(&self.options.root, &listing);
        let mut modules = Modules::new(self.options, &sources);
        modules.add_prelude();
        let prelude = modules.prelude_digest();
        let mut above = Above::default();
        let mut steps: Vec<(BuildFile, Step)> = Vec::new();
        for level in levels(files) {
            let read = |file: BuildFile| {
                let defaults = above.of(&file.directory);
                let key = surroundings(prelude, &defaults);
                let step = self.read(&file, key, &known, &listing);
                (file, defaults, key, step)
            };
            let read: Vec<_> = level.into_par_iter().map(read).collect();
            for (file, _, _, step) in &read {
                if let Step::Parsed(parsed, _) = step {
                    modules.add(&file.directory, &parsed.loads);
                }
            }
            let evaluate = |(file, defaults, key, step): (BuildFile, Arc<Defaults>, Digest, Step)| {
                let step = match step {
                    Step::Parsed(parsed, digest) => {
                        self.evaluate(&file, (&parsed, digest), (&defaults, key), &modules, &sources)
                    }
                    other => other,
                };
                (file, defaults, step)
            };
            let done: Vec<_> = read.into_par_iter().map(evaluate).collect();
            for (file, defaults, step) in done {
                above.take(&file.directory, &defaults, &step);
                steps.push((file, step));
            }
        }
        steps.sort_by(|(a, _), (b, _)| a.directory.cmp(&b.directory));
        self.loaded.errors.append(&mut modules.errors);
        drop(modules);
        self.loaded.inputs = listing.inputs(&self.options.root).collect();
        self.finish(steps)
    }

    /// The BUILD files of the listing, at most one for each directory.
    fn build_files(&mut self, listing: &Listing) -> Vec<BuildFile> {
        let mut files = Vec::new();
        let (build_names, wrong) = BuildNames::new(self.options);
        self.loaded.errors.extend(wrong);
        for directory in listing.directories() {
            if self.only.is_some_and(|only| !leads_to(&directory.path, only)) {
                continue;
            }
            let above = self.only.is_some_and(|only| !only.contains(&*directory.path));
            let names = directory.files.iter().filter(|name| build_names.has_name(name));
            let paths = names.map(|name| join(&directory.path, name));
            let mut paths = paths.filter(|file| build_names.has(file));
            let Some(file) = paths.next() else { continue };
            if let Some(second) = paths.next() {
                let shown = if directory.path.is_empty() { "." } else { &*directory.path };
                let names = [&file, &second].map(|file| last_segment(file).to_owned());
                let problem = Problem::TwoBuildFiles { directory: shown.to_owned(), names };
                self.loaded.errors.push(problem.at(Place::new(file.clone(), 1, 1)));
            }
            files.push(BuildFile { directory: directory.path.clone(), file, above });
        }
        self.loaded.build_files =
            files.iter().filter(|file| !file.above).map(|file| file.file.clone()).collect();
        files
    }

    /// The digests that the `.bzl` files of the snapshot have now.
    fn known_modules(&self) -> BTreeMap<String, Digest> {
        let paths: BTreeSet<&str> = self.old.modules().collect();
        let digest = |path: &str| Some((path.to_owned(), read_bytes(self.options, path).ok()?.1));
        paths.into_par_iter().filter_map(digest).collect()
    }

    /// Takes a BUILD file from the snapshot if it can, and else parses it.
    fn read(
        &self,
        file: &BuildFile,
        above: Digest,
        modules: &BTreeMap<String, Digest>,
        listing: &Listing,
    ) -> Step {
        let variables = &*self.options.variables;
        let (bytes, digest) = match read_bytes(self.options, &file.file) {
            Ok(read) => read,
            Err(error) => return Step::Failed(error),
        };
        if let Some(package) = self.old.packages.get(&*file.directory)
            && package.holds(&file.directory, (&file.file, digest), above, variables, modules, listing)
            && let Some(outcome) = package.outcome()
        {
            return Step::Kept(outcome, package.clone());
        }
        let parsed = text(&file.file, bytes)
            .and_then(|text| parse(&file.file.as_str().into(), text, self.options.limits));
        match parsed {
            Ok(parsed) => Step::Parsed(Box::new(parsed), digest),
            Err(error) => Step::Failed(error),
        }
    }

    fn evaluate(
        &self,
        file: &BuildFile,
        (parsed, digest): (&Parsed, Digest),
        (defaults, above): (&Defaults, Digest),
        modules: &Modules<'_>,
        sources: &Sources<'_>,
    ) -> Step {
        let mut errors = Vec::new();
        let Some((loaded, behind)) = modules.resolve_build(&file.directory, &parsed.loads, &mut errors)
        else {
            let nothing = Outcome { defaults: defaults.clone(), ..Outcome::default() };
            return Step::Evaluated(nothing, None, errors);
        };
        let purpose = Purpose::Build(defaults);
        let gathered = evaluate(parsed, &file.directory, purpose, &loaded, sources, self.options).gathered;
        errors.extend(gathered.errors);
        let (targets, twice) = unique(gathered.targets);
        errors.extend(twice);
        // They are said again with what is remembered of this file, so they belong to it.
        let messages = behind.messages.into_iter().chain(gathered.messages).collect();
        let unknown = behind.unknown.into_iter().chain(gathered.unknown).collect();
        let mut variables = behind.variables;
        variables.extend(gathered.variables);
        let key = Key {
            file: &file.file,
            digest,
            loads: behind.digests,
            above,
            variables,
            says_defaults: gathered.defaults != *defaults,
            shallow: gathered.shallow,
            deep: gathered.deep,
        };
        let outcome =
            Outcome { targets, messages, unknown, defaults: gathered.defaults, rules: gathered.rules };
        let package =
            errors.is_empty().then(|| Package::new(&file.directory, &key, &outcome, sources.listing));
        Step::Evaluated(outcome, package, errors)
    }

    /// Puts everything together, and makes the snapshot for the next run.
    fn finish(self, steps: Vec<(BuildFile, Step)>) -> Loaded {
        let Self { mut loaded, old, options, .. } = self;
        let mut new = Snapshot::empty();
        let mut unknown: BTreeMap<String, BTreeSet<Place>> = BTreeMap::new();
        for (file, step) in steps {
            let (outcome, package) = match step {
                Step::Kept(outcome, package) => (outcome, Some(package)),
                Step::Evaluated(outcome, package, errors) => {
                    loaded.evaluated += 1;
                    loaded.errors.extend(errors);
                    (outcome, package)
                }
                Step::Failed(error) => {
                    loaded.errors.push(error);
                    continue;
                }
                Step::Parsed(..) => continue,
            };
            if file.above {
                continue;
            }
            for (name, place) in outcome.unknown {
                unknown.entry(name).or_default().insert(place);
            }
            loaded.warnings.extend(outcome.targets.iter().filter_map(no_files));
            loaded.warnings.extend(outcome.targets.iter().filter_map(not_read));
            loaded.targets.extend(outcome.targets);
            loaded.rules.extend(outcome.rules);
            loaded.messages.extend(outcome.messages);
            if let Some(package) = package {
                new.packages.insert(file.directory.to_string(), package);
            }
        }
        let told = if options.strict { &mut loaded.errors } else { &mut loaded.warnings };
        told.extend(unknown.into_iter().filter_map(|(name, places)| {
            let count = places.len();
            Some(Problem::UnknownCalls { name, count }.at(places.into_iter().next()?))
        }));
        let variables = new.packages.values().flat_map(Package::variables);
        loaded.variables = variables.cloned().collect();
        loaded.modules = new.modules().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect();
        loaded.inputs.extend(loaded.build_files.iter().chain(&loaded.modules).map(PathBuf::from));
        loaded.errors.sort_by(|a, b| a.place.cmp(&b.place));
        // What a default says wrongly is wrong with every target that has it.
        loaded.errors.dedup();
        loaded.messages.sort();
        loaded.messages.dedup();
        if new.packages != old.packages {
            loaded.snapshot = Some(new.encode());
        }
        loaded.packages = Packages(new.packages);
        loaded
    }
}

impl Above {
    /// What holds for a directory.
    fn of(&self, directory: &str) -> Arc<Defaults> {
        if self.0.is_empty() {
            return Arc::default();
        }
        let nearest = ancestors(directory).find_map(|above| self.0.get(above));
        nearest.cloned().unwrap_or_default()
    }

    /// Takes what a BUILD file says, where it says something.
    fn take(&mut self, directory: &Arc<str>, before: &Arc<Defaults>, step: &Step) {
        if let Step::Kept(outcome, _) | Step::Evaluated(outcome, ..) = step
            && outcome.defaults != **before
        {
            self.0.insert(directory.clone(), Arc::new(outcome.defaults.clone()));
        }
    }
}

/// The files by how deep they are: what a directory says holds for those below.
fn levels(files: Vec<BuildFile>) -> Vec<Vec<BuildFile>> {
    let mut levels: BTreeMap<usize, Vec<BuildFile>> = BTreeMap::new();
    for file in files {
        let depth = if file.directory.is_empty() { 0 } else { file.directory.matches('/').count() + 1 };
        levels.entry(depth).or_default().push(file);
    }
    levels.into_values().collect()
}

/// Stands for all that a BUILD file has from elsewhere without a `load`.
fn surroundings(prelude: Digest, defaults: &Defaults) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&prelude).update(&defaults.digest());
    *hasher.finalize().as_bytes()
}

/// The warning that a target that leaves its sources to its rule has none.
fn no_files(target: &Target) -> Option<LoadError> {
    let by_default = target.rule.fields.iter().any(|field| {
        let given = target.field(field.name).is_some();
        let patterns = matches!(field.default, FieldDefault::List(patterns) if !patterns.is_empty());
        field.kind == FieldKind::Sources && patterns && !given
    });
    let problem = || Problem::NoFiles { label: target.label.to_string() };
    (by_default && target.sources.is_empty()).then(|| problem().at(target.place.clone()))
}

/// The warning for a target of a rule whose file nobody reads.
fn not_read(target: &Target) -> Option<LoadError> {
    let problem = || Problem::NotRead { label: target.label.to_string(), rule: target.rule.name };
    (target.rule.name == "pipenv_requirements").then(|| problem().at(target.place.clone()))
}

/// The targets without those whose name is taken, and the errors for these.
fn unique(mut targets: Vec<Target>) -> (Vec<Target>, Vec<LoadError>) {
    // What nobody knows may be no target at all, and makes room for one.
    targets.sort_by_key(|target| target.rule == &UNKNOWN);
    let mut first: BTreeMap<Label, Place> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut kept = Vec::with_capacity(targets.len());
    for target in targets {
        if let Some(place) = first.get(&target.label) {
            if target.rule == &UNKNOWN {
                continue;
            }
            let problem = Problem::DuplicateTarget { label: target.label.to_string() };
            let mut error = problem.at(target.place);
            error.notes.push((place.clone(), "the first is here".to_owned()));
            errors.push(error);
        } else {
            first.insert(target.label.clone(), target.place.clone());
            kept.push(target);
        }
    }
    (kept, errors)
}
