//! The goal `query`: an expression over the graph.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use graph::Place;
use graph::query::{LONGEST, QueryError, World, query};

use super::answer;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::Session;

/// What an expression is called where a file has its name.
const EXPRESSION: &str = "expression";

/// Evaluate an expression over the graph
///
/// The language is Bazel's: `deps(//svc:app) - deps(//lib:core)`, `kind(python_test, rdeps(//..., svc/app.py))`.
/// Operators are `+` (union), `^` (intersect) and `-` (except); `let x = E in E` names a set, `set(A B)` lists one. The
/// functions are at the end.
#[derive(Debug, Args)]
#[command(after_long_help = functions())]
pub(crate) struct Arguments {
    /// The expression
    #[arg(required_unless_present = "query_file")]
    expression: Option<String>,

    /// Read the expression from a file
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    query_file: Option<PathBuf>,

    /// List source files even where their targets are listed
    #[arg(long)]
    files: bool,
}

/// The functions of the language, for the help.
fn functions() -> String {
    let all = graph::query::FUNCTIONS
        .iter()
        .map(|function| format!("  {}\n      {}\n", function.usage.replace("` or `", " or "), function.doc));
    format!("Functions:\n{}", all.collect::<String>())
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let expression = match (&arguments.expression, &arguments.query_file) {
        (Some(expression), _) => expression.clone(),
        (None, Some(path)) => read(session, path)?,
        (None, None) => String::new(),
    };
    let repository = session.repository()?;
    let graph = &repository.graph;
    let is_file = |path: &str| session.root.join(path).is_file();
    // Only `buildfiles` asks.
    let packages = OnceCell::new();
    let modules =
        |package: &str| packages.get_or_init(|| session.packages().unwrap_or_default()).modules(package);
    let set = query(&expression, World { graph, is_file: &is_file, modules: &modules })
        .map_err(|error| vec![explained(&error, expression)])?;
    answer::set(session, graph, &set, arguments.files);
    Ok(Exit::Done)
}

/// The expression in a file; what is longer than any expression is not read to its end.
fn read(session: &Session<'_>, path: &PathBuf) -> Result<String, Vec<Diagnostic>> {
    let wrong = |reason: String| {
        let message = format!("cannot read `{}`: {reason}", path.display());
        vec![Diagnostic::error(Exit::Wrong, "query::file", message)]
    };
    let file = File::open(session.environment.folder.join(path)).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    // A cut may fall into a character of what is too long anyway.
    if bytes.len() > LONGEST {
        return Err(wrong(format!("it has more than {LONGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))
}

fn explained(error: &QueryError, expression: String) -> Diagnostic {
    let place = Place::new(EXPRESSION, error.line, error.column).wide(error.width);
    Diagnostic::error(Exit::Wrong, error.code(), error).at(Some(place)).within(expression).help(error.help())
}
