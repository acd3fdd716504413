//! The goal `fmt-build`: BUILD files are written in one way.

use clap::Args;
use serde_json::json;

use super::rewritten::{Folders, Mode, finish};
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::rewrite::Rewrite;
use crate::session::Session;
use crate::tailoring::style;

const EXAMPLES: &str = "\
Examples:
  pants fmt-build ::             format all BUILD files
  pants fmt-build svc::          those of svc and below
  pants fmt-build --check ::     for CI: fail if one would change

Indentation, quotes and the spaces around = are those that most BUILD files of the repository have.";

/// Format BUILD files
///
/// A call that does not fit on a line gets a line for each argument, strings get one kind of quotes, and lists of
/// dependencies are sorted, unless comments are among them. Comments stay. What a file says stays the same.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folders: Folders,

    #[command(flatten)]
    mode: Mode,
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let asked = arguments.folders.parse(session)?;
    let files = loader::files(&session.loader_options());
    let mut errors: Vec<Diagnostic> = files.errors.iter().map(explain::load).collect();
    let texts = session.build_texts(&files.build_files)?;
    let style = style(&texts);
    let mut rewrites = Vec::new();
    for (path, text) in texts {
        if !asked.has_folder(path.rsplit_once('/').map_or("", |(folder, _)| folder)) {
            continue;
        }
        match loader::text::format(&path, &text, &style) {
            Ok(new) if new == text => {}
            Ok(new) => rewrites.push(Rewrite { path, old: Some(text), new }),
            Err(error) => errors.push(explain::load(&error)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let text = rewrites.iter().map(|rewrite| format!("formatted {}\n", rewrite.path)).collect();
    let files = rewrites.iter().map(|rewrite| json!({ "path": rewrite.path })).collect();
    finish(session, arguments.mode, "fmt-build", &rewrites, (text, files))
}
