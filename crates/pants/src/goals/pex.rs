//! The goal `pex`: requirements become a PEX, without BUILD files, lock or repository.

mod local;
mod program;
mod request;
mod resolve;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use engine::{ActionGraph, Cancel};
use packaging::lock::Lock;
use packaging::platform::Machine;
use python::configuration::Settings;
use python::{Analysis, Artifact, Ownership, Resolve, SourceRoots};
use store::Moment;

use self::program::{Program, RESOLVE};
use self::request::Request;
use crate::bases;
use crate::build::Plan;
use crate::cli::{Options, Output};
use crate::config::{Config, Gathered};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::explain;
use crate::machine::{self, MachineInterpreters};
use crate::report::{Report, exit_of};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  pants pex flask 'requests>=2' -o flask.pex     a Python that has these
  pants pex gunicorn flask -c gunicorn -o server.pex
  pants pex -r requirements.txt -D src -e app.main:run -o app.pex
  pants pex cowsay -c cowsay -- -t hello         runs it at once

What was resolved is used again for ten minutes, and with --exclude-newer for good.";

/// Make a PEX of requirements, without BUILD files
///
/// Without an entry point the PEX is a Python in which the distributions can be imported. Without --output-file it is
/// run at once, with what follows `--`. What is needed is resolved each time, and no lock is written.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Requirements, such as flask or 'requests>=2'; also wheels, source distributions, folders of projects, addresses
    #[arg(value_name = "REQUIREMENT")]
    requirements: Vec<String>,

    /// A file of requirements
    #[arg(short, long, value_name = "FILE")]
    requirement: Vec<PathBuf>,

    /// A file of versions that hold for what is required by others, too
    #[arg(long, value_name = "FILE")]
    constraints: Vec<PathBuf>,

    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output_file: Option<PathBuf>,

    /// The module that is started, or a function: MODULE or MODULE:FUNCTION
    #[arg(short, long, short_alias = 'm', alias = "module", value_name = "MODULE")]
    entry_point: Option<String>,

    /// The console script that is started
    #[arg(short = 'c', long, alias = "console-script", value_name = "NAME", conflicts_with = "entry_point")]
    script: Option<String>,

    /// A folder whose files go along; imports start in it
    #[arg(short = 'D', long, value_name = "DIR")]
    sources_directory: Vec<PathBuf>,

    /// The Python that it is for, such as 3.11; of several one file for all [default: the newest here]
    #[arg(long, value_name = "VERSION")]
    python: Vec<String>,

    /// The platform that it is for, such as linux-x86_64; of several one file for all [default: current]
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<String>,

    /// Leave out what was uploaded from this date on
    #[arg(long, value_name = "DATE")]
    exclude_newer: Option<String>,

    /// Resolve again, whatever was resolved before
    #[arg(long)]
    refresh: bool,

    /// Arguments of the program that is run at once
    #[arg(last = true, value_name = "ARGS", conflicts_with = "output_file")]
    pub(crate) arguments: Vec<String>,
}

/// For so long what was run at once stays where it is.
const KEPT: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn run(
    options: &Options,
    arguments: &Arguments,
    console: &mut Console,
    environment: &Environment,
    cancel: &Cancel,
    gathered: Option<(PathBuf, Gathered)>,
    start: (Instant, Moment),
) -> Result<Exit, Vec<Diagnostic>> {
    // A repository is not needed; where there is one, its indexes and interpreters are meant.
    let (root, config) = match gathered {
        Some((root, gathered)) => (root, Config::new(gathered)?),
        None => (environment.folder.clone(), Config::empty()),
    };
    console.root.clone_from(&root);
    let session = Session::open(options, root, config, console, environment, cancel, start)?;
    let exit = make(&session, arguments);
    session.end_remote();
    session.tend_cache();
    session.console.diagnostics(session.take_warnings());
    exit
}

