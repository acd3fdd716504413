//! The goal `lock`: requirements become locks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use clap::Args;
use packaging::constraints::InterpreterConstraints;
use packaging::lock::Lock;
use packaging::locking::{self, Asked, LockOutcome, LockRequest, LockTools, Upgrade, find_uv};
use packaging::name::PackageName;
use packaging::platform::{Machine, Platform};
use packaging::python::{Minor, Wanted};
use python::configuration::Interpreters;
use serde_json::json;

use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit, Severity};
use crate::explain;
use crate::machine::{self, MachineInterpreters};
use crate::report::exit_of;
use crate::session::{Repository, Session};

/// The oldest Python that resolving can be done with, whatever it resolves for.
const OLDEST_HELPER: Minor = Minor::new(3, 8);

/// Write the lock files of the resolves
///
/// Requirements are those of all `python_requirement` and `python_requirements` targets. Versions that are locked
/// already stay unless a requirement makes them move.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these resolves [default: all]
    #[arg(long, value_name = "NAME")]
    resolve: Vec<String>,

    /// Take the newest versions of everything
    #[arg(long)]
    upgrade: bool,

    /// Take the newest version of this package
    #[arg(long, value_name = "PACKAGE")]
    upgrade_package: Vec<String>,

    /// Write nothing; fail if a lock would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let upgrade = upgrade(arguments)?;
    let resolves = chosen_resolves(session, arguments)?;
    let repository = session.repository()?;
    let mut asked = asked(session, &repository)?;
    check_upgrade(session, &upgrade, &resolves, &asked)?;
    let memo = machine::memo(session)?;
    let interpreters = MachineInterpreters::new(session, &memo);
    let workshop = Workshop::new(session, &interpreters)?;
    let (mut done, mut errors, mut stale) = (Vec::new(), Vec::new(), false);
    for (name, path) in resolves {
        let requirements = asked.remove(name).unwrap_or_default();
        let previous = previous(session, path);
        if requirements.is_empty() && previous.is_none() {
            continue;
        }
        if requirements.is_empty() {
            let message = format!("the resolve `{name}` has no requirements any more; its lock is `{path}`");
            let help = Some("delete the lock, or take the resolve out of `[python.resolves]`");
            session.console.diagnostics(vec![Diagnostic::warning("lock::empty", message).help(help)]);
            continue;
        }
        match workshop.lock(&repository, name, &requirements, previous.as_ref(), &upgrade, &interpreters) {
            Err(wrong) => errors.extend(wrong),
            Ok(outcome) => {
                let text = outcome.lock.to_toml();
                let written = std::fs::read(session.root.join(path)).is_ok_and(|old| old == text.as_bytes());
                stale |= !written;
                if !arguments.check && !written {
                    write(&session.root.join(path), &text)?;
                }
                done.push(Locked { name, path, outcome, written });
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if arguments.check && stale {
        let message = "a lock is not what `pants lock` would write";
        let stale = Diagnostic::error(Exit::Failed, "lock::stale", message).help(Some("run `pants lock`"));
        session.console.diagnostics(vec![stale]);
    }
    let exit = exit_of(&session.console.said());
    answer(session, arguments, &done, exit);
    Ok(exit)
}

/// The lock that there is. One that cannot be read is written anew, without the versions that it may have held.
fn previous(session: &Session<'_>, path: &str) -> Option<Lock> {
    match session.lock(path) {
        Ok(previous) => previous,
        Err(wrong) => {
            let warning = |error: Diagnostic| {
                let note = "the versions in it are not kept";
                Diagnostic { severity: Severity::Warning, help: None, ..error }.note(note)
            };
            session.console.diagnostics(wrong.into_iter().map(warning).collect());
            None
        }
    }
}

/// A resolve that was locked.
struct Locked<'a> {
    name: &'a str,
    path: &'a str,
    outcome: LockOutcome,
    /// Whether the file was so already.
    written: bool,
}

fn upgrade(arguments: &Arguments) -> Result<Upgrade, Vec<Diagnostic>> {
    if arguments.upgrade {
        return Ok(Upgrade::Everything);
    }
    let (mut names, mut errors) = (BTreeSet::<PackageName>::new(), Vec::new());
    for text in &arguments.upgrade_package {
        match packaging::name::parse_name(text) {
            Ok(name) => drop(names.insert(name)),
            Err(error) => errors.push(Diagnostic::error(Exit::Wrong, error.code(), error)),
        }
    }
    match (errors.is_empty(), names.is_empty()) {
        (false, _) => Err(errors),
        (true, true) => Ok(Upgrade::Nothing),
        (true, false) => Ok(Upgrade::Only(names)),
    }
}

/// The resolves that are to be locked, with their files.
fn chosen_resolves<'s>(
    session: &'s Session<'_>,
    arguments: &Arguments,
) -> Result<Vec<(&'s str, &'s str)>, Vec<Diagnostic>> {
    let all = session.config.resolves.iter().map(|(name, path)| (name.as_str(), path.as_str()));
    if arguments.resolve.is_empty() {
        return Ok(all.collect());
    }
    let (mut chosen, mut errors) = (Vec::new(), Vec::new());
    for wanted in &arguments.resolve {
        match all.clone().find(|(name, _)| name == wanted) {
            Some(found) if chosen.contains(&found) => {}
            Some(found) => chosen.push(found),
            None => {
                let help =
                    explain::near_or_all(wanted, all.clone().map(|(name, _)| name), "the resolves are");
                let message = format!("there is no resolve `{wanted}`");
                errors.push(Diagnostic::error(Exit::Wrong, "lock::resolve", message).help(Some(help)));
            }
        }
    }
    if errors.is_empty() { Ok(chosen) } else { Err(errors) }
}

