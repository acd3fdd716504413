//! What programs come to, before anything is done: what they reach is read, and the rules turn it into actions. Knows what
//! the configuration says of programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::ActionGraph;
use graph::{NodeId, TargetGraph};
use packaging::platform::Machine;
use python::configuration::Settings;
use python::platforms;
use python::{Analysis, Artifact, Ownership, RuleError};
use store::{IndexEntry, StatIndex};

use crate::bases;
use crate::diagnostic::{Diagnostic, Severity};
use crate::explain;
use crate::generated::{self, Generated};
use crate::inside;
use crate::locks::Locks;
use crate::machine::{self, MachineInterpreters};
use crate::recall::Basis;
use crate::repository::Repository;
use crate::session::{Session, forgettable};
use crate::versions::Versions;

/// What programs lack of the wheels that they need, as warnings: whoever locks may have it in mind to change that. What
/// else keeps a program from being built is told when it is.
pub(crate) fn missing_wheels(
    session: &Session<'_>,
    repository: &Repository,
    programs: &[NodeId],
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let (_, errors) = observe(
        session,
        repository,
        programs,
        &|ownership| paths(repository, ownership, programs),
        |seen| Ok(seen.package(programs)?.err().unwrap_or_default()),
    )?;
    let missing = errors.iter().filter(|error| matches!(error, RuleError::Missing(_)));
    let warning = |error| Diagnostic { severity: Severity::Warning, ..placed(session, error) };
    Ok(missing.map(warning).collect())
}

/// What rules make of some targets and the actions of that, or what is wrong with them.
pub(crate) type Analysed<T> = Result<(T, ActionGraph), Vec<RuleError>>;

/// The files of the workspace that were looked at, each with what it was.
pub(crate) type Sources = BTreeMap<String, IndexEntry>;

/// Looks at everything that some nodes are analysed by, `paths` of it being the files whose content matters.
pub(crate) fn observe<'a, T>(
    session: &'a Session<'a>,
    repository: &Repository,
    nodes: &[NodeId],
    paths: &dyn Fn(&Ownership<'_>) -> BTreeSet<String>,
    look: impl FnOnce(&Seen<'_>) -> Result<T, Vec<Diagnostic>>,
) -> Result<(Sources, T), Vec<Diagnostic>> {
    let paths = paths(&Ownership::new(&repository.graph));
    let made = generated::make(session, repository, nodes, &paths)?;
    look_at(session, repository, (nodes, &made), paths, look)
}

/// The same, where it is known what steps have made, and which files matter.
pub(crate) fn look_at<'a, T>(
    session: &'a Session<'a>,
    repository: &Repository,
    (nodes, made): (&[NodeId], &Generated),
    paths: BTreeSet<String>,
    look: impl FnOnce(&Seen<'_>) -> Result<T, Vec<Diagnostic>>,
) -> Result<(Sources, T), Vec<Diagnostic>> {
    let store = session.store()?;
    store.hold();
    let mut index = StatIndex::open(store, &session.root).map_err(|error| vec![explain::store(&error)])?;
    let ownership = Ownership::new(&repository.graph);
    let known = |path: &String| made.files.get(path).or_else(|| made.read.get(path)).copied();
    let (known, unread): (BTreeMap<_, _>, BTreeMap<_, _>) = paths
        .into_iter()
        .map(|path| (known(&path), path))
        .map(|(entry, path)| (path, entry))
        .partition(|(_, entry)| entry.is_some());
    let mut files = read(&mut index, repository, unread.into_keys().collect())?;
    files.extend(known.into_iter().filter_map(|(path, entry)| Some((path, entry?))));
    let memo = machine::memo(session)?;
    let interpreters = MachineInterpreters::new(session, &memo);
    let settings = settings(session, &repository.graph, nodes);
    let versions = Versions::new(session);
    let found = session.console.events.phase("analyse", || {
        look(&Seen {
            session,
            repository,
            files: &files,
            made,
            settings: &settings,
            ownership: &ownership,
            versions: &versions,
            interpreters: &interpreters,
        })
    })?;
    files.retain(|path, _| !made.files.contains_key(path));
    Ok((files, found))
}

/// The paths of all files that programs reach. Errors of the closures themselves are the analysis's to tell.
pub(crate) fn paths(
    repository: &Repository,
    ownership: &Ownership<'_>,
    programs: &[NodeId],
) -> BTreeSet<String> {
    let of = |node: &NodeId| python::paths(&repository.graph, *node, &repository.roots, ownership);
    programs.iter().flat_map(of).collect()
}

/// What makes something of an analysis, and adds the actions of that.
type Rules<'r, T> = dyn Fn(&Analysis<'_>, &mut ActionGraph) -> Result<T, Vec<RuleError>> + 'r;

/// All that targets are analysed by.
pub(crate) struct Seen<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) repository: &'a Repository,
    pub(crate) files: &'a BTreeMap<String, IndexEntry>,
    /// What of them steps have made, and from what.
    pub(crate) made: &'a Generated,
    pub(crate) settings: &'a Settings,
    pub(crate) ownership: &'a Ownership<'a>,
    pub(crate) versions: &'a Versions<'a>,
    pub(crate) interpreters: &'a MachineInterpreters<'a>,
}

/// A source, and the `__init__.py` of every folder above it: whether one is needed may depend on what is in it.
fn with_packages(path: &str) -> Vec<PathBuf> {
    let folders = Path::new(path).ancestors().skip(1);
    std::iter::once(PathBuf::from(path)).chain(folders.map(|folder| folder.join("__init__.py"))).collect()
}

