//! The command line: the only crate that prints, exits, reads arguments or the environment.

mod accounts;
mod analysis;
mod annotation;
mod bases;
mod build;
mod by_root;
mod changed;
mod checking;
mod cli;
mod config;
mod console;
mod diagnostic;
mod dist;
mod downloads;
mod environment;
mod environments;
mod events;
mod execution;
mod explain;
mod generated;
mod goals;
mod inference;
mod inside;
mod locks;
mod machine;
mod mask;
mod memory;
mod others;
mod panics;
mod placed;
mod progress;
mod recall;
mod remote;
mod report;
mod repository;
mod rewrite;
mod root;
mod session;
mod signals;
mod source_builds;
mod tailoring;
mod together;
mod tools;
mod undeclared;
mod versions;
mod visibility;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, FromArgMatches, ValueEnum};
use store::Moment;

use crate::cli::{Cli, Form, Goal, Options, Output};
use crate::config::{Config, Gathered};
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::report::{Report, exit_of};
use crate::session::Session;

/// Bounds the memory that BUILD files can take.
#[global_allocator]
static ALLOCATOR: loader::CountingAllocator = loader::CountingAllocator;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == engine::ENTER) {
        return engine::enter(&arguments.collect::<Vec<_>>());
    }
    let start = (Instant::now(), Moment::now());
    panics::explain();
    let environment = Environment::read();
    let request = config::Request::read(std::env::args_os().collect(), &environment);
    let matches = cli::command().try_get_matches_from(&request.arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let color = cli.options.color.unwrap_or(ColorChoice::Auto);
    let mut console = Console::new(&cli.options, &environment, start.0);
    console.set_color(color);
    if cli.options.again && !cli.options.once {
        return watch::run(&cli, &console, &environment).unwrap_or_else(|diagnostics| {
            console.diagnostics(diagnostics);
            ExitCode::from(exit_of(&console.said()) as u8)
        });
    }
    let exit = match run(&cli, &mut console, &environment, request.gathered, start) {
        // An answer that could not be written is told as a diagnostic.
        Ok(Exit::Done) => exit_of(&console.said()),
        Ok(exit) => exit,
        Err(diagnostics) => {
            console.diagnostics(diagnostics);
            let said = console.said();
            let exit = exit_of(&said);
            if console.output == Output::Json {
                let report = Report::default().json(cli.goal.name(), exit, &said, start.0);
                console.answer(&format!("{report:#}\n"));
            }
            exit
        }
    };
    console.diagnostics(console.events.finish(exit, signals::interrupted_by()));
    signals::end_if_interrupted();
    ExitCode::from(exit as u8)
}

/// Says what is wrong with the command line, or gives the help that it asks for, in words of this product.
fn refuse(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Wrong } else { Exit::Done };
    let said = match error.kind() {
        // A variable that is set counts as an argument, and `pants` alone asks what there is whether one is or not.
        ErrorKind::MissingSubcommand => {
            let mut command = cli::command();
            let mut goal = with_commands(&command).cloned();
            Some(goal.as_mut().unwrap_or(&mut command).render_help().to_string())
        }
        ErrorKind::InvalidSubcommand => Some(unknown_goal(error)),
        ErrorKind::ValueValidation => wrong_variable(error),
        _ => None,
    };
    match said {
        // Nobody is left to be told when standard error is gone.
        Some(said) => drop(write!(std::io::stderr(), "{said}")),
        None => drop(error.print()),
    }
    ExitCode::from(exit as u8)
}

/// The goal of this process that has commands of its own, if it is one.
fn with_commands(command: &clap::Command) -> Option<&clap::Command> {
    let goal = std::env::args().skip(1).find_map(|argument| command.find_subcommand(argument));
    goal.filter(|goal| goal.has_subcommands())
}

/// A goal that nobody knows, or a command of a goal, with all that there are where none is near.
fn unknown_goal(error: &clap::Error) -> String {
    let command = cli::command();
    let (noun, known, of) = match with_commands(&command) {
        Some(goal) => ("command", goal, format!("commands of `{}`", goal.get_name())),
        None => ("goal", &command, "goals".to_owned()),
    };
    let mut said = error.render().to_string().replace("subcommand", noun);
    if error.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(at) = said.find("\nUsage:")
    {
        let names: Vec<String> = known.get_subcommands().map(|one| one.get_name().to_owned()).collect();
        said.insert_str(at, &format!("\n  tip: the {of} are {}\n", names.join(", ")));
    }
    said
}

