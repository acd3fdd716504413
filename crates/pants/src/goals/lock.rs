//! The goal `lock`: requirements become locks.

mod export;
mod foreign;
pub(super) mod request;
mod workshop;

use std::io::Write;
use std::path::Path;

use clap::Args;
use packaging::lock::{Form as PackagingForm, Lock};
use packaging::locking::LockOutcome;
use serde_json::json;

use self::export::{Form, export};
use self::request::{asked, check_upgrade, chosen_resolves, exclude_newer, upgrade};
use self::workshop::{Moves, Workshop};
use crate::analysis;
use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit, Severity};
use crate::machine::{self, MachineInterpreters};
use crate::report::exit_of;
use crate::repository::Repository;
use crate::session::Session;

/// Write the lock files of the resolves
///
/// Requirements are those of all `python_requirement` and `python_requirements` targets. Versions that are locked
/// already stay unless a requirement makes them move. All resolves are locked at once.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these resolves [default: all]
    #[arg(long, value_name = "NAME")]
    resolve: Vec<String>,

    /// Take the newest versions of everything
    #[arg(long)]
    upgrade: bool,

    /// Take the newest version of this package, or with `PACKAGE==VERSION` that one
    #[arg(long, value_name = "PACKAGE")]
    upgrade_package: Vec<String>,

    /// Leave out files that were uploaded from this date on; holds until `--upgrade` without it
    #[arg(long, value_name = "DATE")]
    exclude_newer: Option<String>,

    /// Lock nothing; print the lock of one resolve in the form of other tools
    #[arg(long, value_name = "FORM", conflicts_with_all = ["upgrade", "upgrade_package", "exclude_newer", "check"])]
    export: Option<Form>,

    /// Write nothing; fail if a lock would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let exclude_newer = arguments.exclude_newer.as_deref().map(exclude_newer).transpose()?;
    let moves = Moves { upgrade: upgrade(arguments)?, exclude_newer };
    let resolves = chosen_resolves(session, arguments)?;
    if let Some(form) = arguments.export {
        return export(session, form, &resolves);
    }
    let repository = session.repository()?;
    let mut asked = asked(session, &repository)?;
    let resolves = foreign::settle(session, arguments, resolves, &asked)?;
    check_upgrade(session, &moves.upgrade, &resolves, &asked)?;
    let memo = machine::memo(session)?;
    let interpreters = MachineInterpreters::new(session, &memo);
    let workshop = Workshop::new(session)?;
    let (mut jobs, mut errors) = (Vec::new(), Vec::new());
    for (name, path) in resolves {
        let requirements = asked.remove(name).unwrap_or_default();
        let previous = match previous(session, path) {
            Ok(previous) => previous,
            Err(wrong) => {
                errors.extend(wrong);
                continue;
            }
        };
        if requirements.is_empty() && previous.is_none() {
            continue;
        }
        if requirements.is_empty() {
            let message = format!("the resolve `{name}` has no requirements any more; its lock is `{path}`");
            let help = Some("delete the lock, or take the resolve out of `[python.resolves]`");
            session.console.diagnostics(vec![Diagnostic::warning("lock::empty", message).help(help)]);
            continue;
        }
        match workshop.job(&repository, (name, path), requirements, previous, &moves, &interpreters) {
            Ok(job) => jobs.push(job),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut done = Vec::new();
    for (job, outcome) in jobs.iter().zip(workshop.lock_all(&jobs, &moves.upgrade)?) {
        match outcome {
            Err(wrong) => errors.extend(wrong),
            Ok(outcome) => done.push(Locked::settle(session, arguments, (job.name, job.path), outcome)?),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if arguments.check && done.iter().any(|locked| !locked.written) {
        let message = "a lock is not what `pants lock` would write";
        let stale = Diagnostic::error(Exit::Failed, "lock::stale", message).help(Some("run `pants lock`"));
        session.console.diagnostics(vec![stale]);
    }
    tell_missing_wheels(session, arguments, &repository, &done)?;
    let exit = exit_of(&session.console.said());
    answer(session, arguments, &done, exit);
    Ok(exit)
}

/// Says which wheels the programs of the resolves will miss. Where a lock is only looked at, the one that there is counts.
fn tell_missing_wheels(
    session: &Session<'_>,
    arguments: &Arguments,
    repository: &Repository,
    done: &[Locked<'_>],
) -> Result<(), Vec<Diagnostic>> {
    let written = |locked: &&Locked<'_>| locked.written || !arguments.check;
    let resolves: Vec<&str> = done.iter().filter(written).map(|locked| locked.name).collect();
    let default = &session.config.default_resolve;
    let is_program = |target: &graph::Target| {
        target.rule.name == "python_binary" && resolves.contains(&python::resolve_of(target, default))
    };
    let all = repository.graph.targets().filter(|(_, target)| is_program(target));
    let programs: Vec<graph::NodeId> = all.map(|(node, _)| node).collect();
    session.console.diagnostics(analysis::missing_wheels(session, repository, &programs)?);
    Ok(())
}

/// The lock that there is. One of ours that cannot be read is written anew, without the versions that it may have held; of
/// one that a merge left unfinished those of the first side count.
///
/// Fails for a file that is no lock of ours: nobody wants it to be overwritten.
fn previous(session: &Session<'_>, path: &str) -> Result<Option<Lock>, Vec<Diagnostic>> {
    let wrong = match session.lock(path) {
        Ok(previous) => return Ok(previous),
        Err(wrong) => wrong,
    };
    let text = std::fs::read(session.root.join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(text) = text.filter(|text| text.trim().is_empty() || PackagingForm::is_ours(text)) else {
        let help = "`pants lock` overwrites only what it has written: name another file in `[python.resolves]`, or move \
                    this one away";
        return Err(wrong.into_iter().map(|error| error.help(Some(help))).collect());
    };
    let read = |path: &str| std::fs::read(session.root.join(path));
    let side = first_side(&text).and_then(|side| session.parse_lock(path, &side, &read).ok());
    let note = match &side {
        Some(_) => "the versions of the first side are kept",
        None => "the versions in it are not kept",
    };
    let warning =
        |error: Diagnostic| Diagnostic { severity: Severity::Warning, help: None, ..error }.note(note);
    session.console.diagnostics(wrong.into_iter().map(warning).collect());
    Ok(side.map(|file| file.lock))
}

/// What the first side of an unfinished merge has; none where a text is of no merge.
fn first_side(text: &str) -> Option<String> {
    let (mut side, mut is_other, mut is_merge) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let is_marker = |marker: &str| line.starts_with(marker);
        match () {
            () if is_marker("<<<<<<<") => is_merge = true,
            () if is_marker("|||||||") || is_marker("=======") => is_other = true,
            () if is_marker(">>>>>>>") => is_other = false,
            () if !is_other => side.push_str(line),
            () => {}
        }
    }
    is_merge.then_some(side)
}

/// A resolve that was locked.
struct Locked<'a> {
    name: &'a str,
    path: &'a str,
    outcome: LockOutcome,
    /// Whether the file was so already.
    written: bool,
}

impl<'a> Locked<'a> {
    /// Says what the lock lacks, and writes it unless it is there or only looked at.
    fn settle(
        session: &Session<'_>,
        arguments: &Arguments,
        (name, path): (&'a str, &'a str),
        outcome: LockOutcome,
    ) -> Result<Locked<'a>, Vec<Diagnostic>> {
        let warnings = outcome.warnings.iter().map(|warning| Diagnostic::warning(warning.code(), warning));
        session.console.diagnostics(warnings.collect());
        let text = outcome.lock.to_toml();
        let file = session.root.join(path);
        let written = std::fs::read(&file).is_ok_and(|old| old == text.as_bytes());
        if !arguments.check && !written {
            write(&file, &text)?;
        }
        Ok(Locked { name, path, outcome, written })
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
    super::readable(file.as_file()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
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
    if done.is_empty() && foreign::none(session) && !console.quiet {
        console.message("nothing to lock: no target is a requirement");
    }
}