impl Seen<'_> {
    /// What an analysis depended on, besides what the graph was made of; of interpreters and versions, what was asked so far.
    pub(crate) fn basis(&self) -> Basis {
        let mut inputs = self.interpreters.inputs();
        inputs.extend(self.files.keys().chain(self.made.sources.keys()).flat_map(|path| with_packages(path)));
        inputs.extend(self.session.lock_paths().into_iter().map(PathBuf::from));
        inputs.extend(self.settings.platform_files.keys().map(PathBuf::from));
        Basis { inputs, described: self.versions.said(), ..Basis::default() }
    }

    /// The artifacts of programs and the actions that make them.
    pub(crate) fn package(&self, programs: &[NodeId]) -> Result<Analysed<Vec<Artifact>>, Vec<Diagnostic>> {
        self.analyse(programs, &|analysis, actions| python::package(programs, analysis, actions))
    }

    /// What `rules` make of some nodes, or what is wrong with these; fails where their locks cannot be read. What the
    /// locks of other tools leave unsaid is found out.
    pub(crate) fn analyse<T>(
        &self,
        nodes: &[NodeId],
        rules: &Rules<'_, T>,
    ) -> Result<Analysed<T>, Vec<Diagnostic>> {
        let default = &self.session.config.default_resolve;
        let graph = &self.repository.graph;
        let of = |node: &NodeId| python::resolve_of(graph.target(python::program_of(graph, *node)), default);
        self.analyse_in(&nodes.iter().map(of).collect(), rules)
    }

    /// The same, where the resolves are known that the rules look at.
    pub(crate) fn analyse_in<T>(
        &self,
        resolves: &BTreeSet<&str>,
        rules: &Rules<'_, T>,
    ) -> Result<Analysed<T>, Vec<Diagnostic>> {
        let mut locks = Locks::read(self.session, resolves)?;
        loop {
            match self.analyse_by(&locks, rules)? {
                Err(errors) if locks.find_out(&errors)? => {}
                Err(mut errors) => {
                    inside::look_for_versions(self.session, &mut errors);
                    return Ok(Err(errors));
                }
                found => return Ok(found),
            }
        }
    }

    fn analyse_by<T>(&self, locks: &Locks<'_>, rules: &Rules<'_, T>) -> Result<Analysed<T>, Vec<Diagnostic>> {
        let Seen { session, repository, .. } = self;
        let names: Vec<String> = session.config.resolves.iter().map(|(name, _)| name.clone()).collect();
        let store = session.store()?;
        let analysis = Analysis {
            graph: &repository.graph,
            roots: &repository.roots,
            store,
            files: &|path| self.files[path],
            resolves: &|name| locks.resolve(name),
            resolve_names: &names,
            settings: self.settings,
            ownership: self.ownership,
            describe: &|glob| self.versions.describe(glob),
            base: &|name, platform| bases::base(session, store, name, platform),
            interpreters: self.interpreters,
        };
        let mut actions = ActionGraph::new();
        Ok(rules(&analysis, &mut actions).map(|made| (made, actions)))
    }
}

/// What the configuration says of programs, and the files that describe their platforms.
pub(crate) fn settings(session: &Session<'_>, graph: &TargetGraph, programs: &[NodeId]) -> Settings {
    let config = &session.config;
    let program = |node: &NodeId| graph.target(python::program_of(graph, *node));
    let files = programs.iter().flat_map(|node| platforms::files(graph, program(node), &config.platforms));
    let read = |path: String| {
        let content = std::fs::read(session.root.join(&path)).map_err(|error| error.to_string());
        (path, content)
    };
    Settings {
        interpreters: config.interpreters.clone(),
        platforms: config.platforms.clone(),
        platform_files: files.map(read).collect(),
        machine: Machine::detect(),
        default_resolve: config.default_resolve.clone(),
    }
}

/// An error of a rule. What a program takes from the configuration is wrong there.
pub(crate) fn placed(session: &Session<'_>, error: &RuleError) -> Diagnostic {
    let key = match error {
        RuleError::Python { .. }
        | RuleError::Bounds(_)
        | RuleError::NoInterpreter { .. }
        | RuleError::SameMinor { .. }
        | RuleError::Selection { .. } => "interpreters",
        RuleError::Platform { .. } => "platforms",
        RuleError::Constraint { .. } => "interpreter_constraints",
        _ => return explain::rule(error),
    };
    let told = explain::rule(error);
    let place = told.place.clone().or_else(|| session.config.place("python", key).cloned());
    told.at(place)
}

/// The content of some files.
/// What files are, each by its path; what has changed is put into the store.
pub(crate) fn read(
    index: &mut StatIndex,
    repository: &Repository,
    paths: BTreeSet<String>,
) -> Result<BTreeMap<String, IndexEntry>, Vec<Diagnostic>> {
    let paths: Vec<String> = paths.into_iter().collect();
    let found = index.digests(&paths);
    let (mut files, mut errors) = (BTreeMap::new(), Vec::new());
    for (path, entry) in paths.into_iter().zip(found) {
        match entry {
            Ok(entry) => drop(files.insert(path, entry)),
            Err(error) => {
                let owner =
                    repository.graph.owners(&path).first().map(|owner| repository.graph.target(*owner));
                errors.push(explain::source(&error, owner));
            }
        }
    }
    forgettable(index.save()).map_err(|error| vec![explain::store(&error)])?;
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}
