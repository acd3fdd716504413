//! What a resolve is locked for and with: interpreters, platforms, indexes, uv; and the locking of several at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use packaging::constraints::InterpreterConstraints;
use packaging::lock::Lock;
use packaging::locking::{self, Asked, LockOutcome, LockRequest, LockTools, Upgrade, find_uv};
use packaging::name::PackageName;
use packaging::named_platform::NamedPlatform;
use packaging::platform::{Machine, Platform};
use packaging::python::{Minor, Wanted};
use packaging::requirement::Requirement;
use packaging::requirement_file;
use python::configuration::Interpreters;

use crate::analysis;
use crate::diagnostic::{Diagnostic, Exit};
use crate::downloads::Downloads;
use crate::explain;
use crate::machine::MachineInterpreters;
use crate::repository::Repository;
use crate::session::Session;

/// The oldest Python that resolving can be done with, whatever it resolves for.
const OLDEST_HELPER: Minor = Minor::new(3, 8);

/// The option of a lock that says before when its files were uploaded.
const EXCLUDE_NEWER: &str = "exclude-newer";

/// All that locking uses of the machine.
pub(super) struct Workshop<'w> {
    session: &'w Session<'w>,
    downloads: Downloads<'w>,
    build_requirements: BTreeMap<PackageName, Vec<Requirement>>,
}

/// A resolve that is to be locked, and all that its lock depends on.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    pub(super) previous: Option<Lock>,
    pub(super) requirements: Vec<Asked>,
    constraints: InterpreterConstraints,
    interpreters: Vec<Wanted>,
    built_for: Vec<Wanted>,
    platforms: Vec<Platform>,
    /// Of the constraints file of the resolve.
    version_constraints: Vec<Requirement>,
    build_constraints: Vec<Requirement>,
    exclude_newer: Option<String>,
    helper: PathBuf,
}

/// What may move, and the instant that files have to be older than.
pub(super) struct Moves {
    pub(super) upgrade: Upgrade,
    pub(super) exclude_newer: Option<String>,
}

impl<'w> Workshop<'w> {
    pub(super) fn new(session: &'w Session<'w>) -> Result<Workshop<'w>, Vec<Diagnostic>> {
        let (mut build_requirements, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, texts) in &session.config.build_requirements {
            let place = session.config.place("python.build_requirements", name);
            match packaging::name::parse_name(name) {
                Ok(name) => match requirements(texts) {
                    Ok(found) => drop(build_requirements.insert(name, found)),
                    Err(wrong) => errors.extend(wrong.into_iter().map(|error| error.at(place.cloned()))),
                },
                Err(error) => {
                    errors.push(Diagnostic::error(Exit::Wrong, error.code(), error).at(place.cloned()));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Workshop { session, downloads: session.downloads()?, build_requirements })
    }

    /// Finds out what a resolve is locked for.
    pub(super) fn job<'a>(
        &self,
        repository: &Repository,
        (name, path): (&'a str, &'a str),
        requirements_of: Vec<Asked>,
        previous: Option<Lock>,
        moves: &Moves,
        interpreters: &MachineInterpreters<'_>,
    ) -> Result<Job<'a>, Vec<Diagnostic>> {
        let session = self.session;
        let constraints = InterpreterConstraints::parse(session.config.constraints_of(name))
            .map_err(|errors| errors.iter().map(constraint).collect::<Vec<_>>())?;
        let recorded = recorded(session, &constraints, previous.as_ref(), interpreters)?;
        let programs = Programs::of(session, repository, name);
        let constraints = programs.span(constraints, &recorded);
        let place = session.config.place("python.resolves_to_build_constraints", name);
        let texts = session.config.build_constraints.iter().find(|(resolve, _)| resolve == name);
        let build_constraints = texts.map_or_else(|| Ok(Vec::new()), |(_, texts)| requirements(texts));
        let build_constraints = build_constraints
            .map_err(|errors| errors.into_iter().map(|error| error.at(place.cloned())).collect::<Vec<_>>())?;
        let version_constraints = version_constraints(session, name)?;
        let mut built_for = recorded.clone();
        built_for.extend(programs.interpreters.iter().filter(|one| constraints.accepts_minor(one.minor)));
        // What was left out before stays left out, so that nothing moves that nobody asked to move.
        let before = previous.as_ref().filter(|_| moves.upgrade != Upgrade::Everything);
        let before = before.and_then(|lock| lock.options.get(EXCLUDE_NEWER).cloned());
        Ok(Job {
            name,
            path,
            helper: helper(&constraints, interpreters)?,
            platforms: programs.platforms(session)?,
            exclude_newer: moves.exclude_newer.clone().or(before),
            interpreters: recorded,
            previous,
            requirements: requirements_of,
            constraints,
            built_for,
            version_constraints,
            build_constraints,
        })
    }

    /// Locks all jobs at once; the outcomes are in their order.
    pub(super) fn lock_all(
        &self,
        jobs: &[Job<'_>],
        upgrade: &Upgrade,
    ) -> Result<Vec<Result<LockOutcome, Vec<Diagnostic>>>, Vec<Diagnostic>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let session = self.session;
        let client = self.downloads.client().map_err(|error| vec![explain::index(error)])?;
        let (store, env) = (session.store()?, &session.environment.variables);
        let uv = find_uv(client, store, &session.cache_dir.join("tools"), env, session.cancel, &|_, _| {});
        let uv = uv.map_err(|error| vec![explain::locking(&error)])?;
        let uv_cache = session.cache_dir.join("uv");
        let lock = |job: &Job<'_>| {
            let names = session.config.repos.of_resolve(job.name);
            let indexes = client.indexes().of_resolve(job.name, names);
            let indexes = indexes.map_err(|error| vec![explain::index(&error)])?;
            let request = LockRequest {
                resolve: job.name,
                indexes: &indexes,
                root: Some(&session.root),
                requirements: &job.requirements,
                constraints: &job.version_constraints,
                interpreter_constraints: &job.constraints,
                interpreters: &job.interpreters,
                built_for: &job.built_for,
                platforms: &job.platforms,
                previous: job.previous.as_ref(),
                upgrade,
                build_requirements: &self.build_requirements,
                build_constraints: &job.build_constraints,
                exclude_newer: job.exclude_newer.as_deref(),
            };
            let (python, cancel) = (&*job.helper, session.cancel);
            let tools = LockTools { client, store, uv: &uv, python, uv_cache: &uv_cache, cancel, env };
            locking::lock(&request, &tools).map_err(|error| vec![explain::locking(&error)])
        };
        Ok(std::thread::scope(|scope| {
            let lock = &lock;
            let threads: Vec<_> = jobs.iter().map(|job| scope.spawn(move || lock(job))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        }))
    }
}

