//! The command line as data: options that all goals share, and the goals. Each goal's own arguments are in its file.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{FalseyValueParser, PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::goals;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  pants list ::                      every target of the repository
  pants binary //svc:app             build dist/svc/app.pex
  pants package ::                   every binary and distribution
  pants pex flask -o flask.pex       a PEX without BUILD files
  pants run //svc:app -- --port 80   run it from its sources
  pants lock                         write the lock files of all resolves
  pants why //svc:app //lib:json     why one depends on the other
  pants affected --changed-since=main    what a change affects
  pants ci --changed-since=main      check, test and package that
  pants tailor ::                    write BUILD files for what has no target
  pants help python_binary           the manual of a rule

An address is //folder:name; //folder/... is all below a folder, :: is everything.
Exit codes: 0 done; 1 a build failed; 2 the request, a BUILD file or the configuration is wrong;
3 the machine failed (network, disk, no interpreter).";

/// Builds Python monorepos: BUILD files and a lock become PEX files that run.
#[derive(Debug, Parser)]
#[command(name = "pants", version, styles = STYLES, after_help = EXAMPLES, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true, subcommand_value_name = "GOAL")]
#[command(subcommand_help_heading = "Goals", max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) goal: Goal,
}

/// The command line, its goals complete: with the options that all share, and a usage that names no option, whatever
/// variables are set.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    for goal in command.get_subcommands_mut() {
        let usage = goal.render_usage().to_string();
        let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim_end().to_owned();
        *goal = std::mem::take(goal).override_usage(usage);
    }
    command
}

/// A number of things to do at once.
fn jobs(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|jobs| *jobs > 0).ok_or("expected a number from 1 on")
}

/// Words that completions offer for an argument that takes others too.
#[derive(Clone)]
pub(crate) struct Offered(pub(crate) fn() -> Vec<&'static str>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// Options that all goals share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all goals")]
pub(crate) struct Options {
    /// The repository [default: the nearest folder above that has a pants.toml, else the Python project around]
    #[arg(long, global = true, value_name = "DIR", env = "PANTS_ROOT", hide_env = true)]
    pub(crate) root: Option<PathBuf>,

    /// Where the cache is [default: $XDG_CACHE_HOME/pants]
    #[arg(long, global = true, value_name = "DIR", env = "PANTS_CACHE_DIR", hide_env = true)]
    pub(crate) cache_dir: Option<PathBuf>,

    /// How many things to do at once [default: the number of processors]
    #[arg(short, long, global = true, value_name = "N", env = "PANTS_JOBS", hide_env = true)]
    #[arg(value_parser = jobs)]
    pub(crate) jobs: Option<u16>,

    /// The form of the answer on standard output
    #[arg(long, global = true, value_name = "FORM", env = "PANTS_OUTPUT", hide_env = true)]
    #[arg(value_enum, default_value_t = Form::Text)]
    pub(crate) output: Form,

    /// Whether messages have colours
    #[arg(long, global = true, value_name = "WHEN", env = "PANTS_COLOR", hide_env = true)]
    pub(crate) color: Option<ColorChoice>,

    /// Say nothing but errors
    #[arg(short, long, global = true, env = "PANTS_QUIET", hide_env = true, value_parser = FalseyValueParser::new(), overrides_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say of every step when it starts and how long it took
    #[arg(short, long, global = true, env = "PANTS_VERBOSE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) verbose: bool,

    /// Never ask the network; what is not in the cache is an error
    #[arg(long, global = true, env = "PANTS_OFFLINE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) offline: bool,

    /// What pants does not know, but may be right, is an error
    #[arg(long, global = true, env = "PANTS_STRICT", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) strict: bool,

    /// Which folders of programs stay, with a script that runs the program again
    #[arg(long, global = true, value_name = "WHEN", env = "PANTS_KEEP_SANDBOXES", hide_env = true)]
    #[arg(value_enum, default_value_t = KeepSandboxes::Never)]
    pub(crate) keep_sandboxes: KeepSandboxes,

    /// Do it again whenever a file changes that it depends on, until Ctrl-C; `run` starts the program anew
    #[arg(long = "loop", global = true)]
    pub(crate) again: bool,

    /// Once, whatever else is said: for each turn of `--loop`.
    #[arg(long = "no-loop", global = true, hide = true)]
    pub(crate) once: bool,

    /// Write what happens to FILE as it happens, one JSON object a line
    #[arg(long, global = true, value_name = "FILE", env = "PANTS_EVENTS", hide_env = true)]
    pub(crate) events: Option<PathBuf>,

    /// Write to FILE when what ran, for Perfetto or chrome://tracing
    #[arg(long, global = true, value_name = "FILE", env = "PANTS_TRACE", hide_env = true)]
    pub(crate) trace: Option<PathBuf>,
}

/// When the folder of a program stays after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepSandboxes {
    /// Never.
    Never,
    /// When it failed.
    OnFailure,
    /// Always.
    Always,
}