/// Refuses to upgrade what is neither locked nor asked for.
fn check_upgrade(
    session: &Session<'_>,
    upgrade: &Upgrade,
    resolves: &[(&str, &str)],
    asked: &BTreeMap<String, Vec<Asked>>,
) -> Result<(), Vec<Diagnostic>> {
    let Upgrade::Only(names) = upgrade else { return Ok(()) };
    let mut known = BTreeSet::new();
    for (name, path) in resolves {
        // A lock that cannot be read is told when it is written anew.
        let lock = session.lock(path).ok().flatten();
        known.extend(lock.iter().flat_map(|lock| &lock.packages).map(|package| package.name.to_string()));
        known.extend(asked.get(*name).into_iter().flatten().map(|asked| asked.requirement.name.to_string()));
    }
    let unknown = names.iter().map(ToString::to_string).filter(|name| !known.contains(name));
    let errors: Vec<Diagnostic> = unknown
        .map(|name| {
            let near = graph::near(&name, known.iter().map(String::as_str));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no package `{name}` in any lock");
            Diagnostic::error(Exit::Wrong, "lock::unknown_package", message).help(help)
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// What all targets ask for, by resolve.
fn asked(
    session: &Session<'_>,
    repository: &Repository,
) -> Result<BTreeMap<String, Vec<Asked>>, Vec<Diagnostic>> {
    let (mut asked, mut errors) = (BTreeMap::<String, Vec<Asked>>::new(), Vec::new());
    let default = &session.config.default_resolve;
    for (_, target) in repository.graph.targets() {
        if target.rule.name != "python_requirement" {
            continue;
        }
        let resolve = python::resolve_of(target, default);
        if session.config.lock_path(resolve).is_none() {
            let place = target.field("resolve").map_or(&target.place, |field| &field.place).clone();
            let known = session.config.resolves.iter().map(|(name, _)| name.clone()).collect();
            let name = resolve.to_owned();
            errors.push(explain::rule(&python::RuleError::UnknownResolve { name, known, place }));
            continue;
        }
        let (wishes, wrong) = python::wishes(target);
        errors.extend(wrong.iter().map(explain::rule));
        let wished = wishes.into_iter().map(|wish| {
            let by = format!("`{}` at {}", wish.label, wish.place);
            Asked { requirement: wish.requirement, by }
        });
        asked.entry(resolve.to_owned()).or_default().extend(wished);
    }
    if errors.is_empty() { Ok(asked) } else { Err(errors) }
}

/// All that locking uses of the machine.
struct Workshop<'w> {
    session: &'w Session<'w>,
    downloads: crate::downloads::Downloads<'w>,
    helper: std::path::PathBuf,
}

impl<'w> Workshop<'w> {
    fn new(
        session: &'w Session<'w>,
        interpreters: &MachineInterpreters<'_>,
    ) -> Result<Workshop<'w>, Vec<Diagnostic>> {
        let modern = InterpreterConstraints::parse(&[format!(">={OLDEST_HELPER}")]).unwrap_or_default();
        let Some(helper) = interpreters.newest(&modern) else {
            let message = format!("there is no Python from {OLDEST_HELPER} on, which resolving needs");
            return Err(vec![Diagnostic::error(Exit::Environment, "lock::no_python", message)]);
        };
        // Chosen as a helper only: what the lock is for is told by the lock.
        interpreters.take_notes();
        Ok(Workshop { session, downloads: session.downloads()?, helper: helper.path })
    }

    fn lock(
        &self,
        repository: &Repository,
        name: &str,
        requirements: &[Asked],
        previous: Option<&Lock>,
        upgrade: &Upgrade,
        interpreters: &MachineInterpreters<'_>,
    ) -> Result<LockOutcome, Vec<Diagnostic>> {
        let session = self.session;
        let constraints = InterpreterConstraints::parse(session.config.constraints_of(name))
            .map_err(|errors| errors.iter().map(constraint).collect::<Vec<_>>())?;
        let wanted = recorded(session, &constraints, previous, interpreters)?;
        let programs = Programs::of(repository, name, &session.config.default_resolve);
        let constraints = programs.span(constraints, &wanted);
        let platforms = programs.platforms(session)?;
        let client = self.downloads.client().map_err(|error| vec![explain::index(error)])?;
        let store = session.store()?;
        let env = &session.environment.variables;
        let uv = find_uv(client, store, &session.cache_dir.join("tools"), env, &|_, _| {});
        let uv = uv.map_err(|error| vec![explain::locking(&error)])?;
        let request = LockRequest {
            resolve: name,
            requirements,
            interpreter_constraints: &constraints,
            interpreters: &wanted,
            platforms: &platforms,
            previous,
            upgrade,
            exclude_newer: None,
        };
        let uv_cache = session.cache_dir.join("uv");
        let tools = LockTools { client, store, uv: &uv, python: &self.helper, uv_cache: &uv_cache, env };
        let outcome = locking::lock(&request, &tools).map_err(|error| vec![explain::locking(&error)])?;
        let warnings = outcome.warnings.iter().map(|warning| Diagnostic::warning(warning.code(), warning));
        session.console.diagnostics(warnings.collect());
        Ok(outcome)
    }
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
    if let Some(texts) = &session.config.interpreters {
        let read = texts.iter().map(|text| {
            let wrong = |error: packaging::python::PythonError| {
                Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help())
            };
            text.parse::<Wanted>().map_err(wrong)
        });
        return read.collect::<Result<_, _>>().map_err(|error| vec![error]);
    }
    let fits = |wanted: &&Wanted| constraints.accepts_minor(wanted.minor);
    let before: Vec<Wanted> =
        previous.map_or_else(Vec::new, |lock| lock.interpreters.iter().filter(fits).copied().collect());
    if !before.is_empty() {
        return Ok(before);
    }
    let Some(newest) = interpreters.newest(constraints) else {
        let message = format!("no Python of this machine satisfies `{constraints}`");
        let found = interpreters.all();
        let diagnostic = Diagnostic::error(Exit::Environment, "lock::no_interpreter", message)
            .help(Some("say which to lock for: `interpreters = [\"3.11\"]` in `[python]`"));
        return Err(vec![found.iter().fold(diagnostic, |told, one| told.note(format!("found {one}")))]);
    };
    interpreters.take_notes();
    let wanted = Wanted { free_threaded: newest.abi.free_threaded, ..Wanted::minor(newest.minor()) };
    if !session.console.quiet {
        let text = format!(
            "locked for Python {wanted}, the newest on PATH; `[python] interpreters` can say another"
        );
        session.console.message(&text);
    }
    Ok(vec![wanted])
}