/// What the constraints file of a resolve says, if it has one.
fn version_constraints(session: &Session<'_>, resolve: &str) -> Result<Vec<Requirement>, Vec<Diagnostic>> {
    let files = &session.config.constraints_files;
    let Some((_, path)) = files.iter().find(|(name, _)| name == resolve) else { return Ok(Vec::new()) };
    let (file, wrong) = requirement_file::parse(path, &|path| std::fs::read(session.root.join(path)));
    let mut told: Vec<Diagnostic> = (wrong.iter())
        .map(|error| {
            let message = format!("{}:{}: {}", error.file, error.place.line, error.fault);
            Diagnostic::error(Exit::Wrong, error.code(), message).help(error.help())
        })
        .collect();
    let all: Vec<_> = file.requirements.into_iter().chain(file.constraints).collect();
    told.extend(all.iter().filter(|listed| listed.requirement.location().is_some()).map(|listed| {
        let message = format!("{}:{}: a constraint is one of versions", listed.file, listed.place.line);
        Diagnostic::error(Exit::Wrong, "lock::constraint", message)
    }));
    if told.is_empty() { Ok(all.into_iter().map(|listed| listed.requirement).collect()) } else { Err(told) }
}

/// Requirements that the configuration has.
fn requirements(texts: &[String]) -> Result<Vec<Requirement>, Vec<Diagnostic>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for text in texts {
        match text.parse::<Requirement>() {
            Ok(requirement) => found.push(requirement),
            Err(error) => errors.push(Diagnostic::error(Exit::Wrong, error.code(), error)),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// The Python that metadata of source distributions is asked with: one that the resolve is for, where there is one that
/// uv can use, since theirs can best be asked so; or else the oldest.
fn helper(
    constraints: &InterpreterConstraints,
    interpreters: &MachineInterpreters<'_>,
) -> Result<PathBuf, Vec<Diagnostic>> {
    let modern = |text: String| format!("{text},>={OLDEST_HELPER}");
    let texts: Vec<String> = constraints.alternatives().iter().map(|one| modern(one.to_string())).collect();
    let ours = InterpreterConstraints::parse(&texts).ok().and_then(|ours| interpreters.newest(&[&ours]));
    // Chosen as a helper only: what the lock is for is told by the lock.
    interpreters.take_notes();
    let usable = |one: &packaging::interpreter::Interpreter| {
        one.is(Wanted { free_threaded: false, ..Wanted::minor(one.minor()) }) && one.minor() >= OLDEST_HELPER
    };
    let found = ours.or_else(|| interpreters.all().into_iter().find(usable));
    found.map(|found| found.path).ok_or_else(|| {
        let message = format!("there is no Python from {OLDEST_HELPER} on, which resolving needs");
        vec![Diagnostic::error(Exit::Environment, "lock::no_python", message)]
    })
}

fn constraint(error: &packaging::constraints::ConstraintError) -> Diagnostic {
    Diagnostic::error(Exit::Wrong, error.code(), error).help(error.help())
}

/// The interpreters that a lock records: those of the configuration, those that it recorded before, or else the
/// machine's newest that fits.
fn recorded(
    session: &Session<'_>,
    constraints: &InterpreterConstraints,
    previous: Option<&Lock>,
    interpreters: &MachineInterpreters<'_>,
) -> Result<Vec<Wanted>, Vec<Diagnostic>> {
    let fits = |wanted: &&Wanted| constraints.accepts_minor(wanted.minor);
    if let Some(texts) = &session.config.interpreters {
        let read = texts.iter().map(|text| {
            let wrong = |error: packaging::python::PythonError| {
                Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help())
            };
            text.parse::<Wanted>().map_err(wrong)
        });
        let all: Vec<Wanted> = read.collect::<Result<_, _>>().map_err(|error| vec![error])?;
        let fitting: Vec<Wanted> = all.iter().filter(fits).copied().collect();
        // A resolve for other Pythons than those of the repository gets its own.
        if !fitting.is_empty() {
            return Ok(fitting);
        }
    }
    let before: Vec<Wanted> =
        previous.map_or_else(Vec::new, |lock| lock.interpreters.iter().filter(fits).copied().collect());
    if !before.is_empty() {
        return Ok(before);
    }
    let Some(newest) = interpreters.newest(&[constraints]) else {
        let message = format!("no Python of this machine satisfies `{constraints}`");
        let found = interpreters.all();
        let diagnostic = Diagnostic::error(Exit::Environment, "lock::no_interpreter", message)
            .at(session.config.place("python", "interpreter_constraints").cloned())
            .help(Some("install one, or say which to lock for: `interpreters = [\"3.11\"]` in `[python]`"));
        return Err(vec![found.iter().fold(diagnostic, |told, one| told.note(format!("found {one}")))]);
    };
    interpreters.take_notes();
    let wanted = Wanted { free_threaded: newest.abi.free_threaded, ..Wanted::minor(newest.minor()) };
    if !session.console.quiet {
        let text = format!(
            "locking for Python {wanted}, that of `{}`; `[python] interpreters` can say another",
            newest.path.display()
        );
        session.console.message(&text);
    }
    Ok(vec![wanted])
}

/// What the programs of a resolve are built for beyond what the configuration says.
struct Programs {
    interpreters: Vec<Wanted>,
    platforms: Vec<Platform>,
}

impl Programs {
    /// What cannot be read is told when the program is built.
    fn of(session: &Session<'_>, repository: &Repository, resolve: &str) -> Programs {
        let (graph, default) = (&repository.graph, &session.config.default_resolve);
        let is_program = |target: &graph::Target| {
            target.rule.name == "python_binary" && python::resolve_of(target, default) == resolve
        };
        let all: Vec<graph::NodeId> =
            graph.targets().filter(|(_, target)| is_program(target)).map(|(node, _)| node).collect();
        let settings = analysis::settings(session, graph, &all);
        let mut programs = Programs { interpreters: Vec::new(), platforms: Vec::new() };
        for target in all.into_iter().map(|node| graph.target(node)) {
            let texts = target.list("interpreters");
            programs.interpreters.extend(texts.iter().filter_map(|text| text.parse::<Wanted>().ok()));
            for asked in python::platforms::asked(graph, target, &settings).0 {
                programs.platforms.push(asked.named.platform());
                if let NamedPlatform::Target(target) = asked.named {
                    let (minor, free_threaded) = (target.minor(), target.abi.free_threaded);
                    programs.interpreters.push(Wanted { free_threaded, ..Wanted::minor(minor) });
                }
            }
        }
        programs
    }

    /// The Pythons that a lock holds for: those that the configuration constrains it to, or else all that something
    /// is built for.
    fn span(&self, constraints: InterpreterConstraints, wanted: &[Wanted]) -> InterpreterConstraints {
        if !constraints.alternatives().is_empty() {
            return constraints;
        }
        let minors: BTreeSet<Minor> =
            wanted.iter().chain(&self.interpreters).map(|wanted| wanted.minor).collect();
        let text =
            |from: Minor, to: Minor| format!("CPython>={from},<{}", Minor::new(to.major, to.minor + 1));
        let mut spans: Vec<(Minor, Minor)> = Vec::new();
        for minor in minors {
            match spans.last_mut() {
                Some((_, to)) if to.major == minor.major && to.minor + 1 == minor.minor => *to = minor,
                _ => spans.push((minor, minor)),
            }
        }
        let texts: Vec<String> = spans.into_iter().map(|(from, to)| text(from, to)).collect();
        InterpreterConstraints::parse(&texts).expect("versions make constraints")
    }

    /// The platforms that a lock holds for: those of the configuration and of the programs, and those that machines
    /// of developers and servers mostly have.
    fn platforms(&self, session: &Session<'_>) -> Result<Vec<Platform>, Vec<Diagnostic>> {
        let machine = Machine::detect();
        let usual = ["linux-x86_64", "linux-aarch64", "macos-arm64"].map(ToOwned::to_owned);
        let mut platforms = self.platforms.clone();
        for text in session.config.platforms.iter().chain(&usual).filter(|text| !NamedPlatform::is_file(text))
        {
            let named = NamedPlatform::resolve(text, &machine).map_err(|error| {
                let place = session.config.place("python", "platforms").cloned();
                vec![Diagnostic::error(Exit::Wrong, error.code(), &error).at(place).help(error.help())]
            })?;
            platforms.push(named.platform());
        }
        platforms.sort_unstable();
        platforms.dedup();
        Ok(platforms)
    }
}
