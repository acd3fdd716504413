//! The files that a goal depends on, each with what is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::FromArgMatches;
use store::{Digest, Moment, StatIndex};

use crate::cli::{self, Cli, Goal};
use crate::config::{self, Config};
use crate::console::Console;
use crate::environment::Environment;
use crate::goals::{Targets, filedeps};
use crate::repository::Repository;
use crate::session::Session;

/// What a goal is about.
pub(super) enum Asked {
    /// Some targets, and whether tools read what configures them in the folders above.
    Of(Targets, bool),
    /// All targets.
    All,
}

impl Asked {
    /// What a goal is about; none where it does something that no file decides.
    pub(super) fn by(goal: &Goal) -> Option<Asked> {
        let of = |targets: &Targets| Asked::Of(targets.clone(), false);
        Some(match goal {
            Goal::Binary(arguments) => of(&arguments.targets),
            Goal::Package(arguments) => of(&arguments.targets),
            Goal::Sbom(arguments) => of(&arguments.targets),
            Goal::Filedeps(arguments) => of(&arguments.targets),
            Goal::Run(arguments) => {
                of(&Targets { targets: vec![arguments.target.clone()], ..Targets::default() })
            }
            Goal::Test(arguments) => Asked::Of(arguments.asked().0, true),
            Goal::Lint(arguments) => Asked::Of(arguments.asked.targets.clone(), true),
            Goal::Check(arguments) => Asked::Of(arguments.asked.targets.clone(), true),
            Goal::Ci(arguments) => Asked::Of(arguments.asked(), true),
            Goal::Fmt(arguments) => Asked::Of(arguments.asked.targets.clone(), true),
            Goal::Fix(arguments) => Asked::Of(arguments.asked.targets.clone(), true),
            Goal::Export(_)
            | Goal::List(_)
            | Goal::Dependencies(_)
            | Goal::Dependents(_)
            | Goal::Paths(_)
            | Goal::Why(_)
            | Goal::Roots(_)
            | Goal::Peek(_)
            | Goal::Query(_)
            | Goal::Affected(_) => Asked::All,
            Goal::Publish(_)
            | Goal::Pex(_)
            | Goal::Repl(_)
            | Goal::Lock(_)
            | Goal::Log(_)
            | Goal::Tailor(_)
            | Goal::FmtBuild(_)
            | Goal::Cache(_)
            | Goal::Doctor(_)
            | Goal::Seed(_)
            | Goal::Completions(_)
            | Goal::Help(_) => return None,
        })
    }
}

/// Files, each with what is in it; none where it is not there or cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Depended(BTreeMap<PathBuf, Option<(Digest, bool)>>);

impl Depended {
    /// The files as they are now; none where the repository cannot be loaded, which each turn says itself.
    pub(super) fn now(environment: &Environment, asked: &Asked) -> Option<Depended> {
        // The configuration may be among what has changed.
        let request = config::Request::read(std::env::args_os().collect(), environment);
        let matches = cli::command().try_get_matches_from(&request.arguments).ok()?;
        let cli = Cli::from_arg_matches(&matches).ok()?;
        let (root, gathered) = request.gathered?;
        let config = Config::new(gathered).ok()?.completed(&root);
        let mut console = Console::new(&cli.options, environment, Instant::now());
        console.mute = true;
        let (cancel, start) = (engine::Cancel::new(), (Instant::now(), Moment::now()));
        let session =
            Session::open(&cli.options, root, config, &console, environment, &cancel, start).ok()?;
        // One turn follows the other, and the graph of each is to be freed.
        let repository = ManuallyDrop::into_inner(session.repository().ok()?);
        let paths = paths(&session, &repository, asked)?;
        let index = StatIndex::open(session.store().ok()?, &session.root).ok()?;
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let found =
            index.hashes(&paths).into_iter().map(|entry| entry.ok().map(|one| (one.digest, one.executable)));
        Some(Depended(paths.into_iter().zip(found).collect()))
    }

    /// How many of the files are there.
    pub(super) fn count(&self) -> usize {
        self.0.values().flatten().count()
    }

    /// The first path at which they differ.
    pub(super) fn difference<'d>(&'d self, other: &'d Depended) -> Option<&'d Path> {
        let mut paths = self.0.keys().chain(other.0.keys());
        paths.find(|path| self.0.get(*path) != other.0.get(*path)).map(PathBuf::as_path)
    }
}

/// The paths that a goal depends on, relative to the root.
fn paths(session: &Session<'_>, repository: &Repository, asked: &Asked) -> Option<BTreeSet<PathBuf>> {
    let graph = &repository.graph;
    let roots = match asked {
        Asked::Of(targets, _) => targets.select(session, repository).ok()?,
        Asked::All => graph.targets().map(|(node, _)| node).collect(),
    };
    let files = filedeps::files(session, repository, graph.needs(&roots, None), true).ok()?;
    let mut paths: BTreeSet<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    if matches!(asked, Asked::Of(_, true)) {
        let folders: BTreeSet<&Path> = paths.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        let beside: Vec<PathBuf> =
            folders.into_iter().flat_map(|folder| plain_files(session, folder)).collect();
        paths.extend(beside);
    }
    paths.extend(session.config.files.iter().map(PathBuf::from));
    paths.extend(session.lock_paths().into_iter().map(PathBuf::from));
    Some(paths)
}

/// The files of a folder that are no sources, which may configure tools.
fn plain_files(session: &Session<'_>, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(session.root.join(folder)).into_iter().flatten().flatten();
    let plain = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let paths = plain.map(|entry| folder.join(entry.file_name()));
    paths.filter(|path| path.extension().is_none_or(|extension| extension != "py")).collect()
}