/// A value that a variable gives, and not an option: the message names the variable.
fn wrong_variable(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (option, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let named = |argument: &&clap::Arg| {
        argument
            .get_long()
            .is_some_and(|long| option.split_whitespace().any(|word| word == format!("--{long}")))
    };
    let command = cli::command();
    let argument = command.get_arguments().find(named)?;
    let variable = argument.get_env()?.to_str()?;
    let is_given = |text: &str| text == value || text.starts_with('-') && text.ends_with(value);
    let given = std::env::args_os().any(|given| is_given(&given.to_string_lossy()));
    let said = error.render().to_string();
    (!given).then(|| said.replacen(&format!("for '{option}'"), &format!("of the variable `{variable}`"), 1))
}

/// Says why there is no root to read anything of.
fn no_root(options: &Options, environment: &Environment) -> Result<(PathBuf, Gathered), Vec<Diagnostic>> {
    let root = root::find(options.root.as_deref(), environment).map_err(|error| vec![error])?;
    Ok((root, Gathered::default()))
}

/// Runs a goal. An error is what kept it from answering.
fn run(
    cli: &Cli,
    console: &mut Console,
    environment: &Environment,
    gathered: Option<(PathBuf, Gathered)>,
    start: (Instant, Moment),
) -> Result<Exit, Vec<Diagnostic>> {
    let root = gathered.as_ref().map(|(root, _)| root.as_path());
    console.events.open(&cli.goal, &cli.options, environment, root).map_err(|error| vec![error])?;
    if !cli.goal.forms().contains(&cli.options.output) {
        return Err(vec![no_such_form(&cli.goal, cli.options.output)]);
    }
    match &cli.goal {
        Goal::Completions(arguments) => return Ok(goals::completions::run(arguments, console)),
        Goal::Help(arguments) => return goals::help::run(arguments, console),
        Goal::Seed(arguments) => return goals::seed::run(arguments, console, environment),
        _ => {}
    }
    let cancel = signals::watch();
    if let Goal::Pex(arguments) = &cli.goal {
        return goals::pex::run(&cli.options, arguments, console, environment, &cancel, gathered, start);
    }
    if let Goal::Doctor(arguments) = &cli.goal {
        return goals::doctor::run(&cli.options, arguments, console, environment, &cancel, gathered, start);
    }
    let (root, gathered) = gathered.map_or_else(|| no_root(&cli.options, environment), Ok)?;
    console.root.clone_from(&root);
    let config = Config::new(gathered)?.completed(&root);
    console.configure(&cli.options, &config);
    let session = Session::open(&cli.options, root, config, console, environment, &cancel, start)?;
    session.tell_others()?;
    let exit = match &cli.goal {
        Goal::Binary(arguments) => goals::binary::run(&session, arguments),
        Goal::Package(arguments) => goals::package::run(&session, arguments),
        Goal::Publish(arguments) => goals::publish::run(&session, arguments),
        Goal::Run(arguments) => goals::run::run(&session, arguments),
        Goal::Test(arguments) => goals::test::run(&session, arguments),
        Goal::Fmt(arguments) => goals::fmt::run(&session, arguments),
        Goal::Fix(arguments) => goals::fix::run(&session, arguments),
        Goal::Check(arguments) => goals::check::run(&session, arguments),
        Goal::Ci(arguments) => goals::ci::run(&session, arguments),
        Goal::Lint(arguments) => goals::lint::run(&session, arguments),
        Goal::Repl(arguments) => goals::repl::run(&session, arguments),
        Goal::Export(arguments) => goals::export::run(&session, arguments),
        Goal::Lock(arguments) => goals::lock::run(&session, arguments),
        Goal::Log(arguments) => goals::log::run(&session, arguments),
        Goal::Sbom(arguments) => goals::sbom::run(&session, arguments),
        Goal::List(arguments) => goals::list::run(&session, arguments),
        Goal::Dependencies(arguments) => goals::dependencies::run(&session, arguments),
        Goal::Dependents(arguments) => goals::dependents::run(&session, arguments),
        Goal::Paths(arguments) => goals::paths::run(&session, arguments),
        Goal::Why(arguments) => goals::why::run(&session, arguments),
        Goal::Filedeps(arguments) => goals::filedeps::run(&session, arguments),
        Goal::Roots(arguments) => goals::roots::run(&session, arguments),
        Goal::Peek(arguments) => goals::peek::run(&session, arguments),
        Goal::Query(arguments) => goals::query::run(&session, arguments),
        Goal::Affected(arguments) => goals::affected::run(&session, arguments),
        Goal::Tailor(arguments) => goals::tailor::run(&session, arguments),
        Goal::FmtBuild(arguments) => goals::fmt_build::run(&session, arguments),
        Goal::Cache(arguments) => goals::cache::run(&session, arguments),
        Goal::Pex(_) | Goal::Doctor(_) | Goal::Seed(_) | Goal::Completions(_) | Goal::Help(_) => {
            unreachable!("these need no repository")
        }
    };
    end(&session);
    exit
}

/// Tends the cache at the end of a run, and says what was found meanwhile, each kind once in a run.
fn end(session: &Session<'_>) {
    session.end_remote();
    session.tend_cache();
    let (mut late, said) = (session.take_warnings(), session.console.said());
    late.retain(|warning| said.iter().all(|one| one.code != warning.code));
    session.console.diagnostics(late);
}

/// The error for a form that a goal's answer cannot have.
fn no_such_form(goal: &Goal, form: Form) -> Diagnostic {
    let name =
        |form: &Form| form.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let all: Vec<String> = goal.forms().iter().map(|form| format!("`{}`", name(form))).collect();
    let message = format!("`{}` has no answer in the form `{}`", goal.name(), name(&form));
    let help = format!("it has {}", all.join(", "));
    Diagnostic::error(Exit::Wrong, "cli::form", message).help(Some(help))
}