fn make(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let store = session.store()?;
    let memo = machine::memo(session)?;
    let interpreters = MachineInterpreters::new(session, &memo);
    let request = Request::read(session, arguments, &interpreters)?;
    let lock = resolve::lock(session, &request, &interpreters, arguments.refresh)?;
    let program = Program::new(arguments, &request, &session.environment.folder, store)?;
    let settings = Settings {
        interpreters: Some(request.pythons.iter().map(ToString::to_string).collect()),
        platforms: request.platforms.clone(),
        platform_files: Default::default(),
        machine: Machine::detect(),
        default_resolve: RESOLVE.to_owned(),
    };
    let mut actions = ActionGraph::new();
    let analysis = Analysis {
        graph: &program.graph,
        roots: &SourceRoots::new(&["/".to_owned()]).expect("the root is a pattern"),
        store,
        files: &|path| program.files[path],
        resolves: &|_| Some(Resolve { lock: lock.as_ref(), path: "the resolve", constraints: &[] }),
        resolve_names: &[],
        settings: &settings,
        ownership: &Ownership::new(&program.graph),
        describe: &|_| Err("nothing here has a version".to_owned()),
        base: &|name, platform| bases::base(session, store, name, platform),
        interpreters: &interpreters,
    };
    let packaged = python::package(&[program.node], &analysis, &mut actions);
    // What is wrong is on the command line, which no place in a file stands for.
    let told = |error: &python::RuleError| explain::rule(error).at(None);
    let mut artifacts = packaged.map_err(|errors| errors.iter().map(told).collect::<Vec<_>>())?;
    let destination = match &arguments.output_file {
        Some(file) => session.environment.folder.join(file),
        None => {
            run_folder(session).join(format!("{}.pex", name(arguments, lock.as_ref(), &program, &artifacts)))
        }
    };
    let shown = crate::session::shown(&destination, &session.environment.folder);
    actions.describe(artifacts[0].action, format!("assemble {shown}"));
    place_at(&mut artifacts, &destination);
    let configurations = artifacts[0].configurations.clone();
    let mut report = Report::default();
    Plan::adhoc(session, artifacts, actions, &interpreters)?.carry_out(None, &mut report)?;
    if arguments.output_file.is_some() {
        return Ok(tell(session, &report, &destination));
    }
    let Some(interpreter) = interpreters.runs(&configurations) else {
        let message = "what was made does not run on this machine";
        let help = Some("write it to a file with `--output-file`");
        return Err(vec![Diagnostic::error(Exit::Environment, "run::foreign", message).help(help)]);
    };
    let error = super::run::become_program(&destination, &interpreter, &interpreters, &arguments.arguments);
    Err(vec![error])
}

/// A name for what is run at once, which stands for all that is in it: nobody takes away what another one runs.
fn name(arguments: &Arguments, lock: Option<&Lock>, program: &Program, artifacts: &[Artifact]) -> String {
    let mut texts = vec![format!("{:?} {:?}", arguments.entry_point, arguments.script)];
    texts.extend(lock.map(Lock::to_toml));
    texts.extend(program.files.iter().map(|(path, entry)| format!("{path} {entry:?}")));
    texts.extend(artifacts.iter().flat_map(|one| &one.configurations).map(ToString::to_string));
    blake3::hash(texts.join("\n").as_bytes()).to_hex()[..32].to_owned()
}

/// Has all that is made written to one path; there is one artifact. Nothing in a file is to blame for it.
fn place_at(artifacts: &mut [Artifact], destination: &Path) {
    for artifact in artifacts {
        artifact.path = destination.display().to_string();
        artifact.places.clear();
    }
}

/// Where what is run at once is put. What was there for a day is removed: it is made again when it is wanted.
fn run_folder(session: &Session<'_>) -> PathBuf {
    let folder = session.cache_dir.join("pex");
    let before = SystemTime::now().checked_sub(KEPT);
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|found| found.modified()).ok();
        if modified.zip(before).is_some_and(|(modified, before)| modified < before) {
            // Somebody else may be quicker.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    folder
}

fn tell(session: &Session<'_>, report: &Report, destination: &Path) -> Exit {
    let console = session.console;
    let said = console.said();
    let exit = exit_of(&said);
    match console.output {
        Output::Json => {
            let report = report.json("pex", exit, &said, session.start);
            console.answer(&format!("{report:#}\n"));
        }
        Output::Text => {
            console.answer(&format!("{}\n", crate::session::shown(destination, &session.environment.folder)));
            if !console.quiet {
                console.message(&report.summary(session.start));
            }
        }
    }
    exit
}
