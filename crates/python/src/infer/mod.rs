//! Inference: the dependencies that imports imply, told at analysis time from the text of the sources. Runs nothing, asks
//! no network, and gets everything as data.
//!
//! ```text
//! files    -- recall -> imports of each          by the digest of its content; what is new is parsed, in parallel
//! targets  -- modules, distributions, assets     who has which module, file or distribution
//! imports  -- resolve, choice -> edges           from file to file, and from file to requirement
//!          -- diagnose -> findings               imports that lead nowhere, by cause
//! ```

mod assets;
mod calls;
mod choice;
mod diagnose;
mod distributions;
mod finding;
mod imports;
mod known_names;
mod lexical;
mod lines;
mod modules;
mod parse;
mod recall;
mod resolve;
mod scan;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use graph::{Edge, EdgeKind, Label, Target};
use packaging::constraints::InterpreterConstraints;
use packaging::lock::Lock;
use packaging::python::Minor;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use store::Digest;

pub use finding::{Finding, Hint, ImportSite, Problem};
pub use imports::{Detail, Import, Imports, Mention};
pub use recall::Unread;
pub use settings::{Ambiguity, Behaviour, ChoiceError, InferSettings, InitFiles};

use crate::entry_point::{Code, EntryPoint, entry_field, module_of, module_paths};
use crate::requirements::resolve_of;
use crate::source_roots::SourceRoots;
use assets::Assets;
use diagnose::Diagnosis;
use distributions::Distributions;
use modules::{Modules, Owner, has_modules};
use resolve::{Failure, Outcome, Resolver};

/// Where the content of files comes from, and what is known of it.
pub trait Workspace: Sync {
    /// The digests of files below the root, in their order, or why there is none.
    fn digests(&self, paths: &[&str]) -> Vec<Result<Digest, String>>;

    /// The content of a file as it is now, with its digest.
    ///
    /// # Errors
    /// With the reason.
    fn read(&self, path: &str) -> Result<(Digest, Vec<u8>), String>;

    /// Whether there is a file at a path below the root.
    fn is_file(&self, path: &str) -> bool;

    /// What was remembered for keys, in their order.
    fn recall(&self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>>;

    /// Remembers values for keys.
    fn remember(&self, entries: &[(Vec<u8>, Vec<u8>)]);
}

/// What inference knows beside the targets.
pub struct World<'w> {
    /// Where imports start.
    pub roots: &'w SourceRoots,
    /// What is inferred.
    pub settings: &'w InferSettings,
    /// The resolve of targets that name none.
    pub default_resolve: &'w str,
    /// The locks that there are, by resolve.
    pub locks: &'w BTreeMap<String, Lock>,
    /// The interpreter constraints of each resolve.
    pub constraints: &'w dyn Fn(&str) -> &'w [String],
    /// The files.
    pub workspace: &'w dyn Workspace,
}

/// What inference gives.
#[derive(Clone, Debug, Default)]
pub struct Inferred {
    /// The edges, all of kind [`EdgeKind::Inferred`], by the files that import.
    pub edges: Vec<Edge>,
    /// Imports that lead nowhere.
    pub findings: Vec<Finding>,
    /// Files that could not be read, and so add nothing.
    pub unread: Vec<Unread>,
}

/// The dependencies that the sources of `targets` imply.
///
/// It never fails: what cannot be read or told adds no edge, and is among the findings.
pub fn edges(targets: &[Target], world: &World<'_>) -> Inferred {
    if !world.settings.imports {
        return Inferred::default();
    }
    let known = Known::of(targets, world);
    let modules = &known.modules;
    let files: Vec<usize> =
        (0..modules.owners.len()).filter(|index| modules.owners[*index].is_file()).collect();
    let paths: Vec<&str> = files.iter().map(|index| modules.owners[*index].path.as_str()).collect();
    let (digests, imports, unread) = recall::imports(world.workspace, &paths, detail(world.settings));
    let of: HashMap<usize, &Imports> = (files.iter().zip(&digests))
        .filter_map(|(index, digest)| Some((*index, imports.get(digest.as_ref()?)?)))
        .collect();
    let blank: HashSet<&str> = (files.iter().zip(&paths))
        .filter(|(index, _)| of.get(*index).is_some_and(|imports| imports.blank))
        .map(|(_, path)| *path)
        .collect();
    let resolver = known.resolver(world);
    let is_blank = |path: &str| blank.contains(path);
    let nothing = Imports::default();
    let outcome = |index: &usize| {
        let imports = of.get(index).copied().unwrap_or(&nothing);
        resolver.file(&modules.owners[*index], imports, &is_blank)
    };
    let mut outcomes: Vec<Outcome<'_>> = files.par_iter().map(outcome).collect();
    // What a step makes is not there to be read; the packages that it is in are run before it all the same.
    let made = modules.owners.iter().filter(|owner| !owner.is_file());
    outcomes.extend(made.map(|owner| resolver.file(owner, &nothing, &is_blank)));
    let mut inferred = Inferred { unread, ..Inferred::default() };
    let mut failures: Vec<Failure<'_>> = Vec::new();
    for outcome in outcomes {
        inferred.edges.extend(outcome.edges);
        failures.extend(outcome.failures);
    }
    inferred.edges.extend(entry_points(targets, modules, &known.distributions, world.default_resolve));
    let diagnosis = Diagnosis {
        modules,
        distributions: &known.distributions,
        default_resolve: world.default_resolve,
        workspace: world.workspace,
    };
    inferred.findings = diagnosis.findings(failures);
    inferred
}