/// The form of answers. Not every goal has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines for people.
    Text,
    /// One JSON value for programs.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// A graph for Graphviz.
    Dot,
    /// A graph for yEd, Gephi and NetworkX.
    Graphml,
    /// The matrix of a CI job.
    Matrix,
    /// What tools found, for services that show it at the lines of a change.
    Sarif,
}

/// Whether people or programs read the answer of a goal that knows no other form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for people.
    Text,
    /// One JSON value for programs.
    Json,
}

impl Form {
    /// What it comes to where nothing else is known.
    pub(crate) fn output(self) -> Output {
        if self == Form::Json { Output::Json } else { Output::Text }
    }
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Goal {
    Binary(goals::binary::Arguments),
    Package(goals::package::Arguments),
    Publish(goals::publish::Arguments),
    Pex(goals::pex::Arguments),
    Run(goals::run::Arguments),
    Test(goals::test::Arguments),
    Fmt(goals::fmt::Arguments),
    Fix(goals::fix::Arguments),
    Lint(goals::lint::Arguments),
    Check(goals::check::Arguments),
    Ci(goals::ci::Arguments),
    Repl(goals::repl::Arguments),
    Export(goals::export::Arguments),
    Lock(goals::lock::Arguments),
    Log(goals::log::Arguments),
    Sbom(goals::sbom::Arguments),
    List(goals::list::Arguments),
    Dependencies(goals::dependencies::Arguments),
    Dependents(goals::dependents::Arguments),
    Paths(goals::paths::Arguments),
    Why(goals::why::Arguments),
    Filedeps(goals::filedeps::Arguments),
    Roots(goals::roots::Arguments),
    Peek(goals::peek::Arguments),
    Query(goals::query::Arguments),
    Affected(goals::affected::Arguments),
    Tailor(goals::tailor::Arguments),
    FmtBuild(goals::fmt_build::Arguments),
    Cache(goals::cache::Arguments),
    Doctor(goals::doctor::Arguments),
    Seed(goals::seed::Arguments),
    Completions(goals::completions::Arguments),
    Help(goals::help::Arguments),
}

impl Goal {
    /// The name that it is called by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Goal::Binary(_) => "binary",
            Goal::Package(_) => "package",
            Goal::Publish(_) => "publish",
            Goal::Pex(_) => "pex",
            Goal::Run(_) => "run",
            Goal::Test(_) => "test",
            Goal::Fmt(_) => "fmt",
            Goal::Fix(_) => "fix",
            Goal::Lint(_) => "lint",
            Goal::Check(_) => "check",
            Goal::Ci(_) => "ci",
            Goal::Repl(_) => "repl",
            Goal::Export(_) => "export",
            Goal::Lock(_) => "lock",
            Goal::Log(_) => "log",
            Goal::Sbom(_) => "sbom",
            Goal::List(_) => "list",
            Goal::Dependencies(_) => "dependencies",
            Goal::Dependents(_) => "dependents",
            Goal::Paths(_) => "paths",
            Goal::Why(_) => "why",
            Goal::Filedeps(_) => "filedeps",
            Goal::Roots(_) => "roots",
            Goal::Peek(_) => "peek",
            Goal::Query(_) => "query",
            Goal::Affected(_) => "affected",
            Goal::Tailor(_) => "tailor",
            Goal::FmtBuild(_) => "fmt-build",
            Goal::Cache(_) => "cache",
            Goal::Doctor(_) => "doctor",
            Goal::Seed(_) => "seed",
            Goal::Completions(_) => "completions",
            Goal::Help(_) => "help",
        }
    }

    /// The forms that its answer can have.
    pub(crate) fn forms(&self) -> &'static [Form] {
        match self {
            Goal::List(_) | Goal::Dependencies(_) | Goal::Dependents(_) | Goal::Paths(_) | Goal::Query(_) => {
                &[Form::Text, Form::Json, Form::Jsonl, Form::Dot, Form::Graphml]
            }
            Goal::Filedeps(_) | Goal::Roots(_) | Goal::Peek(_) | Goal::Why(_) => {
                &[Form::Text, Form::Json, Form::Jsonl]
            }
            Goal::Affected(_) => {
                &[Form::Text, Form::Json, Form::Jsonl, Form::Dot, Form::Graphml, Form::Matrix]
            }
            Goal::Lint(_) | Goal::Check(_) => &[Form::Text, Form::Json, Form::Sarif],
            _ => &[Form::Text, Form::Json],
        }
    }
}