/// What the programs of a resolve are built for beyond what the configuration says.
struct Programs {
    interpreters: Vec<Wanted>,
    platforms: Vec<String>,
}

impl Programs {
    /// What cannot be read is told when the program is built.
    fn of(repository: &Repository, resolve: &str, default: &str) -> Programs {
        let mut programs = Programs { interpreters: Vec::new(), platforms: Vec::new() };
        for (_, target) in repository.graph.targets() {
            if target.rule.name == "python_binary" && python::resolve_of(target, default) == resolve {
                programs.interpreters.extend(
                    target.list("interpreters").iter().filter_map(|text| text.parse::<Wanted>().ok()),
                );
                programs.platforms.extend(target.list("platforms").into_iter().map(ToOwned::to_owned));
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
        let mut platforms = Vec::new();
        let of_programs = self.platforms.iter().filter(|text| Platform::resolve(text, &machine).is_ok());
        for text in session.config.platforms.iter().chain(&usual).chain(of_programs) {
            let platform = Platform::resolve(text, &machine).map_err(|error| {
                vec![Diagnostic::error(Exit::Wrong, error.code(), &error).help(error.help())]
            })?;
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        platforms.sort_unstable();
        Ok(platforms)
    }
}

/// Writes a lock so that it is either the old or the new one.
fn write(path: &Path, text: &str) -> Result<(), Vec<Diagnostic>> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot write the lock `{}`: {error}", path.display());
        vec![Diagnostic::error(Exit::Environment, "lock::write", message)]
    };
    let folder = path.parent().expect("a lock is in a folder");
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new().prefix(".lock-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    set_mode(file.as_file()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Temporary files are private; a lock is for all who work on the repository.
fn set_mode(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Says what moved.
fn answer(session: &Session<'_>, arguments: &Arguments, done: &[Locked<'_>], exit: Exit) {
    let console = session.console;
    if console.output == Output::Json {
        let resolves: Vec<_> = (done.iter())
            .map(|locked| {
                let changes: Vec<String> = locked.outcome.changes.iter().map(ToString::to_string).collect();
                json!({ "resolve": locked.name, "path": locked.path, "changed": !locked.written, "changes": changes })
            })
            .collect();
        let diagnostics: Vec<_> = console.said().iter().map(Diagnostic::json).collect();
        let report = json!({
            "goal": "lock",
            "exit_code": exit as i32,
            "resolves": resolves,
            "diagnostics": diagnostics,
            "seconds": session.start.elapsed().as_secs_f64(),
        });
        return console.answer(&format!("{report:#}\n"));
    }
    for locked in done {
        let count = locked.outcome.lock.packages.len();
        let state = match (locked.written, arguments.check) {
            (true, _) => "is up to date",
            (false, true) => "would change",
            (false, false) => "was written",
        };
        if !console.quiet {
            let noun = if count == 1 { "package" } else { "packages" };
            console.message(&format!("{} {state}: {count} {noun}", locked.path));
            for change in &locked.outcome.changes {
                console.message(&format!("  {change}"));
            }
        }
        if !locked.written && !arguments.check {
            console.answer(&format!("{}\n", locked.path));
        }
    }
    if done.is_empty() && !console.quiet {
        console.message("nothing to lock: no target is a requirement");
    }
}
