//! Loads all BUILD files of a repository: what an earlier run evaluated as it is, the rest anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use graph::visibility::DeclaredRules;
use graph::{FieldDefault, FieldKind, Label, Place, Target, join, last_segment};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::build_names::BuildNames;
use crate::earlier::Packages;
use crate::error::{LoadError, Problem};
use crate::evaluate::{Parsed, evaluate, parse};
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
    /// The `.bzl` files behind them, sorted.
    pub modules: Vec<String>,
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
}

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
        let read = |file: BuildFile| {
            let step = self.read(&file, &known, &listing);
            (file, step)
        };
        let steps: Vec<(BuildFile, Step)> = files.into_par_iter().map(read).collect();
        let sources = Sources::new(&self.options.root, &listing);
        let mut modules = Modules::new(self.options, &sources);
        for (file, step) in &steps {
            if let Step::Parsed(parsed, _) = step {
                modules.add(&file.directory, &parsed.loads);
            }
        }
        self.loaded.errors.append(&mut modules.errors);
        let evaluate = |(file, step)| {
            let step = match step {
                Step::Parsed(parsed, digest) => self.evaluate(&file, &parsed, digest, &modules, &sources),
                other => other,
            };
            (file, step)
        };
        let steps: Vec<(BuildFile, Step)> = steps.into_par_iter().map(evaluate).collect();
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
            if self.only.is_some_and(|only| !only.contains(&*directory.path)) {
                continue;
            }
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
            files.push(BuildFile { directory: directory.path.clone(), file });
        }
        self.loaded.build_files = files.iter().map(|file| file.file.clone()).collect();
        files
    }

    /// The digests that the `.bzl` files of the snapshot have now.
    fn known_modules(&self) -> BTreeMap<String, Digest> {
        let paths: BTreeSet<&str> = self.old.modules().collect();
        let digest = |path: &str| Some((path.to_owned(), read_bytes(self.options, path).ok()?.1));
        paths.into_par_iter().filter_map(digest).collect()
    }

    /// Takes a BUILD file from the snapshot if it can, and else parses it.
    fn read(&self, file: &BuildFile, modules: &BTreeMap<String, Digest>, listing: &Listing) -> Step {
        let (bytes, digest) = match read_bytes(self.options, &file.file) {
            Ok(read) => read,
            Err(error) => return Step::Failed(error),
        };
        if let Some(package) = self.old.packages.get(&*file.directory)
            && package.holds(&file.directory, &file.file, digest, modules, listing)
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
        parsed: &Parsed,
        digest: Digest,
        modules: &Modules<'_>,
        sources: &Sources<'_>,
    ) -> Step {
        let mut errors = Vec::new();
        let nothing = Outcome { targets: Vec::new(), messages: Vec::new(), rules: Vec::new() };
        let Some((loaded, behind)) = modules.resolve(&file.directory, &parsed.loads, &mut errors) else {
            return Step::Evaluated(nothing, None, errors);
        };
        let gathered =
            evaluate(parsed, &file.directory, false, &loaded, sources, self.options.limits).gathered;
        errors.extend(gathered.errors);
        let (targets, twice) = unique(gathered.targets);
        errors.extend(twice);
        // They are said again with what is remembered of this file, so they belong to it.
        let messages = behind.messages.into_iter().chain(gathered.messages).collect();
        let outcome = Outcome { targets, messages, rules: gathered.rules };
        let key = Key {
            file: &file.file,
            digest,
            loads: behind.digests,
            shallow: gathered.shallow,
            deep: gathered.deep,
        };
        let package =
            errors.is_empty().then(|| Package::new(&file.directory, &key, &outcome, sources.listing));
        Step::Evaluated(outcome, package, errors)
    }

    /// Puts everything together, and makes the snapshot for the next run.
    fn finish(self, steps: Vec<(BuildFile, Step)>) -> Loaded {
        let Self { mut loaded, old, .. } = self;
        let mut new = Snapshot::empty();
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
            loaded.warnings.extend(outcome.targets.iter().filter_map(no_files));
            loaded.targets.extend(outcome.targets);
            loaded.rules.extend(outcome.rules);
            loaded.messages.extend(outcome.messages);
            if let Some(package) = package {
                new.packages.insert(file.directory.to_string(), package);
            }
        }
        loaded.modules = new.modules().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect();
        loaded.inputs.extend(loaded.build_files.iter().chain(&loaded.modules).map(PathBuf::from));
        loaded.errors.sort_by(|a, b| a.place.cmp(&b.place));
        loaded.messages.sort();
        loaded.messages.dedup();
        if new.packages != old.packages {
            loaded.snapshot = Some(new.encode());
        }
        loaded.packages = Packages(new.packages);
        loaded
    }
}

/// The warning that a target that leaves its sources to its rule has none.
fn no_files(target: &Target) -> Option<LoadError> {
    let by_default = target.rule.fields.iter().any(|field| {
        let given = target.field(field.name).is_some();
        field.kind == FieldKind::Sources && matches!(field.default, FieldDefault::List(_)) && !given
    });
    let problem = || Problem::NoFiles { label: target.label.to_string() };
    (by_default && target.sources.is_empty()).then(|| problem().at(target.place.clone()))
}

/// The targets without those whose name is taken, and the errors for these.
fn unique(targets: Vec<Target>) -> (Vec<Target>, Vec<LoadError>) {
    let mut first: BTreeMap<Label, Place> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut kept = Vec::with_capacity(targets.len());
    for target in targets {
        if let Some(place) = first.get(&target.label) {
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