/// The dependencies that the files at `paths` alone imply, which are among the sources of `targets`.
///
/// None where all files have to be looked at: where one of these cannot be read or imports what is nowhere, or where it
/// matters to others what it holds.
pub fn edges_of(targets: &[Target], paths: &[&str], world: &World<'_>) -> Option<Vec<Edge>> {
    if !world.settings.imports || world.settings.init_files == InitFiles::ContentOnly {
        return None;
    }
    let known = Known::of(targets, world);
    let owners = paths.iter().flat_map(|path| known.modules.owners_of_file(path));
    let files: Vec<&Owner<'_>> = owners.filter(|owner| owner.is_file()).collect();
    let paths: Vec<&str> = files.iter().map(|owner| owner.path.as_str()).collect();
    let (digests, imports, _) = recall::imports(world.workspace, &paths, detail(world.settings));
    let resolver = known.resolver(world);
    let mut edges = Vec::new();
    for (owner, digest) in files.into_iter().zip(&digests) {
        let outcome = resolver.file(owner, imports.get(digest.as_ref()?)?, &|_| false);
        if !outcome.failures.is_empty() {
            return None;
        }
        edges.extend(outcome.edges);
    }
    Some(edges)
}

/// What is to be learnt of each file.
fn detail(settings: &InferSettings) -> Detail {
    Detail { strings: settings.string_imports || settings.assets }
}

/// What imports are looked up in.
struct Known<'t> {
    modules: Modules<'t>,
    distributions: Distributions<'t>,
    assets: Assets,
    python_2: HashSet<&'t Label>,
}

impl<'t> Known<'t> {
    fn of(targets: &'t [Target], world: &'t World<'_>) -> Known<'t> {
        Known {
            modules: Modules::of(targets, world.roots),
            distributions: Distributions::of(targets, world.default_resolve, world.locks),
            assets: if world.settings.assets { Assets::of(targets) } else { Assets::default() },
            python_2: python_2(targets, world),
        }
    }

    fn resolver<'a>(&'a self, world: &'a World<'_>) -> Resolver<'a> {
        Resolver {
            modules: &self.modules,
            python_2: &self.python_2,
            distributions: &self.distributions,
            assets: &self.assets,
            settings: world.settings,
            default_resolve: world.default_resolve,
        }
    }
}

/// The targets whose code is said to run on Python 2 too.
fn python_2<'t>(targets: &'t [Target], world: &World<'_>) -> HashSet<&'t Label> {
    let accepts = |given: &Vec<&str>| {
        let constraints = InterpreterConstraints::parse(given);
        constraints.is_ok_and(|constraints| constraints.accepts_minor(Minor { major: 2, minor: 7 }))
    };
    let mut known: HashMap<Vec<&str>, bool> = HashMap::new();
    let mut found = HashSet::new();
    for target in targets.iter().filter(|target| has_modules(target)) {
        let of_resolve = (world.constraints)(resolve_of(target, world.default_resolve));
        let given = match target.field("interpreter_constraints") {
            Some(_) => target.list("interpreter_constraints"),
            None => of_resolve.iter().map(String::as_str).collect(),
        };
        if !given.is_empty() && *known.entry(given).or_insert_with_key(accepts) {
            found.insert(&target.label);
        }
    }
    found
}

/// The edges from programs whose `entry_point` is a module of a third party to the requirement that brings it.
fn entry_points(
    targets: &[Target],
    modules: &Modules<'_>,
    distributions: &Distributions<'_>,
    default_resolve: &str,
) -> Vec<Edge> {
    let edge = |program: &Target| {
        let field = entry_field(program)?;
        let entry = EntryPoint::parse(field.value.as_str()?)?;
        let Code::Module(module) = entry.code else { return None };
        let paths = module_paths(module, entry.attribute);
        if paths.iter().any(|path| modules.owners_of(&module_of(path)).next().is_some()) {
            return None;
        }
        let (_, owners) = distributions.find(resolve_of(program, default_resolve), module)?;
        let [owner] = owners else { return None };
        let (from, to) = (program.label.clone(), owner.label.clone());
        Some(Edge { from, to, kind: EdgeKind::Inferred, place: Some(field.place.clone()) })
    };
    targets.iter().filter_map(edge).collect()
}
